import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stream } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../db/client.ts';
import { inspectDatabase } from '../db/engines/copy.ts';
import { paymentEvents } from '../db/schema/rejoin.ts';
import { freePort, root, stopProcess, untilAnswers } from '../src/cli/processes.ts';
import { filesIn } from '../src/files.ts';
import { mintLink } from '../src/invitations/links.ts';
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
  await stopProcess(site);
  await db.cleanup();
  rmSync(folder, { recursive: true, force: true });
});

async function start(databaseUrl: string): Promise<void> {
  const port = await freePort(25_200);
  url = `http://127.0.0.1:${port}`;
  const settings = {
    ...{ DATABASE_URL: databaseUrl, AMENDS_URL: url, PORT: String(port), HOST: '127.0.0.1', LOG_LEVEL: 'info' },
    ...{ STRIPE_SECRET_KEY: 'sk_test_x', STRIPE_WEBHOOK_SECRET: 'whsec_x', STRIPE_API_BASE: 'http://127.0.0.1:9' },
    HEARTBEAT_FILE: join(folder, 'alive'),
  };
  site = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'src/server.ts')], {
    cwd: root,
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
  const agent = new Agent({ keepAlive: true, maxSockets: 25 });
  let [answered, refused, dropped, asked, ending] = [0, 0, 0, 0, false];
  const ask = () =>
    new Promise<void>((resolve) => {
      asked += 1;
      const one = request(`${url}/issues`, { agent }, (response) => {
        response.resume();
        response.on('end', () => {
          if (response.statusCode === 200) answered += 1;
          else dropped += 1;
          resolve();
        });
        response.on('error', () => {
          dropped += 1;
          resolve();
        });
      });
      one.on('error', (error: NodeJS.ErrnoException) => {
        // Nobody listened any more, or the connection still waited to be accepted, or was idle: nothing was taken. A proxy asks elsewhere.
        if (error.code === 'ECONNREFUSED' || one.reusedSocket || (ending && error.code === 'ECONNRESET')) refused += 1;
        else dropped += 1;
        resolve();
      });
      one.end();
    });
  const ended = once(site, 'exit');
  const askers = Array.from({ length: 25 }, async () => {
    while (asked < 500) await ask();
  });
  while (answered < 100) await setTimeout(5);
  ending = true;
  site.kill('SIGTERM');
  await Promise.all(askers);
  expect(await ended).toEqual([0, null]);
  agent.destroy();
  expect({ dropped, all: answered + refused }).toEqual({ dropped: 0, all: asked });
  expect(answered).toBeGreaterThanOrEqual(100);
  // Whatever the process took it answered to its end, and the asker has it.
  expect(log.match(/"path":"\/issues","status":200/g)?.length).toBe(answered);
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
    const { sql } = await import('drizzle-orm');
    await db.write((tx) => tx.run(sql`insert into applied_migrations values ('9999_later', 'x', 0)`));
    await start(db.url);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const reply = await fetch(`${url}/readyz`);
    expect([reply.status, await reply.json()]).toEqual([503, expect.objectContaining({ database: 'away' })]);
  });
});

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
