import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Db } from '../../db/client.ts';
import { openDatabase } from '../../db/client.ts';
import { checkins, reopenings } from '../../db/schema/checkins.ts';
import { letters } from '../../db/schema/mail.ts';
import { complaints, resolutions, waits } from '../../db/schema/people.ts';
import { tellWaiting } from '../../src/checkins/tell.ts';
import { askToBeTold } from '../../src/landing/press.ts';
import { deliver, SITE_URL } from '../mail/post.ts';
import type { FreshDatabase } from '../support/database.ts';
import { castPerson, issuesAt, later, NOW, seededDatabase } from '../support/seeded.ts';
import { comeBack } from './returned.ts';

let db: FreshDatabase;
beforeEach(async () => {
  db = await seededDatabase();
});
afterEach(() => db.cleanup());

async function asks(who: string, issue: string): Promise<void> {
  const { id } = await castPerson(db.read, who);
  await db.write((tx) => askToBeTold(tx, id, issue, NOW));
}

async function tell(at = NOW, where = db as Db) {
  return tellWaiting(where, await issuesAt(where.read, at), SITE_URL, at);
}

const told = async () => (await db.read.select().from(letters)).map(({ toAddress }) => toAddress);

test('who asked is told when it holds, in one letter with the line and the proof', async () => {
  await asks('c-ines', 'exports-failed');
  await asks('c-ines', 'exports-failed');
  expect(await tell()).toBe(1);
  expect(await tell(later(86_400_000))).toBe(0);
  const [letter, ...more] = await deliver(db, NOW);
  expect(more).toEqual([]);
  expect(letter!.text).toContain(`${SITE_URL}/proofs/exports-finish`);
  expect(letter!.text).toMatch(/[\d.]+% of exports failed/);
});

test.each(['large-files-slow', 'nobody-told-you', 'sign-in-codes-late', 'no-next-step'])(
  'not while it isn’t fixed, is being watched or came back: %s',
  async (issue) => {
    await asks('c-idris', issue);
    expect(await tell()).toBe(0);
    expect(await told()).toEqual([]);
    expect(await db.read.$count(waits, eq(waits.toldAt, NOW.getTime()))).toBe(0);
  },
);

test('not to somebody whose own complaint is resolved only partly or not, until it is', async () => {
  await asks('c-idris', 'exports-failed');
  await asks('c-sunniva', 'exports-failed');
  await asks('c-maya', 'exports-failed');
  await tell();
  expect(await told()).toEqual(['maya@rennickpress.example']);
  const [hers] = await db.read.select().from(complaints).where(eq(complaints.ref, 'cast:c-27'));
  await db.write((tx) =>
    tx.update(resolutions).set({ resolved: 'fully' }).where(eq(resolutions.complaintId, hers!.id)),
  );
  await tell();
  expect(await told()).toEqual(['maya@rennickpress.example', 'post@hauglandfoto.example']);
});

test('two processes that tell at once write one letter each', async () => {
  for (const who of ['c-maya', 'c-bronagh', 'c-devika', 'c-ines', 'c-lucas']) await asks(who, 'exports-failed');
  const other = await openDatabase(db.url);
  await Promise.all([tell(), tell(NOW, other), tell(), tell(NOW, other)]);
  await other.close();
  expect((await told()).length).toBe(5);
  expect(await db.read.$count(waits, eq(waits.toldAt, NOW.getTime()))).toBe(5);
});

test('not to somebody who said no themselves, however well it holds for others', async () => {
  await asks('c-maya', 'exports-failed');
  const { id } = await castPerson(db.read, 'c-maya');
  const rejoin = await comeBack(db, 'c-maya', NOW);
  const [question] = await db.read.select().from(checkins).where(eq(checkins.rejoinId, rejoin.id));
  const about = { id: 'r-1', checkinId: question!.id, personId: id, issueId: 'exports-failed', owner: 'priya' };
  await db.write((tx) => tx.insert(reopenings).values({ ...about, openedAt: NOW.getTime(), dueOn: '2026-11-24' }));
  expect(await tell()).toBe(0);
});

test('asking again after the letter came is a new wish, and brings a second letter', async () => {
  await asks('c-ines', 'exports-failed');
  expect(await tell()).toBe(1);
  await asks('c-ines', 'exports-failed');
  expect(await tell(later(1000))).toBe(1);
  expect((await told()).length).toBe(2);
});
