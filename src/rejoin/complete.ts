import { and, desc, eq, inArray, isNotNull, isNull, lt, or } from 'drizzle-orm';
import type { Db, Reader, Tx } from '../../db/client.ts';
import { paymentEvents, rejoins, surpluses } from '../../db/schema/rejoin.ts';
import type { PaymentEvent, Payments, SubscriptionNow } from '../payments/payments.ts';
import { publishedSite } from '../proofs/published.ts';
import { DAY_MS, dayOf } from '../shared/dates.ts';
import { forEachOne } from '../shared/each.ts';
import { leave } from './away.ts';
import { cardLabel, ourProducts, type Rejoin } from './check.ts';
import type { Surplus } from './surplus.ts';

/** Keeps a verified event once; the same event again changes nothing. Fast, because the provider waits for the answer. */
export async function storePaymentEvent(tx: Tx, event: PaymentEvent, now: Date): Promise<void> {
  const { id, type, subscriptionId, checkoutId } = event;
  await tx
    .insert(paymentEvents)
    .values({ id, type, subscriptionId, checkoutId, receivedAt: now.getTime() })
    .onConflictDoNothing();
}

/** What has to happen, in the same transaction, when a person is back or gone again. */
export type RejoinReactions = {
  onRejoined(tx: Tx, rejoin: Rejoin, now: Date): Promise<void>;
  onEnded(tx: Tx, rejoin: Rejoin, now: Date): Promise<void>;
  /** A subscription to one of our plans has ended, whoever had it. */
  onLeft(tx: Tx, subscription: SubscriptionNow, now: Date): Promise<void>;
};

/**
 * Applies stored events in the order they came. The order doesn't matter: an event only says what to read again, and what is
 * read is the truth. Answers how many were applied; an outage leaves the rest for the next round.
 */
export async function applyPaymentEvents(
  db: Db,
  payments: Payments,
  reactions: RejoinReactions,
  now: Date,
): Promise<number> {
  const waiting = await db.read
    .select()
    .from(paymentEvents)
    .where(isNull(paymentEvents.appliedAt))
    .orderBy(paymentEvents.receivedAt)
    .limit(50);
  await forEachOne(waiting, async (event) => {
    if (event.subscriptionId) await follow(db, payments, event.subscriptionId, reactions, now);
    else if (event.checkoutId) await followPage(db, payments, event.checkoutId);
    await db.write((tx) =>
      tx.update(paymentEvents).set({ appliedAt: now.getTime() }).where(eq(paymentEvents.id, event.id)),
    );
  });
  return waiting.length;
}

/** Reads one subscription and lets everything here follow it. */
async function follow(
  db: Db,
  payments: Payments,
  subscriptionId: string,
  reactions: RejoinReactions,
  now: Date,
): Promise<void> {
  const subscription = await payments.readSubscription(subscriptionId);
  if (!subscription) return;
  const left = subscription.ended && subscription.status === 'canceled';
  const ours = left ? await ourProducts(db.read, payments) : [];
  await db.write(async (tx) => {
    const rejoin = await applySubscription(tx, subscription, reactions, now);
    const undone = rejoin?.state === 'undoing' || rejoin?.state === 'undone';
    const surplus = await isSurplus(tx, subscriptionId);
    const isOurs = subscription.items.some(({ productId }) => ours.includes(productId));
    if (isOurs && !undone && !surplus) await reactions.onLeft(tx, subscription, now);
  });
  if (!subscription.failed && subscription.status !== 'incomplete_expired') return;
  const [unpaid] = await db.read
    .select()
    .from(rejoins)
    .where(
      and(
        eq(rejoins.subscriptionId, subscriptionId),
        inArray(rejoins.state, ['paying', 'away']),
        isNull(rejoins.checkoutId),
      ),
    );
  if (unpaid) await leave(db, payments, unpaid, `Your bank did not confirm the payment with ${unpaid.cardLabel}.`);
}

/** The provider's page has run out, or was closed there. */
async function followPage(db: Db, payments: Payments, checkoutId: string): Promise<void> {
  const [away] = await db.read
    .select()
    .from(rejoins)
    .where(and(eq(rejoins.checkoutId, checkoutId), eq(rejoins.state, 'away')));
  if (away) await leave(db, payments, away, 'You did not finish paying.');
}

/** States that a paid subscription ends: whatever we thought, the provider took the money. */
const UNPAID: Rejoin['state'][] = ['begun', 'paying', 'away', 'declined'];

const READ_AGAIN_AFTER_MS = 60_000;
const AWAY_READ_AFTER_MS = 5 * 60_000;

/** Lost events are healed: returns that have waited a while are read again without one. */
export async function healRejoins(db: Db, payments: Payments, reactions: RejoinReactions, now: Date): Promise<number> {
  const waiting = await db.read
    .select()
    .from(rejoins)
    .where(
      or(
        and(
          eq(rejoins.state, 'paying'),
          isNotNull(rejoins.subscriptionId),
          lt(rejoins.payingSince, now.getTime() - READ_AGAIN_AFTER_MS),
        ),
        and(eq(rejoins.state, 'away'), lt(rejoins.payingSince, now.getTime() - AWAY_READ_AFTER_MS)),
      ),
    );
  await forEachOne(waiting, async (rejoin) => {
    const { id, billingId, subscriptionId } = rejoin;
    const started = subscriptionId ?? (await payments.findSubscription({ customerId: billingId, rejoinId: id }));
    if (started) await follow(db, payments, started, reactions, now);
    // Looked at again in as long, not in every round.
    await db.write((tx) =>
      tx
        .update(rejoins)
        .set({ payingSince: now.getTime() })
        .where(and(eq(rejoins.id, id), eq(rejoins.state, 'away'))),
    );
  });
  return waiting.length;
}

const OVERLAP_MS = 3_600_000;
const FIRST_LOOK_MS = DAY_MS;

/** Asks the provider which events there were, so that one that never reached us is applied all the same. */
export async function fetchMissedEvents(db: Db, payments: Payments, now: Date): Promise<number> {
  const [newest] = await db.read
    .select({ at: paymentEvents.receivedAt })
    .from(paymentEvents)
    .orderBy(desc(paymentEvents.receivedAt))
    .limit(1);
  const since = new Date(newest ? newest.at - OVERLAP_MS : now.getTime() - FIRST_LOOK_MS);
  const events = await payments.eventsSince(since);
  const before = await db.read.$count(paymentEvents);
  for (let from = 0; from < events.length; from += 100) {
    await db.write(async (tx) => {
      for (const event of events.slice(from, from + 100)) await storePaymentEvent(tx, event, now);
    });
  }
  return (await db.read.$count(paymentEvents)) - before;
}

/**
 * Brings our row to what the provider says, and answers it. Subscriptions that no rejoin of ours started have no row and no
 * effect. `rejoinId` comes from the subscription itself, so an event that overtakes our own write finds its row.
 */
export async function applySubscription(
  tx: Tx,
  subscription: SubscriptionNow,
  reactions: RejoinReactions,
  now: Date,
): Promise<Rejoin | null> {
  if (!subscription.rejoinId) return null;
  const [rejoin] = await tx
    .select()
    .from(rejoins)
    .where(and(eq(rejoins.id, subscription.rejoinId), eq(rejoins.billingId, subscription.customerId)));
  if (!rejoin) return null;
  const own = rejoin.subscriptionId === null || rejoin.subscriptionId === subscription.subscriptionId;
  const open = UNPAID.includes(rejoin.state);
  if (await isSurplus(tx, subscription.subscriptionId)) return rejoin;
  // Nothing is charged today where only the wish to leave, or a rest, is taken back; then it has to run on.
  const chargedNow = rejoin.way !== 'resume' && rejoin.way !== 'unpause';
  const settled = chargedNow ? subscription.paid : subscription.standing === 'running';
  const closed = subscription.status === 'canceled' && rejoin.way === 'start' && subscription.amountPaid > 0;
  if (settled && open) {
    const asShown = subscription.amountPaid === rejoin.amount && subscription.currency === rejoin.currency;
    // A plan they had before, paid after all by another way than a press here, is no payment of ours to return.
    const notOurs = rejoin.state === 'declined' && rejoin.way !== 'start';
    if (!chargedNow || asShown) await completeRejoin(tx, rejoin, subscription, reactions, now);
    else if (!notOurs) await giveBack(tx, rejoin, subscription, 'amount', now);
  } else if (closed && (open || !own)) {
    // Paid in the very moment in which we closed it: nothing runs, and the money is there.
    if (own) await giveBack(tx, rejoin, subscription, 'closed', now);
    else await noteSurplus(tx, rejoin, subscription, 'closed', now);
  } else if (subscription.paid && !own) {
    await noteSurplus(tx, rejoin, subscription, 'second', now);
  } else if (subscription.status === 'canceled' && own && [...UNPAID, 'active'].includes(rejoin.state)) {
    if (rejoin.state === 'declined') return rejoin;
    const [ended] = await tx
      .update(rejoins)
      .set({ state: 'ended', awayUrl: null })
      .where(and(eq(rejoins.id, rejoin.id), eq(rejoins.state, rejoin.state)))
      .returning();
    if (ended) await reactions.onEnded(tx, ended, now);
    return ended ?? rejoin;
  } else if (rejoin.state === 'active' && own) {
    const { time_zone } = await publishedSite(tx);
    const renewsOn = dayOf(subscription.periodEnd, time_zone);
    const cancelling = subscription.standing === 'cancelling';
    const end = cancelling
      ? { cancelledAt: rejoin.cancelledAt ?? now.getTime(), endsOn: renewsOn }
      : { cancelledAt: null, endsOn: null };
    const owedUrl = subscription.standing === 'owing' ? subscription.owedUrl : null;
    await tx
      .update(rejoins)
      .set({ renewsOn, owedUrl, ...end })
      .where(eq(rejoins.id, rejoin.id));
  }
  return rejoin;
}

/** “You are back”: only from the paid subscription itself, and only once. */
async function completeRejoin(
  tx: Tx,
  rejoin: Rejoin,
  subscription: SubscriptionNow,
  reactions: RejoinReactions,
  now: Date,
): Promise<void> {
  const { time_zone } = await publishedSite(tx);
  const [completed] = await tx
    .update(rejoins)
    .set({
      state: 'active',
      subscriptionId: subscription.subscriptionId,
      completedAt: now.getTime(),
      renewsOn: dayOf(subscription.periodEnd, time_zone),
      awayUrl: null,
      awayUntil: null,
      ...(rejoin.cardId === '' && subscription.card ? { cardLabel: cardLabel(subscription.card) } : {}),
    })
    .where(and(eq(rejoins.id, rejoin.id), inArray(rejoins.state, UNPAID)))
    .returning();
  if (completed) await reactions.onRejoined(tx, completed, now);
}

const GIVEN_BACK = {
  amount: 'What was charged was not what the button said, so all of it goes back to you and nothing was started.',
  closed: 'Your payment came in just as we had closed its page, so all of it goes back to you and nothing was started.',
};

/** What was paid is not what they agreed to, or came too late for it, so it does not stay. */
async function giveBack(
  tx: Tx,
  rejoin: Rejoin,
  subscription: SubscriptionNow,
  why: keyof typeof GIVEN_BACK,
  now: Date,
): Promise<void> {
  await noteSurplus(tx, rejoin, subscription, why, now);
  await tx
    .update(rejoins)
    .set({ state: 'declined', declinedSentence: GIVEN_BACK[why], subscriptionId: null, awayUrl: null })
    .where(and(eq(rejoins.id, rejoin.id), inArray(rejoins.state, UNPAID)));
}

async function noteSurplus(
  tx: Tx,
  rejoin: Rejoin,
  { subscriptionId }: SubscriptionNow,
  why: Surplus['why'],
  now: Date,
): Promise<void> {
  await tx
    .insert(surpluses)
    .values({ subscriptionId, rejoinId: rejoin.id, why, foundAt: now.getTime() })
    .onConflictDoNothing();
}

export async function isSurplus(tx: Reader, subscriptionId: string): Promise<boolean> {
  const rows = await tx.select().from(surpluses).where(eq(surpluses.subscriptionId, subscriptionId));
  return rows.length > 0;
}
