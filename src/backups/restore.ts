import { createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openDatabase } from '../../db/client.ts';
import { copyDatabase, inspectDatabase } from '../../db/engines/copy.ts';
import { migrate } from '../../db/migrate.ts';
import { markRestored } from '../mail/fence.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import { DATABASE, type Manifest, readBackup } from './backup.ts';
import { type Reapplied, readOutside, reapplyErasures } from './erased.ts';

export type Restored = { folder: string; manifest: Manifest; migrated: string[]; erasuresFrom: string[] } & Reapplied;

/**
 * Brings a backup back into `folder`, which must not be there yet: the database, brought up to this code, and its files. It is
 * fenced: it neither sends nor pays until somebody says that it goes on. Whoever was erased since is erased again, by what
 * `erasures` (files that exist) say. Refuses with a sentence; `folder` appears whole or not at all.
 */
export async function restoreBackup(
  what: { path: string; key: string | null; folder: string; erasures: readonly string[] },
  now: Date,
): Promise<Restored | Refusal> {
  const { path, key, erasures } = what;
  const folder = resolve(what.folder);
  if (existsSync(folder)) {
    return refuse(
      'there-is-something',
      `${folder} is there already. A backup never goes over anything: name a new folder.`,
    );
  }
  const part = `${folder}.${process.pid}.part`;
  mkdirSync(part, { recursive: true, mode: 0o700 });
  try {
    const manifest = await readBackup(path, key, async (name, body) => {
      const to = join(part, name);
      mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
      await pipeline(body, createWriteStream(to, { mode: 0o600 }));
    });
    const file = join(part, DATABASE);
    const { sound, rows } = inspectDatabase(file);
    if (!sound || JSON.stringify(rows) !== JSON.stringify(manifest.rows)) {
      return refuse('not-sound', 'The database in the backup is not sound. Try the backup before it.');
    }
    const db = await openDatabase(`file:${file}`);
    try {
      const migrated = await migrate(db);
      await db.write((tx) => markRestored(tx));
      const reapplied = await reapplyErasures(db, readOutside(erasures), manifest.madeAt, now);
      await db.close();
      if (reapplied.people > 0) {
        // SQLite overwrites a row that is deleted, but not always what stood in a page that it put in order since. A copy holds neither.
        copyDatabase(file, `${file}.clean`);
        renameSync(`${file}.clean`, file);
      }
      renameSync(part, folder);
      return { folder, manifest, migrated, erasuresFrom: [...erasures], ...reapplied };
    } finally {
      await db.close();
    }
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

/** The secret key in a file (`-`: standard input) as `amends backup --new-key` and `age-keygen` write it, or null when there is none. */
export function keyIn(file: string): string | null {
  return /^AGE-SECRET-KEY-(?:PQ-)?1[A-Z0-9]+$/m.exec(readFileSync(file === '-' ? 0 : file, 'utf8'))?.[0] ?? null;
}
