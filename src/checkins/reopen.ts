import { and, asc, eq, inArray, isNull, lt } from 'drizzle-orm';
import type { Db, Reader, Tx } from '../../db/client.ts';
import { checkins, ownerAnswers, reopenings } from '../../db/schema/checkins.ts';
import { complaints, persons } from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { roleOffers } from '../../db/schema/reonboarding.ts';
import { staff } from '../../db/schema/staff.ts';
import { holdInvitations, releaseSettled } from '../invitations/holds.ts';
import { writeLetter } from '../invitations/letters.ts';
import { isConcerned } from '../people/concerns.ts';
import type { Complaint, Person } from '../people/diagnosis.ts';
import { publishedSite } from '../proofs/published.ts';
import {
  addDays,
  addWorkingDays,
  type Day,
  dayOf,
  daysBetween,
  isDay,
  longDay,
  notOnHoliday,
} from '../shared/dates.ts';
import { newId } from '../shared/ids.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import { type Checkin, ofReturn, questionFor, returnOf } from './schedule.ts';

/*
 * What a “no” begins: an owner owes an answer by a day; the answer goes to the person; the person alone says whether it is
 * settled. A late answer is passed on to somebody above the owner.
 */

export type Reopening = typeof reopenings.$inferSelect;
export type OwnerAnswer = typeof ownerAnswers.$inferSelect;

/** The one that is open for this person and issue, if any. */
export async function openReopening(
  reader: Reader,
  { personId, issueId }: Pick<Checkin, 'personId' | 'issueId'>,
): Promise<Reopening | null> {
  const [open] = await reader
    .select()
    .from(reopenings)
    .where(and(eq(reopenings.personId, personId), eq(reopenings.issueId, issueId), isNull(reopenings.settledAt)));
  return open ?? null;
}

/**
 * Who reads a “no”, by short id and address, whoever answers it first: the owner of the issue and, of somebody who works here
 * again, HR. Never the person whom the complaint concerns: then whoever is next answers.
 */
export async function answerersOf(
  tx: Tx,
  { complaintId, issueId, roleOfferId }: Pick<Checkin, 'complaintId' | 'issueId' | 'roleOfferId'>,
): Promise<{ id: string; address: string }[]> {
  const site = await publishedSite(tx);
  const concerns = await concernsOf(tx, { complaintId });
  const { ownerId, owner } = await questionFor(tx, issueId);
  const members = roleOfferId === null ? [] : await tx.select().from(staff).where(isNull(staff.leftAt));
  const all = [
    { id: ownerId, name: owner.name, address: owner.address ?? site.reply_to },
    ...members.filter(({ roles }) => roles.includes('hr')),
  ];
  const free = all.filter((one) => !isConcerned(concerns, one));
  const once = free.filter(({ id }, at) => free.findIndex((one) => one.id === id) === at);
  return once.length > 0 ? once.map(({ id, address }) => ({ id, address })) : [{ id: '', address: site.reply_to }];
}

/** Whom the complaint behind a question, or behind a “no”, concerns; null: nobody in particular. */
export async function concernsOf(
  tx: Tx,
  about: Pick<Checkin, 'complaintId'> | Pick<Reopening, 'checkinId'>,
): Promise<string | null> {
  const complaintId =
    'complaintId' in about
      ? about.complaintId
      : tx.select({ id: checkins.complaintId }).from(checkins).where(eq(checkins.id, about.checkinId));
  const [found] = await tx
    .select({ concerns: complaints.concerns })
    .from(complaints)
    .where(typeof complaintId === 'string' ? eq(complaints.id, complaintId) : inArray(complaints.id, complaintId));
  return found?.concerns ?? null;
}

/** Opens it for this person, with an owner and a date, and holds the issue’s invitations. A second “no” is the same matter, still owed. */
export async function reopen(tx: Tx, checkin: Checkin, now: Date): Promise<void> {
  const open = await openReopening(tx, checkin);
  if (open) {
    if (open.answeredAt !== null) await oweAgain(tx, open, now);
    return;
  }
  const id = newId();
  const [answerer] = await answerersOf(tx, checkin);
  await tx.insert(reopenings).values({
    id,
    checkinId: checkin.id,
    personId: checkin.personId,
    issueId: checkin.issueId,
    owner: answerer?.id ?? '',
    openedAt: now.getTime(),
    dueOn: await owedBy(tx, now),
  });
  const because = 'Somebody who came back said that it is not fixed for them.';
  await holdInvitations(tx, { issueId: checkin.issueId, because, reopeningId: id }, now);
}

/** The person's own later “yes” settles what their “no” opened; nobody else can. */
export async function settle(tx: Tx, checkin: Pick<Checkin, 'personId' | 'issueId'>, now: Date): Promise<void> {
  const { personId, issueId } = checkin;
  const settled = await tx
    .update(reopenings)
    .set({ settledAt: now.getTime() })
    .where(and(eq(reopenings.personId, personId), eq(reopenings.issueId, issueId), isNull(reopenings.settledAt)))
    .returning({ id: reopenings.id });
  for (const { id } of settled) await releaseSettled(tx, id, now);
}

async function oweAgain(tx: Tx, open: Reopening, now: Date): Promise<void> {
  await tx
    .update(reopenings)
    .set({ answeredAt: null, escalatedAt: null, dueOn: await owedBy(tx, now) })
    .where(eq(reopenings.id, open.id));
}

/** The last working day on which an answer to something said now is in time. */
async function owedBy(tx: Tx, now: Date): Promise<Day> {
  const site = await publishedSite(tx);
  return addWorkingDays(dayOf(now, site.time_zone), site.reopen.answer_working_days, site.holidays);
}

/**
 * The owner's answer, from the desk. It goes to the person at once; with `doneBy` they are asked again on the day after. Whether
 * `by` may answer is for the caller to know. Refuses an empty answer, a day that has passed, and what is settled already.
 */
export async function answerReopening(
  tx: Tx,
  { reopeningId, by, words, doneBy }: { reopeningId: string; by: string; words: string; doneBy?: Day },
  now: Date,
): Promise<{ answer: OwnerAnswer } | Refusal> {
  const site = await publishedSite(tx);
  const text = words.trim().slice(0, 4000);
  if (text.length < 8) return refuse('no-answer', 'Write what you found and what you will do.');
  if (doneBy !== undefined && (!isDay(doneBy) || doneBy < dayOf(now, site.time_zone))) {
    return refuse('no-such-day', 'The day by which it is done is today or later, written YYYY-MM-DD.');
  }
  const [reopening] = await tx
    .update(reopenings)
    .set({ answeredAt: now.getTime() })
    .where(and(eq(reopenings.id, reopeningId), isNull(reopenings.settledAt)))
    .returning();
  if (!reopening) return refuse('settled', 'There is nothing open by this id: the person has settled it, or is gone.');
  const answer = { id: newId(), reopeningId, by, words: text, doneBy: doneBy ?? null, at: now.getTime() };
  await tx.insert(ownerAnswers).values(answer);
  const [person] = await tx.select().from(persons).where(eq(persons.id, reopening.personId));
  const { title } = await questionFor(tx, reopening.issueId);
  const done = doneBy === undefined ? '' : `It is done by ${longDay(doneBy)}. The day after, I ask you whether it is.`;
  await writeLetter(
    tx,
    {
      letter: 'owner-answer',
      cause: `owner-answer:${answer.id}`,
      person: person!,
      sender: site.people[by]?.name ?? site.organisation,
      slots: { issueTitle: title, answer: text, done },
      mint: { link: `checkin:${reopening.checkinId}` },
    },
    now,
  );
  if (doneBy !== undefined) await planFollowUp(tx, reopening, doneBy, site.holidays, site.time_zone);
  return { answer };
}

/** One question more, on the day after we said it would be done; none for somebody who has left again. */
async function planFollowUp(
  tx: Tx,
  reopening: Reopening,
  doneBy: Day,
  holidays: readonly Day[],
  zone: string,
): Promise<void> {
  const [about] = await tx
    .select({ checkin: checkins, rejoin: rejoins, offer: roleOffers })
    .from(checkins)
    .leftJoin(rejoins, and(eq(rejoins.id, checkins.rejoinId), eq(rejoins.state, 'active')))
    .leftJoin(roleOffers, and(eq(roleOffers.id, checkins.roleOfferId), isNull(roleOffers.withdrawnAt)))
    .where(eq(checkins.id, reopening.checkinId));
  if (!about?.rejoin && !about?.offer) return;
  const returnedOn = about.rejoin
    ? dayOf(about.rejoin.completedAt ?? about.rejoin.begunAt, zone)
    : about.offer!.startOn;
  const taken = new Set(
    (
      await tx
        .select({ day: checkins.day })
        .from(checkins)
        .where(ofReturn(checkins, returnOf(about.checkin)))
    ).map(({ day }) => day),
  );
  let dueOn = notOnHoliday(addDays(doneBy, 1), holidays);
  while (taken.has(daysBetween(returnedOn, dueOn))) dueOn = notOnHoliday(addDays(dueOn, 1), holidays);
  const { personId, rejoinId, roleOfferId, complaintId, issueId } = about.checkin;
  await tx.insert(checkins).values({
    ...{ id: newId(), personId, rejoinId, roleOfferId, complaintId, issueId, dueOn },
    day: daysBetween(returnedOn, dueOn),
    followUpOf: reopening.id,
  });
}

/** The person says whether our answer settled it. “No” means that we owe another one; `onNotSettled` tells the owner. */
export async function judgeAnswer(
  tx: Tx,
  checkin: Checkin,
  settled: boolean,
  onNotSettled: (tx: Tx, checkin: Checkin, now: Date) => Promise<void>,
  now: Date,
): Promise<void> {
  const open = await openReopening(tx, checkin);
  if (!open || open.answeredAt === null) return;
  if (settled) return settle(tx, checkin, now);
  await oweAgain(tx, open, now);
  await onNotSettled(tx, checkin, now);
}

/** What the owner has answered so far, oldest first. */
export async function answersTo(reader: Reader, reopeningId: string): Promise<OwnerAnswer[]> {
  return reader
    .select()
    .from(ownerAnswers)
    .where(eq(ownerAnswers.reopeningId, reopeningId))
    .orderBy(asc(ownerAnswers.at));
}

export type OwedAnswer = {
  reopening: Reopening;
  person: Person;
  complaint: Complaint;
  /** What they wrote beside their no. */
  words: string | null;
  answers: OwnerAnswer[];
  /** An answer is owed, and its day has passed. */
  late: boolean;
};

/** For the desk: everything that is open, what is due first first. */
export async function openReopenings(reader: Reader, today: Day): Promise<OwedAnswer[]> {
  const rows = await reader
    .select({ reopening: reopenings, person: persons, complaint: complaints, words: checkins.words })
    .from(reopenings)
    .innerJoin(checkins, eq(checkins.id, reopenings.checkinId))
    .innerJoin(persons, eq(persons.id, reopenings.personId))
    .innerJoin(complaints, eq(complaints.id, checkins.complaintId))
    .where(isNull(reopenings.settledAt))
    .orderBy(asc(reopenings.dueOn), asc(reopenings.id));
  if (rows.length === 0) return [];
  const ids = rows.map(({ reopening }) => reopening.id);
  const given = await reader
    .select()
    .from(ownerAnswers)
    .where(inArray(ownerAnswers.reopeningId, ids))
    .orderBy(asc(ownerAnswers.at));
  const byReopening = Map.groupBy(given, (one) => one.reopeningId);
  return rows.map((row) => ({
    ...row,
    answers: byReopening.get(row.reopening.id) ?? [],
    late: row.reopening.answeredAt === null && row.reopening.dueOn < today,
  }));
}

/** Passes on every answer that is late, each once for its due date. Answers how many. */
export async function passOnLate(
  db: Db,
  onLate: (tx: Tx, reopening: Reopening, now: Date) => Promise<void>,
  now: Date,
): Promise<number> {
  const { time_zone } = await publishedSite(db.read);
  const late = and(
    isNull(reopenings.settledAt),
    isNull(reopenings.answeredAt),
    isNull(reopenings.escalatedAt),
    lt(reopenings.dueOn, dayOf(now, time_zone)),
  );
  const owed = await db.read.select({ id: reopenings.id }).from(reopenings).where(late);
  let passedOn = 0;
  for (const { id } of owed) {
    await db.write(async (tx) => {
      const [claimed] = await tx
        .update(reopenings)
        .set({ escalatedAt: now.getTime() })
        .where(and(eq(reopenings.id, id), late))
        .returning();
      if (!claimed) return;
      await onLate(tx, claimed, now);
      passedOn += 1;
    });
  }
  return passedOn;
}
