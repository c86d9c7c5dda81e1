import { and, eq, ne } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { checkins, reopenings } from '../db/schema/checkins.ts';
import { persons } from '../db/schema/people.ts';
import { rejoins } from '../db/schema/rejoin.ts';
import { noAnswersByIssue } from './checkins/answers.ts';
import { type Checkin, cancelCheckins, questionFor, reasonOf, scheduleCheckins } from './checkins/schedule.ts';
import { writeLetter } from './invitations/letters.ts';
import { fill } from './mail/delivery.ts';
import { postLetter } from './mail/outbox.ts';
import type { SubscriptionNow } from './payments/payments.ts';
import { recordDeparture } from './people/departures.ts';
import type { Site } from './proofs/documents.ts';
import { issueWithState, publishedLetter, publishedOffer, publishedOffers, publishedSite } from './proofs/published.ts';
import type { NoAnswer } from './proofs/state.ts';
import { type Rejoin, renewalOf } from './rejoin/check.ts';
import type { Surplus } from './rejoin/surplus.ts';
import { undoUntil } from './rejoin/undo.ts';
import { type Day, dayOf, longDay } from './shared/dates.ts';
import { formatMoney } from './shared/money.ts';

/*
 * What happens when. Each reaction runs in the transaction of its cause and only writes rows: letters go to the outbox,
 * never out.
 */

export async function onRejoined(tx: Tx, rejoin: Rejoin, now: Date): Promise<void> {
  await scheduleCheckins(tx, rejoin, now);
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

/** They left again. Nothing is asked any more; nothing is said either, because they said it by leaving. */
export async function onEnded(tx: Tx, rejoin: Rejoin, now: Date): Promise<void> {
  await cancelCheckins(tx, rejoin.id, now);
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
  const why =
    surplus.why === 'second'
      ? 'A second payment for one return came in.'
      : 'What was charged was not what the button said.';
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

/** A “no” alerts the owner. If it is the one that makes the issue come back, everyone who returned for it is told. */
export async function onAnswered(tx: Tx, checkin: Checkin, now: Date): Promise<void> {
  if (checkin.answer !== 'no') return;
  const { owner, title } = await questionFor(tx, checkin.issueId);
  const site = await publishedSite(tx);
  await alertOwner(tx, checkin, { owner, title, site }, now);
  const known = (await noAnswersByIssue(tx)).get(checkin.issueId) ?? [];
  const without = known.toSpliced(
    known.findLastIndex(({ personId }) => personId === checkin.personId),
    1,
  );
  const cameBackBy = async (given: NoAnswer[]) => {
    const issue = await issueWithState(tx, checkin.issueId, new Map([[checkin.issueId, given]]), now);
    return issue?.state.state === 'came_back';
  };
  if ((await cameBackBy(known)) && !(await cameBackBy(without))) await tellReturned(tx, checkin, { owner, title }, now);
}

/** The owner learns that and by when, and not who or in what words: those stay on the desk. */
async function alertOwner(
  tx: Tx,
  checkin: Checkin,
  { owner, title, site }: Question & { site: Site },
  now: Date,
): Promise<void> {
  const alert = await publishedLetter(tx, 'owner-alert');
  const [reopening] = await tx.select().from(reopenings).where(eq(reopenings.checkinId, checkin.id));
  if (!alert || !reopening) return;
  const slots = { issueTitle: title, sender: site.organisation, dueOn: longDay(reopening.dueOn) };
  await postLetter(
    tx,
    {
      cause: `owner-alert:${checkin.id}`,
      kind: 'owner-alert',
      personId: checkin.personId,
      to: owner.address ?? site.reply_to,
      fromName: site.organisation,
      subject: fill(alert.data.subject, slots),
      body: fill(alert.body, slots),
    },
    now,
  );
}

type Question = { owner: { name: string; address?: string | undefined }; title: string };

/** Everyone who came back for the same reason hears it from us, once per return of the problem. */
async function tellReturned(tx: Tx, checkin: Checkin, { owner, title }: Question, now: Date): Promise<void> {
  const returned = await tx
    .selectDistinct({ person: persons, rejoinId: rejoins.id })
    .from(rejoins)
    .innerJoin(persons, eq(persons.id, rejoins.personId))
    .innerJoin(checkins, eq(checkins.rejoinId, rejoins.id))
    .where(and(eq(rejoins.state, 'active'), eq(checkins.issueId, checkin.issueId), ne(persons.id, checkin.personId)));
  for (const { person } of returned) {
    await writeLetter(
      tx,
      {
        letter: 'came-back',
        cause: `came-back:${checkin.issueId}:${dayOf(now)}:${person.id}`,
        person,
        sender: owner.name,
        slots: { issueTitle: title },
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
