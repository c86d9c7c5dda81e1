import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { lives } from '../rejoin/life.ts';

/* Whole lives of returns, played against the sandbox with everything that can go wrong; see test/rejoin/life.ts. */

const { values } = parseArgs({ options: { lives: { type: 'string', default: '200' }, seed: { type: 'string' } } });
const began = performance.now();
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const played = await fc.check(lives(), { numRuns: Number(values.lives), seed, endOnFailure: true });
const seconds = (performance.now() - began) / 1000;
console.log(
  `${played.numRuns} lives in ${seconds.toFixed(0)} s (seed ${seed}): ${played.failed ? `not as the rules say: ${played.counterexample}` : 'all as the rules say'}.`,
);
if (played.failed) console.log(String(played.errorInstance));
process.exitCode = played.failed ? 1 : 0;
