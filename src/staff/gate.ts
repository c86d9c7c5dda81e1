import { eq } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { holds } from '../../db/schema/invitations.ts';
import { noAnswersByIssue } from '../checkins/answers.ts';
import { type AtTheGate, askGate } from '../invitations/facts.ts';
import { countReasons, type GateRefusal } from '../invitations/gate.ts';
import { type Hold, holdInvitations, overrideWindow, releaseHold, standingHolds } from '../invitations/holds.ts';
import { publishedIssue, publishedSite } from '../proofs/published.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { may } from './access.ts';
import { record } from './audit.ts';
import { fullName, mayKnow, type Viewer } from './privacy.ts';

/* Who may be invited back, and by reason who may not. Counts for everyone; then people, as far as whoever looks may know them. */

export type AtTheDesk = { id: string; name: string; reference: string; refusals: GateRefusal[] };

export type GatePage = {
  people: number;
  mayInvite: number;
  reasons: (GateRefusal & { people: number })[];
  /** Those of the reason asked for; null: may be invited. */
  shown: AtTheDesk[];
  /** How many of them there are. */
  of: number;
  /** Employees among them, whom only HR knows. */
  hidden: number;
  holds: Hold[];
};

/** `reason`: a code, or null for those who may be invited. `issueId`: only those whom this issue made leave. */
export async function gatePage(
  reader: Reader,
  who: Viewer,
  { reason, issueId, limit = 100 }: { reason: string | null; issueId?: string | undefined; limit?: number },
  now: Date,
): Promise<GatePage> {
  const [site, noAnswers, standing] = await Promise.all([
    publishedSite(reader),
    noAnswersByIssue(reader),
    standingHolds(reader),
  ]);
  const everyone = (await askGate(reader, noAnswers, now)).filter(
    ({ facts }) => issueId === undefined || facts.mainComplaint?.issueId === issueId,
  );
  const fits = ({ refusals }: AtTheGate) =>
    reason === null ? refusals.length === 0 : refusals.some(({ code }) => code === reason);
  const found = everyone.filter(fits);
  const known = found.filter(({ person }) => mayKnow(who, person.kind, null));
  return {
    people: everyone.length,
    mayInvite: everyone.filter(({ refusals }) => refusals.length === 0).length,
    reasons: countReasons(everyone, site),
    shown: known.slice(0, limit).map(({ person, refusals }) => ({
      ...{ id: person.id, name: fullName(person), refusals },
      reference: `${person.source} ${person.externalId}`,
    })),
    of: found.length,
    hidden: found.length - known.length,
    holds: standing.toSorted((a, b) => a.at - b.at),
  };
}

/** Nobody is invited over this issue from now on: its owner says so, or an approver. */
export async function holdIssue(
  tx: Tx,
  who: Viewer,
  { issueId, because }: { issueId: string; because: string },
  now: Date,
): Promise<true | Refusal> {
  const issue = await publishedIssue(tx, issueId);
  if (!issue) return refuse('no-issue', 'Choose an issue that is published.');
  const unfit = notTheirHold(who, issue.data.owner);
  if (unfit) return unfit;
  const reason = because.trim().slice(0, 500);
  if (reason.length < 8) return refuse('no-reason', 'Say in a sentence why nobody is invited over this for now.');
  if ((await standingHolds(tx)).some((hold) => hold.issueId === issueId && hold.by !== null)) {
    return refuse('held', 'Somebody here has put it on hold already.');
  }
  await holdInvitations(tx, { issueId, because: reason, by: who.id }, now);
  await record(tx, { by: who.id, action: 'held', subject: `issues:${issueId}` }, now);
  return true;
}

/** Lifts a hold. One that a returned person's “no” made is not for whoever owes them the answer to lift. */
export async function lift(
  tx: Tx,
  who: Viewer,
  { holdId, because }: { holdId: string; because: string },
  now: Date,
): Promise<true | Refusal> {
  const [hold] = await tx.select().from(holds).where(eq(holds.id, holdId));
  if (!hold) return refuse('not-held', 'This hold stands no more.');
  const owner = (await publishedIssue(tx, hold.issueId))?.data.owner ?? null;
  const unfit = notTheirHold(who, owner);
  if (unfit) return unfit;
  if (hold.reopeningId !== null && (who.id === owner || !who.roles.includes('approver'))) {
    return refuse(
      'their-no',
      'A “no” made this hold. The person’s own “settled” lifts it, or an approver who doesn’t own it.',
    );
  }
  const released = await releaseHold(tx, { holdId, by: who.id, because: because.slice(0, 500) }, now);
  if (isRefusal(released)) return released;
  await record(
    tx,
    { by: who.id, action: 'released', subject: `issues:${hold.issueId}`, detail: { hold: holdId } },
    now,
  );
  return true;
}

function notTheirHold(who: Viewer, owner: string | null): Refusal | null {
  if (may(who.roles, 'hold') && (who.id === owner || who.roles.includes('approver'))) return null;
  return refuse('not-yours', 'Whoever owns the issue does this, or an approver. Nothing was changed.');
}

/** An approver lets one person be invited although they left too long ago. Every other refusal stands. */
export async function inviteLate(
  tx: Tx,
  who: Viewer,
  { personId, reason }: { personId: string; reason: string },
  now: Date,
): Promise<true | Refusal> {
  if (!may(who.roles, 'override the window')) return refuse('not-yours', 'Only an approver does this.');
  const asked = (await askGate(tx, await noAnswersByIssue(tx), now, { personIds: [personId] }))[0];
  if (!asked || !mayKnow(who, asked.person.kind, null)) return refuse('nobody', 'Choose one of these people.');
  if (!asked.refusals.some(({ code }) => code === 'too-late')) {
    return refuse('not-late', 'The window is not what keeps this person back.');
  }
  const done = await overrideWindow(tx, { personId, by: who.id, reason: reason.slice(0, 500) }, now);
  if (isRefusal(done)) return done;
  await record(tx, { by: who.id, action: 'overrode the window', subject: `persons:${personId}` }, now);
  return true;
}
