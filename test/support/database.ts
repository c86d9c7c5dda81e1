import { createHash } from 'node:crypto';
import {
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Db, openDatabase } from '../../db/client.ts';
import { migrate } from '../../db/migrate.ts';

const migrations = fileURLToPath(new URL('../../db/migrations', import.meta.url));

export interface FreshDatabase extends Db {
  path: string;
  url: string;
  /** Closes the database and removes its folder. */
  cleanup(): Promise<void>;
}

/**
 * A migrated, empty database in a folder of its own: `const db = await freshDatabase(); … await db.cleanup()`.
 * The migrations run once for each version of them; every database after that is a copy of the file.
 */
export async function freshDatabase(): Promise<FreshDatabase> {
  return copyOf(await template());
}

/** A database of its own, copied from a file that nobody writes. */
export async function copyOf(file: string): Promise<FreshDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'amends-test-'));
  const path = join(folder, 'amends.db');
  copyFileSync(file, path, constants.COPYFILE_FICLONE);
  const db = await openDatabase(`file:${path}`);
  return {
    ...db,
    path,
    url: `file:${path}`,
    async cleanup() {
      await db.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

let made: Promise<string> | undefined;
const template = () => (made ??= makeTemplate());

async function makeTemplate(): Promise<string> {
  if (!existsSync(migrations)) throw new Error('There is no db/migrations yet: run npm run db:generate.');
  const hash = createHash('sha256');
  for (const file of readdirSync(migrations)
    .filter((name) => name.endsWith('.sql'))
    .sort()) {
    hash.update(readFileSync(join(migrations, file)));
  }
  const folder = join(tmpdir(), `amends-test-templates-${process.getuid?.() ?? ''}`);
  const path = join(folder, `${hash.digest('hex').slice(0, 16)}.db`);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  // Other workers may be making it too: each makes its own, and the last rename wins with the same content.
  const draft = `${path}.${process.pid}.${performance.now()}`;
  const db = await openDatabase(`file:${draft}`);
  await migrate(db);
  await db.close();
  renameSync(draft, path);
  return path;
}
