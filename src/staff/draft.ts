import { createHash } from 'node:crypto';
import type { drafts, signOffs } from '../../db/schema/desk.ts';

export type Draft = typeof drafts.$inferSelect;
export type SignOff = typeof signOffs.$inferSelect;

/** What is confirmed and approved: SHA-256 in hex over exactly this content. A changed letter needs both again. */
export function contentHash({
  collection,
  documentId,
  source,
  assets,
}: Pick<Draft, 'collection' | 'documentId' | 'source' | 'assets'>): string {
  const files = Object.entries(assets).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([collection, documentId, source, files]), 'utf8')
    .digest('hex');
}
