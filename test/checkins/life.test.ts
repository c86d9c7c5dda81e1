import { and, eq, isNotNull, isNull } from 'drizzle-orm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkins, reopenings } from '../../db/schema/checkins.ts';
import { holds } from '../../db/schema/invitations.ts';
import { letters } from '../../db/schema/mail.ts';
import { persons } from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { answerCheckin } from '../../src/checkins/answer.ts';
import { answerReopening, judgeAnswer, passOnLate } from '../../src/checkins/reopen.ts';
import { askDueCheckins } from '../../src/checkins/schedule.ts';
import { onAnswered, onEnded, onLate, onNotSettled } from '../../src/reactions.ts';
import { addDays, dayOf } from '../../src/shared/dates.ts';
import { castPerson, DAY_MS, issuesAt, NOW, seededDatabase } from '../support/seeded.ts';
import { comeBack } from './returned.ts';

/* One person's life after a return, in any order of what can happen; some things must be true of all of them. */

type Step =
  | { what: 'days'; days: number }
  | { what: 'answer'; answer: 'yes' | 'no' | 'not_sure' }
  | { what: 'owner'; inDays: number | null }
  | { what: 'judge'; settled: boolean }
  | { what: 'leave' }
  | { what: 'return' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ what: fc.constant('days' as const), days: fc.integer({ min: 1, max: 40 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constant('answer' as const),
      answer: fc.constantFrom('yes' as const, 'no' as const, 'not_sure' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ what: fc.constant('owner' as const), inDays: fc.option(fc.integer({ min: 0, max: 20 })) }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('judge' as const), settled: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ what: 'leave' as const }) },
  { weight: 1, arbitrary: fc.constant({ what: 'return' as const }) },
);

const ZONES = ['Europe/London', 'Pacific/Kiritimati', 'Pacific/Pago_Pago', 'not a zone'];

test('whatever happens in whatever order: asked once, owed by a working day, settled by the person alone', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 25 }),
      fc.constantFrom(...ZONES),
      async (steps, zone) => {
        const db = await seededDatabase();
        try {
          const { id: personId } = await castPerson(db.read, 'c-maya');
          await db.write((tx) => tx.update(persons).set({ timeZone: zone }).where(eq(persons.id, personId)));
          let now = NOW;
          let rejoin = await comeBack(db, 'c-maya', now);
          let back = true;
          const ask = async () => askDueCheckins(db, await issuesAt(db.read, now), now);
          const open = async () => (await db.read.select().from(reopenings).where(isNull(reopenings.settledAt)))[0];

          for (const one of steps) {
            now = new Date(now.getTime() + 60_000);
            if (one.what === 'days') {
              now = new Date(now.getTime() + one.days * DAY_MS);
              const questions = await db.read.$count(letters, eq(letters.kind, 'checkin'));
              await Promise.all([ask(), ask()]);
              await passOnLate(db, onLate, now);
              expect((await db.read.$count(letters, eq(letters.kind, 'checkin'))) - questions).toBeLessThanOrEqual(1);
            } else if (one.what === 'answer') {
              const [asked] = await db.read
                .select()
                .from(checkins)
                .where(and(isNotNull(checkins.askedAt), isNull(checkins.answeredAt), isNull(checkins.cancelledAt)));
              if (asked) await db.write((tx) => answerCheckin(tx, asked.id, one.answer, onAnswered, now));
            } else if (one.what === 'owner') {
              const before = await open();
              if (!before) continue;
              const doneBy = one.inDays === null ? {} : { doneBy: addDays(dayOf(now, 'Europe/London'), one.inDays) };
              await db.write((tx) =>
                answerReopening(tx, { reopeningId: before.id, by: 'priya', words: 'We found it.', ...doneBy }, now),
              );
              expect((await open())?.id, 'no answer of ours settles anything').toBe(before.id);
            } else if (one.what === 'judge') {
              const before = await open();
              const [about] = await db.read
                .select()
                .from(checkins)
                .where(eq(checkins.id, before?.checkinId ?? ''));
              if (about) await db.write((tx) => judgeAnswer(tx, about, one.settled, onNotSettled, now));
            } else if (one.what === 'leave' && back) {
              back = false;
              await db.write(async (tx) => {
                await tx.update(rejoins).set({ state: 'ended' }).where(eq(rejoins.id, rejoin.id));
                await onEnded(tx, rejoin, now);
              });
              expect(await ask(), 'nobody who has left is asked').toBe(0);
            } else if (one.what === 'return' && !back) {
              back = true;
              rejoin = await comeBack(db, 'c-maya', now);
            }

            const all = await db.read.select().from(reopenings);
            expect(
              all.filter(({ settledAt }) => settledAt === null).length,
              'one matter at a time',
            ).toBeLessThanOrEqual(1);
            for (const { dueOn } of all) expect([0, 6]).not.toContain(new Date(`${dueOn}T00:00:00Z`).getUTCDay());
            const held = await db.read.$count(holds, isNull(holds.releasedAt));
            expect(held, 'held exactly while it is open').toBe(
              all.filter(({ settledAt }) => settledAt === null).length,
            );
            for (const letter of await db.read.select().from(letters).where(eq(letters.kind, 'left-again')))
              expect(letter.cause).toMatch(/^left-again:/);
          }
          const questions = await db.read.select().from(checkins);
          const perDay = new Set(questions.map(({ rejoinId, day }) => `${rejoinId} ${day}`));
          expect(perDay.size).toBe(questions.length);
          for (const { askedAt, dueOn } of questions.filter(({ askedAt }) => askedAt !== null))
            expect(dayOf(askedAt!, 'Pacific/Kiritimati') >= dueOn, 'never before its day').toBe(true);
        } finally {
          await db.cleanup();
        }
      },
    ),
    { numRuns: 40 },
  );
});
