import { and, desc, eq, gt, isNotNull } from 'drizzle-orm';
import type { Db, Reader, Tx } from '../../db/client.ts';
import { answerBatches, checkins, erasedAnswers } from '../../db/schema/checkins.ts';
import { type IssueWithState, publishedSite } from '../proofs/published.ts';
import { type Day, dayOf } from '../shared/dates.ts';
import type { Answer } from './answer.ts';

/*
 * Answers of people who work here again reach public pages late, and only together: on the first of a month, once so many different
 * people have answered since the last time that nobody can be singled out. All else that a “no” does happens the same day.
 */

export type Batch = typeof answerBatches.$inferSelect;

/** One question that was asked. `answeredOn` and `answer` are null as long as there is no answer. */
export type Asked = { personId: string; askedOn: Day; answeredOn: Day | null; answer: Answer | null };

/** What stays of somebody who was erased: their latest answer, and the day of their latest “no”. */
export type Gone = { answer: Answer | null; noOn: Day | null };

export type BatchNumbers = Pick<Batch, 'asked' | 'yes' | 'no' | 'notSure' | 'newNo'>;

/**
 * What may become public of the answers given before `closedOn`; null: too few different people have answered since `before`, the
 * day of the last batch. Who is erased counts in the numbers and never towards the floor.
 */
export function batchOf(
  asked: readonly Asked[],
  gone: readonly Gone[],
  { closedOn, before, changedOn, floor }: { closedOn: Day; before: Day | null; changedOn: Day | null; floor: number },
): BatchNumbers | null {
  const isNew = (day: Day) => before === null || day >= before;
  const people = [...Map.groupBy(asked, ({ personId }) => personId).values()].flatMap((its) => {
    if (!its.some(({ askedOn }) => askedOn < closedOn)) return [];
    const answers = its.flatMap(({ answer, answeredOn }) =>
      answer !== null && answeredOn !== null && answeredOn < closedOn ? [{ answer, on: answeredOn }] : [],
    );
    return [answers.toSorted((a, b) => a.on.localeCompare(b.on))];
  });
  if (people.filter((answers) => answers.some(({ on }) => isNew(on))).length < floor) return null;
  const firstNo = (answers: readonly { answer: Answer; on: Day }[]) =>
    answers.find(({ answer, on }) => answer === 'no' && (changedOn === null || on >= changedOn))?.on;
  const noDays = [
    ...people.flatMap((answers) => firstNo(answers) ?? []),
    ...gone.flatMap(({ noOn }) => (noOn !== null && noOn < closedOn && (changedOn ?? noOn) <= noOn ? [noOn] : [])),
  ];
  const latest = [...people.map((answers) => answers.at(-1)?.answer ?? null), ...gone.map(({ answer }) => answer)];
  const count = (answer: Answer) => latest.filter((one) => one === answer).length;
  return {
    asked: latest.length,
    yes: count('yes'),
    no: count('no'),
    notSure: count('not_sure'),
    newNo: noDays.filter(isNew).length,
  };
}

/**
 * Makes public what may be by now, issue by issue. `onClosed` runs in the transaction of each batch. Running it again, or twice at
 * once, adds nothing. Answers how many batches there were.
 */
export async function closeBatches(
  db: Db,
  issues: readonly IssueWithState[],
  onClosed: (tx: Tx, batch: Batch, now: Date) => Promise<void>,
  now: Date,
): Promise<number> {
  const site = await publishedSite(db.read);
  const today = dayOf(now, site.time_zone);
  const closedOn = `${today.slice(0, 8)}01`;
  let closed = 0;
  for (const { issue, proofs } of issues) {
    const [done] = await db.read
      .select()
      .from(answerBatches)
      .where(eq(answerBatches.issueId, issue.id))
      .orderBy(desc(answerBatches.closedOn))
      .limit(1);
    if (done && done.closedOn >= closedOn) continue;
    const changes = proofs.map(({ proof }) => proof.data.changed_on).filter((on) => on <= today);
    const when = { closedOn, before: done?.closedOn ?? null, changedOn: changes.toSorted().at(-1) ?? null };
    const { asked, gone } = await answersOf(db.read, issue.id, site.time_zone);
    const numbers = batchOf(asked, gone, { ...when, floor: site.count_floor.employee });
    if (!numbers) continue;
    await db.write(async (tx) => {
      const [batch] = await tx
        .insert(answerBatches)
        .values({ issueId: issue.id, closedOn, ...numbers })
        .onConflictDoNothing()
        .returning();
      if (!batch) return;
      await onClosed(tx, batch, now);
      closed += 1;
    });
  }
  return closed;
}

async function answersOf(reader: Reader, issueId: string, zone: string): Promise<{ asked: Asked[]; gone: Gone[] }> {
  const [rows, gone] = await Promise.all([
    reader
      .select()
      .from(checkins)
      .where(and(eq(checkins.issueId, issueId), isNotNull(checkins.roleOfferId), isNotNull(checkins.askedAt))),
    reader
      .select()
      .from(erasedAnswers)
      .where(and(eq(erasedAnswers.issueId, issueId), eq(erasedAnswers.kind, 'employee'))),
  ]);
  const asked = rows.map(({ personId, askedAt, answeredAt, answer }) => ({
    personId,
    askedOn: dayOf(askedAt!, zone),
    answeredOn: answeredAt === null ? null : dayOf(answeredAt, zone),
    answer,
  }));
  return { asked, gone };
}

/** Every batch in which somebody newly said no. */
export async function batchesWithNo(reader: Reader): Promise<Batch[]> {
  return reader.select().from(answerBatches).where(gt(answerBatches.newNo, 0));
}
