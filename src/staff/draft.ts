import { createHash } from 'node:crypto';
import type { drafts, signOffs } from '../../db/schema/desk.ts';

export type Draft = typeof drafts.$inferSelect;
export type SignOff = typeof signOffs.$inferSelect;

export type DocumentName = Pick<Draft, 'collection' | 'documentId'>;
/** What stands in a document: in a draft, or in a version. */
export type Written = Pick<Draft, 'source' | 'assets'>;
export type WrittenDocument = DocumentName & Written;

/** What is confirmed and approved: SHA-256 in hex over exactly this content. A changed letter needs both again. */
export function contentHash({ collection, documentId, source, assets }: WrittenDocument): string {
  const files = Object.entries(assets).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([collection, documentId, source, files]), 'utf8')
    .digest('hex');
}
