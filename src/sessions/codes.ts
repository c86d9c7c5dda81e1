import { and, desc, eq, gt, isNotNull, isNull, type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { codes } from '../../db/schema/sessions.ts';
import { newId } from '../shared/ids.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { hashSecret, mintCode, sameHash } from '../shared/secrets.ts';

/** Ten minutes and five tries (ASVS 5.0, 6.5.5 and 6.6.3). */
const LIFE_MS = 10 * 60_000;
const TRIES = 5;
const PER_HOUR = 5;

/** Whose code it is. */
export type Holder = { personId: string } | { staffId: string; browser: string | null };

/** Those that are this holder's. */
export function heldBy(holder: Holder) {
  if ('personId' in holder) return eq(codes.personId, holder.personId);
  const { staffId, browser } = holder;
  return and(eq(codes.staffId, staffId), browser === null ? isNull(codes.browser) : eq(codes.browser, browser))!;
}

/** Opens a request for a code; the code itself is minted when its letter is sent. Refuses the sixth within an hour. */
export async function askForCode(
  tx: Tx,
  holder: Holder,
  now: Date,
  newAddress: string | null = null,
): Promise<{ codeId: string } | Refusal> {
  const recent = await tx
    .select({ id: codes.id })
    .from(codes)
    .where(and(heldBy(holder), gt(codes.askedAt, now.getTime() - 3_600_000)));
  if (recent.length >= PER_HOUR) {
    return refuse('too-many-codes', 'We have sent five codes in the last hour. Please wait an hour, then ask again.');
  }
  const codeId = newId();
  await tx.insert(codes).values({
    id: codeId,
    ...holder,
    askedAt: now.getTime(),
    expiresAt: now.getTime() + LIFE_MS,
    triesLeft: TRIES,
    newAddress,
  });
  return { codeId };
}

/** Mints the code for its letter. A letter that is sent again carries a new code and the old one stops working. */
export async function mintCodeFor(tx: Tx, codeId: string, now: Date): Promise<string> {
  const code = mintCode();
  await tx
    .update(codes)
    .set({ hash: hashSecret(codeId + code), expiresAt: now.getTime() + LIFE_MS })
    .where(eq(codes.id, codeId));
  return code;
}

/** Uses a code up. Only the newest counts; each wrong try costs one of five. */
export async function enterCode(tx: Tx, holder: Holder, typed: string, now: Date): Promise<true | Refusal> {
  const used = await spend(tx, holder, typed, isNull(codes.newAddress), now);
  return isRefusal(used) ? used : true;
}

/** Uses up the code that went to a new address, and answers that address. A code of the other kind proves nothing here. */
export async function enterAddressCode(
  tx: Tx,
  personId: string,
  typed: string,
  now: Date,
): Promise<{ address: string } | Refusal> {
  const used = await spend(tx, { personId }, typed, isNotNull(codes.newAddress), now);
  return isRefusal(used) ? used : { address: used.newAddress! };
}

async function spend(
  tx: Tx,
  holder: Holder,
  typed: string,
  kind: SQL,
  now: Date,
): Promise<typeof codes.$inferSelect | Refusal> {
  // Looked for first and judged after: an older code must not come back to life when the newest is used or spent.
  const [code] = await tx
    .select()
    .from(codes)
    .where(and(heldBy(holder), kind))
    .orderBy(desc(codes.askedAt), desc(codes.id))
    .limit(1);
  const wrong = refuse('wrong-code', 'That code does not match. Check the newest letter, or ask for a new code.');
  if (code && !code.hash)
    return refuse('on-its-way', 'The letter with your code is still on its way. Wait for it, then type its code.');
  if (!code?.hash || code.usedAt !== null || code.triesLeft <= 0 || code.expiresAt <= now.getTime()) {
    return refuse('no-code', 'That code no longer works. Ask for a new one.');
  }
  await tx
    .update(codes)
    .set({ triesLeft: sql`${codes.triesLeft} - 1` })
    .where(eq(codes.id, code.id));
  if (!sameHash(code.hash, hashSecret(code.id + typed.replace(/\s/g, '')))) return wrong;
  await tx.update(codes).set({ usedAt: now.getTime() }).where(eq(codes.id, code.id));
  return code;
}
