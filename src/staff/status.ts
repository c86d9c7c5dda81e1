import { fillPlaceholders } from '../proofs/claims.ts';
import { parseDocument } from '../proofs/content.ts';
import { plainSchemas } from '../proofs/documents.ts';
import { summariseProof } from '../proofs/evidence.ts';
import { contentHash, type DocumentName, type Draft, type SignOff, type WrittenDocument } from './draft.ts';

/*
 * Where a draft stands, from what was said about exactly its present content. Nothing is stored: a changed letter takes it back to
 * its writers by itself.
 */

export type Status = 'writing' | 'sent' | 'confirmed' | 'returned' | 'scheduled';

export type Standing = {
  status: Status;
  hash: string;
  /** Who answers for it and confirms its facts; null where nobody has to, or while it can't be read. */
  owner: string | null;
  confirmed: SignOff | null;
  /** Only while it is scheduled. */
  approved: SignOff | null;
  /** The last time it came back, until it is sent again. */
  returned: SignOff | null;
};

/** `signOffs` are those of this draft, in any order. */
export function statusOf(draft: Draft, signOffs: readonly SignOff[]): Standing {
  const hash = contentHash(draft);
  const owner = ownerOf(draft);
  const ordered = signOffs.toSorted((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
  const ofThis = ordered.filter((one) => one.contentHash === hash);
  const sinceReturned = ofThis.slice(ofThis.findLastIndex(({ kind }) => kind === 'returned') + 1);
  const last = (kind: SignOff['kind']) => sinceReturned.findLast((one) => one.kind === kind) ?? null;
  const confirmed = sinceReturned.findLast(({ kind, staffId }) => kind === 'confirmed' && staffId === owner) ?? null;
  const ready = owner === null ? last('sent') !== null : confirmed !== null;
  const approved = ready && draft.publishAt !== null ? last('approved') : null;
  const newest = ordered.at(-1);
  const returned = newest?.kind === 'returned' ? newest : null;
  const status: Status = approved
    ? 'scheduled'
    : ready
      ? 'confirmed'
      : last('sent')
        ? 'sent'
        : returned
          ? 'returned'
          : 'writing';
  return { status, hash, owner, confirmed, approved, returned };
}

function read({ collection, documentId, source, assets }: WrittenDocument) {
  return parseDocument(collection, documentId, source, assets).document;
}

/** The one person who answers for an issue or a proof. Other documents have none. */
export function ownerOf(written: WrittenDocument): string | null {
  const document = read(written);
  return document && 'owner' in document.data ? document.data.owner : null;
}

/** What people call it: the headline of a proof with its numbers in, the title of an issue, or its id. */
export function shownTitle(written: WrittenDocument): string {
  const document = read(written);
  if (!document) return written.documentId;
  if (document.collection === 'proofs') {
    return fillPlaceholders(document.data.headline, summariseProof(document.data, document.points));
  }
  return document.collection === 'issues' || document.collection === 'pages' ? document.data.title : written.documentId;
}

/** The page of the desk where a document is written. */
export function writePath({ collection, documentId }: DocumentName): string {
  return `/staff/drafts/${collection}/${documentId}`;
}

/** The page of the desk where a draft goes from hand to hand. */
export function reviewPath(name: DocumentName): string {
  return `${writePath(name)}/review`;
}

const PAGES = ['how-we-count', 'privacy'];

/** Where the public finds it; null where it has no page of its own. */
export function publicPath({ collection, documentId }: DocumentName): string | null {
  if (collection === 'proofs' || collection === 'issues') return `/${collection}/${documentId}`;
  return collection === 'pages' && PAGES.includes(documentId) ? `/${documentId}` : null;
}

export function isCollection(text: string): text is Draft['collection'] {
  return Object.hasOwn(plainSchemas, text);
}
