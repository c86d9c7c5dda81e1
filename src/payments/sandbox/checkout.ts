import type Stripe from 'stripe';
import { invalid } from './errors.ts';
import { attempt, draftInvoice, draftSubscription, intentOf, issueInvoice, linesOf } from './invoices.ts';
import { flag, mergedMetadata, nested, oneOf, type Params, required, several, text, whole } from './params.ts';
import { type Call, emit, listRoute, type Route, readRoute } from './route.ts';
import { type CardFace, type Line, newCard, newPortalSession, newSession } from './shapes.ts';
import { mintId } from './store.ts';

/** What a session will start once it is paid. */
type Plan = {
  lines: { price: string; quantity: number }[];
  currency: string | null;
  taxRates: string[];
  metadata: Stripe.Metadata;
};

const DAY_S = 86_400;

function createSession(call: Call): Stripe.Checkout.Session {
  const { store, params, now } = call;
  if (oneOf(params, 'mode', ['payment', 'setup', 'subscription']) !== 'subscription') {
    throw invalid('The sandbox has sessions for subscriptions only.', { param: 'mode' });
  }
  oneOf(params, 'payment_method_collection', ['always', 'if_required']);
  const data = nested(params, 'subscription_data') ?? {};
  const unknown = Object.keys(data).find((name) => !['metadata', 'default_tax_rates'].includes(name));
  if (unknown) throw invalid(`Received unknown parameter: subscription_data[${unknown}]`);
  flag(nested(params, 'adaptive_pricing') ?? {}, 'enabled');
  const customer = store.need('customer', required(params, 'customer'), 'customer');
  const lines = linesOf(call, params, 'line_items');
  const plan: Plan = {
    lines: lines.map(({ price, quantity }) => ({ price: price.id, quantity })),
    currency: text(params, 'currency') ?? null,
    taxRates: several(data, 'default_tax_rates').map(String),
    metadata: mergedMetadata(data),
  };
  const expiresAt = whole(params, 'expires_at') ?? now + DAY_S;
  if (expiresAt < now + 30 * 60 - 60 || expiresAt > now + DAY_S + 60) {
    throw invalid('The `expires_at` timestamp must be between 30 minutes and 24 hours from now.', {
      param: 'expires_at',
    });
  }
  const { invoice } = draftInvoice(call, subscriptionOf(call, customer, plan), 'subscription_create');
  const session = newSession(
    {
      customer,
      amount: invoice.amount_due,
      subtotal: invoice.subtotal,
      tax: (invoice.total_taxes ?? []).reduce((sum, tax) => sum + tax.amount, 0),
      currency: invoice.currency,
      reference: text(params, 'client_reference_id') ?? null,
      metadata: mergedMetadata(params),
      successUrl: required(params, 'success_url'),
      cancelUrl: text(params, 'cancel_url') ?? null,
      expiresAt,
      url: call.url,
    },
    now,
  );
  store.note(`plan:${session.id}`, plan);
  return store.put(session);
}

function subscriptionOf(call: Call, customer: Stripe.Customer, plan: Plan): Stripe.Subscription {
  const { store } = call;
  const lines = plan.lines.map(({ price, quantity }): Line => ({ price: store.need('price', price), quantity }));
  const { taxRates, metadata, currency } = plan;
  return draftSubscription(call, {
    customer,
    lines,
    card: null,
    taxRates,
    metadata,
    ...(currency ? { currency } : {}),
  });
}

function expireSession(call: Call, session: Stripe.Checkout.Session): Stripe.Checkout.Session {
  const after = call.store.put<Stripe.Checkout.Session>({ ...session, status: 'expired', url: null });
  emit(call, 'checkout.session.expired', after);
  return after;
}

/** Sessions whose time is over. */
export function expireSessions(call: Call): void {
  for (const session of call.store.list('checkout.session', { status: 'open' }, { limit: 100 }).data) {
    if (session.expires_at <= call.now) expireSession(call, session);
  }
}

/** Cards that the sandbox's own page takes, as Stripe's test numbers behave. */
const NUMBERS: Record<string, string> = {
  '4000000000000002': 'generic_decline',
  '4000000000009995': 'insufficient_funds',
  '4000000000000069': 'expired_card',
  '4000002760003184': 'authentication_required',
  '4000002500003155': 'authentication_required',
};

export type Typed = { number: string; expiry: string; cvc: string; wallet: boolean };

/** A new card of this customer from what was typed, or what is wrong with it. */
export function cardFrom(call: Call, typed: Typed, customer: string): Stripe.PaymentMethod | string {
  const digits = typed.wallet ? '4242424242424242' : typed.number.replace(/\D/g, '');
  const [month = 0, year = 0] = typed.wallet ? [12, 34] : typed.expiry.split('/').map((part) => Number(part));
  if (digits.length < 12) return 'Your card number is incomplete.';
  if (!(month >= 1 && month <= 12) || !(year >= 26)) return 'Your card’s expiry date is incomplete or in the past.';
  if (!typed.wallet && !/^\d{3,4}$/.test(typed.cvc)) return 'Your card’s security code is incomplete.';
  const brand = digits.startsWith('5') ? 'mastercard' : digits.startsWith('3') ? 'amex' : 'visa';
  const face: CardFace = { brand, last4: digits.slice(-4), exp_month: month, exp_year: 2000 + year };
  const card = newCard(mintId('payment_method'), face, customer, call.now);
  call.store.put(card);
  call.store.setDeclineCode(card.id, NUMBERS[digits]);
  return card;
}

/** Carries out a session with this card. The person is at the bank, or it is done, or the sentence says why not. */
export function paySession(
  call: Call,
  session: Stripe.Checkout.Session,
  card: Stripe.PaymentMethod,
  confirmed = false,
): { to: string } | string {
  const { store } = call;
  if (session.status !== 'open') return 'This page is no longer open.';
  const code = confirmed ? null : (call.forced() ?? store.declineCode(card.id));
  if (code === 'authentication_required') {
    store.note(`card:${session.id}`, card.id);
    return { to: `${call.url}/bank/${session.id}` };
  }
  if (code) return 'Your card was declined. Please try a different card.';
  const customer = store.need('customer', String(session.customer));
  const subscription = subscriptionOf(call, customer, store.noted<Plan>(`plan:${session.id}`)!);
  subscription.default_payment_method = card.id;
  store.put(subscription);
  emit(call, 'customer.subscription.created', subscription);
  const { invoice, intent } = issueInvoice(call, subscription, 'subscription_create');
  if (intent) attempt(call, intent, card.id, { confirmed: true });
  const after = store.put<Stripe.Checkout.Session>({
    ...session,
    status: 'complete',
    payment_status: 'paid',
    subscription: subscription.id,
    invoice: invoice.id,
    url: null,
  });
  emit(call, 'checkout.session.completed', after);
  return { to: (session.success_url ?? call.url).replaceAll('{CHECKOUT_SESSION_ID}', session.id) };
}

/** Pays an open invoice on its own page. */
export function payHosted(call: Call, invoice: Stripe.Invoice, card: Stripe.PaymentMethod): { to: string } | string {
  const intent = intentOf(call, invoice.id);
  if (invoice.status !== 'open' || !intent) return 'There is nothing to pay here.';
  const outcome = attempt(call, intent, card.id, { returnUrl: `${call.url}/i/${invoice.id}` });
  if (outcome === 'paid') return { to: `${call.url}/i/${invoice.id}` };
  if (outcome === 'asks') return { to: `${call.url}/bank/${intent.id}` };
  return 'Your card was declined. Please try a different card.';
}

export const checkoutRoutes: Route[] = [
  {
    method: 'POST',
    path: '/v1/checkout/sessions',
    accepts: [
      ...['adaptive_pricing', 'cancel_url', 'client_reference_id', 'currency', 'customer', 'customer_update'],
      ...['expires_at', 'line_items', 'metadata', 'mode', 'payment_method_collection', 'saved_payment_method_options'],
      ...['subscription_data', 'success_url'],
    ],
    answer: createSession,
  },
  readRoute('/v1/checkout/sessions', 'checkout.session'),
  listRoute('/v1/checkout/sessions', 'checkout.session', {
    customer: 'customer',
    status: 'status',
    subscription: 'subscription',
  }),
  {
    method: 'POST',
    path: '/v1/checkout/sessions/:id/expire',
    accepts: [],
    answer(call) {
      const session = call.store.need('checkout.session', call.ids['id']!);
      if (session.status === 'open') return expireSession(call, session);
      throw invalid(
        `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of ${session.status}.`,
      );
    },
  },
  {
    method: 'POST',
    path: '/v1/billing_portal/sessions',
    accepts: ['customer', 'return_url'],
    answer({ store, params, now, url }) {
      const customer = store.need('customer', required(params, 'customer'), 'customer');
      return store.put(newPortalSession(customer.id, text(params, 'return_url') ?? null, url, now));
    },
  },
];

/** The form of a card page, as it was sent. */
export function typedIn(params: Params): Typed {
  return {
    number: text(params, 'number') ?? '',
    expiry: text(params, 'expiry') ?? '',
    cvc: text(params, 'cvc') ?? '',
    wallet: params['wallet'] !== undefined,
  };
}
