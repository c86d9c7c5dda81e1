import { and, eq, max } from 'drizzle-orm';
import { isScalar } from 'yaml';
import type { Reader, Tx } from '../../db/client.ts';
import { drafts, signOffs } from '../../db/schema/desk.ts';
import { publishedVersions } from '../../db/schema/proofs.ts';
import type { Collection } from '../proofs/documents.ts';
import { publishedProof } from '../proofs/published.ts';
import { liveVersion } from '../proofs/versions.ts';
import { newId } from '../shared/ids.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import { record } from './audit.ts';
import { colleagueOf, colleagues } from './colleagues.ts';
import { contentHash, type DocumentName, type Draft, type Written, type WrittenDocument } from './draft.ts';
import { type Standing, type Status, statusOf } from './status.ts';
import { pairsIn } from './yaml.ts';

/* Documents while they are being written: begun, saved by two people without harm, put away. */

/** One entry of the record covers this long of one person's saving: nobody reads a line for every pause in typing. */
const SITTING_MS = 15 * 60_000;

export async function draftOf(reader: Reader, { collection, documentId }: DocumentName): Promise<Draft | null> {
  const where = and(eq(drafts.collection, collection), eq(drafts.documentId, documentId));
  const [draft] = await reader.select().from(drafts).where(where);
  return draft ?? null;
}

/** A document as it would be published: its draft, or without one what is public. Null when there is neither. */
export async function asWritten(reader: Reader, name: DocumentName): Promise<WrittenDocument | null> {
  const written = (await draftOf(reader, name)) ?? (await liveVersion(reader, name));
  return written && { ...name, source: written.source, assets: written.assets };
}

/**
 * The draft of a document: the one that exists, else a new one from the newest published version with the measurements that
 * arrived since, else from `prefilled`, else empty.
 */
export async function openDraft(
  tx: Tx,
  { by, prefilled, ...name }: DocumentName & { by: string; prefilled?: Written | undefined },
  now: Date,
): Promise<Draft | Refusal> {
  const { collection, documentId } = name;
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(documentId) || documentId.length > 60) {
    return refuse(
      'name',
      `“${documentId}” can’t become part of an address. Use small letters, digits and single hyphens.`,
    );
  }
  if (collection === 'site' && documentId !== 'site') return refuse('name', 'There is one site document.');
  const there = await draftOf(tx, name);
  if (there) return there;
  const published = await liveVersion(tx, name);
  const begun = published ? await withWhatArrived(tx, name, published) : (prefilled ?? emptyOf(collection));
  const draft: Draft = {
    id: newId(),
    collection,
    documentId,
    ...begun,
    revision: 1,
    basedOn: published?.version ?? null,
    startedBy: by,
    startedAt: now.getTime(),
    savedBy: by,
    savedAt: now.getTime(),
    // Who only opened it has written nothing, and may still approve it. What was filled in for them counts as theirs.
    writers: published ? [] : [by],
    publishAt: null,
  };
  await tx.insert(drafts).values(draft);
  await record(tx, { by, action: 'began', subject: subjectOf(draft), detail: { basedOn: draft.basedOn } }, now);
  return draft;
}

/** Someone else saved first. */
export type Conflict = {
  by: { id: string; name: string };
  at: number;
  revision: number;
  theirs: Written;
};

/**
 * Saves what was written over the revision that its writer read. When someone else saved in between, nothing is written and
 * both versions are given back. The same words again make no new revision.
 */
export async function saveDraft(
  tx: Tx,
  { id, revision, source, assets, by }: Written & { id: string; revision: number; by: string },
  now: Date,
): Promise<{ saved: Draft } | { conflict: Conflict } | Refusal> {
  const [draft] = await tx.select().from(drafts).where(eq(drafts.id, id));
  if (!draft) return gone();
  const mine = { ...draft, source, assets };
  if (contentHash(mine) === contentHash(draft)) return { saved: draft };
  if (draft.revision !== revision) {
    const other = await colleagueOf(tx, draft.savedBy);
    return {
      conflict: {
        by: { id: draft.savedBy, name: other?.name ?? draft.savedBy },
        at: draft.savedAt,
        revision: draft.revision,
        theirs: { source: draft.source, assets: draft.assets },
      },
    };
  }
  const saved: Draft = {
    ...mine,
    revision: revision + 1,
    savedBy: by,
    savedAt: now.getTime(),
    writers: draft.writers.includes(by) ? draft.writers : [...draft.writers, by],
    // It was approved as it stood, and it stands differently now.
    publishAt: null,
  };
  await tx.update(drafts).set(saved).where(eq(drafts.id, id));
  const newSitting = draft.savedBy !== by || draft.revision === 1 || now.getTime() - draft.savedAt > SITTING_MS;
  if (newSitting) {
    const detail = { revision: saved.revision };
    await record(tx, { by, action: 'saved', subject: subjectOf(saved), detail }, now);
  }
  return { saved };
}

/** Takes a draft away for good. What is published stays. Refused when someone saved in it since it was looked at. */
export async function discardDraft(
  tx: Tx,
  { id, revision, by }: { id: string; revision: number; by: string },
  now: Date,
): Promise<{ discarded: Draft } | Refusal> {
  const [draft] = await tx.select().from(drafts).where(eq(drafts.id, id));
  if (!draft) return gone();
  if (draft.revision !== revision) {
    return refuse('changed', 'Someone saved in this draft after you opened this page. Look at their words first.');
  }
  await tx.delete(drafts).where(eq(drafts.id, id));
  const detail = { revision, basedOn: draft.basedOn, contentHash: contentHash(draft) };
  await record(tx, { by, action: 'discarded', subject: subjectOf(draft), detail }, now);
  return { discarded: draft };
}

export type DraftRow = {
  draft: Omit<Draft, 'source' | 'assets'>;
  /** Its headline or title, if it has one already. */
  title: string;
  status: Status;
  startedBy: string;
  savedBy: string;
};

/** Every draft and where it stands. */
export async function draftsInHand(reader: Reader): Promise<{ draft: Draft; standing: Standing }[]> {
  const [rows, said] = await Promise.all([reader.select().from(drafts), reader.select().from(signOffs)]);
  const of = Map.groupBy(said, ({ draftId }) => draftId);
  return rows.map((draft) => ({ draft, standing: statusOf(draft, of.get(draft.id) ?? []) }));
}

/** Every draft, the one saved last first, with names in place of ids. */
export async function draftsList(reader: Reader): Promise<DraftRow[]> {
  const [all, people] = await Promise.all([draftsInHand(reader), colleagues(reader)]);
  const nameOf = (id: string) => people.find((one) => one.id === id)?.name ?? id;
  return all
    .toSorted(({ draft: a }, { draft: b }) => b.savedAt - a.savedAt || (a.id < b.id ? -1 : 1))
    .map(({ draft: { source, assets, ...draft }, standing: { status } }) => ({
      draft,
      title: titleOf({ ...draft, source }),
      status,
      startedBy: nameOf(draft.startedBy),
      savedBy: nameOf(draft.savedBy),
    }));
}

/** Every document that has a published version, by what it calls itself now, to begin a draft from. */
export async function publishedNames(reader: Reader): Promise<(DocumentName & { title: string })[]> {
  const { collection, documentId, source, version } = publishedVersions;
  const newest = await reader
    // SQLite takes the other columns from the row that has the largest version.
    .select({ collection, documentId, source, version: max(version) })
    .from(publishedVersions)
    .groupBy(collection, documentId)
    .orderBy(collection, documentId);
  return newest.map(({ collection, documentId, source }) => ({
    collection,
    documentId,
    title: titleOf({ collection, documentId, source }),
  }));
}

const TITLES = ['headline', 'title', 'plan', 'question', 'subject', 'organisation'];

/** What a document calls itself, however unfinished it is; its id until it has a name. */
export function titleOf(named: Omit<WrittenDocument, 'assets'>): string {
  for (const { key, value } of pairsIn(named)) {
    const title =
      isScalar(key) && TITLES.includes(String(key.value)) && isScalar(value) ? String(value.value ?? '') : '';
    if (title.trim() !== '') return title;
  }
  return named.documentId;
}

/** `proofs:exports-finish`, as the record names it. */
export function subjectOf({ collection, documentId }: DocumentName): string {
  return `${collection}:${documentId}`;
}

export function gone(): Refusal {
  return refuse('gone', 'This draft is no longer there: it was published or discarded meanwhile.');
}

function emptyOf(collection: Collection): Written {
  return { source: collection === 'site' || collection === 'checkins' ? '' : '---\n---\n', assets: {} };
}

/** What was published, its series carried on with what has been measured since. */
async function withWhatArrived(reader: Reader, { collection, documentId }: DocumentName, published: Written) {
  const { source, assets } = published;
  const proof = collection === 'proofs' ? await publishedProof(reader, documentId) : null;
  return { source, assets: proof?.assets ?? assets };
}
