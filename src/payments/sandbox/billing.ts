import type Stripe from 'stripe';
import { Failed, invalid, missing } from './errors.ts';
import { flag, mergedMetadata, oneOf, type Params, required, several, text, whole } from './params.ts';
import { cardOf, declined } from './people.ts';
import { type Call, emit, listOf, listRoute, pageOf, type Route, readRoute } from './route.ts';
import {
  type Line,
  newCharge,
  newInvoice,
  newInvoicePayment,
  newPaymentIntent,
  newRefund,
  newSubscription,
} from './shapes.ts';
import type { Filters } from './store.ts';

/**
 * A subscription, its first invoice, and one attempt to collect it.
 * `error_if_incomplete`: a decline leaves only the failed attempt. `allow_incomplete` (Stripe's default): a decline
 * leaves an incomplete subscription with an open invoice. `default_incomplete`: no attempt is made.
 */
function createSubscription(call: Call): Stripe.Subscription | Failed {
  const { store, params, now } = call;
  const behaviour =
    oneOf(params, 'payment_behavior', ['allow_incomplete', 'default_incomplete', 'error_if_incomplete']) ??
    'allow_incomplete';
  flag(params, 'off_session');
  const customer = store.need('customer', required(params, 'customer'), 'customer');
  const lines = several(params, 'items').map((item, index) => lineOf(call, item, index));
  const first = lines[0]?.price;
  if (!first) throw invalid('Missing required param: items.', { code: 'parameter_missing', param: 'items' });
  const alike = lines.every(
    ({ price }) => price.currency === first.currency && price.recurring!.interval === first.recurring!.interval,
  );
  if (!alike)
    throw invalid('All prices of a subscription must have the same currency and interval.', { param: 'items' });

  const given = text(params, 'default_payment_method');
  if (given) cardOf(call, customer.id, given, 'default_payment_method');
  const cardId = given ?? (customer.invoice_settings.default_payment_method as string | null);
  const total = lines.reduce((sum, { price, quantity }) => sum + (price.unit_amount ?? 0) * quantity, 0);
  if (!cardId && total > 0 && behaviour !== 'default_incomplete') {
    throw invalid('This customer has no attached payment source or default payment method.', {
      code: 'resource_missing',
    });
  }

  const periodEnd = afterInterval(now, first.recurring!);
  const about = { customer: customer.id, card: given ?? null, lines, metadata: mergedMetadata(params), periodEnd };
  const subscription = newSubscription(about, now);
  const invoice = newInvoice(subscription, customer, total, now);
  subscription.latest_invoice = invoice.id;

  const intent = total > 0 ? newPaymentIntent(dueOf(invoice, customer.id), now) : null;
  const charge = intent && cardId && behaviour !== 'default_incomplete' ? collect(call, intent, cardId) : null;
  if (charge?.status === 'failed' && behaviour === 'error_if_incomplete') {
    return new Failed(402, declined(charge.outcome?.reason ?? 'generic_decline', charge.id));
  }

  store.put({
    ...customer,
    next_invoice_sequence: (customer.next_invoice_sequence ?? 1) + 1,
    currency: first.currency,
  });
  if (intent) store.put(intent);
  if (charge) Object.assign(invoice, { attempted: true, attempt_count: 1 });
  const payment = intent ? newInvoicePayment(invoice, intent.id, now) : null;
  const paid = total === 0 || charge?.paid === true;
  if (paid) {
    subscription.status = 'active';
    Object.assign(invoice, {
      status: 'paid',
      amount_paid: total,
      amount_remaining: 0,
      attempted: true,
      auto_advance: false,
    });
    invoice.status_transitions.paid_at = now;
    if (payment) {
      Object.assign(payment, { status: 'paid', amount_paid: total });
      payment.status_transitions.paid_at = now;
    }
  }
  store.put(subscription);
  store.put(invoice);
  if (payment) store.put(payment);
  emit(call, 'customer.subscription.created', subscription);
  emit(call, 'invoice.created', { ...invoice, status: 'draft' });
  emit(call, 'invoice.finalized', invoice);
  if (paid) emit(call, 'invoice.paid', invoice);
  else if (charge) emit(call, 'invoice.payment_failed', invoice);
  return subscription;
}

function lineOf(call: Call, item: unknown, index: number): Line {
  const param = `items[${index}]`;
  if (typeof item !== 'object' || item === null) throw invalid('Invalid object', { param });
  const params = item as Params;
  const unknown = Object.keys(params).find((name) => name !== 'price' && name !== 'quantity');
  if (unknown) {
    const name = `${param}[${unknown}]`;
    throw invalid(`Received unknown parameter: ${name}`, { code: 'parameter_unknown', param: name });
  }
  const price = call.store.need('price', required(params, 'price'), `${param}[price]`);
  if (!price.active) {
    throw invalid('The price specified is inactive. This field only accepts active prices.', {
      param: `${param}[price]`,
    });
  }
  if (!price.recurring) {
    throw invalid(
      'The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.',
      {
        param: `${param}[price]`,
      },
    );
  }
  const quantity = whole(params, 'quantity') ?? 1;
  if (quantity < 1) throw invalid('Quantity must be at least 1.', { param: `${param}[quantity]` });
  return { price, quantity };
}

function dueOf(invoice: Stripe.Invoice, customer: string) {
  return { amount: invoice.amount_due, currency: invoice.currency, customer, description: 'Subscription creation' };
}

/** One attempt at the bank. The attempt is kept whether or not it succeeds. */
function collect(call: Call, intent: Stripe.PaymentIntent, cardId: string): Stripe.Charge {
  const { store, now } = call;
  const code = store.declineCode(cardId) ?? null;
  const due = {
    amount: intent.amount,
    currency: intent.currency,
    customer: String(intent.customer),
    description: intent.description ?? '',
  };
  const charge = store.put(newCharge(intent, due, cardId, code, now));
  intent.latest_charge = charge.id;
  if (charge.paid) {
    Object.assign(intent, { status: 'succeeded', amount_received: due.amount, payment_method: cardId });
    emit(call, 'payment_intent.succeeded', store.put(intent));
  } else {
    intent.last_payment_error = { ...declined(code!, charge.id), payment_method: store.need('payment_method', cardId) };
    emit(call, 'payment_intent.payment_failed', store.put(intent));
  }
  return charge;
}

/** The same day of the next month or year, or that month's last day. Seconds in and out. */
function afterInterval(from: number, { interval, interval_count: count }: Stripe.Price.Recurring): number {
  if (interval === 'day' || interval === 'week') return from + count * (interval === 'week' ? 7 : 1) * 86_400;
  const date = new Date(from * 1000);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + count * (interval === 'year' ? 12 : 1));
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, lastDay));
  return date.getTime() / 1000;
}

function updateSubscription(call: Call): Stripe.Subscription {
  const { store, params, now } = call;
  const before = store.need('subscription', call.ids['id']!);
  const atPeriodEnd = flag(params, 'cancel_at_period_end');
  const card = text(params, 'default_payment_method');
  if (before.status === 'canceled' && (atPeriodEnd !== undefined || card)) {
    throw invalid('A canceled subscription can only update its cancellation_details and metadata.', {
      code: 'invalid_canceled_subscription_fields',
    });
  }
  if (card) cardOf(call, String(before.customer), card, 'default_payment_method');
  const after: Stripe.Subscription = {
    ...before,
    metadata: mergedMetadata(params, before.metadata),
    default_payment_method: card ?? before.default_payment_method,
  };
  if (atPeriodEnd !== undefined && atPeriodEnd !== before.cancel_at_period_end) {
    after.cancel_at_period_end = atPeriodEnd;
    after.cancel_at = atPeriodEnd ? before.items.data[0]!.current_period_end : null;
    after.canceled_at = atPeriodEnd ? now : null;
    after.cancellation_details = {
      ...before.cancellation_details!,
      reason: atPeriodEnd ? 'cancellation_requested' : null,
    };
  }
  const previous = Object.fromEntries(
    Object.entries(before).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(after[name as keyof Stripe.Subscription]),
    ),
  );
  store.put(after);
  if (Object.keys(previous).length > 0) emit(call, 'customer.subscription.updated', after, previous);
  return after;
}

/** What has ended can't be ended again: Stripe then says that it knows no such subscription. */
function cancelSubscription(call: Call): Stripe.Subscription {
  const { store, params, now } = call;
  const before = store.need('subscription', call.ids['id']!);
  if (before.status === 'canceled') throw missing('subscription', before.id);
  if (flag(params, 'prorate') || flag(params, 'invoice_now')) throw invalid('The sandbox does not prorate.');
  const after = store.put<Stripe.Subscription>({
    ...before,
    status: 'canceled',
    cancel_at_period_end: false,
    cancel_at: null,
    canceled_at: now,
    ended_at: now,
    cancellation_details: { ...before.cancellation_details!, reason: 'cancellation_requested' },
  });
  emit(call, 'customer.subscription.deleted', after);
  return after;
}

function listSubscriptions({ store, params }: Call): Stripe.ApiList<Stripe.Subscription> {
  const status = text(params, 'status');
  const wanted: Filters[string] =
    status === 'all'
      ? undefined
      : status === 'ended'
        ? ['canceled', 'incomplete_expired']
        : (status ?? { not: 'canceled' });
  const filters = { customer: text(params, 'customer'), status: wanted };
  return listOf('/v1/subscriptions', store.list('subscription', filters, pageOf(params)));
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

export const billingRoutes: Route[] = [
  {
    method: 'POST',
    path: '/v1/subscriptions',
    accepts: ['customer', 'items', 'default_payment_method', 'payment_behavior', 'off_session', 'metadata'],
    answer: createSubscription,
  },
  readRoute('/v1/subscriptions', 'subscription'),
  {
    method: 'GET',
    path: '/v1/subscriptions',
    accepts: ['customer', 'status', 'limit', 'starting_after', 'ending_before'],
    answer: listSubscriptions,
  },
  {
    method: 'POST',
    path: '/v1/subscriptions/:id',
    accepts: ['cancel_at_period_end', 'default_payment_method', 'metadata'],
    answer: updateSubscription,
  },
  {
    method: 'DELETE',
    path: '/v1/subscriptions/:id',
    accepts: ['invoice_now', 'prorate'],
    answer: cancelSubscription,
  },
  readRoute('/v1/invoices', 'invoice'),
  listRoute('/v1/invoices', 'invoice', {
    customer: 'customer',
    status: 'status',
    subscription: 'parent.subscription_details.subscription',
  }),
  readRoute('/v1/invoice_payments', 'invoice_payment'),
  listRoute('/v1/invoice_payments', 'invoice_payment', { invoice: 'invoice', status: 'status' }),
  readRoute('/v1/payment_intents', 'payment_intent'),
  listRoute('/v1/payment_intents', 'payment_intent', { customer: 'customer' }),
  readRoute('/v1/charges', 'charge'),
  {
    method: 'POST',
    path: '/v1/refunds',
    accepts: ['amount', 'charge', 'metadata', 'payment_intent', 'reason'],
    answer: createRefund,
  },
  readRoute('/v1/refunds', 'refund'),
  listRoute('/v1/refunds', 'refund', { charge: 'charge', payment_intent: 'payment_intent' }),
  readRoute('/v1/events', 'event'),
  listRoute('/v1/events', 'event', { type: 'type', 'types[]': 'type' }),
];
