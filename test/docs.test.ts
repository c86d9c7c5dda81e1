import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { VERBS } from '../src/cli/main.ts';
import { freePort, root, untilAnswers } from '../src/cli/processes.ts';
import { readSettings, SETTINGS } from '../src/env.ts';
import { refusesBody } from '../src/server.ts';
import { type FreshDatabase, freshDatabase } from './support/database.ts';
import { buildOnce } from './support/place.ts';
import { seededDatabase } from './support/seeded.ts';

/*
 * What the documents say is so: each command in them is run, in a copy of the house with a place of its own, or says why it
 * can't be; each link leads to a file; each verb, script and setting that is named is there.
 */

const DOCUMENTS = [
  ...readdirSync(join(root, 'src/docs')).map((name) => `src/docs/${name}`),
  ...readdirSync(join(root, '.github')).map((name) => `.github/${name}`),
];
const textOf = (document: string) => readFileSync(join(root, document), 'utf8');

/** What a block may hold that nobody types: the rest of its first line. */
const DATA = ['', 'text', 'json', 'yaml', 'csv', 'markdown', 'ts', 'html', 'http'];

type Block = { how: string; commands: string };
const blocksIn = (document: string): Block[] =>
  [...textOf(document).matchAll(/^```sh ?(.*)\n([\s\S]*?)^```$/gm)].map(([, how, commands]) => ({
    how: how!,
    commands: commands!,
  }));
const isRun = ({ how }: Block) => how.startsWith('runs');

test('each command is run, or says what it needs', () => {
  const unsaid = DOCUMENTS.flatMap((document) =>
    blocksIn(document)
      .filter(({ how }) => !/^(runs( beside the example)?(; exits \d: .+)?|needs .+|not run: .+)$/.test(how))
      .map(({ commands }) => `${document}: ${commands}`),
  );
  expect(unsaid).toEqual([]);
  expect(DOCUMENTS.flatMap(blocksIn).filter(isRun).length).toBeGreaterThan(6);
});

test('what could be typed stands in a block that is run, or says why not', () => {
  const typed = /^(\$ |# ?(npm|amends|systemctl) )|^(sudo |npm |npx |node |curl |amends |git |docker |podman )/m;
  const unseen = [...DOCUMENTS, 'README.md'].flatMap((document) =>
    [...textOf(document).matchAll(/^[ \t]*(?:```+|~~~+)([^\n]*)\n([\s\S]*?)^[ \t]*(?:```+|~~~+)[ \t]*$/gm)]
      .filter(([fence, how, text]) => !fence.startsWith('```sh') && (!DATA.includes(how!.trim()) || typed.test(text!)))
      .map(([fence]) => `${document}: ${fence}`),
  );
  expect(unseen).toEqual([]);
});

test('no document is longer than two screens of a book', () => {
  expect(DOCUMENTS.filter((document) => textOf(document).split('\n').length > 151)).toEqual([]);
});

test('each table says why it is there, and no other does', async () => {
  const db = await freshDatabase();
  const tables = await db.read.all<[string]>(sql`select name from sqlite_master where type = 'table'`);
  await db.cleanup();
  const said = [...textOf('src/docs/tables.md').matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name!);
  expect(said.toSorted()).toEqual(tables.map(([name]) => name).toSorted());
});

test.each([...DOCUMENTS, 'README.md'])('%s names only files, verbs and scripts that are there', (document) => {
  const text = textOf(document);
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, to]) => to!);
  const files = readdirSync(root, { encoding: 'utf8' });
  for (const link of links) {
    const path = resolve(root, dirname(document), link);
    expect([link, files.includes(path.slice(root.length + 1).split('/')[0]!)]).toEqual([link, true]);
    expect(() => readdirSync(dirname(path)).includes(path.split('/').at(-1)!) || fail(link)).not.toThrow();
  }
  const known = new Set(Object.keys(VERBS));
  const named = [...text.matchAll(/\bamends -- ([a-z][a-z-]+)|`amends ([a-z-]+)/g)].map((one) => (one[1] ?? one[2])!);
  expect(named.filter((verb) => !known.has(verb))).toEqual([]);
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
  const run = [...text.matchAll(/\bnpm run (?:-s )?([a-z:]+)/g)].map(([, name]) => name!);
  expect(run.filter((name) => !(name in scripts))).toEqual([]);
});

function fail(what: string): never {
  throw new Error(`${what} is not there.`);
}

test('the settings to begin with are settings, and refuse to start until they are filled in', () => {
  const lines = readFileSync(join(root, '.deploy/production.env'), 'utf8').matchAll(/^([A-Z_]+)=(.*)$/gm);
  const file = Object.fromEntries([...lines].map(([, name, value]) => [name!, value!]));
  expect(() => readSettings(file, file)).toThrow('SUPPRESSION_KEY is not set');
  expect(() => readSettings({ ...file, SUPPRESSION_KEY: 'x'.repeat(64) }, file)).not.toThrow();
});

test('whatever is written by itself on a machine of its own has a place where the services may write', () => {
  const written = Object.entries(SETTINGS).filter(([, { default: standard }]) => standard.includes('.data/'));
  expect(written.length).toBeGreaterThan(5);
  for (const where of ['production.env', 'Containerfile']) {
    const text = readFileSync(join(root, '.deploy', where), 'utf8');
    const unsaid = written.filter(
      ([name]) => !new RegExp(`^\\s*(ENV )?${name}=(file:)?/var/lib/amends/`, 'm').test(text),
    );
    expect([where, unsaid.map(([name]) => name)]).toEqual([where, []]);
  }
});

test('what starts the processes names files that are there', () => {
  for (const name of ['amends', 'amends-web.service', 'amends-jobs.service', 'Containerfile', 'compose.yaml']) {
    const text = readFileSync(join(root, '.deploy', name), 'utf8');
    const started = [...text.matchAll(/\bsrc\/[\w/]+\.ts/g)].map(([file]) => file);
    for (const file of started) expect(() => readFileSync(join(root, file))).not.toThrow();
  }
  const compose = parse(readFileSync(join(root, '.deploy/compose.yaml'), 'utf8'), { merge: true });
  expect(compose.services).toMatchObject({ web: { image: 'amends', healthcheck: {} }, jobs: { image: 'amends' } });
  const web = readFileSync(join(root, '.deploy/amends-web.service'), 'utf8');
  const jobs = readFileSync(join(root, '.deploy/amends-jobs.service'), 'utf8');
  const hardened = (unit: string) =>
    unit.split('\n').filter((line) => /^(No|Protect|Private|Restrict|Lock|Cap|Sys)/.test(line));
  expect(hardened(jobs)).toEqual(hardened(web));
  expect(hardened(web).length).toBeGreaterThan(15);
});

test('both proxies put the visitor’s address in place of what was sent, let through what the site takes, and log no personal address', () => {
  const [nginx, caddy] = ['nginx.conf', 'Caddyfile'].map((name) => textOf(`.deploy/${name}`)) as [string, string];
  const locations = [...nginx.matchAll(/^ {2}location [^\n]*\{\n([\s\S]*?)^ {2}\}/gm)].map(([, inside]) => inside!);
  const passing = locations.filter((inside) => inside.includes('proxy_pass'));
  expect(passing).toHaveLength(2);
  for (const inside of passing) {
    expect([...inside.matchAll(/X-Forwarded-For (.*);/g)].map(([, to]) => to)).toEqual(['$remote_addr']);
  }
  expect(nginx).not.toContain('$proxy_add_x_forwarded_for');
  expect([...caddy.matchAll(/^\s*header_up (\S*X-Forwarded-For) (.*)$/gm)].map(([, name, to]) => [name, to])).toEqual([
    ['X-Forwarded-For', '{remote_host}'],
  ]);

  // What the site takes, the largest file of people at the desk, and refuses with a page of its own, reaches it.
  const sizes = [/client_max_body_size (\d+)m;/.exec(nginx)?.[1], /max_size (\d+)MiB$/m.exec(caddy)?.[1]];
  expect(sizes).toEqual(['26', '26']);
  expect(refusesBody('POST', '/staff/import', String(26 * 2 ** 20))).toBe(413);

  // Which addresses are somebody's own is said once, in src/server.ts.
  const personal = /const PERSONAL = \/\^\\\/\(([\w|-]+)\)/.exec(textOf('src/server.ts'))![1]!.split('|');
  const pages = readdirSync(join(root, 'src/pages'), { recursive: true, encoding: 'utf8' });
  const secret = personal.filter((room) =>
    pages.some((page) => new RegExp(`^${room}/(.*/)?\\[(link|token)\\]`).test(page)),
  );
  expect(secret.length).toBeGreaterThan(4);
  expect(/"~\^\/\(\?<room>([\w|-]+)\)/.exec(nginx)![1]!.split('|').toSorted()).toEqual(secret.toSorted());
  expect(/log_format amends '(.*)';/.exec(nginx)![1]).not.toMatch(/\$request\b|request_uri|\$uri|args|referer|cookie/);
  expect([...nginx.matchAll(/^ *(?:access|error)_log (.*);$/gm)].map(([, how]) => how)).toEqual([
    'off',
    '/var/log/nginx/amends.log amends',
    '/var/log/nginx/amends.error.log crit',
  ]);
  expect(caddy).not.toMatch(/^\s*log\b/m);
  // Nor do they compress or keep them. Letters of the demo are seen on its own machine only.
  const apart = [
    /location ~ \^\/\(([\w|-]+)\)/.exec(nginx)![1]!.split('|'),
    [.../@public not path (.*)/.exec(caddy)![1]!.matchAll(/\/([\w-]+)(?=\/|\s|$)/g)].map(([, room]) => room!),
  ];
  for (const rooms of apart) expect(personal.filter((room) => !rooms.includes(room))).toEqual(['demo']);
});

describe('run', () => {
  let folder: string;
  let example: FreshDatabase;
  beforeAll(async () => {
    await buildOnce();
    folder = mkdtempSync(join(tmpdir(), 'amends-docs-'));
    const built = ['dist', 'astro.config.mjs', 'tsconfig.json'];
    for (const name of ['src', 'db', 'content', 'package.json', 'package-lock.json', ...built]) {
      cpSync(join(root, name), join(folder, name), { recursive: true, preserveTimestamps: true });
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    example = await seededDatabase();
  });
  afterAll(async () => {
    await example?.cleanup();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(DOCUMENTS.filter((document) => blocksIn(document).some(isRun)))(
    '%s',
    { timeout: 90_000 },
    async (document) => {
      const own = join(folder, document.replaceAll('/', '-'));
      for (const { how, commands } of blocksIn(document).filter(isRun)) {
        const database = how.includes('beside the example') ? example.url : `file:${own}/amends.db`;
        const here = commands.replaceAll(/\/var\/(lib|backups)\/amends/g, `${own}/$1`);
        const { code, out } = await shell(document.includes('developers') ? here : SHORT + here, folder, {
          NODE_NO_WARNINGS: '1',
          NODE_COMPILE_CACHE: join(tmpdir(), 'amends-docs-compiled'),
          DATABASE_URL: database,
          AMENDS_URL: 'https://changes.harbour.example',
          SUPPRESSION_KEY: 'for-the-length-of-this-test',
          MAILBOX_DIR: join(own, 'mailbox'),
          UPLOADS_DIR: join(own, 'uploads'),
          SENDING_FENCE: join(own, 'sending.json'),
          ERASURES_FILE: join(own, 'erasures.ndjson'),
        });
        expect([commands, out, code]).toEqual([commands, out, Number(/exits (\d)/.exec(how)?.[1] ?? 0)]);
      }
    },
  );

  test('the demo opens, prints its tour, shows the pages it names, and ends at Ctrl-C; `npm start` does so without it', {
    timeout: 90_000,
  }, async () => {
    const port = await freePort(25_600);
    const demo = started('src/cli/demo.ts', ['--port', String(port)], folder, {});
    try {
      await expect.poll(demo.out, { timeout: 60_000 }).toContain('Ctrl-C ends it.');
      expect(demo.out()).not.toContain('Building the site');
      const [page] = /http:\S+\/for\/[\w-]{43}/.exec(demo.out())!;
      expect((await fetch(page)).status).toBe(200);
    } finally {
      demo.child.kill('SIGINT');
    }
    expect([await demo.ended, demo.out()]).toEqual([0, expect.not.stringMatching(/error/i)]);

    const settings = parseEnv(readFileSync(join(folder, '.data/demo.env'), 'utf8'));
    const start = started('src/cli/start.ts', [], folder, settings);
    try {
      await untilAnswers(`http://127.0.0.1:${port}`, start.child);
    } finally {
      start.child.kill('SIGINT');
    }
    expect([await start.ended, start.out()]).toEqual([0, expect.stringContaining('Amends is starting at')]);
    const unpaid = started('src/cli/start.ts', [], folder, { ...settings, STRIPE_API_BASE: '' });
    expect([await unpaid.ended, unpaid.out()]).toEqual([2, expect.stringContaining('No payment provider is set.')]);
  });
});

/** One of the programs behind `npm run`, with what it says. */
function started(program: string, args: string[], cwd: string, settings: NodeJS.Dict<string>) {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], ...settings },
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      out += chunk;
    });
  }
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  return { child, ended, out: () => out };
}

/**
 * `amends`, as .deploy/amends installs it, and `npm run amends --` without the second that npm takes for itself each time; the
 * developers' page goes through npm.
 */
const SHORT = `amends() { '${process.execPath}' src/cli/main.ts "$@"; }
npm() {
  if [ "$1 $2 $3" = "run amends --" ]; then shift 3; amends "$@"
  else command npm "$@"; fi
}
`;

function shell(
  commands: string,
  cwd: string,
  settings: Record<string, string>,
): Promise<{ code: number; out: string }> {
  return new Promise((done, failed) => {
    const child = spawn('bash', ['-euo', 'pipefail', '-c', commands], { cwd, env: { ...process.env, ...settings } });
    let out = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        out += chunk;
      });
    }
    child.once('error', failed);
    child.once('close', (code) => done({ code: code ?? -1, out }));
  });
}
