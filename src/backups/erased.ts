import { createHmac } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { asc, gt, inArray, sql } from 'drizzle-orm';
import type { Db, Reader } from '../../db/client.ts';
import { erasedIds, persons, suppressions } from '../../db/schema/people.ts';
import { env } from '../env.ts';
import { erasePerson } from '../people/erase.ts';
import { addressHash, idHashes, type SuppressionReason } from '../people/suppression.ts';
import { isRefusal } from '../shared/refusal.ts';

/*
 * Who was erased, and who must not be written to, once more outside the database: a backup is older than the erasures that came after it,
 * and must not bring anybody back. The file holds keyed fingerprints only, is only ever added to, and each backup has a copy beside it.
 */

/** The name of the copy beside the backups. */
export const ERASURES = 'erasures.ndjson';

type Line = { key: string } | { id: string } | { address: string; reason: SuppressionReason; at: number };
export type Outside = { ids: Set<string>; addresses: Map<string, { reason: SuppressionReason; at: number }> };

/** By it a file is known that was written under another key. */
const keyOf = () => createHmac('sha256', env.SUPPRESSION_KEY).update('which key is this').digest('hex').slice(0, 16);

/** Whether the file was written under the key that is set now; null when not even its first line came onto the disk. */
export function sameKey(file: string): boolean | null {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const end = text.indexOf('\n');
  return end < 0 ? null : text.slice(0, end) === JSON.stringify({ key: keyOf() });
}

/** What the files say together. Throws a sentence for one that was written under another key, or can't be read. */
export function readOutside(files: readonly string[]): Outside {
  const found: Outside = { ids: new Set(), addresses: new Map() };
  for (const file of files) {
    if (sameKey(file) === null) continue;
    if (sameKey(file) === false) {
      throw new Error(`${file} was written under another SUPPRESSION_KEY. Set the one that this site has always had.`);
    }
    for (const text of readFileSync(file, 'utf8').split('\n').slice(1)) {
      const line = parsed(text);
      if (line === null) continue;
      if ('id' in line) found.ids.add(line.id);
      if ('address' in line) {
        const known = found.addresses.get(line.address);
        if (!known || line.reason === 'erased' || (known.reason !== 'erased' && line.at > known.at)) {
          found.addresses.set(line.address, { reason: line.reason, at: line.at });
        }
      }
    }
  }
  return found;
}

/** Null for half a line, which a process that was killed left behind: what it was about is written again. */
function parsed(text: string): Line | null {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return null;
  }
}

/** Writes down what the database knows and the file doesn't. Answers how many lines; safe to run at any time. */
export async function noteErasures(reader: Reader, file: string): Promise<number> {
  const known = readOutside([file]);
  const lines: Line[] = [];
  for (const { hash } of await reader.select().from(erasedIds)) {
    const id = hash.toString('hex');
    if (!known.ids.has(id)) lines.push({ id });
  }
  for (const { addressHash: hash, reason, at } of await reader.select().from(suppressions)) {
    const address = hash.toString('hex');
    const said = known.addresses.get(address);
    if (said?.reason === 'erased' || (said?.reason === reason && said.at === at)) continue;
    lines.push({ address, reason, at });
  }
  const begins = sameKey(file) === null;
  if (lines.length === 0 && !begins) return 0;
  mkdirSync(dirname(file), { recursive: true });
  const descriptor = openSync(file, begins ? 'w' : 'a', 0o600);
  try {
    // A line of its own first: half a line that a killed process left must not swallow the next one.
    const text = (begins ? [{ key: keyOf() }, ...lines] : lines).map((line) => `${JSON.stringify(line)}\n`).join('');
    // All of it or an error: on a full disk a single write may be a short one, and says nothing.
    writeFileSync(descriptor, begins ? text : `\n${text}`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return lines.length;
}

/** Changes whenever somebody was erased or put on the list: cheap enough to be asked every ten seconds. */
export async function erasureMark(reader: Reader): Promise<string> {
  const [mark] = await reader.all<[string]>(
    sql`select (select count(*) from erasures) || ' ' || coalesce((select max(rowid) from suppressions), 0)`,
  );
  return mark![0];
}

export type Reapplied = { people: number; stops: number };

/**
 * Erases again, in a database that was brought back, everybody who was erased since, and keeps letters away from all who said stop
 * since `madeAt`. Whoever has a plan in this old state is erased all the same: it had ended when they were.
 */
export async function reapplyErasures(db: Db, outside: Outside, madeAt: number, now: Date): Promise<Reapplied> {
  const again: string[] = [];
  const isErased = (address: string) => outside.addresses.get(address)?.reason === 'erased';
  for (let after = ''; ; ) {
    const some = await db.read.select().from(persons).where(gt(persons.id, after)).orderBy(asc(persons.id)).limit(5000);
    for (const person of some) {
      const known = idHashes(person).some((hash) => outside.ids.has(hash.toString('hex')));
      if (known || (person.email && isErased(addressHash(person.email).toString('hex')))) again.push(person.id);
    }
    if (some.length < 5000) break;
    after = some.at(-1)!.id;
  }
  let people = 0;
  for (const id of again) {
    // An earlier one may have taken this one along: they shared an address.
    const erased = await db.write((tx) => erasePerson(tx, id, now, { evenIfPaying: true }));
    if (!isRefusal(erased)) people += erased.records;
  }
  // Those that were erased before, names that were withdrawn, and whoever never stood in this database.
  const hashes = [...outside.ids].map((id) => ({ hash: Buffer.from(id, 'hex') }));
  for (let from = 0; from < hashes.length; from += 500) {
    await db.write((tx) =>
      tx
        .insert(erasedIds)
        .values(hashes.slice(from, from + 500))
        .onConflictDoNothing(),
    );
  }
  const since = [...outside.addresses].filter(([, { reason, at }]) => reason === 'erased' || at >= madeAt - 60_000);
  let stops = 0;
  for (let from = 0; from < since.length; from += 500) {
    const rows = since
      .slice(from, from + 500)
      .map(([address, row]) => ({ addressHash: Buffer.from(address, 'hex'), ...row }));
    stops += await db.write(async (tx) => {
      const added = await tx.insert(suppressions).values(rows).onConflictDoNothing().returning({ at: suppressions.at });
      const erased = rows.filter(({ reason }) => reason === 'erased').map(({ addressHash: hash }) => hash);
      if (erased.length > 0) {
        await tx.update(suppressions).set({ reason: 'erased' }).where(inArray(suppressions.addressHash, erased));
      }
      return added.length;
    });
  }
  return { people, stops };
}
