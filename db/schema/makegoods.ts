import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { persons } from './people.ts';

/** Money owed for actual harm. It is paid whether or not the person returns, and has no place in an offer. */
export const makeGoods = sqliteTable(
  'make_goods',
  {
    id: text().primaryKey(),
    personId: text()
      .notNull()
      .references(() => persons.id),
    /** Shown to the person: what we did, and what it cost them. */
    reason: text().notNull(),
    /** Minor units. */
    amount: integer().notNull(),
    currency: text().notNull(),
    /** A person of content/site.yaml. */
    decidedBy: text().notNull(),
    decidedAt: integer().notNull(),
    /** `refund`: returned on what they had paid. `hand`: paid outside of the payment provider. */
    paidAt: integer(),
    paidHow: text({ enum: ['refund', 'hand'] }),
    /** Why it could not be returned by itself, so that somebody pays it by hand. */
    stuckBecause: text(),
  },
  (t) => [index('make_goods_person').on(t.personId), index('make_goods_unpaid').on(t.paidAt)],
);
