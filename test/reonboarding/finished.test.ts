import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { finishedItems } from '../../db/schema/reonboarding.ts';
import { importFinished } from '../../src/reonboarding/finished.ts';
import type { FreshDatabase } from '../support/database.ts';
import { must } from '../support/must.ts';
import { castPerson, NOW, seededDatabase } from '../support/seeded.ts';

let db: FreshDatabase;
let folder: string;
beforeEach(async () => {
  db = await seededDatabase();
  folder = mkdtempSync(join(tmpdir(), 'amends-finished-'));
});
afterEach(async () => {
  rmSync(folder, { recursive: true, force: true });
  await db.cleanup();
});

const take = async (text: string, options: { source?: string; dryRun?: boolean } = {}) => {
  const path = join(folder, 'finished.csv');
  writeFileSync(path, text);
  return must(await importFinished(db, { path, ...options }, NOW));
};
const of = async (externalId: string) => {
  const person = await castPerson(db.read, externalId);
  const rows = await db.read.select().from(finishedItems).where(eq(finishedItems.personId, person.id));
  return Object.fromEntries(rows.map(({ kind, finishedOn }) => [kind, finishedOn]));
};

test('an HR system’s own column names are found, in any order', async () => {
  const report = await take('Completed;Training;Employee #\n2024-05-02;fire-safety;e-joanna\n', { source: 'cast' });
  expect(report).toMatchObject({ records: 1, added: 1, refused: [] });
  expect(await of('e-joanna')).toEqual({ 'fire-safety': '2024-05-02' });
});

test('what was finished later wins, whichever comes first; the same again changes nothing', async () => {
  const rows = (day: string) => `source,person_id,kind,finished_on\ncast,e-joanna,fire-safety,${day}\n`;
  expect(await take(rows('2024-05-02'))).toMatchObject({ added: 1 });
  expect(await take(rows('2023-01-01'))).toMatchObject({ known: 1 });
  expect(await take(rows('2025-06-01'))).toMatchObject({ newer: 1 });
  expect(await take(rows('2025-06-01'))).toMatchObject({ known: 1 });
  expect(await of('e-joanna')).toEqual({ 'fire-safety': '2025-06-01' });
});

test('a row that can’t be right is refused alone, with its line', async () => {
  const report = await take(
    [
      'source,person_id,kind,finished_on',
      'cast,e-joanna,fire-safety,2024-05-02',
      'cast,nobody,fire-safety,2024-05-02',
      'cast,c-maya,fire-safety,2024-05-02',
      'cast,e-joanna,,2024-05-02',
      'cast,e-joanna,expenses,2024-02-30',
      'cast,e-joanna,expenses,2030-01-01',
    ].join('\n'),
  );
  expect(report.added).toBe(1);
  expect(report.refused.map(({ line }) => line).toSorted()).toEqual([3, 4, 5, 6, 7]);
});

test('a dry run says the same and writes nothing', async () => {
  const text = 'source,person_id,kind,finished_on\ncast,e-joanna,fire-safety,2024-05-02\n';
  expect(await take(text, { dryRun: true })).toMatchObject({ added: 1 });
  expect(await of('e-joanna')).toEqual({});
});

test('without the columns, or without knowing whose ids they are, nothing is read', async () => {
  await expect(take('person_id,kind\n')).rejects.toThrow('finished_on');
  await expect(take('person_id,kind,finished_on\ne-joanna,x,2024-05-02\n')).rejects.toThrow('--source');
});
