import { and, eq, inArray, isNotNull, isNull, lt } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { paymentEvents, rejoins } from '../../db/schema/rejoin.ts';
import type { PaymentEvent, Payments, SubscriptionNow } from '../payments/payments.ts';
import { forEachOne } from '../shared/each.ts';
import type { Rejoin } from './check.ts';

/** Keeps a verified event once; the same event again changes nothing. Fast, because the provider waits for the answer. */
export async function storePaymentEvent(tx: Tx, event: PaymentEvent, now: Date): Promise<void> {
  await tx
    .insert(paymentEvents)
    .values({ id: event.id, type: event.type, subscriptionId: event.subscriptionId, receivedAt: now.getTime() })
    .onConflictDoNothing();
}

/** What has to happen, in the same transaction, when a person is back or gone again. */
export type RejoinReactions = {
  onRejoined(tx: Tx, rejoin: Rejoin, now: Date): Promise<void>;
  onEnded(tx: Tx, rejoin: Rejoin, now: Date): Promise<void>;
};

/**
 * Applies stored events in the order they came. The order doesn't matter: an event only says which subscription to read
 * again, and what is read is the truth. Answers how many were applied; an outage leaves the rest for the next round.
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
    const subscription = event.subscriptionId ? await payments.readSubscription(event.subscriptionId) : null;
    await db.write(async (tx) => {
      if (subscription) await applySubscription(tx, subscription, reactions, now);
      await tx.update(paymentEvents).set({ appliedAt: now.getTime() }).where(eq(paymentEvents.id, event.id));
    });
  });
  return waiting.length;
}

/** States that a paid subscription ends: whatever we thought, the provider took the money. */
const UNPAID: Rejoin['state'][] = ['begun', 'paying', 'declined'];

/** Lost events are healed: returns that have waited a while are read again without one. */
export async function healRejoins(db: Db, payments: Payments, reactions: RejoinReactions, now: Date): Promise<number> {
  const waiting = await db.read
    .select()
    .from(rejoins)
    .where(
      and(
        eq(rejoins.state, 'paying'),
        isNotNull(rejoins.subscriptionId),
        lt(rejoins.payingSince, now.getTime() - 60_000),
      ),
    );
  await forEachOne(waiting, async (rejoin) => {
    const subscription = await payments.readSubscription(rejoin.subscriptionId!);
    if (subscription) await db.write((tx) => applySubscription(tx, subscription, reactions, now));
  });
  return waiting.length;
}

/**
 * Brings our row to what the provider says. Subscriptions that no rejoin of ours started have no row and no effect.
 * `rejoinId` comes from the subscription itself, so an event that overtakes our own write finds its row.
 */
export async function applySubscription(
  tx: Tx,
  subscription: SubscriptionNow,
  reactions: RejoinReactions,
  now: Date,
): Promise<void> {
  if (!subscription.rejoinId) return;
  const [rejoin] = await tx
    .select()
    .from(rejoins)
    .where(and(eq(rejoins.id, subscription.rejoinId), eq(rejoins.billingId, subscription.customerId)));
  if (!rejoin) return;
  if (subscription.paid && UNPAID.includes(rejoin.state)) {
    await completeRejoin(tx, rejoin, subscription, reactions, now);
  } else if (subscription.status === 'canceled' && ['begun', 'paying', 'active'].includes(rejoin.state)) {
    const [ended] = await tx
      .update(rejoins)
      .set({ state: 'ended' })
      .where(and(eq(rejoins.id, rejoin.id), eq(rejoins.state, rejoin.state)))
      .returning();
    if (ended) await reactions.onEnded(tx, ended, now);
  } else if (rejoin.state === 'active') {
    const { renewsOn, cancelAtPeriodEnd } = subscription;
    const end = cancelAtPeriodEnd
      ? { cancelledAt: rejoin.cancelledAt ?? now.getTime(), endsOn: renewsOn }
      : { cancelledAt: null, endsOn: null };
    await tx
      .update(rejoins)
      .set({ renewsOn, ...end })
      .where(eq(rejoins.id, rejoin.id));
  }
}

/** “You are back”: only from the paid subscription itself, and only once. */
async function completeRejoin(
  tx: Tx,
  rejoin: Rejoin,
  subscription: SubscriptionNow,
  reactions: RejoinReactions,
  now: Date,
): Promise<void> {
  const [completed] = await tx
    .update(rejoins)
    .set({
      state: 'active',
      subscriptionId: subscription.subscriptionId,
      completedAt: now.getTime(),
      renewsOn: subscription.renewsOn,
    })
    .where(and(eq(rejoins.id, rejoin.id), inArray(rejoins.state, UNPAID)))
    .returning();
  if (completed) await reactions.onRejoined(tx, completed, now);
}
