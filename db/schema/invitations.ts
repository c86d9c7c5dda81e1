import { sql } from 'drizzle-orm';
import { blob, index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';
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
    /** Links that were minted together can be revoked together. */
    batchId: text(),
    mintedAt: integer().notNull(),
    expiresAt: integer().notNull(),
    boundAt: integer(),
    revokedAt: integer(),
  },
  (t) => [
    index('links_person').on(t.personId),
    index('links_letter').on(t.letterId),
    index('links_batch').on(t.batchId).where(sql`${t.batchId} is not null`),
    index('links_checkin').on(t.checkinId).where(sql`${t.checkinId} is not null`),
  ],
);

/** People chosen to be written to together: who chose them, by what, and whether that was taken back. */
export const batches = sqliteTable('batches', {
  id: text().primaryKey(),
  /** What was chosen by, as the page said it: `{ issue: 'exports-failed' }`, `{ gap: 'trust' }`. Never a person. */
  choice: text({ mode: 'json' }).$type<Record<string, string>>().notNull(),
  /** `letters`: each is written and signed at the desk. `links`: a file for another tool was taken. */
  purpose: text({ enum: ['letters', 'links'] }).notNull(),
  by: text().notNull(),
  at: integer().notNull(),
  revokedAt: integer(),
  revokedBy: text(),
  revokedBecause: text(),
});

/** One person in one choice. The holdout is recorded beside them: both passed everything else at that moment. */
export const chosen = sqliteTable(
  'chosen',
  {
    batchId: text()
      .notNull()
      .references(() => batches.id),
    personId: text()
      .notNull()
      .references(() => persons.id),
    as: text({ enum: ['invited', 'holdout'] }).notNull(),
    at: integer().notNull(),
    /** What had made them leave, and the proof by which it was resolved for them, as both stood then. */
    issueId: text(),
    gap: text({ enum: ['value', 'trust', 'experience', 'growth'] }),
    proofId: text(),
  },
  (t) => [primaryKey({ columns: [t.batchId, t.personId] }), index('chosen_person').on(t.personId)],
);

/**
 * Somebody asked who could be written to. The gate is asked about each, in the jobs process when they are many; a press makes a batch
 * of those whom it lets through.
 */
export const choosings = sqliteTable(
  'choosings',
  {
    id: text().primaryKey(),
    choice: text({ mode: 'json' }).$type<Record<string, string>>().notNull(),
    /** When one person was chosen: that one. */
    personId: text().references(() => persons.id),
    by: text().notNull(),
    at: integer().notNull(),
    /** About how many the gate was asked so far. */
    asked: integer().notNull(),
    report: text({ mode: 'json' }).$type<Record<string, unknown>>(),
    countedAt: integer(),
    /** Somebody pressed: the batch that it is to become. */
    batchId: text(),
    finishedAt: integer(),
  },
  (t) => [index('choosings_person').on(t.personId), index('choosings_unfinished').on(t.finishedAt, t.countedAt)],
);

/** One row: what outreach achieved, as it was last counted. Numbers, and nobody's name. */
export const outcomeCounts = sqliteTable('outcome_counts', {
  id: text({ enum: ['all'] }).primaryKey(),
  at: integer().notNull(),
  /** Milliseconds that it took: what takes long is counted less often. */
  took: integer().notNull(),
  report: text({ mode: 'json' }).$type<Record<string, unknown>>().notNull(),
});

/** While it stands, nobody is invited over this issue. A “no” makes one; somebody here may make one, too. */
export const holds = sqliteTable(
  'holds',
  {
    id: text().primaryKey(),
    issueId: text().notNull(),
    because: text().notNull(),
    /** The “no” that made it; null when a person here did. */
    reopeningId: text().unique(),
    by: text(),
    at: integer().notNull(),
    releasedAt: integer(),
    /** Who released it, with the reason; null when it was settled by the person who said no. */
    releasedBy: text(),
    releasedBecause: text(),
  },
  (t) => [index('holds_standing').on(t.releasedAt)],
);

/** An approver's leave to invite one person outside the time window: the only refusal that anyone may override. */
export const windowOverrides = sqliteTable('window_overrides', {
  personId: text()
    .primaryKey()
    .references(() => persons.id),
  reason: text().notNull(),
  by: text().notNull(),
  at: integer().notNull(),
});

/** Somebody who may be invited and is put off at the desk for a while; a later one takes the place of the one before. */
export const postponed = sqliteTable('postponed', {
  personId: text()
    .primaryKey()
    .references(() => persons.id),
  /** Why not today. The person can read it. */
  reason: text().notNull(),
  by: text().notNull(),
  at: integer().notNull(),
  until: integer().notNull(),
});
