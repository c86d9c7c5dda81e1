import { and, desc, eq, inArray, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { prepared } from '../../db/prepared.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { offerForPlan } from '../offers/offer.ts';
import type {
  HeldSubscription,
  Item,
  Payments,
  Price,
  Quote,
  ReturningCustomer,
  SavedCard,
  Terms,
  Way,
} from '../payments/payments.ts';
import { PaymentsUnavailable } from '../payments/payments.ts';
import { type History, historyOf } from '../people/diagnosis.ts';
import type { Offer } from '../proofs/documents.ts';
import { type PublishedOffer, publishedOffers } from '../proofs/published.ts';
import type { Day } from '../shared/dates.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';

export type Rejoin = typeof rejoins.$inferSelect;

/** What the button says, and so exactly what may be charged. The form carries it; nothing else is ever charged. */
export type Shown = {
  offerId: string;
  offerHash: string;
  way: Way['kind'];
  /** The subscription or invoice that is taken up; empty for a new start. */
  target: string;
  priceId: string;
  seats: number;
  /** Add-ons, as `price:quantity`, and tax rates. */
  extras: string;
  /** Empty: paid at the provider's own page. */
  cardId: string;
  amount: number;
  /** Each time after today. */
  renewal: number;
  currency: string;
};

export type RejoinCheck = {
  shown: Shown;
  way: Way;
  terms: Terms;
  quote: Quote;
  /** Null: none is saved, or another one is wanted. */
  card: SavedCard | null;
  /** One that is saved and not used here, because the bank said no to it or another was asked for. */
  otherCard: SavedCard | null;
  cardLabel: string;
  receiptTo: string | null;
  interval: string;
  addOns: { name: string; quantity: number }[];
  /** When the period ends that runs already: the next charge of one that goes on as it was. */
  paidUntil: Date | null;
};

const AT_CHECKOUT = 'a card you give at Stripe';

export function cardLabel(card: SavedCard): string {
  return `${card.brand} ending ${card.last4}`;
}

/** The products behind every published offer, those that are no longer sold included. Others are none of our business. */
export async function ourProducts(reader: Reader, payments: Payments): Promise<string[]> {
  const offers = await publishedOffers(reader);
  const keys = offers.flatMap(({ data }) => [data.lookup_key, ...data.succeeds]);
  return [...new Set((await payments.prices(keys)).map(({ productId }) => productId))];
}

export const ANY_CARD = '*';

/** `notCard`: a saved card that is not to be used, or `ANY_CARD`. */
export type Wishes = { ours: string[]; notCard?: string | undefined };

export type PersonalCheck = {
  check: RejoinCheck | Refusal;
  offer: PublishedOffer | null;
  history: History | null;
};

/** The check for one person: their offer today, their seats, their account. An outage is a refusal with a sentence. */
export async function checkForPerson(
  reader: Reader,
  payments: Payments,
  person: { id: string; billingId: string | null },
  today: Day,
  notCard?: string,
): Promise<PersonalCheck> {
  const history = await historyOf(reader, person.id);
  const offer = offerForPlan(await publishedOffers(reader), history?.departure?.planOrRole ?? null, today);
  if (!offer || history?.neverContact) {
    return { check: refuse('no-offer', 'There is no offer on your page at the moment.'), offer: null, history };
  }
  try {
    const ours = await ourProducts(reader, payments);
    const seats = history?.departure?.seats ?? 1;
    return { check: await checkRejoin(payments, person, offer, seats, { ours, notCard }), offer, history };
  } catch (error) {
    if (!(error instanceof PaymentsUnavailable)) throw error;
    return { check: refuse('unavailable', error.sentence), offer, history };
  }
}

/** Everything on “Check and rejoin”, read live from the payment provider. Writes nothing, here or there. */
export async function checkRejoin(
  payments: Payments,
  person: { billingId: string | null },
  offer: { id: string; hash: string; data: Offer },
  seats: number,
  wishes: Wishes,
): Promise<RejoinCheck | Refusal> {
  if (!person.billingId) {
    return refuse('no-account', 'We no longer have a billing account for you. Write to us and we set it up together.');
  }
  const { data } = offer;
  const [customer, price, addOns] = await Promise.all([
    payments.returningCustomer(person.billingId, wishes.ours),
    payments.priceFor(data.lookup_key),
    data.add_ons.length > 0 ? payments.prices(data.add_ons.map(({ lookup_key }) => lookup_key)) : [],
  ]);
  if (isRefusal(customer)) return customer;
  const { held } = customer;
  if (held?.standing === 'running') {
    return refuse('already-subscribed', 'You already have a subscription that runs. There is nothing to pay here.');
  }
  if (held?.standing === 'other') {
    return refuse('in-between', 'Your old subscription is in a state that a person here has to look at first.');
  }
  if (isRefusal(price)) return price;

  const asked = held
    ? heldWay(person.billingId, held)
    : startWay(person.billingId, offer, price, addOns, seats, customer);
  if (isRefusal(asked)) return asked;
  const { way, terms } = asked;
  const quote = await payments.quote(terms, way);
  if (!held && lowerThanForEveryone(quote, terms, [price, ...addOns])) return PRICE_DIFFERS;

  const nothingToPay = way.kind === 'resume' || way.kind === 'unpause';
  const { notCard } = wishes;
  const { savedCard } = customer;
  const usable = savedCard && notCard !== ANY_CARD && notCard !== savedCard.id ? savedCard : null;
  const [first, ...more] = terms.items;
  const target = 'subscriptionId' in way ? ('invoiceId' in way ? way.invoiceId : way.subscriptionId) : '';
  return {
    shown: {
      offerId: offer.id,
      offerHash: offer.hash,
      way: way.kind,
      target,
      priceId: first!.priceId,
      seats: first!.quantity,
      extras: [...more.map(({ priceId, quantity }) => `${priceId}:${quantity}`), ...terms.taxRates].join(','),
      cardId: nothingToPay ? '' : (usable?.id ?? ''),
      amount: quote.amount,
      renewal: quote.renewal,
      currency: quote.currency,
    },
    way,
    terms,
    quote,
    card: usable,
    otherCard: usable ? null : savedCard,
    cardLabel: usable ? cardLabel(usable) : AT_CHECKOUT,
    receiptTo: customer.email,
    interval: price.interval ?? data.interval,
    addOns: more.map(({ priceId, quantity }) => {
      const key = addOns.find((one) => one.priceId === priceId)?.lookupKey;
      return { name: data.add_ons.find(({ lookup_key }) => lookup_key === key)?.name ?? 'As you had it', quantity };
    }),
    paidUntil: held && way.kind !== 'wake' ? held.periodEnd : null,
  };
}

const PRICE_DIFFERS = refuse(
  'price-differs',
  'The price on your page and the price in our billing system differ, so we have not offered either. We have been told and will write to you.',
);

/** What they still have is taken up as it stands: seats, add-ons, currency and tax stay what they were. */
function heldWay(customerId: string, held: HeldSubscription): { way: Way; terms: Terms } {
  const { id, standing, owed, items, currency, taxRates } = held;
  const terms = {
    customerId,
    currency,
    taxRates,
    items: items.map(({ priceId, quantity }) => ({ priceId, quantity })),
  };
  if (owed) return { way: { kind: 'settle', subscriptionId: id, invoiceId: owed.invoiceId }, terms };
  const kind = standing === 'cancelling' ? 'resume' : standing === 'paused' ? 'wake' : 'unpause';
  return { way: { kind, subscriptionId: id }, terms };
}

/** A new subscription on the same customer: the offer's price for everyone, and of theirs what the offer lets them keep. */
function startWay(
  customerId: string,
  { data }: { data: Offer },
  price: Price,
  addOns: Price[],
  seats: number,
  customer: ReturningCustomer,
): { way: Way; terms: Terms } | Refusal {
  const currency = customer.currency ?? data.currency;
  const said = currency === data.currency ? data.amount : data.amounts.find((one) => one.currency === currency)?.amount;
  if (said === undefined) {
    return refuse(
      'other-currency',
      `You have always paid in ${currency.toUpperCase()}, and this plan has no price in it yet. We sort it out with you.`,
    );
  }
  if (price.amounts[currency] !== said) return PRICE_DIFFERS;
  const kept = (customer.ended?.items ?? []).flatMap((item): Item[] => {
    const still = addOns.find(({ lookupKey, active }) => active && lookupKey === item.lookupKey);
    return still && still.amounts[currency] !== undefined ? [{ priceId: still.priceId, quantity: item.quantity }] : [];
  });
  const items = [{ priceId: price.priceId, quantity: seats }, ...kept];
  const taxRates = customer.ended?.taxRates ?? [];
  return { way: { kind: 'start', replaces: customer.unfinished }, terms: { customerId, items, currency, taxRates } };
}

/** Whatever somebody once arranged for this account alone at the provider: it is not offered, and nothing is charged. */
function lowerThanForEveryone(quote: Quote, { items, currency }: Terms, known: Price[]): boolean {
  const open = items.reduce((sum, { priceId, quantity }) => {
    const price = known.find((one) => one.priceId === priceId);
    return sum + (price?.amounts[currency] ?? 0) * quantity;
  }, 0);
  return quote.renewal < open;
}

const newestOf = prepared((reader) =>
  reader
    .select()
    .from(rejoins)
    .where(eq(rejoins.personId, sql.placeholder('personId')))
    .orderBy(desc(rejoins.begunAt))
    .limit(1),
);

/** The person's newest way back, open or not. */
export async function newestRejoin(reader: Reader, personId: string): Promise<Rejoin | null> {
  const [rejoin] = await newestOf(reader, { personId });
  return rejoin ?? null;
}

/** States in which a way back stands open or is complete: a person has at most one such, by a unique index. */
const OPEN = ['begun', 'paying', 'away', 'active', 'undoing'] as const;

export async function openRejoin(reader: Reader, personId: string): Promise<Rejoin | null> {
  const [rejoin] = await reader
    .select()
    .from(rejoins)
    .where(and(eq(rejoins.personId, personId), inArray(rejoins.state, [...OPEN])));
  return rejoin ?? null;
}

/** What a form carried, as its page had shown it. */
export function seenIn(form: FormData): Shown {
  const text = (name: keyof Shown) => String(form.get(name) ?? '');
  return {
    offerId: text('offerId'),
    offerHash: text('offerHash'),
    way: text('way') as Shown['way'],
    target: text('target'),
    priceId: text('priceId'),
    seats: Number(text('seats')),
    extras: text('extras'),
    cardId: text('cardId'),
    amount: Number(text('amount')),
    renewal: Number(text('renewal')),
    currency: text('currency'),
  };
}

/** The way of a row, as the payment provider is asked for it. */
export function wayOf({ way, terms }: Rejoin): Way {
  const { subscriptionId = '', invoiceId = '', replaces = [] } = terms ?? {};
  if (way === 'start') return { kind: 'start', replaces };
  return way === 'settle' ? { kind: way, subscriptionId, invoiceId } : { kind: way, subscriptionId };
}

/** Minor units of each charge after the first. */
export function renewalOf({ terms, amount }: Rejoin): number {
  return terms?.renewal ?? amount;
}
