import { and, eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkins } from '../db/schema/checkins.ts';
import { letters } from '../db/schema/mail.ts';
import { measurements } from '../db/schema/measurements.ts';
import { complaints } from '../db/schema/people.ts';
import { publishedVersions } from '../db/schema/proofs.ts';
import { rejoins } from '../db/schema/rejoin.ts';
import { gateFacts } from '../src/invitations/facts.ts';
import { mayInvite } from '../src/invitations/gate.ts';
import { addMeasurements } from '../src/proofs/measurements.ts';
import { publishedSite } from '../src/proofs/published.ts';
import { onAnswered, onMeasured, onRejoined, onUndone } from '../src/reactions.ts';
import { comeBack } from './checkins/returned.ts';
import type { FreshDatabase } from './support/database.ts';
import { castPerson, DAY_MS, issuesAt, later, NOW, seededDatabase } from './support/seeded.ts';

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

/** One more week of failed exports, as the command and the endpoint store it. */
const measure = (on: string, value: number, at = NOW) =>
  db.write(async (tx) => {
    const about = { proofId: 'exports-finish', seriesId: 'failed' };
    const sent = [{ on, value, n: 5000, sourceId: on }];
    const added = await addMeasurements(tx, about, sent, { sentBy: 'command', now: at });
    if ('refused' in added) throw new Error(added.sentence);
    await onMeasured(tx, { ...about, days: added.days }, at);
    return added.stored;
  });
const sent = async (kind: string) => (await db.read.select().from(letters)).filter((letter) => letter.kind === kind);

test('a measurement beyond the limit tells everyone who returned for it once, and its owner, and invites nobody', async () => {
  const bronagh = await castPerson(db.read, 'c-bronagh');
  const gateOf = async () => {
    const [one] = await gateFacts(db.read, await issuesAt(db.read, NOW), '2026-11-22', { personIds: [bronagh.id] });
    return mayInvite(one!.facts, await publishedSite(db.read), '2026-11-22').map(({ code }) => code);
  };
  await comeBack(db, 'c-maya', NOW);
  await comeBack(db, 'c-devika', NOW);
  expect(await gateOf()).not.toContain('not-holding');
  await measure('2026-11-16', 1.9);
  expect(await sent('came-back')).toEqual([]);
  expect(await sent('owner-alert')).toEqual([]);

  await measure('2026-11-17', 4.2);
  const told = await sent('came-back');
  expect(told.map(({ toAddress }) => toAddress).sort()).toEqual([
    'devika@saltmarsh-theatre.example',
    'maya@rennickpress.example',
  ]);
  expect(told[0]).toMatchObject({ fromName: 'Priya Nair' });
  const [alert, ...more] = await sent('owner-alert');
  expect(more).toEqual([]);
  expect(alert).toMatchObject({ toAddress: 'priya.nair@northline.example', personId: null });
  expect(alert!.body).toContain('above 2%');
  expect(alert!.body).toContain('4.2% on 17 November 2026');
  expect(alert!.subject + alert!.body).not.toMatch(/[{}]/);
  expect(await gateOf()).toContain('not-holding');

  // It has come back already: more of the same, and the same again, is no news to them.
  await measure('2026-11-18', 5);
  expect(await measure('2026-11-17', 4.2, later(DAY_MS))).toBe(0);
  await measure('2026-11-19', 6, later(3 * DAY_MS));
  expect(await sent('came-back')).toHaveLength(2);
  expect(await sent('owner-alert')).toHaveLength(1);
});

test('a measurement and what it sets off stand or fall together', async () => {
  await comeBack(db, 'c-maya', NOW);
  await db.write((tx) => tx.delete(publishedVersions).where(eq(publishedVersions.documentId, 'came-back')));
  await expect(measure('2026-11-17', 4.2)).rejects.toThrow('“came-back” is not published');
  expect(await db.read.$count(measurements)).toBe(0);
  const states = await issuesAt(db.read, NOW);
  expect(states.find(({ issue }) => issue.id === 'exports-failed')!.state.state).toBe('holding');
});

test('a crossing of what had come back already, by a measurement or a “no”, tells nobody again', async () => {
  await comeBack(db, 'c-maya', NOW);
  await comeBack(db, 'c-devika', NOW);
  await db.write(async (tx) => {
    const { id: personId } = await castPerson(tx, 'c-devika');
    const said = { answer: 'no', answeredAt: NOW.getTime(), askedAt: NOW.getTime() } as const;
    const where = and(eq(checkins.personId, personId), eq(checkins.day, 7));
    const [checkin] = await tx.update(checkins).set(said).where(where).returning();
    await onAnswered(tx, checkin!, NOW);
  });
  expect(await sent('came-back')).toHaveLength(1);
  await measure('2026-11-17', 4.2, later(DAY_MS));
  expect(await sent('came-back')).toHaveLength(1);
});
