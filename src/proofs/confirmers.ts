import { and, eq, gt, isNull } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { confirmations } from '../../db/schema/desk.ts';
import { hashSecret, looksLikeSecret, mintSecret } from '../shared/secrets.ts';

/* The links by which someone independent is asked whether a proof is so. */

export type Confirmation = typeof confirmations.$inferSelect;

/** From the day on which the letter leaves. */
export const CONFIRM_DAYS = 30;

/** Mints the link of one question as its letter leaves; answers its token. An earlier one stops working. */
export async function mintConfirmerLink(tx: Tx, id: string, now: Date): Promise<string> {
  const token = mintSecret();
  await tx
    .update(confirmations)
    .set({ hash: hashSecret(token), expiresAt: now.getTime() + CONFIRM_DAYS * 86_400_000 })
    .where(and(eq(confirmations.id, id), isNull(confirmations.answeredAt)));
  return token;
}

/** Opens a question without changing anything. Null for a link that is unknown, replaced or expired: from outside they look the same. */
export async function openConfirmation(reader: Reader, token: string, now: Date): Promise<Confirmation | null> {
  if (!looksLikeSecret(token)) return null;
  const [found] = await reader
    .select()
    .from(confirmations)
    .where(and(eq(confirmations.hash, hashSecret(token)), gt(confirmations.expiresAt, now.getTime())));
  return found ?? null;
}
