import { and, asc, eq, gt, inArray, isNotNull, isNull, lt, lte, notInArray, or, type SQL } from 'drizzle-orm';
import type { Db, Reader, Tx } from '../../db/client.ts';
import { letters } from '../../db/schema/mail.ts';
import { countHanded, fencedBecause, writeFence } from './fence.ts';
import { CAN_WAIT, RECEIPTS } from './kinds.ts';
import type { Letter } from './outbox.ts';
import { DOMAIN, domainOf, type Pace, roomNow, waitAfter } from './pace.ts';

/** A letter as it leaves, with its secrets filled in. It is never stored in the database in this form. */
export type Outgoing = {
  id: string;
  to: string;
  fromName: string;
  subject: string;
  text: string;
  sentAt: number;
  kind: string;
  /** Where answers go, when not to the organisation’s own address. */
  replyTo?: string;
  /** Where one press stops these letters; a letter to staff has none. */
  stopLink?: string;
};

/**
 * What became of a letter. `later`: not taken now; `stop`: no other one would be, either. `never`: refused for good. `unknown`:
 * the line broke when it may have been taken already.
 */
export type Outcome =
  | { left: 'yes' }
  | { left: 'later'; said: string; stop: boolean }
  | { left: 'never'; said: string; because: 'bounced' | 'refused' | 'no-address' }
  | { left: 'unknown'; said: string };

/** Carries a letter away; no answer means that it left. */
// biome-ignore lint/suspicious/noConfusingVoidType: a transport that can only succeed or throw answers nothing.
export type Transport = (letter: Outgoing) => Promise<Outcome | void>;

export type Delivery = {
  transport: Transport;
  /** Why this letter must not be sent, or null. Asked again at the moment of sending. */
  heldBecause: (tx: Tx, letter: Letter, now: Date) => Promise<string | null>;
  /** Mints what the letter's placeholders stand for; what an earlier try minted is revoked. */
  mint: (tx: Tx, letter: Letter, now: Date) => Promise<Record<string, string>>;
  /** Where answers to this letter go; null: to the organisation’s own address. */
  answersTo?: (tx: Tx, letter: Letter) => Promise<string | null>;
  /** Set where a letter that is sent twice reaches somebody twice. Without it, sending the same id again is harmless. */
  server?: {
    pace: Pace;
    /** The file that counts with the database what was sent: see fence.ts. */
    fence: string;
    /** Older letters are held, except receipts, in milliseconds. */
    tooLateAfter: number;
    /** When the night is over where this person lives, or null. Asked for letters that can wait. */
    quietUntil: (tx: Tx, letter: Letter, now: Date) => Promise<Date | null>;
    /** No such mailbox: what else follows from it. */
    onBounced: (tx: Tx, letter: Letter, now: Date) => Promise<void>;
  };
};

/** Longer than any transport takes to say what became of a letter. */
export const LEASE_MS = 60_000;

/** A commit is on the disk before it counts, so letters are leased a few at a time; a code that comes meanwhile waits for these. */
const LEASED_AT_ONCE = 10;

const waiting = and(isNull(letters.sentAt), isNull(letters.heldBecause), isNull(letters.doubtfulAt))!;

/**
 * Sends what is due, oldest first; answers how many left. Letters are leased first, so that two processes never send the same one,
 * and each is handed over on its own: what became of it is written down in the transaction that hands over the next. A lease that
 * ran out (the process died) is taken again, which mints anew and revokes the old. With a mail server, a letter that was given to
 * it and never written down as sent is doubtful instead: it may have left, so it isn't sent again. An instant for a clock is one
 * that stands still. Throws when a fence keeps this database from sending.
 */
export async function deliverDueLetters(
  db: Db,
  delivery: Delivery,
  now: Date | (() => Date),
  limit = 100,
): Promise<number> {
  const clock = typeof now === 'function' ? now : () => now;
  const { server } = delivery;
  if (server && !(await db.write((tx) => maySend(tx, server.fence, clock())))) return 0;
  let sent = 0;
  for (let turns = limit; turns > 0; ) {
    const { looked, leased } = await db.write((tx) => lease(tx, server, clock(), Math.min(turns, LEASED_AT_ONCE)));
    if (looked === 0) break;
    turns -= looked;
    if (leased.length === 0) continue;
    const went = await sendLeased(db, delivery, leased, clock);
    sent += went.sent;
    if (went.stop) break;
  }
  return sent;
}

/** One after the other; a letter on its way is the only one that a crash can leave in doubt. */
async function sendLeased(db: Db, delivery: Delivery, leased: readonly Letter[], clock: () => Date) {
  const { server, transport } = delivery;
  let last: { letter: Letter; outcome: Outcome; at: Date } | null = null;
  const noteLast = async (tx: Tx) => {
    if (last) await note(tx, server, last.letter, last.outcome, last.at);
  };
  let [sent, stop] = [0, false];
  let at = 0;
  try {
    for (; at < leased.length && !stop; at += 1) {
      const letter = leased[at]!;
      const handed = await db.write(async (tx) => {
        await noteLast(tx);
        return hand(tx, delivery, letter, clock());
      });
      last = null;
      if (!handed) continue;
      if (server && handed.count) writeFence(server.fence, handed.count);
      const outcome: Outcome = (await transport(handed.outgoing)) ?? { left: 'yes' };
      last = { letter, outcome, at: clock() };
      if (outcome.left === 'yes') sent += 1;
      stop = outcome.left === 'unknown' || (outcome.left === 'later' && outcome.stop);
    }
  } finally {
    // Also when one could not be handed over: its lease stands, what went before it is written down, and it keeps back nobody.
    await db.write(async (tx) => {
      await noteLast(tx);
      await release(tx, leased.slice(stop ? at : at + 1));
    });
  }
  return { sent, stop };
}

/** Marks what a dead process left in doubt. False: nothing is due, or the server broke off a minute ago and would again. */
async function maySend(tx: Tx, fence: string, now: Date): Promise<boolean> {
  const at = now.getTime();
  const [due] = await tx
    .select({ id: letters.id })
    .from(letters)
    .where(and(waiting, lte(letters.notBefore, at)))
    .limit(1);
  if (!due) return false;
  const why = await fencedBecause(tx, fence);
  if (why) throw Object.assign(new Error(why), { name: 'SendingFence' });
  await tx
    .update(letters)
    .set({ doubtfulAt: at, leasedUntil: null })
    .where(and(waiting, isNotNull(letters.handedAt), lt(letters.leasedUntil, at)));
  const [broken] = await tx
    .select({ id: letters.id })
    .from(letters)
    .where(
      and(
        isNull(letters.sentAt),
        isNull(letters.heldBecause),
        gt(letters.doubtfulAt, at - 60_000),
        isNotNull(letters.serverSaid),
      ),
    )
    .limit(1);
  return !broken;
}

/** Takes the next few for this process. `looked`: how many were considered; those whose person sleeps are put off. */
async function lease(tx: Tx, server: Delivery['server'], now: Date, most: number) {
  const at = now.getTime();
  const free = server
    ? or(isNull(letters.leasedUntil), and(lt(letters.leasedUntil, at), isNull(letters.handedAt)))
    : or(isNull(letters.leasedUntil), lt(letters.leasedUntil, at));
  const due = and(waiting, lte(letters.notBefore, at), free)!;
  const next = server ? await nextForServer(tx, due, server.pace, now, most) : await oldest(tx, due, most);
  const mine: Letter[] = [];
  for (const letter of next) {
    const until = server && CAN_WAIT.includes(letter.kind) ? await server.quietUntil(tx, letter, now) : null;
    const row = until
      ? { notBefore: until.getTime(), leasedUntil: null }
      : { leasedUntil: at + LEASE_MS, handedAt: null };
    await tx.update(letters).set(row).where(eq(letters.id, letter.id));
    if (!until) mine.push({ ...letter, ...row });
  }
  return { looked: next.length, leased: mine };
}

/** Lets others have them at once. */
async function release(tx: Tx, leased: readonly Letter[]): Promise<void> {
  for (const { id, leasedUntil } of leased) {
    await tx
      .update(letters)
      .set({ leasedUntil: null })
      .where(and(eq(letters.id, id), eq(letters.leasedUntil, leasedUntil!), isNull(letters.handedAt)));
  }
}

/** Codes, receipts and answers go before what can wait, and a domain that had its share lets the others by. */
async function nextForServer(tx: Tx, due: SQL, pace: Pace, now: Date, most: number): Promise<Letter[]> {
  const room = await roomNow(tx, pace, now);
  const many = Math.min(most, room.all);
  if (many <= 0) return [];
  const free = room.fullDomains.length > 0 ? and(due, notInArray(DOMAIN, room.fullDomains))! : due;
  const first = await oldest(tx, and(free, notInArray(letters.kind, CAN_WAIT))!, many);
  const more =
    first.length < many ? await oldest(tx, and(free, inArray(letters.kind, CAN_WAIT))!, many - first.length) : [];
  const taken = new Map<string, number>();
  return [...first, ...more].filter(({ toAddress }) => {
    const domain = domainOf(toAddress);
    taken.set(domain, (taken.get(domain) ?? 0) + 1);
    return taken.get(domain)! <= room.to(toAddress);
  });
}

async function oldest(reader: Reader, which: SQL, most: number): Promise<Letter[]> {
  return reader.select().from(letters).where(which).orderBy(asc(letters.notBefore)).limit(most);
}

/** Judges it once more and fills it in; its lease begins again. Null when it isn't sent, or the lease is over. */
async function hand(tx: Tx, { heldBecause, mint, answersTo, server }: Delivery, letter: Letter, now: Date) {
  const this_ = eq(letters.id, letter.id);
  const [held] = await tx
    .select({ id: letters.id })
    .from(letters)
    .where(and(this_, waiting, eq(letters.leasedUntil, letter.leasedUntil!), gt(letters.leasedUntil, now.getTime())));
  if (!held) return null;
  const late =
    server && now.getTime() - letter.createdAt > server.tooLateAfter && !RECEIPTS.includes(letter.kind)
      ? 'too-late'
      : null;
  const reason = late ?? (await heldBecause(tx, letter, now));
  if (reason !== null) {
    await tx.update(letters).set({ heldBecause: reason, leasedUntil: null }).where(this_);
    return null;
  }
  const secrets = await mint(tx, letter, now);
  const count = server ? await countHanded(tx) : null;
  await tx
    .update(letters)
    .set({
      leasedUntil: now.getTime() + LEASE_MS,
      attempts: letter.attempts + 1,
      handedAt: server ? now.getTime() : null,
    })
    .where(this_);
  const replyTo = await answersTo?.(tx, letter);
  const outgoing: Outgoing = {
    id: letter.id,
    to: letter.toAddress,
    fromName: letter.fromName,
    subject: fill(letter.subject, secrets),
    text: fill(letter.body, secrets),
    sentAt: now.getTime(),
    kind: letter.kind,
    ...(replyTo ? { replyTo } : {}),
    ...(secrets['stopLink'] ? { stopLink: secrets['stopLink'] } : {}),
  };
  return { outgoing, count };
}

async function note(tx: Tx, server: Delivery['server'], letter: Letter, outcome: Outcome, now: Date): Promise<void> {
  const at = now.getTime();
  const became = {
    yes: { sentAt: at, doubtfulAt: null, serverSaid: null },
    later: { notBefore: at + waitAfter(letter.attempts + 1) },
    never:
      outcome.left === 'never'
        ? { heldBecause: outcome.because, doubtfulAt: null, ...(outcome.because === 'bounced' && { bouncedAt: at }) }
        : {},
    unknown: { doubtfulAt: at },
  }[outcome.left];
  const said = outcome.left === 'yes' ? {} : { serverSaid: outcome.said };
  await tx
    .update(letters)
    .set({ ...became, ...said, leasedUntil: null })
    .where(eq(letters.id, letter.id));
  if (outcome.left === 'never' && outcome.because === 'bounced') await server?.onBounced(tx, letter, now);
}

/** Lets the letters that may have left already go once more, under the same Message-ID; answers how many. */
export async function resendDoubtful(tx: Tx, now: Date): Promise<number> {
  const again = await tx
    .update(letters)
    .set({ doubtfulAt: null, handedAt: null, leasedUntil: null, notBefore: now.getTime(), serverSaid: null })
    .where(and(isNull(letters.sentAt), isNull(letters.heldBecause), isNotNull(letters.doubtfulAt)))
    .returning({ id: letters.id });
  return again.length;
}

/** Fills `{name}` placeholders; one without a value stays as it is, so that a mistake is seen. */
export function fill(text: string, values: Record<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? values[name]! : whole));
}
