import { sql } from 'drizzle-orm';
import { index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';
import { persons } from './people.ts';

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
    state: text({ enum: ['begun', 'paying', 'active', 'declined', 'undoing', 'undone', 'ended'] }).notNull(),
    /** Counts up only after a decline: part of the idempotency key. */
    attempt: integer().notNull(),
    billingId: text().notNull(),
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
  },
  (t) => [
    uniqueIndex('rejoins_one_open').on(t.personId).where(sql`state in ('begun', 'paying', 'active', 'undoing')`),
    uniqueIndex('rejoins_subscription').on(t.subscriptionId),
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
    receivedAt: integer().notNull(),
    appliedAt: integer(),
  },
  (t) => [index('payment_events_unapplied').on(t.appliedAt, t.receivedAt)],
);
