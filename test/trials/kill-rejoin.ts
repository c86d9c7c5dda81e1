import { parseArgs } from 'node:util';
import { openSandbox } from '../rejoin/house.ts';
import { killReturns } from '../rejoin/killing.ts';
import { seededDatabase } from '../support/seeded.ts';

/* Kills a process with -9 at a random moment of a return, for one person after the other; see test/rejoin/killing.ts. */

const { values } = parseArgs({ options: { kills: { type: 'string', default: '20' } } });
const db = await seededDatabase();
const { sandbox, payments } = await openSandbox();
const began = performance.now();
const { untilBegun, untilBack, fell, lost, ended } = await killReturns(db, sandbox, payments, Number(values.kills));
const seconds = (performance.now() - began) / 1000;
await sandbox.close();
await db.cleanup();

const wrong = ended.filter(
  (end) =>
    end.active !== 1 || end.subscriptions !== 1 || end.charges !== 1 || end.receipts !== 1 || end.questions !== 4,
);
console.log(`${fell.length} kills in ${seconds.toFixed(1)} s, each of another person's return.`);
console.log(
  `A return alone: answered after ${untilBegun.toFixed(0)} ms, “you are back” after ${untilBack.toFixed(0)} ms.`,
);
console.log('Where the blows fell, by our row:');
for (const [where, blows] of Map.groupBy(fell, (one) => one))
  console.log(`  ${String(blows.length).padStart(3)} ${where}`);
console.log(`Acknowledged and lost: ${lost.length}.`);
console.log(
  `Not back exactly once, with one subscription, one charge, one receipt and four questions: ${wrong.length}.`,
);
for (const one of wrong) console.log(`  ${JSON.stringify(one)}`);
process.exitCode = lost.length + wrong.length > 0 ? 1 : 0;
