import { and, asc, eq, isNull, sql } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { measuringKeys } from '../../db/schema/measurements.ts';
import { newId } from '../shared/ids.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import { hashSecret, looksLikeSecret, mintSecret } from '../shared/secrets.ts';
import { publishedProof } from './published.ts';

/* Keys with which systems send measurements. Only the hash of one is kept, so it can be shown once and never again. */

export type MeasuringKey = Omit<typeof measuringKeys.$inferSelect, 'hash'>;

const COLUMNS = {
  id: measuringKeys.id,
  proofId: measuringKeys.proofId,
  label: measuringKeys.label,
  createdBy: measuringKeys.createdBy,
  createdAt: measuringKeys.createdAt,
  revokedAt: measuringKeys.revokedAt,
};

/** A new key for the measurements of one proof. `createdBy`: null by a command. The key itself is in the answer and nowhere else. */
export async function mintMeasuringKey(
  tx: Tx,
  { proofId, label, createdBy }: { proofId: string; label: string; createdBy: string | null },
  now: Date,
): Promise<{ id: string; key: string } | Refusal> {
  const name = label.trim();
  if (name === '' || name.length > 80) {
    return refuse('label', 'Say in 1 to 80 characters what will send with it, for example “Nightly export job”.');
  }
  const proof = await publishedProof(tx, proofId);
  if (!proof) return refuse('no-proof', `There is no published proof “${proofId}”.`);
  if (proof.data.series.length === 0) {
    return refuse('no-series', `The proof “${proofId}” has no series: it was verified by a document.`);
  }
  const [id, key] = [newId(), mintSecret()];
  const createdAt = now.getTime();
  await tx.insert(measuringKeys).values({ id, hash: hashSecret(key), proofId, label: name, createdBy, createdAt });
  return { id, key };
}

/** From now on nothing can be sent with it. What was sent stays. */
export async function revokeMeasuringKey(tx: Tx, id: string, now: Date): Promise<MeasuringKey | Refusal> {
  const [revoked] = await tx
    .update(measuringKeys)
    .set({ revokedAt: now.getTime() })
    .where(and(eq(measuringKeys.id, id), isNull(measuringKeys.revokedAt)))
    .returning(COLUMNS);
  return revoked ?? refuse('no-key', 'There is no such key, or it was revoked before.');
}

/** All keys there have been, oldest first, with when something new last came with each. */
export async function measuringKeysOf(reader: Reader): Promise<(MeasuringKey & { lastSentAt: number | null })[]> {
  const lastSentAt = sql<number | null>`(
    select max(m.received_at) from measurements m
    where m.proof_id = measuring_keys.proof_id and m.sent_by = 'key:' || measuring_keys.id)`;
  return reader
    .select({ ...COLUMNS, lastSentAt })
    .from(measuringKeys)
    .orderBy(asc(measuringKeys.id));
}

/** Whose key this is; null for one that is unknown, revoked or no key at all. */
export async function measuringKeyFor(reader: Reader, secret: string): Promise<MeasuringKey | null> {
  if (!looksLikeSecret(secret)) return null;
  const [key] = await reader
    .select(COLUMNS)
    .from(measuringKeys)
    .where(and(eq(measuringKeys.hash, hashSecret(secret)), isNull(measuringKeys.revokedAt)));
  return key ?? null;
}
