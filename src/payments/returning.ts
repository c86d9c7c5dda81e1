import Stripe from 'stripe';
import type { Money } from '../shared/money.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import type { Way } from './payments.ts';
import { idOf, isPaid, latestInvoice, unlessMissing } from './reading.ts';

/* Takes back: a start that was never paid, a return that was undone, money that we owe. */

export async function abandon(
  stripe: Stripe,
  start: { subscriptionId: string; kind: Way['kind'] },
): Promise<{ paid: boolean }> {
  const subscription = await unlessMissing(
    stripe.subscriptions.retrieve(start.subscriptionId, { expand: ['latest_invoice'] }),
  );
  if (!subscription) return { paid: false };
  if (isPaid(subscription)) return { paid: true };
  await letGo(stripe, subscription, start.kind);
  return { paid: false };
}

/** A new one ends with its invoice; of one that rested only the new invoice goes; what was owed stays owed. */
export async function letGo(stripe: Stripe, subscription: Stripe.Subscription, kind: Way['kind']): Promise<void> {
  if (kind === 'start' && subscription.status === 'incomplete') {
    await unlessMissing(stripe.subscriptions.cancel(subscription.id, { invoice_now: false, prorate: false }));
  }
  const invoice = latestInvoice(subscription);
  if (kind === 'wake' && subscription.status === 'paused' && invoice?.status === 'open') {
    await stripe.invoices.voidInvoice(invoice.id);
  }
}

/**
 * Every step looks before it acts, because Stripe forgets idempotency keys after a day and ignores them on DELETE.
 * The sum is read back from the refunds, so that a second call answers like the first.
 */
export async function undoSubscription(
  stripe: Stripe,
  undo: { rejoinId: string; subscriptionId: string; since?: Date | null; endsWithPeriod?: boolean },
): Promise<{ refundedAmount: number; currency: string }> {
  const { rejoinId, subscriptionId, since = null, endsWithPeriod = false } = undo;
  const subscription = await stripe.subscriptions.retrieve(subscriptionId);
  if (subscription.metadata['rejoin_id'] !== rejoinId) {
    throw new Error(`Subscription ${subscriptionId} was not started by rejoin ${rejoinId}; nothing was undone.`);
  }
  const payments: { intent: string; paidAt: number }[] = [];
  for await (const invoice of stripe.invoices.list({
    subscription: subscriptionId,
    expand: ['data.payments'],
    limit: 100,
  })) {
    for (const payment of invoice.payments?.data ?? []) {
      const intent = idOf(payment.payment.payment_intent ?? null);
      const paidAt = payment.status_transitions.paid_at ?? 0;
      if (payment.status === 'paid' && intent) payments.push({ intent, paidAt });
    }
  }
  const from = since ? since.getTime() / 1000 - CLOCKS_DIFFER_S : 0;
  const toReturn = payments.filter(({ paidAt }) => paidAt >= from);

  if (subscription.status !== 'canceled' && subscription.status !== 'incomplete_expired') {
    if (endsWithPeriod && toReturn.length === 0) {
      await stripe.subscriptions.update(subscriptionId, { cancel_at_period_end: true });
    } else {
      // Missing means that another call cancelled it between our look and now.
      await unlessMissing(stripe.subscriptions.cancel(subscriptionId, { invoice_now: false, prorate: false }));
    }
  }
  let refundedAmount = 0;
  for (const { intent } of toReturn) refundedAmount += await refundInFull(stripe, rejoinId, intent);
  return { refundedAmount, currency: subscription.currency };
}

const CLOCKS_DIFFER_S = 300;

async function refundInFull(stripe: Stripe, rejoinId: string, intent: string): Promise<number> {
  try {
    await stripe.refunds.create(
      { payment_intent: intent, reason: 'requested_by_customer', metadata: { rejoin_id: rejoinId } },
      { idempotencyKey: `undo:${rejoinId}:refund:${intent}` },
    );
  } catch (error) {
    const done = error instanceof Stripe.errors.StripeError && error.code === 'charge_already_refunded';
    if (!done) throw error;
  }
  const { data } = await stripe.refunds.list({ payment_intent: intent, limit: 100 });
  return data.filter(stands).reduce((sum, refund) => sum + refund.amount, 0);
}

function stands({ status }: Stripe.Refund): boolean {
  return status !== 'failed' && status !== 'canceled';
}

/** Newest payments first. What was returned for this debt already is read back, and only the rest is returned. */
export async function payBack(
  stripe: Stripe,
  debt: { id: string; customerId: string } & Money,
): Promise<{ refundedAmount: number } | Refusal> {
  const charges: { id: string; left: number }[] = [];
  let returned = 0;
  for await (const charge of stripe.charges.list({
    customer: debt.customerId,
    expand: ['data.refunds'],
    limit: 100,
  })) {
    if (!charge.paid || charge.currency !== debt.currency) continue;
    const ours = (charge.refunds?.data ?? []).filter(
      (one) => stands(one) && one.metadata?.['make_good_id'] === debt.id,
    );
    returned += ours.reduce((sum, { amount }) => sum + amount, 0);
    charges.push({ id: charge.id, left: charge.amount_captured - charge.amount_refunded });
  }
  let missing = debt.amount - returned;
  if (charges.reduce((sum, { left }) => sum + left, 0) < missing) {
    return refuse('too-little-paid', 'There is not that much left to return on their payments, so it is paid by hand.');
  }
  for (const { id, left } of charges) {
    const amount = Math.min(left, missing);
    if (amount < 1) continue;
    await stripe.refunds.create(
      { charge: id, amount, reason: 'requested_by_customer', metadata: { make_good_id: debt.id } },
      { idempotencyKey: `make-good:${debt.id}:${id}` },
    );
    missing -= amount;
  }
  return { refundedAmount: debt.amount };
}
