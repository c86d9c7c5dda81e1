import { and, countDistinct, eq, gt, isNotNull, sql } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { bounces, letters } from '../../db/schema/mail.ts';
import type { Report } from '../mail/reports.ts';
import { DAY_MS } from '../shared/dates.ts';
import { newId } from '../shared/ids.ts';
import { suppress } from './suppression.ts';

/** So many different letters that did not arrive this time, in so many days: nobody is there. */
export const SOFT_LETTERS = 3;
export const SOFT_DAYS = 30;

/**
 * What became of a report: `unknown`, no letter of ours left under this id; `already`, it came before; `noted`; `silenced`, nothing
 * but codes, requested links and receipts is written to that address any more.
 */
export type Noted = 'unknown' | 'already' | 'noted' | 'silenced';

/** Writes down what came back about a letter, and what follows from it. The same report changes nothing a second time. */
export async function noteReport(tx: Tx, { letterId, kind, said, id }: Report, now: Date): Promise<Noted> {
  const at = now.getTime();
  const [letter] = await tx
    .select()
    .from(letters)
    .where(and(eq(letters.id, letterId), isNotNull(letters.handedAt)));
  if (!letter) return 'unknown';
  const [fresh] = await tx
    .insert(bounces)
    .values({ id: newId(), letterId, report: id, kind, said, at })
    .onConflictDoNothing()
    .returning({ id: bounces.id });
  if (!fresh) return 'already';
  // Whatever came back had left: a letter in doubt is none any more.
  const left = letter.doubtfulAt === null ? {} : { sentAt: letter.handedAt, doubtfulAt: null };
  await tx
    .update(letters)
    .set({ bouncedAt: letter.bouncedAt ?? at, ...left })
    .where(eq(letters.id, letterId));
  if (kind === 'soft' && (await softTo(tx, letter.toAddress, now)) < SOFT_LETTERS) return 'noted';
  await suppress(tx, letter.toAddress, kind === 'complaint' ? 'complained' : 'bounced', now);
  return 'silenced';
}

async function softTo(tx: Tx, address: string, now: Date): Promise<number> {
  const [found] = await tx
    .select({ letters: countDistinct(bounces.letterId) })
    .from(bounces)
    .innerJoin(letters, eq(letters.id, bounces.letterId))
    .where(
      and(
        eq(bounces.kind, 'soft'),
        gt(bounces.at, now.getTime() - SOFT_DAYS * DAY_MS),
        eq(sql`lower(${letters.toAddress})`, address.toLowerCase()),
      ),
    );
  return found!.letters;
}
