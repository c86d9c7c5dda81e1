import { and, asc, eq, gt, inArray, isNotNull, isNull, lt, lte, not, notInArray, or, type SQL, sql } from 'drizzle-orm';
import type { Db, Reader, Tx } from '../../db/client.ts';
import { letters } from '../../db/schema/mail.ts';
import { type Count, countHanded, fencedBecause, forgetFirst, writeFence } from './fence.ts';
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
  /** False: no more letters are taken, as this process is to end; those under way are waited for. */
  goOn?: () => boolean;
  /** Set where a letter that is sent twice reaches somebody twice. Without it, sending the same id again is harmless. */
  server?: {
    pace: Pace;
    /** The file that counts with the database what was sent: see fence.ts. */
    fence: string;
    /** How many letters are with the server at the same time: so many, at most, are in doubt after a crash. */
    connections: number;
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

/** Without a mail server: how many are put into the folder at the same time. */
const AT_ONCE = 5;

const waiting = and(isNull(letters.sentAt), isNull(letters.heldBecause), isNull(letters.doubtfulAt))!;

/** Nobody has it: it was never given away, or whoever took it died before the mail server was involved. */
const free = (at: number) =>
  or(isNull(letters.leasedUntil), and(lt(letters.leasedUntil, at), isNull(letters.handedAt)))!;

/** A letter that was tried, and what became of it. */
type Tried = { letter: Letter; outcome: Outcome; at: Date };

/**
 * Sends what is due, the oldest first, and to a mail server those first that somebody waits for; answers how many left. A few letters at a time are taken in one transaction, so that two
 * processes never send the same one, and are sent side by side; what became of them is written down in the transaction that takes
 * the next few, because each commit waits for the disk. A lease that ran out (the process died) is taken again, which mints anew and
 * revokes the old. With a mail server, a letter that was given to it and never written down as sent is doubtful instead: it may have
 * left, so it isn't sent again. After a crash those are as many as were under way. One that can't be handed over is put off, and keeps
 * back nobody. An instant for a clock is one that stands still. Throws when a fence keeps this database from sending or can't be
 * written, and at the end, when a letter failed.
 */
export async function deliverDueLetters(
  db: Db,
  delivery: Delivery,
  now: Date | (() => Date),
  limit = 100,
): Promise<number> {
  const clock = typeof now === 'function' ? now : () => now;
  const { server, goOn = () => true } = delivery;
  if (server && !(await db.write((tx) => maySend(tx, server.fence, clock())))) return 0;
  const failures: unknown[] = [];
  let sent = 0;
  let tried: Tried[] = [];
  const noteTried = async (tx: Tx) => {
    for (const one of tried) {
      await alone(
        tx,
        () => note(tx, server, one),
        (error) => failures.push(error),
      );
    }
  };
  try {
    for (let turns = limit; turns > 0 && goOn(); ) {
      const most = Math.min(turns, server?.connections ?? AT_ONCE);
      const taken = await db.write(async (tx) => {
        const known = failures.length;
        await noteTried(tx);
        // What became of a letter can't be written down: no more of them are risked.
        return failures.length > known ? null : handNext(tx, delivery, most, clock());
      });
      tried = [];
      if (!taken || taken.looked === 0) break;
      turns -= taken.looked;
      failures.push(...taken.failures);
      if (server && taken.count) await countOrTakeBack(db, server.fence, taken.count, taken.handed);
      const answers = await Promise.allSettled(taken.handed.map((one) => send(delivery, one, clock)));
      tried = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
      sent += tried.filter(({ outcome }) => outcome.left === 'yes').length;
      const broken = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
      failures.push(...broken);
      if (broken.length > 0 || tried.some(isStop)) break;
    }
  } finally {
    if (tried.length > 0) await db.write(noteTried);
  }
  if (failures.length > 0) throw failures[0];
  return sent;
}

/** Counts in the file what was taken. When that can't be done none of it came near the mail server, and nothing may say that it did. */
async function countOrTakeBack(db: Db, fence: string, count: Count, handed: Handed[]): Promise<void> {
  try {
    writeFence(fence, count);
  } catch (error) {
    const ids = handed.map(({ letter }) => letter.id);
    await db.write(async (tx) => {
      await tx
        .update(letters)
        .set({ handedAt: null, leasedUntil: null, attempts: sql`${letters.attempts} - 1` })
        .where(inArray(letters.id, ids));
      await forgetFirst(tx, fence, count, handed.length);
    });
    throw error;
  }
}

async function send({ transport }: Delivery, { letter, outgoing }: Handed, clock: () => Date): Promise<Tried> {
  const outcome = (await transport(outgoing)) ?? { left: 'yes' };
  return { letter, outcome, at: clock() };
}

/** No other one would be taken now, either. */
const isStop = ({ outcome }: Tried) => outcome.left === 'unknown' || (outcome.left === 'later' && outcome.stop);

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

type Handed = { letter: Letter; outgoing: Outgoing };

/** Takes the next few for this process. `looked`: how many were considered; `count`: for the fence, when there are any. */
async function handNext(tx: Tx, delivery: Delivery, most: number, now: Date) {
  const { server } = delivery;
  const due = and(waiting, lte(letters.notBefore, now.getTime()), free(now.getTime()))!;
  const next = server ? await nextForServer(tx, due, server.pace, now, most) : await oldest(tx, due, most);
  const handed: Handed[] = [];
  const failures: unknown[] = [];
  for (const letter of next) {
    await alone(
      tx,
      async () => {
        const outgoing = await hand(tx, delivery, letter, now);
        if (outgoing) handed.push({ letter, outgoing });
      },
      async (error) => {
        failures.push(error);
        await putOff(tx, letter, now);
      },
    );
  }
  const count = server && handed.length > 0 ? await countHanded(tx, handed.length) : null;
  return { looked: next.length, handed, failures, count };
}

/** What fails for one letter undoes nothing of the others. */
async function alone(tx: Tx, work: () => Promise<void>, onFailure: (error: unknown) => unknown): Promise<void> {
  await tx.run(sql`savepoint one_letter`);
  try {
    await work();
  } catch (error) {
    await tx.run(sql`rollback to one_letter`);
    await onFailure(error);
  }
  await tx.run(sql`release one_letter`);
}

/** Somebody waits for it. Written out, as in the index letters_urgent: it isn't used for parameters. */
export const URGENT = sql`${letters.kind} not in (${sql.raw(CAN_WAIT.map((kind) => `'${kind}'`).join(', '))})`;

/** Codes, receipts and answers go before what can wait, and a domain that had its share lets the others by. */
async function nextForServer(tx: Tx, due: SQL, pace: Pace, now: Date, most: number): Promise<Letter[]> {
  const room = await roomNow(tx, pace, now);
  const many = Math.min(most, room.all);
  if (many <= 0) return [];
  const free = room.fullDomains.length > 0 ? and(due, notInArray(DOMAIN, room.fullDomains))! : due;
  const first = await oldest(tx, and(free, URGENT)!, many);
  const more = first.length < many ? await oldest(tx, and(free, not(URGENT))!, many - first.length) : [];
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

/** Judges it once more and fills it in; its lease begins. Null when it isn't sent, or not before the night is over. */
async function hand(
  tx: Tx,
  { heldBecause, mint, answersTo, server }: Delivery,
  letter: Letter,
  now: Date,
): Promise<Outgoing | null> {
  const this_ = eq(letters.id, letter.id);
  const until = server && CAN_WAIT.includes(letter.kind) ? await server.quietUntil(tx, letter, now) : null;
  if (until) {
    await tx.update(letters).set({ notBefore: until.getTime(), leasedUntil: null }).where(this_);
    return null;
  }
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
  await tx
    .update(letters)
    .set({
      leasedUntil: now.getTime() + LEASE_MS,
      attempts: letter.attempts + 1,
      handedAt: server ? now.getTime() : null,
    })
    .where(this_);
  const replyTo = await answersTo?.(tx, letter);
  return {
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
}

/** Each time for longer. */
async function putOff(tx: Tx, letter: Letter, now: Date): Promise<void> {
  const attempts = letter.attempts + 1;
  await tx
    .update(letters)
    .set({ attempts, notBefore: now.getTime() + waitAfter(attempts), leasedUntil: null })
    .where(eq(letters.id, letter.id));
}

async function note(tx: Tx, server: Delivery['server'], { letter, outcome, at: when }: Tried): Promise<void> {
  const at = when.getTime();
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
  if (outcome.left === 'never' && outcome.because === 'bounced') await server?.onBounced(tx, letter, when);
}

/** Lets the letters that may have left already go once more, under the same Message-ID; answers how many. */
export async function resendDoubtful(tx: Tx, now: Date): Promise<number> {
  const again = await tx
    .update(letters)
    .set(onceMore(now))
    .where(and(isNull(letters.sentAt), isNull(letters.heldBecause), isNotNull(letters.doubtfulAt)))
    .returning({ id: letters.id });
  return again.length;
}

/** What makes a doubtful letter one that waits. What left within this minute counts for its pace, and waits until it is over. */
export function onceMore(now: Date) {
  const at = now.getTime();
  return {
    ...{ doubtfulAt: null, leasedUntil: null, serverSaid: null },
    handedAt: sql`iif(${letters.handedAt} > ${at - 60_000}, ${letters.handedAt}, null)`,
    notBefore: sql`max(${at}, coalesce(${letters.handedAt}, 0) + 60000)`,
  };
}

/** Fills `{name}` placeholders; one without a value stays as it is, so that a mistake is seen. */
export function fill(text: string, values: Record<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? values[name]! : whole));
}
