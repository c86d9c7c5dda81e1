import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq, isNull } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkins, reopenings } from '../../db/schema/checkins.ts';
import { letters } from '../../db/schema/mail.ts';
import { seedContent } from '../../db/seed.ts';
import { type Answer, addWords, answerCheckin } from '../../src/checkins/answer.ts';
import { noAnswersByIssue } from '../../src/checkins/answers.ts';
import { askDueCheckins, cancelCheckins } from '../../src/checkins/schedule.ts';
import { onAnswered } from '../../src/reactions.ts';
import type { FreshDatabase } from '../support/database.ts';
import { CONTENT, castPerson, DAY_MS, issuesAt, later, NOW, seededDatabase } from '../support/seeded.ts';
import { comeBack } from './returned.ts';

/** A Sunday, seven days after NOW: the first question is due. */
const ASKED = later(7 * DAY_MS);
let db: FreshDatabase;
beforeEach(async () => {
  db = await seededDatabase();
});
afterEach(() => db.cleanup());

/** Brings them back at NOW and asks the first question. */
async function asked(...people: string[]): Promise<void> {
  for (const who of people) await comeBack(db, who, NOW);
  await askDueCheckins(db, await issuesAt(db.read, ASKED), ASKED);
}

async function questionOf(who: string) {
  const { id } = await castPerson(db.read, who);
  const rows = await db.read.select().from(checkins).where(eq(checkins.personId, id)).orderBy(checkins.day);
  return rows[0]!;
}

async function answer(who: string, said: Answer, at = ASKED) {
  const { id } = await questionOf(who);
  return db.write((tx) => answerCheckin(tx, id, said, onAnswered, at));
}

const sent = async (kind: string) => (await db.read.select().from(letters)).filter((letter) => letter.kind === kind);
const stateOf = async (issue: string, at = ASKED) =>
  (await issuesAt(db.read, at)).find((one) => one.issue.id === issue)!.state.state;

test('yes and not sure are kept, and open nothing', async () => {
  await asked('c-maya', 'c-bronagh');
  await answer('c-maya', 'yes');
  await answer('c-bronagh', 'not_sure');
  expect(await questionOf('c-maya')).toMatchObject({ answer: 'yes', answeredAt: ASKED.getTime() });
  expect(await db.read.$count(reopenings)).toBe(0);
  expect(await stateOf('exports-failed')).toBe('holding');
  expect(await sent('owner-alert')).toEqual([]);
});

test('a no reopens it for them with an owner and a date, alerts the owner once, and the issue has come back', async () => {
  await asked('c-maya');
  expect(await stateOf('exports-failed')).toBe('holding');
  await answer('c-maya', 'no');
  const maya = await castPerson(db.read, 'c-maya');
  expect(await db.read.select().from(reopenings)).toEqual([
    expect.objectContaining({ personId: maya.id, issueId: 'exports-failed', owner: 'priya', dueOn: '2026-12-01' }),
  ]);
  expect(await stateOf('exports-failed')).toBe('came_back');
  const [alert, ...more] = await sent('owner-alert');
  expect(more).toEqual([]);
  expect(alert).toMatchObject({ toAddress: 'priya.nair@northline.example' });
  expect(alert!.body).toContain('1 December 2026');
  expect(alert!.subject + alert!.body, 'who it was and what they said stays on the desk').not.toMatch(
    /Maya|Monday running/,
  );
});

test.each([
  ['Wednesday', '2026-12-02T10:00:00Z', '2026-12-04'],
  ['Thursday', '2026-12-03T10:00:00Z', '2026-12-07'],
  ['Friday', '2026-12-04T10:00:00Z', '2026-12-08'],
  ['Saturday', '2026-12-05T10:00:00Z', '2026-12-08'],
  ['Sunday', '2026-12-06T10:00:00Z', '2026-12-08'],
  ['Friday night in summer, which is Saturday in London', '2027-07-02T23:30:00Z', '2027-07-06'],
  ['Sunday night in summer, which is Monday in London', '2027-07-04T23:30:00Z', '2027-07-07'],
])('a no on a %s is answered by two working days later', async (_, at, dueOn) => {
  await asked('c-maya');
  await answer('c-maya', 'no', new Date(at));
  expect(await db.read.select({ dueOn: reopenings.dueOn }).from(reopenings)).toEqual([{ dueOn }]);
});

test('the first answer stands, also when two are pressed at once', async () => {
  await asked('c-maya', 'c-bronagh');
  await answer('c-maya', 'yes');
  expect(await answer('c-maya', 'no')).toMatchObject({ checkin: { answer: 'yes' } });
  expect(await db.read.$count(reopenings)).toBe(0);
  await Promise.all((['no', 'yes', 'no', 'yes', 'no'] as const).map((said) => answer('c-bronagh', said)));
  expect(await questionOf('c-bronagh')).toMatchObject({ answer: 'no' });
  expect(await db.read.$count(reopenings)).toBe(1);
  expect(await sent('owner-alert')).toHaveLength(1);
});

test('a question that was not asked can’t be answered', async () => {
  await comeBack(db, 'c-maya', NOW);
  expect(await answer('c-maya', 'yes')).toMatchObject({ refused: true, code: 'not-asked' });
  const { id } = await questionOf('c-maya');
  await db.write((tx) => addWords(tx, id, 'too early'));
  expect(await questionOf('c-maya')).toMatchObject({ answer: null, words: null });
});

test('their sentence is kept with the answer, trimmed and of a bearable length', async () => {
  await asked('c-maya');
  const { id } = await questionOf('c-maya');
  await answer('c-maya', 'no');
  await db.write((tx) => addWords(tx, id, `  ${'x'.repeat(3000)}`));
  expect((await questionOf('c-maya')).words).toHaveLength(2000);
  await db.write((tx) => addWords(tx, id, ' It stopped again. '));
  expect((await questionOf('c-maya')).words).toBe('It stopped again.');
});

test('silence is never a yes: a year without answers leaves every question open and the state as it was', async () => {
  await asked('c-maya', 'c-bronagh');
  for (const days of [30, 60, 90, 365]) {
    const at = later(days * DAY_MS);
    await askDueCheckins(db, await issuesAt(db.read, at), at);
  }
  const answers = await db.read.select({ answer: checkins.answer, at: checkins.answeredAt }).from(checkins);
  expect(answers.every(({ answer: said, at }) => said === null && at === null)).toBe(true);
  expect(await noAnswersByIssue(db.read)).toEqual(new Map());
});

test('everyone else who came back for it is told once, however many say no that day', async () => {
  await asked('c-maya', 'c-bronagh', 'c-devika', 'c-lucas');
  await answer('c-maya', 'no');
  await answer('c-bronagh', 'no');
  const told = await sent('came-back');
  expect(told.map(({ toAddress }) => toAddress).sort()).toEqual([
    'devika@saltmarsh-theatre.example',
    'treasurer@lagansiderowing.example',
  ]);
  expect(told[0]).toMatchObject({ fromName: 'Priya Nair' });
  // It has come back already: another no on a later day is no news to them.
  await answer('c-devika', 'no', later(9 * DAY_MS));
  expect(await sent('came-back')).toHaveLength(2);
});

test('with a threshold of three, two no’s change nothing in public and the third tells everyone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'amends-content-'));
  cpSync(CONTENT, folder, { recursive: true });
  const site = readFileSync(join(folder, 'site.yaml'), 'utf8');
  writeFileSync(join(folder, 'site.yaml'), site.replace('no_answers: 1', 'no_answers: 3'));
  expect(await seedContent(db, folder, NOW)).toBe(1);
  rmSync(folder, { recursive: true });

  await asked('c-maya', 'c-bronagh', 'c-devika', 'c-sunniva');
  await answer('c-maya', 'no');
  await answer('c-bronagh', 'no', later(8 * DAY_MS));
  expect(await stateOf('exports-failed', later(8 * DAY_MS))).toBe('holding');
  expect(await sent('came-back')).toEqual([]);
  expect(await db.read.$count(reopenings), 'it is reopened for each of them all the same').toBe(2);
  await answer('c-devika', 'no', later(9 * DAY_MS));
  expect(await stateOf('exports-failed', later(9 * DAY_MS))).toBe('came_back');
  expect((await sent('came-back')).map(({ toAddress }) => toAddress).sort()).toEqual([
    'maya@rennickpress.example',
    'post@hauglandfoto.example',
    'treasurer@lagansiderowing.example',
  ]);
});

test('one person’s three no’s are one person’s', async () => {
  await asked('c-maya');
  await answer('c-maya', 'no');
  const answers = await noAnswersByIssue(db.read);
  const maya = await castPerson(db.read, 'c-maya');
  expect(answers.get('exports-failed')).toEqual([{ on: '2026-11-29', personId: maya.id }]);
});

test('their own later yes settles what their no opened', async () => {
  await asked('c-maya');
  await answer('c-maya', 'no');
  expect(await db.read.$count(reopenings, isNull(reopenings.settledAt))).toBe(1);
  const { personId } = await questionOf('c-maya');
  const [, second] = await db.read.select().from(checkins).where(eq(checkins.personId, personId)).orderBy(checkins.day);
  await db.write(async (tx) => {
    await tx.update(checkins).set({ askedAt: NOW.getTime() }).where(eq(checkins.id, second!.id));
    await answerCheckin(tx, second!.id, 'yes', onAnswered, later(30 * DAY_MS));
  });
  expect(await db.read.$count(reopenings, isNull(reopenings.settledAt))).toBe(0);
});

test('a question that was taken back takes no answer: after an undone return the public page stays as it is', async () => {
  await asked('c-maya');
  const { id, rejoinId } = await questionOf('c-maya');
  await db.write((tx) => cancelCheckins(tx, rejoinId!, ASKED));
  const answered = await db.write((tx) => answerCheckin(tx, id, 'no', onAnswered, ASKED));
  expect(answered).toMatchObject({ refused: true, code: 'not-asked' });
  expect(await stateOf('exports-failed')).toBe('holding');
});
