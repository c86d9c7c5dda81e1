import { eq, sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { audit } from '../../db/schema/staff.ts';
import { firstBrokenEntry, record } from '../../src/staff/audit.ts';
import { logPage, sentenceOf } from '../../src/staff/log.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { later } from '../support/seeded.ts';

const LENGTH = 12;

let db: FreshDatabase;
beforeEach(async () => {
  db = await freshDatabase();
  for (let number = 1; number <= LENGTH; number += 1) {
    const deed = {
      by: 'grace',
      action: 'saved',
      subject: `proofs:p${number % 3}`,
      detail: { revision: number, b: 1, a: null },
    };
    await db.write((tx) => record(tx, deed, later(number * 1000)));
  }
});
afterEach(() => db.cleanup());

const change = (number: number, set: Partial<typeof audit.$inferInsert>) =>
  db.write((tx) => tx.update(audit).set(set).where(eq(audit.number, number)));

test('a record that nobody touched is whole, an empty one too', async () => {
  expect(await firstBrokenEntry(db.read)).toBeNull();
  const empty = await freshDatabase();
  expect(await firstBrokenEntry(empty.read)).toBeNull();
  await empty.cleanup();
});

describe('what somebody did to the database by another way is found', () => {
  const edits: Partial<typeof audit.$inferInsert>[] = [
    { at: 1 },
    { staffId: 'priya' },
    { staffId: null },
    { action: 'published' },
    { subject: 'proofs:other' },
    { detail: { revision: 99 } },
    { detail: {} },
    { previousHash: null },
    { hash: 'f'.repeat(64) },
  ];
  for (const edit of edits)
    test(`an entry edited: ${JSON.stringify(edit)}`, async () => {
      for (const number of [2, 7, LENGTH]) {
        const [before] = await db.read.select().from(audit).where(eq(audit.number, number));
        await change(number, edit);
        expect([number, await firstBrokenEntry(db.read)]).toEqual([number, number]);
        await change(number, before!);
        expect(await firstBrokenEntry(db.read)).toBeNull();
      }
    });

  test('an entry removed, wherever but at the end', async () => {
    for (let number = 1; number < LENGTH; number += 1) {
      const [before] = await db.read.select().from(audit).where(eq(audit.number, number));
      await db.write((tx) => tx.delete(audit).where(eq(audit.number, number)));
      expect(await firstBrokenEntry(db.read)).toBe(number + 1);
      await db.write((tx) => tx.insert(audit).values(before!));
    }
  });

  test('the last entries removed, once anything else is done: by the hash that was kept', async () => {
    const [last] = (await logPage(db.read, {}, 1)).entries;
    await db.write((tx) => tx.delete(audit).where(eq(audit.number, LENGTH)));
    // The chain alone can't tell; somebody who wrote the last hash down can.
    expect(await firstBrokenEntry(db.read)).toBeNull();
    await db.write((tx) => record(tx, { by: 'priya', action: 'saved', subject: 'proofs:p1' }, later(99_000)));
    const hashes = (await db.read.select().from(audit)).map(({ hash }) => hash);
    expect(hashes).not.toContain(last!.hash);
  });

  test('an entry put in between, at the end or before the first', async () => {
    const entry = {
      at: 5,
      staffId: 'ruth',
      action: 'approved',
      subject: 'proofs:p1',
      detail: {},
      hash: 'e'.repeat(64),
    };
    for (const number of [0, LENGTH + 1, LENGTH + 5]) {
      await db.write((tx) => tx.insert(audit).values({ ...entry, number, previousHash: null }));
      expect([number, await firstBrokenEntry(db.read)]).toEqual([number, number]);
      await db.write((tx) => tx.delete(audit).where(eq(audit.number, number)));
    }
    await db.write((tx) => tx.run(sql`update audit set number = number + 100 where number > 6`));
    await db.write((tx) => tx.run(sql`update audit set number = number - 99 where number > 100`));
    await db.write((tx) => tx.insert(audit).values({ ...entry, number: 7, previousHash: null }));
    expect(await firstBrokenEntry(db.read)).toBe(7);
  });

  test('two entries that changed places', async () => {
    await db.write((tx) => tx.run(sql`update audit set number = 1000 where number = 4`));
    await db.write((tx) => tx.run(sql`update audit set number = 4 where number = 5`));
    await db.write((tx) => tx.run(sql`update audit set number = 5 where number = 1000`));
    expect(await firstBrokenEntry(db.read)).toBe(4);
  });
});

describe('read as sentences', () => {
  const names = new Map([
    ['grace', 'Grace Adeyemi'],
    ['sander', 'Sander de Wit'],
  ]);
  const say = (entry: Partial<typeof audit.$inferSelect>) =>
    sentenceOf(
      {
        number: 1,
        at: 0,
        staffId: 'sander',
        action: '',
        subject: '',
        detail: {},
        previousHash: null,
        hash: '',
        ...entry,
      },
      names,
    );

  test('who did what to what', () => {
    expect(say({ action: 'saved', subject: 'proofs:exports-finish', staffId: 'grace', detail: { revision: 3 } })).toBe(
      'Grace Adeyemi saved a draft of the proof “exports-finish” (revision: 3).',
    );
    expect(say({ action: 'signed in', subject: 'staff:sander' })).toBe('Sander de Wit signed in.');
    expect(say({ action: 'ended access', subject: 'staff:grace' })).toBe(
      'Sander de Wit ended the access of Grace Adeyemi.',
    );
    expect(say({ action: 'added', subject: 'staff:sander', staffId: null, detail: { roles: 'admin' } })).toBe(
      'The machine itself gave Sander de Wit a place at the desk (roles: admin).',
    );
    expect(say({ action: 'changed roles', subject: 'staff:sander', detail: { from: 'admin', to: '' } })).toBe(
      'Sander de Wit changed the roles of their own place at the desk (from: admin).',
    );
  });

  test('what else is written down', () => {
    const key = { subject: 'measuring-key:k1', staffId: 'grace' };
    expect(say({ ...key, action: 'made a key' })).toBe('Grace Adeyemi made the measuring key “k1”.');
    expect(say({ action: 'asked a confirmer', subject: 'proofs:p1' })).toBe(
      'Sander de Wit asked somebody from outside about the proof “p1”.',
    );
  });

  test('an action that no sentence was written for is still readable', () => {
    expect(
      say({ action: 'looked over', subject: 'offers:team', detail: { contentHash: 'a'.repeat(64), basedOn: null } }),
    ).toBe('Sander de Wit looked over the offer “team” (content hash: aaaaaaaaaaaa…).');
  });

  test('page by page, the newest first, and only about one thing', async () => {
    const first = await logPage(db.read, {}, 5);
    expect(first.entries.map(({ number }) => number)).toEqual([12, 11, 10, 9, 8]);
    const second = await logPage(db.read, { before: first.next! }, 5);
    expect(second.entries.map(({ number }) => number)).toEqual([7, 6, 5, 4, 3]);
    expect((await logPage(db.read, { before: second.next! }, 5)).next).toBeNull();
    expect((await logPage(db.read, { subject: 'proofs:p1' }, 50)).entries.map(({ number }) => number)).toEqual([
      10, 7, 4, 1,
    ]);
    expect((await logPage(db.read, { subject: 'proofs:none' }, 50)).entries).toEqual([]);
  });
});
