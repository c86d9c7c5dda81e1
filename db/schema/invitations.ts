import { blob, index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { checkins } from './checkins.ts';
import { persons } from './people.ts';

/** A personal link. Opening it changes nothing here; the first press binds it to a device. */
export const links = sqliteTable(
  'links',
  {
    /** SHA-256 of the token; the token itself is never stored. */
    hash: blob({ mode: 'buffer' }).primaryKey(),
    personId: text()
      .notNull()
      .references(() => persons.id),
    purpose: text({ enum: ['page', 'checkin', 'stop', 'pay'] }).notNull(),
    checkinId: text().references(() => checkins.id),
    /** The outbox letter that carries it: a letter sent again mints anew and revokes the old. */
    letterId: text(),
    mintedAt: integer().notNull(),
    expiresAt: integer().notNull(),
    boundAt: integer(),
    revokedAt: integer(),
  },
  (t) => [index('links_person').on(t.personId), index('links_letter').on(t.letterId)],
);
