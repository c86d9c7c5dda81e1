// What the kill test starts: `walk-process.ts <person id> <database>…`. It says 'ready', waits for a line, and walks the whole way back
// to work in each database, the next beginning two presses behind; it says what was acknowledged, and in which.
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { openDatabase } from '../../db/client.ts';
import { walk } from './walk.ts';

const [personId = '', ...urls] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);

const databases = await Promise.all(urls.map((url) => openDatabase(url)));
say('ready');
await once(process.stdin, 'data');
const walks: Promise<void>[] = [];
function begin(at: number): void {
  const db = databases[at];
  if (!db) return;
  let said = 0;
  const walked = walk(db, personId, (line) => {
    say(`${at} ${line}`);
    said += 1;
    if (said === 2) begin(at + 1);
  });
  walks.push(walked);
}
begin(0);
// The list grows as they begin.
for (const walked of walks) await walked;
process.exit();
