import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Db, openDatabase } from '../../db/client.ts';
import { codes } from '../../db/schema/sessions.ts';
import type { Person } from '../../src/invitations/links.ts';
import { askForCode, enterCode, mintCodeFor } from '../../src/sessions/codes.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { hashSecret } from '../../src/shared/secrets.ts';
import type { FreshDatabase } from '../support/database.ts';
import { must } from '../support/must.ts';
import { castPerson, later, NOW, seededDatabase } from '../support/seeded.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
let db: FreshDatabase;
let maya: Person;
beforeAll(async () => {
  db = await seededDatabase();
  maya = await castPerson(db.read, 'c-maya');
});
afterAll(() => db.cleanup());
beforeEach(() => db.write((tx) => tx.delete(codes)));

async function ask(at = NOW, personId = maya.id): Promise<string> {
  return db.write(async (tx) => {
    const asked = must(await askForCode(tx, { personId }, at));
    return asked.codeId;
  });
}

/** Asked for and sent. */
async function code(at = NOW, personId = maya.id): Promise<string> {
  const codeId = await ask(at, personId);
  return db.write((tx) => mintCodeFor(tx, codeId, at));
}

function enter(typed: string, at = NOW, personId = maya.id, where: Db = db) {
  return where.write((tx) => enterCode(tx, { personId }, typed, at));
}

const wrongOf = (right: string) => String((Number(right) + 1) % 1_000_000).padStart(6, '0');

test('the right code works once', async () => {
  const right = await code();
  expect(right).toMatch(/^\d{6}$/);
  expect(await enter(right)).toBe(true);
  expect(await enter(right)).toMatchObject({ refused: true, code: 'no-code' });
});

test('it may be typed with spaces', async () => {
  const right = await code();
  expect(await enter(` ${right.slice(0, 3)} ${right.slice(3)} `)).toBe(true);
});

test('it works for ten minutes from the moment its letter is sent', async () => {
  const codeId = await ask();
  const sentAt = later(7 * MINUTE);
  const right = await db.write((tx) => mintCodeFor(tx, codeId, sentAt));
  expect(await enter(right, later(10 * MINUTE, sentAt))).toMatchObject({ code: 'no-code' });
  expect(await enter(right, later(10 * MINUTE - 1, sentAt))).toBe(true);
});

test('four wrong tries leave one, five leave none', async () => {
  const spared = await code();
  for (let tries = 0; tries < 4; tries += 1) expect(await enter(wrongOf(spared))).toMatchObject({ code: 'wrong-code' });
  expect(await enter(spared)).toBe(true);

  const burnt = await code(later(1));
  for (let tries = 0; tries < 5; tries += 1)
    expect(await enter(wrongOf(burnt), later(2))).toMatchObject({ code: 'wrong-code' });
  expect(await enter(burnt, later(2))).toMatchObject({ code: 'no-code' });
});

test('only the newest counts', async () => {
  const older = await code();
  const newest = await code(later(1));
  expect(await enter(older, later(2))).toMatchObject({ code: 'wrong-code' });
  expect(await enter(newest, later(2))).toBe(true);
});

test('an older code does not come back to life when the newest is used or spent', async () => {
  const older = await code();
  const newest = await code(later(1));
  expect(await enter(newest, later(2))).toBe(true);
  expect(await enter(older, later(3))).toMatchObject({ code: 'no-code' });

  const spent = await code(later(4));
  for (let tries = 0; tries < 5; tries += 1) await enter(wrongOf(spent), later(5));
  expect(await enter(older, later(6))).toMatchObject({ code: 'no-code' });
});

test('a letter that is sent again carries a new code, and the first stops working', async () => {
  const codeId = await ask();
  const first = await db.write((tx) => mintCodeFor(tx, codeId, NOW));
  const second = await db.write((tx) => mintCodeFor(tx, codeId, later(1)));
  expect(first).not.toBe(second);
  expect(await enter(first, later(2))).toMatchObject({ code: 'wrong-code' });
  expect(await enter(second, later(2))).toBe(true);
});

test('a code that has not been sent can’t be entered, and neither can another person’s', async () => {
  await ask();
  expect(await enter('000000')).toMatchObject({ code: 'on-its-way' });
  expect(await enter('000000', later(1))).toMatchObject({ code: 'on-its-way' });
  const idris = await castPerson(db.read, 'c-idris');
  const theirs = await code(NOW, idris.id);
  expect(await enter(theirs)).toMatchObject({ code: 'on-its-way' });
  expect(await enter(theirs, NOW, idris.id)).toBe(true);
});

test('the sixth within an hour is refused with a sentence, an hour later it is not', async () => {
  for (let times = 0; times < 5; times += 1) await ask(later(times * MINUTE));
  const sixth = await db.write((tx) => askForCode(tx, { personId: maya.id }, later(HOUR - 1)));
  expect(sixth).toMatchObject({ code: 'too-many-codes', sentence: expect.stringMatching(/five codes/) });
  expect(await db.read.$count(codes)).toBe(5);
  await ask(later(HOUR));
});

test('entered twice at once, in two processes, it works once', async () => {
  const other = await openDatabase(db.url);
  for (let round = 0; round < 10; round += 1) {
    await db.write((tx) => tx.delete(codes));
    const right = await code();
    const answers = await Promise.all([db, other, db, other].map((where) => enter(right, NOW, maya.id, where)));
    expect(answers.filter((answer) => answer === true)).toHaveLength(1);
  }
  await other.close();
});

test('a guesser with a hundred parallel tries gets five', async () => {
  const right = await code();
  const tries = Array.from({ length: 100 }, (_, at) => String((Number(right) + 1 + at) % 1_000_000).padStart(6, '0'));
  const answers = await Promise.all(tries.map((typed) => enter(typed)));
  expect(answers.filter((answer) => isRefusal(answer) && answer.code === 'wrong-code')).toHaveLength(5);
});

test('neither the code nor a plain hash of it is in the table', async () => {
  const right = await code();
  const [row] = await db.read.select().from(codes).where(eq(codes.personId, maya.id));
  expect(row!.hash!.toString('latin1')).not.toContain(right);
  expect(row!.hash!.equals(hashSecret(right))).toBe(false);
});
