import { parseArgs } from 'node:util';
import { eq } from 'drizzle-orm';
import { chosen } from '../../db/schema/invitations.ts';
import { difference } from '../../src/invitations/lift.ts';
import { outcomes } from '../../src/invitations/outcomes.ts';
import { chance } from '../invitations/chance.ts';
import { leftOverExports, openBatch } from '../invitations/many.ts';
import { backTogether } from '../invitations/returns.ts';
import { DAY_MS, later, NOW, seededDatabase } from '../support/seeded.ts';

/*
 * Populations with a known effect, each in a database of its own: they left, the gate is asked, a batch is opened, chance brings some of each
 * half back, and a hundred days later outcomes are counted. How often does the interval cover the truth?
 */

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    people: { type: 'string', default: '1000' },
    invited: { type: 'string', default: '0.12' },
    holdout: { type: 'string', default: '0.04' },
    seed: { type: 'string', default: '7' },
  },
});
const [runs, people, seed] = [values.runs, values.people, values.seed].map(Number) as [number, number, number];
const [p, q] = [Number(values.invited), Number(values.holdout)];
const next = chance(seed);
const began = performance.now();
let [covered, below, above, certain, width, held] = [0, 0, 0, 0, 0, 0];

for (let run = 0; run < runs; run += 1) {
  const db = await seededDatabase();
  await leftOverExports(db, people, NOW, `run-${seed}-${run}`);
  const { batchId } = await openBatch(
    db,
    { issue: 'exports-failed', kind: 'customer' },
    { by: 'ruth', purpose: 'letters' },
    NOW,
  );
  const rows = await db.read.select().from(chosen).where(eq(chosen.batchId, batchId));
  const back = rows.filter(({ as }) => next() < (as === 'invited' ? p : q)).map(({ personId }) => personId);
  await db.write((tx) => backTogether(tx, back, NOW.getTime() + 5 * DAY_MS));
  const { compared } = await outcomes(db.read, [], later(100 * DAY_MS));
  const all = compared.find(({ by, kind }) => by === 'all' && kind === 'customer');
  if (!all || all.invited.of + all.holdout.of !== rows.length)
    throw new Error('Somebody who was chosen is not compared.');
  const { low, high } = difference(all.invited, all.holdout);
  if (low > p - q) above += 1;
  else if (high < p - q) below += 1;
  else covered += 1;
  if (low > 0 || high < 0) certain += 1;
  width += high - low;
  held += all.holdout.of;
  await db.cleanup();
}
const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
console.log(
  `${runs} populations of ${people}, ${Math.round(held / runs)} of them kept back on average; ${percent(p)} of the invited and ${percent(q)} of the others come back (seed ${seed}).`,
);
console.log(
  `The interval covered the truth in ${covered} of ${runs} (${percent(covered / runs)}); it lay too low in ${below}, too high in ${above}; ${percent(width / runs)} wide on average. It said that inviting had an effect in ${certain}. ${Math.round((performance.now() - began) / 1000)} s.`,
);
// Fewer than this happens by chance once in two hundred times where 95 of 100 is true.
process.exitCode = covered / runs >= 0.95 - (2.58 * Math.sqrt(0.95 * 0.05)) / Math.sqrt(runs) ? 0 : 1;
