import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openDatabase } from '../../db/client.ts';
import { migrate } from '../../db/migrate.ts';
import { openPlace } from '../../src/cli/place.ts';
import { suppress } from '../../src/people/suppression.ts';
import { buildOnce } from '../support/place.ts';

/*
 * A million people with random addresses, validated: as a ratio to the SQLite shell's own `.import` into a table with a unique index on
 * the address, in the same run; the most memory that it took; and how fast the pages of a serving site answer meanwhile. What is
 * finished is kept beside the file, so that a trial that was cut off goes on where it was; `--fresh` begins again.
 */

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    live: { type: 'boolean', default: true },
    fresh: { type: 'boolean', default: false },
  },
  allowNegative: true,
});
const rows = Number(values.rows);
const SUPPRESSED = 1000;
const folder = join(tmpdir(), `amends-import-million-${rows}`);
if (values.fresh) rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const file = join(folder, 'people.csv');
const notes = join(folder, 'notes.json');
const done: Record<string, Figures> = existsSync(notes) ? JSON.parse(readFileSync(notes, 'utf8')) : {};

type Figures = { seconds: number; cpuSeconds?: number; megabytes?: number; report?: Report; pages?: Pages };
type Report = {
  rows: number;
  imported: number;
  merged: { total: number; unchanged: number };
  refusedRows: number;
  suppressed: number;
};
type Pages = { asked: number; failed: number; p50: number; p99: number; before50: number; before99: number };

async function phase(name: string, work: () => Promise<Figures>): Promise<Figures> {
  if (!done[name]) {
    done[name] = await work();
    writeFileSync(notes, JSON.stringify(done));
  }
  const { seconds, cpuSeconds, megabytes } = done[name];
  const rate = new Intl.NumberFormat('en-GB').format(Math.round(rows / seconds));
  const cpu = cpuSeconds === undefined ? '' : `, ${cpuSeconds.toFixed(1)} s of processor`;
  console.log(
    `${name}: ${seconds.toFixed(1)} s${cpu}, ${rate} rows/s${megabytes ? `, at most ${Math.round(megabytes)} MB` : ''}`,
  );
  return done[name];
}

/** The same rows on every run; one in two hundred has an address that is none. */
async function makeFile(): Promise<void> {
  if (existsSync(file)) return;
  let state = 42;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const word = (length: number) =>
    Array.from({ length }, () => 'abcdefghijklmnopqrstuvwxyz0123456789'[Math.floor(random() * 36)]).join('');
  const out = createWriteStream(`${file}.part`);
  out.write('source,person_id,kind,first_name,last_name,email,time_zone,billing_id,city\n');
  for (let at = 0; at < rows; ) {
    let text = '';
    for (const until = Math.min(rows, at + 2000); at < until; at += 1) {
      const email = `${word(12)}${at % 200 === 0 ? '' : '@'}${word(10)}.example`;
      text += `crm,p-${at},customer,${word(6)},${word(9)},${email},Europe/London,cus_${word(14)},${word(10)}\n`;
    }
    if (!out.write(text)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'close');
  renameSync(`${file}.part`, file);
}

async function shell(): Promise<Figures> {
  const path = join(folder, 'shell.db');
  rmSync(path, { force: true });
  const columns = 'source,person_id,kind,first_name,last_name,email,time_zone,billing_id,city';
  execFileSync('sqlite3', [path, `create table people(${columns}); create unique index address on people(email);`]);
  const began = performance.now();
  const child = spawn('sqlite3', [path, '-cmd', '.mode csv', `.import --skip 1 ${file} people`], { stdio: 'inherit' });
  await once(child, 'close');
  const seconds = (performance.now() - began) / 1000;
  rmSync(path, { force: true });
  return { seconds };
}

/** The command as people run it, its memory looked at ten times a second. */
async function command(settings: Record<string, string>): Promise<Figures> {
  const began = performance.now();
  const child = spawn(
    process.execPath,
    [
      // As `npm run amends` starts it.
      '--disable-warning=ExperimentalWarning',
      '--max-semi-space-size=8',
      'src/cli/main.ts',
      'import',
      file,
      '--json',
      '--errors',
      join(folder, 'mend.csv'),
    ],
    { env: { ...process.env, ...settings }, stdio: ['ignore', 'pipe', 'ignore'] },
  );
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  let megabytes = 0;
  let cpuSeconds = 0;
  const look = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      megabytes = Math.max(megabytes, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
      const times = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
      cpuSeconds = (Number(times[11]) + Number(times[12])) / 100;
    } catch {
      // It has ended.
    }
  }, 100);
  await once(child, 'close');
  clearInterval(look);
  const { refused: _, ...report } = JSON.parse(out);
  return { seconds: (performance.now() - began) / 1000, cpuSeconds, megabytes, report };
}

async function withSuppressions(path: string): Promise<void> {
  const db = await openDatabase(`file:${path}`);
  await migrate(db);
  const lines = execFileSync('head', ['-n', String(SUPPRESSED * 2), file])
    .toString()
    .split('\n')
    .slice(1);
  const addresses = lines.map((line) => line.split(',')[5] ?? '').filter((text) => text.includes('@'));
  await db.write(async (tx) => {
    for (const address of addresses.slice(0, SUPPRESSED)) await suppress(tx, address, 'stopped', new Date());
  });
  await db.close();
}

async function alone(): Promise<Figures> {
  rmSync(join(folder, 'alone.db'), { force: true });
  rmSync(join(folder, 'alone.db-wal'), { force: true });
  await withSuppressions(join(folder, 'alone.db'));
  return command({ DATABASE_URL: `file:${join(folder, 'alone.db')}` });
}

/** Asks for a personal page a hundred times a second, at random moments, whether or not the last answer has come. */
function asking(url: string) {
  const times: number[] = [];
  let failed = 0;
  let stop = false;
  const running = (async () => {
    const open: Promise<unknown>[] = [];
    let at = performance.now();
    while (!stop) {
      at += -Math.log(1 - Math.random()) * 10;
      await setTimeout(Math.max(0, at - performance.now()));
      const asked = at;
      open.push(
        fetch(url)
          .then(async (answer) => {
            await answer.arrayBuffer();
            if (answer.status !== 200) failed += 1;
            times.push(performance.now() - asked);
          })
          .catch(() => {
            failed += 1;
          }),
      );
    }
    await Promise.allSettled(open);
  })();
  return {
    async figures() {
      stop = true;
      await running;
      times.sort((a, b) => a - b);
      const part = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN;
      return { asked: times.length + failed, failed, p50: part(0.5), p99: part(0.99) };
    },
  };
}

async function live(): Promise<Figures> {
  await buildOnce();
  const data = join(folder, 'place');
  rmSync(data, { recursive: true, force: true });
  const place = await openPlace({ data, port: 23_000 });
  try {
    const url = place.links[0]!.url;
    const before = asking(url);
    await setTimeout(10_000);
    const quiet = await before.figures();
    const during = asking(url);
    const figures = await command(place.settings);
    const busy = await during.figures();
    return { ...figures, pages: { ...busy, before50: quiet.p50, before99: quiet.p99 } };
  } finally {
    await place.close();
    rmSync(data, { recursive: true, force: true });
  }
}

await makeFile();
console.log(
  `${new Intl.NumberFormat('en-GB').format(rows)} rows, ${(statSync(file).size / 1e6).toFixed(0)} MB; ${SUPPRESSED} addresses on the list of those we don’t write to.`,
);
const first = await phase('SQLite shell, before', shell);
const ours = await phase('amends import', alone);
const second = await phase('SQLite shell, after', shell);
const again = await phase('amends import, the same file again', () =>
  command({ DATABASE_URL: `file:${join(folder, 'alone.db')}` }),
);
const ratio = (first.seconds + second.seconds) / 2 / ours.seconds;
console.log(`Ratio to the shell: ${ratio.toFixed(2)} (wish 0.5).`);
const { report } = ours;
const accounted = report!.imported + report!.merged.total + report!.refusedRows === rows;
console.log(
  `${report!.imported} new, ${report!.refusedRows} refused, ${report!.suppressed} on the list. Accounted for: ${accounted ? 'yes' : 'NO'}.`,
);
const unchanged = again.report!.imported === 0 && again.report!.merged.unchanged === report!.imported;
console.log(`The same file again changes nothing: ${unchanged ? 'yes' : 'NO'}.`);
let failed = 0;
if (values.live) {
  const meanwhile = await phase('amends import beside a serving site', live);
  const pages = meanwhile.pages!;
  failed = pages.failed;
  console.log(
    `Pages meanwhile, 100 a second: ${pages.asked} asked, ${pages.failed} failed, p50 ${pages.p50.toFixed(1)} ms, p99 ${pages.p99.toFixed(1)} ms (before: ${pages.before50.toFixed(1)} and ${pages.before99.toFixed(1)}; wish for p99 25).`,
  );
}
const most = Math.max(ours.megabytes!, again.megabytes!);
const held = accounted && unchanged && failed === 0 && most <= 300;
console.log(held ? 'Held.' : 'NOT held.');
process.exitCode = held ? 0 : 1;
