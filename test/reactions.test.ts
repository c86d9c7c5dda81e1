import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkins } from '../db/schema/checkins.ts';
import { letters } from '../db/schema/mail.ts';
import { complaints } from '../db/schema/people.ts';
import { publishedVersions } from '../db/schema/proofs.ts';
import { rejoins } from '../db/schema/rejoin.ts';
import { onRejoined, onUndone } from '../src/reactions.ts';
import { comeBack } from './checkins/returned.ts';
import type { FreshDatabase } from './support/database.ts';
import { castPerson, later, NOW, seededDatabase } from './support/seeded.ts';

let db: FreshDatabase;
beforeEach(async () => {
  db = await seededDatabase();
});
afterEach(() => db.cleanup());

test('the receipt says what was paid, with what, until when it can be undone, and who answers for the reason', async () => {
  await comeBack(db, 'c-maya', NOW);
  const [receipt] = await db.read.select().from(letters);
  expect(receipt).toMatchObject({ kind: 'back', fromName: 'Priya Nair', toAddress: 'maya@rennickpress.example' });
  for (const said of ['Paid: £9.60', 'Card: Visa ending 4242', 'Renews: 1 January 2027', 'Until 6 December 2026'])
    expect(receipt!.body).toContain(said);
  expect(receipt!.body.match(/\{\w+\}/g), 'only what is minted at sending is left open').toEqual([
    '{link}',
    '{stopLink}',
  ]);
});

test('a reaction that happens twice writes once', async () => {
  const rejoin = await comeBack(db, 'c-maya', NOW);
  await db.write((tx) => onRejoined(tx, rejoin, later(1000)));
  expect(await db.read.$count(letters)).toBe(1);
  expect(await db.read.$count(checkins)).toBe(4);
  await db.write((tx) => onUndone(tx, { ...rejoin, refundedAmount: 960 }, later(2000)));
  await db.write((tx) => onUndone(tx, { ...rejoin, refundedAmount: 960 }, later(3000)));
  expect(await db.read.$count(letters)).toBe(2);
});

test('cause and reaction stand or fall together: without its letter nobody is back', async () => {
  await db.write((tx) => tx.delete(publishedVersions).where(eq(publishedVersions.documentId, 'back')));
  await expect(comeBack(db, 'c-maya', NOW)).rejects.toThrow('“back” is not published');
  expect(await db.read.$count(rejoins)).toBe(0);
  expect(await db.read.$count(checkins)).toBe(0);
});

test('whose reason is linked to no issue comes back all the same, and is asked nothing', async () => {
  const ines = await castPerson(db.read, 'c-ines');
  await db.write((tx) => tx.update(complaints).set({ issueId: null }).where(eq(complaints.personId, ines.id)));
  await comeBack(db, 'c-ines', NOW);
  expect(await db.read.$count(checkins)).toBe(0);
  const [receipt] = await db.read.select().from(letters);
  expect(receipt).toMatchObject({ kind: 'back', fromName: 'Priya Nair' });
});
