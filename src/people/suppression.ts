import { eq, sql } from 'drizzle-orm';
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

/**
 * What the list says of each of these addresses: the one question that an import asks before it takes anybody in. The answer is keyed by
 * the normalised address; who isn't in it is on no list.
 */
export async function suppressedAmong(
  reader: Reader,
  addresses: Iterable<string>,
): Promise<Map<string, SuppressionReason>> {
  const [any] = await reader.select({ at: suppressions.at }).from(suppressions).limit(1);
  if (!any) return new Map();
  const byHash = new Map<string, string>();
  for (const address of addresses) byHash.set(addressHash(address).toString('hex'), normaliseAddress(address));
  const found = new Map<string, SuppressionReason>();
  // One parameter, however many addresses, so that the statement is prepared once.
  const hashes = JSON.stringify([...byHash.keys()]);
  const rows = await reader
    .select({ hash: suppressions.addressHash, reason: suppressions.reason })
    .from(suppressions)
    .where(sql`${suppressions.addressHash} in (select unhex(value) from json_each(${hashes}))`);
  for (const { hash, reason } of rows) found.set(byHash.get(hash.toString('hex'))!, reason);
  return found;
}
