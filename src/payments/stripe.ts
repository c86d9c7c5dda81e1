import Stripe from 'stripe';
import { dayOf } from '../shared/dates.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import {
  type PaymentEvent,
  type Payments,
  PaymentsUnavailable,
  type Price,
  type ReturningCustomer,
  type SavedCard,
  type StartedSubscription,
  type StartSubscription,
  type SubscriptionNow,
} from './payments.ts';
import { API_VERSION } from './version.ts';

export type PaymentsOptions = {
  secretKey: string;
  webhookSecret: string;
  /** The sandbox's address. Without it, Stripe itself. */
  apiBase?: string;
  /** Whose calendar `renewsOn` and `endsOn` are in. */
  timeZone?: string;
};

const REQUEST_TIMEOUT_MS = 5_000;
/** With the SDK's retries a silent Stripe would hold a page for 15 s; we answer before 6 s and take the intent up later. */
const VERB_DEADLINE_MS = 5_500;
const WEBHOOK_TOLERANCE_S = 300;
const LIVE_STATUSES = ['active', 'trialing', 'past_due', 'unpaid', 'paused'];

/** Throws, with a sentence for whoever starts the product, when the keys can't be right. */
export function openPayments(options: PaymentsOptions): Payments {
  const { secretKey, webhookSecret, apiBase, timeZone = 'UTC' } = options;
  if (!/^(sk|rk)_/.test(secretKey)) throw new Error('The Stripe secret key should begin with sk_ or rk_.');
  if (!webhookSecret.startsWith('whsec_')) throw new Error('The Stripe webhook secret should begin with whsec_.');
  if (apiBase && /_live_/.test(secretKey)) throw new Error('A live Stripe key must not be used with the sandbox.');

  const stripe = new Stripe(secretKey, {
    apiVersion: API_VERSION,
    timeout: REQUEST_TIMEOUT_MS,
    maxNetworkRetries: 2,
    telemetry: false,
    ...(apiBase ? addressOf(apiBase) : {}),
  });

  return {
    returningCustomer: (customerId) => inTime(() => returningCustomer(stripe, customerId)),
    priceFor: (lookupKey) => inTime(() => priceFor(stripe, lookupKey)),
    startSubscription: (start) => inTime(() => startSubscription(stripe, start)),
    readSubscription: (subscriptionId) => inTime(() => readSubscription(stripe, subscriptionId, timeZone)),
    findSubscription: (sought) => inTime(() => findSubscription(stripe, sought)),
    undoSubscription: (undo) => inTime(() => undoSubscription(stripe, undo)),
    cancelAtPeriodEnd: (subscriptionId) =>
      inTime(async () => {
        const subscription = await stripe.subscriptions.update(subscriptionId, { cancel_at_period_end: true });
        return { endsOn: dayOf(periodEnd(subscription), timeZone) };
      }),
    verifyWebhook: (rawBody, signatureHeader, now) =>
      verifyWebhook(stripe, webhookSecret, rawBody, signatureHeader, now),
  };
}

async function returningCustomer(stripe: Stripe, customerId: string): Promise<ReturningCustomer | Refusal> {
  const gone = refuse('customer-gone', 'Our payment provider no longer has your account, so there is no saved card.');
  const found = await unlessMissing(
    Promise.all([
      stripe.customers.retrieve(customerId),
      stripe.customers.listPaymentMethods(customerId, { type: 'card', limit: 100 }),
      stripe.subscriptions.list({ customer: customerId, limit: 100 }),
    ]),
  );
  if (!found) return gone;
  const [customer, cards, subscriptions] = found;
  if (customer.deleted) return gone;

  const preferred = idOf(customer.invoice_settings.default_payment_method);
  const card = cards.data.find((each) => each.id === preferred) ?? cards.data[0];
  const live = subscriptions.data.find((each) => LIVE_STATUSES.includes(each.status));
  return {
    email: customer.email,
    savedCard: card ? savedCard(card) : null,
    liveSubscription: live ? { id: live.id, status: live.status } : null,
  };
}

async function priceFor(stripe: Stripe, lookupKey: string): Promise<Price | Refusal> {
  const { data } = await stripe.prices.list({ lookup_keys: [lookupKey], active: true, expand: ['data.product'] });
  const price = data.find((each) => typeof each.product !== 'string' && !each.product.deleted && each.product.active);
  const interval = price?.recurring?.interval;
  if (!price || price.unit_amount === null || price.recurring?.interval_count !== 1 || !isInterval(interval)) {
    return refuse('price-not-found', `There is no price called “${lookupKey}” at our payment provider today.`);
  }
  return { priceId: price.id, amount: price.unit_amount, currency: price.currency, interval };
}

async function startSubscription(stripe: Stripe, start: StartSubscription): Promise<StartedSubscription | Refusal> {
  const { rejoinId, attempt, customerId, priceId, seats, cardId } = start;
  try {
    const subscription = await stripe.subscriptions.create(
      {
        customer: customerId,
        items: [{ price: priceId, quantity: seats }],
        default_payment_method: cardId,
        payment_behavior: 'error_if_incomplete',
        off_session: false,
        metadata: { rejoin_id: rejoinId },
        expand: ['latest_invoice'],
      },
      { idempotencyKey: `rejoin:${rejoinId}:${attempt}:${priceId}` },
    );
    return { subscriptionId: subscription.id, paid: isPaid(subscription) };
  } catch (error) {
    if (isGone(error)) {
      return refuse(
        'no-longer-there',
        'The card or the plan on your page is no longer there. You have not been charged.',
      );
    }
    if (!(error instanceof Stripe.errors.StripeCardError)) throw error;
    const card = await nameOfCard(stripe, cardId);
    if (error.code === 'subscription_payment_intent_requires_action') {
      return refuse('bank-asks', `Your bank wants you to confirm a payment with ${card}. You have not been charged.`);
    }
    return refuse('declined', `Your bank said no to ${card}. You have not been charged.`);
  }
}

/** The customer, card or price that was on the page has been removed or retired since. */
function isGone(error: unknown): boolean {
  if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) return false;
  return error.code === 'resource_missing' || error.param?.endsWith('[price]') === true;
}

async function readSubscription(stripe: Stripe, id: string, timeZone: string): Promise<SubscriptionNow | null> {
  const subscription = await unlessMissing(stripe.subscriptions.retrieve(id, { expand: ['latest_invoice'] }));
  if (!subscription) return null;
  return {
    subscriptionId: subscription.id,
    status: subscription.status,
    paid: isPaid(subscription),
    amountPaid: latestInvoice(subscription)?.amount_paid ?? 0,
    currency: subscription.currency,
    renewsOn: dayOf(periodEnd(subscription), timeZone),
    customerId: idOf(subscription.customer) ?? '',
    rejoinId: subscription.metadata['rejoin_id'] ?? null,
    cancelAtPeriodEnd: subscription.cancel_at_period_end,
  };
}

async function findSubscription(
  stripe: Stripe,
  { customerId, rejoinId }: { customerId: string; rejoinId: string },
): Promise<string | null> {
  for await (const each of stripe.subscriptions.list({ customer: customerId, status: 'all', limit: 100 })) {
    if (each.metadata['rejoin_id'] === rejoinId) return each.id;
  }
  return null;
}

/**
 * Every step looks before it acts, because Stripe forgets idempotency keys after a day and ignores them on DELETE.
 * The sum is read back from the refunds, so that a second call answers like the first.
 */
async function undoSubscription(
  stripe: Stripe,
  { rejoinId, subscriptionId }: { rejoinId: string; subscriptionId: string },
): Promise<{ refundedAmount: number; currency: string }> {
  const subscription = await stripe.subscriptions.retrieve(subscriptionId);
  if (subscription.metadata['rejoin_id'] !== rejoinId) {
    throw new Error(`Subscription ${subscriptionId} was not started by rejoin ${rejoinId}; nothing was undone.`);
  }
  if (subscription.status !== 'canceled' && subscription.status !== 'incomplete_expired') {
    // Missing means that another call cancelled it between our look and now.
    await unlessMissing(
      stripe.subscriptions.cancel(
        subscriptionId,
        { invoice_now: false, prorate: false },
        { idempotencyKey: `undo:${rejoinId}:cancel` },
      ),
    );
  }

  let refundedAmount = 0;
  for await (const invoice of stripe.invoices.list({
    subscription: subscriptionId,
    expand: ['data.payments'],
    limit: 100,
  })) {
    for (const payment of invoice.payments?.data ?? []) {
      const intent = idOf(payment.payment.payment_intent ?? null);
      if (payment.status === 'paid' && intent) refundedAmount += await refundInFull(stripe, rejoinId, intent);
    }
  }
  return { refundedAmount, currency: subscription.currency };
}

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
  return data
    .filter((refund) => refund.status !== 'failed' && refund.status !== 'canceled')
    .reduce((sum, refund) => sum + refund.amount, 0);
}

function verifyWebhook(
  stripe: Stripe,
  secret: string,
  rawBody: string,
  signatureHeader: string | null,
  now: Date,
): PaymentEvent | Refusal {
  const badSignature = refuse('bad-signature', 'This message was not signed by our payment provider.');
  const wrongTime = refuse('wrong-time', 'This message is more than five minutes from our clock.');
  if (!signatureHeader) return badSignature;
  let event: Stripe.Event;
  try {
    // The SDK's own window (0 switches it off) lets messages from the future through; ours is below.
    event = stripe.webhooks.constructEvent(rawBody, signatureHeader, secret, 0);
  } catch {
    return badSignature;
  }
  const time = signatureHeader.split(',').findLast((part) => part.startsWith('t='));
  const signedAt = Number.parseInt(time?.slice(2) ?? '', 10);
  if (!(Math.abs(now.getTime() / 1000 - signedAt) <= WEBHOOK_TOLERANCE_S)) return wrongTime;
  return { id: event.id, type: event.type, subscriptionId: subscriptionOf(event), created: event.created * 1000 };
}

function subscriptionOf(event: Stripe.Event): string | null {
  const about = event.data.object;
  if (!('object' in about)) return null;
  if (about.object === 'subscription') return about.id;
  if (about.object === 'invoice') return idOf(about.parent?.subscription_details?.subscription ?? null);
  return null;
}

async function inTime<T>(verb: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new PaymentsUnavailable('deadline')), VERB_DEADLINE_MS);
  });
  try {
    return await Promise.race([verb(), deadline]);
  } catch (error) {
    // A StripeAPIError is any 5xx, and the 409 for a key whose first request is still under way.
    const { StripeConnectionError, StripeAPIError, StripeRateLimitError } = Stripe.errors;
    const outage =
      error instanceof StripeConnectionError ||
      error instanceof StripeAPIError ||
      error instanceof StripeRateLimitError;
    throw outage ? new PaymentsUnavailable(error) : error;
  } finally {
    clearTimeout(timer);
  }
}

async function unlessMissing<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError && error.code === 'resource_missing') return null;
    throw error;
  }
}

const BRANDS: Record<string, string> = {
  amex: 'American Express',
  diners: 'Diners Club',
  discover: 'Discover',
  jcb: 'JCB',
  mastercard: 'Mastercard',
  unionpay: 'UnionPay',
  visa: 'Visa',
};

function savedCard(method: Stripe.PaymentMethod): SavedCard {
  const card = method.card!;
  return {
    id: method.id,
    brand: BRANDS[card.brand] ?? 'Card',
    last4: card.last4,
    expMonth: card.exp_month,
    expYear: card.exp_year,
  };
}

/** For the sentence of a refusal: a failure to look must not hide the refusal. */
async function nameOfCard(stripe: Stripe, cardId: string): Promise<string> {
  try {
    const { brand, last4 } = savedCard(await stripe.paymentMethods.retrieve(cardId));
    return `${brand} ending ${last4}`;
  } catch {
    return 'your saved card';
  }
}

function isPaid(subscription: Stripe.Subscription): boolean {
  return subscription.status === 'active' && latestInvoice(subscription)?.status === 'paid';
}

function latestInvoice({ latest_invoice }: Stripe.Subscription): Stripe.Invoice | null {
  return typeof latest_invoice === 'string' ? null : latest_invoice;
}

/** The period lives on the items; ours have one. */
function periodEnd(subscription: Stripe.Subscription): Date {
  return new Date(Math.min(...subscription.items.data.map((item) => item.current_period_end)) * 1000);
}

function isInterval(interval: string | undefined): interval is Price['interval'] {
  return interval === 'day' || interval === 'week' || interval === 'month' || interval === 'year';
}

function idOf(reference: string | { id: string } | null): string | null {
  return typeof reference === 'string' ? reference : (reference?.id ?? null);
}

function addressOf(apiBase: string): Pick<Stripe.StripeConfig, 'protocol' | 'host' | 'port'> {
  const { protocol, hostname, port } = new URL(apiBase);
  if (protocol !== 'http:' && protocol !== 'https:') throw new Error(`${apiBase} is not a web address.`);
  return protocol === 'http:'
    ? { protocol: 'http', host: hostname, port: port || 80 }
    : { protocol: 'https', host: hostname, port: port || 443 };
}
