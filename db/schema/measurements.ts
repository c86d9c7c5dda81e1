import { integer, real, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';

/**
 * A measurement that arrived after its proof was published. The rows of a series form a chain: each hash covers the one
 * before. What stands in a snapshot is never changed by one.
 */
export const measurements = sqliteTable(
  'measurements',
  {
    id: text().primaryKey(),
    proofId: text().notNull(),
    seriesId: text().notNull(),
    measuredOn: text().notNull(),
    value: real().notNull(),
    n: integer(),
    /** The sender's own id of it: the same one twice is stored once. */
    sourceId: text().notNull(),
    /** `key:<id>` or `command`. */
    sentBy: text().notNull(),
    receivedAt: integer().notNull(),
    previousHash: text(),
    hash: text().notNull(),
  },
  (t) => [
    uniqueIndex('measurements_source').on(t.proofId, t.seriesId, t.sourceId),
    uniqueIndex('measurements_day').on(t.proofId, t.seriesId, t.measuredOn),
  ],
);
