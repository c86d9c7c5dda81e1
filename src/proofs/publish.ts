import { eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { publishedVersions } from '../../db/schema/proofs.ts';
import { staff } from '../../db/schema/staff.ts';
import { newId } from '../shared/ids.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import { sameContent, versionHash } from './chain.ts';
import { judge } from './check.ts';
import { confirmationOf } from './confirmers.ts';
import { type Problem, parseDocument, type SourceDocument } from './content.ts';
import type { Proof } from './documents.ts';
import { pictureSizes } from './pictures.ts';
import { publishedOthers } from './published.ts';
import { liveVersion } from './versions.ts';

export type Publication = SourceDocument & {
  /** Who confirmed its facts, number by number: its owner. */
  confirmedBy: string | null;
  /** Who published it: never who owns it, confirmed it or wrote any of it. */
  approvedBy: string;
  writers?: readonly string[];
  /** What the new version is for, for readers. The first one needs none. */
  reason?: string | null;
  now: Date;
};

export type Published = { version: number; hash: string; isNew: boolean };

/**
 * Stores the next version of a document, chained to the one before. What its evidence doesn't carry is refused, with every
 * problem, whoever asks. Publish what it refers to first: site, issues, proofs, then the rest. The same content again makes no
 * new version.
 */
export async function publishDocument(
  tx: Tx,
  { collection, id, source, assets, confirmedBy, approvedBy, writers = [], reason = null, now }: Publication,
): Promise<Published | (Refusal & { problems: Problem[] })> {
  const { document } = parseDocument(collection, id, source, assets);
  const owner = document && 'owner' in document.data ? document.data.owner : null;
  const unfit = notTheirs({ owner, confirmedBy, approvedBy, writers });
  if (unfit) return { ...unfit, problems: [] };
  const { problems } = await judge({ collection, id, source, assets }, await publishedOthers(tx, collection));
  if (problems.length > 0) {
    const [first] = problems;
    return { ...refuse('problems', first!.sentence), problems };
  }
  const newest = await liveVersion(tx, { collection, documentId: id });
  if (newest && sameContent(newest, { source, assets })) {
    return { version: newest.version, hash: newest.hash, isNew: false };
  }
  const invented = document?.collection === 'proofs' ? await unanswered(tx, document.data, id, newest?.source) : null;
  if (invented) return { ...invented, problems: [] };
  const lost = document?.collection === 'proofs' ? await lostPicture(tx, document.data.pictures) : null;
  if (lost) return { ...lost, problems: [] };
  const left = await hasLeft(tx, approvedBy);
  if (left) return { ...left, problems: [] };
  if (newest && !reason?.trim()) {
    return { ...refuse('reason', 'Say why it changes. Everyone who compares the versions reads it.'), problems: [] };
  }
  const version = (newest?.version ?? 0) + 1;
  const previousHash = newest?.hash ?? null;
  const hash = versionHash({ collection, id, version, source, assets, previousHash });
  await tx.insert(publishedVersions).values({
    id: newId(),
    collection,
    documentId: id,
    version,
    source,
    assets,
    hash,
    previousHash,
    confirmedBy,
    approvedBy,
    reason: newest ? reason : null,
    publishedAt: now.getTime(),
  });
  return { version, hash, isNew: true };
}

/** Why this person may not be the one who publishes it. One person alone never can, whatever else they may do. */
export function notTheirs({
  owner,
  confirmedBy,
  approvedBy,
  writers,
}: {
  owner: string | null;
  confirmedBy: string | null;
  approvedBy: string;
  writers: readonly string[];
}): Refusal | null {
  if (approvedBy === confirmedBy || approvedBy === owner) {
    return refuse('alone', 'Whoever answers for it or confirmed it can’t publish it too: it takes a second person.');
  }
  if (writers.includes(approvedBy)) {
    return refuse('alone', 'Whoever wrote any of it can’t publish it too: it takes a second person.');
  }
  if (owner !== null && confirmedBy !== owner) {
    return refuse('unconfirmed', 'Its owner has not confirmed the facts in it. Nobody else can.');
  }
  return null;
}

/** An answer that nobody gave confirms nothing. One that the version before had stays, though its row went with its person. */
async function unanswered(tx: Tx, { confirmer }: Proof, id: string, before = ''): Promise<Refusal | null> {
  if (confirmer?.answer === undefined || before.includes(confirmer.answer)) return null;
  const { relation, answer } = confirmer;
  const said = await confirmationOf(tx, id, answer);
  return said?.confirmed === true && said.relation === relation
    ? null
    : refuse('confirmer', 'Nobody gave the answer that it names as its confirmation. Ask somebody, or take it out.');
}

/** A page never shows an empty frame: what it names by a fingerprint must be here. */
async function lostPicture(tx: Tx, named: readonly { sha256: string; alt: string }[]): Promise<Refusal | null> {
  const here = await pictureSizes(tx, named);
  const lost = named.find(({ sha256 }) => !here.has(sha256));
  return lost
    ? refuse('picture', `The picture “${lost.alt}” is not here any more. Add it again, or take it out.`)
    : null;
}

async function hasLeft(tx: Tx, id: string): Promise<Refusal | null> {
  const [member] = await tx.select({ leftAt: staff.leftAt }).from(staff).where(eq(staff.id, id));
  return member && member.leftAt !== null ? refuse('left', 'Whoever publishes must still work here.') : null;
}
