import { and, eq, inArray, isNotNull, isNull, ne, type SQL } from 'drizzle-orm';
import type { Db, Reader, Tx } from '../../db/client.ts';
import { checkins, reopenings } from '../../db/schema/checkins.ts';
import { letters } from '../../db/schema/mail.ts';
import { complaints, persons, resolutions, waits } from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { roleOffers } from '../../db/schema/reonboarding.ts';
import { writeLetter } from '../invitations/letters.ts';
import type { Letter } from '../mail/outbox.ts';
import { resolvedNow } from '../people/resolve.ts';
import { type IssueWithState, publishedSite } from '../proofs/published.ts';
import { undoUntil } from '../rejoin/undo.ts';
import { type Day, dayOf, longDay } from '../shared/dates.ts';
import { questionFor } from './schedule.ts';

/** “Tell me when it is fixed”: one letter, when it is. Answers how many were told. */
export async function tellWaiting(db: Db, issues: IssueWithState[], baseUrl: string, now: Date): Promise<number> {
  const fixed = new Map(issues.filter(({ state }) => state.state === 'holding').map((one) => [one.issue.id, one]));
  if (fixed.size === 0) return 0;
  const waiting = await db.read
    .select({ wait: waits, person: persons })
    .from(waits)
    .innerJoin(persons, eq(persons.id, waits.personId))
    .where(and(isNull(waits.toldAt), inArray(waits.issueId, [...fixed.keys()])));
  let told = 0;
  for (const { wait, person } of waiting) {
    if (await stillBrokenFor(db.read, person.id, fixed.get(wait.issueId)!)) continue;
    const { issue, proofs } = fixed.get(wait.issueId)!;
    const proof = proofs[0]?.proof;
    await db.write(async (tx) => {
      const claimed = await tx
        .update(waits)
        .set({ toldAt: now.getTime() })
        .where(and(eq(waits.id, wait.id), isNull(waits.toldAt)))
        .returning({ id: waits.id });
      if (claimed.length === 0) return;
      const { owner } = await questionFor(tx, wait.issueId);
      const slots = {
        issueTitle: issue.data.title,
        line: proof?.line ?? '',
        proofLink: new URL(proof ? `/proofs/${proof.id}` : `/issues/${issue.id}`, baseUrl).href,
      };
      await writeLetter(tx, { letter: 'fixed', cause: `fixed:${wait.id}`, person, sender: owner.name, slots }, now);
    });
    told += 1;
  }
  return told;
}

/**
 * Whether the letter says what is so, asked as it leaves: it may have waited a night. What came back since, or for them, is not
 * said; they wait on, and are told when it is fixed again.
 */
export async function stillTrue(tx: Tx, letter: Letter, ask: () => Promise<IssueWithState[]>): Promise<boolean> {
  const [wait] = await tx
    .select()
    .from(waits)
    .where(eq(waits.id, letter.cause.slice('fixed:'.length)));
  if (!wait) return true;
  const issue = (await ask()).find((one) => one.issue.id === wait.issueId);
  if (issue?.state.state === 'holding' && !(await stillBrokenFor(tx, wait.personId, issue))) return true;
  await tx.update(waits).set({ toldAt: null }).where(eq(waits.id, wait.id));
  // The one letter for this wish is still to be written.
  await tx
    .update(letters)
    .set({ cause: `${letter.cause}:held:${letter.id}` })
    .where(eq(letters.id, letter.id));
  return false;
}

/**
 * The issue holds, but not for this person: a complaint of theirs about it is not confirmed as fully resolved, or they said
 * no themselves and it isn't settled.
 */
async function stillBrokenFor(reader: Reader, personId: string, issue: IssueWithState): Promise<boolean> {
  const issueId = issue.issue.id;
  const told = await reader
    .select({ resolution: resolutions })
    .from(complaints)
    .leftJoin(resolutions, eq(resolutions.complaintId, complaints.id))
    .where(and(eq(complaints.personId, personId), eq(complaints.issueId, issueId)));
  if (told.some(({ resolution }) => resolvedNow(resolution, issue) !== 'fully')) return true;
  const reopened = await reader
    .select({ id: reopenings.id })
    .from(reopenings)
    .where(and(eq(reopenings.personId, personId), eq(reopenings.issueId, issueId), isNull(reopenings.settledAt)));
  return reopened.length > 0;
}

/**
 * It came back: everyone who returned because of this issue reads it from us first, with the undo while there is one. Once a
 * person for one return of the problem, which began on `since`; whoever reported it (`except`) knows. Answers how many.
 */
export async function tellReturned(
  tx: Tx,
  came: { issueId: string; since: Day; except?: string },
  now: Date,
): Promise<number> {
  const site = await publishedSite(tx);
  const { owner, title } = await questionFor(tx, came.issueId);
  const about: SQL[] = [eq(rejoins.state, 'active'), eq(checkins.issueId, came.issueId)];
  if (came.except) about.push(ne(persons.id, came.except));
  const returned = await tx
    .selectDistinct({ person: persons, rejoin: rejoins })
    .from(rejoins)
    .innerJoin(persons, eq(persons.id, rejoins.personId))
    .innerJoin(checkins, eq(checkins.rejoinId, rejoins.id))
    .where(and(...about));
  for (const { person, rejoin } of returned) {
    const until = undoUntil(rejoin, site);
    const undo =
      dayOf(now, site.time_zone) <= until
        ? `You can undo your return for a full refund until ${longDay(until)}: {undoLink}`
        : `You can cancel at any time, and it ends with what you have paid for: {undoLink}`;
    await writeLetter(
      tx,
      {
        letter: 'came-back',
        cause: `came-back:${came.issueId}:${came.since}:${person.id}`,
        person,
        sender: owner.name,
        slots: { issueTitle: title, undo },
        mint: { undoLink: dayOf(now, site.time_zone) <= until ? 'page:undo' : 'page:cancel' },
      },
      now,
    );
  }
  const atWork: SQL[] = [
    isNotNull(roleOffers.acceptedAt),
    isNull(roleOffers.withdrawnAt),
    eq(checkins.issueId, came.issueId),
  ];
  if (came.except) atWork.push(ne(persons.id, came.except));
  const colleagues = await tx
    .selectDistinct({ person: persons })
    .from(roleOffers)
    .innerJoin(persons, eq(persons.id, roleOffers.personId))
    .innerJoin(checkins, eq(checkins.roleOfferId, roleOffers.id))
    .where(and(...atWork));
  for (const { person } of colleagues) {
    const cause = `came-back:${came.issueId}:${came.since}:${person.id}`;
    await writeLetter(tx, { letter: 'something-new', cause, person, sender: site.organisation, slots: {} }, now);
  }
  return returned.length + colleagues.length;
}
