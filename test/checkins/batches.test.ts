import { eq } from 'drizzle-orm';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { answerBatches, checkins, erasedAnswers, reopenings } from '../../db/schema/checkins.ts';
import { holds } from '../../db/schema/invitations.ts';
import { letters } from '../../db/schema/mail.ts';
import { complaints, persons } from '../../db/schema/people.ts';
import { roleOffers } from '../../db/schema/reonboarding.ts';
import { type Answer, answerCheckin } from '../../src/checkins/answer.ts';
import { noAnswersByIssue } from '../../src/checkins/answers.ts';
import { type Asked, batchOf, closeBatches } from '../../src/checkins/batches.ts';
import { tallyOf } from '../../src/checkins/tally.ts';
import { erasePerson } from '../../src/people/erase.ts';
import { onAnswered, onBatchClosed } from '../../src/reactions.ts';
import { addDays, type Day } from '../../src/shared/dates.ts';
import type { FreshDatabase } from '../support/database.ts';
import { issuesAt, seededDatabase } from '../support/seeded.ts';
import { comeBack } from './returned.ts';

const FLOOR = 20;
const answers = fc.constantFrom<Answer | null>('yes', 'no', 'not_sure', null);
const START = '2026-01-10';
const DAYS = 200;
/** Who was asked what when, and what each said how soon. */
const history = fc.array(
  fc
    .record({
      who: fc.integer({ min: 0, max: 45 }),
      asked: fc.integer({ min: 0, max: DAYS }),
      after: fc.integer({ min: 0, max: 20 }),
      answer: answers,
    })
    .map(({ who, asked, after, answer }): Asked => {
      const askedOn = addDays(START, asked);
      return { personId: `p${who}`, askedOn, answer, answeredOn: answer && addDays(askedOn, after) };
    }),
  { minLength: 0, maxLength: 160, size: 'max' },
);

type Public = { on: Day; numbers: ReturnType<typeof batchOf> };

/** Month by month: every difference that a public page would show because of these answers. */
function published(asked: readonly Asked[]): Public[] {
  const all: Public[] = [];
  for (let month = '2026-01-01'; month < '2026-09-01'; month = `${addDays(month, 31).slice(0, 8)}01`) {
    const when = { closedOn: month, before: all.at(-1)?.on ?? null, changedOn: '2026-01-01', floor: FLOOR };
    const numbers = batchOf(asked, [], when);
    if (numbers) all.push({ on: month, numbers });
  }
  return all;
}

describe('For any history of answers', () => {
  test('each difference on a public page stands on the answers of at least twenty different people', () => {
    let differences = 0;
    fc.assert(
      fc.property(history, (asked) => {
        let before = '';
        for (const { on } of published(asked)) {
          const fresh = asked.filter(
            ({ answeredOn }) => answeredOn !== null && answeredOn >= before && answeredOn < on,
          );
          expect(new Set(fresh.map(({ personId }) => personId)).size).toBeGreaterThanOrEqual(FLOOR);
          before = on;
          differences += 1;
        }
      }),
      { numRuns: 300 },
    );
    expect(differences).toBeGreaterThan(100);
  });

  test('one employee’s no can’t be read from the public page’s difference', () => {
    fc.assert(
      fc.property(history, fc.nat(), (asked, nth) => {
        const given = asked.filter(({ answer }) => answer !== null);
        fc.pre(given.length > 0);
        const one = given[nth % given.length]!;
        const other = asked.map((each) => (each === one ? { ...each, answer: 'no' as const } : each));
        const [was, is] = [published(asked), published(other)];
        // When something appears is the same whatever this one person said, and until it appears so is what.
        expect(is.map(({ on }) => on)).toEqual(was.map(({ on }) => on));
        for (const [at, { on, numbers }] of is.entries()) {
          if (on <= one.answeredOn!) expect(numbers).toEqual(was[at]!.numbers);
          // And where it differs, each of the others who answered in that time could have been the one.
          else {
            const others = new Set(
              asked.flatMap(({ answeredOn, personId }) =>
                answeredOn !== null && answeredOn < on && answeredOn >= (is[at - 1]?.on ?? '') ? [personId] : [],
              ),
            );
            others.delete(one.personId);
            expect(others.size).toBeGreaterThanOrEqual(FLOOR - 1);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('nobody’s no is counted twice, however often they say it', () => {
    fc.assert(
      fc.property(history, (asked) => {
        const said = new Set(asked.filter(({ answer }) => answer === 'no').map(({ personId }) => personId));
        const counted = published(asked).reduce((sum, { numbers }) => sum + numbers!.newNo, 0);
        expect(counted).toBeLessThanOrEqual(said.size);
      }),
    );
  });
});

describe('In the database', () => {
  const ISSUE = 'shifts-changed-late';
  const noon = (day: Day) => new Date(`${day}T12:00:00Z`);
  const NOV = noon('2026-11-20');
  let db: FreshDatabase;
  let questions: string[];
  beforeEach(async () => {
    db = await seededDatabase();
    const people = (await db.read.select().from(persons).where(eq(persons.kind, 'employee'))).slice(0, 21);
    questions = [];
    await db.write(async (tx) => {
      for (const { id: personId } of people) {
        const id = `offer-${personId}`;
        const text = { roleId: 'support-adviser', roleHash: '', startOn: '2026-11-02', payBand: '', terms: '' };
        const issued = { termsHash: '', answerBy: '2026-10-20', issuedBy: 'ruth', issuedAt: 0, acceptedAt: 0 };
        await tx.insert(roleOffers).values({ id, personId, version: 9, ...text, ...issued });
        const [complaint] = await tx.select().from(complaints).where(eq(complaints.personId, personId));
        const asked = { complaintId: complaint!.id, issueId: ISSUE, day: 7, dueOn: '2026-11-09' };
        questions.push(`question-${personId}`);
        await tx.insert(checkins).values({
          ...{ id: `question-${personId}`, personId, roleOfferId: id, ...asked },
          askedAt: noon('2026-11-09').getTime(),
        });
      }
    });
  });
  afterEach(() => db.cleanup());

  const say = (id: string, answer: Answer, now = NOV) =>
    db.write((tx) => answerCheckin(tx, id, answer, onAnswered, now));
  const close = async (day: Day) => closeBatches(db, await issuesAt(db.read, noon(day)), onBatchClosed, noon(day));
  /** All that public pages know of answers. */
  const seen = async (day: Day) => {
    const known = await noAnswersByIssue(db.read);
    const state = (await issuesAt(db.read, noon(day))).find(({ issue }) => issue.id === ISSUE)!.state;
    return JSON.stringify([known.get(ISSUE) ?? [], await tallyOf(db.read, ISSUE), state.state, state.since, state.why]);
  };

  test('nineteen who say no change no public page, on whichever day; each is reopened and holds invitations the same day', async () => {
    const before = await seen('2026-11-20');
    for (const id of questions.slice(0, 19)) await say(id, 'no');
    expect(await close('2026-12-01')).toBe(0);
    expect(await seen('2026-11-20')).toBe(before);
    expect(await db.read.$count(reopenings)).toBe(19);
    expect(await db.read.$count(holds)).toBeGreaterThan(0);
    const alerts = (await db.read.select().from(letters)).filter(({ kind }) => kind === 'owner-alert');
    expect(alerts.length).toBeGreaterThanOrEqual(19);
    for (const { body } of alerts) expect(body).toContain('does not change because of one person');
  });

  test('the twentieth makes all of them public, on the first of the next month and at once; twice is once', async () => {
    const before = await seen('2026-11-20');
    for (const id of questions.slice(0, 19)) await say(id, 'yes');
    await say(questions[19]!, 'no');
    expect(await close('2026-11-30')).toBe(0);
    expect(await seen('2026-11-20')).toBe(before);
    expect((await Promise.all([close('2026-12-01'), close('2026-12-02')])).toSorted()).toEqual([0, 1]);
    expect(await close('2026-12-09')).toBe(0);
    expect(await tallyOf(db.read, ISSUE)).toEqual({ asked: 21, yes: 19, no: 1, notSure: 0 });
    const state = (await issuesAt(db.read, noon('2026-12-02'))).find(({ issue }) => issue.id === ISSUE)!.state;
    expect(state).toMatchObject({ state: 'came_back', since: '2026-12-01' });
    const told = (await db.read.select().from(letters)).filter(({ cause }) => cause.startsWith('came-back:'));
    expect(told.length).toBeGreaterThan(15);
    for (const { kind, subject, body } of told) {
      expect(kind).toBe('something-new');
      expect(subject + body).not.toMatch(/shift|rota|came back|no longer|fixed/i);
    }
  });

  test('whoever is erased changes no public page either, and stays counted', async () => {
    for (const id of questions.slice(0, 19)) await say(id, 'yes');
    await say(questions[20]!, 'no');
    const before = await seen('2026-11-20');
    const erase = (id: string) => db.write((tx) => erasePerson(tx, id.replace('question-', ''), NOV));
    await erase(questions[20]!);
    expect(await seen('2026-11-20')).toBe(before);
    expect((await db.read.select().from(erasedAnswers))[0]).toMatchObject({ kind: 'employee', answer: 'no' });
    await say(questions[19]!, 'yes');
    expect(await close('2026-12-01')).toBe(1);
    const closed = await seen('2026-12-01');
    expect(await db.read.select().from(answerBatches)).toMatchObject([{ asked: 21, yes: 20, no: 1, newNo: 1 }]);
    await erase(questions[0]!);
    expect(await seen('2026-12-01')).toBe(closed);
  });

  test('what a customer says is public the same day, as ever', async () => {
    const rejoin = await comeBack(db, 'c-maya', NOV);
    const [question] = await db.read.select().from(checkins).where(eq(checkins.rejoinId, rejoin.id));
    await db.write((tx) => tx.update(checkins).set({ askedAt: 1 }).where(eq(checkins.id, question!.id)));
    await say(question!.id, 'no');
    expect((await noAnswersByIssue(db.read)).get(question!.issueId)).toHaveLength(1);
  });
});
