import { createHmac } from 'node:crypto';
import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { prepared } from '../../db/prepared.ts';
import { erasedIds, type persons, suppressions } from '../../db/schema/people.ts';
import { env } from '../env.ts';
import { plainName } from '../shared/words.ts';

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

/** The name under which somebody confirmed a proof: by it the name is known again on pages after they were erased. */
export function confirmerHash(proofId: string, name: string): Buffer {
  return keyedHash(`confirmer:${proofId}\n${plainName(name)}`);
}

/** Whoever confirmed this proof under this name was erased since: no page says the name, or what they wrote. */
export async function isWithdrawn(reader: Reader, proofId: string, name: string | undefined): Promise<boolean> {
  if (name === undefined) return false;
  const hash = confirmerHash(proofId, name);
  return (await reader.select().from(erasedIds).where(eq(erasedIds.hash, hash))).length > 0;
}

/** Which of these were erased, under any of their ids. */
export async function erasedAmong<Person extends Parameters<typeof idHashes>[0]>(
  reader: Reader,
  people: readonly Person[],
): Promise<(person: Person) => boolean> {
  const [any] = await reader.select().from(erasedIds).limit(1);
  if (!any || people.length === 0) return () => false;
  const byHash = new Map<string, Person[]>();
  for (const person of people) {
    for (const hash of idHashes(person)) {
      const id = hash.toString('hex');
      byHash.set(id, [...(byHash.get(id) ?? []), person]);
    }
  }
  // One parameter, however many there are: an import asks for thousands at once.
  const rows = await reader
    .select()
    .from(erasedIds)
    .where(sql`${erasedIds.hash} in (select unhex(value) from json_each(${JSON.stringify([...byHash.keys()])}))`);
  const erased = new Set(rows.flatMap(({ hash }) => byHash.get(hash.toString('hex')) ?? []));
  return (person) => erased.has(person);
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

const onTheList = prepared((reader) =>
  reader
    .select({ reason: suppressions.reason, at: suppressions.at })
    .from(suppressions)
    .where(eq(suppressions.addressHash, sql.placeholder('hash'))),
);

/** Since when and why nothing is written to this address, or null. */
export async function suppressionOf(
  reader: Reader,
  address: string,
): Promise<Pick<typeof suppressions.$inferSelect, 'reason' | 'at'> | null> {
  const [found] = await onTheList(reader, { hash: addressHash(address) });
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

/**
 * What the list says of each of these addresses: the one question that an import asks before it takes anybody in. The answer is keyed by
 * the normalised address; who isn't in it is on no list.
 */
export async function suppressionsAmong(
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
