import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from '../src/cli/processes.ts';
import { mintLink } from '../src/invitations/links.ts';
import { mayChange, pathOf, refusesBody, withoutSecrets } from '../src/server.ts';
import type { FreshDatabase } from './support/database.ts';
import { buildOnce } from './support/place.ts';
import { castPerson, NOW, seededDatabase } from './support/seeded.ts';
import { type Answer, type Site, startSite } from './support/site.ts';

const SITE = 'https://amends.example';
const TOKEN = 'A'.repeat(43);
const PATHS = [
  '/',
  `/for/${TOKEN}/rejoin`,
  `/for/${TOKEN}/stop`,
  `/check-in/${TOKEN}`,
  '/hook',
  '/stopper',
  '/demo/mailbox',
];
const ORIGINS = [
  undefined,
  '',
  'null',
  'nonsense',
  'https://evil.example',
  'http://amends.example',
  'https://amends.example:8443',
  'https://amends.example.evil.example',
  'https://evilamends.example',
  'https://sub.amends.example',
  'http://127.0.0.1:443',
];

test('reading is always allowed, from anywhere', () => {
  for (const path of [...PATHS, '/hooks/stripe', `/stop/${TOKEN}`])
    for (const origin of [...ORIGINS, SITE])
      for (const method of ['GET', 'HEAD']) expect(mayChange(method, path, origin, SITE)).toBe(true);
});

test('a change is allowed from our own pages only', () => {
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
    for (const path of PATHS) {
      expect(mayChange(method, path, SITE, SITE)).toBe(true);
      for (const origin of ORIGINS)
        expect([path, origin, mayChange(method, path, origin, SITE)]).toEqual([path, origin, false]);
    }
});

test('a signed webhook, the one-press stop and a system that measures have no page behind them', () => {
  for (const origin of [...ORIGINS, SITE]) {
    expect(mayChange('POST', '/hooks/stripe', origin, SITE)).toBe(true);
    expect(mayChange('POST', `/stop/${TOKEN}`, origin, SITE)).toBe(true);
    expect(mayChange('POST', '/measurements/exports-finish/failed', origin, SITE)).toBe(true);
  }
});

test('nothing else hides behind their addresses', () => {
  for (const path of [
    `/hooks/../for/${TOKEN}/rejoin`,
    `/stop/../for/${TOKEN}/rejoin`,
    `/hooks/%2e%2e/for/${TOKEN}/rejoin`,
    `/hooks/..%2ffor/${TOKEN}/rejoin`,
    `/hooks\\..\\for/${TOKEN}/rejoin`,
    `/stop/${TOKEN}/../../for/${TOKEN}/rejoin`,
    `//hooks/for/${TOKEN}`,
    `/measurements/../for/${TOKEN}`,
    `/measurements/x/../../for/${TOKEN}/rejoin`,
    '/measurements/x/y/z',
    '/measurements/x',
    '/staff/measuring',
    `/for/hooks/stripe`,
  ])
    expect([path, mayChange('POST', path, 'https://evil.example', SITE)]).toEqual([path, false]);
});

test('on this machine its names are one place; another port or machine is not', () => {
  const here = 'http://127.0.0.1:4321';
  for (const origin of ['http://localhost:4321', 'http://127.0.0.1:4321', 'http://[::1]:4321'])
    expect(mayChange('POST', '/for/x/rejoin', origin, here)).toBe(true);
  for (const origin of [
    'http://localhost:4322',
    'https://localhost:4321',
    'http://localhost.evil.example:4321',
    'http://10.0.0.1:4321',
  ])
    expect(mayChange('POST', '/for/x/rejoin', origin, here)).toBe(false);
});

test.each([
  ['GET', '/for/x', undefined, null],
  ['HEAD', '/for/x', undefined, null],
  ['POST', '/for/x', undefined, 411],
  ['POST', '/for/x', '0', null],
  ['POST', '/for/x', '65536', null],
  ['POST', '/for/x', '65537', 413],
  ['PUT', '/for/x', '65537', 413],
  ['POST', '/hooks/stripe', '65537', null],
  ['POST', '/hooks/stripe', '262144', null],
  ['POST', '/hooks/stripe', '262145', 413],
  ['POST', '/hooks', '65537', 413],
  ['POST', '/measurements/x/y', '262144', null],
  ['POST', '/measurements/x/y', '262145', 413],
  ['POST', '/staff/drafts/proofs/exports-finish', '2000000', null],
  ['POST', '/staff/drafts/proofs/exports-finish/picture', '3000000', 413],
  ['POST', '/staff/people', '70000', 413],
] as const)('%s %s of %s bytes: %s', (method, path, length, status) => {
  expect(refusesBody(method, path, length)).toBe(status);
});

test('however a path is spelled, it is the one by which its page is found; what can’t be read is none', () => {
  for (const path of [
    `/for/${TOKEN}`,
    `/%66or/${TOKEN}`,
    `/%252566or/${TOKEN}`,
    `/x/../for/${TOKEN}`,
    `/x/%2e%2e/for/${TOKEN}`,
    `/./for/${TOKEN}/`,
    `//for//${TOKEN}`,
    `/\\for\\${TOKEN}`,
    `/for/%41${TOKEN.slice(1)}`,
  ])
    expect([path, pathOf(path)]).toEqual([path, `/for/${TOKEN}`]);
  expect(pathOf('/')).toBe('/');
  expect(pathOf('//')).toBe('/');
  expect(pathOf(`/for%2f${TOKEN}`)).toBe(`/for%2f${TOKEN}`);
  for (const path of ['/%', '/%E0%A4%A', `/for/%25${TOKEN}`, `/%${'25'.repeat(12)}66or/${TOKEN}`])
    expect([path, pathOf(path)]).toEqual([path, null]);
});

test('no token and no query is in a log', () => {
  expect(withoutSecrets(`/for/${TOKEN}/rejoin`)).toBe('/for/:link/rejoin');
  expect(withoutSecrets(`/check-in/${TOKEN}?code=123456`)).toBe('/check-in/:link');
  expect(withoutSecrets('/proofs/exports-finish')).toBe('/proofs/exports-finish');
});

describe('started', () => {
  let db: FreshDatabase;
  let site: Site;
  let token: string;
  beforeAll(async () => {
    await buildOnce();
    db = await seededDatabase();
    const maya = await castPerson(db.read, 'c-maya');
    token = await db.write((tx) => mintLink(tx, { personId: maya.id, purpose: 'page', days: 9000 }, NOW));
    site = await startSite(21_900, { DATABASE_URL: db.url, LOG_LEVEL: 'info' });
  });
  afterAll(async () => {
    await site?.stop();
    await db.cleanup();
  });

  const ask: Site['ask'] = (...asked) => site.ask(...asked);
  const anAsset = () => `/_astro/${readdirSync(join(root, 'dist/client/_astro'))[0]}`;
  const ours = () => ({ origin: site.origin });

  test('every response carries every header, whatever its status and whoever made it', async () => {
    const answers: [number, Promise<Answer>][] = [
      [200, ask('GET', '/')],
      [200, ask('HEAD', '/')],
      [200, ask('GET', anAsset())],
      [200, ask('GET', '/proofs/exports-finish/failed.csv')],
      [404, ask('GET', '/nothing-here')],
      [404, ask('GET', '/_astro/nothing.css')],
      [404, ask('GET', `/for/${TOKEN}`)],
      [404, ask('GET', '/for/nonsense')],
      [403, ask('POST', `/for/${token}/rejoin`, { origin: 'https://evil.example' })],
      [403, ask('POST', `/for/${token}/rejoin`)],
      [411, ask('POST', '/hooks/stripe', { 'transfer-encoding': 'chunked' }, 'x')],
      [413, ask('POST', `/for/${token}/rejoin`, ours(), 'x'.repeat(64 * 1024 + 1))],
      [413, ask('POST', '/hooks/stripe', {}, 'x'.repeat(256 * 1024 + 1))],
      [400, ask('POST', '/hooks/stripe', {}, '{}')],
      [405, ask('PUT', '/')],
      [405, ask('TRACE', '/')],
    ];
    for (const [status, answering] of answers) {
      const { status: got, headers } = await answering;
      expect(got).toBe(status);
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(headers['content-security-policy']).toContain("form-action 'self'");
      expect(headers['content-security-policy']).not.toMatch(/unsafe|script-src/);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'strict-origin',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'permissions-policy': expect.stringContaining('payment=()'),
        'cache-control': expect.any(String),
      });
      expect(headers['x-powered-by']).toBeUndefined();
    }
  });

  test('personal addresses are kept by nobody and found by no search; public ones and files may be kept', async () => {
    for (const path of [`/for/${token}`, `/for/${TOKEN}`, `/check-in/${TOKEN}`, `/stop/${TOKEN}`, '/demo/mailbox']) {
      const { headers } = await ask('GET', path);
      expect(headers).toMatchObject({ 'cache-control': 'private, no-store', 'x-robots-tag': 'noindex, noarchive' });
    }
    const home = await ask('GET', '/');
    expect(home.headers['cache-control']).toMatch(/^public, max-age=0, s-maxage=30, stale-while-revalidate=30$/);
    expect((await ask('GET', '/nowhere')).headers['cache-control']).toBe('no-cache');
    expect((await ask('GET', anAsset())).headers['cache-control']).toContain('immutable');
  });

  test('a body of 64 KB is read, a byte more is not; a longer one than it says reaches nobody', async () => {
    expect((await ask('POST', `/for/${TOKEN}/rejoin`, ours(), 'x'.repeat(64 * 1024))).status).not.toBe(413);
    expect((await ask('POST', `/for/${TOKEN}/rejoin`, ours(), 'x'.repeat(64 * 1024 + 1))).status).toBe(413);
    // Said to be endless: refused before the first byte of it.
    const socket = connect(site.port, '127.0.0.1');
    socket.write('POST /hooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n');
    const [said] = await once(socket, 'data');
    socket.destroy();
    expect(String(said)).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('strange request lines neither end the process nor get around the origin check', async () => {
    const evil = { origin: 'https://evil.example' };
    for (const path of [
      '//',
      '///',
      '//evil.example/',
      '/%',
      '/%E0%A4%A',
      '/%00',
      '/\\',
      '/for/%2e%2e',
      `/${'a'.repeat(7000)}`,
    ]) {
      const { status } = await ask('GET', path);
      expect([path, status < 500]).toEqual([path, true]);
    }
    for (const path of [
      `/hooks/../for/${token}/no-thanks`,
      `/hooks/%2e%2e/for/${token}/no-thanks`,
      `/hooks/..%2ffor/${token}/no-thanks`,
      `/stop/../for/${token}/no-thanks`,
      `//hooks/../for/${token}/no-thanks`,
    ]) {
      const { status } = await ask('POST', path, evil);
      expect([path, [403, 404].includes(status)]).toEqual([path, true]);
    }
    expect((await castPerson(db.read, 'c-maya')).declinedAt).toBeNull();
    expect(site.child.exitCode).toBeNull();
  });

  test('a foreign Host and its forwarded kin are reflected nowhere', async () => {
    const foreign = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' };
    for (const path of ['/', `/for/${token}`, `/for/${TOKEN}`, '/nothing-here', '/proofs/exports-finish']) {
      const { body, headers } = await ask('GET', path, foreign);
      expect(body + JSON.stringify(headers)).not.toContain('evil.example');
    }
    const pressed = await ask('POST', `/for/${TOKEN}/rejoin`, { ...foreign, ...ours() });
    expect(JSON.stringify(pressed.headers)).not.toContain('evil.example');
  });

  test('unknown, malformed and well-formed links that are dead look the same', async () => {
    const answers = await Promise.all(
      [TOKEN, 'nonsense', 'B'.repeat(43), `${token}x`].map((link) => ask('GET', `/for/${link}`)),
    );
    const same = answers.map(({ status, body, headers }, at) => {
      const link = [TOKEN, 'nonsense', 'B'.repeat(43), `${token}x`][at]!;
      return { status, body: body.replaceAll(link, ''), type: headers['content-type'], keep: headers['cache-control'] };
    });
    for (const one of same) expect(one).toEqual(same[0]);
  });

  test('what the process logs holds no token, no address and no query', async () => {
    await ask('GET', `/for/${token}?email=maya@rennickpress.example`);
    await setTimeout(50);
    expect(site.log()).toContain('/for/:link');
    expect(site.log()).not.toContain(token);
    expect(site.log()).not.toContain('rennickpress');
  });

  test('asked to end, it answers the request that is under way, takes no new one, and ends with 0', async () => {
    const socket = connect(site.port, '127.0.0.1');
    await once(socket, 'connect');
    let reply = '';
    socket.on('data', (chunk) => {
      reply += chunk;
    });
    // A webhook that is read to its end before it is judged; its last bytes are still to come.
    socket.write('POST /hooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345');
    await setTimeout(200);
    const ended = once(site.child, 'exit');
    site.child.kill('SIGTERM');
    const goOn = () =>
      ask('GET', '/healthz').then(
        () => 'answered',
        () => 'refused',
      );
    await expect.poll(goOn, { timeout: 5000, interval: 200 }).toBe('refused');
    expect(site.child.exitCode).toBeNull();
    const closed = once(socket, 'close');
    socket.write('67890');
    await closed;
    expect(reply).toMatch(/^HTTP\/1\.1 400 .*\r\nConnection: close\r\n/s);
    expect(await ended).toEqual([0, null]);
  });
});
