import { monitorEventLoopDelay } from 'node:perf_hooks';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resolutions } from '../../db/schema/people.ts';
import { complaintsOf, countComplaints, resolvedNow } from '../../src/people/resolve.ts';
import { issueWithState } from '../../src/proofs/published.ts';
import { counted, gatePage } from '../../src/staff/gate.ts';
import { complaintsToConfirm } from '../../src/staff/resolving.ts';
import type { FreshDatabase } from '../support/database.ts';
import { later, NOW, seededDatabase } from '../support/seeded.ts';

/* The desk's two longest lists, with a hundred thousand people who left over one thing. */

const MANY = 100_000;
const PRIYA = { id: 'priya', roles: ['owner' as const] };
let db: FreshDatabase;

beforeAll(async () => {
  db = await seededDatabase();
  await db.write(async (tx) => {
    const numbers = sql`with recursive n(i) as (select 1 union all select i + 1 from n where i < ${MANY})`;
    await tx.run(sql`insert into persons (id, source, kind, external_id, first_name, last_name, email, email_norm, facts, created_at)
      ${numbers} select 'm' || i, 'many', 'customer', 'm' || i, 'Person', i, 'm' || i || '@many.example', 'm' || i || '@many.example', '{}', 0 from n`);
    await tx.run(sql`insert into departures (id, person_id, external_id, left_on, precision, plan_or_role, facts, created_at)
      ${numbers} select 'd' || i, 'm' || i, 'd', '2026-05-01', 'day', 'Team', '{}', 0 from n`);
    await tx.run(sql`insert into complaints (id, ref, person_id, departure_id, said_on, words, issue_id, main, confidentiality, names_others, public_consent, created_at)
      ${numbers} select 'c' || i, 'many:' || i, 'm' || i, 'd' || i, date('2025-01-01', (i % 400) || ' days'), 'My export failed again, for the ' || i || 'th time.', 'exports-failed', 1, 'open', 0, 0, 0 from n`);
    await tx.run(sql`insert into resolutions (complaint_id, proof_id, resolved, reason, confirmed_by, confirmed_at)
      ${numbers} select 'c' || i, 'exports-finish', case i % 3 when 0 then 'partly' else 'fully' end, 'We ran it.', 'priya', ${NOW.getTime()} from n where i % 2 = 0`);
  });
}, 120_000);
afterAll(() => db.cleanup());

const issue = async () => (await issueWithState(db.read, 'exports-failed', new Map(), NOW))!;

/** Milliseconds of the processor, which say the same on a machine that does other things beside. The best of five. */
async function fastest(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let turn = 0; turn < 5; turn += 1) {
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000);
  }
  return Math.min(...times);
}

test('what to confirm: fifty of them are read, and all are counted, within 300 ms', async () => {
  const about = await issue();
  const page = await complaintsToConfirm(db.read, PRIYA, about, { unconfirmed: true });
  expect(page.rows).toHaveLength(50);
  expect(page.shown).toBeGreaterThanOrEqual(MANY / 2);
  expect(page.rows.every(({ stands }) => !stands)).toBe(true);
  const ms = await fastest(() => complaintsToConfirm(db.read, PRIYA, about, { unconfirmed: true }));
  const counting = await fastest(() => countComplaints(db.read, about));
  const reading = await fastest(() =>
    complaintsOf(db.read, about, { kinds: ['customer'], unconfirmed: true, limit: 50 }),
  );
  console.log(`counting ${counting.toFixed(0)} ms, reading ${reading.toFixed(0)} ms`);
  console.log(`to confirm: ${ms.toFixed(0)} ms`);
  expect(ms).toBeLessThan(300);
});

test('the database says the same of a confirmation as the rule', async () => {
  const about = await issue();
  const all = await complaintsToConfirm(db.read, PRIYA, about, { unconfirmed: false, limit: 2 * MANY });
  const rows = new Map((await db.read.select().from(resolutions)).map((row) => [row.complaintId, row]));
  const open = all.rows.filter(({ id }) => resolvedNow(rows.get(id) ?? null, about) === null);
  const page = await complaintsToConfirm(db.read, PRIYA, about, { unconfirmed: true });
  expect(page.shown).toBe(open.length);
});

test('its order is the index’s: nothing is sorted', async () => {
  const plan = await db.read.all<[number, number, number, string]>(sql`explain query plan
    select c.id from complaints c join persons p on p.id = c.person_id left join resolutions r on r.complaint_id = c.id
    where c.issue_id = 'exports-failed' and c.confidentiality = 'open' order by c.said_on, c.ref limit 50`);
  const steps = plan.map(([, , , step]) => step).join('; ');
  expect(steps).toContain('complaints_issue_day');
  expect(steps).not.toContain('TEMP B-TREE');
});

test('the gate answers within 300 ms while they are asked about, and after; others are answered in between', {
  timeout: 120_000,
}, async () => {
  const SANDER = { id: 'sander', roles: ['approver' as const] };
  const at = (now: Date, reason: string | null = null) => gatePage(db.read, SANDER, { reason }, now);
  const first = performance.now();
  expect(await at(NOW)).toMatchObject({ countedAt: null, shown: [] });
  const answered = performance.now() - first;
  const loop = monitorEventLoopDelay({ resolution: 5 });
  loop.enable();
  await counted(db.read);
  loop.disable();
  const took = performance.now() - first;
  const page = await at(later(1000), 'not-resolved');
  expect(page.countedAt).toEqual(NOW);
  expect(page.people).toBeGreaterThanOrEqual(MANY);
  expect(page.shown).toHaveLength(100);
  expect(page.of).toBeGreaterThan(MANY / 2);
  expect(page.shown.every(({ refusals }) => refusals.some(({ code }) => code === 'not-resolved'))).toBe(true);
  const ms = await fastest(() => at(later(2000), 'not-resolved'));
  console.log(
    `the gate: ${answered.toFixed(0)} ms, counted in ${took.toFixed(0)} ms, then ${ms.toFixed(0)} ms; loop p99 ${(loop.percentile(99) / 1e6).toFixed(0)} ms, most ${(loop.max / 1e6).toFixed(0)} ms`,
  );
  expect(answered).toBeLessThan(300);
  expect(ms).toBeLessThan(300);
  // After a minute whoever looks has what was counted, and it is counted anew beside.
  expect((await at(later(120_000))).countedAt).toEqual(NOW);
  await counted(db.read);
  expect((await at(later(121_000))).countedAt).toEqual(later(120_000));
});
