import { getTableColumns, getTableName } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { persons } from '../../db/schema/people.ts';
import { idsOf, RECORDS, samePerson, shownColumns } from './records.ts';

/** A value as it may be read: instants as ISO 8601 in UTC, nothing as null. */
export type Cell = string | number | boolean | null | { [key: string]: unknown };

/** One kind of thing that we hold about a person. */
export type Held = { table: string; title: string; about: string; rows: { [column: string]: Cell }[] };

/** Integer columns that hold milliseconds. */
const INSTANT = /(^at|At|Until|Since|notBefore)$/;

/**
 * Everything held about a person, the person first, in as many queries as there are tables. Letters that only concern them, to
 * an owner say, are left out: they hold nothing of theirs but that they exist.
 */
export async function everythingAbout(reader: Reader, personId: string): Promise<Held[]> {
  const records = await samePerson(reader, personId);
  const ids = idsOf(reader, records);
  const held: Held[] = [];
  for (const record of RECORDS) {
    const rows = await reader.select(getTableColumns(record.table)).from(record.table).where(record.where(ids));
    const shown = rows.filter((row) => !('toAddress' in row) || ids.addresses.includes(String(row['toAddress'])));
    if (shown.length === 0) continue;
    const columns = shownColumns(record);
    held.push({
      table: getTableName(record.table),
      title: record.title,
      about: record.about,
      rows: shown.map((row) => Object.fromEntries(columns.map((name) => [name, readable(name, row[name])]))),
    });
  }
  const first = getTableName(persons);
  // What refers to something was erased before it; for a reader, what it is about comes first.
  return held.toReversed().toSorted((a, b) => Number(b.table === first) - Number(a.table === first));
}

function readable(name: string, value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' && INSTANT.test(name)) return new Date(value).toISOString();
  if (Buffer.isBuffer(value)) return value.toString('hex');
  return value as Cell;
}
