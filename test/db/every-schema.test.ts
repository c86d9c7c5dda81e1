import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { inspectDatabase } from '../../db/engines/copy.ts';
import { migrate } from '../../db/migrate.ts';

/*
 * Whoever comes from an earlier version brings rows with them. Each earlier schema is built by its own migrations, every table filled by
 * what the schema itself says a row may be, and then brought up to the newest.
 */

const migrations = fileURLToPath(new URL('../../db/migrations', import.meta.url));
const journal = JSON.parse(readFileSync(join(migrations, 'meta/_journal.json'), 'utf8')) as {
  entries: { tag: string }[];
};
const ROWS = 7;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'amends-schemas-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The first `count` migrations in a folder of their own. */
function earlier(count: number): string {
  const to = join(folder, 'migrations');
  mkdirSync(join(to, 'meta'), { recursive: true });
  const entries = journal.entries.slice(0, count);
  for (const { tag } of entries) cpSync(join(migrations, `${tag}.sql`), join(to, `${tag}.sql`));
  writeFileSync(join(to, 'meta/_journal.json'), JSON.stringify({ ...journal, entries }));
  return to;
}

/** Where the rows of a table stand that others took in, or that took in others', by the columns that they had. */
const WENT: { [table: string]: string } = {
  measuring_keys:
    "select id, hash, proof_id, label, created_by, created_at, revoked_at from keys where purpose = 'measurements' order by id",
  bounce_keys: "select id, hash, label, created_at, revoked_at from keys where purpose = 'bounces' order by id",
  erased_people: 'select issue_id, kind, erased as people from people_counts where erased > 0 order by issue_id',
  people_counts: 'select * from people_counts where counted_at is not null order by issue_id',
  releases:
    'select id as complaint_id, released_by as by, released_at as at from complaints where released_at > 0 order by id',
};

type Column = { name: string; type: string; pk: number };
type Filled = { [table: string]: { [column: string]: unknown }[] };

/** Rows in every table, those that others point at first. What stands in a row is different in each. */
function fill(path: string): Filled {
  const database = new DatabaseSync(path, { enableForeignKeyConstraints: true });
  const all = <Row>(sql: string) => database.prepare(sql).all() as Row[];
  const tables = all<{ name: string }>(
    "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and name <> 'applied_migrations'",
  ).map(({ name }) => name);
  const points = new Map(
    tables.map((table) => [
      table,
      all<{ table: string; from: string; to: string }>(
        `select "table", "from", "to" from pragma_foreign_key_list('${table}')`,
      ),
    ]),
  );
  const filled: Filled = {};
  database.exec('begin');
  for (let waiting = tables; waiting.length > 0; ) {
    const ready = waiting.filter((table) => points.get(table)!.every((to) => to.table in filled || to.table === table));
    if (ready.length === 0) throw new Error(`These point at each other: ${waiting.join(', ')}`);
    for (const table of ready) {
      const columns = all<Column>(`select name, type, pk from pragma_table_info('${table}')`);
      const insert = `insert into "${table}" (${columns.map(({ name }) => `"${name}"`)}) values (${columns.map(() => '?')})`;
      filled[table] = Array.from({ length: ROWS }, (_, row) => {
        const values = columns.map(({ name, type }) => {
          const to = points.get(table)!.find(({ from }) => from === name);
          if (to && to.table !== table) return filled[to.table]![row]![to.to];
          if (to) return null;
          if (/int/i.test(type)) return 1_700_000_000_000 + row;
          if (/real/i.test(type)) return row + 0.5;
          if (/blob/i.test(type)) return Buffer.from(`${table}.${name} ${row}`);
          return `${table}.${name} ${row}`;
        });
        database.prepare(insert).run(...(values as string[]));
        return Object.fromEntries(columns.map(({ name }, at) => [name, values[at]]));
      });
    }
    waiting = waiting.filter((table) => !ready.includes(table));
  }
  database.exec('commit');
  database.close();
  return filled;
}

test.each(journal.entries.map(({ tag }, at) => [tag, at + 1] as const))(
  'from %s to the newest, with rows',
  async (_, count) => {
    const path = join(folder, 'amends.db');
    const old = await openDatabase(`file:${path}`);
    await migrate(old, earlier(count));
    await old.close();
    const filled = fill(path);
    expect(Object.keys(filled).length).toBeGreaterThan(15);

    const db = await openDatabase(`file:${path}`);
    const applied = await migrate(db);
    expect(applied).toEqual(journal.entries.slice(count).map(({ tag }) => tag));
    expect(await migrate(db)).toEqual([]);
    await db.close();

    const { sound, rows } = inspectDatabase(path);
    expect(sound).toBe(true);
    expect(rows['applied_migrations']).toBe(journal.entries.length);
    const database = new DatabaseSync(path, { readOnly: true });
    for (const [table, before] of Object.entries(filled)) {
      const after = database.prepare(WENT[table] ?? `select * from "${table}" order by rowid`).all();
      expect([table, after.length]).toEqual([table, ROWS]);
      // Whatever a column is called by both still holds what it held.
      for (const [row, values] of before.entries()) {
        for (const [column, value] of Object.entries(values)) {
          if (!(column in after[row]!)) continue;
          const found = after[row]![column];
          expect([table, column, found instanceof Uint8Array ? Buffer.from(found).toString() : found]).toEqual([
            table,
            column,
            value instanceof Uint8Array ? value.toString() : value,
          ]);
        }
      }
    }
    // The same tables, columns and indexes as a new database has.
    const fresh = await openDatabase(`file:${join(folder, 'fresh.db')}`);
    await migrate(fresh);
    await fresh.close();
    const shape = (of: DatabaseSync) =>
      of
        .prepare(
          `select t.name as t, c.name as c, c.type, c."notnull", c.dflt_value from sqlite_master t, pragma_table_info(t.name) c
         where t.type = 'table' and t.name not like 'sqlite_%'
         union all select t.name, i.name, i."unique", i.partial, '' from sqlite_master t, pragma_index_list(t.name) i order by 1, 2`,
        )
        .all();
    const other = new DatabaseSync(join(folder, 'fresh.db'), { readOnly: true });
    expect(shape(database)).toEqual(shape(other));
    other.close();
    database.close();
  },
);

test('people who were erased since stand beside the count of the same issue, and nothing is counted twice', async () => {
  const path = join(folder, 'amends.db');
  const old = await openDatabase(`file:${path}`);
  await migrate(old, earlier(journal.entries.findIndex(({ tag }) => tag.endsWith('fewer_tables'))));
  await old.write(async (tx) => {
    await tx.run(sql`insert into people_counts values ('*', 'customer', 90, 7), ('exports-failed', 'customer', 40, 7)`);
    await tx.run(sql`insert into erased_people values ('*', 'customer', 3), ('exports-failed', 'employee', 1)`);
  });
  await migrate(old);
  expect(
    await old.read.all(sql`select issue_id, kind, people, erased, counted_at from people_counts order by 1, 2`),
  ).toEqual([
    ['*', 'customer', 90, 3, 7],
    ['exports-failed', 'customer', 40, 0, 7],
    ['exports-failed', 'employee', 0, 1, null],
  ]);
  await old.close();
});

test('of the snapshots only the newest is kept: db:generate compares with that one, and nothing else reads any', () => {
  const kept = readdirSync(join(migrations, 'meta')).filter((name) => name.endsWith('_snapshot.json'));
  expect(kept).toEqual([`${journal.entries.at(-1)!.tag.slice(0, 4)}_snapshot.json`]);
});
