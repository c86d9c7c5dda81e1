import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import pino from 'pino';
import sirv from 'sirv';
import { env, isLoopback } from './env.ts';

/*
 * The web process: Astro's handler behind what every request must pass. Origin check, body limits, headers on every
 * response, and an orderly end. It opens no database itself.
 */

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const log = pino({ level: env.LOG_LEVEL, base: { process: 'web' } });

const METHODS = ['GET', 'HEAD', 'POST'];
const FORM_LIMIT = 64 * 1024;
const HOOK_LIMIT = 256 * 1024;
/** A picture or a series of two megabytes, and the form around it. */
const UPLOAD_LIMIT = 2 * 1024 * 1024 + FORM_LIMIT;

/**
 * Requests without a browser behind them: a signed webhook, the one-click stop that mail programs send (RFC 8058), a system
 * that sends measurements with its key. The whole address counts: after `/hooks/../` Astro would find another page.
 */
const WITHOUT_ORIGIN = [/^\/hooks\/[\w-]+$/, /^\/stop\/[\w-]+$/, /^\/measurements\/[\w-]+\/[\w-]+$/];

/** Addresses that hold a personal link, or show something that is meant for one person. */
const PERSONAL = /^\/(for|check-in|stop|confirm|task|staff|demo)(\/|$)/;

const POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' data:",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
];
const CONTENT_SECURITY_POLICY = POLICY.join('; ');

/** Where staff write, our own script files may run and ask our own pages. Nothing inline may, there or anywhere. */
const WRITING = /^\/staff\/drafts\/[\w-]+\/[\w-]+\/?$/;
const WRITING_POLICY = [...POLICY, "script-src 'self'", "connect-src 'self'"].join('; ');

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
  if (path.startsWith('/staff/drafts/')) return Number(length) > UPLOAD_LIMIT ? 413 : null;
  const limit = /^\/(hooks|measurements)\//.test(path) ? HOOK_LIMIT : FORM_LIMIT;
  return Number(length) > limit ? 413 : null;
}

/** Secrets never reach a log: what looks like a token is replaced. */
export function withoutSecrets(path: string): string {
  return path.replace(/\?.*$/, '').replace(/[A-Za-z0-9_-]{43}/g, ':link');
}

function setHeaders(response: ServerResponse, path: string): void {
  response.setHeader('Content-Security-Policy', WRITING.test(path) ? WRITING_POLICY : CONTENT_SECURITY_POLICY);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  // Not no-referrer: a browser then sends `Origin: null` with our own forms, and they would be refused.
  response.setHeader('Referrer-Policy', 'strict-origin');
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  response.setHeader('Permissions-Policy', 'camera=(), geolocation=(), microphone=(), payment=()');
  if (env.AMENDS_URL.startsWith('https:')) {
    response.setHeader('Strict-Transport-Security', 'max-age=31536000; includeSubDomains');
  }
  if (PERSONAL.test(path)) {
    response.setHeader('Cache-Control', 'private, no-store');
    response.setHeader('X-Robots-Tag', 'noindex, noarchive');
  } else {
    response.setHeader('Cache-Control', 'no-cache');
  }
}

function answer(response: ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' });
  response.end(`${sentence}\n`);
}

export async function startServer(): Promise<{ close(): Promise<void> }> {
  const entry = join(root, 'dist/server/entry.mjs');
  if (!existsSync(entry)) throw new Error('The site is not built yet. Run `npm run build` first.');
  const { handler } = (await import(pathToFileURL(entry).href)) as {
    handler: (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => unknown;
  };
  const files = sirv(join(root, 'dist/client'), {
    etag: true,
    setHeaders: (response, path) => {
      if (path.startsWith('/_astro/')) response.setHeader('Cache-Control', 'public, max-age=31536000, immutable');
    },
  });

  let draining = false;
  const server = createServer((request, response) => {
    const method = request.method ?? 'GET';
    const path = (request.url ?? '/').split('?', 1)[0]!;
    const began = performance.now();
    response.on('finish', () =>
      log.info({
        method,
        path: withoutSecrets(path),
        status: response.statusCode,
        ms: Math.round(performance.now() - began),
      }),
    );
    setHeaders(response, path);
    if (draining) response.setHeader('Connection', 'close');

    if (!METHODS.includes(method)) {
      response.setHeader('Allow', METHODS.join(', '));
      return answer(response, 405, 'Nothing here answers to that.');
    }
    if (!mayChange(method, path, request.headers.origin, env.AMENDS_URL)) {
      return answer(
        response,
        403,
        'This form was not sent from our own page, so nothing was changed. Open the page again and press once more.',
      );
    }
    const refused = refusesBody(method, path, request.headers['content-length']);
    if (refused) {
      return answer(
        response,
        refused,
        refused === 413 ? 'That is more than this page accepts.' : 'The length of the message is missing.',
      );
    }
    files(request, response, () => {
      const next = (error?: unknown) => (error ? failed(error) : answer(response, 404, 'There is no such page.'));
      Promise.resolve(handler(request, response, next)).catch(failed);
    });

    function failed(error: unknown): void {
      log.error({ path: withoutSecrets(path), error: error instanceof Error ? error.name : 'unknown' });
      if (!response.headersSent)
        answer(response, 500, 'Something broke on our side. Nothing of yours was changed. Please try again.');
      else response.destroy();
    }
  });
  server.requestTimeout = 30_000;
  server.headersTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(env.PORT, env.HOST, resolve);
  });
  log.info({ url: env.AMENDS_URL }, 'listening');

  return {
    /** Stops taking new requests and lets those under way finish, for ten seconds at most. */
    close: () =>
      new Promise((resolve) => {
        draining = true;
        const late = setTimeout(() => server.closeAllConnections(), 10_000);
        server.close(() => {
          clearTimeout(late);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

if (import.meta.main) {
  const server = await startServer();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => void server.close().then(() => process.exit(0)));
  }
}
