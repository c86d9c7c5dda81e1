import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/* What a process asked its database, looked at by SQLite itself. */

/** What people here write, press or bring in, and what there is one row of: a handful, or hundreds, however many people there are. */
const SMALL = [
  ...['published_versions', 'drafts', 'sign_offs', 'confirmations', 'pictures', 'people_counts', 'outcome_counts'],
  ...['staff', 'staff_sessions', 'keys', 'holds', 'imports', 'uploads', 'choosings', 'batches', 'answer_batches'],
  ...['sending', 'surpluses', 'applied_migrations'],
];

/**
 * Read whole, and known: every “no” of somebody who was erased since they had come back. As many as those people, once after something was
 * written; all of them are wanted, and only an index of the noes alone would read fewer rows.
 */
const KNOWN =
  /^SCAN erased_answers: select .* where \("erased_answers"."no_on" is not null and "erased_answers"."kind" = \?\)$/;

/** What a process ran that was started with statements.ts before it. That it asked for the number of commits doesn't count. */
export function statementsIn(file: string): string[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as string).filter((sql) => !/^pragma data_version$/i.test(sql));
}

/** An automatic index is made for one statement, from the whole table. */
const READ_WHOLE = /^(?:SCAN|SEARCH(?= \w+ USING AUTOMATIC)) (\w+)/;

/** Where these statements read a table that grows with people from its beginning to its end. */
export function scansOf(path: string, statements: string[]): string[] {
  const looks = [...new Set(statements)].filter((sql) => /^\s*(select|with)\b/i.test(sql));
  if (looks.length === 0) throw new Error('Nothing was asked.');
  const database = new DatabaseSync(path, { readOnly: true });
  const tables = database.prepare("select name from sqlite_master where type = 'table'").all();
  const growing = tables.map(({ name }) => String(name)).filter((name) => !SMALL.includes(name));
  const found = looks.flatMap((sql) => {
    const plan = database.prepare(`explain query plan ${sql}`).all();
    return plan
      .map(({ detail }) => String(detail))
      .filter((detail) => growing.some((table) => namesOf(table, sql).includes(READ_WHOLE.exec(detail)?.[1] ?? '')))
      .map((detail) => `${detail}: ${sql}`)
      .filter((line) => !KNOWN.test(line));
  });
  database.close();
  return found;
}

/** What a statement calls a table: its own name, and what follows it in `from persons p` or `join "persons" as "p"`. */
function namesOf(table: string, sql: string): string[] {
  const called = new RegExp(`\\b${table}"?\\s+(?:as\\s+)?"?(\\w+)`, 'gi');
  return [table, ...[...sql.matchAll(called)].map(([, alias]) => alias!)];
}
