import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { brotliCompressSync } from 'node:zlib';
import { eq, sql } from 'drizzle-orm';
import { links } from '../../db/schema/invitations.ts';
import { complaints, departures, persons } from '../../db/schema/people.ts';
import { buildSite } from '../../src/cli/place.ts';
import { freePort, root, startProcess, stopProcess, untilAnswers } from '../../src/cli/processes.ts';
import { mintBatch } from '../../src/invitations/links.ts';
import { hashSecret } from '../../src/shared/secrets.ts';
import type { FreshDatabase } from '../support/database.ts';
import { seededDatabase } from '../support/seeded.ts';
import { addPeople } from './people.ts';

/*
 * `npm run bench`: what is slow, beside what it could cost at most. Every figure stands beside a limit that was measured in the same run,
 * taken in turns with it, because these machines are shared; a target is a ratio wherever one makes sense.
 */

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    people: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`Use: npm run bench [-- --quick] [-- --people 100000] [-- --only B1,B5] [-- --json]

Measures pages, database, import, links and letters, each beside a limit taken in the same run. --quick takes under three minutes.
The table also goes to .data/bench.json. Ends with 0 whatever the figures are: they are for reading. What CI holds fast (bytes, query
plans, counts) stands in the tests.`);
  process.exit(0);
}
const people = Number(values.people ?? (values.quick ? 10_000 : 100_000));
const rounds = values.quick ? 2 : 5;
const seconds = values.quick ? 2 : 5;
const now = new Date();

type Row = {
  id: string;
  what: string;
  figure: string;
  limit: string;
  ratio: number | null;
  target: string;
  reached: boolean | null;
};
const rows: Row[] = [];
const say = (text: string) => (values.json ? console.error(text) : console.log(text));
const wanted = (id: string) => !values.only || values.only.split(',').includes(id);

function row(
  id: string,
  what: string,
  figure: string,
  limit: string,
  ratio: number | null,
  target: string,
  reached: boolean | null,
) {
  rows.push({ id, what, figure, limit, ratio, target, reached });
  const verdict = reached === null ? '' : reached ? 'reached' : 'MISSED';
  say(
    `${id.padEnd(4)} ${what}: ${figure}${limit ? `; limit ${limit}` : ''}${ratio === null ? '' : `; ratio ${ratio.toFixed(2)}`} (${target}) ${verdict}`,
  );
}

const median = (list: number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]!;
const folder = mkdtempSync(join(tmpdir(), 'amends-bench-'));
const children: ChildProcess[] = [];

type Loaded = { perSecond: number; p50: number; p99: number; errors: number };
function load(base: string, paths: string[], how: { connections?: number; rate?: number; encoding?: string }): Loaded {
  const file = join(folder, 'paths');
  writeFileSync(file, paths.join('\n'));
  const order = JSON.stringify({ base, paths: file, seconds, ...how });
  const loaded = JSON.parse(
    execFileSync(process.execPath, [join(root, 'test/bench/load.ts'), order], { encoding: 'utf8' }),
  ) as Loaded;
  // A figure of pages that failed would be a figure of nothing.
  if (loaded.errors > 0)
    throw new Error(`${loaded.errors} of what was asked of ${base}${paths[0]?.slice(0, 5)}… failed.`);
  return loaded;
}

/** Both in turns, `rounds` times; the medians. */
function inTurns(ours: () => Loaded, theirs: () => Loaded): [Loaded, Loaded] {
  const [mine, limit]: [Loaded[], Loaded[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    mine.push(ours());
    limit.push(theirs());
  }
  const of = (all: Loaded[]) => ({
    perSecond: median(all.map((one) => one.perSecond)),
    p50: median(all.map((one) => one.p50)),
    p99: median(all.map((one) => one.p99)),
    errors: all.reduce((sum, one) => sum + one.errors, 0),
  });
  return [of(mine), of(limit)];
}

async function serve(db: FreshDatabase): Promise<{ url: string; child: ChildProcess; ready: number }> {
  const port = await freePort(26_000);
  const url = `http://127.0.0.1:${port}`;
  const began = performance.now();
  const child = startProcess('src/server.ts', [], {
    DATABASE_URL: db.url,
    AMENDS_URL: url,
    PORT: String(port),
    LOG_LEVEL: 'silent',
  });
  children.push(child);
  await untilAnswers(`${url}/robots.txt`, child);
  return { url, child, ready: performance.now() - began };
}

async function raw(db: FreshDatabase, file: string): Promise<string> {
  const port = await freePort(26_500);
  const child = spawn(process.execPath, [join(root, 'test/bench/raw.ts'), String(port), db.path, file], {
    stdio: 'inherit',
  });
  children.push(child);
  await untilAnswers(`http://127.0.0.1:${port}/file`, child);
  return `http://127.0.0.1:${port}`;
}

const memoryOf = (child: ChildProcess) =>
  Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;

say(
  `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}; load before: ${loadavg()[0]!.toFixed(1)}. ${people} people.`,
);

try {
  buildSite(() => {});

  const db = await seededDatabase();
  const tokens = await addPeople(db, people, now);
  await db.write((tx) => tx.run(sql`analyze`));
  const site = await serve(db);
  const proof = '/proofs/exports-finish';
  const html = await (await fetch(site.url + proof)).text();
  const file = join(folder, 'proof.html');
  writeFileSync(file, html);
  const limit = await raw(db, file);
  const pages = Array.from(
    { length: Math.min(tokens.length, 5000) },
    (_, at) => `/for/${tokens[(at * 7919) % tokens.length]}`,
  );

  if (wanted('B1')) {
    const [ours, theirs] = inTurns(
      () => load(site.url, [proof], { connections: 32 }),
      () => load(limit, ['/file'], { connections: 32 }),
    );
    const ratio = ours.perSecond / theirs.perSecond;
    row(
      'B1',
      'a proof, 32 at a time',
      `${Math.round(ours.perSecond)}/s, p99 ${ms(ours.p99)}`,
      `${Math.round(theirs.perSecond)}/s, the same bytes from memory`,
      ratio,
      '≥ 0.50',
      ratio >= 0.5,
    );
  }
  if (wanted('B2')) {
    const [ours, theirs] = inTurns(
      () => load(site.url, pages, { connections: 32 }),
      () => load(limit, pages, { connections: 32 }),
    );
    const ratio = ours.perSecond / theirs.perSecond;
    row(
      'B2',
      'personal pages, 32 at a time',
      `${Math.round(ours.perSecond)}/s, p99 ${ms(ours.p99)}`,
      `${Math.round(theirs.perSecond)}/s: three statements and a template`,
      ratio,
      '≥ 0.30',
      ratio >= 0.3,
    );
  }
  if (wanted('B3')) {
    const rate = 100;
    const [ours, theirs] = inTurns(
      () => load(site.url, pages, { rate }),
      () => load(limit, pages, { rate }),
    );
    row(
      'B3',
      `personal pages, ${rate} a second whatever happens`,
      `p50 ${ms(ours.p50)}, p99 ${ms(ours.p99)}`,
      `p50 ${ms(theirs.p50)}, p99 ${ms(theirs.p99)}`,
      ours.p99 / theirs.p99,
      'p99 ≤ 5 × limit',
      ours.p99 <= 5 * theirs.p99,
    );
  }

  /** The statements of one page, without HTTP: our way to the database, and the driver alone. */
  const layer = async (of: FreshDatabase, all: string[]): Promise<[ours: number[], theirs: number[]]> => {
    const own = new DatabaseSync(of.path, { readOnly: true });
    const statements = [
      own.prepare('select * from links where hash = ?'),
      own.prepare('select * from persons where id = ?'),
      own.prepare('select * from complaints where person_id = ?'),
      own.prepare('select * from departures where person_id = ?'),
    ] as const;
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let at = 0; at < 3000; at += 1) {
      const hash = hashSecret(all[(at * 7919) % all.length]!);
      let began = performance.now();
      const [link] = await of.read.select().from(links).where(eq(links.hash, hash));
      await of.read.select().from(persons).where(eq(persons.id, link!.personId));
      await of.read.select().from(complaints).where(eq(complaints.personId, link!.personId));
      await of.read.select().from(departures).where(eq(departures.personId, link!.personId));
      ours.push((performance.now() - began) * 1000);
      began = performance.now();
      const found = statements[0].get(hash) as { person_id: string };
      statements[1].get(found.person_id);
      statements[2].all(found.person_id);
      statements[3].all(found.person_id);
      theirs.push((performance.now() - began) * 1000);
    }
    own.close();
    return [ours.slice(500), theirs.slice(500)];
  };
  if (wanted('B4') || wanted('B5')) {
    const [ours, theirs] = await layer(db, tokens);
    const [mine, driver] = [median(ours), median(theirs)];
    row(
      'B5',
      'four statements of a personal page, without HTTP',
      `${mine.toFixed(0)} µs`,
      `${driver.toFixed(0)} µs: node:sqlite, prepared`,
      mine / driver,
      '≤ 1.8',
      mine / driver <= 1.8,
    );
    const small = await seededDatabase();
    const few = await addPeople(small, 1000, now);
    const [before] = await layer(small, few);
    await small.cleanup();
    const grown = mine / median(before);
    row(
      'B4',
      `the same with ${people} people as with 1,000`,
      `${mine.toFixed(0)} µs`,
      `${median(before).toFixed(0)} µs`,
      grown,
      '≤ 1.30',
      grown <= 1.3,
    );
  }
  if (wanted('B8')) {
    const many = values.quick ? 20_000 : 200_000;
    const other = await seededDatabase();
    const [{ id }] = (await other.read.select({ id: persons.id }).from(persons).limit(1)) as [{ id: string }];
    let began = performance.now();
    await mintBatch(
      other,
      Array.from({ length: many }, () => id),
      90,
      now,
    );
    const ours = many / ((performance.now() - began) / 1000);
    began = performance.now();
    for (let at = 0; at < many; at += 1) createHash('sha256').update(randomBytes(32).toString('base64url')).digest();
    const theirs = many / ((performance.now() - began) / 1000);
    await other.cleanup();
    row(
      'B8',
      `${many} links minted`,
      `${Math.round(ours)}/s`,
      `${Math.round(theirs)}/s: only made and hashed`,
      ours / theirs,
      'a million ≤ 60 s: ≥ 16,667/s',
      ours >= 16_667,
    );
  }
  if (wanted('B13')) {
    const personal = await (await fetch(site.url + pages[0]!)).text();
    for (const [what, text, most] of [
      ['a proof', html, 20 * 1024],
      ['a personal page', personal, 12 * 1024],
    ] as const) {
      const br = brotliCompressSync(text).length;
      const scripts = text.match(/<script/g)?.length ?? 0;
      row(
        'B13',
        `${what}, HTML`,
        `${(text.length / 1024).toFixed(1)} KB, ${(br / 1024).toFixed(1)} KB as br, ${scripts} scripts`,
        '',
        null,
        `≤ ${most / 1024} KB br, 0 scripts`,
        br <= most && scripts === 0,
      );
    }
  }
  if (wanted('B15')) {
    const fresh = await serve(db);
    await fetch(fresh.url + pages[0]!);
    const idle = memoryOf(fresh.child);
    load(fresh.url, pages, { connections: 32 });
    const after = memoryOf(fresh.child);
    await stopProcess(fresh.child);
    row(
      'B15',
      'memory of the web process',
      `${idle.toFixed(0)} MB, ${after.toFixed(0)} MB under load`,
      '',
      null,
      '≤ 110 / 256 MB',
      idle <= 110 && after <= 256,
    );
  }
  if (wanted('B16')) {
    const times: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const began = performance.now();
      const fresh = await serve(db);
      await fetch(fresh.url + pages[round]!);
      times.push(performance.now() - began);
      await stopProcess(fresh.child);
      const booted = performance.now();
      spawnSync(process.execPath, ['-e', '0']);
      bare.push(performance.now() - booted);
    }
    row(
      'B16',
      'from nothing to a first personal page',
      ms(median(times)),
      `${ms(median(bare))}: node alone`,
      null,
      '≤ 350 ms',
      median(times) <= 350,
    );
  }
  if (wanted('B17')) {
    const began = performance.now();
    const done = spawnSync(join(root, 'node_modules/.bin/astro'), ['build', '--outDir', join(folder, 'dist')], {
      cwd: root,
    });
    if (done.status !== 0) throw new Error('The build failed.');
    const built = performance.now() - began;
    row(
      'B17',
      'the build; it does not grow with proofs, which are read when asked for',
      ms(built),
      '',
      null,
      '≤ 8 s',
      built <= 8000,
    );
  }
  await db.cleanup();
} finally {
  for (const child of children) await stopProcess(child);
  rmSync(folder, { recursive: true, force: true });
}

const elsewhere = {
  'B6, B7': 'npm run trials -- import-million',
  B10: 'npm run trials -- kill-sending',
  'B9, B11, B12, B14': 'not part of this yet; see test/bench/README.md',
};
for (const [id, where] of Object.entries(elsewhere)) say(`${id}: ${where}`);
const result = {
  at: now.toISOString(),
  machine: { cpus: cpus().length, model: cpus()[0]?.model, load: loadavg() },
  people,
  rows,
};
mkdirSync(join(root, '.data'), { recursive: true });
writeFileSync(join(root, '.data/bench.json'), `${JSON.stringify(result, null, 2)}\n`);
if (values.json) console.log(JSON.stringify(result));
