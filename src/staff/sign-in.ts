import { setTimeout } from 'node:timers/promises';
import { and, eq, gt, isNull, sql } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { codes } from '../../db/schema/sessions.ts';
import { staff } from '../../db/schema/staff.ts';
import { fill } from '../mail/delivery.ts';
import { postLetter } from '../mail/outbox.ts';
import { publishedLetter, publishedSite } from '../proofs/published.ts';
import { askForCode, enterCode } from '../sessions/codes.ts';
import { beginSession } from '../sessions/staff.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { record } from './audit.ts';

/* Signing in by a mailed code. Nobody learns here who works here: every answer is the same for an address that is not ours. */

/** With 25 guesses an hour somebody patient would get in within years; with 20 a day, in none. */
const WRONG_PER_DAY = 20;

/** Sends a code to whoever works here and has this address; otherwise, and after the fifth in an hour, does nothing. */
export async function askToSignIn(tx: Tx, address: string, now: Date): Promise<void> {
  const [site, text, member] = await Promise.all([
    publishedSite(tx),
    publishedLetter(tx, 'staff-code'),
    memberAt(tx, address),
  ]);
  if (!text) throw new Error('The letter “staff-code” is not published.');
  if (!member || (await isGuessedAt(tx, member.id, now))) return;
  const asked = await askForCode(tx, { staffId: member.id }, now);
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
  { address, typed, former }: { address: string; typed: string; former: string | undefined },
  now: Date,
): Promise<string | Refusal> {
  const wrong = refuse(
    'wrong-code',
    'That code does not work. Check the newest letter and type it again, or ask for a new code.',
  );
  const member = await memberAt(tx, address);
  if (!member || (await isGuessedAt(tx, member.id, now))) return wrong;
  if ((await enterCode(tx, { staffId: member.id }, typed, now)) !== true) return wrong;
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

async function isGuessedAt(reader: Reader, staffId: string, now: Date): Promise<boolean> {
  const [tries] = await reader
    .select({ wrong: sql<number>`coalesce(sum(5 - ${codes.triesLeft} - (${codes.usedAt} is not null)), 0)` })
    .from(codes)
    .where(and(eq(codes.staffId, staffId), gt(codes.askedAt, now.getTime() - 86_400_000)));
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
