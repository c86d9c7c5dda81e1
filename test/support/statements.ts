import { appendFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/* Loaded before a process of ours: each statement that it prepares is written, as JSON, into the file that STATEMENTS names. */

const file = process.env['STATEMENTS']!;
const prepare = DatabaseSync.prototype.prepare;
DatabaseSync.prototype.prepare = function (this: DatabaseSync, sql: string) {
  appendFileSync(file, `${JSON.stringify(sql)}\n`);
  return prepare.call(this, sql);
};
