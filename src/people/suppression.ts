import { createHmac } from 'node:crypto';
import { and, eq, inArray } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { erasedIds, type persons, suppressions } from '../../db/schema/people.ts';
import { env } from '../env.ts';

export type SuppressionReason = (typeof suppressions.$inferSelect)['reason'];

/** The form in which two spellings of an address are the same one. */
export function normaliseAddress(address: string): string {
  return address.trim().toLowerCase();
}

/** Hashed with our key: without it nobody can try out addresses or ids against the lists (SHA-256, 32 bytes). */
function keyedHash(what: string): Buffer {
  return createHmac('sha256', env.SUPPRESSION_KEY).update(what).digest();
}

/** The list survives the erasure of the person without naming anyone. */
export function addressHash(address: string): Buffer {
  return keyedHash(`address:${normaliseAddress(address)}`);
}

/** Every id by which a record of this person could come in again. */
export function idHashes(
  person: Pick<typeof persons.$inferSelect, 'source' | 'kind' | 'externalId' | 'billingId'>,
): Buffer[] {
  const ids = [`record:${person.source}\n${person.kind}\n${person.externalId}`];
  if (person.billingId) ids.push(`billing:${person.billingId}`);
  return ids.map(keyedHash);
}

/** Which of these hashes belong to people who were erased, in hex. */
export async function erasedAmong(reader: Reader, hashes: readonly Buffer[]): Promise<Set<string>> {
  if (hashes.length === 0) return new Set();
  const [any] = await reader.select().from(erasedIds).limit(1);
  if (!any) return new Set();
  const rows = await reader
    .select()
    .from(erasedIds)
    .where(inArray(erasedIds.hash, [...hashes]));
  return new Set(rows.map(({ hash }) => hash.toString('hex')));
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

/** “Write to me again”: takes back the person's own stop, and nothing else that keeps letters from this address. */
export async function startAgain(tx: Tx, address: string): Promise<void> {
  await tx
    .delete(suppressions)
    .where(and(eq(suppressions.addressHash, addressHash(address)), eq(suppressions.reason, 'stopped')));
}

export async function isSuppressed(reader: Reader, address: string): Promise<boolean> {
  return (await suppressionOf(reader, address)) !== null;
}

/** Since when and why nothing is written to this address, or null. */
export async function suppressionOf(
  reader: Reader,
  address: string,
): Promise<Pick<typeof suppressions.$inferSelect, 'reason' | 'at'> | null> {
  const [found] = await reader
    .select({ reason: suppressions.reason, at: suppressions.at })
    .from(suppressions)
    .where(eq(suppressions.addressHash, addressHash(address)));
  return found ?? null;
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
