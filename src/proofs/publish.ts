import { and, desc, eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { publishedVersions } from '../../db/schema/proofs.ts';
import { newId } from '../shared/ids.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import { sameContent, versionHash } from './chain.ts';
import { judge } from './check.ts';
import type { Problem, SourceDocument } from './content.ts';
import { publishedOthers } from './published.ts';

export type Publication = SourceDocument & {
  /** Who confirmed its facts, number by number: its owner. */
  confirmedBy: string | null;
  /** Who published it. Never the one who confirmed it. */
  approvedBy: string;
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
  { collection, id, source, assets, confirmedBy, approvedBy, reason = null, now }: Publication,
): Promise<Published | (Refusal & { problems: Problem[] })> {
  if (confirmedBy === approvedBy) {
    const alone = refuse('alone', 'The person who confirmed it can’t publish it too: it takes a second one.');
    return { ...alone, problems: [] };
  }
  const { problems } = await judge({ collection, id, source, assets }, await publishedOthers(tx, collection));
  if (problems.length > 0) {
    const [first] = problems;
    return { ...refuse('problems', first!.sentence), problems };
  }
  const [newest] = await tx
    .select()
    .from(publishedVersions)
    .where(and(eq(publishedVersions.collection, collection), eq(publishedVersions.documentId, id)))
    .orderBy(desc(publishedVersions.version))
    .limit(1);
  if (newest && sameContent(newest, { source, assets })) {
    return { version: newest.version, hash: newest.hash, isNew: false };
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
    reason,
    publishedAt: now.getTime(),
  });
  return { version, hash, isNew: true };
}
