import type Stripe from 'stripe';
import { Failed, invalid, missing } from './errors.ts';
import {
  afterInterval,
  attempt,
  draftSubscription,
  issueInvoice,
  linesOf,
  restartPeriod,
  voidInvoice,
} from './invoices.ts';
import { flag, mergedMetadata, nested, oneOf, required, several, text } from './params.ts';
import { cardOf, declined } from './people.ts';
import { type Call, emit, listOf, pageOf, type Route, readRoute } from './route.ts';
import type { Filters } from './store.ts';

/**
 * A subscription and its first invoice. `error_if_incomplete`: one attempt, and a decline leaves only the failed attempt.
 * `allow_incomplete` (Stripe's default): a decline leaves an incomplete subscription with an open invoice.
 * `default_incomplete`: no attempt is made; whoever confirms the invoice's intent starts it.
 */
function createSubscription(call: Call): Stripe.Subscription | Failed {
  const { store, params } = call;
  const behaviour =
    oneOf(params, 'payment_behavior', ['allow_incomplete', 'default_incomplete', 'error_if_incomplete']) ??
    'allow_incomplete';
  const customer = store.need('customer', required(params, 'customer'), 'customer');
  const given = text(params, 'default_payment_method') ?? null;
  if (given) cardOf(call, customer.id, given, 'default_payment_method');
  const subscription = draftSubscription(call, {
    customer,
    lines: linesOf(call, params, 'items'),
    currency: text(params, 'currency'),
    card: given,
    taxRates: several(params, 'default_tax_rates').map(String),
    metadata: mergedMetadata(params),
  });
  const card = given ?? (customer.invoice_settings.default_payment_method as string | null);
  const total = subscription.items.data.reduce(
    (sum, { price, quantity = 1 }) => sum + price.unit_amount! * quantity,
    0,
  );
  if (!card && total > 0 && behaviour !== 'default_incomplete') {
    throw invalid('This customer has no attached payment source or default payment method.', {
      code: 'resource_missing',
    });
  }

  store.put(subscription);
  emit(call, 'customer.subscription.created', subscription);
  const { intent } = issueInvoice(call, subscription, 'subscription_create');
  if (intent && card && behaviour !== 'default_incomplete') {
    const outcome = attempt(call, intent, card, { offSession: flag(params, 'off_session') ?? false });
    if (outcome !== 'paid' && behaviour === 'error_if_incomplete') {
      expire(call, subscription.id);
      if (outcome !== 'asks')
        return new Failed(402, declined(outcome.outcome?.reason ?? 'generic_decline', outcome.id));
      return new Failed(402, {
        ...declined('authentication_required'),
        code: 'subscription_payment_intent_requires_action',
        message: 'Your bank asks for confirmation.',
      });
    }
  }
  return store.need('subscription', subscription.id);
}

/** It never began: its invoice is void and it is over. */
function expire(call: Call, id: string): Stripe.Subscription {
  const { store, now } = call;
  const before = store.need('subscription', id);
  if (before.latest_invoice) voidInvoice(call, String(before.latest_invoice));
  const after = store.put<Stripe.Subscription>({ ...before, status: 'incomplete_expired', ended_at: now });
  emit(call, 'customer.subscription.updated', after, { status: before.status });
  return after;
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
  const details = nested(params, 'cancellation_details');
  const after: Stripe.Subscription = {
    ...before,
    metadata: mergedMetadata(params, before.metadata),
    default_payment_method: card ?? before.default_payment_method,
    cancellation_details: {
      ...before.cancellation_details!,
      ...(details ? { comment: text(details, 'comment') ?? null, feedback: text(details, 'feedback') ?? null } : {}),
    },
  };
  if (atPeriodEnd !== undefined && atPeriodEnd !== before.cancel_at_period_end) {
    after.cancel_at_period_end = atPeriodEnd;
    after.cancel_at = atPeriodEnd ? before.items.data[0]!.current_period_end : null;
    after.canceled_at = atPeriodEnd ? now : null;
    after.cancellation_details = {
      ...after.cancellation_details!,
      reason: atPeriodEnd ? 'cancellation_requested' : null,
    };
  }
  if (params['pause_collection'] === '') after.pause_collection = null;
  else if (params['pause_collection'] !== undefined) {
    const behavior = oneOf(nested(params, 'pause_collection')!, 'behavior', [
      'keep_as_draft',
      'mark_uncollectible',
      'void',
    ]);
    after.pause_collection = { behavior: behavior ?? 'void', resumes_at: null };
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

/** A paused one begins a new period now. It stays paused until that period is paid. */
function resumeSubscription(call: Call): Stripe.Subscription {
  const { store, params } = call;
  const subscription = store.need('subscription', call.ids['id']!);
  if (subscription.status !== 'paused') {
    throw invalid(`Only paused subscriptions can be resumed; this one is ${subscription.status}.`);
  }
  const anchor = oneOf(nested(params, 'billing_cycle_anchor') ?? {}, 'type', ['now', 'unchanged']);
  if (anchor !== 'now') throw invalid('The sandbox resumes with a new period only.', { param: 'billing_cycle_anchor' });
  oneOf(params, 'payment_behavior', ['resume_on_payment_attempt', 'resume_on_payment_success']);
  const draft = structuredClone(subscription);
  restartPeriod(draft, call.now);
  const { invoice } = issueInvoice(call, draft, 'subscription_update');
  // The new period only counts once it is paid.
  const after = store.need('subscription', subscription.id);
  return after.status === 'paused' ? store.put({ ...subscription, latest_invoice: invoice.id }) : after;
}

/** What has ended can't be ended again: Stripe then says that it knows no such subscription. */
function cancelSubscription(call: Call): Stripe.Subscription {
  const { store, params } = call;
  const before = store.need('subscription', call.ids['id']!);
  if (before.status === 'canceled' || before.status === 'incomplete_expired') throw missing('subscription', before.id);
  if (flag(params, 'prorate') || flag(params, 'invoice_now')) throw invalid('The sandbox does not prorate.');
  if (before.status === 'incomplete') return expire(call, before.id);
  const details = nested(params, 'cancellation_details') ?? {};
  return end(call, before, {
    comment: text(details, 'comment') ?? before.cancellation_details?.comment ?? null,
    feedback: text(details, 'feedback') ?? before.cancellation_details?.feedback ?? null,
  });
}

function end(
  call: Call,
  before: Stripe.Subscription,
  said: { comment: string | null; feedback: string | null },
): Stripe.Subscription {
  const { store, now } = call;
  const after = store.put<Stripe.Subscription>({
    ...before,
    status: 'canceled',
    cancel_at_period_end: false,
    cancel_at: null,
    canceled_at: before.canceled_at ?? now,
    ended_at: now,
    cancellation_details: { ...before.cancellation_details!, ...said, reason: 'cancellation_requested' },
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

/** What the passing of time does: periods end and renew, wishes to cancel come true, unfinished starts expire. */
export function passTime(call: Call): void {
  const { store, now } = call;
  const running = ['active', 'past_due', 'incomplete'];
  for (const one of store.list('subscription', { status: running }, { limit: 100 }).data) {
    let subscription = one;
    if (subscription.status === 'incomplete') {
      if (subscription.created + 23 * 3600 <= now) expire(call, subscription.id);
      continue;
    }
    while (subscription.status === 'active' && subscription.items.data[0]!.current_period_end <= now) {
      const said = { comment: null, feedback: null, ...subscription.cancellation_details };
      if (subscription.cancel_at_period_end) subscription = end(call, subscription, said);
      else subscription = renew(call, subscription);
    }
  }
}

function renew(call: Call, subscription: Stripe.Subscription): Stripe.Subscription {
  const { store } = call;
  const from = subscription.items.data[0]!.current_period_end;
  for (const item of subscription.items.data) {
    item.current_period_start = from;
    item.current_period_end = afterInterval(from, item.price.recurring!);
  }
  store.put(subscription);
  if (subscription.pause_collection) return subscription;
  const { invoice, intent } = issueInvoice(call, subscription, 'subscription_cycle');
  emit(call, 'customer.subscription.updated', subscription);
  const customer = store.need('customer', String(subscription.customer));
  const card = subscription.default_payment_method ?? customer.invoice_settings.default_payment_method;
  const outcome = !intent ? 'paid' : card ? attempt(call, intent, String(card), { offSession: true }) : 'no card';
  if (outcome === 'paid') return store.need('subscription', subscription.id);
  const owing = store.put<Stripe.Subscription>({ ...subscription, latest_invoice: invoice.id, status: 'past_due' });
  emit(call, 'customer.subscription.updated', owing, { status: 'active' });
  return owing;
}

export const subscriptionRoutes: Route[] = [
  {
    method: 'POST',
    path: '/v1/subscriptions',
    accepts: [
      ...['customer', 'currency', 'items', 'default_payment_method', 'default_tax_rates', 'payment_behavior'],
      ...['off_session', 'metadata'],
    ],
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
    accepts: [
      ...['cancel_at_period_end', 'cancellation_details', 'default_payment_method', 'metadata', 'pause_collection'],
    ],
    answer: updateSubscription,
  },
  {
    method: 'POST',
    path: '/v1/subscriptions/:id/resume',
    accepts: ['billing_cycle_anchor', 'payment_behavior', 'proration_behavior'],
    answer: resumeSubscription,
  },
  {
    method: 'DELETE',
    path: '/v1/subscriptions/:id',
    accepts: ['cancellation_details', 'invoice_now', 'prorate'],
    answer: cancelSubscription,
  },
];
