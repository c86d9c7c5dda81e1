import Stripe from 'stripe';
import { type Refusal, refuse } from '../shared/refusal.ts';
import type {
  HeldSubscription,
  Price,
  Quote,
  ReturningCustomer,
  SavedCard,
  Standing,
  SubscriptionNow,
  Terms,
  Way,
} from './payments.ts';

/* Looks at Stripe, and changes nothing there. */

const ENDED = ['canceled', 'incomplete_expired'];

export async function returningCustomer(
  stripe: Stripe,
  customerId: string,
  ours: string[],
): Promise<ReturningCustomer | Refusal> {
  const gone = refuse('customer-gone', 'Our payment provider no longer has your account, so there is no saved card.');
  const found = await unlessMissing(
    Promise.all([
      stripe.customers.retrieve(customerId),
      stripe.customers.listPaymentMethods(customerId, { type: 'card', limit: 100 }),
      stripe.subscriptions.list({
        customer: customerId,
        status: 'all',
        limit: 100,
        expand: ['data.latest_invoice'],
      }),
    ]),
  );
  if (!found) return gone;
  const [customer, cards, { data }] = found;
  if (customer.deleted) return gone;

  const preferred = idOf(customer.invoice_settings.default_payment_method);
  const card = cards.data.find((each) => each.id === preferred) ?? cards.data[0];
  const own = data.filter(({ items }) => items.data.some(({ price }) => ours.includes(idOf(price.product) ?? '')));
  const live = own.find(({ status }) => status !== 'incomplete' && !ENDED.includes(status));
  const ended = own
    .filter(({ status }) => status === 'canceled')
    .toSorted((a, b) => (b.ended_at ?? 0) - (a.ended_at ?? 0))[0];
  return {
    email: customer.email,
    currency: customer.currency ?? null,
    savedCard: card ? savedCard(card) : null,
    held: live ? held(live) : null,
    ended: ended ? held(ended) : null,
    unfinished: own.filter(({ status }) => status === 'incomplete').map(({ id }) => id),
  };
}

function held(subscription: Stripe.Subscription): HeldSubscription {
  const invoice = latestInvoice(subscription);
  const standing = standingOf(subscription);
  return {
    id: subscription.id,
    standing,
    items: itemsOf(subscription),
    currency: subscription.currency,
    taxRates: (subscription.default_tax_rates ?? []).map(({ id }) => id),
    periodEnd: periodEnd(subscription),
    owed:
      standing === 'owing' && invoice
        ? { invoiceId: invoice.id, amount: invoice.amount_remaining, currency: invoice.currency }
        : null,
  };
}

function itemsOf({ items }: Stripe.Subscription): HeldSubscription['items'] {
  return items.data.map(({ price, quantity }) => ({
    priceId: price.id,
    quantity: quantity ?? 1,
    lookupKey: price.lookup_key,
    productId: idOf(price.product) ?? '',
  }));
}

function standingOf(subscription: Stripe.Subscription): Standing {
  const { status, cancel_at_period_end, cancel_at, pause_collection } = subscription;
  if (status === 'paused') return 'paused';
  if (status === 'past_due' || status === 'unpaid') {
    return latestInvoice(subscription)?.status === 'open' ? 'owing' : 'other';
  }
  if (status !== 'active') return 'other';
  if (cancel_at_period_end || cancel_at) return 'cancelling';
  return pause_collection ? 'collecting_paused' : 'running';
}

/** Ten keys are the most that one question may hold. */
export async function prices(stripe: Stripe, lookupKeys: string[]): Promise<Price[]> {
  const found: Price[] = [];
  for (let from = 0; from < lookupKeys.length; from += 10) {
    const { data } = await stripe.prices.list({
      lookup_keys: lookupKeys.slice(from, from + 10),
      expand: ['data.product', 'data.currency_options'],
      limit: 100,
    });
    found.push(...data.map(priceOf));
  }
  return found;
}

function priceOf(price: Stripe.Price): Price {
  const { product, recurring } = price;
  const sold = typeof product !== 'string' && !product.deleted && product.active;
  const plain = price.unit_amount !== null && recurring?.interval_count === 1 && isInterval(recurring.interval);
  const amounts = Object.entries(price.currency_options ?? {}).flatMap(([currency, { unit_amount }]) =>
    unit_amount === null ? [] : [[currency, unit_amount]],
  );
  return {
    lookupKey: price.lookup_key,
    priceId: price.id,
    productId: idOf(product) ?? '',
    active: price.active && sold,
    amount: price.unit_amount ?? 0,
    currency: price.currency,
    interval: plain ? (recurring.interval as Price['interval']) : null,
    amounts: { ...Object.fromEntries(amounts), [price.currency]: price.unit_amount ?? 0 },
  };
}

export async function priceFor(stripe: Stripe, lookupKey: string): Promise<Price | Refusal> {
  const found = await prices(stripe, [lookupKey]);
  const sold = found.find(({ active, interval }) => active && interval);
  return sold ?? refuse('price-not-found', `There is no price called “${lookupKey}” at our payment provider today.`);
}

/** Stripe computes the invoice as it would be made now; nothing is made. */
export async function quote(stripe: Stripe, terms: Terms, way: Way): Promise<Quote> {
  if (way.kind === 'settle') {
    const invoice = await stripe.invoices.retrieve(way.invoiceId);
    return { ...quoteOf(invoice), amount: invoice.amount_remaining };
  }
  if (way.kind === 'start') return quoteOf(await previewOf(stripe, terms));
  const preview = await stripe.invoices.createPreview({
    subscription: way.subscriptionId,
    ...(way.kind === 'wake' ? { subscription_details: { resume_at: 'now' } } : {}),
    // One that is to end has no next invoice to look at, unless it is asked for as if it went on.
    ...(way.kind === 'resume' ? { subscription_details: { cancel_at_period_end: false } } : {}),
  });
  const quoted = quoteOf(preview);
  // Nothing is charged before the period that is paid for is over.
  return way.kind === 'wake' ? quoted : { ...quoted, amount: 0, pending: [], balance: 0 };
}

function previewOf(stripe: Stripe, { customerId, items, currency, taxRates }: Terms): Promise<Stripe.Invoice> {
  return stripe.invoices.createPreview({
    customer: customerId,
    currency,
    subscription_details: {
      items: items.map(({ priceId, quantity }) => ({ price: priceId, quantity })),
      ...(taxRates.length > 0 ? { default_tax_rates: taxRates } : {}),
    },
  });
}

function quoteOf(invoice: Stripe.Invoice): Quote {
  const taxes = invoice.total_taxes ?? [];
  const fromBefore = invoice.lines.data.filter(({ parent }) => parent?.type === 'invoice_item_details');
  const pending = fromBefore.map(({ description, amount }) => ({ what: description ?? 'From before', amount }));
  return {
    amount: invoice.amount_due,
    currency: invoice.currency,
    renewal: invoice.total - pending.reduce((sum, { amount }) => sum + amount, 0),
    tax: taxes.reduce((sum, { amount }) => sum + amount, 0),
    pending,
    balance: invoice.starting_balance,
  };
}

export async function readSubscription(stripe: Stripe, id: string): Promise<SubscriptionNow | null> {
  const subscription = await unlessMissing(
    stripe.subscriptions.retrieve(id, {
      expand: ['latest_invoice.payments', 'customer', 'default_payment_method'],
    }),
  );
  if (!subscription) return null;
  const invoice = latestInvoice(subscription);
  const { customer, cancellation_details: why, default_payment_method: card } = subscription;
  const known = typeof customer !== 'string' && !customer.deleted ? customer : null;
  return {
    subscriptionId: subscription.id,
    status: subscription.status,
    standing: standingOf(subscription),
    paid: isPaid(subscription),
    failed: await paymentFailed(stripe, subscription),
    amountPaid: invoice?.amount_paid ?? 0,
    currency: subscription.currency,
    periodEnd: periodEnd(subscription),
    owedUrl: invoice?.status === 'open' ? (invoice.hosted_invoice_url ?? null) : null,
    customerId: idOf(customer) ?? '',
    rejoinId: subscription.metadata['rejoin_id'] ?? null,
    items: itemsOf(subscription),
    ended: subscription.ended_at
      ? {
          at: new Date(subscription.ended_at * 1000),
          reason: why?.feedback ?? why?.reason ?? null,
          comment: why?.comment ?? null,
        }
      : null,
    customer: { email: known?.email ?? null, name: known?.name ?? null },
    startedAt: new Date(subscription.start_date * 1000),
    unitAmount: subscription.items.data[0]?.price.unit_amount ?? null,
    card: card && typeof card !== 'string' && card.card ? savedCard(card) : null,
  };
}

/** Only for one that waits for money: whether the last try at it failed. */
async function paymentFailed(stripe: Stripe, subscription: Stripe.Subscription): Promise<boolean> {
  const invoice = latestInvoice(subscription);
  if (invoice?.status !== 'open') return false;
  const open = invoice.payments?.data.find(({ status }) => status === 'open');
  const intentId = idOf(open?.payment.payment_intent);
  if (!intentId) return false;
  const intent = await stripe.paymentIntents.retrieve(intentId);
  return intent.status === 'requires_payment_method' && intent.last_payment_error !== null;
}

export async function findSubscription(
  stripe: Stripe,
  { customerId, rejoinId }: { customerId: string; rejoinId: string },
): Promise<string | null> {
  const found: Stripe.Subscription[] = [];
  for await (const each of stripe.subscriptions.list({ customer: customerId, status: 'all', limit: 100 })) {
    if (each.metadata['rejoin_id'] === rejoinId) found.push(each);
  }
  // An attempt that was let go of is not what was started, and of several the one that runs counts.
  const started = found.filter(({ status }) => status !== 'incomplete_expired' && status !== 'incomplete');
  return (started.find(({ status }) => status !== 'canceled') ?? started[0])?.id ?? null;
}

export async function unlessMissing<T>(reading: Promise<T>): Promise<T | null> {
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
export async function nameOfCard(stripe: Stripe, cardId: string): Promise<string> {
  try {
    const { brand, last4 } = savedCard(await stripe.paymentMethods.retrieve(cardId));
    return `${brand} ending ${last4}`;
  } catch {
    return 'your saved card';
  }
}

export function isPaid(subscription: Stripe.Subscription): boolean {
  return subscription.status === 'active' && latestInvoice(subscription)?.status === 'paid';
}

export function latestInvoice({ latest_invoice }: Stripe.Subscription): Stripe.Invoice | null {
  return typeof latest_invoice === 'string' ? null : latest_invoice;
}

/** The period lives on the items. */
export function periodEnd(subscription: Stripe.Subscription): Date {
  return new Date(Math.min(...subscription.items.data.map((item) => item.current_period_end)) * 1000);
}

function isInterval(interval: string | undefined): boolean {
  return interval === 'day' || interval === 'week' || interval === 'month' || interval === 'year';
}

export function idOf(reference: string | { id: string } | null | undefined): string | null {
  return typeof reference === 'string' ? reference : (reference?.id ?? null);
}
