import { resolve } from 'node:path';
import { type Db, openDatabase } from '../db/client.ts';
import { migrate } from '../db/migrate.ts';
import { env } from './env.ts';

let opened: Promise<Db> | undefined;

/** This process's database: opened and brought up to date once, on first use. */
export function database(): Promise<Db> {
  opened ??= openAndMigrate().catch((error: unknown) => {
    opened = undefined;
    throw error;
  });
  return opened;
}

async function openAndMigrate(): Promise<Db> {
  const db = await openDatabase(env.DATABASE_URL, env.DATABASE_TOKEN ? { authToken: env.DATABASE_TOKEN } : {});
  // From where the process runs: a bundle has no place of its own beside the migrations.
  await migrate(db, resolve('db/migrations'));
  return db;
}
