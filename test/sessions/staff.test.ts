import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { staff, staffSessions } from '../../db/schema/staff.ts';
import { beginSession, endSession, endSessionsOf, forgetEndedSessions, signedIn } from '../../src/sessions/staff.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { later, NOW } from '../support/seeded.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let db: FreshDatabase;
beforeEach(async () => {
  // Lucia reads the clock itself.
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
  db = await freshDatabase();
  await db.write((tx) => tx.insert(staff).values([worker('grace'), worker('sander')]));
});
afterEach(async () => {
  vi.useRealTimers();
  await db.cleanup();
});

function worker(id: string): typeof staff.$inferInsert {
  return { id, name: id, title: 'Works here', address: `${id}@n.example`, roles: ['writer'], addedAt: 0 };
}
const begin = (id = 'grace', former?: string) => db.write((tx) => beginSession(tx, id, former, new Date()));
/** Who this cookie signs in, this long after the beginning. */
async function at(ms: number, secret: string | undefined) {
  vi.setSystemTime(later(ms));
  return (await signedIn(db, secret, new Date()))?.staff.id ?? null;
}
const rows = () => db.read.select().from(staffSessions);

test('who signs in is known by the cookie, and by nothing else', async () => {
  const secret = await begin();
  expect(await at(0, secret)).toBe('grace');
  for (const cookie of [undefined, '', 'x', 'a'.repeat(43), `${secret} `, secret.slice(0, -1), secret.toUpperCase()])
    expect(await at(0, cookie)).toBeNull();
});

test('of a stolen table of a thousand sessions none signs in, whatever of it is made a cookie', async () => {
  for (let times = 0; times < 1000; times += 1) await begin(times % 2 ? 'grace' : 'sander');
  const stolen = await rows();
  expect(stolen).toHaveLength(1000);
  let signedInWith = 0;
  for (const { hash, staffId } of stolen) {
    const tries = [
      hash.toString('base64url'),
      hash.toString('hex'),
      hash.toString('base64'),
      hash.toString('latin1'),
      staffId,
    ];
    for (const cookie of tries) if (await signedIn(db, cookie, new Date())) signedInWith += 1;
  }
  expect(signedInWith).toBe(0);
  // The attempts took nothing from anyone.
  expect(await rows()).toHaveLength(1000);
});

describe('half an hour', () => {
  test('without a page ends it, to the moment', async () => {
    const secret = await begin();
    expect(await at(30 * MINUTE - 1, secret)).toBe('grace');
    const other = await begin();
    expect(await at(60 * MINUTE - 1, other)).toBeNull();
  });

  test.each([2, 5, 14, 16, 29])(
    'a page every %i minutes keeps everyone signed in for twelve hours',
    async (minutes) => {
      const secrets = await Promise.all(Array.from({ length: 3 }, () => begin()));
      for (let passed = minutes; passed * MINUTE < 12 * HOUR; passed += minutes) {
        for (const secret of secrets) expect([passed, await at(passed * MINUTE, secret)]).toEqual([passed, 'grace']);
      }
      expect(await rows()).toHaveLength(3);
    },
  );

  test('many pages within a minute write once', async () => {
    const secret = await begin();
    await at(2 * MINUTE, secret);
    const [once] = await rows();
    for (let second = 1; second < 60; second += 1) await at(2 * MINUTE + second * 1000, secret);
    expect(await rows()).toEqual([once]);
  });
});

test('twelve hours end it, however busy somebody was', async () => {
  const secret = await begin();
  for (let passed = 10; passed < 12 * 60; passed += 10) expect(await at(passed * MINUTE, secret)).toBe('grace');
  expect(await at(12 * HOUR - 1, secret)).toBe('grace');
  expect(await at(12 * HOUR, secret)).toBeNull();
});

test('signing in again is another session, and the one before is over', async () => {
  const former = await begin();
  const secret = await begin('grace', former);
  expect(secret).not.toBe(former);
  expect(await at(0, former)).toBeNull();
  expect(await at(0, secret)).toBe('grace');
});

test('a cookie that was planted before signing in is not the one that signs in', async () => {
  const planted = 'P'.repeat(43);
  const secret = await begin('grace', planted);
  expect(secret).not.toBe(planted);
  expect(await at(0, planted)).toBeNull();
});

test('signing out ends this browser alone; leaving ends all of them at once', async () => {
  const [here, there, colleague] = [await begin(), await begin(), await begin('sander')];
  await db.write((tx) => endSession(tx, here));
  expect([await at(0, here), await at(0, there)]).toEqual([null, 'grace']);
  await db.write((tx) => endSessionsOf(tx, 'grace'));
  expect([await at(0, there), await at(0, colleague)]).toEqual([null, 'sander']);
});

test('a session of somebody who left is none, even while its row is still there', async () => {
  const secret = await begin();
  await db.write((tx) => tx.update(staff).set({ leftAt: NOW.getTime() }).where(eq(staff.id, 'grace')));
  expect(await at(0, secret)).toBeNull();
});

test('what has run out is forgotten, and nothing else', async () => {
  await begin();
  vi.setSystemTime(later(20 * MINUTE));
  const younger = await begin();
  const now = later(30 * MINUTE);
  expect(await db.write((tx) => forgetEndedSessions(tx, now))).toBe(1);
  expect(await at(30 * MINUTE, younger)).toBe('grace');
  expect(await db.write((tx) => forgetEndedSessions(tx, now))).toBe(0);
});
