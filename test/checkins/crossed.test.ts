import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { letters } from '../../db/schema/mail.ts';
import { onCrossed } from '../../src/reactions.ts';
import { deliver, tokensIn } from '../mail/post.ts';
import type { FreshDatabase } from '../support/database.ts';
import { DAY_MS, later, NOW, seededDatabase } from '../support/seeded.ts';
import { comeBack } from './returned.ts';

/* A measurement brings it back: the sign-in codes of the example did on 3 November. */

let db: FreshDatabase;
beforeEach(async () => {
  db = await seededDatabase();
});
afterEach(() => db.cleanup());

const sent = (kind: string) => db.read.select().from(letters).where(eq(letters.kind, kind));

test('everyone who returned for it is told at once, with the undo, and its owner; a second measurement says nothing new', async () => {
  await comeBack(db, 'c-anneke', NOW);
  await comeBack(db, 'c-maya', NOW);
  expect(await db.write((tx) => onCrossed(tx, 'two-routes-for-codes', later(1000)))).toEqual(['sign-in-codes-late']);
  await db.write((tx) => onCrossed(tx, 'two-routes-for-codes', later(2 * DAY_MS)));
  expect((await sent('came-back')).map(({ toAddress }) => toAddress)).toEqual(['anneke@visserdance.example']);
  expect(await sent('owner-crossed')).toMatchObject([{ toAddress: 'leila.haddad@northline.example' }]);

  const letter = (await deliver(db, later(1000))).find(({ kind }) => kind === 'came-back')!;
  expect(letter.text).toContain('You can undo your return for a full refund until 6 December 2026');
  expect(letter.text).toMatch(/\/for\/[\w-]{43}\/undo/);
  expect(tokensIn(letter, 'for').length).toBeGreaterThanOrEqual(2);
  expect(letter.text).not.toMatch(/\{\w+\}/);
});

test('after the fourteen days the letter says how to cancel instead', async () => {
  await comeBack(db, 'c-anneke', NOW);
  await db.write((tx) => onCrossed(tx, 'two-routes-for-codes', later(20 * DAY_MS)));
  const [letter] = await sent('came-back');
  expect(letter!.body).toContain('You can cancel at any time');
  expect(letter!.mint).toMatchObject({ undoLink: 'page:cancel' });
});

test('a measurement that crosses nothing tells nobody', async () => {
  await comeBack(db, 'c-maya', NOW);
  expect(await db.write((tx) => onCrossed(tx, 'exports-finish', later(1000)))).toEqual([]);
  expect(await sent('came-back')).toEqual([]);
  expect(await sent('owner-crossed')).toEqual([]);
});
