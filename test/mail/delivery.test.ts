import { readFileSync } from 'node:fs';
import { eq, sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { links } from '../../db/schema/invitations.ts';
import { letters } from '../../db/schema/mail.ts';
import { writeLetter } from '../../src/invitations/letters.ts';
import { mintLink, openLink, type Person } from '../../src/invitations/links.ts';
import { requestCode, requestNewLink } from '../../src/invitations/renew.ts';
import { fill, type Outgoing } from '../../src/mail/delivery.ts';
import { postLetter } from '../../src/mail/outbox.ts';
import { suppress } from '../../src/people/suppression.ts';
import type { FreshDatabase } from '../support/database.ts';
import { castPerson, DAY_MS, later, NOW, seededDatabase } from '../support/seeded.ts';
import { deliver, tokensIn } from './post.ts';

let db: FreshDatabase;
let maya: Person;
beforeEach(async () => {
  db = await seededDatabase();
  maya = await castPerson(db.read, 'c-maya');
});
afterEach(() => db.cleanup());

/** Receipts are what is always sent: the plainest letter there is. */
function write(cause: string, person = maya, letter: 'back' | 'fixed' | 'checkin' | 'came-back' = 'back', at = NOW) {
  return db.write((tx) => writeLetter(tx, { letter, cause, person, sender: 'Priya Nair', slots: {} }, at));
}

const opened = (token: string) =>
  openLink(db.read, token, 'page', { deviceSecret: undefined, freshDays: 30 }, later(1));

test('one cause sends one letter, however often it happens', async () => {
  await Promise.all(Array.from({ length: 20 }, () => write('back:r1')));
  await write('back:r2');
  expect(await deliver(db, NOW)).toHaveLength(2);
  expect(await deliver(db, later(DAY_MS))).toEqual([]);
});

test('a letter is filled with its person’s name, its sender and links of its own', async () => {
  await write('fixed:w1', maya, 'fixed');
  await write('back:r1');
  const [fixed, back] = await deliver(db, NOW);
  expect(back).toMatchObject({ to: 'maya@rennickpress.example', fromName: 'Priya Nair', kind: 'back' });
  expect(back!.text).not.toContain('{link}');
  const [link, stop] = [tokensIn(back!, 'for')[0]!, tokensIn(back!, 'stop')[0]!];
  expect(await opened(link)).toMatchObject({ person: { id: maya.id }, trusted: true });
  expect(await opened(stop)).toBeNull();
  expect(tokensIn(fixed!)).not.toContain(link);
});

test('two deliverers at once send each letter once', async () => {
  for (let count = 0; count < 40; count += 1) await write(`back:r${count}`);
  const other = await openDatabase(db.url);
  const sent = (await Promise.all([deliver(db, NOW), deliver(other, NOW), deliver(other, NOW)])).flat();
  await other.close();
  expect(new Set(sent.map(({ id }) => id)).size).toBe(40);
  expect(sent).toHaveLength(40);
});

test('killed between sending and writing it down, it is sent again under the same id with new links; the old ones are dead', async () => {
  await write('back:r1');
  let first: Outgoing | undefined;
  const dies = {
    ...db,
    write: (work: Parameters<typeof db.write>[0]) => (first ? Promise.reject(new Error('killed')) : db.write(work)),
  };
  await expect(
    deliver(dies as typeof db, NOW, async (letter) => {
      first = letter;
    }),
  ).rejects.toThrow('killed');

  expect(await deliver(db, later(59_000)), 'while the lease runs nobody else sends it').toEqual([]);
  const [second, ...more] = await deliver(db, later(61_000));
  expect(more).toEqual([]);
  expect(second!.id).toBe(first!.id);
  expect(await opened(tokensIn(first!, 'for')[0]!)).toBeNull();
  expect(await opened(tokensIn(second!, 'for')[0]!)).not.toBeNull();
  expect(await deliver(db, later(DAY_MS))).toEqual([]);
});

test('a transport that fails keeps the letter; it goes out when the lease is over', async () => {
  await write('back:r1');
  const fails = () => Promise.reject(new Error('no mail server'));
  await expect(deliver(db, NOW, fails)).rejects.toThrow('no mail server');
  expect(await deliver(db, later(61_000))).toHaveLength(1);
  const [letter] = await db.read.select().from(letters);
  expect(letter).toMatchObject({ attempts: 2, sentAt: NOW.getTime() + 61_000, heldBecause: null });
});

test('letters that can’t be made keep back none of the others, leave nothing half done and come again ever later', async () => {
  for (let n = 0; n < 12; n += 1) await write(`back:bad${n}`);
  await db.write((tx) => tx.update(letters).set({ mint: { link: 'page', question: 'checkin:nobody' } }));
  await write('back:good', maya, 'back', later(1));
  const sent: string[] = [];
  const deliverAt = (at: Date) => deliver(db, at, async ({ text }) => void sent.push(text));
  await expect(deliverAt(later(2))).rejects.toThrow();
  expect(sent, 'in the same round').toHaveLength(1);
  const [good] = await db.read.select().from(letters).where(eq(letters.cause, 'back:good'));
  expect(good!.sentAt).toBe(NOW.getTime() + 2);
  const [bad] = await db.read.select().from(letters).where(eq(letters.cause, 'back:bad7'));
  expect(bad).toMatchObject({ attempts: 1, notBefore: NOW.getTime() + 60_002, leasedUntil: null, heldBecause: null });
  expect(await db.read.$count(links, eq(links.letterId, bad!.id)), 'the link before the one that failed').toBe(0);
  await expect(deliverAt(later(60_002))).rejects.toThrow();
  const [again] = await db.read.select().from(letters).where(eq(letters.id, bad!.id));
  expect(again).toMatchObject({ attempts: 2, notBefore: NOW.getTime() + 180_002 });
});

test('a transport that fails for one letter is heard of, and what became of those beside it is written down', async () => {
  for (let n = 0; n < 7; n += 1) await write(`back:${n}`, maya, 'back', later(n));
  const fails = async ({ id }: Outgoing) => {
    const [letter] = await db.read.select().from(letters).where(eq(letters.id, id));
    if (letter!.cause === 'back:2') throw new Error('no room in the folder');
  };
  await expect(deliver(db, later(10), fails)).rejects.toThrow('no room in the folder');
  const rows = await db.read.select().from(letters).orderBy(letters.cause);
  expect(rows.map(({ sentAt }) => sentAt !== null)).toEqual([true, true, false, true, true, false, false]);
});

test('an address on the list gets codes, asked-for links and receipts, and nothing else', async () => {
  const token = await db.write((tx) => mintLink(tx, { personId: maya.id, purpose: 'page', days: 90 }, NOW));
  await write('back:r1');
  await write('fixed:w1', maya, 'fixed');
  await write('checkin:c1', maya, 'checkin');
  await write('came-back:i', maya, 'came-back');
  await db.write((tx) => requestCode(tx, maya, NOW));
  await db.write((tx) => requestNewLink(tx, token, NOW));
  // Stopped after all of them were written: the list is asked at the moment of sending.
  await db.write((tx) => suppress(tx, 'MAYA@rennickpress.example ', 'stopped', NOW));
  const sent = await deliver(db, later(1));
  expect(sent.map(({ kind }) => kind).sort()).toEqual(['back', 'code', 'new-link']);
  const held = await db.read.select().from(letters).where(eq(letters.heldBecause, 'suppressed'));
  expect(held.map(({ kind }) => kind).sort()).toEqual(['came-back', 'checkin', 'fixed']);
  expect(await deliver(db, later(DAY_MS)), 'held is for good').toEqual([]);
});

test('nobody without an address is written to', async () => {
  await write('back:r1', { ...maya, email: null });
  expect(await db.read.$count(letters)).toBe(0);
});

test('a letter that is due later waits', async () => {
  await write('back:r1', maya, 'back', later(5_000));
  expect(await deliver(db, later(4_999))).toEqual([]);
  expect(await deliver(db, later(5_000))).toHaveLength(1);
});

test('what a letter holds is nowhere in the database, not in its file and not in its log', async () => {
  const token = await db.write((tx) => mintLink(tx, { personId: maya.id, purpose: 'page', days: 90 }, NOW));
  await write('back:r1');
  await write('fixed:w1', maya, 'fixed');
  await db.write((tx) => requestCode(tx, maya, NOW));
  await db.write((tx) => requestNewLink(tx, token, NOW));
  const sent = await deliver(db, later(1));
  const tokens = [token, ...sent.flatMap((letter) => tokensIn(letter))];
  expect(tokens.length).toBeGreaterThan(6);
  const bytes = Buffer.concat([readFileSync(db.path), readFileSync(`${db.path}-wal`)]);
  expect(tokens.filter((secret) => bytes.includes(secret))).toEqual([]);

  const code = /\b\d{6}\b/.exec(sent.find(({ kind }) => kind === 'code')!.text)![0];
  const rows = JSON.stringify([
    await db.read.all(sql`select * from letters`),
    await db.read.all(sql`select id, asked_at, expires_at from codes`),
  ]);
  expect(rows).not.toMatch(new RegExp(`(?<!\\d)${code}(?!\\d)`));
});

test('a new link leaves the older ones alone until its letter is on its way', async () => {
  const token = await db.write((tx) => mintLink(tx, { personId: maya.id, purpose: 'page', days: 90 }, NOW));
  await db.write((tx) => requestNewLink(tx, token, NOW));
  expect(await opened(token), 'asking alone takes nothing from anyone').not.toBeNull();
  const [letter] = await deliver(db, later(1));
  expect(await opened(token)).toBeNull();
  expect(await opened(tokensIn(letter!, 'for')[0]!)).toMatchObject({ person: { id: maya.id } });
});

test('a new link is asked for once a day, for links that live or are dead, and never for one that wasn’t', async () => {
  const old = await db.write((tx) =>
    mintLink(tx, { personId: maya.id, purpose: 'page', days: 90 }, later(-100 * DAY_MS)),
  );
  for (let times = 0; times < 5; times += 1) await db.write((tx) => requestNewLink(tx, old, NOW));
  await db.write((tx) => requestNewLink(tx, 'A'.repeat(43), NOW));
  await db.write((tx) => requestNewLink(tx, 'nonsense', NOW));
  expect((await deliver(db, NOW)).map(({ to }) => to)).toEqual(['maya@rennickpress.example']);
  await db.write((tx) => requestNewLink(tx, old, later(DAY_MS)));
  expect(await deliver(db, later(DAY_MS))).toHaveLength(1);
});

test('links begin with the address that was configured', async () => {
  await write('back:r1');
  const [letter] = await deliver(db, NOW);
  for (const url of letter!.text.match(/https?:\/\/[^\s/]+/g)!) expect(url).toBe('https://amends.example');
});

test('a post to an owner holds no link and reaches them, whoever stopped', async () => {
  await db.write((tx) =>
    postLetter(
      tx,
      {
        cause: 'owner-alert:c1',
        kind: 'owner-alert',
        personId: maya.id,
        to: 'priya@northline.example',
        fromName: 'Northline',
        subject: 's',
        body: 'b',
      },
      NOW,
    ),
  );
  await db.write((tx) => suppress(tx, 'priya@northline.example', 'stopped', NOW));
  const [letter] = await deliver(db, NOW);
  expect(letter).toMatchObject({ to: 'priya@northline.example', text: 'b' });
});

test('fill puts values in once, and leaves a placeholder without one to be seen', () => {
  expect(fill('{a} and {b}, {a}', { a: 'one', b: 'two' })).toBe('one and two, one');
  expect(fill('{missing}', {})).toBe('{missing}');
  expect(fill('{a}', { a: '{b}', b: 'no' }), 'a value is never filled again').toBe('{b}');
  fc.assert(
    fc.property(fc.string(), (value) => {
      expect(fill('<{a}>', { a: value })).toBe(`<${value}>`);
    }),
  );
});
