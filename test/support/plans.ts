import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/* What a process asked its database, looked at by SQLite itself. */

const GROWS =
  /\b(persons|departures|complaints|links|devices|codes|letters|checkins|rejoins|waits|signals|resolutions|corrections|suggestions|promises|reopenings|payment_events|audit|measurements|chosen)\b/;

/** What a process ran that was started with statements.ts before it. That it asked for the number of commits doesn't count. */
export function statementsIn(file: string): string[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as string).filter((sql) => !/^pragma data_version$/i.test(sql));
}

/** Where these statements read a table that grows with people from its beginning to its end. */
export function scansOf(path: string, statements: string[]): string[] {
  const looks = [...new Set(statements)].filter((sql) => /^\s*(select|with)\b/i.test(sql));
  if (looks.length === 0) throw new Error('Nothing was asked.');
  const database = new DatabaseSync(path, { readOnly: true });
  const found = looks.flatMap((sql) =>
    database
      .prepare(`explain query plan ${sql}`)
      .all()
      .map(({ detail }) => String(detail))
      .filter((detail) => /^SCAN /.test(detail) && GROWS.test(detail))
      .map((detail) => `${detail}: ${sql}`),
  );
  database.close();
  return found;
}
