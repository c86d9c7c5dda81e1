import { eq } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { complaints, persons } from '../db/schema/people.ts';
import { rejoins } from '../db/schema/rejoin.ts';
import { issuesNow, noAnswersByIssue } from './checkins/answers.ts';
import type { Batch } from './checkins/batches.ts';
import { askWhyTheyLeft } from './checkins/leaving.ts';
import { cancelPromises, makePromises, type PromiseRow, promiseReview } from './checkins/promises.ts';
import { answerersOf, concernsOf, openReopening, type Reopening } from './checkins/reopen.ts';
import {
  type Checkin,
  cancelCheckins,
  questionFor,
  reasonOf,
  scheduleAtWork,
  scheduleCheckins,
} from './checkins/schedule.ts';
import { stillTrue, tellReturned } from './checkins/tell.ts';
import { env } from './env.ts';
import { askGate } from './invitations/facts.ts';
import { heldBecause, writeLetter } from './invitations/letters.ts';
import { noLongerSigned } from './invitations/sign.ts';
import type { Correction } from './landing/press.ts';
import { fill } from './mail/delivery.ts';
import { type Letter, postLetter } from './mail/outbox.ts';
import type { SubscriptionNow } from './payments/payments.ts';
import { isConcerned } from './people/concerns.ts';
import { recordDeparture } from './people/departures.ts';
import { normaliseAddress } from './people/suppression.ts';
import type { Series, Site } from './proofs/documents.ts';
import { formatValue, type Point } from './proofs/evidence.ts';
import { limitWords } from './proofs/looks/sentences.ts';
import {
  circumstancesOf,
  issueStates,
  issueWithState,
  type PublishedProof,
  publishedItems,
  publishedLetter,
  publishedOffer,
  publishedOffers,
  publishedProof,
  publishedRole,
  publishedSite,
} from './proofs/published.ts';
import { isBeyond, type NoAnswer, stateOfIssue } from './proofs/state.ts';
import { type Rejoin, renewalOf } from './rejoin/check.ts';
import type { Surplus } from './rejoin/surplus.ts';
import { undoUntil } from './rejoin/undo.ts';
import { type RoleOffer, talksAbout } from './reonboarding/offer.ts';
import { planSteps, type Step } from './reonboarding/steps.ts';
import { type Day, dayOf, longDay } from './shared/dates.ts';
import { formatMoney } from './shared/money.ts';

/*
 * What happens when. Each reaction runs in the transaction of its cause and only writes rows: letters go to the outbox,
 * never out.
 */

export async function onRejoined(tx: Tx, rejoin: Rejoin, now: Date): Promise<void> {
  await scheduleCheckins(tx, rejoin, now);
  await makePromises(tx, rejoin, now);
  const site = await publishedSite(tx);
  const offer = await publishedOffer(tx, rejoin.offerId);
  await writeLetter(
    tx,
    {
      letter: rejoin.amount === 0 ? 'kept' : 'back',
      cause: `back:${rejoin.id}`,
      person: await personOf(tx, rejoin.personId),
      sender: await senderFor(tx, rejoin.personId),
      slots: {
        plan: offer?.data.plan ?? 'your plan',
        amount: formatMoney(rejoin),
        renewal: formatMoney({ amount: renewalOf(rejoin), currency: rejoin.currency }),
        card: rejoin.cardLabel,
        renewsOn: rejoin.renewsOn ? longDay(rejoin.renewsOn) : '',
        undoUntil: longDay(undoUntil(rejoin, site)),
      },
      mint: { link: 'page:back' },
    },
    now,
  );
}

export async function onUndone(tx: Tx, rejoin: Rejoin, now: Date): Promise<void> {
  await cancelCheckins(tx, rejoin.id, now);
  await cancelPromises(tx, rejoin.id, now);
  await writeLetter(
    tx,
    {
      letter: 'undone',
      cause: `undone:${rejoin.id}`,
      person: await personOf(tx, rejoin.personId),
      sender: await senderFor(tx, rejoin.personId),
      slots: { refunded: formatMoney({ amount: rejoin.refundedAmount ?? 0, currency: rejoin.currency }) },
    },
    now,
  );
}

/** They left again. None of the old questions is asked any more; one is, once: why. */
export async function onEnded(tx: Tx, rejoin: Rejoin, now: Date): Promise<void> {
  await cancelCheckins(tx, rejoin.id, now);
  await cancelPromises(tx, rejoin.id, now);
  if (rejoin.completedAt !== null) await askWhyTheyLeft(tx, rejoin, await senderFor(tx, rejoin.personId), now);
}

/** They keep what they paid for and are told the day. Cancelling again after having kept it is another cause. */
export async function onCancelled(tx: Tx, rejoin: Rejoin, endsOn: Day, now: Date): Promise<void> {
  const offer = await publishedOffer(tx, rejoin.offerId);
  await writeLetter(
    tx,
    {
      letter: 'cancelled',
      cause: `cancelled:${rejoin.id}:${endsOn}`,
      person: await personOf(tx, rejoin.personId),
      sender: await senderFor(tx, rejoin.personId),
      slots: { plan: offer?.data.plan ?? 'your plan', endsOn: longDay(endsOn) },
      mint: { link: 'page:back' },
    },
    now,
  );
}

/** A subscription to one of our plans ended, by whatever way: that is a departure, with the reason they gave. */
export async function onLeft(tx: Tx, subscription: SubscriptionNow, now: Date): Promise<void> {
  const { ended, items, customer } = subscription;
  if (!ended) return;
  const { time_zone } = await publishedSite(tx);
  const key = items[0]?.lookupKey;
  const offers = key ? await publishedOffers(tx) : [];
  const today = offers.find(({ data }) => data.lookup_key === key)?.data.plan;
  const then = offers.find(({ data }) => key && data.succeeds.includes(key))?.data.for_plans[0];
  await recordDeparture(
    tx,
    {
      billingId: subscription.customerId,
      subscriptionId: subscription.subscriptionId,
      email: customer.email,
      name: customer.name,
      joinedOn: dayOf(subscription.startedAt, time_zone),
      leftOn: dayOf(ended.at, time_zone),
      plan: today ?? then ?? null,
      amount: subscription.unitAmount,
      currency: subscription.currency,
      seats: items[0]?.quantity ?? 1,
      reason: ended.reason,
      comment: ended.comment,
    },
    now,
  );
}

/** Money was taken that must not stay, and is on its way back: the person is told, and whoever answers for money here is. */
export async function onSurplus(tx: Tx, surplus: Surplus, now: Date): Promise<void> {
  const [rejoin] = await tx.select().from(rejoins).where(eq(rejoins.id, surplus.rejoinId));
  if (!rejoin) return;
  const site = await publishedSite(tx);
  const refunded = formatMoney({ amount: surplus.refundedAmount ?? 0, currency: surplus.currency ?? rejoin.currency });
  const why = {
    second: 'A second payment for one return came in.',
    amount: 'What was charged was not what the button said.',
    closed: 'A payment came in just as we had closed its page.',
  }[surplus.why];
  await writeLetter(
    tx,
    {
      letter: 'paid-twice',
      cause: `surplus:${surplus.subscriptionId}`,
      person: await personOf(tx, rejoin.personId),
      sender: await senderFor(tx, rejoin.personId),
      slots: { refunded, why },
    },
    now,
  );
  const report = await publishedLetter(tx, 'surplus-report');
  if (!report) throw new Error('The letter “surplus-report” is not published.');
  const slots = { refunded, why, reference: rejoin.id.slice(-8), subscription: surplus.subscriptionId };
  await postLetter(
    tx,
    {
      cause: `surplus-report:${surplus.subscriptionId}`,
      kind: 'owner-alert',
      personId: rejoin.personId,
      to: site.reply_to,
      fromName: site.organisation,
      subject: fill(report.data.subject, slots),
      body: fill(report.body, slots),
    },
    now,
  );
}

/**
 * A “no” alerts the owner. If it is the one that makes the issue come back, everyone who returned for it is told. That of somebody
 * who works here is in no public state until its batch.
 */
export async function onAnswered(tx: Tx, checkin: Checkin, now: Date): Promise<void> {
  if (checkin.answer !== 'no') return;
  const { title } = await questionFor(tx, checkin.issueId);
  const site = await publishedSite(tx);
  await alertOwner(tx, checkin, { title, site }, now);
  if (checkin.roleOfferId !== null) return;
  const known = (await noAnswersByIssue(tx)).get(checkin.issueId) ?? [];
  const without = known.toSpliced(
    known.findLastIndex(({ personId }) => personId === checkin.personId),
    1,
  );
  const stateBy = async (given: readonly NoAnswer[]) =>
    (await issueWithState(tx, checkin.issueId, new Map([[checkin.issueId, given]]), now))?.state;
  const state = await stateBy(known);
  if (state?.state !== 'came_back' || (await stateBy(without))?.state === 'came_back') return;
  const since = state.since ?? dayOf(now, site.time_zone);
  await tellReturned(tx, { issueId: checkin.issueId, since, except: checkin.personId }, now);
}

/** What people who work here answered has become public. Where that makes the issue come back, everyone who returned for it is told. */
export async function onBatchClosed(tx: Tx, batch: Batch, now: Date): Promise<void> {
  const known = await noAnswersByIssue(tx);
  const before = (known.get(batch.issueId) ?? []).filter(({ on }) => on !== batch.closedOn || batch.newNo === 0);
  const state = (await issueWithState(tx, batch.issueId, known, now))?.state;
  if (state?.state !== 'came_back') return;
  const was = (await issueWithState(tx, batch.issueId, new Map([[batch.issueId, before]]), now))?.state;
  if (was?.state === 'came_back') return;
  await tellReturned(tx, { issueId: batch.issueId, since: state.since ?? batch.closedOn }, now);
}

/** Which measurements were just stored: of one series, on these days. */
export type Measured = { proofId: string; seriesId: string; days: readonly Day[] };

/**
 * New measurements. Where they make an issue come back, everyone who returned for it is told, and its owner. Nothing else needs doing:
 * pages, the gate and check-ins read the state.
 */
export async function onMeasured(tx: Tx, { proofId, seriesId, days }: Measured, now: Date): Promise<void> {
  const proof = await publishedProof(tx, proofId);
  const series = proof?.data.series.find(({ id }) => id === seriesId);
  if (!series || days.length === 0) return;
  const isNew = new Set(days);
  const crossed = (proof?.points[seriesId] ?? []).find(({ on, value }) => isNew.has(on) && isBeyond(series, value));
  if (!crossed) return;
  const [site, noAnswers] = await Promise.all([publishedSite(tx), noAnswersByIssue(tx)]);
  const circumstances = circumstancesOf(site, now);
  for (const { issue, state, proofs } of await issueStates(tx, noAnswers, now)) {
    if (state.state !== 'came_back' || !proofs.some((one) => one.proof.id === proofId)) continue;
    const before = proofs.map((one) => (one.proof.id === proofId ? without(one.proof, seriesId, isNew) : one.proof));
    const was = stateOfIssue(before, noAnswers.get(issue.id) ?? [], circumstances);
    if (was.state === 'came_back') continue;
    const since = state.since ?? dayOf(now, site.time_zone);
    await tellReturned(tx, { issueId: issue.id, since }, now);
    await alertOfCrossing(tx, issue.id, { proofId, series, crossed, site }, now);
  }
}

function without(proof: PublishedProof, seriesId: string, days: ReadonlySet<Day>): PublishedProof {
  const points = (proof.points[seriesId] ?? []).filter(({ on }) => !days.has(on));
  return { ...proof, points: { ...proof.points, [seriesId]: points } };
}

/** The owner learns what was measured, and that everything else has happened already. */
async function alertOfCrossing(
  tx: Tx,
  issueId: string,
  { proofId, series, crossed, site }: { proofId: string; series: Series; crossed: Point; site: Site },
  now: Date,
): Promise<void> {
  const alert = await publishedLetter(tx, 'owner-measured');
  if (!alert) return;
  const { owner, title } = await questionFor(tx, issueId);
  const said = (value: number) => formatValue(series.unit, value, series.currency);
  const slots = {
    issueTitle: title,
    sender: site.organisation,
    series: series.title,
    value: said(crossed.value),
    on: longDay(crossed.on),
    limit: limitWords(series),
    page: new URL(`/proofs/${proofId}`, env.AMENDS_URL).href,
    desk: new URL(`/staff/drafts/proofs/${proofId}`, env.AMENDS_URL).href,
  };
  await postLetter(
    tx,
    {
      cause: `owner-measured:${issueId}:${series.id}:${crossed.on}`,
      kind: 'owner-alert',
      personId: null,
      to: owner.address ?? site.reply_to,
      fromName: site.organisation,
      subject: fill(alert.data.subject, slots),
      body: fill(alert.body, slots),
    },
    now,
  );
}

/** The person says that our answer did not settle it: the owner owes another one. */
export async function onNotSettled(tx: Tx, checkin: Checkin, now: Date): Promise<void> {
  const { title } = await questionFor(tx, checkin.issueId);
  await alertOwner(tx, checkin, { title, site: await publishedSite(tx) }, now);
}

/** An answer is late: whoever stands above the owner reads it, and so does the owner. Never the person whom it concerns. */
export async function onLate(tx: Tx, reopening: Reopening, now: Date): Promise<void> {
  const [site, concerns] = await Promise.all([publishedSite(tx), concernsOf(tx, reopening)]);
  const { title } = await questionFor(tx, reopening.issueId);
  const addressOf = (id: string | undefined) => {
    const person = site.people[id ?? ''];
    return person && !isConcerned(concerns, { id: id!, name: person.name }) ? person.address : undefined;
  };
  // Whoever answers is the owner, or HR where it concerns the owner.
  const owner = site.people[reopening.owner]?.name ?? site.organisation;
  for (const to of new Set([site.reopen.escalate_to, reopening.owner].map((id) => addressOf(id) ?? site.reply_to))) {
    await writeToOwner(
      tx,
      {
        letter: 'owner-late',
        cause: `owner-late:${reopening.id}:${reopening.dueOn}:${to}`,
        personId: reopening.personId,
        to,
        slots: { issueTitle: title, owner, sender: site.organisation, dueOn: longDay(reopening.dueOn) },
      },
      now,
    );
  }
}

/** A promise made with the offer was not kept in time. The person sees it on their page; its owner is told. */
export async function onMissed(tx: Tx, promise: PromiseRow, now: Date): Promise<void> {
  const site = await publishedSite(tx);
  await writeToOwner(
    tx,
    {
      letter: 'owner-promise',
      cause: `owner-promise:${promise.id}`,
      personId: promise.personId,
      to: site.people[promise.owner]?.address ?? site.reply_to,
      slots: { what: promise.what, sender: site.organisation, dueOn: longDay(promise.dueOn) },
    },
    now,
  );
}

/** “Not quite”: whoever owns what we believed it was reads what it was instead. Their words stay on the desk. */
export async function onCorrected(tx: Tx, correction: Correction, now: Date): Promise<void> {
  if (correction.right || !correction.complaintId) return;
  const [about] = await tx.select().from(complaints).where(eq(complaints.id, correction.complaintId));
  const site = await publishedSite(tx);
  const { ownerId, owner, title } = about?.issueId
    ? await questionFor(tx, about.issueId)
    : { ownerId: '', owner: null, title: 'something we have not linked to a cause' };
  const theirs = owner && isConcerned(about?.concerns, { id: ownerId, name: owner.name }) ? null : owner;
  await writeToOwner(
    tx,
    {
      letter: 'owner-correction',
      cause: `owner-correction:${correction.id}`,
      personId: correction.personId,
      to: theirs?.address ?? site.reply_to,
      slots: { issueTitle: title, sender: site.organisation },
    },
    now,
  );
}

/** A letter to somebody here. It says what to do and by when, and holds nothing of the person it is about. */
async function writeToOwner(
  tx: Tx,
  write: { letter: string; cause: string; personId: string; to: string; slots: Record<string, string> },
  now: Date,
): Promise<void> {
  const text = await publishedLetter(tx, write.letter);
  if (!text) return;
  await postLetter(
    tx,
    {
      cause: write.cause,
      kind: write.letter,
      personId: write.personId,
      to: write.to,
      fromName: write.slots['sender'] ?? '',
      subject: fill(text.data.subject, write.slots),
      body: fill(text.body, write.slots),
    },
    now,
  );
}

/** The owner learns that and by when, and not who or in what words: those stay on the desk. */
async function alertOwner(
  tx: Tx,
  checkin: Checkin,
  { title, site }: { title: string; site: Site },
  now: Date,
): Promise<void> {
  const reopening = await openReopening(tx, checkin);
  if (!reopening) return;
  for (const [at, { id, address }] of (await answerersOf(tx, checkin)).entries()) {
    await writeToOwner(
      tx,
      {
        letter: 'owner-alert',
        cause: `owner-alert:${reopening.id}:${reopening.dueOn}${at === 0 ? '' : `:${id}`}`,
        personId: checkin.personId,
        to: address,
        slots: {
          issueTitle: title,
          sender: site.organisation,
          dueOn: longDay(reopening.dueOn),
          inPublic:
            checkin.roleOfferId === null
              ? 'The public page counts it from now on.'
              : 'The public page does not change because of one person who works here. Do not let anybody see who it was.',
        },
      },
      now,
    );
  }
}

async function personOf(tx: Tx, personId: string) {
  const [person] = await tx.select().from(persons).where(eq(persons.id, personId));
  return person!;
}

/** The owner of what made them leave signs; without one, the first person the site names. */
async function senderFor(tx: Tx, personId: string): Promise<string> {
  const reason = await reasonOf(tx, personId);
  if (reason?.issueId) return (await questionFor(tx, reason.issueId)).owner.name;
  const site = await publishedSite(tx);
  return Object.values(site.people)[0]?.name ?? site.organisation;
}

/** An offer of a role was issued: whoever talks with people about it writes. What they told us is not in the letter. */
export async function onOffered(tx: Tx, offer: RoleOffer, now: Date): Promise<void> {
  await writeAboutOffer(tx, offer, { letter: 'role-offer', slots: { answerBy: longDay(offer.answerBy) } }, now);
}

/** They accepted: a copy goes to them, and each colleague whom their first week waits for gets one task. */
export async function onAccepted(tx: Tx, offer: RoleOffer, now: Date): Promise<void> {
  const site = await publishedSite(tx);
  const { terms, termsHash, acceptedName, acceptedAt } = offer;
  const acceptedOn = longDay(dayOf(acceptedAt ?? now, site.time_zone));
  const slots = { terms, hash: termsHash, name: acceptedName ?? '', acceptedOn };
  await writeAboutOffer(tx, offer, { letter: 'role-accepted', slots }, now);
  await tellIssuer(tx, offer, 'accepted', site, now);
  for (const step of await planSteps(tx, offer, site.time_zone)) await writeTask(tx, offer, step, site, now);
  await scheduleAtWork(tx, offer);
  await promiseReview(tx, offer);
}

/** They took it back: nothing is asked of anybody any more. */
export async function onTakenBack(tx: Tx, offer: RoleOffer, now: Date): Promise<void> {
  await cancelCheckins(tx, offer.id, now);
  await cancelPromises(tx, offer.id, now);
  await writeAboutOffer(tx, offer, { letter: 'role-withdrawn', slots: {} }, now);
  await tellIssuer(tx, offer, 'taken back', await publishedSite(tx), now);
}

/** “No thanks”, while an offer was open. */
export async function onDeclined(tx: Tx, offer: RoleOffer, now: Date): Promise<void> {
  await tellIssuer(tx, offer, 'declined', await publishedSite(tx), now);
}

/** HR learns that an offer was answered, and looks at the desk who it was: the letter names nobody. */
async function tellIssuer(
  tx: Tx,
  offer: RoleOffer,
  answer: 'accepted' | 'declined' | 'taken back',
  site: Site,
  now: Date,
): Promise<void> {
  const desk = new URL(`/staff/returning/${offer.personId}`, env.AMENDS_URL).href;
  await writeToOwner(
    tx,
    {
      letter: 'offer-answered',
      cause: `offer-answered:${offer.id}:${answer}`,
      personId: offer.personId,
      to: site.people[offer.issuedBy]?.address ?? site.reply_to,
      slots: { answer, desk, startOn: longDay(offer.startOn), sender: site.organisation },
    },
    now,
  );
}

/** “I would like to talk about it.” The letter names nobody: who it is stands at the desk. */
export async function onTalk(
  tx: Tx,
  { personId, roleId }: { personId: string; roleId: string },
  now: Date,
): Promise<void> {
  const [site, role, letter] = await Promise.all([
    publishedSite(tx),
    publishedRole(tx, roleId),
    publishedLetter(tx, 'wants-to-talk'),
  ]);
  if (!role || !letter) return;
  const slots = { role: role.data.title, sender: site.organisation };
  await postLetter(
    tx,
    {
      cause: `wants-to-talk:${personId}:${roleId}`,
      kind: 'wants-to-talk',
      personId: null,
      to: (await talksAbout(tx, personId, role, site)).address,
      fromName: site.organisation,
      subject: fill(letter.data.subject, slots),
      body: fill(letter.body, slots),
    },
    now,
  );
}

/** The letter with a task's own link. `again`: a reminder; its link replaces the one before. */
export async function writeTask(
  tx: Tx,
  offer: RoleOffer,
  step: Step & { owner: string },
  site: Site,
  now: Date,
  again = '',
): Promise<void> {
  const [letter, items] = await Promise.all([publishedLetter(tx, 'task'), publishedItems(tx)]);
  const item = items.find(({ id }) => id === step.itemId);
  if (!letter || !item) return;
  const slots = {
    what: item.data.title,
    startOn: longDay(offer.startOn),
    dueOn: longDay(step.dueOn),
    sender: site.organisation,
  };
  await postLetter(
    tx,
    {
      cause: `task:${step.id}${again}`,
      kind: 'task',
      personId: null,
      to: site.people[step.owner]?.address ?? site.reply_to,
      fromName: site.organisation,
      subject: fill(letter.data.subject, slots),
      body: fill(letter.body, slots),
      mint: { task: `task:${step.id}` },
    },
    now,
  );
}

async function writeAboutOffer(
  tx: Tx,
  offer: RoleOffer,
  { letter, slots }: { letter: 'role-offer' | 'role-accepted' | 'role-withdrawn'; slots: Record<string, string> },
  now: Date,
): Promise<void> {
  const [site, role] = await Promise.all([publishedSite(tx), publishedRole(tx, offer.roleId)]);
  const sender = site.people[role?.data.talk_to ?? '']?.name ?? site.organisation;
  const person = await personOf(tx, offer.personId);
  await writeLetter(tx, { letter, cause: `${letter}:${offer.id}`, person, sender, slots }, now);
}

/**
 * Why a letter must not leave, asked at the moment of sending. An invitation, by its kind or by its cause, has to pass the gate once
 * more; “it is fixed” must still be so.
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
