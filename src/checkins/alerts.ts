import { eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { complaints } from '../../db/schema/people.ts';
import { env } from '../env.ts';
import { writeToColleague } from '../invitations/to-colleagues.ts';
import { isConcerned } from '../people/concerns.ts';
import { formatValue } from '../proofs/evidence.ts';
import { limitWords } from '../proofs/looks/sentences.ts';
import { publishedSite } from '../proofs/published.ts';
import { longDay } from '../shared/dates.ts';
import type { PromiseRow } from './promises.ts';
import { answerersOf, concernsOf, openReopening, type Reopening } from './reopen.ts';
import { type Checkin, questionFor } from './schedule.ts';
import type { Crossing } from './turned.ts';

/* Letters to those who answer here for something. Who it is about, and in what words, stays on the desk. */

/** Somebody said no, or that our answer did not settle it: by when the owner answers. */
export async function alertOwner(tx: Tx, checkin: Checkin, now: Date): Promise<void> {
  const reopening = await openReopening(tx, checkin);
  if (!reopening) return;
  const { title } = await questionFor(tx, checkin.issueId);
  const inPublic =
    checkin.roleOfferId === null
      ? 'The public page counts it from now on.'
      : 'The public page does not change because of one person who works here. Do not let anybody see who it was.';
  for (const [at, { id, address }] of (await answerersOf(tx, checkin)).entries()) {
    const cause = `owner-alert:${reopening.id}:${reopening.dueOn}${at === 0 ? '' : `:${id}`}`;
    const slots = { issueTitle: title, dueOn: longDay(reopening.dueOn), inPublic };
    const { personId } = checkin;
    await writeToColleague(tx, { letter: 'owner-alert', cause, personId, to: address, slots }, now);
  }
}

/** An answer is late: whoever stands above the owner reads it, and so does the owner. Never the person whom it concerns. */
export async function alertLate(tx: Tx, reopening: Reopening, now: Date): Promise<void> {
  const [site, concerns] = await Promise.all([publishedSite(tx), concernsOf(tx, reopening)]);
  const { title } = await questionFor(tx, reopening.issueId);
  const addressOf = (id: string | undefined) => {
    const person = site.people[id ?? ''];
    return person && !isConcerned(concerns, { id: id!, name: person.name }) ? person.address : undefined;
  };
  // Whoever answers is the owner, or HR where it concerns the owner.
  const owner = site.people[reopening.owner]?.name ?? site.organisation;
  const slots = { issueTitle: title, owner, dueOn: longDay(reopening.dueOn) };
  const { personId } = reopening;
  for (const to of new Set([site.reopen.escalate_to, reopening.owner].map((id) => addressOf(id) ?? site.reply_to))) {
    const cause = `owner-late:${reopening.id}:${reopening.dueOn}:${to}`;
    await writeToColleague(tx, { letter: 'owner-late', cause, personId, to, slots }, now);
  }
}

/** A promise was not kept in time. */
export async function alertMissed(tx: Tx, { id, personId, owner, what, dueOn }: PromiseRow, now: Date): Promise<void> {
  const to = (await publishedSite(tx)).people[owner]?.address;
  const slots = { what, dueOn: longDay(dueOn) };
  await writeToColleague(tx, { letter: 'owner-promise', cause: `owner-promise:${id}`, personId, to, slots }, now);
}

/** What we believed made them leave was something else: to the owner of that, unless it concerns them. */
export async function alertCorrected(
  tx: Tx,
  { id, personId, complaintId }: { id: string; personId: string; complaintId: string },
  now: Date,
): Promise<void> {
  const [about] = await tx.select().from(complaints).where(eq(complaints.id, complaintId));
  const question = about?.issueId ? await questionFor(tx, about.issueId) : null;
  const owner = question && { id: question.ownerId, ...question.owner };
  const to = owner && !isConcerned(about?.concerns, owner) ? owner.address : undefined;
  const slots = { issueTitle: question?.title ?? 'something we have not linked to a cause' };
  await writeToColleague(tx, { letter: 'owner-correction', cause: `owner-correction:${id}`, personId, to, slots }, now);
}

/** It was measured that it came back: what was measured, and that everything else has happened already. */
export async function alertOfCrossing(
  tx: Tx,
  issueId: string,
  { proofId, series, crossed }: Crossing,
  now: Date,
): Promise<void> {
  const { owner, title } = await questionFor(tx, issueId);
  const slots = {
    issueTitle: title,
    series: series.title,
    value: formatValue(series.unit, crossed.value, series.currency),
    on: longDay(crossed.on),
    limit: limitWords(series),
    page: new URL(`/proofs/${proofId}`, env.AMENDS_URL).href,
    desk: new URL(`/staff/drafts/proofs/${proofId}`, env.AMENDS_URL).href,
  };
  const cause = `owner-measured:${issueId}:${series.id}:${crossed.on}`;
  const write = { letter: 'owner-measured', kind: 'owner-alert', cause, to: owner.address, slots };
  await writeToColleague(tx, write, now);
}
