import type Stripe from 'stripe';
import { invalid } from './errors.ts';
import { newCard, newCustomer, newPrice, newProduct, type PriceTerms } from './shapes.ts';
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
  }[];
  customers?: {
    id: string;
    email: string;
    name: string;
    /** The first one becomes the default card of a customer who has none. */
    payment_methods?: {
      id?: string;
      brand: string;
      last4: string;
      exp_month: number;
      exp_year: number;
      behaviour?: 'ok' | 'declined';
    }[];
  }[];
};

/** Puts what is missing and updates what differs; what people did since (a default card, say) stays. */
export function putFixtures(store: Store, fixtures: Fixtures, now: number): void {
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
  for (const { id, email, name, payment_methods: cards = [] } of fixtures.customers ?? []) {
    const customer = store.get('customer', id) ?? newCustomer(id, { email, name, metadata: {} }, now);
    const cardIds = cards.map(({ id: given, behaviour, ...face }, index) => {
      const cardId = given ?? `pm_${id.replace(/^cus_/, '')}_${index + 1}`;
      const before = store.get('payment_method', cardId);
      store.put({ ...(before ?? newCard(cardId, face, id, now)), customer: id });
      store.setDeclineCode(cardId, behaviour === 'declined' ? 'generic_decline' : undefined);
      return cardId;
    });
    const preferred = customer.invoice_settings.default_payment_method ?? cardIds[0] ?? null;
    const invoice_settings = { ...customer.invoice_settings, default_payment_method: preferred };
    store.put({ ...customer, email, name, invoice_settings });
  }
}

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
 * What goes wrong with the next `times` (1 unless told) requests of this method whose path begins so.
 * `drop_reply`: carried out, then the connection is cut. `error_500`: answered 500, not carried out. `delay`: carried
 * out and answered `ms` later than it came.
 */
export type Fault = {
  kind: 'drop_reply' | 'error_500' | 'delay';
  method?: string;
  path?: string;
  times?: number;
  ms?: number;
};

const FAULT_KINDS = ['drop_reply', 'error_500', 'delay'];

export function openFaults() {
  let faults: (Fault & { left: number })[] = [];
  return {
    add(fault: Fault): void {
      if (!FAULT_KINDS.includes(fault.kind))
        throw invalid(`A fault is one of ${FAULT_KINDS.join(', ')}.`, { param: 'kind' });
      faults.push({ ...fault, left: fault.times ?? 1 });
    },
    /** Uses up one of each kind that matches. */
    take(method: string, path: string): Fault[] {
      const matching = faults.filter(
        (fault) => (fault.method ?? method) === method && path.startsWith(fault.path ?? '/v1/'),
      );
      const taken = FAULT_KINDS.flatMap((kind) => matching.find((fault) => fault.kind === kind) ?? []);
      for (const fault of taken) fault.left -= 1;
      faults = faults.filter((fault) => fault.left > 0);
      return taken;
    },
    clear(): void {
      faults = [];
    },
  };
}
