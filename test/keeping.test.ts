import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keeper } from '../src/keeping.ts';

let server: Server;
let stamp: number | null = 1;
let now = 0;
let made: string[] = [];
let headers: Record<string, string | string[]> = {};
let status = 200;

beforeEach(async () => {
  [stamp, now, made, status] = [1, 0, [], 200];
  headers = { 'cache-control': 'public, max-age=0, s-maxage=30', etag: 'W/"one"', 'content-type': 'text/html' };
  const pages = keeper(
    () => stamp,
    () => now,
  );
  server = createServer((asked, response) => {
    pages(asked, response, () => {
      made.push(asked.url!);
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      response.statusCode = status;
      response.write('Ünfixed, ');
      response.end(Buffer.from('and said so. '.repeat(100)));
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
});
afterEach(() => {
  server.close();
});

const TEXT = `Ünfixed, ${'and said so. '.repeat(100)}`;

async function get(path = '/', sent: Record<string, string> = {}, method = 'GET') {
  const { port } = server.address() as AddressInfo;
  const answer = await new Promise<{ status: number; headers: IncomingHttpHeaders; body: Buffer }>(
    (resolve, reject) => {
      const call = request({ port, host: '127.0.0.1', path, headers: sent, method }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part) => parts.push(part));
        response.on('end', () =>
          resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(parts) }),
        );
      });
      call.once('error', reject);
      call.end();
    },
  );
  await setTimeout(150); // a page is compressed after it was sent
  return answer;
}

test('a public page is made once, and again when something was written', async () => {
  expect((await get()).body.toString()).toBe(TEXT);
  expect((await get()).body.toString()).toBe(TEXT);
  expect((await get('/', {}, 'HEAD')).body).toHaveLength(0);
  expect(made).toEqual(['/']);
  await get('/?state=holding');
  stamp = 2;
  await get();
  expect(made).toEqual(['/', '/?state=holding', '/']);
});

test('what was made before something was written is not taken for what is made after', async () => {
  await get();
  stamp = 2;
  headers['etag'] = 'W/"two"';
  expect((await get()).headers.etag).toBe('W/"two"');
  expect((await get()).headers.etag).toBe('W/"two"');
  expect(made).toHaveLength(2);
});

test('days pass without anybody writing: after a minute it is made anew', async () => {
  await get();
  now = 59_000;
  await get();
  expect(made).toHaveLength(1);
  now = 60_000;
  await get();
  expect(made).toHaveLength(2);
});

test('it is sent as small as the browser can read, and not at all to who has it', async () => {
  await get();
  const br = await get('/', { 'accept-encoding': 'gzip, deflate, br' });
  expect(br.headers).toMatchObject({ 'content-encoding': 'br', vary: 'Accept-Encoding', etag: 'W/"one"' });
  expect(brotliDecompressSync(br.body).toString()).toBe(TEXT);
  const gzip = await get('/', { 'accept-encoding': 'br;q=0, gzip;q=0.5' });
  expect(gunzipSync(gzip.body).toString()).toBe(TEXT);
  expect((await get('/', { 'accept-encoding': 'identity' })).body.toString()).toBe(TEXT);
  const kept = await get('/', { 'if-none-match': 'W/"zero", "one"' });
  expect([kept.status, kept.body.length, kept.headers['content-length']]).toEqual([304, 0, undefined]);
  expect((await get('/', { 'if-none-match': 'W/"zero"' })).status).toBe(200);
  expect(made).toHaveLength(1);
});

test.each([
  ['a private page', { 'cache-control': 'private, no-store' }, 200],
  ['a page that says nothing of being kept', { 'cache-control': 'no-cache' }, 200],
  ['a page with a cookie', { 'set-cookie': ['a=b'] }, 200],
  ['a page that is not there', {}, 404],
])('%s is never kept', async (_, more, code) => {
  headers = { ...headers, ...more };
  status = code;
  await get();
  await get();
  expect(made).toHaveLength(2);
});

test('where nobody can say whether something was written, nothing is kept', async () => {
  stamp = null;
  await get();
  await get();
  expect(made).toHaveLength(2);
});

test('a press is never answered from memory', async () => {
  await get();
  await get('/', { 'content-length': '0' }, 'POST');
  expect(made).toHaveLength(2);
});
