import { and, count, desc, eq, isNotNull, isNull, type SQL, sql } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { letters } from '../../db/schema/mail.ts';
import { persons, suppressions } from '../../db/schema/people.ts';
import { onceMore } from '../mail/delivery.ts';
import { withoutAddresses } from '../mail/reports.ts';
import type { SuppressionReason } from '../people/suppression.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import { maskEmail } from '../shared/words.ts';
import { record } from './audit.ts';

/* What became of the letters. Never what stands in one, nor a whole address: whoever runs the sending needs neither. */

export type LetterAtTheDesk = {
  id: string;
  kind: string;
  /** As much of the address as tells one from another. */
  to: string;
  at: number;
  /** What the mail server said last. */
  said: string | null;
  /** Why it is held. */
  because: string | null;
};

export type OfKind = { kind: string; sent: number; waiting: number; doubtful: number; held: number; cameBack: number };

export type SendingPage = {
  kinds: OfKind[];
  /** The oldest first, at most `limit` of them. */
  doubtful: LetterAtTheDesk[];
  /** The latest first. */
  held: LetterAtTheDesk[];
  waiting: LetterAtTheDesk[];
  /** How many addresses are written to no more, by the reason. */
  silent: { reason: SuppressionReason; addresses: number }[];
};

const notOver = and(isNull(letters.sentAt), isNull(letters.heldBecause))!;
const IN_DOUBT = and(notOver, isNotNull(letters.doubtfulAt))!;
const WAITING = and(notOver, isNull(letters.doubtfulAt))!;
const HELD = and(isNull(letters.sentAt), isNotNull(letters.heldBecause))!;

export async function sendingPage(reader: Reader, limit = 50): Promise<SendingPage> {
  const many = (which: SQL) => sql<number>`sum(case when ${which} then 1 else 0 end)`;
  const some = async (which: SQL, at: typeof letters.createdAt | typeof letters.doubtfulAt, newest: boolean) => {
    const rows = await reader
      .select({ letter: letters, whose: persons.kind })
      .from(letters)
      .leftJoin(persons, eq(persons.id, letters.personId))
      .where(which)
      .orderBy(newest ? desc(at) : at)
      .limit(limit);
    return rows.map(({ letter: row, whose }) => ({
      id: row.id,
      kind: row.kind,
      // Who of those that worked here is written to is for HR to know.
      to: whose === 'employee' ? 'a former colleague' : maskEmail(row.toAddress),
      at: row.doubtfulAt ?? row.createdAt,
      said: row.serverSaid && withoutAddresses(row.serverSaid),
      because: row.heldBecause,
    }));
  };
  const [kinds, doubtful, held, waiting, silent] = await Promise.all([
    reader
      .select({
        kind: letters.kind,
        sent: many(isNotNull(letters.sentAt)),
        waiting: many(WAITING),
        doubtful: many(IN_DOUBT),
        held: many(HELD),
        cameBack: many(isNotNull(letters.bouncedAt)),
      })
      .from(letters)
      .groupBy(letters.kind)
      .orderBy(desc(count())),
    some(IN_DOUBT, letters.doubtfulAt, false),
    some(HELD, letters.createdAt, true),
    some(WAITING, letters.createdAt, false),
    reader
      .select({ reason: suppressions.reason, addresses: count() })
      .from(suppressions)
      .groupBy(suppressions.reason)
      .orderBy(desc(count())),
  ]);
  return { kinds, doubtful, held, waiting, silent };
}

const NONE = refuse(
  'not-doubtful',
  'This letter is not in doubt any more. Somebody may have been quicker, or it came back.',
);

/** Somebody asked the mail server, or the person: it had left. */
export async function itArrived(tx: Tx, by: string, id: string, now: Date): Promise<Refusal | { kind: string }> {
  const [letter] = await tx
    .update(letters)
    .set({ sentAt: sql`coalesce(${letters.handedAt}, ${now.getTime()})`, doubtfulAt: null, leasedUntil: null })
    .where(and(eq(letters.id, id), IN_DOUBT))
    .returning({ kind: letters.kind });
  if (!letter) return NONE;
  await record(tx, { by, action: 'letter arrived', subject: `letters:${id}`, detail: { kind: letter.kind } }, now);
  return letter;
}

/** It had not left: it goes once more, under the same Message-ID and with new links. */
export async function sendAgain(tx: Tx, by: string, id: string, now: Date): Promise<Refusal | { kind: string }> {
  const [letter] = await tx
    .update(letters)
    .set(onceMore(now))
    .where(and(eq(letters.id, id), IN_DOUBT))
    .returning({ kind: letters.kind });
  if (!letter) return NONE;
  await record(tx, { by, action: 'letter again', subject: `letters:${id}`, detail: { kind: letter.kind } }, now);
  return letter;
}

const KINDS: Record<string, string> = {
  invitation: 'Invitation',
  checkin: 'Question after a return',
  'checkin-work': 'Question after a return to work',
  fixed: 'It is fixed',
  'came-back': 'It came back',
  'left-again': 'Question after leaving again',
  code: 'Code',
  'staff-code': 'Code of a colleague',
  'new-link': 'New link',
  back: 'Receipt of a return',
  kept: 'Receipt of a plan that was kept',
  cancelled: 'Receipt of a cancellation',
  undone: 'Receipt of a refund',
  'paid-twice': 'Receipt of a second payment',
  'owner-answer': 'Answer to a “no”',
  confirm: 'Request to confirm',
};

/** `Receipt of a return`: what a kind of letter is called. */
export function kindWords(kind: string): string {
  const plain = kind.replaceAll('-', ' ');
  return KINDS[kind] ?? plain.charAt(0).toUpperCase() + plain.slice(1);
}

const BECAUSE: Record<string, string> = {
  suppressed: 'We don’t write to this address any more.',
  bounced: 'There is no such mailbox.',
  refused: 'The other server refused it for good.',
  'no-address': 'The address can’t be written to.',
  'too-late': 'It waited too long, and would have said something old.',
  nobody: 'Whom it was to is not here any more.',
  'invited-enough': 'They were invited three times.',
};

/** Why a letter is held. What is not listed is a reason of the gate, asked once more as the letter left. */
export function becauseWords(because: string): string {
  return BECAUSE[because] ?? `The gate said no when it was about to leave: ${because.replaceAll('-', ' ')}.`;
}
