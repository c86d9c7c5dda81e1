import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { type ResolveHookSync, registerHooks } from 'node:module';
import { dirname, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import loadDirective from 'astro/runtime/client/load.prebuilt.js';
import islandScript from 'astro/runtime/server/astro-island.prebuilt.js';
import { ISLAND_STYLES } from 'astro/runtime/server/astro-island-styles.js';
import pino from 'pino';
import { commitsIn } from '../db/engines/commits.ts';
import { env, isLoopback, portHandedOver } from './env.ts';
import { filesIn } from './files.ts';
import { keeper } from './keeping.ts';
import { bucketOf, mistakesPerMinute, networks, visitorAddress } from './limits.ts';
import { newId } from './shared/ids.ts';

/*
 * The web process: Astro's handler behind what every request must pass. Origin check, body limits, headers on every
 * response, public pages that are kept, and an orderly end.
 */

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const log = pino({ level: env.LOG_LEVEL, base: { process: 'web' } });

const METHODS = ['GET', 'HEAD', 'POST'];
/** What Node finds wrong with a request that can't be read; anything else is a 400. */
const UNREADABLE: { [code: string]: number } = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };
const FORM_LIMIT = 64 * 1024;
const HOOK_LIMIT = 256 * 1024;
/** A picture or a series of two megabytes, and the form around it. */
const UPLOAD_LIMIT = 2 * 1024 * 1024 + FORM_LIMIT;
/** A file of people. A larger one comes in by the command. */
const IMPORT_LIMIT = 25 * 1024 * 1024;

/**
 * Requests without a browser behind them: a signed webhook, the one-click stop that mail programs send (RFC 8058), a system
 * that sends measurements with its key. The whole address counts: after `/hooks/../` Astro would find another page.
 */
const WITHOUT_ORIGIN = [/^\/hooks\/[\w-]+$/, /^\/stop\/[\w-]+$/, /^\/measurements\/[\w-]+\/[\w-]+$/];

/** Addresses that hold a personal link, or show something that is meant for one person. */
const PERSONAL = /^\/(for|pay|returned|check-in|stop|confirm|task|staff|demo)(\/|$)/;

/** Pages whose form leads on to the payment provider: a browser follows that redirect only where it is allowed. */
const LEADS_TO_PAYING = /^\/(for\/[\w-]+\/(rejoin|back)|pay\/[\w-]+)$/;
const PAYING = env.STRIPE_API_BASE ? new URL(env.STRIPE_API_BASE).origin : 'https://*.stripe.com';

const POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
];
const CONTENT_SECURITY_POLICY = POLICY.join('; ');

/** Where staff write or look through complaints, our own script files may run and ask our own pages; of what stands inline, only what Astro puts before an island. */
const WRITING = /^\/staff\/(drafts\/[\w-]+\/[\w-]+|triage)\/?$/;
const inline = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const WRITING_POLICY = [
  ...POLICY.map((rule) => (rule.startsWith('style-src') ? `${rule} ${inline(ISLAND_STYLES)}` : rule)),
  `script-src 'self' ${inline(loadDirective)} ${inline(islandScript)}`,
].join('; ');

/** True when this request may change something: it comes from a page of ours, or from a caller that has its own proof. */
export function mayChange(method: string, path: string, origin: string | undefined, site: string): boolean {
  if (method === 'GET' || method === 'HEAD') return true;
  if (WITHOUT_ORIGIN.some((exempt) => exempt.test(path))) return true;
  if (!origin || !URL.canParse(origin)) return false;
  const [from, ours] = [new URL(origin), new URL(site)];
  if (from.origin === ours.origin) return true;
  return isLoopback(site) && isLoopback(origin) && from.port === ours.port && from.protocol === ours.protocol;
}

/** The status that refuses this body before a byte of it is read, or null. A length must be said: browsers always do. */
export function refusesBody(method: string, path: string, length: string | undefined): 411 | 413 | null {
  if (method === 'GET' || method === 'HEAD') return null;
  if (length === undefined) return 411;
  if (path === '/staff/import') return Number(length) > IMPORT_LIMIT ? 413 : null;
  if (path.startsWith('/staff/drafts/')) return Number(length) > UPLOAD_LIMIT ? 413 : null;
  const limit = /^\/(hooks|measurements)\//.test(path) ? HOOK_LIMIT : FORM_LIMIT;
  return Number(length) > limit ? 413 : null;
}

/**
 * The path by which Astro finds a page: folded, decoded until it stands still, each slash once. Null: there is no reading it. What is
 * kept from others and from the log goes by this one, or another spelling of the address would show the same page without it.
 */
export function pathOf(url: string): string | null {
  if (!URL.canParse(`http://x${url}`)) return null;
  let path = new URL(`http://x${url}`).pathname;
  try {
    for (let times = 0; times < 10; times += 1) {
      const decoded = decodeURI(path);
      if (decoded === path) return path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');
      path = decoded;
    }
  } catch {
    // Malformed, at whatever depth.
  }
  return null;
}

/** Secrets never reach a log: what looks like a token is replaced. */
export function withoutSecrets(path: string): string {
  return path.replace(/\?.*$/, '').replace(/[A-Za-z0-9_-]{43}/g, ':link');
}

/** What may be logged of an error: its kind and where it was. Its message may hold what a person wrote. */
export function withoutWords(error: unknown): { error: string; at?: string[] } {
  if (!(error instanceof Error)) return { error: 'unknown' };
  const frames = (error.stack ?? '').split('\n').filter((line) => /^ +at \S/.test(line));
  return { error: error.name, at: frames.slice(0, 5).map((line) => line.trim()) };
}

/** Links that don't work, a minute and visitor: more than anyone mistypes, and far too few to find one by guessing. */
const BAD_LINKS_A_MINUTE = 20;
/** Where a 404 means that the link is none. Further down there is no page, whatever the link. */
const A_LINK = /^\/(for|pay|check-in|stop|confirm|task)\/[^/]+(\/first-week)?(\/[\w.-]+)?$/;

/** A letter as HTML says how it looks by itself, and does nothing else. */
const AS_HTML = /^\/(staff\/(write-to|letters)\/[\w-]+\/as-html|demo\/mailbox\/[\w-]+)\/?$/;
const AS_HTML_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

function policyFor(path: string): string {
  if (AS_HTML.test(path)) return AS_HTML_POLICY;
  if (WRITING.test(path)) return WRITING_POLICY;
  if (!LEADS_TO_PAYING.test(path)) return CONTENT_SECURITY_POLICY;
  return CONTENT_SECURITY_POLICY.replace("form-action 'self'", `form-action 'self' ${PAYING}`);
}

function headersFor(path: string): Record<string, string> {
  const personal = PERSONAL.test(path);
  return {
    'Content-Security-Policy': policyFor(path),
    'X-Content-Type-Options': 'nosniff',
    // Not no-referrer: a browser then sends `Origin: null` with our own forms, and they would be refused.
    'Referrer-Policy': 'strict-origin',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=()',
    ...(env.AMENDS_URL.startsWith('https:') && { 'Strict-Transport-Security': 'max-age=31536000; includeSubDomains' }),
    'Cache-Control': personal ? 'private, no-store' : 'no-cache',
    ...(personal && { 'X-Robots-Tag': 'noindex, noarchive' }),
  };
}

/**
 * Astro pins its error page to 500. Where that page says when to try again nothing is broken, and it is a 503. And the answer that is
 * under way when this process is asked to end is the last one on its connection.
 */
function beforeItLeaves(response: ServerResponse, isLast: () => boolean): void {
  const writeHead = response.writeHead.bind(response) as (...said: unknown[]) => ServerResponse;
  response.writeHead = (status: number, ...said: unknown[]) => {
    if (isLast()) response.setHeader('Connection', 'close');
    const later = status === 500 && JSON.stringify(said).toLowerCase().includes('"retry-after"');
    return writeHead(later ? 503 : status, ...said);
  };
}

function answer(response: ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' });
  response.end(`${sentence}\n`);
}

/**
 * What was found once is found again, though a build has taken it off the disk meanwhile, or an update of the packages: it has been read,
 * and is known by its address. Without this Node would look whether it is still there before it takes it.
 */
function rememberWhatWasFound(): void {
  const found = new Map<string, ReturnType<ResolveHookSync>>();
  registerHooks({
    resolve(piece, asked, next) {
      const place = piece.startsWith('.') && asked.parentURL ? new URL(piece, asked.parentURL).href : piece;
      const key = [place, ...asked.conditions].join(' ');
      try {
        const at = next(piece, asked);
        found.set(key, at);
        return at;
      } catch (gone) {
        const at = found.get(key);
        if (!at) throw gone;
        return { ...at, shortCircuit: true };
      }
    },
  });
}

/**
 * Astro reads what a page is made of when somebody first asks for it, and pages put off what few of them need. By then a build under
 * this process may have taken it off the disk, or an update the packages. So all of it is read soon after the start, a piece at a time:
 * visitors come first.
 */
async function readEveryPage(folder: string): Promise<void> {
  const pieces = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.mjs'));
  await setTimeout(2000);
  for (const piece of pieces) {
    const file = join(folder, piece);
    const packages = readFileSync(file, 'utf8').matchAll(/import\("([@\w][\w@/-]*)"\)/g);
    for (const name of [pathToFileURL(file).href, ...packages.map(([, name]) => name!)]) await import(name);
    await setTimeout(20);
  }
  log.info('every page is read');
}

async function startServer(): Promise<{ close(): Promise<void> }> {
  // Astro says some things to the console, with the whole address, and an address can be a secret: only where it came from is kept.
  for (const level of ['info', 'warn', 'error'] as const) {
    console[level] = () => log[level](withoutWords(new Error()), 'a library said something');
  }
  const built = join(root, 'dist/server');
  const entry = join(built, 'entry.mjs');
  if (!existsSync(entry)) throw new Error('The site is not built yet. Run `npm run build` first.');
  rememberWhatWasFound();
  const { handler } = (await import(pathToFileURL(entry).href)) as {
    handler: (
      request: IncomingMessage,
      response: ServerResponse,
      next: (error?: unknown) => void,
      locals: App.Locals,
    ) => unknown;
  };
  const files = filesIn(join(root, 'dist/client'));

  const pages = keeper(commitsIn(env.DATABASE_URL));
  const proxies = networks(env.TRUSTED_PROXIES);
  const badLinks = mistakesPerMinute(BAD_LINKS_A_MINUTE);

  let leaving = false;
  const begun = new WeakMap<Duplex, ServerResponse>();
  const options = { connectionsCheckingInterval: 2000, requireHostHeader: false };
  /** While the last connections are taken in, what they ask waits here. */
  let held: (() => void)[] | null = null;
  const server = createServer(options, (request, response) => {
    if (held) held.push(() => answerTo(request, response));
    else answerTo(request, response);
  });
  function answerTo(request: IncomingMessage, response: ServerResponse) {
    begun.set(request.socket, response);
    const method = request.method ?? 'GET';
    const asked = (request.url ?? '/').split('?', 1)[0]!;
    const path = pathOf(asked);
    const began = performance.now();
    const id = newId();
    response.setHeader('X-Request-Id', id);
    response.on('finish', () =>
      log.info({
        request: id,
        method,
        path: withoutSecrets(path ?? ':unreadable'),
        status: response.statusCode,
        ms: Math.round(performance.now() - began),
      }),
    );
    for (const [name, value] of Object.entries(headersFor(path ?? '/'))) response.setHeader(name, value);
    beforeItLeaves(response, () => leaving);

    if (path === null) return answer(response, 400, 'This address can’t be read.');
    if (PERSONAL.test(path)) {
      const who = bucketOf(
        visitorAddress(request.socket.remoteAddress ?? '', request.headers['x-forwarded-for']?.toString(), proxies),
      );
      const wait = badLinks.blockedFor(who, new Date());
      if (wait !== null) {
        response.setHeader('Retry-After', wait);
        return answer(response, 429, 'That was too many links that don’t work. Please wait a minute, then try again.');
      }
      response.on('finish', () => {
        if (response.statusCode === 404 && A_LINK.test(path)) badLinks.count(who, new Date());
      });
    }
    if (request.headers.host === undefined && request.httpVersion === '1.1') {
      return answer(response, 400, 'This request does not say whom it asks.');
    }
    // Astro puts it in front of the path: with a path of its own in it, another page would be made under this address.
    request.headers.host = new URL(env.AMENDS_URL).host;
    if (!METHODS.includes(method)) {
      response.setHeader('Allow', METHODS.join(', '));
      return answer(response, 405, 'Nothing here answers to that.');
    }
    if (!mayChange(method, asked, request.headers.origin, env.AMENDS_URL)) {
      return answer(
        response,
        403,
        'This form was not sent from our own page, so nothing was changed. Open the page again and press once more.',
      );
    }
    const refused = refusesBody(method, asked, request.headers['content-length']);
    if (refused === 413 && asked.startsWith('/staff/')) return tooLarge();
    if (refused) {
      return answer(
        response,
        refused,
        refused === 413 ? 'That is more than this page accepts.' : 'The length of the message is missing.',
      );
    }
    if (asked === '/healthz') return answer(response, 200, 'This process is alive.');
    if (files(request, response, asked)) return;
    const next = (error?: unknown) => (error ? failed(error) : answer(response, 404, 'There is no such page.'));
    const make = () => void Promise.resolve(handler(request, response, next, { failed: broke, leaving })).catch(failed);
    if (PERSONAL.test(path)) make();
    else pages(request, response, make);

    /** A page of the desk in place of what was sent, and the rest of it is let go by: cut off, a browser shows only its own error. */
    function tooLarge(): void {
      const query = new URLSearchParams({ bytes: request.headers['content-length']!, back: asked });
      request.resume();
      for (const header of ['content-length', 'content-type', 'transfer-encoding']) delete request.headers[header];
      request.method = 'GET';
      request.url = `/staff/too-large?${query}`;
      const next = () => answer(response, 413, 'That is more than this page accepts.');
      Promise.resolve(handler(request, response, next, { failed: broke, leaving })).catch(failed);
    }

    function broke(error: unknown): void {
      log.error({ request: id, path: withoutSecrets(path!), ...withoutWords(error) });
    }

    function failed(error: unknown): void {
      broke(error);
      if (!response.headersSent)
        answer(response, 500, 'Something broke on our side. Nothing of yours was changed. Please try again.');
      else response.destroy();
    }
  }
  // What somebody expects of us beside an answer is no reason to give none.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  // What can't be read as a request, or doesn't come to its end, never got that far: Node would answer it without a header of ours.
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status = UNREADABLE[error.code ?? ''] ?? 400;
    const last = begun.get(socket);
    // Never into the middle of an answer.
    if (socket.writable && (!last?.headersSent || last.writableEnded)) {
      const id = newId();
      const headers = { ...headersFor('/'), 'X-Request-Id': id, Connection: 'close' };
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n`, () => socket.destroy());
      log.info({ request: id, status });
    } else socket.destroy();
  });
  server.requestTimeout = 30_000;
  server.headersTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // Held by systemd, it outlives this process: whoever asks between this one and the next waits, and is not refused.
    if (portHandedOver) server.listen({ fd: 3 }, resolve);
    else server.listen(env.PORT, env.HOST, resolve);
  });
  log.info({ url: env.AMENDS_URL }, 'listening');
  readEveryPage(built).catch((error) => log.warn(withoutWords(error), 'not every page could be read'));

  return {
    /**
     * Says that it is leaving and goes on answering for LEAVING_SECONDS; then takes nothing new and lets what is under way
     * finish, for ten seconds at most.
     */
    async close() {
      leaving = true;
      await setTimeout(env.LEAVING_SECONDS * 1000);
      const waiting: (() => void)[] = [];
      held = waiting;
      await untilNobodyWaits(server);
      const closed = once(server, 'close');
      server.close();
      held = null;
      for (const answer of waiting) answer();
      const late = setTimeout(10_000, undefined, { ref: false }).then(() => server.closeAllConnections());
      await Promise.race([closed, late]);
    },
  };
}

/**
 * Connections that the kernel has taken for us and that we have not looked at are reset when we stop listening. So first a twentieth of
 * a second has to pass in which none came, or half a second in all. Nobody is answered meanwhile: who was would be back at once.
 */
async function untilNobodyWaits(server: Server): Promise<void> {
  let came = true;
  const note = () => {
    came = true;
  };
  server.on('connection', note);
  for (let looks = 0; came && looks < 10; looks += 1) {
    came = false;
    await setTimeout(50);
  }
  server.off('connection', note);
}

if (import.meta.main) {
  const server = await startServer();
  let ending = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, async () => {
      // A Ctrl-C reaches it twice: from the terminal, and from what started it.
      if (ending) return;
      ending = true;
      await server.close();
      process.exit(0);
    });
  }
}
