import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';

/** Where the file of a `file:` address is; null for a database on a server. */
export function databaseFile(url: string): string | null {
  if (!url.startsWith('file:')) return null;
  return url.startsWith('file://') ? fileURLToPath(url) : resolve(url.slice('file:'.length));
}

/** Answers a number that is another one after every commit of another connection; null while a lock or a bad disk keeps it from being said. */
export function commitsOf(connection: DatabaseSync): () => number | null {
  const version = connection.prepare('pragma data_version');
  return () => {
    try {
      return version.get()?.['data_version'] as number;
    } catch {
      return null;
    }
  };
}

/**
 * The same for the file behind an address, and null on a server and as long as there is no file. For a process that asks nothing else
 * here, and need not read all of Drizzle before it begins to listen.
 */
export function commitsIn(url: string): () => number | null {
  const path = databaseFile(url);
  let commits: ReturnType<typeof commitsOf> | undefined;
  return () => {
    if (path === null) return null;
    try {
      commits ??= commitsOf(new DatabaseSync(path, { readOnly: true }));
    } catch {
      return null;
    }
    return commits();
  };
}
