import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { complaints } from '../../db/schema/people.ts';
import { content } from '../people/intake/dump.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';

/*
 * An import of a made-up file, a thousand rows a transaction so that there are many of them, killed with -9 at random moments and run to its end at last. What stands then must
 * be what an import that nobody disturbed leaves.
 */

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '20' }, rows: { type: 'string', default: '60000' } },
});
const [kills, rows] = [Number(values.kills), Number(values.rows)];
const folder = mkdtempSync(join(tmpdir(), 'amends-kill-import-'));
const path = join(folder, 'people.csv');
writeFileSync(path, madeUp());

/** Several rows a person, far apart; blanks that a later row fills, values that disagree, and rows to refuse. */
function madeUp(): string {
  const header = 'source,person_id,kind,first_name,email,left_on,plan_or_role,complaint_id,said_on,words,gap';
  const lines = Array.from({ length: rows }, (_, at) => {
    const person = (at * 7919) % Math.ceil(rows / 2.2);
    const kind = at % 97 === 0 ? 'client' : 'customer';
    const name = at % 3 === 0 ? `Name ${person}` : '';
    const gap = ['value', 'trust', 'experience', 'growth', ''][at % 5];
    return `made-up,p-${person},${kind},${name},p${person}@load.example,2026-0${1 + (person % 9)},Plan ${at % 2},c-${at},2026-01-05,"Row ${at},\nin two lines.",${gap}`;
  });
  return `${[header, ...lines].join('\n')}\n`;
}

function importInto(db: FreshDatabase) {
  const child = spawn(process.execPath, ['test/people/intake/import-in-steps.ts', db.url, path, '1000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  return { child, ended: once(child, 'close'), report: () => JSON.parse(out) };
}

const [whole, killed] = [await freshDatabase(), await freshDatabase()];
const began = performance.now();
const undisturbed = importInto(whole);
await undisturbed.ended;
const alone = performance.now() - began;
const total = await whole.read.$count(complaints);

const reached: number[] = [];
let shrank = 0;
let early = 0;
for (let blow = 0; blow < kills; blow += 1) {
  const before = await killed.read.$count(complaints);
  const { child, ended } = importInto(killed);
  const exited = ended.then(() => (early += child.signalCode === 'SIGKILL' ? 0 : 1));
  // Until it adds rows, so that the blow falls within the work and not while the program starts.
  const more = before + Math.ceil(Math.random() * ((total - before) / (kills - blow)));
  while (child.exitCode === null && (await killed.read.$count(complaints)) < more) await setTimeout(2);
  await setTimeout(Math.random() * 20);
  child.kill('SIGKILL');
  await exited;
  const after = await killed.read.$count(complaints);
  if (after < before) shrank += 1;
  reached.push(after);
}
const last = importInto(killed);
await last.ended;
const report = last.report();
const again = importInto(killed);
await again.ended;

const same = isDeepStrictEqual(await content(killed), await content(whole));
const accounted = report.imported + report.merged.total + report.refused.length === rows;
const nothingNew = again.report().imported === 0 && again.report().merged.added === 0;
await whole.cleanup();
await killed.cleanup();
rmSync(folder, { recursive: true });

console.log(`${kills} kills of an import of ${rows} rows, which takes ${(alone / 1000).toFixed(1)} s when left alone.`);
console.log(`Complaints after each blow, of ${total}: ${reached.join(' ')}.`);
console.log(`Blows that came after its end: ${early}. Committed rows lost: ${shrank}.`);
console.log(`In the end the same, row for row, as without a blow: ${same ? 'yes' : 'NO'}.`);
console.log(
  `Imported + merged + refused = rows: ${accounted ? 'yes' : 'NO'}. A further run adds nothing: ${nothingNew ? 'yes' : 'NO'}.`,
);
process.exitCode = same && accounted && nothingNew && shrank === 0 ? 0 : 1;
