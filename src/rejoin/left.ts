import type { Tx } from '../../db/client.ts';
import type { SubscriptionNow } from '../payments/payments.ts';
import { recordDeparture } from '../people/departures.ts';
import { publishedOffers, publishedSite } from '../proofs/published.ts';
import { dayOf } from '../shared/dates.ts';

/** A subscription to one of our plans that has ended is a departure, with the reason they gave. */
export async function recordEnded(tx: Tx, subscription: SubscriptionNow, now: Date): Promise<void> {
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
