import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sql } from 'drizzle-orm';
import { root, stopProcess } from '../../src/cli/processes.ts';
import type { FreshDatabase } from '../support/database.ts';
import { scansOf, statementsIn } from '../support/plans.ts';
import { seededDatabase } from '../support/seeded.ts';
import { type Bench, count, type Figure } from './figures.ts';
import { addPeople } from './people.ts';
import { latency, load, pagesOf, serve } from './serving.ts';

/*
 * Questions that came due, asked by the round that the jobs process runs, each with its letter; while somebody looks at pages, beside few
 * that were asked before and beside ten times as many.
 */

export async function due(bench: Bench): Promise<Figure[]> {
  const [few, many, fresh] = bench.quick ? [2000, 20_000, 300] : [20_000, 200_000, 1000];
  const small = await withHistory(few, 2 * fresh);
  const before = await askAfter(small.db, fresh);
  await small.db.cleanup();

  const { db, tokens } = await withHistory(many, 2 * fresh);
  const after = await askAfter(db, fresh);
  const pages = pagesOf(tokens);
  const { url, child } = await serve(db, pages[0]);
  const quiet = await load(bench, url, pages, { rate: 100 });
  const [meanwhile] = await Promise.all([load(bench, url, pages, { rate: 100 }), askAfter(db, fresh)]);
  await stopProcess(child);

  // And once with every statement written down.
  const file = join(bench.folder, 'statements');
  writeFileSync(file, '');
  await askAfter(db, 5, { NODE_OPTIONS: `--import=${join(root, 'test/support/statements.ts')}`, STATEMENTS: file });
  const scans = scansOf(db.path, statementsIn(file));
  await db.cleanup();
  const ratio = after / before;
  return [
    {
      id: 'B12',
      what: `${count(fresh)} due questions asked, each with its letter, after ${count(many)} others were`,
      figure: `${count(after)}/s; ${scans.length === 0 ? 'no table read whole' : `read whole: ${scans.join('; ')}`}`,
      limit: `${count(before)}/s: after ${count(few)}`,
      ratio,
      target: 'at least 20,000/s, ten times the history at least 0.90, no table read whole',
      reached: after >= 20_000 && ratio >= 0.9 && scans.length === 0,
    },
    {
      id: 'B12',
      what: 'personal pages meanwhile, 100 a second whatever happens',
      figure: latency(meanwhile),
      limit: `${latency(quiet)}: without it`,
      target: 'p99 at most 25 ms',
      reached: meanwhile.p99 <= 25,
    },
  ];
}

/** So many questions were asked and answered, one in ten with a no; and more people are there who may fall due. */
async function withHistory(many: number, more: number): Promise<{ db: FreshDatabase; tokens: string[] }> {
  const db = await seededDatabase();
  const tokens = await addPeople(db, many / 4 + more + 5, new Date());
  await returned(db, many / 4);
  await db.write((tx) =>
    tx.run(sql`insert into checkins (id, person_id, rejoin_id, complaint_id, issue_id, day, due_on, asked_at, answer, answered_at)
      select ${QUESTION}, '2026-01-0' || (1 + day.value % 9), 1, iif((r.rowid + day.value) % 10 = 0, 'no', 'yes'), 2 from ${RETURNS}`),
  );
  return { db, tokens };
}

/** So many came back a week ago: their first question is due, the others are not. Answers how many were asked in a second. */
async function askAfter(db: FreshDatabase, many: number, settings: Record<string, string> = {}): Promise<number> {
  await returned(db, many);
  await db.write((tx) =>
    tx.run(sql`insert into checkins (id, person_id, rejoin_id, complaint_id, issue_id, day, due_on)
      select ${QUESTION}, date('now', (day.value - 8) || ' days') from ${RETURNS}
      and not exists (select 1 from checkins k where k.rejoin_id = r.id)`),
  );
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(root, 'test/bench/ask.ts'), db.url],
    { env: { ...process.env, ...settings } },
  );
  const { asked, ms } = JSON.parse(stdout) as { asked: number; ms: number };
  if (asked !== many) throw new Error(`${asked} of ${many} questions were asked.`);
  return asked / (ms / 1000);
}

const QUESTION = sql`'k-' || day.value || r.id, r.person_id, r.id, c.id, c.issue_id, day.value`;
const RETURNS = sql`rejoins r join complaints c on c.person_id = r.person_id and c.main = 1, json_each('[7, 30, 60, 90]') day
  where r.id like 'r-p-%'`;

async function returned(db: FreshDatabase, many: number): Promise<void> {
  await db.write((tx) =>
    tx.run(sql`insert into rejoins (id, person_id, offer_id, offer_hash, state, attempt, billing_id, card_id, card_label, price_id, seats, amount, currency, subscription_id, begun_at, completed_at)
      select 'r-' || id, id, 'team', 'hash', 'active', 1, 'cus_' || id, 'pm', 'Visa ending 4242', 'price', 1, 960, 'gbp', 'sub_' || id, 1, 1
      from persons p where source = 'bench' and not exists (select 1 from rejoins r where r.person_id = p.id) limit ${many}`),
  );
}
