import { getTableName, sql } from 'drizzle-orm';
import { toSnakeCase } from 'drizzle-orm/casing';
import { getTableConfig, SQLiteTable } from 'drizzle-orm/sqlite-core';
import { updateRow } from '../../../db/bulk.ts';
import type { Db, Tx } from '../../../db/client.ts';
import * as schema from '../../../db/schema/index.ts';
import { importFills, imports } from '../../../db/schema/people.ts';
import { dayOf, longDay } from '../../shared/dates.ts';
import { type Refusal, refuse } from '../../shared/refusal.ts';
import { TABLES, type What } from './write.ts';

type Counts = Record<What, number>;
export type Undone = {
  file: string;
  removed: Counts;
  /** What the import had made and something else has come to depend on: an answer, an invitation, another import, a release. */
  kept: Counts;
  /** Rows of other imports that have their blanks back. */
  emptied: number;
  /** Of those, what was changed again since, and so stays. */
  changedSince: number;
};

/** Rows a transaction. */
const TOGETHER = 1000;

/**
 * Takes back what an import made and what it filled in. Nothing goes that anything else depends on. Killed and run again, it goes on
 * where it was. Refuses an import that nobody knows or that was undone already.
 */
export async function undoImport(db: Db, importId: string, now: Date): Promise<Undone | Refusal> {
  const found = await db.read.select().from(imports).where(sql`${imports.id} = ${importId}`);
  const [known] = found;
  if (!known) return refuse('no-import', 'There is no import by this id. `amends import --list` shows them.');
  if (known.undoneAt !== null) {
    return refuse('undone', `This import was undone on ${longDay(dayOf(known.undoneAt))} already.`);
  }
  const undone: Undone = {
    file: known.fileName,
    removed: { persons: 0, departures: 0, complaints: 0, signals: 0 },
    kept: { persons: 0, departures: 0, complaints: 0, signals: 0 },
    emptied: 0,
    changedSince: 0,
  };
  for (;;) {
    const fills = await db.write((tx) => emptySome(tx, importId, undone));
    if (fills === 0) break;
  }
  for (const [name, table] of (Object.entries(TABLES) as [What, SQLiteTable][]).toReversed()) {
    // Every row's id is younger than its import's, so this is a walk along the primary key.
    for (let last: string | undefined = importId; last !== undefined; ) {
      last = await db.write((tx) => removeSome(tx, name, table, importId, last!, undone));
    }
  }
  await db.write((tx) => tx.update(imports).set({ undoneAt: now.getTime() }).where(sql`${imports.id} = ${importId}`));
  return undone;
}

async function emptySome(tx: Tx, importId: string, undone: Undone): Promise<number> {
  const fills = await tx
    .select()
    .from(importFills)
    .where(sql`${importFills.importId} = ${importId}`)
    .orderBy(sql`${importFills.id} desc`)
    .limit(TOGETHER);
  for (const { id, what, rowId, before, after } of fills) {
    const table = TABLES[what];
    const [row] = (await tx.select().from(table).where(sql`${table.id} = ${rowId}`)) as Record<string, unknown>[];
    const same = row && Object.keys(after).every((key) => JSON.stringify(row[key]) === JSON.stringify(after[key]));
    if (same) {
      await updateRow(tx, table as SQLiteTable, rowId, before);
      undone.emptied += 1;
    } else undone.changedSince += 1;
    await tx.delete(importFills).where(sql`${importFills.id} = ${id}`);
  }
  return fills.length;
}

async function removeSome(
  tx: Tx,
  name: What,
  table: SQLiteTable,
  importId: string,
  after: string,
  undone: Undone,
): Promise<string | undefined> {
  const rows = await tx.all<[string]>(
    sql`select id from ${table} where id > ${after} and import_id = ${importId} order by id limit ${TOGETHER}`,
  );
  if (rows.length === 0) return undefined;
  const last = rows.at(-1)![0];
  const free = pointingAt(name).map(({ from, column }) =>
    sql.raw(`and not exists (select 1 from "${from}" where "${from}"."${column}" = "${name}".id)`),
  );
  // What HR decided stands in the row itself, and nothing points at it.
  if (name === 'complaints') free.push(sql`and released_at is null`);
  const gone = await tx.all<[string]>(
    sql`delete from ${table} where id > ${after} and id <= ${last} and import_id = ${importId} ${sql.join(free, sql` `)} returning id`,
  );
  undone.removed[name] += gone.length;
  undone.kept[name] += rows.length - gone.length;
  return last;
}

/** Every column of the schema that points at this table, however many there come to be. */
function pointingAt(name: string): { from: string; column: string }[] {
  return Object.values(schema)
    .filter((table) => table instanceof SQLiteTable)
    .flatMap((table) =>
      getTableConfig(table).foreignKeys.flatMap((key) => {
        const { columns, foreignTable } = key.reference();
        if (key.onDelete === 'cascade') return [];
        if (getTableName(foreignTable) !== name) return [];
        const column = toSnakeCase(columns[0]!.name);
        return [{ from: getTableName(table), column }];
      }),
    );
}
