import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { namesTag } from './caching.ts';

/*
 * Public pages in memory, compressed, for as long as nothing in the database has changed: a page that everybody reads at once is made
 * once. Nothing personal is ever kept: only what a page itself calls public.
 */

type Body = { identity: Buffer; gzip?: Buffer; br?: Buffer };
type Kept = {
  headers: [string, string | number | readonly string[]][];
  etag: string | null;
  body: Body;
  stamp: number;
  at: number;
};

/** Days pass and updates fall due without anybody writing: then a page is made anew after this long. After a commit, at once. */
const KEPT_MS = 60_000;
const MOST_BYTES = 64 * 1024 * 1024;

const compressed = {
  // Two milliseconds for the largest page; more would gain a few per cent.
  br: (body: Buffer) => promisify(brotliCompress)(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
  gzip: (body: Buffer) => promisify(gzip)(body),
};

/**
 * Stands before what makes the pages. `stamp` is a number that is another one after every commit to the database; null: it
 * can't be said, and nothing is kept.
 */
export function keeper(stamp: () => number | null, clock = () => Date.now()) {
  const kept = new Map<string, Kept>();
  let bytes = 0;

  function forget(key: string): void {
    const page = kept.get(key);
    if (!page) return;
    kept.delete(key);
    for (const body of Object.values(page.body)) bytes -= body.length;
  }

  async function keep(key: string, page: Kept): Promise<void> {
    const [br, gz] = await Promise.all([compressed.br(page.body.identity), compressed.gzip(page.body.identity)]);
    forget(key);
    page.body = { identity: page.body.identity, br, gzip: gz };
    kept.set(key, page);
    for (const body of Object.values(page.body)) bytes += body.length;
    // The oldest go first; a Map remembers the order.
    for (const oldest of kept.keys()) {
      if (bytes <= MOST_BYTES) break;
      forget(oldest);
    }
  }

  /** Never for a page that is one person's: it would be taken apart byte by byte, and then not be kept. */
  return function answer(request: IncomingMessage, response: ServerResponse, make: () => void) {
    const key = request.url ?? '/';
    const before = request.method === 'GET' || request.method === 'HEAD' ? stamp() : null;
    if (before === null) return make();
    const page = kept.get(key);
    if (page && page.stamp === before && clock() - page.at < KEPT_MS) return send(request, response, page);
    if (request.method === 'GET' && request.headers['if-none-match'] === undefined) {
      whenMade(response, (identity) => {
        const etag = response.getHeader('etag')?.toString() ?? null;
        const headers = Object.entries(response.getHeaders()).filter(([name]) => !OF_ONE_ANSWER.includes(name));
        void keep(key, { headers: headers as Kept['headers'], etag, body: { identity }, stamp: before, at: clock() });
      });
    }
    make();
  };
}

/** What belongs to one answer and not to the page. */
const OF_ONE_ANSWER = ['date', 'connection', 'keep-alive', 'transfer-encoding', 'content-length', 'x-request-id'];

/** Hands on the whole body of a public page once it has been sent; of anything else nothing is looked at. */
function whenMade(response: ServerResponse, made: (body: Buffer) => void): void {
  const parts: Buffer[] = [];
  const take = (part: unknown, encoding: unknown) => {
    if (typeof part === 'string')
      parts.push(Buffer.from(part, typeof encoding === 'string' ? (encoding as 'utf8') : 'utf8'));
    else if (part instanceof Uint8Array) parts.push(Buffer.from(part));
  };
  const [write, end] = [response.write, response.end];
  response.write = function (this: ServerResponse, ...args: Parameters<typeof write>) {
    take(args[0], args[1]);
    return write.apply(this, args);
  } as typeof write;
  response.end = function (this: ServerResponse, ...args: Parameters<typeof end>) {
    take(args[0], args[1]);
    return end.apply(this, args);
  } as typeof end;
  response.once('finish', () => {
    const open = response.getHeader('cache-control')?.toString().startsWith('public');
    if (response.statusCode === 200 && open && !response.hasHeader('set-cookie')) made(Buffer.concat(parts));
  });
}

function send(request: IncomingMessage, response: ServerResponse, { headers, etag, body }: Kept): void {
  for (const [name, value] of headers) response.setHeader(name, value);
  response.setHeader('Vary', 'Accept-Encoding');
  if (etag !== null && namesTag(request.headers['if-none-match'], etag)) {
    response.removeHeader('Content-Type');
    response.writeHead(304).end();
    return;
  }
  const coding = (['br', 'gzip'] as const).find((one) => accepts(request, one));
  const bytes = (coding && body[coding]) || body.identity;
  if (coding && bytes !== body.identity) response.setHeader('Content-Encoding', coding);
  response.setHeader('Content-Length', bytes.length);
  response.writeHead(200);
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

function accepts(request: IncomingMessage, coding: string): boolean {
  return (request.headers['accept-encoding'] ?? '')
    .toString()
    .split(',')
    .map((one) => one.split(';').map((part) => part.trim()))
    .some(([name, weight = '']) => name === coding && !/^q=0(\.0*)?$/.test(weight));
}
