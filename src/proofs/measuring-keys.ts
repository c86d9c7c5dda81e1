import { asc, eq, sql } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { keys } from '../../db/schema/sessions.ts';
import { KEY, type Key, mintKey } from '../sessions/keys.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import { publishedProof } from './published.ts';

/** A key with which a system sends the measurements of one proof. */
export type MeasuringKey = Key & { proofId: string; lastSentAt: number | null };

/** A new one; `createdBy`: null by a command. The key itself is in the answer and nowhere else. */
export async function mintMeasuringKey(
  tx: Tx,
  asked: { proofId: string; label: string; createdBy: string | null },
  now: Date,
): Promise<{ id: string; key: string } | Refusal> {
  const { proofId } = asked;
  const proof = await publishedProof(tx, proofId);
  if (!proof) return refuse('no-proof', `There is no published proof “${proofId}”.`);
  if (proof.data.series.length === 0) {
    return refuse('no-series', `The proof “${proofId}” has no series: it was verified by a document.`);
  }
  return mintKey(tx, { purpose: 'measurements', ...asked }, now);
}

/** All that there have been, oldest first, with when something new last came with each. */
export async function measuringKeysOf(reader: Reader): Promise<MeasuringKey[]> {
  const lastSentAt = sql<number | null>`(
    select max(m.received_at) from measurements m where m.proof_id = keys.proof_id and m.sent_by = 'key:' || keys.id)`;
  return reader
    .select({ ...KEY, proofId: sql<string>`${keys.proofId}`, lastSentAt })
    .from(keys)
    .where(eq(keys.purpose, 'measurements'))
    .orderBy(asc(keys.id));
}
