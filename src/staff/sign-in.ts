import { setTimeout } from 'node:timers/promises';
import { and, eq, gt, isNull, sql } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { codes } from '../../db/schema/sessions.ts';
import { staff } from '../../db/schema/staff.ts';
import { fill } from '../mail/delivery.ts';
import { postLetter } from '../mail/outbox.ts';
import { publishedLetter, publishedSite } from '../proofs/published.ts';
import { knownBrowser } from '../sessions/browsers.ts';
import { askForCode, enterCode, type Holder, heldBy } from '../sessions/codes.ts';
import { beginSession } from '../sessions/staff.ts';
import { DAY_MS } from '../shared/dates.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { record } from './audit.ts';

/* Signing in by a mailed code. Nobody learns here who works here: every answer is the same for an address that is not ours. */

/**
 * With 25 guesses an hour somebody patient would get in within years; with 20 a day, in none. Whoever guesses elsewhere ends that day
 * for browsers that we don't know, and for no other: each that a colleague has signed in with has letters and tries of its own.
 */
const WRONG_PER_DAY = 20;

/** Sends a code to whoever works here and has this address; otherwise, and after the fifth in an hour, does nothing. */
export async function askToSignIn(tx: Tx, address: string, now: Date, known?: string): Promise<void> {
  const [site, text, member] = await Promise.all([
    publishedSite(tx),
    publishedLetter(tx, 'staff-code'),
    memberAt(tx, address),
  ]);
  if (!text) throw new Error('The letter “staff-code” is not published.');
  if (!member) return;
  const holder = { staffId: member.id, browser: knownBrowser(member.id, known) };
  if (await isGuessedAt(tx, holder, now)) return;
  const asked = await askForCode(tx, holder, now);
  if (isRefusal(asked)) return;
  const slots = { name: member.name, organisation: site.organisation };
  await postLetter(
    tx,
    {
      cause: `staff-code:${asked.codeId}`,
      kind: 'staff-code',
      personId: null,
      to: member.address,
      fromName: site.organisation,
      subject: fill(text.data.subject, slots),
      body: fill(text.body, slots),
      mint: { code: asked.codeId },
    },
    now,
  );
}

/** Trades a code for a session: answers the secret for its cookie. `former` is what the browser had; it ends. */
export async function signIn(
  tx: Tx,
  {
    address,
    typed,
    former,
    known,
  }: { address: string; typed: string; former: string | undefined; known?: string | undefined },
  now: Date,
): Promise<string | Refusal> {
  // A slip that can be no code costs no try.
  if (!/^\d{6}$/.test(typed.replace(/\s/g, ''))) return refuse('no-code', 'Type the six digits of your newest letter.');
  // The same for everybody: which of these it is would tell who works here.
  const wrong = refuse(
    'wrong-code',
    'That code does not work. After five wrong tries, or 10 minutes, the right one doesn’t either: then ask for a new code. Otherwise check the newest letter.',
  );
  const member = await memberAt(tx, address);
  if (!member) return wrong;
  const holder = { staffId: member.id, browser: knownBrowser(member.id, known) };
  if (await isGuessedAt(tx, holder, now)) return wrong;
  if ((await enterCode(tx, holder, typed, now)) !== true) return wrong;
  await record(tx, { by: member.id, action: 'signed in', subject: `staff:${member.id}` }, now);
  return beginSession(tx, member.id, former, now);
}

async function memberAt(reader: Reader, address: string) {
  const [member] = await reader
    .select()
    .from(staff)
    .where(and(eq(staff.address, address.trim().toLowerCase()), isNull(staff.leftAt)));
  return member ?? null;
}

async function isGuessedAt(reader: Reader, holder: Holder, now: Date): Promise<boolean> {
  const [tries] = await reader
    .select({ wrong: sql<number>`coalesce(sum(5 - ${codes.triesLeft} - (${codes.usedAt} is not null)), 0)` })
    .from(codes)
    .where(and(heldBy(holder), gt(codes.askedAt, now.getTime() - DAY_MS)));
  return tries!.wrong >= WRONG_PER_DAY;
}

/** Takes 80 ms at least: writing for somebody who works here takes longer than writing nothing, and must not tell them apart. */
export async function inEqualTime<T>(work: Promise<T>): Promise<T> {
  const [done] = await Promise.all([work, setTimeout(80)]);
  return done;
}

/** Where to go after signing in: only to a page of the desk, whatever the address says. */
export function ownPath(to: string | null | undefined): string {
  if (!to || !/^\/staff(\/[\w./-]*)?(\?[\w.~%&=+/-]*)?$/.test(to) || /\/\/|\.\./.test(to)) return '/staff';
  return /^\/staff\/(sign-in|sign-out)/.test(to) ? '/staff' : to;
}
