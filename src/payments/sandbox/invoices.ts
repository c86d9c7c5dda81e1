import type Stripe from 'stripe';
import { Failed, invalid } from './errors.ts';
import { flag, mergedMetadata, nested, oneOf, type Params, required, several, text, whole } from './params.ts';
import { cardOf, declined } from './people.ts';
import { type Call, emit, listOf, listRoute, PAGE_PARAMS, pageOf, type Route, readRoute } from './route.ts';
import {
  type Line,
  newCharge,
  newInvoice,
  newInvoiceItem,
  newInvoicePayment,
  newPaymentIntent,
  newRefund,
  newSubscription,
  newTaxRate,
  type Totals,
  unitAmount,
} from './shapes.ts';
import { mintId } from './store.ts';

/** What is not yet on any invoice of this customer, and goes onto the next one. */
function pendingItems({ store }: Call, customer: string, currency: string): Stripe.InvoiceItem[] {
  return store
    .list('invoiceitem', { customer, currency }, { limit: 100 })
    .data.filter((item) => item.invoice === null)
    .reverse();
}

function totalsOf(
  subscription: Stripe.Subscription,
  items: Stripe.InvoiceItem[],
  customer: Stripe.Customer,
  credit = customer.balance,
): Totals {
  const { currency } = subscription;
  const recurring = subscription.items.data.reduce(
    (sum, { price, quantity = 1 }) => sum + (unitAmount(price, currency) ?? 0) * quantity,
    0,
  );
  const subtotal = recurring + items.reduce((sum, item) => sum + item.amount, 0);
  const taxes = (subscription.default_tax_rates ?? []).map((rate) => ({
    rate,
    amount: rate.inclusive
      ? subtotal - Math.round(subtotal / (1 + rate.percentage / 100))
      : Math.round((subtotal * rate.percentage) / 100),
  }));
  const added = taxes.filter(({ rate }) => !rate.inclusive).reduce((sum, { amount }) => sum + amount, 0);
  const total = subtotal + added;
  const due = Math.max(0, total + credit);
  return { subtotal, taxes, total, startingBalance: credit, endingBalance: Math.min(0, total + credit), due };
}

/** What the next invoice of this subscription would hold, and nothing is kept of it. */
export function draftInvoice(
  call: Call,
  subscription: Stripe.Subscription,
  reason: 'subscription_create' | 'subscription_cycle' | 'subscription_update',
): { invoice: Stripe.Invoice; items: Stripe.InvoiceItem[] } {
  const customer = call.store.need('customer', String(subscription.customer));
  const items = pendingItems(call, customer.id, subscription.currency);
  const totals = totalsOf(subscription, items, customer);
  return { invoice: newInvoice({ subscription, customer, reason, items, totals, url: call.url }, call.now), items };
}

/** The invoice as it is owed from now on: the balance is used up, what was pending is on it, and it can be paid. */
export function issueInvoice(
  call: Call,
  subscription: Stripe.Subscription,
  reason: 'subscription_create' | 'subscription_cycle' | 'subscription_update',
): { invoice: Stripe.Invoice; intent: Stripe.PaymentIntent | null } {
  const { store, now } = call;
  const { invoice, items } = draftInvoice(call, subscription, reason);
  const customer = store.need('customer', String(subscription.customer));
  store.put({
    ...customer,
    balance: invoice.ending_balance ?? 0,
    currency: subscription.currency,
    next_invoice_sequence: (customer.next_invoice_sequence ?? 1) + 1,
  });
  for (const item of items) store.put({ ...item, invoice: invoice.id });
  subscription.latest_invoice = invoice.id;
  store.put(subscription);
  store.put(invoice);
  const intent =
    invoice.amount_due > 0
      ? store.put(
          newPaymentIntent(
            {
              amount: invoice.amount_due,
              currency: invoice.currency,
              customer: customer.id,
              description: reason === 'subscription_create' ? 'Subscription creation' : 'Subscription update',
            },
            now,
          ),
        )
      : null;
  if (intent) store.put(newInvoicePayment(invoice, intent.id, now));
  emit(call, 'invoice.created', { ...invoice, status: 'draft' });
  emit(call, 'invoice.finalized', invoice);
  if (!intent) settleInvoice(call, invoice.id);
  return { invoice: store.need('invoice', invoice.id), intent };
}

function invoiceOf({ store }: Call, intent: string): Stripe.Invoice | null {
  const [payment] = store.list('invoice_payment', { 'payment.payment_intent': intent }).data;
  return payment ? store.need('invoice', String(payment.invoice)) : null;
}

export function intentOf({ store }: Call, invoice: string): Stripe.PaymentIntent | null {
  const [payment] = store.list('invoice_payment', { invoice }).data;
  return payment ? store.need('payment_intent', String(payment.payment.payment_intent)) : null;
}

/**
 * One attempt at the bank. `paid`; `asks`: the bank wants to see the person, at the address in `next_action`; otherwise
 * the charge that failed, which is kept.
 */
export function attempt(
  call: Call,
  intent: Stripe.PaymentIntent,
  cardId: string,
  { offSession = false, returnUrl = null as string | null, confirmed = false } = {},
): 'paid' | 'asks' | Stripe.Charge {
  const { store, now } = call;
  const card = store.need('payment_method', cardId);
  const code = confirmed ? null : (call.forced() ?? store.declineCode(cardId) ?? null);
  // Stripe's test card that asks once: from then on it is charged without its owner.
  if (confirmed && card.card?.last4 === '3155') store.setDeclineCode(cardId, undefined);
  if (code === 'authentication_required' && !offSession) {
    const url = `${call.url}/bank/${intent.id}`;
    store.put<Stripe.PaymentIntent>({
      ...intent,
      status: 'requires_action',
      payment_method: cardId,
      last_payment_error: null,
      next_action: { type: 'redirect_to_url', redirect_to_url: { return_url: returnUrl, url } },
    });
    emit(call, 'payment_intent.requires_action', store.need('payment_intent', intent.id));
    return 'asks';
  }
  const about = {
    amount: intent.amount,
    currency: intent.currency,
    customer: String(intent.customer),
    description: intent.description ?? '',
  };
  const charge = store.put(newCharge(intent, about, cardId, code, now));
  const after: Stripe.PaymentIntent = { ...intent, latest_charge: charge.id, next_action: null };
  const invoice = invoiceOf(call, intent.id);
  if (invoice) store.put({ ...invoice, attempted: true, attempt_count: invoice.attempt_count + 1 });
  if (charge.paid) {
    Object.assign(after, { status: 'succeeded', amount_received: intent.amount, payment_method: cardId });
    emit(call, 'payment_intent.succeeded', store.put(after));
    if (invoice) settleInvoice(call, invoice.id);
    return 'paid';
  }
  after.status = 'requires_payment_method';
  after.payment_method = null;
  after.last_payment_error = { ...declined(code!, charge.id), payment_method: card };
  emit(call, 'payment_intent.payment_failed', store.put(after));
  if (invoice) emit(call, 'invoice.payment_failed', store.need('invoice', invoice.id));
  return charge;
}

/** The bank did not get its answer, or got a no. */
export function refuseAtBank(call: Call, intent: Stripe.PaymentIntent): void {
  const { store } = call;
  const after = store.put<Stripe.PaymentIntent>({
    ...intent,
    status: 'requires_payment_method',
    payment_method: null,
    next_action: null,
    last_payment_error: {
      type: 'invalid_request_error',
      code: 'payment_intent_authentication_failure',
      message: 'The provided PaymentMethod has failed authentication.',
      ...(intent.payment_method ? { payment_method: store.need('payment_method', String(intent.payment_method)) } : {}),
    },
  });
  emit(call, 'payment_intent.payment_failed', after);
  const invoice = invoiceOf(call, intent.id);
  if (invoice) emit(call, 'invoice.payment_failed', invoice);
}

const WOKEN_BY_PAYMENT = ['incomplete', 'past_due', 'unpaid', 'paused'];

function settleInvoice(call: Call, id: string): void {
  const { store, now } = call;
  const invoice = store.need('invoice', id);
  const payment = store.list('invoice_payment', { invoice: id }).data[0];
  store.put<Stripe.Invoice>({
    ...invoice,
    status: 'paid',
    amount_paid: invoice.amount_due,
    amount_remaining: 0,
    attempted: true,
    auto_advance: false,
    status_transitions: { ...invoice.status_transitions, paid_at: now },
  });
  if (payment) {
    store.put<Stripe.InvoicePayment>({
      ...payment,
      status: 'paid',
      amount_paid: invoice.amount_due,
      status_transitions: { ...payment.status_transitions, paid_at: now },
    });
  }
  const before = store.get('subscription', String(invoice.parent?.subscription_details?.subscription));
  if (before && WOKEN_BY_PAYMENT.includes(before.status) && before.latest_invoice === id) {
    const woken: Stripe.Subscription = { ...before, status: 'active' };
    if (before.status === 'paused') restartPeriod(woken, now);
    store.put(woken);
    emit(call, 'customer.subscription.updated', woken, { status: before.status });
  }
  emit(call, 'invoice.paid', store.need('invoice', id));
}

export function restartPeriod(subscription: Stripe.Subscription, from: number): void {
  subscription.billing_cycle_anchor = from;
  for (const item of subscription.items.data) {
    item.current_period_start = from;
    item.current_period_end = afterInterval(from, item.price.recurring!);
  }
}

/** The same day of the next month or year, or that month's last day. Seconds in and out. */
export function afterInterval(from: number, { interval, interval_count: count }: Stripe.Price.Recurring): number {
  if (interval === 'day' || interval === 'week') return from + count * (interval === 'week' ? 7 : 1) * 86_400;
  const date = new Date(from * 1000);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + count * (interval === 'year' ? 12 : 1));
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, lastDay));
  return date.getTime() / 1000;
}

/** Nothing can be paid on it any more; what it had used of the customer's balance is theirs again. */
export function voidInvoice(call: Call, id: string): void {
  const { store, now } = call;
  const invoice = store.need('invoice', id);
  if (invoice.status !== 'open') return;
  const customer = store.need('customer', String(invoice.customer));
  store.put({ ...customer, balance: customer.balance + invoice.starting_balance - (invoice.ending_balance ?? 0) });
  const intent = intentOf(call, id);
  if (intent) store.put<Stripe.PaymentIntent>({ ...intent, status: 'canceled', canceled_at: now, next_action: null });
  const payment = store.list('invoice_payment', { invoice: id }).data[0];
  if (payment) store.put<Stripe.InvoicePayment>({ ...payment, status: 'canceled' });
  const after = store.put<Stripe.Invoice>({
    ...invoice,
    status: 'void',
    auto_advance: false,
    status_transitions: { ...invoice.status_transitions, voided_at: now },
  });
  emit(call, 'invoice.voided', after);
}

function confirmIntent(call: Call): Stripe.PaymentIntent | Failed {
  const { store, params } = call;
  const intent = store.need('payment_intent', call.ids['id']!);
  if (!['requires_payment_method', 'requires_confirmation', 'requires_action'].includes(intent.status)) {
    throw invalid(`You cannot confirm this PaymentIntent because it has a status of ${intent.status}.`, {
      code: 'payment_intent_unexpected_state',
    });
  }
  const given = text(params, 'payment_method') ?? intent.payment_method;
  if (!given) throw invalid('You cannot confirm this PaymentIntent because it’s missing a payment method.');
  const card = cardOf(call, String(intent.customer), String(given), 'payment_method');
  const outcome = attempt(call, intent, card.id, {
    offSession: flag(params, 'off_session') ?? false,
    returnUrl: text(params, 'return_url') ?? null,
  });
  const after = store.need('payment_intent', intent.id);
  if (typeof outcome === 'string') return after;
  const code = outcome.outcome?.reason ?? 'generic_decline';
  return new Failed(402, { ...declined(code, outcome.id), payment_intent: after });
}

function payInvoice(call: Call): Stripe.Invoice | Failed {
  const { store, params } = call;
  const invoice = store.need('invoice', call.ids['id']!);
  const intent = intentOf(call, invoice.id);
  if (invoice.status !== 'open' || !intent) throw invalid(`Invoice is already ${invoice.status}.`);
  const customer = store.need('customer', String(invoice.customer));
  const given = text(params, 'payment_method') ?? customer.invoice_settings.default_payment_method;
  if (!given) throw invalid('There is no default payment method set on this customer.', { code: 'missing' });
  const card = cardOf(call, customer.id, String(given), 'payment_method');
  const outcome = attempt(call, intent, card.id, { offSession: flag(params, 'off_session') ?? true });
  if (outcome === 'paid') return store.need('invoice', invoice.id);
  if (outcome === 'asks') {
    return new Failed(402, {
      ...declined('authentication_required'),
      code: 'invoice_payment_intent_requires_action',
      message: 'This payment requires additional user action.',
    });
  }
  return new Failed(402, declined(outcome.outcome?.reason ?? 'generic_decline', outcome.id));
}

/** The lines of a subscription as they are asked for: `items[0][price]`, `items[0][quantity]`. */
export function linesOf(call: Call, params: Params, name: string): Line[] {
  const lines = several(params, name).map((item, index): Line => {
    const param = `${name}[${index}]`;
    if (typeof item !== 'object' || item === null) throw invalid('Invalid object', { param });
    const asked = item as Params;
    const unknown = Object.keys(asked).find((key) => key !== 'price' && key !== 'quantity');
    if (unknown) {
      const wrong = `${param}[${unknown}]`;
      throw invalid(`Received unknown parameter: ${wrong}`, { code: 'parameter_unknown', param: wrong });
    }
    const price = call.store.need('price', required(asked, 'price'), `${param}[price]`);
    const about = { param: `${param}[price]` };
    if (!price.active) {
      throw invalid('The price specified is inactive. This field only accepts active prices.', about);
    }
    if (!price.recurring) {
      throw invalid(
        'The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.',
        about,
      );
    }
    const quantity = whole(asked, 'quantity') ?? 1;
    if (quantity < 1) throw invalid('Quantity must be at least 1.', { param: `${param}[quantity]` });
    return { price, quantity };
  });
  const first = lines[0]?.price;
  if (!first) throw invalid(`Missing required param: ${name}.`, { code: 'parameter_missing', param: name });
  if (lines.some(({ price }) => price.recurring!.interval !== first.recurring!.interval)) {
    throw invalid('All prices of a subscription must have the same currency and interval.', { param: name });
  }
  return lines;
}

/** A subscription as it would begin now, kept nowhere yet. */
export function draftSubscription(
  call: Call,
  asked: {
    customer: Stripe.Customer;
    lines: Line[];
    currency?: string | undefined;
    card: string | null;
    taxRates: string[];
    metadata: Stripe.Metadata;
  },
): Stripe.Subscription {
  const { customer, lines, card, metadata } = asked;
  const currency = asked.currency ?? lines[0]!.price.currency;
  if (lines.some(({ price }) => unitAmount(price, currency) === null)) {
    throw invalid(`The price specified only supports another currency than ${currency}.`, { param: 'currency' });
  }
  if (customer.currency && customer.currency !== currency) {
    throw invalid(
      `You cannot combine currencies on a single customer. This customer has ${customer.currency}, and this is ${currency}.`,
    );
  }
  const taxRates = asked.taxRates.map((id) => call.store.need('tax_rate', id, 'default_tax_rates'));
  const periodEnd = afterInterval(call.now, lines[0]!.price.recurring!);
  return newSubscription({ customer: customer.id, card, lines, currency, taxRates, metadata, periodEnd }, call.now);
}

/** Previews are computed by the same code that makes the invoice, and leave nothing behind. */
function previewInvoice(call: Call): Stripe.Invoice {
  const { store, params } = call;
  const details = nested(params, 'subscription_details') ?? {};
  const unknown = Object.keys(details).find(
    (name) =>
      !['items', 'default_tax_rates', 'resume_at', 'billing_cycle_anchor', 'cancel_at_period_end'].includes(name),
  );
  if (unknown) throw invalid(`Received unknown parameter: subscription_details[${unknown}]`);
  const existing = text(params, 'subscription');
  if (existing) {
    const subscription = structuredClone(store.need('subscription', existing, 'subscription'));
    if (subscription.cancel_at_period_end && flag(details, 'cancel_at_period_end') !== false) {
      throw invalid(`No upcoming invoices for customer: ${subscription.customer}`, { code: 'invoice_upcoming_none' });
    }
    restartPeriod(subscription, call.now);
    return { ...draftInvoice(call, subscription, 'subscription_update').invoice, status: 'draft' };
  }
  const subscription = draftSubscription(call, {
    customer: store.need('customer', required(params, 'customer'), 'customer'),
    lines: linesOf(call, details, 'items'),
    currency: text(params, 'currency'),
    card: null,
    taxRates: several(details, 'default_tax_rates').map(String),
    metadata: {},
  });
  return { ...draftInvoice(call, subscription, 'subscription_create').invoice, status: 'draft' };
}

const REFUND_REASONS = ['duplicate', 'fraudulent', 'requested_by_customer'] as const;

function createRefund(call: Call): Stripe.Refund {
  const { store, params, now } = call;
  const chargeId = text(params, 'charge') ?? latestCharge(call, required(params, 'payment_intent'));
  const charge = store.need('charge', chargeId, 'charge');
  const left = charge.amount_captured - charge.amount_refunded;
  if (charge.paid && left === 0) {
    throw invalid(`Charge ${charge.id} has already been refunded.`, { code: 'charge_already_refunded' });
  }
  const amount = whole(params, 'amount') ?? left;
  if (!charge.paid || amount < 1 || amount > left) {
    throw invalid(`Refund amount (${amount}) is greater than unrefunded amount on charge (${left}).`, {
      param: 'amount',
    });
  }
  const about = { amount, metadata: mergedMetadata(params), reason: oneOf(params, 'reason', REFUND_REASONS) ?? null };
  const refund = store.put(newRefund(charge, about, now));
  const refunded = charge.amount_refunded + amount;
  const after = store.put({ ...charge, amount_refunded: refunded, refunded: refunded === charge.amount_captured });
  emit(call, 'charge.refunded', after, { amount_refunded: charge.amount_refunded, refunded: charge.refunded });
  emit(call, 'refund.created', refund);
  return refund;
}

function latestCharge({ store }: Call, intentId: string): string {
  const intent = store.need('payment_intent', intentId, 'payment_intent');
  if (intent.status === 'succeeded') return String(intent.latest_charge);
  throw invalid(`This PaymentIntent (${intentId}) does not have a successful charge to refund.`, {
    code: 'payment_intent_unexpected_state',
  });
}

export const invoiceRoutes: Route[] = [
  {
    method: 'POST',
    path: '/v1/invoices/create_preview',
    accepts: ['customer', 'currency', 'subscription', 'subscription_details'],
    answer: previewInvoice,
  },
  readRoute('/v1/invoices', 'invoice'),
  listRoute('/v1/invoices', 'invoice', {
    customer: 'customer',
    status: 'status',
    subscription: 'parent.subscription_details.subscription',
  }),
  {
    method: 'POST',
    path: '/v1/invoices/:id/pay',
    accepts: ['payment_method', 'off_session'],
    answer: payInvoice,
  },
  {
    method: 'POST',
    path: '/v1/invoices/:id/void',
    accepts: [],
    answer(call) {
      voidInvoice(call, call.ids['id']!);
      return call.store.need('invoice', call.ids['id']!);
    },
  },
  readRoute('/v1/invoice_payments', 'invoice_payment'),
  listRoute('/v1/invoice_payments', 'invoice_payment', { invoice: 'invoice', status: 'status' }),
  {
    method: 'POST',
    path: '/v1/invoiceitems',
    accepts: ['customer', 'amount', 'currency', 'description'],
    answer({ store, params, now }) {
      const about = {
        customer: store.need('customer', required(params, 'customer'), 'customer').id,
        amount: whole(params, 'amount') ?? 0,
        currency: required(params, 'currency'),
        description: text(params, 'description') ?? null,
      };
      return store.put(newInvoiceItem(about, now));
    },
  },
  listRoute('/v1/invoiceitems', 'invoiceitem', { customer: 'customer' }),
  {
    method: 'POST',
    path: '/v1/tax_rates',
    accepts: ['display_name', 'percentage', 'inclusive'],
    answer({ store, params, now }) {
      const about = {
        display_name: required(params, 'display_name'),
        percentage: Number(required(params, 'percentage')),
        inclusive: flag(params, 'inclusive') ?? false,
      };
      return store.put(newTaxRate(mintId('tax_rate'), about, now));
    },
  },
  readRoute('/v1/tax_rates', 'tax_rate'),
  readRoute('/v1/payment_intents', 'payment_intent'),
  listRoute('/v1/payment_intents', 'payment_intent', { customer: 'customer' }),
  {
    method: 'POST',
    path: '/v1/payment_intents/:id/confirm',
    accepts: ['payment_method', 'off_session', 'return_url', 'use_stripe_sdk'],
    answer: confirmIntent,
  },
  readRoute('/v1/charges', 'charge'),
  listRoute('/v1/charges', 'charge', { customer: 'customer', payment_intent: 'payment_intent' }),
  {
    method: 'POST',
    path: '/v1/refunds',
    accepts: ['amount', 'charge', 'metadata', 'payment_intent', 'reason'],
    answer: createRefund,
  },
  readRoute('/v1/refunds', 'refund'),
  listRoute('/v1/refunds', 'refund', { charge: 'charge', payment_intent: 'payment_intent' }),
  readRoute('/v1/events', 'event'),
  {
    method: 'GET',
    path: '/v1/events',
    accepts: ['type', 'types', 'created', ...PAGE_PARAMS],
    answer({ store, params }) {
      const types = several(params, 'types').map(String);
      const since = whole(nested(params, 'created') ?? {}, 'gte');
      const filters = {
        type: types.length > 0 ? types : text(params, 'type'),
        created: since === undefined ? undefined : { from: since },
      };
      return listOf('/v1/events', store.list('event', filters, pageOf(params)));
    },
  },
];
