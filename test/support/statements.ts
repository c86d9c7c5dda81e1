import { appendFileSync } from 'node:fs';
import { StatementSync } from 'node:sqlite';

/* Loaded before a process of ours: each statement that it runs is written, as JSON, into the file that STATEMENTS names. */

const file = process.env['STATEMENTS']!;
for (const how of ['all', 'get', 'run', 'iterate'] as const) {
  const run = StatementSync.prototype[how] as (...args: unknown[]) => unknown;
  Object.assign(StatementSync.prototype, {
    [how](this: StatementSync, ...args: unknown[]) {
      appendFileSync(file, `${JSON.stringify(this.sourceSQL)}\n`);
      return run.apply(this, args);
    },
  });
}
