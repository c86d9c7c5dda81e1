import { eq } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { checkins, promises, reopenings } from '../../db/schema/checkins.ts';
import { complaints, corrections, persons } from '../../db/schema/people.ts';
import { keepPromise, promisesFor } from '../checkins/promises.ts';
import { answerReopening, openReopenings } from '../checkins/reopen.ts';
import { type Shown, shownOf } from '../people/diagnosis.ts';
import { correctionsToReview, howOftenRight, reviewCorrection } from '../people/resolve.ts';
import { type PublishedIssue, publishedIssues, publishedSite } from '../proofs/published.ts';
import { type Day, dayOf } from '../shared/dates.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { may } from './access.ts';
import { record } from './audit.ts';
import { fullName, mayKnow, type Viewer } from './privacy.ts';

/*
 * What somebody here owes somebody who left or came back: an answer to a “no”, a promise, a reading of “you got me wrong”. Who owns
 * it does it; employees’ are HR’s as well, and what is late is also for an approver.
 */

/** Who it is and what they said; null for a colleague who may not know. */
type About = { name: string; told: Shown | null } | null;

export type OwedAnswer = {
  id: string;
  issueId: string;
  title: string;
  owner: string;
  kind: 'customer' | 'employee';
  openedOn: Day;
  dueOn: Day;
  /** Late: the day has passed. Answered: the person has not said yet whether that settles it. */
  standing: 'owed' | 'late' | 'answered';
  about: About;
  /** What they wrote beside their no. */
  words: string | null;
  answers: { by: string; words: string; on: Day; doneBy: Day | null }[];
  /** Whoever looks may answer it. */
  yours: boolean;
};
export type OwedPromise = {
  id: string;
  what: string;
  owner: string;
  dueOn: Day;
  missed: boolean;
  name: string | null;
  yours: boolean;
};
export type ToRead = {
  id: string;
  title: string;
  issueId: string | null;
  owner: string | null;
  saidOn: Day;
  about: About;
  /** What they say instead. */
  words: string | null;
  yours: boolean;
};

export type Waiting = {
  answers: OwedAnswer[];
  promises: OwedPromise[];
  corrections: ToRead[];
  right: { said: number; right: number };
  issues: PublishedIssue[];
};

/** Everything that waits on us; what whoever looks owes themselves first, then by its day. */
export async function waitingOnUs(reader: Reader, who: Viewer, now: Date): Promise<Waiting> {
  const { time_zone } = await publishedSite(reader);
  const today = dayOf(now, time_zone);
  const [open, promised, wrong, right, issues] = await Promise.all([
    openReopenings(reader, today),
    promisesFor(reader, null, time_zone, now),
    correctionsToReview(reader),
    howOftenRight(reader),
    publishedIssues(reader),
  ]);
  const titleOf = new Map(issues.map(({ id, data }) => [id, data.title]));
  const ownerOf = new Map(issues.map(({ id, data }) => [id, data.owner]));
  const names = new Map<string, string>();
  for (const { personId } of promised) {
    if (names.has(personId)) continue;
    const [person] = await reader.select().from(persons).where(eq(persons.id, personId));
    if (person && mayKnow(who, person.kind, null)) names.set(personId, fullName(person));
  }
  const mineFirst = (a: { owner: string | null }, b: { owner: string | null }) =>
    Number(b.owner === who.id) - Number(a.owner === who.id);
  return {
    answers: open
      .map(({ reopening, person, complaint, words, answers, late }): OwedAnswer => {
        const { id, issueId, owner, dueOn, answeredAt, openedAt } = reopening;
        const { concerns } = complaint;
        const known = mayKnow(who, person.kind, owner, concerns);
        return {
          ...{ id, issueId, owner, dueOn, kind: person.kind },
          title: titleOf.get(issueId) ?? issueId,
          openedOn: dayOf(openedAt, time_zone),
          standing: answeredAt !== null ? 'answered' : late ? 'late' : 'owed',
          about: known ? { name: fullName(person), told: shownOf(complaint) } : null,
          words: known ? words : null,
          answers: known
            ? answers.map((one) => ({ by: one.by, words: one.words, on: dayOf(one.at, time_zone), doneBy: one.doneBy }))
            : [],
          yours: mayAnswer(who, { owner, kind: person.kind, late, concerns }),
        };
      })
      .toSorted((a, b) => Number(a.standing === 'answered') - Number(b.standing === 'answered') || mineFirst(a, b)),
    promises: promised
      .map(({ id, what, owner, dueOn, state, personId }): OwedPromise => {
        const missed = state === 'missed';
        const yours = mayAnswer(who, { owner, kind: 'customer', late: missed });
        return { id, what, owner, dueOn, missed, name: names.get(personId) ?? null, yours };
      })
      .toSorted(mineFirst),
    corrections: wrong
      .map(({ correction, person, complaint }): ToRead => {
        const issueId = complaint?.issueId ?? null;
        const owner = (issueId && ownerOf.get(issueId)) || null;
        const concerns = complaint?.concerns ?? null;
        const known = mayKnow(who, person.kind, owner, concerns);
        return {
          ...{ id: correction.id, issueId, owner },
          title: (issueId && titleOf.get(issueId)) || 'Not linked to an issue yet',
          saidOn: dayOf(correction.saidAt, time_zone),
          about: known ? { name: fullName(person), told: complaint && shownOf(complaint) } : null,
          words: known ? correction.words : null,
          yours: mayRead(who, { owner, kind: person.kind, concerns }),
        };
      })
      .toSorted(mineFirst),
    right,
    issues,
  };
}

type Case = { owner: string | null; kind: 'customer' | 'employee'; concerns?: string | null };

function mayAnswer(who: Viewer, { owner, kind, late, concerns = null }: Case & { late: boolean }): boolean {
  if (!may(who.roles, 'answer') || !mayKnow(who, 'customer', null, concerns)) return false;
  return who.id === owner || (kind === 'employee' && who.roles.includes('hr')) || (late && mayStepIn(who, kind));
}

/** What is late was passed on: an approver answers in the owner's place, but never reads what only HR may. */
function mayStepIn(who: Viewer, kind: Case['kind']): boolean {
  return who.roles.includes('approver') && mayKnow(who, kind, null);
}

/** Where nobody owns it, whoever may answer reads it and links it. */
function mayRead(who: Viewer, { owner, kind, concerns = null }: Case): boolean {
  if (!mayKnow(who, 'customer', null, concerns)) return false;
  if (who.id === owner || (kind === 'employee' && who.roles.includes('hr'))) return may(who.roles, 'answer');
  return owner === null && kind === 'customer' && may(who.roles, 'answer');
}

const notTheirs = (whose: string) =>
  refuse(
    'not-yours',
    `${whose} does this, or HR for an employee, or an approver once it is late. Nothing was changed.`,
  );

/** The answer to a “no”: it goes to the person at once. */
export async function answerNo(
  tx: Tx,
  who: Viewer,
  { id, words, doneBy }: { id: string; words: string; doneBy: string },
  now: Date,
): Promise<true | Refusal> {
  const { time_zone } = await publishedSite(tx);
  const [found] = await tx
    .select({ reopening: reopenings, kind: persons.kind, concerns: complaints.concerns })
    .from(reopenings)
    .innerJoin(checkins, eq(checkins.id, reopenings.checkinId))
    .innerJoin(complaints, eq(complaints.id, checkins.complaintId))
    .innerJoin(persons, eq(persons.id, reopenings.personId))
    .where(eq(reopenings.id, id));
  if (!found) return refuse('settled', 'There is nothing open by this id: the person has settled it, or is gone.');
  const { owner, issueId, dueOn, answeredAt } = found.reopening;
  const late = answeredAt === null && dueOn < dayOf(now, time_zone);
  if (!mayAnswer(who, { owner, kind: found.kind, late, concerns: found.concerns })) return notTheirs('Its owner');
  const said = { reopeningId: id, by: who.id, words, ...(doneBy.trim() !== '' && { doneBy: doneBy.trim() }) };
  const answered = await answerReopening(tx, said, now);
  if (isRefusal(answered)) return answered;
  const detail = { reopening: id, doneBy: answered.answer.doneBy };
  await record(tx, { by: who.id, action: 'answered a no', subject: `issues:${issueId}`, detail }, now);
  return true;
}

/** A promise was kept: the note is for the person to read. */
export async function notePromiseKept(
  tx: Tx,
  who: Viewer,
  { id, note }: { id: string; note: string },
  now: Date,
): Promise<true | Refusal> {
  const { time_zone } = await publishedSite(tx);
  const [found] = await tx.select().from(promises).where(eq(promises.id, id));
  if (!found) return refuse('not-open', 'This promise is kept already, or is owed no more.');
  const late = found.dueOn < dayOf(now, time_zone);
  if (!mayAnswer(who, { owner: found.owner, kind: 'customer', late })) return notTheirs('Whoever promised it');
  const kept = await keepPromise(tx, { promiseId: id, by: who.id, note }, now);
  if (isRefusal(kept)) return kept;
  await record(tx, { by: who.id, action: 'kept a promise', subject: `promises:${id}` }, now);
  return true;
}

/** “You got me wrong” was read. With an issue, the complaint is linked to it; an empty one leaves it where it was. */
export async function readCorrection(
  tx: Tx,
  who: Viewer,
  { id, issueId }: { id: string; issueId: string },
  now: Date,
): Promise<true | Refusal> {
  const [found] = await tx
    .select({ issueId: complaints.issueId, kind: persons.kind, concerns: complaints.concerns })
    .from(corrections)
    .innerJoin(persons, eq(persons.id, corrections.personId))
    .leftJoin(complaints, eq(complaints.id, corrections.complaintId))
    .where(eq(corrections.id, id));
  if (!found) return refuse('reviewed', 'The person has said something newer, or is gone.');
  const issues = await publishedIssues(tx);
  const owner = issues.find((issue) => issue.id === found.issueId)?.data.owner ?? null;
  if (!mayRead(who, { owner, kind: found.kind, concerns: found.concerns })) return notTheirs('Its owner');
  const done = await reviewCorrection(tx, { correctionId: id, by: who.id, ...(issueId && { issueId }) }, now);
  if (isRefusal(done)) return done;
  const detail = { linkedTo: issueId || null };
  await record(tx, { by: who.id, action: 'reviewed a correction', subject: `corrections:${id}`, detail }, now);
  return true;
}
