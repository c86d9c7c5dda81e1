import { and, eq, gt, isNull, or } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { confirmations } from '../../db/schema/desk.ts';
import { DAY_MS, type Day, dayOf } from '../shared/dates.ts';
import { hashSecret, looksLikeSecret, mintSecret } from '../shared/secrets.ts';
import { counted } from '../shared/words.ts';

/* The links by which someone independent is asked whether a proof is so. */

export type Confirmation = typeof confirmations.$inferSelect;

/** From the day on which the letter leaves. */
export const CONFIRM_DAYS = 30;

/** Mints the link of one question as its letter leaves; answers its token. An earlier one stops working. */
export async function mintConfirmerLink(tx: Tx, id: string, now: Date): Promise<string> {
  const token = mintSecret();
  await tx
    .update(confirmations)
    .set({ hash: hashSecret(token), expiresAt: now.getTime() + CONFIRM_DAYS * DAY_MS })
    .where(and(eq(confirmations.id, id), isNull(confirmations.answeredAt)));
  return token;
}

/**
 * Opens a question without changing anything. Null for a link that is unknown, replaced or expired: from outside they look the same.
 * Whoever said yes keeps theirs, to take their name back.
 */
export async function openConfirmation(reader: Reader, token: string, now: Date): Promise<Confirmation | null> {
  if (!looksLikeSecret(token)) return null;
  const [found] = await reader
    .select()
    .from(confirmations)
    .where(
      and(
        eq(confirmations.hash, hashSecret(token)),
        or(gt(confirmations.expiresAt, now.getTime()), eq(confirmations.confirmed, true)),
      ),
    );
  return found ?? null;
}

/**
 * How many were asked from outside since the change, and what they said: `3 people were asked: 1 said yes, 1 said no, 1 has not
 * answered.` Never who, and never their words. Undefined where nobody was.
 */
export async function outsideWords(
  reader: Reader,
  { proofId, changedOn, timeZone }: { proofId: string; changedOn: Day; timeZone: string },
): Promise<string | undefined> {
  const { askedAt, answeredAt, confirmed } = confirmations;
  const rows = await reader
    .select({ askedAt, answeredAt, confirmed })
    .from(confirmations)
    .where(eq(confirmations.proofId, proofId));
  const since = rows.filter((one) => dayOf(one.answeredAt ?? one.askedAt, timeZone) >= changedOn);
  if (since.length === 0) return undefined;
  const said = (answer: boolean | null) => since.filter((one) => one.confirmed === answer).length;
  const [yes, no, silent] = [said(true), said(false), said(null)];
  const parts = [
    ...(yes > 0 ? [`${yes} said yes`] : []),
    ...(no > 0 ? [`${no} said no`] : []),
    ...(silent > 0 ? [`${silent} ${silent === 1 ? 'has' : 'have'} not answered`] : []),
  ];
  return `${counted(since.length, 'person', 'people')} ${since.length === 1 ? 'was' : 'were'} asked: ${parts.join(', ')}.`;
}

/** One answer about a proof, or one that is still open; null: nobody was asked, or they were erased. */
export async function confirmationOf(reader: Reader, proofId: string, id: string): Promise<Confirmation | null> {
  const [found] = await reader
    .select()
    .from(confirmations)
    .where(and(eq(confirmations.id, id), eq(confirmations.proofId, proofId)));
  return found ?? null;
}
