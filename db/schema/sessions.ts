import { blob, index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { persons } from './people.ts';
import { staff } from './staff.ts';

/** A visitor's device, known after the person's first press. */
export const devices = sqliteTable(
  'devices',
  {
    hash: blob({ mode: 'buffer' }).primaryKey(),
    personId: text()
      .notNull()
      .references(() => persons.id),
    createdAt: integer().notNull(),
    expiresAt: integer().notNull(),
    /** When a mailed code was last entered here. */
    steppedUpAt: integer(),
  },
  (t) => [index('devices_person').on(t.personId)],
);

/** A mailed six-digit code: minutes to live, few tries, used once. */
export const codes = sqliteTable(
  'codes',
  {
    id: text().primaryKey(),
    /** Whose it is: a person's or a member of staff's, one of the two. */
    personId: text().references(() => persons.id),
    staffId: text().references(() => staff.id),
    /** Null until the letter that carries the code is sent. */
    hash: blob({ mode: 'buffer' }),
    askedAt: integer().notNull(),
    expiresAt: integer().notNull(),
    triesLeft: integer().notNull(),
    /** The code proves this new address; null: the one that is known. */
    newAddress: text(),
    usedAt: integer(),
    /** A colleague's: the browser that asked for it, if they had signed in there before. Each has letters and tries of its own. */
    browser: text(),
  },
  (t) => [index('codes_person').on(t.personId), index('codes_staff').on(t.staffId)],
);

/** A key with which another system speaks to us. */
export const keys = sqliteTable('keys', {
  id: text().primaryKey(),
  hash: blob({ mode: 'buffer' }).notNull().unique(),
  /** What it may send: measurements of one proof, or what came back about letters. */
  purpose: text({ enum: ['measurements', 'bounces'] }).notNull(),
  /** The proof that it measures; null for bounces. */
  proofId: text(),
  /** What sends with it: “Nightly export job”. */
  label: text().notNull(),
  /** Null: by a command. */
  createdBy: text(),
  createdAt: integer().notNull(),
  revokedAt: integer(),
});
