import { getTableColumns, getTableName } from 'drizzle-orm';
import { toSnakeCase } from 'drizzle-orm/casing';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';
import { runStatement, type Tx } from './client.ts';

type Column = { key: string; name: string; encode: (value: unknown) => unknown };
type Shape = { name: string; columns: Column[] };

/** Rows in one statement; SQLite takes 32,766 parameters. */
const TOGETHER = 20;

const shapes = new WeakMap<SQLiteTable, Shape>();

/**
 * Inserts rows by the thousand: the same values as Drizzle would write, by statements that are prepared once. `or` says what becomes of
 * one whose key is there already.
 */
export async function insertRows<Table extends SQLiteTable>(
  tx: Tx,
  table: Table,
  rows: readonly Table['$inferSelect'][],
  options: { or?: 'replace' | 'ignore' } = {},
): Promise<void> {
  const { name, columns } = shapeOf(table);
  const one = `(${columns.map(() => '?').join(',')})`;
  const names = columns.map((column) => `"${column.name}"`).join(',');
  const insert = `insert ${options.or ? `or ${options.or} ` : ''}into "${name}" (${names}) values `;
  const [single, many] = [insert + one, insert + Array.from({ length: TOGETHER }, () => one).join(',')];
  for (let at = 0; at < rows.length; ) {
    const count = rows.length - at >= TOGETHER ? TOGETHER : 1;
    const params: unknown[] = [];
    for (let next = at; next < at + count; next += 1) {
      const row = rows[next] as Record<string, unknown>;
      for (const { key, encode } of columns) params.push(encode(row[key]));
    }
    await runStatement(tx, count === 1 ? single : many, params);
    at += count;
  }
}

/** Sets these columns of one row. */
export async function updateRow<Table extends SQLiteTable>(
  tx: Tx,
  table: Table,
  id: string,
  values: Partial<Table['$inferSelect']>,
): Promise<void> {
  const { name, columns } = shapeOf(table);
  const set = columns.filter(({ key }) => Object.hasOwn(values, key));
  if (set.length === 0) return;
  const sql = `update "${name}" set ${set.map((column) => `"${column.name}" = ?`).join(', ')} where "id" = ?`;
  await runStatement(tx, sql, [...set.map(({ key, encode }) => encode((values as Record<string, unknown>)[key])), id]);
}

function shapeOf(table: SQLiteTable): Shape {
  const known = shapes.get(table);
  if (known) return known;
  const columns = Object.entries(getTableColumns(table)).map(([key, column]) => {
    const plain = ['string', 'number'].includes(column.dataType);
    return {
      key,
      name: toSnakeCase(key),
      encode: plain
        ? (value: unknown) => value ?? null
        : (value: unknown) => (value === null || value === undefined ? null : column.mapToDriverValue(value)),
    };
  });
  const shape = { name: getTableName(table), columns };
  shapes.set(table, shape);
  return shape;
}
