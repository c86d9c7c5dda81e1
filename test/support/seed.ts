import fc from 'fast-check';

/*
 * Property tests draw the same examples on every run, so that a red run is about the change and not about luck. To look for
 * new ones: FC_SEED=random npm test, or a number to see one again.
 */
const { FC_SEED } = process.env;
const seed = FC_SEED === 'random' ? Date.now() : Number(FC_SEED ?? 20_261_122);
fc.configureGlobal({ seed });
