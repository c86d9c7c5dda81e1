import { eq, inArray } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { suppressions } from '../../db/schema/people.ts';
import { hashSecret } from '../shared/secrets.ts';

export type SuppressionReason = (typeof suppressions.$inferSelect)['reason'];

/** The form in which two spellings of an address are the same one. */
export function normaliseAddress(address: string): string {
  return address.trim().toLowerCase();
}

/** SHA-256 of the normalised address: the list survives the erasure of the person without naming anyone. */
export function addressHash(address: string): Buffer {
  return hashSecret(normaliseAddress(address));
}

/**
 * Nothing but codes, requested links and receipts is ever written to this address again. The first reason stands, except that
 * an erasure takes its place: an erased person isn't imported again either.
 */
export async function suppress(tx: Tx, address: string, reason: SuppressionReason, now: Date): Promise<void> {
  const row = { addressHash: addressHash(address), reason, at: now.getTime() };
  const insert = tx.insert(suppressions).values(row);
  if (reason === 'erased') {
    await insert.onConflictDoUpdate({ target: suppressions.addressHash, set: { reason } });
  } else {
    await insert.onConflictDoNothing();
  }
}

export async function isSuppressed(reader: Reader, address: string): Promise<boolean> {
  const rows = await reader
    .select({ at: suppressions.at })
    .from(suppressions)
    .where(eq(suppressions.addressHash, addressHash(address)));
  return rows.length > 0;
}

/** Which of these addresses must not be written to, in one query. */
export async function suppressedAmong(
  reader: Reader,
  addresses: readonly string[],
): Promise<(address: string) => boolean> {
  const { addressHash: hash } = suppressions;
  const asked = [...new Set(addresses.map(normaliseAddress))].map(addressHash);
  if (asked.length === 0) return () => false;
  const rows = await reader.select({ hash }).from(suppressions).where(inArray(hash, asked));
  const stopped = new Set(rows.map((row) => row.hash.toString('hex')));
  return (address) => stopped.has(addressHash(address).toString('hex'));
}
