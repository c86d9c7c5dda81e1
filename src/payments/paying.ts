import Stripe from 'stripe';
import { type Refusal, refuse } from '../shared/refusal.ts';
import type { CheckoutPage, Start, Started } from './payments.ts';
import { idOf, isPaid, latestInvoice, nameOfCard, periodEnd, unlessMissing } from './reading.ts';
import { letGo } from './returning.ts';

/*
 * Starts, takes up, and charges. Always in two steps: first the invoice stands, unpaid; only when its sum is the one on the
 * person's button is a card asked for it.
 */

const CHANGED = refuse(
  'changed',
  'The sum changed in the moment in which you pressed. Nothing was charged. Please check it once more.',
);

export async function payBySavedCard(stripe: Stripe, start: Start & { cardId: string }): Promise<Started | Refusal> {
  try {
    const { way } = start;
    if (way.kind === 'resume' || way.kind === 'unpause') return await takeUp(stripe, start, way);
    const subscription = await invoiced(stripe, start);
    const invoice = latestInvoice(subscription);
    if (!invoice) throw new Error(`Subscription ${subscription.id} has no invoice to pay.`);
    if (invoice.status === 'paid')
      return { subscriptionId: subscription.id, paid: isPaid(subscription), awayUrl: null };
    if (invoice.status !== 'open') return CHANGED;
    if (invoice.amount_remaining !== start.amount || invoice.currency !== start.currency) {
      await letGo(stripe, subscription, way.kind);
      return CHANGED;
    }
    return await charge(stripe, start, subscription, invoice);
  } catch (error) {
    if (!isGone(error)) throw error;
    return refuse(
      'no-longer-there',
      'The card or the plan on your page is no longer there. You have not been charged.',
    );
  }
}

/** Nothing is charged today: the subscription goes on as it was, and carries our id from now on. */
async function takeUp(
  stripe: Stripe,
  { rejoinId, attempt, amount }: Start,
  way: { kind: string; subscriptionId: string },
): Promise<Started | Refusal> {
  if (amount !== 0) return CHANGED;
  const wish = way.kind === 'resume' ? await goingOn(stripe, way.subscriptionId) : { pause_collection: '' as const };
  await stripe.subscriptions.update(
    way.subscriptionId,
    { metadata: { rejoin_id: rejoinId }, ...wish },
    { idempotencyKey: `rejoin:${rejoinId}:${attempt}:${way.kind}` },
  );
  return { subscriptionId: way.subscriptionId, paid: true, awayUrl: null };
}

/** The subscription with the invoice to pay, made by this call or by one before it. */
async function invoiced(stripe: Stripe, start: Start & { cardId: string }): Promise<Stripe.Subscription> {
  const { rejoinId, attempt, way, customerId, items, cardId, taxRates, currency } = start;
  const expand = ['latest_invoice.payments'];
  if (way.kind === 'start') {
    for (const id of way.replaces) await unlessMissing(stripe.subscriptions.cancel(id));
    const made = await stripe.subscriptions.create(
      {
        customer: customerId,
        currency,
        items: items.map(({ priceId, quantity }) => ({ price: priceId, quantity })),
        default_payment_method: cardId,
        payment_behavior: 'default_incomplete',
        metadata: { rejoin_id: rejoinId },
        ...(taxRates.length > 0 ? { default_tax_rates: taxRates } : {}),
      },
      { idempotencyKey: `rejoin:${rejoinId}:${attempt}:${items[0]?.priceId}` },
    );
    // The answer may be an old one, kept under the key: what holds now is read.
    return stripe.subscriptions.retrieve(made.id, { expand });
  }
  if (way.kind === 'resume' || way.kind === 'unpause') throw new Error('Nothing is invoiced for this way in.');
  await stripe.subscriptions.update(
    way.subscriptionId,
    { metadata: { rejoin_id: rejoinId }, default_payment_method: cardId },
    { idempotencyKey: `rejoin:${rejoinId}:${attempt}:${way.kind}` },
  );
  if (way.kind === 'wake') await wakeUp(stripe, way.subscriptionId, start);
  return stripe.subscriptions.retrieve(way.subscriptionId, { expand });
}

/** Ends a pause: its invoice is due at once. By a saved card or on a page, once an attempt. */
async function wakeUp(stripe: Stripe, subscriptionId: string, { rejoinId, attempt }: Start): Promise<void> {
  await stripe.subscriptions.resume(
    subscriptionId,
    { billing_cycle_anchor: { type: 'now' }, payment_behavior: 'resume_on_payment_success' },
    { idempotencyKey: `rejoin:${rejoinId}:${attempt}:resume` },
  );
}

async function charge(
  stripe: Stripe,
  start: Start & { cardId: string },
  subscription: Stripe.Subscription,
  invoice: Stripe.Invoice,
): Promise<Started | Refusal> {
  const { rejoinId, attempt, cardId, returnUrl, way } = start;
  const payment = invoice.payments?.data.find(({ status }) => status === 'open')?.payment.payment_intent;
  const intentId = idOf(payment);
  if (!intentId) throw new Error(`Invoice ${invoice.id} has nothing that a card could pay.`);
  try {
    const intent = await stripe.paymentIntents.confirm(
      intentId,
      { payment_method: cardId, return_url: returnUrl },
      { idempotencyKey: `rejoin:${rejoinId}:${attempt}:confirm` },
    );
    const awayUrl = intent.status === 'requires_action' ? (intent.next_action?.redirect_to_url?.url ?? null) : null;
    return { subscriptionId: subscription.id, paid: intent.status === 'succeeded', awayUrl };
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeCardError)) throw error;
    await letGo(stripe, subscription, way.kind);
    return refuse('declined', `Your bank said no to ${await nameOfCard(stripe, cardId)}. You have not been charged.`);
  }
}

/** The customer, card or price that was on the page has been removed or retired since. */
function isGone(error: unknown): boolean {
  if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) return false;
  return error.code === 'resource_missing' || error.param?.endsWith('[price]') === true;
}

export async function openCheckout(stripe: Stripe, start: Start): Promise<CheckoutPage | Refusal> {
  try {
    return await openPage(stripe, start);
  } catch (error) {
    if (!isGone(error)) throw error;
    return refuse('no-longer-there', 'The plan on your page is no longer there. You have not been charged.');
  }
}

async function openPage(stripe: Stripe, start: Start): Promise<CheckoutPage | Refusal> {
  const { rejoinId, attempt, way, customerId, items, taxRates, currency } = start;
  if (way.kind === 'settle' || way.kind === 'wake') return openInvoicePage(stripe, start);
  if (way.kind !== 'start') throw new Error('There is nothing to pay for this way in.');
  for (const id of way.replaces) await unlessMissing(stripe.subscriptions.cancel(id));
  const key = `rejoin:${rejoinId}:${attempt}:${items[0]?.priceId}:checkout`;
  const session = await stripe.checkout.sessions.create(
    {
      mode: 'subscription',
      customer: customerId,
      currency,
      line_items: items.map(({ priceId, quantity }) => ({ price: priceId, quantity })),
      payment_method_collection: 'always',
      // The sum is in the currency of their page, wherever they are.
      adaptive_pricing: { enabled: false },
      client_reference_id: rejoinId,
      metadata: { rejoin_id: rejoinId },
      subscription_data: {
        metadata: { rejoin_id: rejoinId },
        ...(taxRates.length > 0 ? { default_tax_rates: taxRates } : {}),
      },
      success_url: start.returnUrl,
      cancel_url: start.cancelUrl,
    },
    { idempotencyKey: key },
  );
  const { id, url, amount_total } = session;
  if (amount_total !== start.amount || session.currency !== currency || !url) {
    await closeCheckout(stripe, id);
    return CHANGED;
  }
  return { checkoutId: id, url };
}

/** What is owed on an invoice that stands can't be paid at Checkout; Stripe has a page for the invoice itself. */
async function openInvoicePage(stripe: Stripe, start: Start): Promise<CheckoutPage | Refusal> {
  const { rejoinId, attempt, way, amount, currency } = start;
  if (way.kind !== 'settle' && way.kind !== 'wake') throw new Error('There is no invoice for this way in.');
  await stripe.subscriptions.update(
    way.subscriptionId,
    { metadata: { rejoin_id: rejoinId } },
    { idempotencyKey: `rejoin:${rejoinId}:${attempt}:${way.kind}:page` },
  );
  if (way.kind === 'wake') await wakeUp(stripe, way.subscriptionId, start);
  const subscription = await stripe.subscriptions.retrieve(way.subscriptionId, { expand: ['latest_invoice'] });
  const invoice = latestInvoice(subscription);
  const url = invoice?.hosted_invoice_url;
  if (invoice?.status !== 'open' || invoice.amount_remaining !== amount || invoice.currency !== currency || !url) {
    await letGo(stripe, subscription, way.kind);
    return CHANGED;
  }
  return { checkoutId: invoice.id, url };
}

export async function closeCheckout(stripe: Stripe, id: string): Promise<{ paidSubscriptionId: string | null }> {
  if (!id.startsWith('cs_')) return { paidSubscriptionId: null };
  const session = await unlessMissing(stripe.checkout.sessions.retrieve(id));
  if (session?.status === 'complete') return { paidSubscriptionId: idOf(session.subscription) };
  if (session?.status !== 'open') return { paidSubscriptionId: null };
  try {
    await stripe.checkout.sessions.expire(id);
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) throw error;
    // It was paid, or ran out, between our look and now.
    const now = await stripe.checkout.sessions.retrieve(id);
    return { paidSubscriptionId: idOf(now.subscription) };
  }
  return { paidSubscriptionId: null };
}

export async function cancelAtPeriodEnd(stripe: Stripe, subscriptionId: string): Promise<{ endsAt: Date }> {
  const subscription = await stripe.subscriptions.update(subscriptionId, { cancel_at_period_end: true });
  return { endsAt: periodEnd(subscription) };
}

/** Takes a cancellation back. One that is to end on a day of its own is let go on in other words than one that ends with its period. */
export async function keepAfterAll(stripe: Stripe, subscriptionId: string): Promise<void> {
  await stripe.subscriptions.update(subscriptionId, await goingOn(stripe, subscriptionId));
}

async function goingOn(stripe: Stripe, subscriptionId: string): Promise<Stripe.SubscriptionUpdateParams> {
  const { cancel_at, cancel_at_period_end } = await stripe.subscriptions.retrieve(subscriptionId);
  return cancel_at && !cancel_at_period_end ? { cancel_at: '' } : { cancel_at_period_end: false };
}

export async function openPortal(stripe: Stripe, customerId: string, returnUrl: string): Promise<{ url: string }> {
  const { url } = await stripe.billingPortal.sessions.create({ customer: customerId, return_url: returnUrl });
  return { url };
}
