import { DatabaseSync } from 'node:sqlite';
import { databaseError } from './errors.ts';

/* Copies of a database file, made and looked at. Both block the process that asks until they are done: never the web process. */

/**
 * Writes a consistent copy of the database at `from` to `to`, which must not exist, while others read and write. It has no log, and
 * nothing of what was deleted.
 */
export function copyDatabase(from: string, to: string): void {
  const database = new DatabaseSync(from, { readOnly: true, timeout: 10_000 });
  try {
    database.prepare('VACUUM INTO ?').run(to);
  } catch (error) {
    throw databaseError(error, 'VACUUM INTO', true);
  } finally {
    database.close();
  }
}

export type Inspected = { sound: boolean; rows: { [table: string]: number } };

/** Whether every page, index and reference of a database that nobody writes is whole, and how many rows each table has. */
export function inspectDatabase(path: string): Inspected {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const all = (sql: string) =>
      database
        .prepare(sql)
        .all()
        .map((row) => Object.values(row));
    const [[said] = []] = all('PRAGMA integrity_check(1)');
    const sound = said === 'ok' && all('PRAGMA foreign_key_check').length === 0;
    const tables = all(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    );
    const count = (table: unknown) => Number(all(`SELECT count(*) FROM "${table}"`)[0]?.[0]);
    return { sound, rows: Object.fromEntries(tables.map(([table]) => [String(table), count(table)])) };
  } finally {
    database.close();
  }
}
