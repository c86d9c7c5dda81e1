import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { freshDatabase } from '../support/database.ts';

/* The round of the jobs process that makes backups: when it does, when it does not, and what it says when it can't. */

const folder = mkdtempSync(join(tmpdir(), 'amends-backup-round-'));
const [database, kept] = [join(folder, 'amends.db'), join(folder, 'backups')];
const NOW = Date.now();
const minutesAgo = (minutes: number) => new Date(NOW - minutes * 60_000);

vi.stubEnv('DATABASE_URL', `file:${database}`);
vi.stubEnv('BACKUP_DIR', kept);
vi.stubEnv('BACKUP_EVERY_MINUTES', '15');
vi.stubEnv('BACKUP_RECIPIENTS', await identityToRecipient(await generateX25519Identity()));
vi.stubEnv('UPLOADS_DIR', join(folder, 'uploads'));
vi.stubEnv('ERASURES_FILE', join(folder, 'erasures.ndjson'));
const { makeBackup, backupsIn } = await import('../../src/backups/backup.ts');
const { openDatabase } = await import('../../db/client.ts');
const { erasedIds } = await import('../../db/schema/people.ts');
const rounds = await import('../../src/jobs/rounds.ts');
const round = () => rounds.backups(new Date(NOW));

beforeEach(async () => {
  const fresh = await freshDatabase();
  await fresh.fold();
  copyFileSync(fresh.path, database);
  await fresh.cleanup();
});
afterEach(() => {
  for (const one of [kept, database, `${database}-wal`, `${database}-shm`])
    rmSync(one, { recursive: true, force: true });
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** A backup of so long ago; the database was last written so long ago. */
async function place(made: number, written: number): Promise<void> {
  await makeBackup({ database, files: {}, folder: kept, recipients: [] }, minutesAgo(made));
  // Whoever read it left a log there, in which nothing stands.
  for (const file of [database, `${database}-wal`]) {
    if (existsSync(file)) utimesSync(file, minutesAgo(written), minutesAgo(written));
  }
}

test('the first is made at once, encrypted', async () => {
  utimesSync(database, minutesAgo(9999), minutesAgo(9999));
  expect(await round()).toBe(1);
  expect(backupsIn(kept)).toMatchObject([{ encrypted: true }]);
});

test.each([
  ['not before its time, whatever was written', 14, 1, 0],
  ['nor when it is time and nothing was written since', 15, 16, 0],
  ['but when it is time and something was', 15, 14, 1],
  ['and when it was written in the same moment: the copy may not hold it', 15, 15, 1],
] as const)('%s', async (_, made, written, more) => {
  await place(made, written);
  expect(await round()).toBe(more);
  expect(backupsIn(kept).map(({ encrypted }) => encrypted)).toEqual([...(more ? [true] : []), false]);
});

test('what stands only in the log beside the database was written as well', async () => {
  const db = await openDatabase(`file:${database}`);
  await place(15, 16);
  await db.write((tx) => tx.insert(erasedIds).values({ hash: Buffer.from('somebody') }));
  expect(statSync(database).mtimeMs).toBeLessThan(minutesAgo(15).getTime());
  expect(await round()).toBe(1);
  await db.close();
});

test('one that could not be made is an error of the round, and leaves nothing behind', async () => {
  await place(20, 10);
  vi.stubEnv('BACKUP_RECIPIENTS', 'age1nobody');
  await expect(round()).rejects.toThrow('The backup was not made.');
  expect(readdirSync(kept).filter((name) => name.startsWith('amends-'))).toHaveLength(1);
});
