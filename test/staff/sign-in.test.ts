import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { letters } from '../../db/schema/mail.ts';
import { codes } from '../../db/schema/sessions.ts';
import { audit, staffSessions } from '../../db/schema/staff.ts';
import { mintFor } from '../../src/invitations/letters.ts';
import { deliverDueLetters, type Outgoing } from '../../src/mail/delivery.ts';
import { markBrowser } from '../../src/sessions/browsers.ts';
import { signedIn } from '../../src/sessions/staff.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { endAccess } from '../../src/staff/colleagues.ts';
import { askToSignIn, ownPath, signIn } from '../../src/staff/sign-in.ts';
import type { FreshDatabase } from '../support/database.ts';
import { later, NOW, seededDatabase } from '../support/seeded.ts';

const GRACE = 'grace.adeyemi@northline.example';

let db: FreshDatabase;
let sent: Outgoing[];
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
  db = await seededDatabase();
  sent = [];
});
afterEach(async () => {
  vi.useRealTimers();
  await db.cleanup();
});

const ask = (address: string, now = NOW) => db.write((tx) => askToSignIn(tx, address, now));
const enter = (typed: string, now = NOW, address = GRACE, former?: string) =>
  db.write((tx) => signIn(tx, { address, typed, former }, now));
/** Sends what waits and answers the code of the newest letter. */
async function codeInPost(now = NOW): Promise<string> {
  const transport = async (letter: Outgoing) => void sent.push(letter);
  const mint = mintFor('http://127.0.0.1:1');
  await deliverDueLetters(db, { transport, heldBecause: async () => null, mint }, now);
  return /\d{6}/.exec(sent.at(-1)!.text)![0];
}
const other = (code: string) => (code === '000000' ? '000001' : '000000');

test('a mailed code signs in, once, and that is written down', async () => {
  await ask(` ${GRACE.toUpperCase()} `);
  const code = await codeInPost();
  expect(sent[0]).toMatchObject({ to: GRACE, kind: 'staff-code' });
  const secret = await enter(code);
  expect(await signedIn(db, secret as string, NOW)).toMatchObject({ staff: { id: 'grace' }, at: NOW });
  expect(await enter(code)).toMatchObject({ code: 'wrong-code' });
  const said = (await db.read.select().from(audit)).filter(({ action }) => action === 'signed in');
  expect(said).toMatchObject([{ staffId: 'grace', subject: 'staff:grace' }]);
});

test('what can be no code costs no try', async () => {
  await ask(GRACE);
  const code = await codeInPost();
  for (const typed of ['', '12345', 'abcdef', '1234567', ' ', '12 34'])
    expect(await enter(typed)).toMatchObject({
      code: 'no-code',
      sentence: 'Type the six digits of your newest letter.',
    });
  expect(typeof (await enter(`${code.slice(0, 3)} ${code.slice(3)}`))).toBe('string');
});

test('the letter that waits holds no code, and the database none that could be typed', async () => {
  await ask(GRACE);
  expect((await db.read.select().from(letters)).at(-1)!.body).toContain('{code}');
  const code = await codeInPost();
  expect(JSON.stringify(await db.read.select().from(letters))).not.toContain(code);
});

describe('whoever asks learns nothing', () => {
  test('an address of nobody, and of somebody who left, is met with the same answer and no letter', async () => {
    await db.write((tx) => endAccess(tx, null, 'grace', NOW));
    for (const address of ['nobody@northline.example', GRACE, '', 'x'.repeat(5000)]) {
      expect(await ask(address)).toBeUndefined();
      expect(await enter('123456', NOW, address)).toMatchObject({ code: 'wrong-code' });
    }
    expect(await db.read.select().from(codes)).toEqual([]);
    expect(await db.read.select().from(staffSessions)).toEqual([]);
  });

  test('a wrong code, a used one, an old one and none at all are refused in the same words', async () => {
    const sentences = new Set<string>();
    const refused = async (typed: string, now = NOW) => {
      const done = await enter(typed, now);
      sentences.add(isRefusal(done) ? done.sentence : 'signed in');
    };
    await refused('123456');
    await ask(GRACE);
    await refused('123456');
    const code = await codeInPost();
    await refused(other(code));
    await refused(code, later(10 * 60_000));
    expect([...sentences]).toEqual([
      'That code does not work. After five wrong tries, or 10 minutes, the right one doesn’t either: then ask for a new code. Otherwise check the newest letter.',
    ]);
  });
});

describe('limits', () => {
  test('five letters an hour, then none, without saying so', async () => {
    for (let times = 0; times < 8; times += 1) await ask(GRACE);
    expect(await db.read.select().from(codes)).toHaveLength(5);
    await ask(GRACE, later(3_600_000));
    expect(await db.read.select().from(codes)).toHaveLength(6);
  });

  test('five wrong tries spend a code', async () => {
    await ask(GRACE);
    const code = await codeInPost();
    for (let times = 0; times < 5; times += 1) await enter(other(code));
    expect(await enter(code)).toMatchObject({ code: 'wrong-code' });
  });

  test('twenty wrong tries end a day of guessing, and the next day is one’s own again', async () => {
    for (let letter = 0; letter < 4; letter += 1) {
      await ask(GRACE);
      const code = await codeInPost();
      for (let times = 0; times < 5; times += 1) await enter(other(code));
    }
    await ask(GRACE, later(2 * 3_600_000));
    expect(await db.read.select().from(codes)).toHaveLength(4);
    const tomorrow = later(86_400_000);
    await ask(GRACE, tomorrow);
    const code = await codeInPost(tomorrow);
    expect(isRefusal(await enter(code, tomorrow))).toBe(false);
  });

  test('a stranger who guesses elsewhere neither locks her own browser, nor spends its code, nor uses up its letters', async () => {
    const hers = markBrowser('grace');
    const askHere = (now = NOW) => db.write((tx) => askToSignIn(tx, GRACE, now, hers));
    const enterHere = (typed: string, known = hers, now = NOW) =>
      db.write((tx) => signIn(tx, { address: GRACE, typed, former: undefined, known }, now));
    await askHere();
    const mine = await codeInPost();
    for (let letter = 0; letter < 5; letter += 1) {
      await ask(GRACE, later(letter));
      for (let times = 0; times < 5; times += 1) await enter(other(mine), later(letter));
    }
    // Her code is worth nothing in another browser, nor with a cookie that we did not make for her.
    for (const known of [undefined, 'x', markBrowser('ruth'), `${hers.split('.')[0]}.${'a'.repeat(43)}`]) {
      const done = await db.write((tx) => signIn(tx, { address: GRACE, typed: mine, former: undefined, known }, NOW));
      expect(done).toMatchObject({ code: 'wrong-code' });
    }
    expect(typeof (await enterHere(mine))).toBe('string');
    await askHere(later(1000));
    expect(typeof (await enterHere(await codeInPost(later(1000)), hers, later(1000)))).toBe('string');
  });

  test('in her own browser twenty wrong tries end the day as well', async () => {
    const known = markBrowser('grace');
    for (let letter = 0; letter < 4; letter += 1) {
      await db.write((tx) => askToSignIn(tx, GRACE, NOW, known));
      const code = await codeInPost();
      for (let times = 0; times < 5; times += 1)
        await db.write((tx) => signIn(tx, { address: GRACE, typed: other(code), former: undefined, known }, NOW));
    }
    await db.write((tx) => askToSignIn(tx, GRACE, later(2 * 3_600_000), known));
    expect(await db.read.select().from(codes)).toHaveLength(4);
  });

  test('right codes are no guesses', async () => {
    for (let day = 0; day < 30; day += 1) {
      const now = later(day * 3_600_000);
      await ask(GRACE, now);
      expect(isRefusal(await enter(await codeInPost(now), now))).toBe(false);
    }
  });
});

test.each([
  ['/staff', '/staff'],
  ['/staff/drafts/proofs/exports-finish', '/staff/drafts/proofs/exports-finish'],
  ['/staff/log?subject=proofs%3Aa&before=3', '/staff/log?subject=proofs%3Aa&before=3'],
  ['/', '/staff'],
  ['/for/abc', '/staff'],
  ['https://evil.example/staff', '/staff'],
  ['//evil.example/staff', '/staff'],
  ['/staff//evil.example', '/staff'],
  ['/staff/../for/x', '/staff'],
  ['/staff\\evil.example', '/staff'],
  ['/staffing', '/staff'],
  ['/staff/sign-in', '/staff'],
  ['/staff/sign-out', '/staff'],
  ['/staff?x=\r\nSet-Cookie: a', '/staff'],
  [null, '/staff'],
])('after signing in, %j leads to %s', (to, path) => {
  expect(ownPath(to)).toBe(path);
});
