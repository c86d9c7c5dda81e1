import Stripe from 'stripe';
import { cancelAtPeriodEnd, closeCheckout, openCheckout, openPortal, payBySavedCard } from './paying.ts';
import { type Payments, PaymentsUnavailable } from './payments.ts';
import { findSubscription, priceFor, prices, quote, readSubscription, returningCustomer } from './reading.ts';
import { abandon, payBack, undoSubscription } from './returning.ts';
import { API_VERSION } from './version.ts';
import { eventsSince, verifyWebhook } from './webhook.ts';

export type PaymentsOptions = {
  secretKey: string;
  webhookSecret: string;
  /** The sandbox's address. Without it, Stripe itself. */
  apiBase?: string;
  /** How often a call that got no answer is made again, under the same key; twice unless told. */
  retries?: number;
};

const REQUEST_TIMEOUT_MS = 5_000;
/** With the SDK's retries a silent Stripe would hold a page for 15 s; we answer before 6 s and take the intent up later. */
const VERB_DEADLINE_MS = 5_500;

/** Throws, with a sentence for whoever starts the product, when the keys can't be right. */
export function openPayments(options: PaymentsOptions): Payments {
  const { webhookSecret } = options;
  if (!webhookSecret.startsWith('whsec_')) throw new Error('The Stripe webhook secret should begin with whsec_.');
  const stripe = openStripe(options);

  return {
    returningCustomer: (customerId, ours) => inTime(() => returningCustomer(stripe, customerId, ours)),
    prices: (lookupKeys) => inTime(() => prices(stripe, lookupKeys)),
    priceFor: (lookupKey) => inTime(() => priceFor(stripe, lookupKey)),
    quote: (terms, way) => inTime(() => quote(stripe, terms, way)),
    payBySavedCard: (start) => inTime(() => payBySavedCard(stripe, start)),
    openCheckout: (start) => inTime(() => openCheckout(stripe, start)),
    closeCheckout: (checkoutId) => inTime(() => closeCheckout(stripe, checkoutId)),
    abandon: (start) => inTime(() => abandon(stripe, start)),
    readSubscription: (subscriptionId) => inTime(() => readSubscription(stripe, subscriptionId)),
    findSubscription: (sought) => inTime(() => findSubscription(stripe, sought)),
    undoSubscription: (undo) => inTime(() => undoSubscription(stripe, undo)),
    cancelAtPeriodEnd: (subscriptionId) => inTime(() => cancelAtPeriodEnd(stripe, subscriptionId)),
    keepAfterAll: (subscriptionId) =>
      inTime(async () => {
        await stripe.subscriptions.update(subscriptionId, { cancel_at_period_end: false });
      }),
    openPortal: (customerId, returnUrl) => inTime(() => openPortal(stripe, customerId, returnUrl)),
    payBack: (debt) => inTime(() => payBack(stripe, debt)),
    eventsSince: (since) => inTime(() => eventsSince(stripe, since)),
    verifyWebhook: (rawBody, signatureHeader, now) =>
      verifyWebhook(stripe, webhookSecret, rawBody, signatureHeader, now),
  };
}

/** Throws, with a sentence, when the key can't be right. */
export function openStripe({ secretKey, apiBase, retries = 2 }: Omit<PaymentsOptions, 'webhookSecret'>): Stripe {
  if (!/^(sk|rk)_/.test(secretKey)) throw new Error('The Stripe secret key should begin with sk_ or rk_.');
  if (apiBase && /_live_/.test(secretKey)) throw new Error('A live Stripe key must not be used with the sandbox.');
  return new Stripe(secretKey, {
    apiVersion: API_VERSION,
    timeout: REQUEST_TIMEOUT_MS,
    maxNetworkRetries: retries,
    telemetry: false,
    ...(apiBase ? addressOf(apiBase) : {}),
  });
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

function addressOf(apiBase: string): Pick<Stripe.StripeConfig, 'protocol' | 'host' | 'port'> {
  const { protocol, hostname, port } = new URL(apiBase);
  if (protocol !== 'http:' && protocol !== 'https:') throw new Error(`${apiBase} is not a web address.`);
  return protocol === 'http:'
    ? { protocol: 'http', host: hostname, port: port || 80 }
    : { protocol: 'https', host: hostname, port: port || 443 };
}
