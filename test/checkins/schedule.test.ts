import { asc, eq, isNotNull, isNull } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Db, openDatabase } from '../../db/client.ts';
import { checkins } from '../../db/schema/checkins.ts';
import { letters } from '../../db/schema/mail.ts';
import { persons } from '../../db/schema/people.ts';
import { askDueCheckins } from '../../src/checkins/schedule.ts';
import { onEnded, onUndone } from '../../src/reactions.ts';
import { deliver, tokensIn } from '../mail/post.ts';
import type { FreshDatabase } from '../support/database.ts';
import { castPerson, DAY_MS, issuesAt, later, NOW, seededDatabase } from '../support/seeded.ts';
import { comeBack } from './returned.ts';

let db: FreshDatabase;
beforeEach(async () => {
  db = await seededDatabase();
});
afterEach(() => db.cleanup());

async function ask(at: Date, where: Db = db): Promise<number> {
  return askDueCheckins(where, await issuesAt(where.read, at), at);
}

const planned = () => db.read.select().from(checkins).orderBy(asc(checkins.day));
const questions = () => db.read.select().from(letters).where(eq(letters.kind, 'checkin'));

test('a return plans one question for each of the site’s days, about what made them leave', async () => {
  await comeBack(db, 'c-maya', NOW);
  expect((await planned()).map(({ day, dueOn, issueId }) => [day, dueOn, issueId])).toEqual([
    [7, '2026-11-29', 'exports-failed'],
    [30, '2026-12-22', 'exports-failed'],
    [60, '2027-01-21', 'exports-failed'],
    [90, '2027-02-20', 'exports-failed'],
  ]);
});

test('nothing is asked about what was said in confidence: the question alone would tell', async () => {
  await comeBack(db, 'c-hannah', NOW);
  expect(await planned()).toEqual([]);
});

test('days are the site’s days: half past eleven in summer is London’s tomorrow', async () => {
  await comeBack(db, 'c-maya', new Date('2026-07-10T23:30:00Z'));
  expect((await planned())[0]!.dueOn).toBe('2026-07-18');
  expect(await ask(new Date('2026-07-18T06:59:59Z')), 'nobody is asked before eight in the morning').toBe(0);
  expect(await ask(new Date('2026-07-18T07:00:00Z'))).toBe(1);
});

test('the question comes once, with their words, what we measured and a link that answers nothing by itself', async () => {
  await comeBack(db, 'c-maya', NOW);
  const due = later(7 * DAY_MS);
  expect(await ask(later(7 * DAY_MS - DAY_MS))).toBe(0);
  expect(await ask(due)).toBe(1);
  expect(await ask(due)).toBe(0);
  expect(await ask(later(8 * DAY_MS))).toBe(0);
  const letter = (await deliver(db, due)).find(({ kind }) => kind === 'checkin')!;
  expect(letter).toMatchObject({ subject: 'Do your exports still finish?', fromName: 'Priya Nair' });
  expect(letter.text).toContain('Third Monday running');
  expect(letter.text).toMatch(/[\d.]+% of exports failed/);
  expect(letter.text).not.toMatch(/\{\w+\}/);
  expect(tokensIn(letter, 'check-in')).toHaveLength(1);
  const answered = await db.read.$count(checkins, isNotNull(checkins.answer));
  expect(answered).toBe(0);
});

test('words that name somebody else stay out of the letter; our note stands there and says so', async () => {
  await comeBack(db, 'c-lucas', NOW);
  await ask(later(7 * DAY_MS));
  const [letter] = await questions();
  expect(letter!.body).not.toContain('Colin');
  expect(letter!.body).toContain('(our note, not your words)');
});

test('what was said in confidence is in no letter', async () => {
  await comeBack(db, 'c-hannah', NOW);
  await ask(later(7 * DAY_MS));
  for (const letter of await questions()) expect(letter.body).not.toMatch(/refuge|address was|In confidence/);
});

test('two processes that ask at once ask once', async () => {
  for (const who of ['c-maya', 'c-ines', 'c-lucas', 'c-bronagh', 'c-sunniva']) await comeBack(db, who, NOW);
  const other = await openDatabase(db.url);
  const due = later(7 * DAY_MS);
  const counts = await Promise.all([ask(due), ask(due, other), ask(due), ask(due, other)]);
  await other.close();
  expect(counts.reduce((sum, count) => sum + count)).toBe(5);
  expect(await questions()).toHaveLength(5);
});

test('of several that came due while we were down only the newest is asked, by any number of processes', async () => {
  const people = ['c-maya', 'c-ines', 'c-lucas', 'c-bronagh', 'c-sunniva', 'c-devika', 'p-028', 'p-029', 'p-030'];
  for (const who of people) await comeBack(db, who, NOW);
  const other = await openDatabase(db.url);
  const late = later(61 * DAY_MS);
  await Promise.all([ask(late), ask(late, other), ask(late), ask(late, other)]);
  await ask(late);
  await other.close();
  expect(await questions()).toHaveLength(people.length);
  const asked = await db.read.select({ day: checkins.day }).from(checkins).where(isNotNull(checkins.askedAt));
  expect(asked.every(({ day }) => day === 60)).toBe(true);
  expect(await db.read.$count(checkins, isNull(checkins.askedAt))).toBe(3 * people.length);
});

test('broken off after the newest was asked, the next round does not ask the older ones after it', async () => {
  await comeBack(db, 'c-maya', NOW);
  let writes = 0;
  const dies: Db = {
    ...db,
    write(work) {
      writes += 1;
      return writes > 1 ? Promise.reject(new Error('killed')) : db.write(work);
    },
  };
  await ask(later(61 * DAY_MS), dies).catch(() => {});
  await ask(later(61 * DAY_MS));
  expect(await questions()).toHaveLength(1);
});

test.each([
  ['undone', onUndone],
  ['ended', onEnded],
] as const)('a return that is %s is asked nothing more', async (_, reaction) => {
  const rejoin = await comeBack(db, 'c-maya', NOW);
  await ask(later(7 * DAY_MS));
  await db.write((tx) => reaction(tx, rejoin, later(8 * DAY_MS)));
  expect(await ask(later(100 * DAY_MS))).toBe(0);
  expect((await planned()).map(({ cancelledAt }) => cancelledAt !== null)).toEqual([true, true, true, true]);
});

test('nobody is asked about what is known to have come back', async () => {
  await comeBack(db, 'c-anneke', NOW);
  expect(await ask(later(7 * DAY_MS))).toBe(0);
  expect(await questions()).toEqual([]);
});

test('who has no address is still asked on their page, and no letter is written', async () => {
  const maya = await castPerson(db.read, 'c-maya');
  await db.write((tx) => tx.update(persons).set({ email: null }).where(eq(persons.id, maya.id)));
  await comeBack(db, 'c-maya', NOW);
  expect(await ask(later(7 * DAY_MS))).toBe(1);
  expect(await db.read.$count(letters)).toBe(0);
});
