import { and, asc, eq, isNull } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { bounceKeys } from '../../db/schema/mail.ts';
import { newId } from '../shared/ids.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import { hashSecret, looksLikeSecret, mintSecret } from '../shared/secrets.ts';

/* Keys with which a mail service reports what came back. Only the hash of one is kept, so it can be shown once and never again. */

export type BounceKey = Omit<typeof bounceKeys.$inferSelect, 'hash'>;

const COLUMNS = {
  id: bounceKeys.id,
  label: bounceKeys.label,
  createdAt: bounceKeys.createdAt,
  revokedAt: bounceKeys.revokedAt,
};

/** The key itself is in the answer and nowhere else. */
export async function mintBounceKey(tx: Tx, label: string, now: Date): Promise<{ id: string; key: string } | Refusal> {
  const name = label.trim();
  if (name === '' || name.length > 80) {
    return refuse('label', 'Say in 1 to 80 characters what will report with it, for example “Our mail service”.');
  }
  const [id, key] = [newId(), mintSecret()];
  await tx.insert(bounceKeys).values({ id, hash: hashSecret(key), label: name, createdAt: now.getTime() });
  return { id, key };
}

/** From now on nothing can be reported with it. What was reported stays. */
export async function revokeBounceKey(tx: Tx, id: string, now: Date): Promise<BounceKey | Refusal> {
  const [revoked] = await tx
    .update(bounceKeys)
    .set({ revokedAt: now.getTime() })
    .where(and(eq(bounceKeys.id, id), isNull(bounceKeys.revokedAt)))
    .returning(COLUMNS);
  return revoked ?? refuse('no-key', 'There is no such key, or it was revoked before.');
}

/** All keys there have been, oldest first. */
export async function bounceKeysOf(reader: Reader): Promise<BounceKey[]> {
  return reader.select(COLUMNS).from(bounceKeys).orderBy(asc(bounceKeys.id));
}

/** Whose key this is; null for one that is unknown, revoked or no key at all. */
export async function bounceKeyFor(reader: Reader, secret: string): Promise<BounceKey | null> {
  if (!looksLikeSecret(secret)) return null;
  const [key] = await reader
    .select(COLUMNS)
    .from(bounceKeys)
    .where(and(eq(bounceKeys.hash, hashSecret(secret)), isNull(bounceKeys.revokedAt)));
  return key ?? null;
}
