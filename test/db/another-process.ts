// What the tests of the database start beside themselves: `another-process.ts <verb> <url> …`. It says 'ready', waits
// for a line on its standard input, and prints one line for each thing done.
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { openDatabase } from '../../db/client.ts';
import { migrate } from '../../db/migrate.ts';

const [verb, url = '', name = '', count = ''] = process.argv.slice(2);
const say = (line: unknown) => writeSync(1, `${line}\n`);

const db = await openDatabase(url, { patience: 30_000 });
say('ready');
await once(process.stdin, 'data');

/** Three rows in one transaction: a half of it would show. */
async function note(round: number) {
  await db.write(async (tx) => {
    for (const part of [1, 2, 3]) {
      await tx.run(sql`insert into notes (writer, round, part) values (${name}, ${round}, ${part})`);
    }
  });
  say(round);
}

switch (verb) {
  case 'write':
    for (let round = 0; round < Number(count); round++) await note(round);
    break;
  case 'write-for-ever':
    for (let round = 0; ; round++) await note(round);
  case 'hold':
    await db.write(async (tx) => {
      await tx.run(sql`insert into notes (writer, round, part) values (${name}, 0, 1)`);
      say('held');
      await setTimeout(Number(count)); // what no real work may do
    });
    break;
  case 'migrate':
    say(JSON.stringify(await migrate(db, name)));
}

await db.close();
process.exit();
