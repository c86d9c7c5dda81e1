import { eq, inArray } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { pictures } from '../../db/schema/desk.ts';

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
