import { asc, eq, isNull } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { checkins, ownerAnswers, promises, reopenings } from '../../db/schema/checkins.ts';
import { holds } from '../../db/schema/invitations.ts';
import { letters } from '../../db/schema/mail.ts';
import { complaints, departures, persons } from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { type Answer, answerCheckin } from '../../src/checkins/answer.ts';
import { saidOnLeaving, sayWhyTheyLeft } from '../../src/checkins/leaving.ts';
import { keepPromise, promisesFor, tellMissed } from '../../src/checkins/promises.ts';
import { answerReopening, judgeAnswer, openReopenings, passOnLate } from '../../src/checkins/reopen.ts';
import { askDueCheckins } from '../../src/checkins/schedule.ts';
import { standingHolds } from '../../src/invitations/holds.ts';
import { mainComplaint } from '../../src/people/diagnosis.ts';
import { onAnswered, onEnded, onLate, onMissed, onNotSettled, onUndone } from '../../src/reactions.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { deliver, tokensIn } from '../mail/post.ts';
import type { FreshDatabase } from '../support/database.ts';
import { castPerson, DAY_MS, issuesAt, later, NOW, seededDatabase } from '../support/seeded.ts';
import { comeBack } from './returned.ts';

/** A Sunday: the first question is due, and an answer to a no by Tuesday 1 December. */
const ASKED = later(7 * DAY_MS);
let db: FreshDatabase;
beforeEach(async () => {
  db = await seededDatabase();
});
afterEach(() => db.cleanup());

const ask = async (at: Date) => askDueCheckins(db, await issuesAt(db.read, at), at);
const sent = async (kind: string) => (await db.read.select().from(letters)).filter((letter) => letter.kind === kind);
const openOnes = () => db.read.select().from(reopenings).where(isNull(reopenings.settledAt));
const questions = () => db.read.select().from(checkins).orderBy(asc(checkins.day));

async function saysNo(who = 'c-maya', answer: Answer = 'no') {
  const rejoin = await comeBack(db, who, NOW);
  await ask(ASKED);
  const { id: personId } = await castPerson(db.read, who);
  const [question] = await db.read.select().from(checkins).where(eq(checkins.personId, personId)).orderBy(checkins.day);
  await db.write((tx) => answerCheckin(tx, question!.id, answer, onAnswered, ASKED));
  return { rejoin, checkin: question!, reopening: (await openOnes()).find((one) => one.personId === personId)! };
}

const reply = (reopeningId: string, doneBy?: string, at = later(8 * DAY_MS)) =>
  db.write((tx) =>
    answerReopening(
      tx,
      { reopeningId, by: 'priya', words: 'We found the worker that stopped.', ...(doneBy ? { doneBy } : {}) },
      at,
    ),
  );
const judge = async (settled: boolean, at = later(9 * DAY_MS)) => {
  const [question] = await questions();
  return db.write((tx) => judgeAnswer(tx, question!, settled, onNotSettled, at));
};

describe('a no, from the first to the last word', () => {
  test('the owner’s answer goes to the person at once, with a link to the page on which they judge it', async () => {
    const { reopening } = await saysNo();
    expect(isRefusal(await reply(reopening.id, '2026-12-04'))).toBe(false);
    const letter = (await deliver(db, later(8 * DAY_MS))).find(({ kind }) => kind === 'owner-answer')!;
    expect(letter).toMatchObject({ to: 'maya@rennickpress.example', fromName: 'Priya Nair' });
    expect(letter.text).toContain('We found the worker that stopped.');
    expect(letter.text).toContain('4 December 2026');
    expect(tokensIn(letter, 'check-in')).toHaveLength(1);
    expect(letter.text).not.toMatch(/\{\w+\}/);
  });

  test('an answer settles nothing: the person alone does, and with that the hold on invitations goes', async () => {
    const { reopening } = await saysNo();
    expect(await standingHolds(db.read)).toMatchObject([{ issueId: 'exports-failed', reopeningId: reopening.id }]);
    await judge(true);
    expect(await openOnes(), 'nothing was answered yet, so there is nothing to judge').toHaveLength(1);
    await reply(reopening.id);
    expect(await openOnes()).toHaveLength(1);
    await judge(true);
    expect(await openOnes()).toEqual([]);
    expect(await standingHolds(db.read)).toEqual([]);
    expect(await reply(reopening.id)).toMatchObject({ code: 'settled' });
  });

  test('“not settled”: a new answer is owed by a new day, the owner is told again, and the hold stays', async () => {
    const { reopening } = await saysNo();
    await reply(reopening.id);
    await judge(false);
    expect(await openOnes()).toMatchObject([{ answeredAt: null, dueOn: '2026-12-03' }]);
    expect(await sent('owner-alert')).toHaveLength(2);
    expect(await standingHolds(db.read)).toHaveLength(1);
    await reply(reopening.id, undefined, later(10 * DAY_MS));
    expect(await db.read.$count(ownerAnswers)).toBe(2);
  });

  test('a promised day brings one question more, the day after, although the issue is known to have come back', async () => {
    const { reopening } = await saysNo();
    await reply(reopening.id, '2026-12-04');
    expect((await questions()).map(({ day, dueOn }) => [day, dueOn])).toContainEqual([13, '2026-12-05']);
    expect(await ask(new Date('2026-12-04T12:00:00Z'))).toBe(0);
    expect(await ask(new Date('2026-12-05T12:00:00Z'))).toBe(1);
    const followUp = (await questions()).find(({ followUpOf }) => followUpOf !== null)!;
    await db.write((tx) => answerCheckin(tx, followUp.id, 'yes', onAnswered, new Date('2026-12-05T13:00:00Z')));
    expect(await openOnes()).toEqual([]);
  });

  test('a second no is the same matter: one reopening, and an answer is owed again', async () => {
    const { reopening } = await saysNo();
    await reply(reopening.id, '2026-12-04');
    await ask(new Date('2026-12-05T12:00:00Z'));
    const followUp = (await questions()).find(({ followUpOf }) => followUpOf !== null)!;
    await db.write((tx) => answerCheckin(tx, followUp.id, 'no', onAnswered, new Date('2026-12-05T13:00:00Z')));
    expect(await openOnes()).toMatchObject([{ id: reopening.id, answeredAt: null, dueOn: '2026-12-08' }]);
    expect(await sent('owner-alert')).toHaveLength(2);
  });

  test('no follow-up for somebody who has left again', async () => {
    const { reopening, rejoin } = await saysNo();
    await db.write((tx) => tx.update(rejoins).set({ state: 'ended' }).where(eq(rejoins.id, rejoin.id)));
    await reply(reopening.id, '2026-12-04');
    expect((await questions()).filter(({ followUpOf }) => followUpOf !== null)).toEqual([]);
  });

  test.each([
    ['nothing in it', { words: ' ' }, 'no-answer'],
    ['a day that has passed', { doneBy: '2026-11-20' }, 'no-such-day'],
    ['a day that is none', { doneBy: 'soon' }, 'no-such-day'],
  ])('an answer with %s is refused', async (_, part, code) => {
    const { reopening } = await saysNo();
    const answer = { reopeningId: reopening.id, by: 'priya', words: 'We found it.', ...part };
    expect(await db.write((tx) => answerReopening(tx, answer, ASKED))).toMatchObject({ code });
    expect(await db.read.$count(ownerAnswers)).toBe(0);
  });

  test('late is passed on once for a due date, by however many processes, to somebody above and to the owner', async () => {
    await saysNo();
    const other = await openDatabase(db.url);
    const on = (day: string) => new Date(`${day}T12:00:00Z`);
    expect(await passOnLate(db, onLate, on('2026-12-01'))).toBe(0);
    const counts = await Promise.all([db, other, db, other].map((one) => passOnLate(one, onLate, on('2026-12-02'))));
    await other.close();
    expect(counts.reduce((sum, count) => sum + count)).toBe(1);
    const late = await sent('owner-late');
    expect(late.map(({ toAddress }) => toAddress).sort()).toEqual([
      'priya.nair@northline.example',
      'sander.dewit@northline.example',
    ]);
    expect(late[0]!.body, 'who it was and what they said stays on the desk').not.toMatch(/Maya|Monday running/);
    expect(await passOnLate(db, onLate, on('2026-12-09'))).toBe(0);
  });

  test('the desk sees what is open, with their words, what was answered and what is late', async () => {
    const { reopening } = await saysNo();
    expect(await openReopenings(db.read, '2026-12-01')).toMatchObject([
      {
        reopening: { id: reopening.id },
        person: { firstName: 'Maya' },
        complaint: { ref: 'cast:c-01' },
        late: false,
        answers: [],
      },
    ]);
    expect((await openReopenings(db.read, '2026-12-02'))[0]!.late).toBe(true);
    await reply(reopening.id);
    expect((await openReopenings(db.read, '2026-12-09'))[0]).toMatchObject({ late: false, answers: [{ by: 'priya' }] });
  });

  test('holidays are no working days: a no on Christmas Eve is answered by the Wednesday after', async () => {
    await comeBack(db, 'c-maya', NOW);
    const eve = new Date('2026-12-24T12:00:00Z');
    await ask(eve);
    const asked = (await questions()).find(({ askedAt }) => askedAt !== null)!;
    await db.write((tx) => answerCheckin(tx, asked.id, 'no', onAnswered, eve));
    expect((await openOnes())[0]!.dueOn).toBe('2026-12-30');
    expect(await db.read.$count(holds)).toBe(1);
  });
});

describe('promises made with the offer', () => {
  const at = (day: string) => new Date(`${day}T12:00:00Z`);
  const states = async (rejoinId: string, day: string) =>
    (await promisesFor(db.read, rejoinId, 'Europe/London', at(day))).map(({ state }) => state);

  test('each has its day, and the dates say whether it was kept, kept late, or missed', async () => {
    const rejoin = await comeBack(db, 'c-maya', NOW);
    const [first, second] = await promisesFor(db.read, rejoin.id, 'Europe/London', NOW);
    expect([first!.dueOn, second!.dueOn]).toEqual(['2026-11-29', '2026-12-06']);
    expect(await states(rejoin.id, '2026-11-29')).toEqual(['open', 'open']);
    expect(await states(rejoin.id, '2026-11-30')).toEqual(['missed', 'open']);
    const keep = (promiseId: string, day: string) =>
      db.write((tx) =>
        keepPromise(tx, { promiseId, by: 'priya', note: 'Your report came out in 14 seconds.' }, at(day)),
      );
    expect(isRefusal(await keep(first!.id, '2026-12-01'))).toBe(false);
    expect(isRefusal(await keep(second!.id, '2026-12-06'))).toBe(false);
    expect(await states(rejoin.id, '2027-03-01')).toEqual(['late', 'kept']);
    expect(await keep(first!.id, '2026-12-07')).toMatchObject({ code: 'not-open' });
  });

  test('its owner is told once when the day has passed', async () => {
    await comeBack(db, 'c-maya', NOW);
    expect(await tellMissed(db, onMissed, at('2026-11-29'))).toBe(0);
    expect(await tellMissed(db, onMissed, at('2026-11-30'))).toBe(1);
    expect(await tellMissed(db, onMissed, at('2026-12-01'))).toBe(0);
    expect(await sent('owner-promise')).toMatchObject([{ toAddress: 'priya.nair@northline.example' }]);
  });

  test('an undone return takes what was not due with it, and leaves what was missed', async () => {
    const rejoin = await comeBack(db, 'c-maya', NOW);
    await db.write((tx) => onUndone(tx, { ...rejoin, refundedAmount: 960 }, at('2026-12-01')));
    expect(await states(rejoin.id, '2027-01-01')).toEqual(['missed']);
    expect(await db.read.$count(promises, isNull(promises.cancelledAt))).toBe(0);
  });

  test('a return that completes twice promises once', async () => {
    const rejoin = await comeBack(db, 'c-maya', NOW);
    const { makePromises } = await import('../../src/checkins/promises.ts');
    await db.write((tx) => makePromises(tx, rejoin, later(1000)));
    expect(await db.read.$count(promises)).toBe(2);
  });
});

describe('leaving again', () => {
  const END = later(40 * DAY_MS);

  test('is asked why, once, in one letter', async () => {
    const rejoin = await comeBack(db, 'c-maya', NOW);
    await db.write((tx) => onEnded(tx, rejoin, END));
    await db.write((tx) => onEnded(tx, rejoin, later(1000, END)));
    const [letter, ...more] = await sent('left-again');
    expect(more).toEqual([]);
    expect(letter!.mint).toMatchObject({ link: 'page:left' });
  });

  test('is not asked by letter when they said it on their page already', async () => {
    const rejoin = await comeBack(db, 'c-maya', NOW);
    await db.write((tx) => sayWhyTheyLeft(tx, rejoin, 'The exports, again.', END));
    await db.write((tx) => onEnded(tx, rejoin, END));
    expect(await sent('left-again')).toEqual([]);
  });

  test('what they say is their main complaint now, of a departure of its own; the first stands', async () => {
    const rejoin = await comeBack(db, 'c-maya', NOW);
    await db.write((tx) => sayWhyTheyLeft(tx, rejoin, ' The exports, again. ', END));
    await db.write((tx) => sayWhyTheyLeft(tx, rejoin, 'Something else.', later(1000, END)));
    expect(await saidOnLeaving(db.read, rejoin)).toBe('The exports, again.');
    const told = await db.read.select().from(complaints).where(eq(complaints.personId, rejoin.personId));
    const left = await db.read.select().from(departures).where(eq(departures.personId, rejoin.personId));
    expect(left).toHaveLength(2);
    expect(mainComplaint(told, left)).toMatchObject({ words: 'The exports, again.', issueId: null });
  });

  test('somebody who comes back twice has two returns with questions of their own, and those of the first stay closed', async () => {
    const first = await comeBack(db, 'c-maya', NOW);
    await db.write(async (tx) => {
      await tx.update(rejoins).set({ state: 'ended' }).where(eq(rejoins.id, first.id));
      await onEnded(tx, first, END);
    });
    const again = later(50 * DAY_MS);
    const second = await comeBack(db, 'c-maya', again);
    const of = async (id: string) => db.read.select().from(checkins).where(eq(checkins.rejoinId, id));
    expect((await of(first.id)).every(({ cancelledAt }) => cancelledAt !== null)).toBe(true);
    expect(await of(second.id)).toHaveLength(4);
    expect(await ask(later(7 * DAY_MS, again))).toBe(1);
  });
});

test('who stopped our letters is sent no owner’s answer, and reads it on the page', async () => {
  const { reopening } = await saysNo();
  const { suppress } = await import('../../src/people/suppression.ts');
  await db.write((tx) => suppress(tx, 'maya@rennickpress.example', 'stopped', NOW));
  await reply(reopening.id);
  expect((await deliver(db, later(8 * DAY_MS))).filter(({ kind }) => kind === 'owner-answer')).toEqual([]);
  expect(await db.read.$count(persons, eq(persons.id, reopening.personId))).toBe(1);
  expect(await db.read.$count(ownerAnswers)).toBe(1);
});
