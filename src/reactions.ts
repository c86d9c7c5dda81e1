import type { Tx } from '../db/client.ts';
import { alertCorrected, alertLate, alertMissed, alertOfCrossing, alertOwner } from './checkins/alerts.ts';
import { issuesNow, noAnswersByIssue } from './checkins/answers.ts';
import type { Batch } from './checkins/batches.ts';
import { askWhyTheyLeft } from './checkins/leaving.ts';
import { cancelPromises, makePromises, type PromiseRow, promiseReview } from './checkins/promises.ts';
import type { Reopening } from './checkins/reopen.ts';
import {
  type Checkin,
  cancelCheckins,
  questionFor,
  reasonOf,
  scheduleAtWork,
  scheduleCheckins,
} from './checkins/schedule.ts';
import { stillTrue, tellReturned } from './checkins/tell.ts';
import { type Measured, turnedByAnswers, turnedByMeasurements } from './checkins/turned.ts';
import { env } from './env.ts';
import { askGate } from './invitations/facts.ts';
import { heldBecause } from './invitations/letters.ts';
import { noLongerSigned } from './invitations/sign.ts';
import type { Correction } from './landing/press.ts';
import type { Letter } from './mail/outbox.ts';
import type { SubscriptionNow } from './payments/payments.ts';
import { normaliseAddress } from './people/suppression.ts';
import { publishedSite } from './proofs/published.ts';
import type { Rejoin } from './rejoin/check.ts';
import { recordEnded } from './rejoin/left.ts';
import { rejoinOf, writeCancelled, writePaidTwice, writeReceipt, writeUndone } from './rejoin/letters.ts';
import type { Surplus } from './rejoin/surplus.ts';
import { tellIssuer, tellWhoTalks, writeAboutOffer, writeTask } from './reonboarding/letters.ts';
import type { RoleOffer } from './reonboarding/offer.ts';
import { planSteps } from './reonboarding/steps.ts';
import type { Day } from './shared/dates.ts';

/*
 * What happens when, in the order of a person's way. Each reaction runs in the transaction of its cause and only writes rows: letters
 * go to the outbox, never out.
 */

/** A subscription to one of our plans ended, by whatever way. */
export async function onLeft(tx: Tx, subscription: SubscriptionNow, now: Date): Promise<void> {
  await recordEnded(tx, subscription, now);
}

/** New measurements. Nothing else needs doing where they bring nothing back: pages, the gate and check-ins read the state. */
export async function onMeasured(tx: Tx, measured: Measured, now: Date): Promise<void> {
  for (const { issueId, since, crossing } of await turnedByMeasurements(tx, measured, now)) {
    await tellReturned(tx, { issueId, since }, now);
    await alertOfCrossing(tx, issueId, crossing, now);
  }
}

/** “Not quite”: whoever owns what we believed it was reads what it was instead. */
export async function onCorrected(tx: Tx, { right, complaintId, ...correction }: Correction, now: Date): Promise<void> {
  if (!right && complaintId) await alertCorrected(tx, { ...correction, complaintId }, now);
}

/* A customer's return */

export async function onRejoined(tx: Tx, rejoin: Rejoin, now: Date): Promise<void> {
  await scheduleCheckins(tx, rejoin, now);
  await makePromises(tx, rejoin, now);
  await writeReceipt(tx, rejoin, await senderFor(tx, rejoin), now);
}

export async function onUndone(tx: Tx, rejoin: Rejoin, now: Date): Promise<void> {
  await askNothingMore(tx, rejoin, now);
  await writeUndone(tx, rejoin, await senderFor(tx, rejoin), now);
}

/** They keep what they paid for and are told the day. */
export async function onCancelled(tx: Tx, rejoin: Rejoin, endsOn: Day, now: Date): Promise<void> {
  await writeCancelled(tx, rejoin, endsOn, await senderFor(tx, rejoin), now);
}

/** They left again: one question is still asked, once: why. */
export async function onEnded(tx: Tx, rejoin: Rejoin, now: Date): Promise<void> {
  await askNothingMore(tx, rejoin, now);
  if (rejoin.completedAt !== null) await askWhyTheyLeft(tx, rejoin, await senderFor(tx, rejoin), now);
}

/** Money was taken that must not stay, and is on its way back: the person is told, and whoever answers for money here is. */
export async function onSurplus(tx: Tx, surplus: Surplus, now: Date): Promise<void> {
  const rejoin = await rejoinOf(tx, surplus);
  if (rejoin) await writePaidTwice(tx, rejoin, surplus, await senderFor(tx, rejoin), now);
}

/* An employee's return */

export async function onOffered(tx: Tx, offer: RoleOffer, now: Date): Promise<void> {
  await writeAboutOffer(tx, offer, 'role-offer', now);
}

/** “I would like to talk about it.” */
export async function onTalk(tx: Tx, talk: { personId: string; roleId: string }, now: Date): Promise<void> {
  await tellWhoTalks(tx, talk, now);
}

/** They accepted: a copy goes to them, and each colleague whom their first week waits for gets one task. */
export async function onAccepted(tx: Tx, offer: RoleOffer, now: Date): Promise<void> {
  const site = await publishedSite(tx);
  await writeAboutOffer(tx, offer, 'role-accepted', now);
  await tellIssuer(tx, offer, 'accepted', now);
  for (const step of await planSteps(tx, offer, site.time_zone)) await writeTask(tx, offer, step, site, now);
  await scheduleAtWork(tx, offer);
  await promiseReview(tx, offer);
}

/** They took it back. */
export async function onTakenBack(tx: Tx, offer: RoleOffer, now: Date): Promise<void> {
  await askNothingMore(tx, offer, now);
  await writeAboutOffer(tx, offer, 'role-withdrawn', now);
  await tellIssuer(tx, offer, 'taken back', now);
}

/** “No thanks”, while an offer was open. */
export async function onDeclined(tx: Tx, offer: RoleOffer, now: Date): Promise<void> {
  await tellIssuer(tx, offer, 'declined', now);
}

/* After a return */

/**
 * A “no” alerts the owner. If it is the one that makes the issue come back, everyone who returned for it is told. That of somebody
 * who works here is in no public state until its batch.
 */
export async function onAnswered(tx: Tx, checkin: Checkin, now: Date): Promise<void> {
  if (checkin.answer !== 'no') return;
  const { issueId, personId } = checkin;
  await alertOwner(tx, checkin, now);
  if (checkin.roleOfferId !== null) return;
  const turned = await turnedByAnswers(
    tx,
    issueId,
    (known) =>
      known.toSpliced(
        known.findLastIndex((answer) => answer.personId === personId),
        1,
      ),
    now,
  );
  if (turned) await tellReturned(tx, { ...turned, except: personId }, now);
}

/** The person says that our answer did not settle it: the owner owes another one. */
export async function onNotSettled(tx: Tx, checkin: Checkin, now: Date): Promise<void> {
  await alertOwner(tx, checkin, now);
}

/** What people who work here answered has become public. */
export async function onBatchClosed(tx: Tx, { issueId, closedOn, newNo }: Batch, now: Date): Promise<void> {
  const turned = await turnedByAnswers(
    tx,
    issueId,
    (known) => known.filter(({ on }) => on !== closedOn || newNo === 0),
    now,
  );
  if (turned) await tellReturned(tx, turned, now);
}

/** An answer is late. */
export async function onLate(tx: Tx, reopening: Reopening, now: Date): Promise<void> {
  await alertLate(tx, reopening, now);
}

/** A promise made with the offer was not kept in time. The person sees it on their page. */
export async function onMissed(tx: Tx, promise: PromiseRow, now: Date): Promise<void> {
  await alertMissed(tx, promise, now);
}

/* When a letter is about to leave */

/**
 * Why it must not. An invitation, by its kind or by its cause, has to pass the gate once more; “it is fixed” must still be so.
 */
export async function heldAtSending(tx: Tx, letter: Letter, now: Date): Promise<string | null> {
  const held = await heldBecause(tx, letter);
  if (held !== null) return held;
  if (letter.kind === 'fixed') {
    const ask = () => issuesNow(tx, now);
    if (!(await stillTrue(tx, letter, ask))) return 'not-holding';
  }
  if (letter.kind !== 'invitation' && !letter.cause.startsWith('invitation:')) return null;
  if (!letter.personId) return 'nobody';
  const noAnswers = await noAnswersByIssue(tx);
  const options = { personIds: [letter.personId], letterId: letter.id };
  const [asked] = await askGate(tx, noAnswers, now, options);
  if (!asked) return 'nobody';
  if (asked.refusals[0]) return asked.refusals[0].code;
  if (normaliseAddress(letter.toAddress) !== asked.person.emailNorm) return 'other-address';
  return noLongerSigned(tx, letter, noAnswers, env.AMENDS_URL, now);
}

/* Shared by several */

/** None of the old questions is asked any more, and nothing promised is owed. */
async function askNothingMore(tx: Tx, { id }: Rejoin | RoleOffer, now: Date): Promise<void> {
  await cancelCheckins(tx, id, now);
  await cancelPromises(tx, id, now);
}

/** The owner of what made them leave signs; without one, the first person the site names. */
async function senderFor(tx: Tx, { personId }: Rejoin): Promise<string> {
  const reason = await reasonOf(tx, personId);
  if (reason?.issueId) return (await questionFor(tx, reason.issueId)).owner.name;
  const site = await publishedSite(tx);
  return Object.values(site.people)[0]?.name ?? site.organisation;
}
