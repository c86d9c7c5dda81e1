import { sql } from 'drizzle-orm';
import { index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';
import { persons } from './people.ts';

export type RejoinTerms = {
  /** All that is paid for, the first price included. */
  items: { priceId: string; quantity: number }[];
  taxRates: string[];
  /** Minor units, each time after today. */
  renewal: number;
  /** The subscription or starts that this way is about. */
  subscriptionId?: string;
  invoiceId?: string;
  replaces?: string[];
};

/** A customer's way back, from the press to active. Our row is written before the payment provider is asked. */
export const rejoins = sqliteTable(
  'rejoins',
  {
    id: text().primaryKey(),
    personId: text()
      .notNull()
      .references(() => persons.id),
    offerId: text().notNull(),
    /** The snapshot of the offer that was on the screen. */
    offerHash: text().notNull(),
    /** `away`: the person is at their bank, or at the provider's own page, and nothing is charged yet. */
    state: text({ enum: ['begun', 'paying', 'away', 'active', 'declined', 'undoing', 'undone', 'ended'] }).notNull(),
    /** A new subscription, or what becomes of the one they still had. */
    way: text({ enum: ['start', 'resume', 'unpause', 'wake', 'settle'] })
      .notNull()
      .default('start'),
    /** What is paid for, beside the first price and its seats. */
    terms: text({ mode: 'json' }).$type<RejoinTerms>(),
    /** Counts up only after a decline: part of the idempotency key. */
    attempt: integer().notNull(),
    billingId: text().notNull(),
    /** Empty: paid at the provider's own page, with whatever card is given there. */
    cardId: text().notNull(),
    cardLabel: text().notNull(),
    priceId: text().notNull(),
    seats: integer().notNull(),
    /** Minor units; what the button said, and so what may be charged. */
    amount: integer().notNull(),
    currency: text().notNull(),
    subscriptionId: text(),
    begunAt: integer().notNull(),
    /** When a process last took it to the payment provider; an old one may be taken up again, with the same key. */
    payingSince: integer(),
    completedAt: integer(),
    renewsOn: text(),
    declinedSentence: text(),
    undoneAt: integer(),
    /** The person cancelled: the plan ends on `endsOn`, the first day without it. */
    cancelledAt: integer(),
    endsOn: text(),
    refundedAmount: integer(),
    /** While away: where they are, the provider's id of that page (none for a bank), and until when it stays open. */
    awayUrl: text(),
    checkoutId: text(),
    awayUntil: integer(),
    /** A renewal that did not go through: where it can be paid. */
    owedUrl: text(),
  },
  (t) => [
    uniqueIndex('rejoins_one_open')
      .on(t.personId)
      .where(sql`state in ('begun', 'paying', 'away', 'active', 'undoing')`),
    // One that was taken back may be taken up again, by another return.
    uniqueIndex('rejoins_subscription')
      .on(t.subscriptionId)
      .where(sql`state in ('begun', 'paying', 'away', 'active', 'undoing')`),
    index('rejoins_person').on(t.personId, t.begunAt),
  ],
);

/** A verified event of the payment provider, stored once. It only points: what it is about is read again. */
export const paymentEvents = sqliteTable(
  'payment_events',
  {
    id: text().primaryKey(),
    type: text().notNull(),
    subscriptionId: text(),
    checkoutId: text(),
    receivedAt: integer().notNull(),
    appliedAt: integer(),
  },
  (t) => [
    index('payment_events_unapplied').on(t.appliedAt, t.receivedAt),
    index('payment_events_subscription').on(t.subscriptionId).where(sql`${t.subscriptionId} is not null`),
  ],
);

/** Money that was taken and must not stay: a second payment, a sum that nobody was shown, or one that came when it was closed. */
export const surpluses = sqliteTable('surpluses', {
  subscriptionId: text().primaryKey(),
  rejoinId: text()
    .notNull()
    .references(() => rejoins.id),
  why: text({ enum: ['second', 'amount', 'closed'] }).notNull(),
  foundAt: integer().notNull(),
  refundedAt: integer(),
  refundedAmount: integer(),
  currency: text(),
});
