import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { DatabaseError, type Db, isUniqueViolation } from './client.ts';

interface Migration {
  name: string;
  hash: string;
  statements: string[];
}

/**
 * Brings the database up to the migrations in `folder` and answers the names of those it applied now. Any number of
 * processes may call it at once. Throws a sentence when the database is newer than this code, when a migration was
 * edited after it had been applied, and when rows would point at nothing.
 */
export async function migrate(
  db: Db,
  folder = fileURLToPath(new URL('./migrations', import.meta.url)),
): Promise<string[]> {
  const migrations = readMigrations(folder);
  for (;;) {
    const pending = stillToApply(migrations, await appliedMigrations(db));
    if (pending.length === 0) return [];
    try {
      await db.applyMigration(script(pending));
      return pending.map((migration) => migration.name);
    } catch (error) {
      // Another process came first: its row holds our name, and nothing of ours was written. Look again.
      if (isUniqueViolation(error, 'applied_migrations.name')) continue;
      if (error instanceof DatabaseError && error.constraint === 'applied_migrations.name') {
        throw new Error('The migrations would leave a row that points at nothing, so none of them was applied.');
      }
      throw error;
    }
  }
}

function readMigrations(folder: string): Migration[] {
  const journal = JSON.parse(readFileSync(join(folder, 'meta', '_journal.json'), 'utf8')) as {
    entries: { tag: string }[];
  };
  return journal.entries.map(({ tag }) => {
    const text = readFileSync(join(folder, `${tag}.sql`), 'utf8');
    const statements = text.split('--> statement-breakpoint').filter((statement) => statement.trim() !== '');
    return { name: tag, hash: createHash('sha256').update(text).digest('hex'), statements };
  });
}

async function appliedMigrations(db: Db): Promise<Map<string, string>> {
  const table = await db.read.all(sql`select 1 from sqlite_master where name = 'applied_migrations'`);
  if (table.length === 0) return new Map();
  return new Map(await db.read.all<[string, string]>(sql`select name, hash from applied_migrations`));
}

function stillToApply(migrations: Migration[], applied: Map<string, string>): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.name, migration.hash]));
  for (const [name, hash] of applied) {
    if (!known.has(name)) {
      throw new Error(
        `This database is newer than this code: it holds the migration ${name}, which this code does not know. ` +
          'Start the version that wrote it, or a later one.',
      );
    }
    if (known.get(name) !== hash) {
      throw new Error(`The migration ${name} was changed after this database had applied it. Write a new one instead.`);
    }
  }
  return migrations.filter((migration) => !applied.has(migration.name));
}

/** One transaction: the names first, so that the second of two processes stops at the key before it touches a table. */
function script(pending: Migration[]): string[] {
  const now = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";
  return [
    'CREATE TABLE IF NOT EXISTS applied_migrations (name TEXT PRIMARY KEY NOT NULL, hash TEXT NOT NULL, applied_at INTEGER NOT NULL)',
    ...pending.map(({ name, hash }) => `INSERT INTO applied_migrations VALUES ('${name}', '${hash}', ${now})`),
    ...pending.flatMap((migration) => migration.statements),
    // Foreign keys are off while tables are rebuilt. This row has no name and is refused, with everything before it,
    // as soon as one reference points at nothing.
    'INSERT INTO applied_migrations SELECT NULL, "table", 0 FROM pragma_foreign_key_check LIMIT 1',
  ];
}
