import { and, asc, eq, getTableColumns, isNull } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { keys } from '../../db/schema/sessions.ts';
import { newId } from '../shared/ids.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import { hashSecret, looksLikeSecret, mintSecret } from '../shared/secrets.ts';

/* Keys with which other systems speak to us. Only the hash of one is kept, so it can be shown once and never again. */

const { hash: _, ...columns } = getTableColumns(keys);
/** All but the hash. */
export const KEY = columns;
export type Key = Omit<typeof keys.$inferSelect, 'hash'>;
type Purpose = Key['purpose'];

const FOR_EXAMPLE: Record<Purpose, string> = {
  measurements: 'send with it, for example “Nightly export job”',
  bounces: 'report with it, for example “Our mail service”',
};

/** The key itself is in the answer and nowhere else. `createdBy`: null by a command. */
export async function mintKey(
  tx: Tx,
  { purpose, label, ...more }: Pick<Key, 'purpose' | 'proofId' | 'label' | 'createdBy'>,
  now: Date,
): Promise<{ id: string; key: string } | Refusal> {
  const name = label.trim();
  if (name === '' || name.length > 80) {
    return refuse('label', `Say in 1 to 80 characters what will ${FOR_EXAMPLE[purpose]}.`);
  }
  const [id, key] = [newId(), mintSecret()];
  const row = { id, hash: hashSecret(key), purpose, label: name, createdAt: now.getTime(), ...more };
  await tx.insert(keys).values(row);
  return { id, key };
}

/** From now on nothing can be sent with it. What was sent stays. */
export async function revokeKey(tx: Tx, purpose: Purpose, id: string, now: Date): Promise<Key | Refusal> {
  const [revoked] = await tx
    .update(keys)
    .set({ revokedAt: now.getTime() })
    .where(and(eq(keys.id, id), eq(keys.purpose, purpose), isNull(keys.revokedAt)))
    .returning(KEY);
  return revoked ?? refuse('no-key', 'There is no such key, or it was revoked before.');
}

/** All keys there have been, oldest first. */
export async function keysFor(reader: Reader, purpose: Purpose): Promise<Key[]> {
  return reader.select(KEY).from(keys).where(eq(keys.purpose, purpose)).orderBy(asc(keys.id));
}

/** Whose key this is; null for one that is unknown, revoked, for something else, or no key at all. */
export async function keyBySecret(reader: Reader, purpose: Purpose, secret: string): Promise<Key | null> {
  if (!looksLikeSecret(secret)) return null;
  const [key] = await reader
    .select(KEY)
    .from(keys)
    .where(and(eq(keys.hash, hashSecret(secret)), eq(keys.purpose, purpose), isNull(keys.revokedAt)));
  return key ?? null;
}
