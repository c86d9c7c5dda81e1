import { resolve } from 'node:path';
import { type Db, openDatabase } from '../db/client.ts';
import { migrate } from '../db/migrate.ts';
import { env } from './env.ts';

let opened: Promise<Db> | undefined;

/** This process's database: opened and brought up to date once, on first use. */
export function database(): Promise<Db> {
  opened ??= openAndMigrate(false).catch((error: unknown) => {
    opened = undefined;
    throw error;
  });
  return opened;
}

/** A handle of its own for an import, which whoever opens it closes. */
export function bulkDatabase(): Promise<Db> {
  return openAndMigrate(true);
}

async function openAndMigrate(bulk: boolean): Promise<Db> {
  const { DATABASE_URL: url, DATABASE_TOKEN: authToken } = env;
  const db = await openDatabase(url, { bulk, ...(authToken ? { authToken } : {}) });
  // From where the process runs: a bundle has no place of its own beside the migrations.
  await migrate(db, resolve('db/migrations'));
  return db;
}
