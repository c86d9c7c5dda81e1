import type Stripe from 'stripe';
import { invalid } from './errors.ts';
import { attempt, draftSubscription, issueInvoice, restartPeriod } from './invoices.ts';
import type { Call } from './route.ts';
import { newCard, newCustomer, newInvoiceItem, newPrice, newProduct, newTaxRate, type PriceTerms } from './shapes.ts';
import { mintId, type Store } from './store.ts';

export type Fixtures = {
  products?: { id: string; name: string; description?: string; active?: boolean }[];
  prices?: {
    id?: string;
    lookup_key: string;
    unit_amount: number;
    currency: string;
    recurring: { interval: 'day' | 'week' | 'month' | 'year' };
    product: string;
    nickname?: string;
    active?: boolean;
    /** The same price in further currencies. */
    currency_options?: Record<string, number>;
  }[];
  tax_rates?: { id: string; display_name: string; percentage: number; inclusive: boolean }[];
  customers?: {
    id: string;
    email: string;
    name: string;
    /** What they have with us (negative) or owe (positive): it changes what the next invoice charges. */
    balance?: number;
    /** Goes onto their next invoice. */
    pending?: { amount: number; currency: string; description: string }[];
    /** The first one becomes the default card of a customer who has none. */
    payment_methods?: {
      id?: string;
      brand: string;
      last4: string;
      exp_month: number;
      exp_year: number;
      behaviour?: 'ok' | 'declined' | 'authenticate';
    }[];
  }[];
  subscriptions?: SubscriptionFixture[];
};

/** A subscription from before, in the state in which its customer left it. Put once; then it lives its own life. */
export type SubscriptionFixture = {
  id: string;
  customer: string;
  items: { price: string; quantity?: number }[];
  state:
    | 'active'
    | 'cancelling'
    | 'collection_paused'
    | 'paused'
    | 'past_due'
    | 'incomplete'
    | 'incomplete_expired'
    | 'canceled';
  currency?: string;
  card?: string;
  tax_rates?: string[];
  metadata?: Record<string, string>;
  /** When its period began, in days before now. */
  days_ago?: number;
  feedback?: string;
  comment?: string;
};

const BEHAVIOURS = { ok: undefined, declined: 'generic_decline', authenticate: 'authentication_required' };

/** Puts what is missing and updates what differs; what people did since (a default card, say) stays. */
export function putFixtures(call: Call, fixtures: Fixtures): void {
  const { store, now } = call;
  for (const { id, name, description = null, active = true } of fixtures.products ?? []) {
    const before = store.get('product', id);
    store.put({
      ...(before ?? newProduct(id, { name, description, active, metadata: {} }, now)),
      name,
      description,
      active,
    });
  }
  for (const price of fixtures.prices ?? []) putPrice(store, price, now);
  for (const { id, ...rate } of fixtures.tax_rates ?? [])
    store.put(store.get('tax_rate', id) ?? newTaxRate(id, rate, now));
  for (const fixture of fixtures.customers ?? []) {
    const { id, email, name, payment_methods: cards = [], balance, pending = [] } = fixture;
    const customer = store.get('customer', id) ?? newCustomer(id, { email, name, metadata: {} }, now);
    if (balance !== undefined) customer.balance = balance;
    for (const item of pending) store.put(newInvoiceItem({ customer: id, ...item }, now));
    const cardIds = cards.map(({ id: given, behaviour, ...face }, index) => {
      const cardId = given ?? `pm_${id.replace(/^cus_/, '')}_${index + 1}`;
      const before = store.get('payment_method', cardId);
      store.put({ ...(before ?? newCard(cardId, face, id, now)), customer: id });
      store.setDeclineCode(cardId, BEHAVIOURS[behaviour ?? 'ok']);
      return cardId;
    });
    const preferred = customer.invoice_settings.default_payment_method ?? cardIds[0] ?? null;
    const invoice_settings = { ...customer.invoice_settings, default_payment_method: preferred };
    store.put({ ...customer, email, name, invoice_settings });
  }
  for (const fixture of fixtures.subscriptions ?? []) {
    if (!store.get('subscription', fixture.id)) putSubscription({ ...call, deliver: false }, fixture);
  }
}

/** Began in the past and was paid for then, up to the state asked for. Nobody is told of it. */
function putSubscription(call: Call, fixture: SubscriptionFixture): void {
  const { store, now } = call;
  const customer = store.need('customer', fixture.customer);
  const cards = store.list('payment_method', { customer: customer.id }).data;
  const card = fixture.card ?? cards[0]?.id ?? null;
  const then = { ...call, now: now - (fixture.days_ago ?? 10) * 86_400 };
  const draft = draftSubscription(then, {
    customer,
    lines: fixture.items.map(({ price, quantity = 1 }) => ({ price: store.need('price', price), quantity })),
    currency: fixture.currency,
    card,
    taxRates: fixture.tax_rates ?? [],
    metadata: fixture.metadata ?? {},
  });
  const subscription: Stripe.Subscription = { ...draft, id: fixture.id };
  for (const item of subscription.items.data) item.subscription = fixture.id;
  restartPeriod(subscription, then.now);
  const { intent } = issueInvoice(then, store.put(subscription), 'subscription_create');
  const { state } = fixture;
  const owing = state === 'past_due' || state === 'incomplete' || state === 'incomplete_expired';
  if (intent && !owing) {
    const payer = card ?? store.put(newCard(mintId('payment_method'), OLD_CARD, null, then.now)).id;
    attempt(then, intent, payer, { confirmed: true });
  }
  const ended = { canceled_at: now - 86_400, ended_at: now - 86_400 };
  store.put<Stripe.Subscription>({
    ...store.need('subscription', fixture.id),
    ...(state === 'cancelling' || state === 'collection_paused' ? { status: 'active' } : { status: state }),
    ...(state === 'canceled' || state === 'incomplete_expired' ? ended : {}),
    ...(state === 'cancelling'
      ? { cancel_at_period_end: true, cancel_at: subscription.items.data[0]!.current_period_end, canceled_at: now }
      : {}),
    pause_collection: state === 'collection_paused' ? { behavior: 'void', resumes_at: null } : null,
    cancellation_details: {
      comment: fixture.comment ?? null,
      feedback: fixture.feedback ?? null,
      feedback_option: null,
      reason: state === 'canceled' || state === 'cancelling' ? 'cancellation_requested' : null,
    },
  });
}

const OLD_CARD = { brand: 'visa', last4: '0000', exp_month: 1, exp_year: 2027 };

/** The amount of a price never changes: other terms under the same key make a new price and retire the old one. */
function putPrice(store: Store, fixture: NonNullable<Fixtures['prices']>[number], now: number): void {
  const { id, nickname = null, active = true, ...rest } = fixture;
  const before = id ? store.get('price', id) : store.list('price', { lookup_key: fixture.lookup_key }).data[0];
  if (before && sameTerms(before, fixture)) {
    store.put({ ...before, active, nickname, lookup_key: fixture.lookup_key, product: fixture.product });
    return;
  }
  if (before && id) throw invalid(`Price ${id} exists with other terms; a price cannot change its amount.`);
  if (before) store.put({ ...before, active: false, lookup_key: null });
  const recurring = { interval: fixture.recurring.interval, interval_count: 1 };
  const terms: PriceTerms = { ...rest, active, metadata: {}, nickname, recurring };
  store.put(newPrice(id ?? mintId('price'), terms, now));
}

function sameTerms(price: Stripe.Price, fixture: NonNullable<Fixtures['prices']>[number]): boolean {
  return (
    price.unit_amount === fixture.unit_amount &&
    price.currency === fixture.currency &&
    price.recurring?.interval === fixture.recurring.interval
  );
}

/**
 * The switchboard: what goes wrong with the next `times` (1 unless told).
 * Requests of this method whose path begins so: `drop_reply` is carried out and then the connection is cut; `error_500` is
 * answered 500 and not carried out; `delay` is carried out and answered `ms` later than it came.
 * Attempts at a bank: `decline` refuses with `code`, `authenticate` makes the bank ask.
 * Events of this `type` (any, unless told): `event_lost` is never sent, `event_twice` is sent twice, `event_late` is sent
 * `ms` later, behind those that came after it.
 */
export type Fault = {
  kind: (typeof FAULT_KINDS)[number];
  method?: string;
  path?: string;
  type?: string;
  code?: string;
  times?: number;
  ms?: number;
};

const REQUEST_FAULTS = ['drop_reply', 'error_500', 'delay'] as const;
const BANK_FAULTS = ['decline', 'authenticate'] as const;
const EVENT_FAULTS = ['event_lost', 'event_twice', 'event_late'] as const;
const FAULT_KINDS = [...REQUEST_FAULTS, ...BANK_FAULTS, ...EVENT_FAULTS] as const;

export type Faults = ReturnType<typeof openFaults>;

export function openFaults() {
  let faults: (Fault & { left: number })[] = [];
  /** Uses up one of each kind that matches. */
  function use(kinds: readonly Fault['kind'][], matches: (fault: Fault) => boolean): Fault[] {
    const matching = faults.filter(matches);
    const taken = kinds.flatMap((kind) => matching.find((fault) => fault.kind === kind) ?? []);
    for (const fault of taken) fault.left -= 1;
    faults = faults.filter((fault) => fault.left > 0);
    return taken;
  }
  return {
    add(fault: Fault): void {
      if (!FAULT_KINDS.includes(fault.kind))
        throw invalid(`A fault is one of ${FAULT_KINDS.join(', ')}.`, { param: 'kind' });
      faults.push({ ...fault, left: fault.times ?? 1 });
    },
    list: () => faults,
    ofRequest: (method: string, path: string) =>
      use(REQUEST_FAULTS, (fault) => (fault.method ?? method) === method && path.startsWith(fault.path ?? '/v1/')),
    /** The code with which the next attempt at a bank fails, or null. */
    ofBank(): string | null {
      const [fault] = use(BANK_FAULTS, () => true);
      if (!fault) return null;
      return fault.kind === 'authenticate' ? 'authentication_required' : (fault.code ?? 'generic_decline');
    },
    ofEvent: (type: string) => use(EVENT_FAULTS, (fault) => (fault.type ?? type) === type),
    clear(): void {
      faults = [];
    },
  };
}
