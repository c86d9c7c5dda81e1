import { readFileSync } from 'node:fs';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { persons } from '../../../db/schema/people.ts';
import { historyOf } from '../../../src/people/diagnosis.ts';
import { type ImportReport, importFile } from '../../../src/people/intake/import.ts';
import { readMapping } from '../../../src/people/intake/mapping.ts';
import { isRefusal } from '../../../src/shared/refusal.ts';
import { type FreshDatabase, freshDatabase } from '../../support/database.ts';
import { content, dump } from './dump.ts';
import { sharedData } from './shared-data.ts';

// The figures are those of ../EXPECTED.md, which was written first.

const NOW = new Date('2026-11-22T10:00:00Z');
const dete = sharedData('employees/dete_survey.csv');
const ravenstack = sharedData('customers/ravenstack');

async function run(db: FreshDatabase, path: string, name: string, dryRun = false): Promise<ImportReport> {
  const mapping = readMapping(readFileSync(`content/mappings/${name}.yaml`, 'utf8'));
  if (isRefusal(mapping)) throw new Error(mapping.sentence);
  const report = await importFile(db, { path, mapping, now: NOW, dryRun });
  if (isRefusal(report)) throw new Error(report.sentence);
  return report;
}

function accounts({ rows, imported, merged, refused }: ImportReport) {
  expect(imported + merged.total + refused.length).toBe(rows);
  return { rows, imported, merged: merged.total, refused: refused.length };
}

async function tally(db: FreshDatabase, query: string): Promise<Record<string, number>> {
  return Object.fromEntries(
    await db.read.all<[string | null, number]>(sql.raw(query)).then((rows) => rows.map(([k, n]) => [k ?? 'none', n])),
  );
}

async function mainGaps(db: FreshDatabase): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { id } of await db.read.select({ id: persons.id }).from(persons)) {
    const history = await historyOf(db.read, id);
    if (!history?.departure) continue;
    const gap = history.main === null ? 'no main' : (history.main.gap ?? 'none');
    counts[gap] = (counts[gap] ?? 0) + 1;
  }
  return counts;
}

describe.skipIf(!dete.found)(`the DETE exit survey${dete.note}`, () => {
  let db: FreshDatabase;
  let dry: ImportReport;
  let report: ImportReport;
  beforeAll(async () => {
    db = await freshDatabase();
    dry = await run(db, dete.path, 'dete', true);
    expect(await content(db)).toEqual({ persons: [], departures: [], complaints: [], signals: [] });
    report = await run(db, dete.path, 'dete');
  });
  afterAll(() => db?.cleanup());

  test('every row is accounted for, and the dry run had said the same', () => {
    expect(accounts(report)).toEqual({ rows: 822, imported: 822, merged: 0, refused: 0 });
    expect(dry).toEqual({ ...report, dryRun: true, importId: null });
  });

  test('dates keep their precision, and what was not stated stays open', async () => {
    expect(await tally(db, 'select precision, count(*) from departures group by 1')).toEqual({
      month: 242,
      year: 546,
      none: 34,
    });
    expect(await tally(db, 'select joined_precision, count(*) from departures group by 1')).toEqual({
      year: 749,
      none: 73,
    });
    expect(
      await tally(db, 'select joined_on is null and left_on is null, count(*) from departures group by 1'),
    ).toEqual({ 0: 818, 1: 4 });
    expect(await tally(db, 'select plan_or_role is null, count(*) from departures group by 1')).toEqual({
      0: 817,
      1: 5,
    });
    expect(await tally(db, 'select never_contact, count(*) from departures group by 1')).toEqual({
      dismissed: 15,
      none: 807,
    });
  });

  test('what was ticked is our note, confidential, with its gap', async () => {
    expect(await tally(db, 'select gap, count(*) from complaints group by 1')).toEqual({
      value: 62,
      trust: 152,
      experience: 320,
      growth: 334,
      none: 144,
    });
    expect(await tally(db, 'select confidentiality, count(*) from complaints where words is null group by 1')).toEqual({
      confidential: 1012,
    });
    expect(
      await tally(db, 'select gap, count(distinct person_id) from complaints where gap is not null group by 1'),
    ).toEqual({
      value: 58,
      trust: 121,
      experience: 262,
      growth: 257,
    });
    const perPerson =
      'select n, count(*) from (select count(c.id) as n from persons p left join complaints c on c.person_id = p.id group by p.id) group by 1';
    expect(await tally(db, perPerson)).toEqual({ 0: 316, 1: 242, 2: 129, 3: 68, 4: 39, 5: 24, 7: 2, 8: 1, 10: 1 });
    const factors = await tally(db, `select substr(ref, instr(ref, '/') + 1), count(*) from complaints group by 1`);
    expect(factors).toEqual({
      'lack-of-job-security': 28,
      'employment-conditions': 34,
      'lack-of-recognition': 57,
      'interpersonal-conflicts': 34,
      'dissatisfaction-with-the-department': 61,
      workload: 87,
      'work-life-balance': 217,
      'physical-work-environment': 16,
      'career-move-to-public-sector': 22,
      'career-move-to-private-sector': 80,
      'opportunities-for-promotion': 139,
      'professional-development': 93,
      'job-dissatisfaction': 89,
      'work-location': 27,
      'traumatic-incident': 28,
    });
  });

  test('79 have a main complaint; nothing said in confidence is shown', async () => {
    expect(await mainGaps(db)).toEqual({ growth: 41, experience: 22, value: 6, trust: 5, none: 5, 'no main': 743 });
    const [[id]] = (await db.read.all(sql`select person_id from complaints limit 1`)) as [[string]];
    const history = await historyOf(db.read, id);
    expect(history).toMatchObject({ told: [], beganToBreak: null });
    expect(history?.withheld).toBeGreaterThan(0);
  });

  test('a second run changes nothing at all', async () => {
    const before = await dump(db);
    const second = await run(db, dete.path, 'dete');
    expect(second).toMatchObject({
      imported: 0,
      merged: { total: 822, added: 0, unchanged: 822 },
      refused: [],
      conflicts: [],
    });
    expect(await dump(db)).toEqual(before);
    expect(before['imports']).toHaveLength(1);
  });
});

describe.skipIf(!ravenstack.found)(`RavenStack${ravenstack.note}`, () => {
  const FILES = {
    accounts: { rows: 500, imported: 500, merged: 0, refused: 0 },
    churn_events: { rows: 600, imported: 0, merged: 600, refused: 0 },
    subscriptions: { rows: 5000, imported: 0, merged: 5000, refused: 0 },
    support_tickets: { rows: 2000, imported: 0, merged: 2000, refused: 0 },
    feature_usage: { rows: 25_000, imported: 0, merged: 25_000, refused: 0 },
  };
  const path = (name: string) => `${ravenstack.path}/ravenstack_${name}.csv`;
  const mapping = (name: string) => `ravenstack-${name.replace('_', '-')}`;
  const names = Object.keys(FILES) as (keyof typeof FILES)[];
  let db: FreshDatabase;
  const reports: Partial<Record<keyof typeof FILES, ImportReport>> = {};
  beforeAll(async () => {
    db = await freshDatabase();
    for (const name of names) reports[name] = await run(db, path(name), mapping(name));
  });
  afterAll(() => db?.cleanup());

  test.each(names)('every row of %s is accounted for', (name) => {
    expect(accounts(reports[name]!)).toEqual(FILES[name]);
    expect(reports[name]!.conflicts).toEqual([]);
  });

  test('departures, complaints and traces', async () => {
    expect(await tally(db, 'select kind, count(*) from signals group by 1')).toEqual({
      plan: 5000,
      ticket: 2000,
      usage: 25_000,
    });
    expect(await tally(db, 'select precision, count(*) from departures group by 1')).toEqual({ day: 600 });
    const filled =
      'select joined_on is not null and plan_or_role is not null and seats is not null and amount is null, count(*) from departures group by 1';
    expect(await tally(db, filled)).toEqual({ 1: 600 });
    expect(await tally(db, 'select never_contact, count(*) from departures group by 1')).toEqual({ none: 600 });
    expect(
      await tally(db, `select json_extract(facts, '$.is_reactivation'), count(*) from departures group by 1`),
    ).toEqual({ TRUE: 61, FALSE: 539 });
    expect(await tally(db, 'select count(distinct person_id), count(*) from departures')).toEqual({ 352: 600 });
    expect(await tally(db, 'select gap, count(*) from complaints group by 1')).toEqual({
      value: 195,
      experience: 104,
      growth: 206,
      none: 73,
    });
    expect(await tally(db, 'select count(words), count(note) from complaints')).toEqual({ 452: 505 });
  });

  test('the latest departure gives the main complaint', async () => {
    expect(await mainGaps(db)).toEqual({ value: 116, experience: 65, growth: 124, none: 40, 'no main': 7 });
  });

  test('a ticket counts as a sign only between joining and leaving', async () => {
    const within = `select count(distinct p.id), 0 from persons p join signals s on s.person_id = p.id and s.kind = 'ticket'
      join (select person_id, max(left_on) as left_on, min(joined_on) as joined_on from departures group by 1) d on d.person_id = p.id
      where s.happened_on between d.joined_on and d.left_on`;
    expect(await tally(db, within)).toEqual({ 204: 0 });
    let byTicket = 0;
    for (const [id] of await db.read.all<[string]>(sql`select distinct person_id from departures`)) {
      const history = (await historyOf(db.read, id))!;
      const began = history.beganToBreak;
      expect(began === null || began.day <= history.departure!.leftOn!).toBe(true);
      expect(began === null || began.by === 'words' || began.day >= history.departure!.joinedOn!).toBe(true);
      if (began?.by === 'ticket') byTicket += 1;
    }
    expect(byTicket).toBeGreaterThan(100);
  });

  test('a second run of all five changes nothing at all', async () => {
    const before = await dump(db);
    for (const name of names) {
      const second = await run(db, path(name), mapping(name));
      expect(second).toMatchObject({ imported: 0, merged: { added: 0, unchanged: FILES[name].rows }, refused: [] });
    }
    expect(await dump(db)).toEqual(before);
  });

  test('the order of accounts and churn events makes no difference in the end', async () => {
    const other = await freshDatabase();
    expect(accounts(await run(other, path('churn_events'), mapping('churn_events')))).toEqual({
      rows: 600,
      imported: 352,
      merged: 248,
      refused: 0,
    });
    await run(other, path('accounts'), mapping('accounts'));
    const { signals: _, ...there } = await content(other);
    const { signals: __, ...here } = await content(db);
    expect(there).toEqual(here);
    await other.cleanup();
  });

  test('a trace of somebody unknown is refused with the way out', async () => {
    const empty = await freshDatabase();
    const tickets = await run(empty, path('support_tickets'), mapping('support_tickets'));
    expect(accounts(tickets)).toEqual({ rows: 2000, imported: 0, merged: 0, refused: 2000 });
    expect(tickets.refused[0]).toMatchObject({
      line: 2,
      sentence: 'Nobody with this id is known. Import the people first.',
    });
    const usage = await run(empty, path('feature_usage'), mapping('feature_usage'));
    expect(usage.refused).toHaveLength(25_000);
    expect(usage.refused[0]?.sentence).toBe('No plan with this id is known. Import the file that holds it first.');
    await empty.cleanup();
  });
});
