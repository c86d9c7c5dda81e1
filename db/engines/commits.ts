import { resolve } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';

/** Where the file of a `file:` address is; null for a database on a server. */
export function databaseFile(url: string): string | null {
  if (!url.startsWith('file:')) return null;
  return url.startsWith('file://') ? fileURLToPath(url) : resolve(url.slice('file:'.length));
}

/**
 * Answers a number that is another one after every commit of any process; null on a server, where it can't be said, and as long as
 * there is no file. For a process that asks nothing else here, and need not read all of Drizzle before it begins to listen.
 */
export function commitsIn(url: string): () => number | null {
  const path = databaseFile(url);
  let version: StatementSync | undefined;
  return () => {
    if (path === null) return null;
    try {
      version ??= new DatabaseSync(path, { readOnly: true }).prepare('pragma data_version');
      return version.get()?.['data_version'] as number;
    } catch {
      return null;
    }
  };
}
