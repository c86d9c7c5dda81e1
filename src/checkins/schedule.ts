import { and, asc, desc, eq, isNull, lt, lte, or } from 'drizzle-orm';
import type { Db, Reader, Tx } from '../../db/client.ts';
import { checkins, type promises } from '../../db/schema/checkins.ts';
import { complaints, departures, persons } from '../../db/schema/people.ts';
import { writeLetter } from '../invitations/letters.ts';
import { type Complaint, mainComplaint, shownOf } from '../people/diagnosis.ts';
import { type IssueWithState, publishedCheckins, publishedIssue, publishedSite } from '../proofs/published.ts';
import type { Rejoin } from '../rejoin/check.ts';
import type { RoleOffer } from '../reonboarding/offer.ts';
import { addDays, type Day, dayOf, longDay, notOnHoliday, zoneOr } from '../shared/dates.ts';
import { newId } from '../shared/ids.ts';

export type Checkin = typeof checkins.$inferSelect;

/**
 * Plans the questions for a person who is back: about what made them leave, on the days that the site names, counted where
 * they live. A day that is a public holiday gives way to the next that is none.
 */
export async function scheduleCheckins(tx: Tx, rejoin: Rejoin, now: Date): Promise<void> {
  const about = await reasonOf(tx, rejoin.personId);
  if (!about) return;
  const { checkin_days, time_zone, holidays } = await publishedSite(tx);
  const [person] = await tx.select({ zone: persons.timeZone }).from(persons).where(eq(persons.id, rejoin.personId));
  const returnedOn = dayOf(now, zoneOr(person?.zone ?? null, time_zone));
  await tx
    .insert(checkins)
    .values(
      checkin_days.map((day) => ({
        id: newId(),
        personId: rejoin.personId,
        rejoinId: rejoin.id,
        complaintId: about.id,
        issueId: about.issueId!,
        day,
        dueOn: notOnHoliday(addDays(returnedOn, day), holidays),
      })),
    )
    .onConflictDoNothing();
}

/** The same for somebody who works here again: counted from their first day, on the days that the site names for them. */
export async function scheduleAtWork(tx: Tx, offer: RoleOffer): Promise<void> {
  const about = await reasonOf(tx, offer.personId);
  if (!about) return;
  const { employee_checkin_days, holidays } = await publishedSite(tx);
  await tx
    .insert(checkins)
    .values(
      employee_checkin_days.map((day) => ({
        id: newId(),
        personId: offer.personId,
        roleOfferId: offer.id,
        complaintId: about.id,
        issueId: about.issueId!,
        day,
        dueOn: notOnHoliday(addDays(offer.startOn, day), holidays),
      })),
    )
    .onConflictDoNothing();
}

/** What a question may be about: what made them leave, else the newest with an issue; never what was said in confidence. */
export async function reasonOf(tx: Tx, personId: string) {
  const [told, left] = await Promise.all([
    tx.select().from(complaints).where(eq(complaints.personId, personId)).orderBy(desc(complaints.saidOn)),
    tx.select().from(departures).where(eq(departures.personId, personId)),
  ]);
  const askable = told.filter((complaint) => complaint.issueId !== null && complaint.confidentiality === 'open');
  return mainComplaint(askable, left) ?? askable[0] ?? null;
}

/** Of one return: a customer's, or an employee's accepted offer. */
export function ofReturn(table: typeof checkins | typeof promises, returnId: string) {
  return or(eq(table.rejoinId, returnId), eq(table.roleOfferId, returnId));
}

export const returnOf = ({ rejoinId, roleOfferId }: Pick<Checkin, 'rejoinId' | 'roleOfferId'>) =>
  rejoinId ?? roleOfferId ?? '';

/** Questions that nobody should answer any more: the person undid the return or left again. */
export async function cancelCheckins(tx: Tx, returnId: string, now: Date): Promise<void> {
  await tx
    .update(checkins)
    .set({ cancelledAt: now.getTime() })
    .where(and(ofReturn(checkins, returnId), isNull(checkins.answeredAt), isNull(checkins.cancelledAt)));
}

/** Nobody is asked before eight in the morning, where they live. */
const MORNING_MS = 8 * 3_600_000;

/**
 * Asks every question that is due; answers how many were asked. Of several that came due together (we
 * were down) only the newest is asked: nobody gets four letters at once. An issue that is known to have come back is
 * not asked about: those people are told instead. Only what somebody here promised to mend is asked about all the same.
 */
export async function askDueCheckins(db: Db, issues: IssueWithState[], now: Date): Promise<number> {
  const { time_zone } = await publishedSite(db.read);
  const known = new Map(issues.map((one) => [one.issue.id, one]));
  // Somewhere it is tomorrow already; each person's own day decides below.
  const latest = addDays(dayOf(now), 1);
  const perhaps = await db.read
    .select({ checkin: checkins, zone: persons.timeZone })
    .from(checkins)
    .innerJoin(persons, eq(persons.id, checkins.personId))
    .where(and(isNull(checkins.askedAt), isNull(checkins.cancelledAt), lte(checkins.dueOn, latest)))
    .orderBy(asc(checkins.rejoinId), asc(checkins.roleOfferId), desc(checkins.day));
  const due = perhaps.filter(
    ({ checkin, zone }) => checkin.dueOn <= dayOf(now.getTime() - MORNING_MS, zoneOr(zone, time_zone)),
  );
  let asked = 0;
  let previous = '';
  for (const { checkin } of due) {
    const newest = returnOf(checkin) !== previous;
    previous = returnOf(checkin);
    const about = known.get(checkin.issueId);
    const ask = newest && (about?.state.state !== 'came_back' || checkin.followUpOf !== null);
    const done = await db.write((tx) =>
      ask ? askCheckin(tx, checkin, about?.proofs[0]?.proof.line ?? null, now) : skipCheckin(tx, checkin, now),
    );
    if (ask && done) asked += 1;
  }
  return asked;
}

async function skipCheckin(tx: Tx, checkin: Checkin, now: Date): Promise<boolean> {
  await tx
    .update(checkins)
    .set({ cancelledAt: now.getTime() })
    .where(and(eq(checkins.id, checkin.id), isNull(checkins.askedAt)));
  return true;
}

/** Claimed in one statement, with its letter in the same transaction: two jobs processes ask once. */
async function askCheckin(tx: Tx, checkin: Checkin, measured: string | null, now: Date): Promise<boolean> {
  const claimed = await tx
    .update(checkins)
    .set({ askedAt: now.getTime() })
    .where(and(eq(checkins.id, checkin.id), isNull(checkins.askedAt), isNull(checkins.cancelledAt)))
    .returning({ id: checkins.id });
  if (claimed.length === 0) return false;
  // Passed over in the same transaction: broken off after this one, the next round would ask the older ones as well.
  await tx
    .update(checkins)
    .set({ cancelledAt: now.getTime() })
    .where(and(ofReturn(checkins, returnOf(checkin)), lt(checkins.day, checkin.day), isNull(checkins.askedAt)));
  const [about] = await tx
    .select({ person: persons, complaint: complaints })
    .from(complaints)
    .innerJoin(persons, eq(persons.id, complaints.personId))
    .where(eq(complaints.id, checkin.complaintId));
  if (!about) return false;
  const question = await questionFor(tx, checkin.issueId);
  if (checkin.roleOfferId !== null) {
    // What somebody who works here told us stands in no letter: the question is on their page, behind a code.
    const cause = `checkin:${checkin.id}`;
    const slots = { day: String(checkin.day) };
    const sender = (await publishedSite(tx)).organisation;
    const mint = { link: 'page:question' };
    await writeLetter(tx, { letter: 'checkin-work', cause, person: about.person, sender, slots, mint }, now);
    return true;
  }
  await writeLetter(
    tx,
    {
      letter: 'checkin',
      cause: `checkin:${checkin.id}`,
      person: about.person,
      sender: question.owner.name,
      slots: {
        question: question.text,
        theirWords: wordsFor(about.complaint),
        saidOn: about.complaint.saidOn ? longDay(about.complaint.saidOn as Day) : 'before you left',
        measured: measured ?? 'we have no measurement of this.',
      },
      mint: { link: `checkin:${checkin.id}` },
    },
    now,
  );
  return true;
}

/** What we ask about one issue, and who answers for it. */
export async function questionFor(reader: Reader, issueId: string) {
  const [site, questions] = await Promise.all([publishedSite(reader), publishedCheckins(reader)]);
  const issue = await publishedIssue(reader, issueId);
  const text = questions.find((question) => question.data.issue === issueId)?.data.question;
  const ownerId = issue?.data.owner ?? '';
  const owner = site.people[ownerId] ?? { name: site.organisation, role: '', address: site.reply_to };
  return { text: text ?? 'Is it fixed for you?', title: issue?.data.title ?? issueId, ownerId, owner };
}

/** Their own words where they may be shown, else our note, labelled; nothing of what was said in confidence. */
function wordsFor(complaint: Complaint): string {
  const shown = shownOf(complaint);
  if (shown?.kind === 'words') return `“${shown.text}”`;
  if (shown?.kind === 'note') return `${shown.text} (our note, not your words)`;
  return 'What you told us is on your page.';
}
