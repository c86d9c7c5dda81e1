import { blob, index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

export const ROLES = ['writer', 'owner', 'approver', 'hr', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Someone who works here. `id` is the short id by which documents name them: whoever is here may be named on a page. */
export const staff = sqliteTable('staff', {
  id: text().primaryKey(),
  name: text().notNull(),
  /** What they do here, as pages say it. */
  title: text().notNull(),
  /** Where their codes go; in small letters. */
  address: text().notNull().unique(),
  roles: text({ mode: 'json' }).$type<Role[]>().notNull(),
  addedAt: integer().notNull(),
  /** Null: by a command on the machine itself. */
  addedBy: text(),
  /** Signing in ended; what they wrote and approved stays theirs. */
  leftAt: integer(),
});

/** A signed-in browser of a member of staff. The row can't be turned back into its cookie. */
export const staffSessions = sqliteTable(
  'staff_sessions',
  {
    hash: blob({ mode: 'buffer' }).primaryKey(),
    staffId: text()
      .notNull()
      .references(() => staff.id),
    createdAt: integer().notNull(),
    /** Half an hour after the last page. */
    expiresAt: integer().notNull(),
    /** Twelve hours after signing in, whatever happens. */
    endsAt: integer().notNull(),
  },
  (t) => [index('staff_sessions_staff').on(t.staffId)],
);

/** Everything that staff did, in order. Each row's hash covers the one before: a changed or missing row is found. */
export const audit = sqliteTable(
  'audit',
  {
    number: integer().primaryKey(),
    at: integer().notNull(),
    /** Null: a command on the machine itself, or a job. */
    staffId: text(),
    action: text().notNull(),
    /** What it was done to, as `<kind>:<id>`: `proofs:exports-finish`, `staff:grace`. */
    subject: text().notNull(),
    /** Never a person's words, name or address. */
    detail: text({ mode: 'json' }).$type<Record<string, string | number | boolean | null>>().notNull(),
    previousHash: text(),
    hash: text().notNull().unique(),
  },
  (t) => [index('audit_subject').on(t.subject)],
);
