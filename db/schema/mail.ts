import { sql } from 'drizzle-orm';
import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/**
 * Letters to send, written in the transaction of their cause. `body` holds placeholders: links and codes are minted
 * only when the letter is sent.
 */
export const letters = sqliteTable(
  'letters',
  {
    id: text().primaryKey(),
    /** What the letter is for, once and for all: `checkin:<id>`, `receipt:<rejoin>`. A cause sends one letter. */
    cause: text().notNull().unique(),
    kind: text().notNull(),
    /** Whom it is about or to; null for a letter to staff or to someone asked to confirm. */
    personId: text(),
    toAddress: text().notNull(),
    fromName: text().notNull(),
    subject: text().notNull(),
    body: text().notNull(),
    /** What to mint at sending: `{link}`, `{stopLink}`, `{code}` in the body. */
    mint: text({ mode: 'json' }).$type<Record<string, string>>().notNull(),
    createdAt: integer().notNull(),
    notBefore: integer().notNull(),
    leasedUntil: integer(),
    attempts: integer().notNull(),
    sentAt: integer(),
    /** Why it was not sent and never will be. */
    heldBecause: text(),
    /** When it was last given to the mail server. With a lease that ran out and no `sentAt`, nobody knows whether it left. */
    handedAt: integer(),
    /** Since when we know that we don't know. It isn't sent again unless somebody says so. */
    doubtfulAt: integer(),
    /** What the mail server last answered, when it wasn't yes. */
    serverSaid: text(),
    /** The colleague who read this invitation and signed it; null for every letter that nobody signs one by one. */
    signedBy: text(),
    /** The choice of people it belongs to: revoking that revokes its links. */
    batchId: text(),
    /** When the other side said that it can't be delivered, or that it wasn't wanted. */
    bouncedAt: integer(),
  },
  (t) => [
    index('letters_due').on(t.sentAt, t.heldBecause, t.notBefore),
    index('letters_handed').on(t.handedAt),
    // What nobody waits for is left out, as in CAN_WAIT (src/mail/kinds.ts): a code is found at once behind any number of other letters.
    index('letters_urgent')
      .on(t.sentAt, t.heldBecause, t.notBefore)
      .where(
        sql`${t.sentAt} is null and ${t.heldBecause} is null and ${t.doubtfulAt} is null and ${t.kind} not in ('invitation', 'checkin', 'fixed', 'came-back', 'something-new', 'checkin-work', 'left-again')`,
      ),
    index('letters_person').on(t.personId),
    index('letters_to').on(t.toAddress),
    index('letters_to_plain').on(sql`lower(${t.toAddress})`),
    index('letters_batch').on(t.batchId).where(sql`${t.batchId} is not null`),
  ],
);

/**
 * One row: which database this is, and how many letters it has given to a mail server. A file beside it says the same; a copy
 * that was brought back knows of fewer letters than the file, and sends none.
 */
export const sending = sqliteTable('sending', {
  id: text({ enum: ['here'] }).primaryKey(),
  instance: text().notNull(),
  handed: integer().notNull(),
});

/** What came back about a letter that had left, once for each report of it. */
export const bounces = sqliteTable(
  'bounces',
  {
    id: text().primaryKey(),
    letterId: text()
      .notNull()
      .references(() => letters.id, { onDelete: 'cascade' }),
    /** The report's own id, behind the way it came: `message:<fingerprint>`, `hook:<key>:<event>`. The same one counts once. */
    report: text().notNull().unique(),
    /** `hard`: there is no such mailbox. `soft`: not this time. `complaint`: it was reported as unwanted. */
    kind: text({ enum: ['hard', 'soft', 'complaint'] }).notNull(),
    /** The other server's words. */
    said: text().notNull(),
    at: integer().notNull(),
  },
  (t) => [index('bounces_letter').on(t.letterId)],
);
