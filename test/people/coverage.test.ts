import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SQL } from 'drizzle-orm';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { complaints, suppressions } from '../../db/schema/people.ts';
import { countDaily, countedAt, countPeople, peoplePerIssue, publicCount } from '../../src/people/counts.ts';
import { coverage, type IssueToCover, nextAction } from '../../src/people/coverage.ts';
import { importFile } from '../../src/people/intake/import.ts';
import { NEUTRAL } from '../../src/people/intake/mapping.ts';
import { isSuppressed, suppress } from '../../src/people/suppression.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';

const NOW = new Date('2026-11-22T10:00:00Z');
const issue = (id: string, rest: Partial<IssueToCover> = {}): IssueToCover => ({
  id,
  title: id,
  owner: 'priya',
  state: 'not_yet',
  published: true,
  confirmed: false,
  textDisagrees: false,
  daysBehind: null,
  ...rest,
});

let db: FreshDatabase;
beforeEach(async () => {
  db = await freshDatabase();
});
afterEach(() => db.cleanup());

async function bring(rows: string[]): Promise<void> {
  const path = join(db.path, '..', 'people.csv');
  writeFileSync(path, ['source,person_id,kind,left_on,complaint_id,said_on,words,issue,gap', ...rows].join('\n'));
  expect(await importFile(db, { path, mapping: NEUTRAL, now: NOW })).toMatchObject({ refused: [] });
}

const ROWS = [
  'desk,1,customer,2026-06-02,a,2026-11-12,x,exports,experience',
  'desk,1,customer,2026-06-02,b,2026-11-20,x,exports,experience',
  'desk,2,customer,2026-11-02,c,,x,exports,experience',
  'hr,1,employee,,d,,x,exports,experience',
  'desk,3,customer,,e,2026-11-21,x,prices,value',
  'desk,4,customer,,f,2026-11-01,x,ghost,value',
  'desk,4,customer,,g,2026-11-01,x,,value',
  'desk,4,customer,,h,2026-11-11,x,,value',
  'desk,5,customer,,i,,x,,',
];

test('asked again, nobody’s complaints are read until somebody has written', async () => {
  await bring(ROWS);
  let reads = 0;
  const all = (query: SQL) => {
    reads += 1;
    return db.read.all(query);
  };
  const reader = Object.create(db.read, { all: { value: all } });
  const first = await coverage(reader, [issue('exports')], NOW);
  expect(await coverage(reader, [issue('exports')], NOW)).toEqual(first);
  expect(reads).toBe(2);
  await db.write((tx) => tx.update(complaints).set({ issueId: 'prices' }));
  expect(await coverage(reader, [issue('exports')], NOW)).not.toEqual(first);
  expect(reads).toBe(4);
});

test('each person waits once for an issue, since they first told us, or left; longest together first', async () => {
  await bring(ROWS);
  const covered = await coverage(db.read, [issue('prices'), issue('exports'), issue('quiet')], NOW);
  expect(covered.issues.map(({ id, people, oldestDays, peopleDays }) => [id, people, oldestDays, peopleDays])).toEqual([
    ['exports', 3, 20, 30],
    ['prices', 1, 1, 1],
    ['quiet', 0, null, 0],
  ]);
  expect(covered.unlinked).toEqual([
    { gap: 'value', complaints: 2, people: 1, oldestDays: 21, peopleDays: 21 },
    { gap: null, complaints: 1, people: 1, oldestDays: null, peopleDays: 0 },
  ]);
  expect(covered.unknown).toEqual([{ id: 'ghost', people: 1, oldestDays: 21, peopleDays: 21 }]);
});

test('the next action is the first thing that is missing', () => {
  expect(nextAction(issue('x', { owner: null, state: 'holding' }))).toBe('Name an owner');
  expect(nextAction(issue('x', { published: false }))).toBe('Write the “not yet” note');
  expect(nextAction(issue('x'))).toBe('Write the proof');
  expect(nextAction(issue('x', { state: 'came_back', confirmed: true }))).toBe('Change it again');
  expect(nextAction(issue('x', { state: 'watching' }))).toBe('Ask a confirmer');
  expect(nextAction(issue('x', { state: 'watching', confirmed: true }))).toBe('Watch');
  expect(nextAction(issue('x', { state: 'holding', confirmed: true }))).toBe('Invite');
});

test('what has arrived since asks for the text to be corrected, and what has not for measuring, before anyone is invited', () => {
  const known = { confirmed: true, textDisagrees: true, daysBehind: 21 };
  expect(nextAction(issue('x', { ...known, state: 'holding' }))).toBe('Correct the text');
  expect(nextAction(issue('x', { ...known, state: 'watching' }))).toBe('Correct the text');
  expect(nextAction(issue('x', { ...known, state: 'came_back' }))).toBe('Change it again');
  expect(nextAction(issue('x', { ...known, state: 'not_yet' }))).toBe('Write the proof');
  expect(nextAction(issue('x', { ...known, state: 'holding', textDisagrees: false }))).toBe('Evidence is 21 days old');
});

test('people are counted once an issue, customers and employees apart', async () => {
  await bring(ROWS);
  expect([await countedAt(db.read), (await peoplePerIssue(db.read)).size]).toEqual([null, 0]);
  await countPeople(db, NOW);
  expect(await countedAt(db.read)).toEqual(NOW);
  expect(Object.fromEntries(await peoplePerIssue(db.read))).toEqual({
    exports: { customers: 2, employees: 1 },
    prices: { customers: 1, employees: 0 },
    ghost: { customers: 1, employees: 0 },
  });
});

test('they are counted once a day, and after an import', async () => {
  const count = (hours: number) => countDaily(db, new Date(NOW.getTime() + hours * 3_600_000), 'Europe/London');
  expect([await count(-3), await count(-2)]).toEqual([true, false]);
  await bring(ROWS);
  expect([await count(1), await count(2)], 'an import has ended').toEqual([true, false]);
  expect([await count(13), await count(15)], 'the next day').toEqual([false, true]);
});

test('a public count is rounded down to tens, and there is none below the floor', () => {
  expect([0, 9, 10, 19, 20, 147].map((count) => publicCount(count, 10))).toEqual([null, null, 10, 10, 20, 140]);
  expect([19, 20, 29].map((count) => publicCount(count, 20))).toEqual([null, 20, 20]);
});

test('of any two public counts, or sums of them, the difference is nobody or ten at least: one who came or went is not seen', () => {
  const any = fc.nat(500);
  const shown = (count: number, floor: number) => publicCount(count, floor) ?? 0;
  const property = fc.property(any, any, any, any, fc.constantFrom(10, 20), (a, b, c, d, floor) => {
    for (const [one, other] of [
      [shown(a, floor), shown(b, floor)],
      [shown(a, floor) + shown(b, floor), shown(c, floor) + shown(d, floor)],
      [shown(a + b, floor), shown(a, floor) + shown(b, floor)],
    ] as const) {
      const difference = Math.abs(one - other);
      if (difference !== 0 && difference < 10) return false;
    }
    return shown(a, floor) <= a;
  });
  fc.assert(property, { numRuns: 20_000 });
});

test('an address is suppressed however it is spelt; the first reason stands, except for an erasure', async () => {
  await db.write((tx) => suppress(tx, ' Ada@Studio.example', 'stopped', NOW));
  await db.write((tx) => suppress(tx, 'ada@studio.example', 'bounced', new Date(0)));
  expect(await isSuppressed(db.read, 'ADA@STUDIO.EXAMPLE ')).toBe(true);
  expect(await isSuppressed(db.read, 'eve@studio.example')).toBe(false);
  const reasons = async () => (await db.read.select().from(suppressions)).map(({ reason, at }) => [reason, at]);
  expect(await reasons()).toEqual([['stopped', NOW.getTime()]]);
  await db.write((tx) => suppress(tx, 'ada@studio.example', 'erased', new Date(0)));
  expect(await reasons()).toEqual([['erased', NOW.getTime()]]);
});
