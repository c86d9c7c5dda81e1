import type { Day } from '../shared/dates.ts';
import type { Money } from '../shared/money.ts';
import type { Refusal } from '../shared/refusal.ts';

/** What the product may ask of the payment provider, in our words. There is no discount, trial or credit to ask for. */
export type Payments = {
  /** Reads only. Refuses (`customer-gone`) when the provider no longer knows this customer. */
  returningCustomer(customerId: string): Promise<ReturningCustomer | Refusal>;
  /** Reads only. Refuses (`price-not-found`) when no active, plain, recurring price carries this key. */
  priceFor(lookupKey: string): Promise<Price | Refusal>;
  /**
   * Charges the saved card and starts the subscription, or does neither. The same rejoin, attempt and price never make
   * two, however often this is called. Refuses with `declined`, `bank-asks` or `no-longer-there`: nothing was charged
   * then, and the next try needs the next attempt number.
   * After `PaymentsUnavailable` the outcome is unknown: call again with the same input, or look with `findSubscription`.
   */
  startSubscription(start: StartSubscription): Promise<StartedSubscription | Refusal>;
  /** The truth about a subscription now; null when the provider doesn't know it. Reads only. */
  readSubscription(subscriptionId: string): Promise<SubscriptionNow | null>;
  /** The subscription that this rejoin started, ended or not. Reads only. For intents taken up after a day or more. */
  findSubscription(sought: { customerId: string; rejoinId: string }): Promise<string | null>;
  /**
   * Ends the subscription now and refunds every payment in full. Safe to call again after a crash at any point: the
   * answer is then the same. Throws if the subscription was not started by this rejoin.
   */
  undoSubscription(undo: { rejoinId: string; subscriptionId: string }): Promise<{
    refundedAmount: number;
    currency: string;
  }>;
  /** Keeps the paid period and doesn't renew. `endsOn` is the first day without the subscription. */
  cancelAtPeriodEnd(subscriptionId: string): Promise<{ endsOn: Day }>;
  /** Refuses what was tampered with (`bad-signature`), and what is more than 300 s old or ahead (`wrong-time`). */
  verifyWebhook(rawBody: string, signatureHeader: string | null, now: Date): PaymentEvent | Refusal;
};

export type SavedCard = { id: string; brand: string; last4: string; expMonth: number; expYear: number };

export type ReturningCustomer = {
  email: string | null;
  savedCard: SavedCard | null;
  /** A subscription that still runs, is paused or is owed for. Ended and never-paid ones don't count. */
  liveSubscription: { id: string; status: string } | null;
};

export type Price = Money & { priceId: string; interval: 'day' | 'week' | 'month' | 'year' };

export type StartSubscription = {
  rejoinId: string;
  attempt: number;
  customerId: string;
  priceId: string;
  seats: number;
  cardId: string;
};

export type StartedSubscription = { subscriptionId: string; paid: boolean };

export type SubscriptionNow = {
  subscriptionId: string;
  status: string;
  /** Active, and its newest invoice is paid. */
  paid: boolean;
  /** Minor units, of the newest invoice. */
  amountPaid: number;
  currency: string;
  /** The day after the last paid-for day. */
  renewsOn: Day;
  customerId: string;
  rejoinId: string | null;
  cancelAtPeriodEnd: boolean;
};

/** An event only points: read the subscription again before believing anything. `created` is in milliseconds UTC. */
export type PaymentEvent = { id: string; type: string; subscriptionId: string | null; created: number };

/** The provider can't be reached or didn't answer in time. After a write, nobody knows whether it was done. */
export class PaymentsUnavailable extends Error {
  override name = 'PaymentsUnavailable';
  readonly sentence = 'Our payment provider is not answering just now. You will not be charged twice.';

  constructor(cause: unknown) {
    super('The payment provider did not answer.', { cause });
  }
}
