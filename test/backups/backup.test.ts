import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { eq, sql } from 'drizzle-orm';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { letters, sending } from '../../db/schema/mail.ts';
import { erasedIds, persons } from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { backupsIn, type Kept, makeBackup, readBackup, tooMany } from '../../src/backups/backup.ts';
import { noteErasures, readOutside, sameKey } from '../../src/backups/erased.ts';
import { restoreBackup } from '../../src/backups/restore.ts';
import { root } from '../../src/cli/processes.ts';
import { countHanded, fencedBecause, sendFromHere, waitsAsRestored, writeFence } from '../../src/mail/fence.ts';
import { erasePerson } from '../../src/people/erase.ts';
import { isSuppressed, startAgain, suppress } from '../../src/people/suppression.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { comeBack } from '../checkins/returned.ts';
import type { FreshDatabase } from '../support/database.ts';
import { must } from '../support/must.ts';
import { castPerson, DAY_MS, later, NOW, seededDatabase } from '../support/seeded.ts';

/** As the first backups were packed: three files, one with a long name. */
const OLD =
  'H4sIAAAAAAACA+2Xy24bMQxF51MMrd0xqbe8avf+CVKikjb1TOCZ9IHA/144BYrWXWQ14xTVWYiENhREXF6JKT88PfafpnHolgIAwAO8RPg7gk' +
  'ffodMBHYC97COgwW4D3Qo8TTOdOlil1hvkWdXxdKRZ7XGrjlTkw8/0NH6d1P75vFX3NN3LJVd0lKFMfWG1V4JOF0eidTJeAxJHC5pNDTo4YEmS' +
  'fKBQBCHWXF0OgWLhDGKNeBG1VXkcZhnm3edxuHu32tLn6YvaK4cG2BjxHEPl6gx6KQlskhSTtsKIEAE4MxGVCA6qt7oy+VJNyOm388vxcf5+uR' +
  'LDkK3VKdaMGW2iytXmmJKvnLTVgcSiWG8TJ2Mz2eRSQg7RaY7OqfN5/f7/6umCNV7TP6D+U/8QnHFN/6v0f1NoJqZJusZ/SL/rd+8P43B3+Dg8' +
  '3Ej/GMy1/4Nz3ebQ9L84tzPhpr23wKUdS9d4Rf+IBq7833trmv+vwbdGYwHaZP23/P/lE3ur/x/A9fvPQWjzv9FoNJbkBxGmrhQAGAAA';

let db: FreshDatabase;
let folder: string;
let key: string;
let recipients: string[];
const at = (name: string) => join(folder, name);
const make = (to = recipients, now = NOW) =>
  makeBackup({ database: db.path, files: { content: at('content') }, folder: at('backups'), recipients: to }, now);
const restore = (path: string, to = 'back', more: { key?: string | null; erasures?: string[] } = {}) =>
  restoreBackup({ path, key, folder: at(to), erasures: [at('erasures')], ...more }, later(DAY_MS));

beforeEach(async () => {
  db = await seededDatabase();
  folder = mkdtempSync(join(tmpdir(), 'amends-backup-'));
  mkdirSync(at('content/proofs/a'), { recursive: true });
  writeFileSync(at('content/site.yaml'), 'name: x\n');
  writeFileSync(at(`content/proofs/a/${'long-'.repeat(25)}.csv`), 'x'.repeat(1023));
  writeFileSync(at('content/empty'), '');
  key = await generateX25519Identity();
  recipients = [await identityToRecipient(key)];
});
afterEach(async () => {
  await db.cleanup();
  rmSync(folder, { recursive: true, force: true });
});

async function restored(path: string, to?: string) {
  const done = must(await restore(path, to));
  return { done, back: await openDatabase(`file:${join(done.folder, 'amends.db')}`) };
}

test('what comes back is row for row what was there, with its files', async () => {
  const { path, manifest } = await make();
  const { done, back } = await restored(path);
  for (const table of Object.keys(manifest.rows)) {
    if (table === 'sending') continue; // it says that this is a copy
    const all = sql.raw(`select * from "${table}" order by 1`);
    expect(await back.read.all(all)).toEqual(await db.read.all(all));
  }
  await back.close();
  expect(manifest.rows['persons']).toBeGreaterThan(5);
  expect(readFileSync(join(done.folder, 'content/site.yaml'), 'utf8')).toBe('name: x\n');
  expect(readdirSync(join(done.folder, 'content/proofs/a'))).toEqual([`${'long-'.repeat(25)}.csv`]);
});

test('it is made while others write: whatever was committed before is in it', async () => {
  let written = 0;
  let stop = false;
  const writing = (async () => {
    while (!stop) {
      await db.write((tx) => tx.insert(erasedIds).values({ hash: Buffer.from(`row ${written}`) }));
      written += 1;
    }
  })();
  await new Promise((go) => setTimeout(go, 100));
  const before = written;
  const { manifest } = await make();
  stop = true;
  await writing;
  expect(before).toBeGreaterThan(0);
  expect(manifest.rows['erased_ids']).toBeGreaterThanOrEqual(before);
});

test('nobody reads it without the key, and what was tampered with or cut off is refused', async () => {
  const { path } = await make();
  const bytes = readFileSync(path);
  expect(bytes.includes('rennickpress')).toBe(false);
  expect(bytes.subarray(0, 21).toString()).toBe('age-encryption.org/v1');
  await expect(restore(path, 'a', { key: await generateX25519Identity() })).rejects.toThrow();
  for (const [name, changed] of [
    ['cut', bytes.subarray(0, bytes.length - 1)],
    ['half', bytes.subarray(0, bytes.length / 2)],
    ['flipped', Buffer.from(bytes.map((byte, index) => (index === bytes.length - 5000 ? byte ^ 1 : byte)))],
  ] as const) {
    writeFileSync(at(name), changed);
    await expect(restore(at(name), 'a'), name).rejects.toThrow();
  }
  expect(existsSync(at('a'))).toBe(false);
  expect(readdirSync(folder).filter((name) => name.includes('part'))).toEqual([]);
});

test('any tar opens a plain one', async () => {
  const { path, manifest } = await make([]);
  expect(path).toMatch(/\.tar\.gz$/);
  const { stdout, status } = spawnSync('tar', ['tzf', path], { encoding: 'utf8' });
  expect(status).toBe(0);
  expect(stdout.trim().split('\n').sort()).toEqual(['backup.json', ...Object.keys(manifest.hashes)].sort());
  const plain = await restore(path, 'plain', { key: null });
  expect(isRefusal(plain)).toBe(false);
});

test('one from before, with a long name as GNU tar has it, is read', async () => {
  writeFileSync(at('old.tar.gz'), Buffer.from(OLD, 'base64'));
  const read: [string, number][] = [];
  await readBackup(at('old.tar.gz'), null, async (name, body) => {
    read.push([name, Buffer.concat(await Array.fromAsync(body)).length]);
  });
  expect(read).toEqual([
    ['amends.db', 10],
    [`content/${'long-'.repeat(22)}.csv`, 600],
    ['content/empty', 0],
  ]);
});

test('what names itself but is a link, or leads out of the folder, is refused', async () => {
  const hostile = async (header: { name: string; type?: 'symlink'; linkname?: string }) => {
    const hash = createHash('sha256').digest('hex');
    const tar = pack();
    const made = JSON.stringify({ format: 1, madeAt: 1, rows: {}, hashes: { [header.name]: hash } });
    tar.entry({ name: 'backup.json' }, made);
    tar.entry(header, '');
    tar.finalize();
    await pipeline(tar, createGzip(), createWriteStream(at('hostile.tar.gz')));
    return readBackup(at('hostile.tar.gz'), null, async (_, body) => void (await Array.fromAsync(body)));
  };
  await expect(hostile({ name: 'content/a' })).resolves.toMatchObject({ format: 1 });
  await expect(hostile({ name: 'content/a', type: 'symlink', linkname: '/etc' })).rejects.toThrow('does not name');
  await expect(hostile({ name: '../a' })).rejects.toThrow('does not name');
  await expect(hostile({ name: '/a' })).rejects.toThrow('does not name');
});

test('a backup never goes over anything', async () => {
  const { path } = await make();
  mkdirSync(at('there'));
  expect(await restore(path, 'there')).toMatchObject({ code: 'there-is-something' });
});

test('nothing is left of one that failed: neither a half file nor an open copy', async () => {
  await expect(make(['age1nonsense'])).rejects.toThrow();
  expect(readdirSync(at('backups'))).toEqual([]);
  expect(readdirSync(join(db.path, '..')).filter((name) => name.startsWith('backup-'))).toEqual([]);
});

test('a damaged database is said to be damaged, and no backup of it is kept', async () => {
  // A reference that points at nothing: as a tool that writes without foreign keys leaves it.
  const careless = new DatabaseSync(db.path, { enableForeignKeyConstraints: false });
  careless.exec('delete from persons where id = (select person_id from departures limit 1)');
  careless.close();
  await expect(make()).rejects.toThrow('damaged');
  expect(backupsIn(at('backups'))).toEqual([]);
});

describe('after an erasure', () => {
  test('who was erased since the backup is erased again, who had been stays so, and their words are in no byte', async () => {
    const maya = await castPerson(db.read, 'c-maya');
    await comeBack(db, 'c-maya', NOW);
    const { path } = await make();
    await db.write((tx) => tx.update(rejoins).set({ state: 'undone' }).where(eq(rejoins.personId, maya.id)));
    const erased = await db.write((tx) => erasePerson(tx, maya.id, later(1000)));
    expect(isRefusal(erased)).toBe(false);
    await db.write((tx) => suppress(tx, 'stopped@later.example', 'stopped', later(2000)));
    expect(await noteErasures(db.read, at('erasures'))).toBeGreaterThan(2);
    expect(await noteErasures(db.read, at('erasures'))).toBe(0);
    expect(readFileSync(at('erasures'), 'utf8')).not.toMatch(/maya|rennick|later\.example/i);

    const { done, back } = await restored(path);
    expect(done).toMatchObject({ people: 1 });
    expect(done.stops).toBeGreaterThanOrEqual(1);
    expect(await back.read.select().from(persons).where(eq(persons.id, maya.id))).toEqual([]);
    expect(await isSuppressed(back.read, maya.email!)).toBe(true);
    expect(await isSuppressed(back.read, 'stopped@later.example')).toBe(true);
    const known = await back.read.select().from(erasedIds);
    expect(known.length).toBe((await db.read.select().from(erasedIds)).length);
    expect(await back.read.all(sql`pragma foreign_key_check`)).toEqual([]);
    await back.close();
    expect(readFileSync(join(done.folder, 'amends.db')).includes('maya@rennickpress')).toBe(false);
    expect(readdirSync(done.folder).sort()).toEqual(['amends.db', 'content']);
  });

  test('without what was written down outside, they would be back', async () => {
    const maya = await castPerson(db.read, 'c-maya');
    const { path } = await make();
    await db.write((tx) => erasePerson(tx, maya.id, later(1000)));
    const { done, back } = await restored(path);
    expect(done.people).toBe(0);
    expect(await back.read.select().from(persons).where(eq(persons.id, maya.id))).toHaveLength(1);
    await back.close();
  });

  test('a stop that was taken back before the backup isn’t put on again', async () => {
    await db.write((tx) => suppress(tx, 'again@x.example', 'stopped', later(-2 * DAY_MS)));
    await noteErasures(db.read, at('erasures'));
    await db.write((tx) => startAgain(tx, 'again@x.example'));
    const { back } = await restored((await make()).path);
    expect(await isSuppressed(back.read, 'again@x.example')).toBe(false);
    await back.close();
  });

  test('half a line, as a killed process leaves it, loses nothing; another key is refused', async () => {
    await db.write((tx) => suppress(tx, 'one@x.example', 'stopped', NOW));
    await noteErasures(db.read, at('erasures'));
    const text = readFileSync(at('erasures'), 'utf8');
    const lines = readOutside([at('erasures')]).addresses.size;
    writeFileSync(at('erasures'), text.slice(0, -10));
    expect(readOutside([at('erasures')]).addresses.size).toBe(lines - 1);
    expect(await noteErasures(db.read, at('erasures'))).toBe(1);
    expect(readOutside([at('erasures')]).addresses.size).toBe(lines);
    writeFileSync(at('erasures'), text.replace(/"key":"..../, '"key":"0000'));
    const { path } = await make();
    await expect(restore(path)).rejects.toThrow('another SUPPRESSION_KEY');
  });
});

test.each(['', '{"key":"0123'])(
  'a disk that was full when it began (%j): it begins again, and no key is blamed',
  async (left) => {
    writeFileSync(at('began'), left);
    expect(sameKey(at('began'))).toBeNull();
    const noted = await noteErasures(db.read, at('began'));
    const { ids, addresses } = readOutside([at('began')]);
    expect([sameKey(at('began')), ids.size + addresses.size]).toEqual([true, noted]);
    expect(await noteErasures(db.read, at('began'))).toBe(0);
  },
);

test('what came back neither sends nor pays until somebody says that it goes on', async () => {
  const count = await db.write((tx) => countHanded(tx));
  writeFence(at('fence'), count);
  expect(await fencedBecause(db.read, at('fence'))).toBeNull();
  const { path } = await make();
  const { back } = await restored(path);
  expect(await fencedBecause(back.read, at('fence'))).toMatch('brought back from a backup');
  expect(await fencedBecause(back.read, at('no-fence'))).toMatch('brought back from a backup');
  expect(await waitsAsRestored(back.read)).toBe(true);
  expect(await back.read.$count(letters)).toBe(await db.read.$count(letters));
  const opened = await back.write((tx) => sendFromHere(tx, NOW));
  writeFence(at('fence'), opened.count);
  expect(await fencedBecause(back.read, at('fence'))).toBeNull();
  expect(await waitsAsRestored(back.read)).toBe(false);
  expect(await fencedBecause(db.read, at('fence'))).not.toBeNull();
  expect(await db.read.select().from(sending)).toHaveLength(1);
  await back.close();
});

test('kept are all of four hours, one an hour of two days, one a day after that, and none beyond', () => {
  const every15 = Array.from({ length: 40 * 96 }, (_, n) => ({ at: NOW.getTime() - n * 15 * 60_000 }));
  const gone = new Set(tooMany(every15, 30, NOW));
  const kept = every15.filter((one) => !gone.has(one));
  expect(kept[0]).toBe(every15[0]);
  expect(kept.filter(({ at: made }) => NOW.getTime() - made < 4 * 3_600_000)).toHaveLength(16);
  expect(kept.length).toBeGreaterThan(16 + 43 + 27);
  expect(kept.length).toBeLessThan(16 + 46 + 31);
  expect(NOW.getTime() - kept.at(-1)!.at).toBeLessThanOrEqual(30 * DAY_MS);
  // As time goes on, what was thinned out once leaves no day without one.
  let held = [...kept];
  for (let hours = 1; hours <= 72; hours += 1) {
    const now = later(hours * 3_600_000);
    held = [{ at: now.getTime() }, ...held];
    const over = new Set(tooMany(held, 30, now));
    held = held.filter((one) => !over.has(one));
  }
  const days = new Set(held.map(({ at: made }) => Math.floor(made / DAY_MS)));
  expect(days.size).toBeGreaterThanOrEqual(29);
});

describe('the commands', () => {
  const amends = (...args: string[]) => {
    const settings = {
      DATABASE_URL: db.url,
      CONTENT_DIR: at('content'),
      ERASURES_FILE: at('erasures'),
      BACKUP_RECIPIENTS: recipients[0]!,
    };
    const flags = ['--disable-warning=ExperimentalWarning', join(root, 'src/cli/main.ts')];
    return spawnSync(process.execPath, [...flags, ...args], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, ...settings },
    });
  };

  test('backup, check and restore, with a key made for it', async () => {
    const pair = amends('backup', '--new-key');
    writeFileSync(at('key.txt'), pair.stdout);
    recipients = [/age1\w+/.exec(pair.stdout)![0]];
    const made = amends('backup', '--to', at('backups'));
    expect(made.stdout + made.stderr).toContain('read back and whole');
    const [{ path }] = backupsIn(at('backups')) as [Kept];
    expect(existsSync(at('backups/erasures.ndjson'))).toBe(true);
    expect(amends('restore', path, '--key', at('key.txt'), '--check').stdout).toMatch(/^Whole\. Made 20/);
    expect(amends('restore', path, '--to', at('back')).status).toBe(2);
    const done = amends('restore', path, '--key', at('key.txt'), '--to', at('back'));
    expect(done.stderr).toBe('');
    expect(done.stdout).toContain('neither sends nor pays');
    expect(amends('restore', path, '--key', at('key.txt'), '--to', at('back')).status).toBe(1);
    expect(
      (await readBackup(path, /AGE-\S+/.exec(pair.stdout)![0], async (_, body) => void (await Array.fromAsync(body))))
        .format,
    ).toBe(1);
  });

  test('without a key, or without a place, nothing is made', () => {
    recipients = [''];
    expect(amends('backup', '--to', at('backups'))).toMatchObject({ status: 2 });
    expect(amends('backup')).toMatchObject({ status: 2 });
    expect(existsSync(at('backups'))).toBe(false);
  }, 120_000);
});
