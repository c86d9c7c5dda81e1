import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq, getTableColumns, getTableName, is } from 'drizzle-orm';
import { SQLiteTable } from 'drizzle-orm/sqlite-core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import * as schema from '../../db/schema/index.ts';
import { postponed } from '../../db/schema/invitations.ts';
import { complaints, corrections, departures, merges, persons, waits } from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { erasePerson } from '../../src/people/erase.ts';
import { type ImportReport, importFile } from '../../src/people/intake/import.ts';
import { NEUTRAL } from '../../src/people/intake/mapping.ts';
import { doubles, keepApart, MOVED, merge, UNMOVED, undoMerge } from '../../src/people/merging.ts';
import { isSuppressed, suppress } from '../../src/people/suppression.ts';
import { newId } from '../../src/shared/ids.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { must } from '../support/must.ts';
import { NOW } from '../support/seeded.ts';
import { content } from './intake/dump.ts';

const HEADER =
  'source,person_id,kind,first_name,last_name,email,left_on,plan_or_role,never_contact,complaint_id,said_on,words,city\n';
const DESK = 'desk,7,customer,Ada,,ada@studio.example,2026-06,Team,,T-1,2026-03-01,"The export stops.",Leeds\n';
const SHOP =
  'shop,a-9,customer,Ada,Brandt,ADA@studio.example,2026-06,Single,dispute,S-1,2026-05-01,"Nobody answered.",York\n';
let db: FreshDatabase;
let folder: string;
beforeEach(async () => {
  db = await freshDatabase();
  folder = mkdtempSync(join(tmpdir(), 'amends-merging-'));
});
afterEach(async () => {
  await db.cleanup();
  rmSync(folder, { recursive: true });
});

async function take(rows: string, dryRun = false): Promise<ImportReport> {
  const path = join(folder, 'people.csv');
  writeFileSync(path, HEADER + rows);
  return must(await importFile(db, { path, mapping: NEUTRAL, now: NOW, dryRun }));
}

async function person(source: string) {
  const [found] = await db.read.select().from(persons).where(eq(persons.source, source));
  return found!;
}

async function proposed(): Promise<string> {
  const [first] = (await doubles(db.read, ['customer'])).shown;
  return first!.merge.id;
}

async function madeOne(): Promise<string> {
  const id = await proposed();
  must(await db.write((tx) => merge(tx, 'owen', id, ['customer'], NOW)));
  return id;
}

test('an import proposes two records with one address, once, with both histories', async () => {
  await take(DESK);
  expect((await doubles(db.read, ['customer'])).of).toBe(0);
  await take(SHOP);
  await take(DESK + SHOP);
  const { of, shown } = await doubles(db.read, ['customer']);
  expect(of).toBe(1);
  expect(shown[0]!.older.complaints.map(({ words }) => words)).toEqual(['The export stops.']);
  expect(shown[0]!.newer.complaints.map(({ words }) => words)).toEqual(['Nobody answered.']);
  expect((await doubles(db.read, ['employee'])).of).toBe(0);
});

test('merged, one record holds all of both: what keeps letters away, holds them back or was corrected is still there', async () => {
  await take(DESK + SHOP);
  const [kept, emptied] = [await person('desk'), await person('shop')];
  await db.write(async (tx) => {
    const at = NOW.getTime();
    await tx.insert(corrections).values({ id: newId(), personId: emptied.id, right: false, words: 'No.', saidAt: at });
    await tx.insert(waits).values({ id: newId(), personId: kept.id, issueId: 'a', askedAt: at });
    await tx.insert(waits).values({ id: newId(), personId: emptied.id, issueId: 'a', askedAt: at });
    await tx.insert(waits).values({ id: newId(), personId: emptied.id, issueId: 'b', askedAt: at });
    await tx.update(persons).set({ declinedAt: 5 }).where(eq(persons.id, emptied.id));
    await suppress(tx, 'ada@studio.example', 'stopped', NOW);
  });
  await madeOne();
  const now = await person('desk');
  expect(now).toMatchObject({ firstName: 'Ada', lastName: 'Brandt', declinedAt: 5, emailNorm: 'ada@studio.example' });
  const of = (table: typeof complaints | typeof departures | typeof corrections | typeof waits) =>
    db.read.$count(table, eq(table.personId, kept.id));
  expect([await of(complaints), await of(departures), await of(corrections), await of(waits)]).toEqual([2, 2, 1, 2]);
  const left = await db.read.select().from(departures).where(eq(departures.personId, kept.id));
  expect(left.map(({ neverContact }) => neverContact).toSorted()).toEqual(['dispute', null]);
  expect(await db.read.$count(complaints, eq(complaints.personId, emptied.id))).toBe(0);
  expect(await isSuppressed(db.read, now.email!)).toBe(true);
  expect((await doubles(db.read, ['customer'])).of).toBe(0);
});

test('the files imported again change nothing, and what a later one says of the emptied record reaches the person', async () => {
  await take(DESK + SHOP);
  await madeOne();
  const before = await content(db);
  const again = await take(SHOP + DESK);
  expect(again).toMatchObject({ imported: 0, merged: { added: 0 } });
  expect(await content(db)).toEqual(before);
  const more = 'shop,a-9,customer,,,,,,,S-2,2026-06-01,"Still nobody.",\n';
  expect(await take(more, true)).toMatchObject({ imported: 0, merged: { added: 1 } });
  expect(await take(more)).toMatchObject({ imported: 0, merged: { added: 1 } });
  const kept = await person('desk');
  expect(await db.read.$count(complaints, eq(complaints.personId, kept.id))).toBe(3);
  expect((await doubles(db.read, ['customer'])).of).toBe(0);
});

test('a merge can be taken back, and then it is as if it had never been', async () => {
  await take(DESK + SHOP);
  const before = await content(db);
  const id = await madeOne();
  expect(await content(db)).not.toEqual(before);
  const undone = await db.write((tx) => undoMerge(tx, id, ['customer']));
  expect(isRefusal(undone)).toBe(false);
  expect(await content(db)).toEqual(before);
  expect((await doubles(db.read, ['customer'])).of).toBe(1);
});

test('two people stay two, and are not proposed again until that is taken back', async () => {
  await take(DESK + SHOP);
  const id = await proposed();
  const apart = await db.write((tx) => keepApart(tx, 'owen', id, ['customer'], NOW));
  expect(isRefusal(apart)).toBe(false);
  await take(DESK + SHOP);
  expect((await doubles(db.read, ['customer'])).of).toBe(0);
  expect(await db.write((tx) => merge(tx, 'owen', id, ['customer'], NOW))).toMatchObject({ code: 'decided' });
  await db.write((tx) => undoMerge(tx, id, ['customer']));
  expect((await doubles(db.read, ['customer'])).of).toBe(1);
});

test('who has come back is the one that is kept; two who pay are nobody’s to merge here; employees are HR’s', async () => {
  await take(DESK + SHOP);
  const shop = await person('shop');
  const row = { attempt: 1, billingId: 'cus_1', cardId: '', cardLabel: '', priceId: 'p', seats: 1, amount: 1 };
  await db.write((tx) =>
    tx.insert(rejoins).values({
      ...row,
      id: newId(),
      personId: shop.id,
      offerId: 'o',
      offerHash: 'h',
      state: 'ended',
      currency: 'gbp',
      begunAt: 1,
    }),
  );
  const id = await proposed();
  expect(await db.write((tx) => merge(tx, 'nia', id, ['employee'], NOW))).toMatchObject({ code: 'no-merge' });
  await db.write((tx) => merge(tx, 'owen', id, ['customer'], NOW));
  const [decided] = await db.read.select().from(merges);
  expect(decided).toMatchObject({ keptId: shop.id });
  expect(await db.read.$count(complaints, eq(complaints.personId, shop.id))).toBe(2);
});

test('two different customer ids at the payment provider are refused', async () => {
  await take(DESK + SHOP);
  await db.write(async (tx) => {
    await tx.update(persons).set({ billingId: 'cus_1' }).where(eq(persons.source, 'desk'));
    await tx.update(persons).set({ billingId: 'cus_2' }).where(eq(persons.source, 'shop'));
  });
  const id = await proposed();
  expect(await db.write((tx) => merge(tx, 'owen', id, ['customer'], NOW))).toMatchObject({ code: 'two-payers' });
});

test('an erasure takes the emptied record with it, and neither id is taken in again', async () => {
  await take(DESK + SHOP);
  await madeOne();
  const { id } = await person('desk');
  await db.write((tx) => erasePerson(tx, id, NOW));
  expect(await db.read.$count(persons)).toBe(0);
  expect(await db.read.$count(merges)).toBe(0);
  expect((await take(DESK + SHOP)).refused).toHaveLength(2);
});

test('a record that is put off keeps its person put off: of two days the later one, until the merge is taken back', async () => {
  await take(DESK + SHOP);
  const [kept, emptied] = [await person('desk'), await person('shop')];
  const off = { reason: 'They asked for a quiet month.', by: 'grace', at: 1 };
  await db.write((tx) => tx.insert(postponed).values({ ...off, personId: emptied.id, until: 9 }));
  const merged = await madeOne();
  expect(await db.read.select().from(postponed)).toMatchObject([{ personId: kept.id, until: 9 }]);
  await db.write((tx) => undoMerge(tx, merged, ['customer']));
  expect(await db.read.select().from(postponed)).toMatchObject([{ personId: emptied.id, until: 9 }]);
  await db.write((tx) => tx.insert(postponed).values({ ...off, personId: kept.id, until: 5 }));
  await madeOne();
  const [held] = await db.read.select().from(postponed).where(eq(postponed.personId, kept.id));
  expect(held!.until).toBe(9);
});

test('every table that names a person either moves with a merge or is said not to', () => {
  const tables = (Object.values(schema) as unknown[]).filter((one) => is(one, SQLiteTable)) as SQLiteTable[];
  const naming = tables.filter((table) => 'personId' in getTableColumns(table)).map(getTableName);
  const moved = MOVED.map(([table]) => getTableName(table));
  const decided = [...moved, ...Object.keys(UNMOVED)];
  expect(decided.toSorted(), 'add each to MOVED or UNMOVED in src/people/merging.ts, once').toEqual(naming.toSorted());
});
