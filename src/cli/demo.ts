import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bold, openPlace, type Place, runningAt } from './place.ts';
import { root } from './processes.ts';

const help = `Use: npm run demo [-- --fresh] [-- --port N]

Starts everything on this machine, without a key, an account or a network: the site, the jobs, a local payment sandbox
and a mailbox. Keeps its data in .data; a second start takes seconds and goes on where you were.

  --fresh    throw the demo's data away and begin again
  --port N   the first port to try (4321); the next free one is taken`;

const { values } = parseArgs({
  options: { fresh: { type: 'boolean' }, port: { type: 'string' }, help: { type: 'boolean' } },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

const data = join(root, '.data');
const running = await runningAt(join(data, 'demo.env'));
if (running) {
  console.error(`The demo is running already, at ${running}. End it there with Ctrl-C, or use it.`);
  process.exit(2);
}
if (values.fresh) await rm(data, { recursive: true, force: true });
const first = !existsSync(join(data, 'amends.db'));

let place: Place;
try {
  place = await openPlace({ data, port: Number(values.port ?? 4321), say: (line) => console.log(line) });
} catch (error) {
  console.error(`The demo could not start. ${error instanceof Error ? error.message : String(error)}`);
  process.exit(2);
}

const { url, links } = place;
if (links.length === 0) ownTour();
else exampleTour();
console.log('\nCtrl-C ends it. The data stays in .data.');

// Ctrl-C reaches every process of the terminal, and this one twice: the first counts.
let ending = false;
async function end(code: number, why?: string): Promise<void> {
  if (ending) return;
  ending = true;
  if (why) console.error(why);
  await place.close();
  process.exit(code);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void end(0));
place.ended.then((what) => end(1, `${what} ended unexpectedly, so everything stops.`));

/** Once the example is removed, the place is somebody's own. */
function ownTour(): void {
  console.log(`
${bold(`Your pages are at ${url}`)}
The desk:              ${url}/staff
What comes next:       ${url}/staff/guide
Letters and codes:     ${url}/demo/mailbox   (nothing leaves this machine)
Bring in your people:  npm run amends -- import <file> --dry-run`);
}

function exampleTour(): void {
  const of = (key: string) => links.find((link) => link.member.key === key)!;
  console.log(`
${bold(`Northline has ${first ? 'opened' : 'reopened'} at ${url}`)}
Northline is made up, and so are its people. Payments go to a sandbox on this machine; letters to ${url}/demo/mailbox

${bold('Three minutes through it')}
 1. What was wrong, fixed or not:        ${url}/
 2. A proof, and the numbers behind it:  ${url}/proofs/exports-finish
                                         ${url}/proofs/exports-finish/failed.csv
    Check all of it yourself:            npm run amends -- verify ${url}
 3. Maya left over it. Her page:         ${of('maya').url}
    Press “Review and rejoin”, then “Rejoin and pay”. Nothing is typed.
 4. A week later (in another terminal):  npm run amends -- due --in 8
    Her letter with one question:        ${url}/demo/mailbox   (the pages stay on today’s date)
    Press “No, it is not fixed”.
 5. What everyone sees from now on:      ${url}/
 6. Who may be invited, and why not:     npm run amends -- gate
    What nobody has answered yet:        npm run amends -- coverage
 7. The desk, where all this is written: ${url}/staff
    Sign in as grace.adeyemi@northline.example; the code is in the mailbox.
 8. Tariq worked here. His page:         ${of('tariq').url}
    Ask for a code (it is in the mailbox), read the role, accept the offer: his first week asks for four things of twelve.
    What HR sees of it:                  ${url}/staff/returning   (ruth.abernethy@northline.example)

${bold('Everyone’s own page')} (new links at each start; they work for 90 days)`);
  for (const { member, url: address } of links) console.log(`  ${member.name}\n    ${member.story}\n    ${address}`);
}
