import { and, asc, eq, isNull, lt, lte, or } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { letters } from '../../db/schema/mail.ts';
import type { Letter } from './outbox.ts';

/** A letter as it leaves, with its secrets filled in. It is never stored in the database in this form. */
export type Outgoing = {
  id: string;
  to: string;
  fromName: string;
  subject: string;
  text: string;
  sentAt: number;
  kind: string;
};

/** Carries a letter away. Sending the same id again must be harmless. */
export type Transport = (letter: Outgoing) => Promise<void>;

export type Delivery = {
  transport: Transport;
  /** Why this letter must not be sent, or null. Asked again at the moment of sending. */
  heldBecause: (tx: Tx, letter: Letter, now: Date) => Promise<string | null>;
  /** Mints what the letter's placeholders stand for; what an earlier try minted is revoked. */
  mint: (tx: Tx, letter: Letter, now: Date) => Promise<Record<string, string>>;
};

const LEASE_MS = 60_000;

/**
 * Sends what is due, oldest first; answers how many left. Each letter is leased first, so that two processes never send
 * the same one; a lease that ran out (the process died) is taken again, which mints anew and revokes the old.
 */
export async function deliverDueLetters(db: Db, delivery: Delivery, now: Date, limit = 100): Promise<number> {
  let sent = 0;
  for (let turn = 0; turn < limit; turn += 1) {
    const letter = await db.write((tx) => leaseNext(tx, now));
    if (!letter) break;
    // On its own: when this fails the lease stands, and the letter does not keep back those behind it.
    const secrets = await db.write(async (tx) => {
      const reason = await delivery.heldBecause(tx, letter, now);
      if (reason !== null) {
        await tx.update(letters).set({ heldBecause: reason, leasedUntil: null }).where(eq(letters.id, letter.id));
        return null;
      }
      return delivery.mint(tx, letter, now);
    });
    if (!secrets) continue;
    await delivery.transport({
      id: letter.id,
      to: letter.toAddress,
      fromName: letter.fromName,
      subject: fill(letter.subject, secrets),
      text: fill(letter.body, secrets),
      sentAt: now.getTime(),
      kind: letter.kind,
    });
    await db.write((tx) =>
      tx.update(letters).set({ sentAt: now.getTime(), leasedUntil: null }).where(eq(letters.id, letter.id)),
    );
    sent += 1;
  }
  return sent;
}

async function leaseNext(tx: Tx, now: Date): Promise<Letter | undefined> {
  const at = now.getTime();
  const [due] = await tx
    .select()
    .from(letters)
    .where(
      and(
        isNull(letters.sentAt),
        isNull(letters.heldBecause),
        lte(letters.notBefore, at),
        or(isNull(letters.leasedUntil), lt(letters.leasedUntil, at)),
      ),
    )
    .orderBy(asc(letters.notBefore))
    .limit(1);
  if (!due) return undefined;
  await tx
    .update(letters)
    .set({ leasedUntil: at + LEASE_MS, attempts: due.attempts + 1 })
    .where(eq(letters.id, due.id));
  return due;
}

/** Fills `{name}` placeholders; one without a value stays as it is, so that a mistake is seen. */
export function fill(text: string, values: Record<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? values[name]! : whole));
}
