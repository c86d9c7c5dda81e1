import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { letters, sending } from '../../db/schema/mail.ts';
import { newId } from '../shared/ids.ts';

/*
 * A copy of the database that was brought back, here or elsewhere, must not send what the original has sent already. The
 * database and a file outside it both count the letters that were given to the mail server. The row is written first, so the
 * database may be ahead of the file, and is never behind it: unless it is an older one.
 */

export type Count = { instance: string; handed: number };

/** Why this database must not send, or null. */
export async function fencedBecause(reader: Reader, file: string): Promise<string | null> {
  const [row] = await reader.select().from(sending);
  if (row && isRestored(row.instance)) {
    return 'This database was brought back from a backup, so nothing is sent. When it is the one that goes on: amends due --send-from-here.';
  }
  const known = readFence(file);
  if (!row && !known) return null;
  const first =
    row && !known ? 'The database has sent letters, but the file that counts them with it is not here' : null;
  const other = known && row?.instance !== known.instance ? 'Another database has sent from here' : null;
  const older = row && known && row.handed < known.handed ? 'The database is older than the last letter it sent' : null;
  const why = first ?? other ?? older;
  return (
    why &&
    `${why} (${file}), so this may be a restored copy, and nothing is sent. Say which it is: amends due --send-from-here.`
  );
}

const isRestored = (instance: string) => instance.startsWith('restored-');

/** Marks what `amends restore` brought back: it neither sends nor pays before somebody says that it is the one that goes on. */
export async function markRestored(tx: Tx): Promise<void> {
  const count = { instance: `restored-${newId()}`, handed: 0 };
  await tx
    .insert(sending)
    .values({ id: 'here', ...count })
    .onConflictDoUpdate({ target: sending.id, set: count });
}

/** Whether nobody has said yet that this copy goes on. */
export async function waitsAsRestored(reader: Reader): Promise<boolean> {
  const [row] = await reader.select().from(sending);
  return row !== undefined && isRestored(row.instance);
}

/** Counts so many more letters, in the transaction that hands them over. */
export async function countHanded(tx: Tx, many = 1): Promise<Count> {
  const [row] = await tx
    .insert(sending)
    .values({ id: 'here', instance: newId(), handed: many })
    .onConflictDoUpdate({ target: sending.id, set: { handed: sql`${sending.handed} + ${many}` } })
    .returning({ instance: sending.instance, handed: sending.handed });
  return row!;
}

/**
 * So many were not given away after all. The count may stay ahead of the file; but a first one goes, or a database that has sent
 * nothing would stand there as a copy of one that has.
 */
export async function forgetFirst(tx: Tx, file: string, count: Count, many: number): Promise<void> {
  if (count.handed > many || existsSync(file)) return;
  await tx.delete(sending).where(and(eq(sending.instance, count.instance), eq(sending.handed, count.handed)));
}

/**
 * From now on this database sends, and no other copy of it. What waits in it may have been sent by the one it is a copy of, so
 * all of that is doubtful; answers how many letters. Write the count to the file after the commit.
 */
export async function sendFromHere(tx: Tx, now: Date): Promise<{ doubtful: number; count: Count }> {
  const waiting = await tx
    .update(letters)
    .set({ doubtfulAt: now.getTime(), leasedUntil: null })
    .where(and(isNull(letters.sentAt), isNull(letters.heldBecause), isNull(letters.doubtfulAt)))
    .returning({ id: letters.id });
  const count = { instance: newId(), handed: 0 };
  await tx
    .insert(sending)
    .values({ id: 'here', ...count })
    .onConflictDoUpdate({ target: sending.id, set: count });
  return { doubtful: waiting.length, count };
}

export function writeFence(file: string, count: Count): void {
  const known = readFence(file);
  // Of two processes the slower one must not count backwards.
  if (known && known.instance === count.instance && known.handed >= count.handed) return;
  mkdirSync(dirname(file), { recursive: true });
  const part = `${file}.${process.pid}.part`;
  writeFileSync(part, JSON.stringify(count), { mode: 0o600 });
  renameSync(part, file);
}

function readFence(file: string): Count | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const { instance, handed } = JSON.parse(text) as Partial<Count>;
  if (typeof instance !== 'string' || typeof handed !== 'number') throw new Error(`${file} can’t be read as a count.`);
  return { instance, handed };
}
