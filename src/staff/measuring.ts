import type { Tx } from '../../db/client.ts';
import { mintMeasuringKey } from '../proofs/measuring-keys.ts';
import { type Key, revokeKey } from '../sessions/keys.ts';
import { isRefusal, type Refusal } from '../shared/refusal.ts';
import { record } from './audit.ts';

/* Keys with which systems send measurements, made and revoked by staff or, with `by` null, by a command. */

export async function makeKey(
  tx: Tx,
  by: string | null,
  asked: { proofId: string; label: string },
  now: Date,
): Promise<{ id: string; key: string } | Refusal> {
  const made = await mintMeasuringKey(tx, { ...asked, createdBy: by }, now);
  if (isRefusal(made)) return made;
  const detail = { proof: asked.proofId };
  await record(tx, { by, action: 'made a key', subject: `measuring-key:${made.id}`, detail }, now);
  return made;
}

export async function endKey(tx: Tx, by: string | null, id: string, now: Date): Promise<Key | Refusal> {
  const ended = await revokeKey(tx, 'measurements', id, now);
  if (isRefusal(ended)) return ended;
  const detail = { proof: ended.proofId };
  await record(tx, { by, action: 'revoked a key', subject: `measuring-key:${id}`, detail }, now);
  return ended;
}
