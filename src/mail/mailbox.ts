import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Outgoing, Transport } from './delivery.ts';

/*
 * Where letters go while no mail server is set: a folder, one file a letter, outside the database, because a letter
 * holds the secret of its link and the database never does.
 */

/** A letter sent twice is one file: the name is its id. */
export function mailboxTransport(folder: string): Transport {
  return async (letter) => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, `${letter.id}.json`);
    await writeFile(`${file}.part`, JSON.stringify(letter, null, 2), { mode: 0o600 });
    await rename(`${file}.part`, file);
  };
}

/** Newest first. */
export async function readMailbox(folder: string): Promise<Outgoing[]> {
  const names = await readdir(folder).catch(() => []);
  const letters = await Promise.all(
    names
      .filter((name) => name.endsWith('.json'))
      .map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as Outgoing),
  );
  return letters.sort((a, b) => b.sentAt - a.sentAt || (a.id < b.id ? 1 : -1));
}

/** Takes letters out of the folder, half-written ones too: what is erased must not stand here either. */
export async function forgetLetters(folder: string, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    for (const name of [`${id}.json`, `${id}.json.part`]) await rm(join(folder, name), { force: true });
  }
}
