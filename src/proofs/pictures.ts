import { and, eq, inArray, lt, notExists, sql } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { drafts, pictures } from '../../db/schema/desk.ts';
import { publishedVersions } from '../../db/schema/proofs.ts';

/* Pictures that proofs name by the hash of their file: what is under a hash never changes. */

export async function pictureOf(reader: Reader, sha256: string) {
  const [picture] = await reader.select().from(pictures).where(eq(pictures.sha256, sha256));
  return picture ?? null;
}

/** How large each of these is, by its hash; without those that are not here. */
export async function pictureSizes(reader: Reader, named: readonly { sha256: string }[]) {
  const { sha256, width, height } = pictures;
  if (named.length === 0) return new Map<string, { width: number; height: number }>();
  const hashes = named.map((one) => one.sha256);
  const rows = await reader.select({ sha256, width, height }).from(pictures).where(inArray(sha256, hashes));
  return new Map(rows.map((row) => [row.sha256, { width: row.width, height: row.height }]));
}

/** Forgets pictures from before this instant (milliseconds) that no draft and no version of any document names. Answers how many. */
export async function forgetPictures(tx: Tx, before: number): Promise<number> {
  const names = (source: typeof drafts.source | typeof publishedVersions.source) =>
    sql`instr(${source}, ${pictures.sha256}) > 0`;
  const inDraft = tx.select({ id: drafts.id }).from(drafts).where(names(drafts.source));
  const inVersion = tx
    .select({ id: publishedVersions.id })
    .from(publishedVersions)
    .where(names(publishedVersions.source));
  const gone = await tx
    .delete(pictures)
    .where(and(lt(pictures.addedAt, before), notExists(inDraft), notExists(inVersion)))
    .returning({ sha256: pictures.sha256 });
  return gone.length;
}
