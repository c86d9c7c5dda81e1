import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { and, eq } from 'drizzle-orm';
import { chosen } from '../../db/schema/invitations.ts';
import { noAnswersByIssue } from '../../src/checkins/answers.ts';
import { whoWould } from '../../src/invitations/choose.ts';
import { openLink } from '../../src/invitations/links.ts';
import { ask, linkFile, open, takeBack, workOnChoosings } from '../../src/staff/choosing.ts';
import { countAll } from '../../src/staff/outcomes.ts';
import { leftOverExports } from '../invitations/many.ts';
import { must } from '../support/must.ts';
import { DAY_MS, later, NOW, seededDatabase } from '../support/seeded.ts';

/* Very many people at the desk: the gate asked about each, a batch opened, its links taken as a file, and all of it taken back. */

const { values } = parseArgs({ options: { people: { type: 'string', default: '120000' } } });
const many = Number(values.people);
const sander = { id: 'sander', roles: ['approver' as const] };
const db = await seededDatabase();
await leftOverExports(db, many, NOW, 'many');

const lag = monitorEventLoopDelay({ resolution: 1 });
async function timed<T>(what: string, work: () => Promise<T>): Promise<{ result: T; seconds: number }> {
  lag.reset();
  lag.enable();
  const began = performance.now();
  const cpu = process.cpuUsage();
  const result = await work();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  lag.disable();
  const [p99, most] = [lag.percentile(99) / 1e6 - 1, lag.max / 1e6 - 1];
  console.log(
    `${what}: ${seconds.toFixed(2)} s, ${((user + system) / 1e6).toFixed(1)} s on the processor; lag 99 of 100 within ${p99.toFixed(0)} ms, at most ${most.toFixed(0)} ms; ${Math.round(process.memoryUsage().rss / 1e6)} MB`,
  );
  return { result, seconds };
}

const choice = { issue: 'exports-failed', kind: 'customer' };
const { result: would } = await timed('asked', () => whoWould(db, choice, noAnswersByIssue, NOW));
console.log(
  `${would.people} people: ${would.invited} invited, ${would.holdout} held back, ${would.leftOut.length} reasons`,
);
const choosing = await ask(db, sander, choice, NOW);
await workOnChoosings(db, NOW);
const opened = must(await open(db, sander, { id: choosing.id, purpose: 'links' }, NOW));
const batchId = opened.batchId!;
await timed('opened', () => workOnChoosings(db, NOW));
let [lines, first, last] = [0, '', ''];
await timed('links taken as a file', async () => {
  for await (const part of linkFile(db, sander, batchId, 'https://amends.example', NOW)) {
    const rows = part.trimEnd().split('\r\n');
    lines += rows.length;
    if (rows.length > 1) {
      first ||= rows[0]!;
      last = rows.at(-1)!;
    }
  }
});
const visitor = { deviceSecret: undefined, freshDays: 30 };
const works = async (row: string) =>
  (await openLink(db.read, row.split(',')[3]!.split('/').at(-1)!, 'page', visitor, NOW)) !== null;
const before = (await works(first)) && (await works(last));
const { result: dead, seconds } = await timed('taken back, the first and the last link dead', async () => {
  const done = must(
    await db.write((tx) => takeBack(tx, sander, { batchId, because: 'The proof was wrong.' }, later(1000))),
  );
  console.log(`${done.links} links`);
  return !(await works(first)) && !(await works(last));
});
const invited = await db.read.$count(chosen, and(eq(chosen.batchId, batchId), eq(chosen.as, 'invited')));
await timed('outcomes counted', () => countAll(db.read, later(100 * DAY_MS)));
await db.cleanup();
process.exitCode = before && dead && lines - 1 === invited && seconds <= 1 ? 0 : 1;
