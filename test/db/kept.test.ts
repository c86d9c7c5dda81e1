import { eq, sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DatabaseError, openDatabase, openScratch } from '../../db/client.ts';
import { kept } from '../../db/kept.ts';
import { prepared } from '../../db/prepared.ts';
import { suppressions } from '../../db/schema/people.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';

let db: FreshDatabase;
beforeEach(async () => {
  db = await freshDatabase();
});
afterEach(() => db.cleanup());

let looked = 0;
const count = kept(async (reader, _which: string, _now: Date) => {
  looked += 1;
  const [row] = await reader.all<[number]>(sql`select count(*) from suppressions`);
  return row![0];
});
beforeEach(() => {
  looked = 0;
});

const NOON = new Date('2026-11-22T12:00:00Z');
const later = (seconds: number) => new Date(NOON.getTime() + seconds * 1000);
const hash = (letter: string) => Buffer.from(letter.repeat(32));
const add = (letter: string) =>
  db.write((tx) => tx.insert(suppressions).values({ addressHash: hash(letter), reason: 'stopped', at: 1 }));

test('what nobody changed is looked at once, also by many at the same time', async () => {
  const all = Array.from({ length: 20 }, () => count(db.read, 'a', NOON));
  expect(new Set(await Promise.all(all))).toEqual(new Set([0]));
  expect(await count(db.read, 'a', later(59))).toBe(0);
  expect(looked).toBe(1);
});

test('each question and each minute has an answer of its own', async () => {
  await count(db.read, 'a', NOON);
  await count(db.read, 'b', NOON);
  await count(db.read, 'a', later(60));
  expect(looked).toBe(3);
});

test('after a commit, of this process or another, it is looked at anew', async () => {
  expect(await count(db.read, 'a', NOON)).toBe(0);
  await add('a');
  expect(await count(db.read, 'a', NOON)).toBe(1);
  const other = await openDatabase(db.url);
  await other.write((tx) => tx.insert(suppressions).values({ addressHash: hash('b'), reason: 'stopped', at: 1 }));
  await other.close();
  expect(await count(db.read, 'a', NOON)).toBe(2);
  expect(looked).toBe(3);
});

test('a look inside a transaction sees what it wrote; what was rolled back is never kept', async () => {
  const attempt = db.write(async (tx) => {
    expect(await count(tx, 'a', NOON)).toBe(0);
    await tx.insert(suppressions).values({ addressHash: hash('a'), reason: 'stopped', at: 1 });
    expect(await count(tx, 'a', NOON)).toBe(1);
    throw new Error('changed my mind');
  });
  await expect(attempt).rejects.toThrow('changed my mind');
  expect(await count(db.read, 'a', NOON)).toBe(0);
});

test('a look that failed is asked again', async () => {
  let broken = true;
  const look = kept(async () => {
    if (broken) throw new Error('away');
    return 'here';
  });
  await expect(look(db.read)).rejects.toThrow('away');
  broken = false;
  expect(await look(db.read)).toBe('here');
});

test('where nobody can say whether something was committed, the look itself says what is wrong', async () => {
  await db.close();
  expect(db.read.commits!()).toBeNull();
  await expect(count(db.read, 'a', NOON)).rejects.toThrow(DatabaseError);
});

test('a database of one process alone, which would not know its own commits, keeps nothing', async () => {
  const scratch = await openScratch(db.read, ['suppressions']);
  expect(await count(scratch.read, 'a', NOON)).toBe(0);
  await scratch.write((tx) => tx.insert(suppressions).values({ addressHash: hash('a'), reason: 'stopped', at: 1 }));
  expect(await count(scratch.read, 'a', NOON)).toBe(1);
  await scratch.close();
});

test('a prepared query has the values of each call, on each database and in each transaction', async () => {
  const byHash = prepared((reader) =>
    reader
      .select()
      .from(suppressions)
      .where(eq(suppressions.addressHash, sql.placeholder('hash'))),
  );
  await add('a');
  const other = await freshDatabase();
  expect(await byHash(other.read, { hash: hash('a') })).toEqual([]);
  await other.cleanup();
  expect((await byHash(db.read, { hash: hash('a') })).map(({ reason }) => reason)).toEqual(['stopped']);
  expect(await byHash(db.read, { hash: hash('b') })).toEqual([]);
  for (const letter of ['b', 'c']) {
    await db.write(async (tx) => {
      expect(await byHash(tx, { hash: hash(letter) })).toEqual([]);
      await tx.insert(suppressions).values({ addressHash: hash(letter), reason: 'stopped', at: 1 });
      expect(await byHash(tx, { hash: hash(letter) })).toHaveLength(1);
    });
  }
});
