import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stream } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { sql } from 'drizzle-orm';
import sharp from 'sharp';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../db/client.ts';
import { inspectDatabase } from '../db/engines/copy.ts';
import { paymentEvents } from '../db/schema/rejoin.ts';
import { freePort, root, stopProcess, untilAnswers } from '../src/cli/processes.ts';
import { filesIn } from '../src/files.ts';
import { mintLink } from '../src/invitations/links.ts';
import { beginSession } from '../src/sessions/staff.ts';
import { openDraft } from '../src/staff/drafts.ts';
import type { FreshDatabase } from './support/database.ts';
import { buildOnce } from './support/place.ts';
import { castPerson, NOW, seededDatabase } from './support/seeded.ts';

/* The real web process while the disk fills up, while it is asked to end, while the site is built anew. */

let db: FreshDatabase;
let folder: string;
let site: ChildProcess;
let url: string;
let log: string;

beforeAll(() => buildOnce());
beforeEach(async () => {
  db = await seededDatabase();
  folder = mkdtempSync(join(tmpdir(), 'amends-durable-'));
  log = '';
});
afterEach(async () => {
  if (site) await stopProcess(site);
  await db.cleanup();
  rmSync(folder, { recursive: true, force: true });
});

async function start(databaseUrl: string, more: Record<string, string> = {}, house = root): Promise<void> {
  const port = await freePort(25_200);
  url = `http://127.0.0.1:${port}`;
  const settings = {
    ...{ DATABASE_URL: databaseUrl, AMENDS_URL: url, PORT: String(port), HOST: '127.0.0.1', LOG_LEVEL: 'info' },
    ...{ STRIPE_SECRET_KEY: 'sk_test_x', STRIPE_WEBHOOK_SECRET: 'whsec_x', STRIPE_API_BASE: 'http://127.0.0.1:9' },
    ...{ HEARTBEAT_FILE: join(folder, 'alive'), ...more },
  };
  site = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(house, 'src/server.ts')], {
    cwd: house,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...settings },
  });
  for (const stream of [site.stdout, site.stderr]) stream?.on('data', (chunk) => (log += chunk));
  await untilAnswers(`${url}/healthz`, site);
}

function sendEvent(id: string): Promise<Response> {
  const object = { id: `sub_${id}`, object: 'subscription', metadata: { note: 'x'.repeat(2000) } };
  const type = 'customer.subscription.updated';
  const body = JSON.stringify({ id, object: 'event', type, created: 1, data: { object } });
  const time = Math.floor(Date.now() / 1000);
  const signature = createHmac('sha256', 'whsec_x').update(`${time}.${body}`).digest('hex');
  const headers = { 'content-type': 'application/json', 'stripe-signature': `t=${time},v1=${signature}` };
  return fetch(`${url}/hooks/stripe`, { method: 'POST', headers, body });
}

/** A disk of its own, which only root can have. */
function smallDisk(megabytes: number): string | null {
  const at = join(folder, 'disk');
  mkdirSync(at);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', at]);
  return mounted.status === 0 ? at : null;
}

test('a full disk: 503 with a sentence, pages go on, nothing acknowledged is lost, and room is all it needs', async (context) => {
  const disk = smallDisk(90);
  if (disk === null) return context.skip('No disk can be mounted here.');
  try {
    const path = join(disk, 'amends.db');
    const maya = await castPerson(db.read, 'c-maya');
    const token = await db.write((tx) => mintLink(tx, { personId: maya.id, purpose: 'page', days: 9000 }, NOW));
    await db.fold();
    copyFileSync(db.path, path);
    await start(`file:${path}`);
    const press = () =>
      fetch(`${url}/for/${token}/no-thanks`, {
        method: 'POST',
        headers: { origin: url, 'content-type': 'application/x-www-form-urlencoded' },
        body: 'sure=yes',
        redirect: 'manual',
      });
    expect((await sendEvent('evt_first')).status).toBe(200);
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ ready: true, database: 'ok', disk: 'ok' });

    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, 'filler'), Buffer.alloc((bavail - 4) * bsize));
    const kept = ['evt_first'];
    let refused: Response | undefined;
    for (let n = 0; n < 300 && !refused; n += 1) {
      const reply = await sendEvent(`evt_${n}`);
      if (reply.status === 200) kept.push(`evt_${n}`);
      else refused = reply;
    }
    expect(refused!.status).toBe(503);
    expect(refused!.headers.get('retry-after')).toBe('60');
    expect(await refused!.json()).toEqual({ sentence: expect.stringContaining('nothing was changed') });
    const page = await press();
    expect(page.status).toBe(503);
    expect(await page.text()).toContain('This can’t be done right now');
    expect((await fetch(`${url}/`)).status).toBe(200);
    const notReady = await fetch(`${url}/readyz`);
    expect([notReady.status, await notReady.json()]).toEqual([503, expect.objectContaining({ disk: 'full' })]);

    rmSync(join(disk, 'filler'));
    expect((await sendEvent('evt_after')).status).toBe(200);
    expect((await press()).status).toBeLessThan(400);
    expect(site.exitCode).toBeNull();
    await stopProcess(site);
    const after = await openDatabase(`file:${path}`);
    const ids = (await after.read.select({ id: paymentEvents.id }).from(paymentEvents)).map(({ id }) => id);
    await after.close();
    expect([...kept, 'evt_after'].filter((id) => !ids.includes(id))).toEqual([]);
    expect(inspectDatabase(path).sound).toBe(true);
  } finally {
    await stopProcess(site);
    spawnSync('umount', [disk]);
  }
}, 120_000);

/** A connection of its own, with a request that is sent at once. */
function knock(path: string): { answered: Promise<string>; connected: Promise<unknown> } {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  const answered = new Promise<string>((resolve) => {
    let text = '';
    socket.on('data', (chunk) => (text += chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code!));
    socket.on('close', () => resolve(text.split('\r\n')[0]!));
  });
  return { answered, connected: once(socket, 'connect') };
}

test('a full disk and the commands: each ends with 2 and says how to go on; room is all they need', async (context) => {
  const disk = smallDisk(60);
  if (disk === null) return context.skip('No disk can be mounted here.');
  try {
    await db.fold();
    copyFileSync(db.path, join(disk, 'amends.db'));
    const recipient = await identityToRecipient(await generateIdentity());
    const people = readFileSync(join(root, 'db/cast.csv'), 'utf8').split('\n');
    const row = (at: number) =>
      `more,p-${at},customer,Ann,Lee,,,,2026-06-02,Team,,,,,,,k-${at},2026-03-23,email,${'x'.repeat(900)},,,,,,,`;
    writeFileSync(
      join(folder, 'more.csv'),
      [people[0], ...Array.from({ length: 6000 }, (_, at) => row(at))].join('\n'),
    );
    const settings = {
      ...{ DATABASE_URL: `file:${join(disk, 'amends.db')}`, ERASURES_FILE: join(disk, 'erasures'), LOG_LEVEL: 'error' },
      ...{ UPLOADS_DIR: join(disk, 'uploads'), MAILBOX_DIR: join(disk, 'mailbox'), BACKUP_DIR: join(disk, 'backups') },
    };
    const amends = (...args: string[]) => {
      const command = [join(root, 'src/cli/main.ts'), ...args];
      const env = { ...process.env, ...settings, BACKUP_RECIPIENTS: recipient };
      const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: root, env, encoding: 'utf8' });
      return { status, said: stdout + stderr };
    };
    const fill = (leave: number) => {
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(join(disk, 'filler'), Buffer.alloc(Math.max(0, bavail * bsize - leave)));
    };
    const commands = [
      ['import', join(folder, 'more.csv')],
      ['backup'],
      ['person', 'erase', 'cast', 'c-ines', '--yes'],
      ['link', 'cast', 'c-maya'],
    ];
    fill(3_000_000);
    const [importing = [], ...others] = commands;
    expect(amends(...importing)).toEqual({ status: 2, said: expect.stringContaining('run the same command again') });
    rmSync(join(disk, 'filler'));
    fill(0);
    for (const command of others) {
      expect([command, amends(...command)]).toEqual([
        command,
        { status: 2, said: expect.stringContaining('run the same command again') },
      ]);
    }
    rmSync(join(disk, 'filler'));
    expect(inspectDatabase(join(disk, 'amends.db')).sound).toBe(true);
    for (const command of commands) expect([command, amends(...command)]).toMatchObject([command, { status: 0 }]);
    const after = await openDatabase(settings.DATABASE_URL);
    const [more] = await after.read.all<[number]>(sql`select count(*) from persons where source = 'more'`);
    await after.close();
    expect(more).toEqual([6000]);
  } finally {
    spawnSync('umount', [disk]);
  }
}, 120_000);

test('asked to end, it answers those whose connections it had not looked at yet', async () => {
  await start(db.url);
  const ended = once(site, 'exit');
  // A process that is stopped looks at nothing; the kernel goes on taking connections for it.
  site.kill('SIGSTOP');
  const knocks = Array.from({ length: 40 }, () => knock('/issues'));
  await Promise.all(knocks.map(({ connected }) => connected));
  site.kill('SIGTERM');
  site.kill('SIGCONT');
  const answers = await Promise.all(knocks.map(({ answered }) => answered));
  expect(answers.filter((line) => line !== 'HTTP/1.1 200 OK')).toEqual([]);
  expect(await ended).toEqual([0, null]);
});

/** Five hundred requests by 25 askers; of each request, what became of it. A third of the way the process is asked to end. */
async function fiveHundred(ask: (agent: Agent, at: number) => Promise<string>): Promise<{ [outcome: string]: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 25 });
  const outcomes: { [outcome: string]: number } = {};
  let asked = 0;
  const askers = Array.from({ length: 25 }, async () => {
    while (asked < 500) {
      asked += 1;
      const outcome = await ask(agent, asked);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      if (asked === 150) site.kill('SIGTERM');
    }
  });
  await Promise.all(askers);
  agent.destroy();
  return outcomes;
}

/** The status, or the code of what went wrong; `idle` when a connection that had been idle was closed: nothing was taken. */
function outcomeOf(agent: Agent, address: string): Promise<string> {
  return new Promise((resolve) => {
    const one = request(address, { agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(String(response.statusCode)));
      response.on('error', (error: NodeJS.ErrnoException) => resolve(error.code!));
    });
    one.on('error', (error: NodeJS.ErrnoException) => resolve(one.reusedSocket ? 'idle' : error.code!));
    one.end();
  });
}

test('while systemd holds the port, whoever asks between one process and the next waits, and is answered', async () => {
  const port = await freePort(25_300);
  url = `http://127.0.0.1:${port}`;
  const held = heldPort(port);
  const startOn = () => {
    const settings = { DATABASE_URL: db.url, AMENDS_URL: url, HEARTBEAT_FILE: join(folder, 'alive'), LISTEN_FDS: '1' };
    // As systemd does it: the process is told by its number that the port is meant for it. PORT is somebody else’s.
    const own = ['-c', 'LISTEN_PID=$$ exec "$0" "$@"', process.execPath, '--disable-warning=ExperimentalWarning'];
    return spawn('sh', [...own, join(root, 'src/server.ts')], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit', held],
      env: { ...process.env, ...settings, PORT: '1', LOG_LEVEL: 'silent' },
    });
  };
  site = startOn();
  await untilAnswers(`${url}/healthz`, site);
  const ended = once(site, 'exit');
  site.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  const asked = fetch(`${url}/issues`);
  await setTimeout(300);
  site = startOn();
  expect((await asked).status).toBe(200);
  held.close();
});

/** A port that is taken, and at which this process does not listen. */
function heldPort(port: number): Stream & { close(): void } {
  type Handle = Stream & { bind(host: string, port: number): number; close(): void };
  type Wrap = { TCP: new (kind: number) => Handle; constants: { SERVER: number } };
  const { TCP, constants } = (process as unknown as { binding(name: string): Wrap }).binding('tcp_wrap');
  const held = new TCP(constants.SERVER);
  if (held.bind('127.0.0.1', port) !== 0) throw new Error(`Port ${port} is taken.`);
  return held;
}

test('asked to end in the middle of 500 requests, it answers every one that it took', async () => {
  await start(db.url);
  const ended = once(site, 'exit');
  // Nobody else is there to ask: what comes after the end is refused, and not one is cut off.
  const outcomes = await fiveHundred((agent) => outcomeOf(agent, `${url}/issues`));
  expect(await ended).toEqual([0, null]);
  const { 200: answered = 0, ECONNREFUSED = 0, idle = 0, ...lost } = outcomes;
  expect(lost).toEqual({});
  expect(answered + ECONNREFUSED + idle).toBe(500);
  expect(answered).toBeGreaterThanOrEqual(100);
  // Whatever the process took it answered to its end, and the asker has it.
  expect(log.match(/"path":"\/issues","status":200/g)?.length).toBe(answered);
}, 60_000);

test('one of two is asked to end: who balances sees it in time, and of 500 requests none is refused or lost', async () => {
  await start(db.url, { LEAVING_SECONDS: '5' });
  const [first, firstUrl] = [site, url];
  await start(db.url);
  const [second, secondUrl] = [site, url];
  site = first;
  try {
    let ready = [firstUrl, secondUrl];
    const look = setInterval(async () => {
      for (const one of [firstUrl, secondUrl]) {
        const { ok } = await fetch(`${one}/readyz`).catch(() => ({ ok: false }));
        ready = [...ready.filter((other) => other !== one), ...(ok ? [one] : [])];
      }
    }, 100);
    const outcomes = await fiveHundred((agent, at) => outcomeOf(agent, `${ready[at % ready.length]}/issues`));
    clearInterval(look);
    expect(outcomes).toEqual({ 200: 500 });
    await expect.poll(() => first.exitCode, { timeout: 15_000 }).toBe(0);
  } finally {
    await stopProcess(second);
  }
}, 60_000);

test('each request has an id in its answer and in the log', async () => {
  await start(db.url);
  const { headers } = await fetch(`${url}/nothing-here`);
  const id = headers.get('x-request-id');
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  await setTimeout(50);
  const lines = log.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
  expect(lines.find((line) => line.request === id)).toMatchObject({
    path: '/nothing-here',
    status: 404,
    process: 'web',
  });
});

describe('whether it is alive, and ready', () => {
  test('alive needs nothing; ready needs a database of this version; jobs are said', async () => {
    await start(db.url);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({
      ready: true,
      database: 'ok',
      disk: 'ok',
      jobs: 'not seen',
    });
    writeFileSync(join(folder, 'alive'), '');
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ jobs: 'ok' });
  });

  test('a database that is newer than the code is not ready, and says so to whoever balances', async () => {
    await db.write((tx) => tx.run(sql`insert into applied_migrations values ('9999_later', 'x', 0)`));
    await start(db.url);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const reply = await fetch(`${url}/readyz`);
    expect([reply.status, await reply.json()]).toEqual([503, expect.objectContaining({ database: 'away' })]);
  });
});

test('a build under a running site, and an update of its packages: pages that nobody had opened yet go on', async () => {
  const house = join(folder, 'house');
  for (const part of ['src', 'db', 'content', 'dist', 'package.json'])
    cpSync(join(root, part), join(house, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(house, 'node_modules'));
  const exports = { collection: 'proofs', documentId: 'exports-finish' } as const;
  await db.write((tx) => openDraft(tx, { ...exports, by: 'grace' }, NOW));
  const secret = await db.write((tx) => beginSession(tx, 'grace', undefined, new Date()));
  await start(db.url, { TRUSTED_PROXIES: '127.0.0.1' }, house);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  await expect.poll(() => log, { timeout: 20_000 }).toContain('every page is read');
  rmSync(join(house, 'dist'), { recursive: true });
  rmSync(join(house, 'node_modules'));
  const pages = readdirSync(join(root, 'src/pages'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(astro|ts)$/.test(name),
  );
  const broken: string[] = [];
  for (const [at, page] of pages.entries()) {
    // Each from somewhere else, or after twenty wrong links there would be nothing but 429.
    const headers = { 'x-forwarded-for': `198.51.100.${at}` };
    const path = `/${page.replace(/(\/?index)?\.(astro|ts)$/, '').replaceAll(/\[[^\]]+\]/g, 'exports-finish')}`;
    const { status } = await fetch(url + path, { headers, redirect: 'manual' });
    // That page is there to be shown when something broke.
    if ((status >= 500 || status === 429) && path !== '/500') broken.push(`${path} ${status}`);
  }
  expect(pages.length).toBeGreaterThan(90);
  expect(broken).toEqual([]);
  // What pages need only for one press is there as well: the check of a text, the frame of a letter, what reads a picture.
  const desk = (path: string, body?: FormData) =>
    fetch(`${url}/staff/${path}`, {
      headers: { cookie: `amends-staff=${secret}`, origin: url },
      ...(body && { method: 'POST', body }),
      redirect: 'manual',
    });
  const red = sharp({ create: { width: 9, height: 9, channels: 3, background: '#a00' } });
  const picture = new FormData();
  picture.set('picture', new Blob([new Uint8Array(await red.png().toBuffer())]), 'a.png');
  picture.set('alt', 'A red dot.');
  const text = new FormData();
  text.set('body', 'We hear you.');
  const answers = [
    await desk('letters/answered/as-html'),
    await desk('drafts/proofs/exports-finish'),
    await desk('drafts/proofs/exports-finish/check', text),
    await desk('drafts/proofs/exports-finish/picture', picture),
  ];
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 303]);
}, 90_000);

test('what was built is answered from memory: a new build may take it off the disk', async () => {
  mkdirSync(join(folder, 'client/_astro'), { recursive: true });
  writeFileSync(join(folder, 'client/_astro/a.css'), 'p { color: red }');
  writeFileSync(join(folder, 'client/robots'), 'x');
  const files = filesIn(join(folder, 'client'));
  rmSync(join(folder, 'client'), { recursive: true });
  const { createServer } = await import('node:http');
  const server = createServer((asked, response) => {
    if (!files(asked, response, asked.url!)) response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const get = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
  const css = await get('/_astro/a.css');
  expect([css.status, css.headers.get('content-type'), await css.text()]).toEqual([
    200,
    'text/css; charset=utf-8',
    'p { color: red }',
  ]);
  const tag = css.headers.get('etag')!;
  expect((await get('/_astro/a.css', { headers: { 'if-none-match': tag } })).status).toBe(304);
  expect(await (await get('/_astro/a.css', { method: 'HEAD' })).text()).toBe('');
  for (const path of ['/_astro', '/', '/_astro/b.css']) expect([path, (await get(path)).status]).toEqual([path, 404]);
  expect((await get('/_astro/a.css', { method: 'POST' })).status).toBe(404);
  expect(readdirSync(folder)).toEqual([]);
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});
