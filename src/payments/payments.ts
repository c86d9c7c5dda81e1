import type { Money } from '../shared/money.ts';
import type { Refusal } from '../shared/refusal.ts';

/** What the product may ask of the payment provider, in our words. There is no discount, trial or credit to ask for. */
export type Payments = {
  /**
   * Reads only. Subscriptions to products that are not `ours` don't exist for us. Refuses (`customer-gone`) when the
   * provider no longer knows this customer.
   */
  returningCustomer(customerId: string, ours: string[]): Promise<ReturningCustomer | Refusal>;
  /** Every price that ever carried one of these keys, sold or retired. Reads only. */
  prices(lookupKeys: string[]): Promise<Price[]>;
  /** Reads only. Refuses (`price-not-found`) when no active, plain, recurring price carries this key. */
  priceFor(lookupKey: string): Promise<Price | Refusal>;
  /** What would be charged today, to the penny: what is owed or left over from before is in it. Reads only. */
  quote(terms: Terms, way: Way): Promise<Quote>;
  /**
   * Starts or takes up the subscription with the saved card, and charges exactly `amount`, or does nothing. The same
   * rejoin, attempt and price never make two, however often this is called. Refuses with `declined`, `changed` (the sum
   * is not the one that was shown) or `no-longer-there`: nothing was charged then, and the next try needs the next
   * attempt number. `awayUrl`: the person has to confirm it there, and nothing is charged before.
   * After `PaymentsUnavailable` the outcome is unknown: call again with the same input, or look with `findSubscription`.
   */
  payBySavedCard(start: Start & { cardId: string }): Promise<Started | Refusal>;
  /** A page of the provider on which the person pays exactly this with another card, a wallet or Link. */
  openCheckout(start: Start): Promise<CheckoutPage | Refusal>;
  /** Closes a page that nobody shall pay on any more. Answers the subscription if somebody had paid after all. */
  closeCheckout(checkoutId: string): Promise<{ paidSubscriptionId: string | null }>;
  /** Lets go of a start that was never paid; says so if it was. A subscription that ran before goes on as it was. */
  abandon(start: { subscriptionId: string; kind: Way['kind'] }): Promise<{ paid: boolean }>;
  /** The truth about a subscription now; null when the provider doesn't know it. Reads only. */
  readSubscription(subscriptionId: string): Promise<SubscriptionNow | null>;
  /** The subscription that this rejoin started, ended or not. Reads only. For intents taken up after a day or more. */
  findSubscription(sought: { customerId: string; rejoinId: string }): Promise<string | null>;
  /**
   * Takes a return back and refunds in full what was paid since (every payment, when it was started by this return).
   * A subscription that only had its cancellation withdrawn ends again on its day. Safe to call again after a crash at any
   * point: the answer is then the same. Throws if the subscription was not started by this rejoin.
   */
  undoSubscription(undo: {
    rejoinId: string;
    subscriptionId: string;
    /** Without it: since it began. */
    since?: Date | null;
    endsWithPeriod?: boolean;
  }): Promise<Undone>;
  /** Keeps the paid period and doesn't renew. `endsAt` is the first moment without the subscription. */
  cancelAtPeriodEnd(subscriptionId: string): Promise<{ endsAt: Date }>;
  /** Takes that back, while it still runs. */
  keepAfterAll(subscriptionId: string): Promise<void>;
  /** The provider's own page for cards and receipts; it leads back to `returnUrl`. */
  openPortal(customerId: string, returnUrl: string): Promise<{ url: string }>;
  /**
   * Returns money that is owed, from what they paid before. Safe to call again. Refuses (`too-little-paid`) when there is
   * not that much to return; somebody pays it by hand then.
   */
  payBack(debt: { id: string; customerId: string } & Money): Promise<{ refundedAmount: number } | Refusal>;
  /** The events of the kinds we act on, oldest first. Reads only. */
  eventsSince(since: Date): Promise<PaymentEvent[]>;
  /** Refuses what was tampered with (`bad-signature`), and what is more than 300 s old or ahead (`wrong-time`). */
  verifyWebhook(rawBody: string, signatureHeader: string | null, now: Date): PaymentEvent | Refusal;
};

export type SavedCard = { id: string; brand: string; last4: string; expMonth: number; expYear: number };

/** One price and how many of it. */
export type Item = { priceId: string; quantity: number };

/**
 * How a subscription of ours stands. `cancelling`: it ends with its period. `collecting_paused`: it runs and nothing is
 * charged. `paused`: it rests. `owing`: its newest invoice is open. `other`: nothing that a press can mend.
 */
export type Standing = 'running' | 'cancelling' | 'collecting_paused' | 'paused' | 'owing' | 'other';

export type HeldSubscription = {
  id: string;
  standing: Standing;
  items: (Item & { lookupKey: string | null; productId: string })[];
  currency: string;
  taxRates: string[];
  /** The moment after the last paid-for one. */
  periodEnd: Date;
  /** Set when `owing`: the invoice to pay. */
  owed: (Money & { invoiceId: string }) | null;
};

export type ReturningCustomer = {
  email: string | null;
  /** What they have paid in before, if ever: the provider takes no other. */
  currency: string | null;
  savedCard: SavedCard | null;
  /** Runs, rests or is owed for. */
  held: HeldSubscription | null;
  /** The one that ended last. */
  ended: HeldSubscription | null;
  /** Began and was never paid: replaced by a new start. */
  unfinished: string[];
};

export type Price = Money & {
  lookupKey: string | null;
  priceId: string;
  productId: string;
  active: boolean;
  /** Null for one that no offer can be made of: not plain, not recurring, or not every single interval. */
  interval: 'day' | 'week' | 'month' | 'year' | null;
  /** The same price in other currencies. */
  amounts: Record<string, number>;
};

/** What a person pays for. */
export type Terms = { customerId: string; items: Item[]; currency: string; taxRates: string[] };

/** The way in: a new subscription, or the one they still have taken up. */
export type Way =
  | { kind: 'start'; replaces: string[] }
  | { kind: 'resume' | 'unpause' | 'wake'; subscriptionId: string }
  | { kind: 'settle'; subscriptionId: string; invoiceId: string };

export type Quote = Money & {
  /** The part that renews, with its tax. */
  renewal: number;
  tax: number;
  /** Charged besides, from before. */
  pending: { what: string; amount: number }[];
  /** Negative: we hold this much of theirs. Positive: they owe it. */
  balance: number;
};

export type Start = Terms & {
  rejoinId: string;
  attempt: number;
  way: Way;
  /** Minor units: what the button says. */
  amount: number;
  /** Where the bank, or the provider's page, sends the person afterwards. It holds no secret. */
  returnUrl: string;
  cancelUrl: string;
};

export type Started = { subscriptionId: string; paid: boolean; awayUrl: string | null };

export type Undone = {
  /** All that came back to them of these payments, by whatever refund. */
  refundedAmount: number;
  currency: string;
  /** What of it had been returned before, for something we owed: it is owed again. */
  madeGood: { id: string; amount: number }[];
};

export type CheckoutPage = { checkoutId: string; url: string };

export type SubscriptionNow = {
  subscriptionId: string;
  status: string;
  standing: Standing;
  /** Active, and its newest invoice is paid. */
  paid: boolean;
  /** It waits for its first payment, and the last try at one failed. */
  failed: boolean;
  /** Minor units, of the newest invoice. */
  amountPaid: number;
  currency: string;
  /** The moment after the last paid-for one. */
  periodEnd: Date;
  /** Where an open newest invoice can be paid. */
  owedUrl: string | null;
  customerId: string;
  rejoinId: string | null;
  items: HeldSubscription['items'];
  /** Set once it has ended: when, and why, in the provider's code and the person's words. */
  ended: { at: Date; reason: string | null; comment: string | null } | null;
  customer: { email: string | null; name: string | null };
  startedAt: Date;
  /** Minor units, for one of the first item. */
  unitAmount: number | null;
  card: SavedCard | null;
};

/**
 * An event only points: read again what it is about before believing anything. `created` is in milliseconds UTC.
 * `checkoutId`: the provider's page that was paid, or closed.
 */
export type PaymentEvent = {
  id: string;
  type: string;
  subscriptionId: string | null;
  checkoutId: string | null;
  created: number;
};

/** The provider can't be reached or didn't answer in time. After a write, nobody knows whether it was done. */
export class PaymentsUnavailable extends Error {
  override name = 'PaymentsUnavailable';
  readonly sentence = 'Our payment provider is not answering just now. You will not be charged twice.';

  constructor(cause: unknown) {
    super('The payment provider did not answer.', { cause });
  }
}
