import { sql } from 'drizzle-orm';
import { blob, index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';
import { staff } from './staff.ts';

/** A document while it is being written: one draft a document, which two writers share. */
export const drafts = sqliteTable(
  'drafts',
  {
    id: text().primaryKey(),
    collection: text({
      enum: ['site', 'issues', 'proofs', 'offers', 'checkins', 'pages', 'letters', 'roles', 'reonboarding'],
    }).notNull(),
    documentId: text().notNull(),
    /** As in published_versions; a draft may be unfinished, and then no rule could read it. */
    source: text().notNull(),
    assets: text({ mode: 'json' }).$type<Record<string, string>>().notNull(),
    /** Goes up by one with each save. Who saves names the one they read: someone else's words are never overwritten. */
    revision: integer().notNull(),
    /** The published version that it began from; null for a new document. */
    basedOn: integer(),
    startedBy: text().notNull(),
    startedAt: integer().notNull(),
    savedBy: text().notNull(),
    savedAt: integer().notNull(),
    /** Everyone who saved anything in it: none of them may approve it. */
    writers: text({ mode: 'json' }).$type<string[]>().notNull(),
    /** Approved, and to be published then. */
    publishAt: integer(),
  },
  (t) => [
    uniqueIndex('drafts_document').on(t.collection, t.documentId),
    index('drafts_due').on(t.publishAt).where(sql`${t.publishAt} is not null`),
  ],
);

/**
 * What somebody said about exactly this content of a draft: a changed letter makes a new hash, and what was said about the
 * old one counts no more.
 */
export const signOffs = sqliteTable(
  'sign_offs',
  {
    id: text().primaryKey(),
    draftId: text()
      .notNull()
      .references(() => drafts.id, { onDelete: 'cascade' }),
    contentHash: text().notNull(),
    kind: text({ enum: ['sent', 'confirmed', 'returned', 'approved'] }).notNull(),
    staffId: text()
      .notNull()
      .references(() => staff.id),
    at: integer().notNull(),
    /** Returned: what to mend. Approved: why it changed, for readers. */
    note: text(),
  },
  (t) => [index('sign_offs_draft').on(t.draftId, t.at)],
);

/** Someone independent who was asked to confirm a proof, by a link of their own. */
export const confirmations = sqliteTable(
  'confirmations',
  {
    id: text().primaryKey(),
    proofId: text().notNull(),
    /** Null for an outsider. */
    personId: text(),
    relation: text({ enum: ['complained', 'outsider'] }).notNull(),
    name: text().notNull(),
    address: text().notNull(),
    askedBy: text()
      .notNull()
      .references(() => staff.id),
    askedAt: integer().notNull(),
    expiresAt: integer().notNull(),
    /** SHA-256 of the token; null until its letter is sent. */
    hash: blob({ mode: 'buffer' }).unique(),
    answeredAt: integer(),
    confirmed: integer({ mode: 'boolean' }),
    /** The name that they let us show. */
    shownAs: text(),
    /** How they checked it, or what is not so. */
    how: text(),
  },
  (t) => [index('confirmations_proof').on(t.proofId)],
);

/** A picture of a document, re-encoded and without what the camera wrote into it. Documents name it by its hash. */
export const pictures = sqliteTable('pictures', {
  sha256: text().primaryKey(),
  mediaType: text().notNull(),
  width: integer().notNull(),
  height: integer().notNull(),
  bytes: blob({ mode: 'buffer' }).notNull(),
  addedBy: text().notNull(),
  addedAt: integer().notNull(),
});
