import { DatabaseError } from './errors.ts';

export type Method = 'run' | 'all' | 'values' | 'get';

/**
 * Runs one statement. A row is an array of column values in the order of the statement; a blob is a `Uint8Array`.
 * `rows` holds every row, except for 'get': there it is the first row alone, or undefined.
 */
// biome-ignore lint/suspicious/noExplicitAny: drizzle-orm's own callback type
export type Execute = (sql: string, params: unknown[], method: Method) => Promise<{ rows: any[] }>;

/** What db/client.ts needs of a database. It may throw whatever its driver throws; client.ts cleans that (errors.ts). */
export interface Engine {
  /** One statement outside of any transaction; sees committed data only. */
  read: Execute;
  /** Another number after every commit of any process, this one included; null: it can't be said. */
  commits(): number | null;
  /** Takes the write lock. Fails with SQLITE_BUSY at once, without waiting, when somebody else holds it. */
  begin(): Promise<{ execute: Execute; commit(): Promise<void>; rollback(): Promise<void> }>;
  /** All statements in one transaction, with foreign keys off, or none. */
  applyMigration(statements: readonly string[]): Promise<void>;
  /** Brings the write-ahead log into the file and empties it; false while somebody else is in the way. */
  fold(): Promise<boolean>;
  close(): Promise<void>;
}

/** What may be bound, alike on every engine: text, numbers, bytes, null; a boolean becomes 1 or 0. */
export function bindable(params: unknown[], sql: string): Bindable[] {
  for (let at = 0; at < params.length; at += 1) {
    const value = params[at];
    if (typeof value === 'string' || typeof value === 'number' || value === null) continue;
    if (typeof value === 'boolean') params[at] = Number(value);
    else if (!(value instanceof Uint8Array) && typeof value !== 'bigint') {
      throw new DatabaseError('UNSUPPORTED_PARAMETER', sql, `a ${typeof value} cannot be bound`);
    }
  }
  return params as Bindable[];
}

type Bindable = string | number | bigint | Uint8Array | null;
