import { integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';

/**
 * An immutable snapshot of one document as it was published. Pages, the gate and letters read the newest one of each
 * document and nothing else. `hash` covers source, assets and `previousHash`: the versions form a chain.
 */
export const publishedVersions = sqliteTable(
  'published_versions',
  {
    id: text().primaryKey(),
    collection: text({
      enum: ['site', 'issues', 'proofs', 'offers', 'checkins', 'pages', 'letters', 'roles', 'reonboarding'],
    }).notNull(),
    documentId: text().notNull(),
    version: integer().notNull(),
    source: text().notNull(),
    /** File name to content, for the series and documents that the source names. */
    assets: text({ mode: 'json' }).$type<Record<string, string>>().notNull(),
    hash: text().notNull(),
    previousHash: text(),
    confirmedBy: text(),
    approvedBy: text().notNull(),
    reason: text(),
    publishedAt: integer().notNull(),
  },
  (t) => [uniqueIndex('published_versions_document').on(t.collection, t.documentId, t.version)],
);
