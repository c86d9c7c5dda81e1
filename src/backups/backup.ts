import { createHash, type Hash } from 'node:crypto';
import {
  chmodSync,
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { createGunzip, createGzip } from 'node:zlib';
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { extract, pack } from 'tar-stream';
import { z } from 'zod';
import { copyDatabase, inspectDatabase } from '../../db/engines/copy.ts';

/*
 * A backup is one file: a tar of the database and of the files that belong to it, packed with gzip and encrypted with age, so that
 * `age -d -i key backup | tar xz` opens it without us. It is made from a copy that SQLite itself makes while the site serves.
 */

const manifest = z.object({
  format: z.literal(1),
  /** Milliseconds since 1970: everything that was committed before is in it. */
  madeAt: z.number(),
  /** Of each table. */
  rows: z.record(z.string(), z.number()),
  /** SHA-256 of every file but this one, in hex. */
  hashes: z.record(z.string(), z.string()),
});
export type Manifest = z.output<typeof manifest>;

export const DATABASE = 'amends.db';
const MANIFEST = 'backup.json';
const NAME = /^amends-(\d{4}-\d{2}-\d{2})T(\d{2})(\d{2})(\d{2})(\d{3})Z\.tar\.gz(\.age)?$/;

export type Made = { path: string; bytes: number; manifest: Manifest };

/**
 * Writes a backup into `folder` and reads it back before it gets its name: decrypted, unpacked, every file by its hash. `files` names
 * folders that go with the database. Without recipients it isn't encrypted. Throws when anything is not as it should be;
 * nothing is left behind then. Blocks its process: never the one that serves.
 */
export async function makeBackup(
  what: { database: string; files: { [name: string]: string }; folder: string; recipients: readonly string[] },
  now: Date,
): Promise<Made> {
  const { database, folder, recipients } = what;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  forgetUnfinished(dirname(database), folder);
  const work = mkdtempSync(join(dirname(database), `backup-${process.pid}-`));
  const stamp = now.toISOString().replace(/[:.]/g, '');
  const path = join(folder, `amends-${stamp}.tar.gz${recipients.length > 0 ? '.age' : ''}`);
  const part = `${path}.${process.pid}.part`;
  try {
    const copy = join(work, DATABASE);
    copyDatabase(database, copy);
    chmodSync(copy, 0o600);
    const { sound, rows } = inspectDatabase(copy);
    if (!sound)
      throw new Error(
        'The database is damaged: a copy of it did not pass SQLite’s own check. Keep every backup you have.',
      );

    const files: [name: string, body: Buffer][] = [];
    const hashes: Manifest['hashes'] = { [DATABASE]: await hashOf(copy) };
    for (const [name, from] of Object.entries(what.files)) {
      for (const file of filesIn(from)) {
        const body = readFileSync(file);
        const entry = `${name}/${relative(from, file)}`;
        files.push([entry, body]);
        hashes[entry] = createHash('sha256').update(body).digest('hex');
      }
    }
    const made: Manifest = { format: 1, madeAt: now.getTime(), rows, hashes };
    const tar = pack();
    const put = (name: string, size: number, body: Iterable<Buffer> | Readable) =>
      pipeline(body, tar.entry({ name, size, mode: 0o600, mtime: now }));
    const filled = async () => {
      const head = Buffer.from(JSON.stringify(made, null, 2));
      await put(MANIFEST, head.length, [head]);
      await put(DATABASE, statSync(copy).size, createReadStream(copy, { highWaterMark: 1 << 20 }));
      for (const [name, body] of files) await put(name, body.length, [body]);
      tar.finalize();
    };

    // The keys that can read it are not here. So that what was written can be read back all the same, it is also encrypted to a key
    // that lives until the end of this function and is kept nowhere.
    const passing = recipients.length > 0 ? await generateX25519Identity() : null;
    const packed = piped(tar, createGzip({ level: 1 }));
    let out: Readable = packed;
    if (passing) {
      const encrypter = new Encrypter();
      for (const one of [...recipients, await identityToRecipient(passing)]) encrypter.addRecipient(one);
      out = fromWeb(await encrypter.encrypt(toWeb(packed)));
    }
    await Promise.all([filled(), pipeline(out, createWriteStream(part, { mode: 0o600 }))]);
    await synced(part);

    const back = await readBackup(part, passing, async (_, body) => void (await drain(body)));
    if (back.madeAt !== made.madeAt) throw new Error('What was written is not what was meant.');
    renameSync(part, path);
    await synced(folder);
    return { path, bytes: statSync(path).size, manifest: made };
  } finally {
    rmSync(work, { recursive: true, force: true });
    rmSync(part, { force: true });
  }
}

/**
 * Reads a backup from its beginning to its end: hands each file to `take`, and throws a sentence unless every hash is as the backup
 * itself says. `key` is a secret key of age (`AGE-SECRET-KEY-1…`), or null for one that isn't encrypted.
 */
export async function readBackup(
  path: string,
  key: string | null,
  take: (name: string, body: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<Manifest> {
  let source: Readable = createReadStream(path, { highWaterMark: 1 << 20 });
  if (key) {
    const decrypter = new Decrypter();
    decrypter.addIdentity(key);
    source = fromWeb(await decrypter.decrypt(toWeb(source)));
  }
  let made: Manifest | undefined;
  const missing = new Map<string, string>();
  for await (const entry of piped(piped(source, createGunzip()), extract())) {
    const { name, type } = entry.header;
    const body = entry as AsyncIterable<Uint8Array>;
    if (name === MANIFEST) {
      const text = Buffer.concat(await Array.fromAsync(body)).toString();
      made = manifest.parse(JSON.parse(text));
      for (const [file, hash] of Object.entries(made.hashes)) missing.set(file, hash);
      continue;
    }
    const hash = missing.get(name);
    // A name leads nowhere but into the folder that is restored to, and is a file's.
    if (!hash || type !== 'file' || name.split('/').some((step) => step === '' || step === '.' || step === '..')) {
      throw new Error(`The backup holds ${JSON.stringify(name)}, which it does not name itself.`);
    }
    const seen = createHash('sha256');
    await take(name, hashing(body, seen));
    if (seen.digest('hex') !== hash) throw new Error(`${name} in the backup is not what was written.`);
    missing.delete(name);
  }
  if (!made || missing.size > 0) throw new Error('The backup is not whole.');
  return made;
}

async function* hashing(body: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    hash.update(chunk);
    yield chunk;
  }
}

async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of body);
}

export type Kept = { path: string; at: number; bytes: number; encrypted: boolean };

/** The backups in a folder, newest first. */
export function backupsIn(folder: string): Kept[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name): Kept[] => {
      const [, day, hours, minutes, seconds, ms, age] = NAME.exec(name) ?? [];
      if (day === undefined) return [];
      const at = Date.parse(`${day}T${hours}:${minutes}:${seconds}.${ms}Z`);
      const path = join(folder, name);
      return [{ path, at, bytes: statSync(path).size, encrypted: age !== undefined }];
    })
    .sort((a, b) => b.at - a.at);
}

/** Which of these are no longer kept: of the last four hours all are, of two days the last of each hour, of the rest of each day; then none. */
export function tooMany<One extends { at: number }>(backups: readonly One[], keepDays: number, now: Date): One[] {
  const HOUR = 3_600_000;
  const held = new Set<string>();
  return backups
    .toSorted((a, b) => b.at - a.at)
    .filter(({ at }) => {
      const age = now.getTime() - at;
      if (age > keepDays * 24 * HOUR) return true;
      if (age < 4 * HOUR) return false;
      const slot = age < 48 * HOUR ? `hour ${Math.floor(at / HOUR)}` : `day ${Math.floor(at / (24 * HOUR))}`;
      if (held.has(slot)) return true;
      held.add(slot);
      return false;
    });
}

export function forget(backups: readonly Kept[]): void {
  for (const { path } of backups) rmSync(path, { force: true });
}

/** When something was last written to the database, in milliseconds since 1970. */
export function lastWritten(database: string): number {
  const times = [database, `${database}-wal`].filter((file) => existsSync(file)).map((file) => statSync(file).mtimeMs);
  return Math.max(0, ...times);
}

/** What processes that were killed left behind: copies that nobody finished. */
function forgetUnfinished(...folders: string[]): void {
  for (const folder of folders) {
    for (const name of readdirSync(folder)) {
      const pid = /^backup-(\d+)-\w{6}$/.exec(name)?.[1] ?? /^amends-.*\.(\d+)\.part$/.exec(name)?.[1];
      if (pid !== undefined && !lives(Number(pid))) rmSync(join(folder, name), { recursive: true, force: true });
    }
  }
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile() && !basename(one.name).endsWith('.part'))
    .map((one) => join(one.parentPath, one.name))
    .sort();
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** Waits until a file, or the names in a folder, are on the disk. */
async function synced(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}

/** As `pipe`, but an error of the source is the target's too: whoever reads it learns of it. */
function piped<Through extends NodeJS.WritableStream>(source: AsyncIterable<unknown>, through: Through): Through {
  pipeline(source, through).catch(() => {});
  return through;
}

const toWeb = (stream: Readable) => Readable.toWeb(stream) as unknown as globalThis.ReadableStream<Uint8Array>;
const fromWeb = (stream: globalThis.ReadableStream<Uint8Array>) => Readable.fromWeb(stream as ReadableStream);
