import { and, desc, eq, inArray } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import type { Payments, SavedCard } from '../payments/payments.ts';
import type { Offer } from '../proofs/documents.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';

export type Rejoin = typeof rejoins.$inferSelect;

/** What the button says, and so exactly what may be charged. The form carries it; nothing else is ever charged. */
export type Shown = {
  offerId: string;
  offerHash: string;
  priceId: string;
  cardId: string;
  seats: number;
  amount: number;
  currency: string;
};

export type RejoinCheck = {
  shown: Shown;
  card: SavedCard;
  cardLabel: string;
  receiptTo: string | null;
  interval: string;
};

export function cardLabel(card: SavedCard): string {
  return `${card.brand} ending ${card.last4}`;
}

/** Everything on “Check and rejoin”, read live from the payment provider. Writes nothing, here or there. */
export async function checkRejoin(
  payments: Payments,
  person: { billingId: string | null },
  offer: { id: string; hash: string; data: Offer },
  seats: number,
): Promise<RejoinCheck | Refusal> {
  if (!person.billingId) {
    return refuse('no-account', 'We no longer have a billing account for you. Write to us and we set it up together.');
  }
  const [customer, price] = await Promise.all([
    payments.returningCustomer(person.billingId),
    payments.priceFor(offer.data.lookup_key),
  ]);
  if (isRefusal(customer)) return customer;
  if (isRefusal(price)) return price;
  if (customer.liveSubscription) {
    return refuse('already-subscribed', 'You already have a subscription that runs. There is nothing to pay here.');
  }
  if (!customer.savedCard) {
    return refuse('no-card', 'We have no card of yours on file any more.');
  }
  if (price.amount !== offer.data.amount || price.currency !== offer.data.currency) {
    return refuse(
      'price-differs',
      'The price on your page and the price in our billing system differ, so we have not offered either. We have been told and will write to you.',
    );
  }
  return {
    shown: {
      offerId: offer.id,
      offerHash: offer.hash,
      priceId: price.priceId,
      cardId: customer.savedCard.id,
      seats,
      amount: price.amount * seats,
      currency: price.currency,
    },
    card: customer.savedCard,
    cardLabel: cardLabel(customer.savedCard),
    receiptTo: customer.email,
    interval: price.interval,
  };
}

/** The person's newest way back, open or not. */
export async function newestRejoin(reader: Reader, personId: string): Promise<Rejoin | null> {
  const [rejoin] = await reader
    .select()
    .from(rejoins)
    .where(eq(rejoins.personId, personId))
    .orderBy(desc(rejoins.begunAt))
    .limit(1);
  return rejoin ?? null;
}

/** States in which a way back stands open or is complete: a person has at most one such, by a unique index. */
export const OPEN = ['begun', 'paying', 'active', 'undoing'] as const;

export async function openRejoin(reader: Reader, personId: string): Promise<Rejoin | null> {
  const [rejoin] = await reader
    .select()
    .from(rejoins)
    .where(and(eq(rejoins.personId, personId), inArray(rejoins.state, [...OPEN])));
  return rejoin ?? null;
}
