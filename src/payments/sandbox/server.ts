import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { API_VERSION } from '../version.ts';
import { catalogueRoutes } from './catalogue.ts';
import { checkoutRoutes, expireSessions } from './checkout.ts';
import { type Fault, type Fixtures, openFaults, putFixtures } from './control.ts';
import { Failed, invalid, Refused } from './errors.ts';
import { expand } from './expand.ts';
import { invoiceRoutes } from './invoices.ts';
import { isPage, type Shown, showPage } from './pages.ts';
import { type Params, readParams, refuseUnknown } from './params.ts';
import { peopleRoutes } from './people.ts';
import type { Call, Route } from './route.ts';
import { mintId, openStore } from './store.ts';
import { passTime, subscriptionRoutes } from './subscriptions.ts';
import { startDeliveries } from './webhooks.ts';

export type SandboxOptions = {
  /** 0 takes any free port. */
  port: number;
  /** A file that survives restarts, or `:memory:`. */
  data: string;
  /** Without it, events are kept but sent to nobody. */
  webhookUrl?: string;
  webhookSecret?: string;
  /** Loopback only. */
  host?: string;
  /** The time written into objects, and by which idempotency keys are forgotten after a day. */
  now?: () => Date;
  log?: (line: string) => void;
  /** The secret key of the settings it runs beside. With a live one it does not start. */
  beside?: string;
  /** Sees each request that was carried out and its answer: a test compares them with Stripe's own types. */
  watch?: (exchange: Exchange) => void;
};

export type Exchange = { method: string; route: string; params: Params; status: number; body: unknown };

export type Sandbox = { url: string; port: number; close(): Promise<void> };

/** One line of `GET /_sandbox/requests`. `status` 0: the reply was dropped on purpose. */
export type LoggedRequest = {
  method: string;
  path: string;
  idempotency_key: string | null;
  params: Params;
  status: number;
};

type Reply = { status: number; body: string; headers?: Record<string, string> };

const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];
const KEY_MEMORY_S = 24 * 60 * 60;
const LOG_LENGTH = 10_000;
const BODY_LIMIT = 256 * 1024;

const ROUTES = [...peopleRoutes, ...catalogueRoutes, ...subscriptionRoutes, ...invoiceRoutes, ...checkoutRoutes].map(
  (route) => ({
    ...route,
    pattern: new RegExp(`^${route.path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`),
  }),
);

/** A stand-in for Stripe that keeps its state. Throws when asked to listen anywhere but on this machine. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { host = '127.0.0.1', webhookUrl, webhookSecret, now = () => new Date(), log = () => {} } = options;
  if (!LOOPBACK.includes(host)) throw new Error(`The Stripe sandbox listens on this machine only, not on ${host}.`);
  if (/_live_/.test(options.beside ?? '')) {
    throw new Error('The Stripe sandbox does not start beside a live key. Remove one of them.');
  }
  if (webhookUrl && !webhookSecret?.startsWith('whsec_'))
    throw new Error('The webhook secret should begin with whsec_.');

  const store = openStore(options.data);
  const faults = openFaults();
  const deliveries = webhookUrl ? startDeliveries(store, webhookUrl, webhookSecret!, faults, log) : null;
  const keysInUse = new Set<string>();
  let requests: LoggedRequest[] = [];
  let ahead = 0;
  const seconds = () => Math.floor(now().getTime() / 1000) + ahead;
  let address = '';

  /** What everything but a request of the API is carried out as: fixtures, pages, the passing of time. */
  function ownCall(): Call {
    return {
      store,
      now: seconds(),
      ids: {},
      params: {},
      requestId: mintId('request'),
      idempotencyKey: null,
      url: address,
      forced: faults.ofBank,
      deliver: deliveries !== null,
    };
  }

  function letTimePass(): void {
    store.inTransaction(() => {
      const call = ownCall();
      passTime(call);
      expireSessions(call);
    });
    deliveries?.nudge();
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET' } = request;
    const { pathname, search } = new URL(request.url ?? '/', 'http://sandbox');
    const body = await bodyOf(request, isPage(pathname) ? address : null);
    if (isPage(pathname)) {
      const form = method === 'POST' ? readParams(body) : null;
      const shown = store.inTransaction(() => showPage(ownCall(), pathname, form));
      deliveries?.nudge();
      return show(response, shown);
    }
    if (pathname.startsWith('/_sandbox/')) return send(response, control(method, pathname, body));

    const requestId = mintId('request');
    const key = header(request, 'idempotency-key');
    const params = readParams(method === 'POST' ? body : `${search.slice(1)}&${body}`);
    const taken = faults.ofRequest(method, pathname);
    const fault = (kind: Fault['kind']) => taken.find((each) => each.kind === kind);

    const held = method === 'POST' && key && !keysInUse.has(key) ? key : null;
    const clash = method === 'POST' && key !== null && held === null;
    if (held) keysInUse.add(held);
    let reply: Reply;
    try {
      const delay = fault('delay');
      if (delay) await wait(delay.ms ?? 1_000);
      reply = attempt(() => {
        refuseStrangers(request);
        if (clash) throw keyInUse(key!);
        if (fault('error_500')) throw new Refused(500, { type: 'api_error', message: 'The sandbox was told to fail.' });
        return carryOut(method, pathname, params, body, requestId, key);
      });
    } finally {
      if (held) keysInUse.delete(held);
    }

    const dropped = fault('drop_reply') !== undefined;
    requests.push({ method, path: pathname, idempotency_key: key, params, status: dropped ? 0 : reply.status });
    requests = requests.slice(-LOG_LENGTH);
    log(`${method} ${pathname} ${dropped ? 'reply dropped' : reply.status}`);
    if (dropped) request.socket.destroy();
    else
      send(response, {
        ...reply,
        headers: { ...reply.headers, 'request-id': requestId, 'stripe-version': API_VERSION },
      });
    deliveries?.nudge();
  }

  /** The effect and the answer kept under its key are one transaction: a crash leaves both or neither. */
  function carryOut(
    method: string,
    path: string,
    params: Params,
    body: string,
    requestId: string,
    key: string | null,
  ): Reply {
    const found = routeFor(method, path);
    refuseUnknown(params, found.route.accepts);
    // As at Stripe, a key on anything but a POST has no effect.
    const idempotencyKey = method === 'POST' ? key : null;
    const fingerprint = createHash('sha256').update(body.split('&').sort().join('&')).digest('hex');
    return store.inTransaction(() => {
      if (idempotencyKey) {
        store.forgetReplies(seconds() - KEY_MEMORY_S);
        const before = store.reply(idempotencyKey);
        if (before) {
          refuseOtherUse(idempotencyKey, before, { path, fingerprint });
          return { status: before.status, body: before.body, headers: { 'idempotent-replayed': 'true' } };
        }
      }
      const call: Call = {
        store,
        now: seconds(),
        ids: found.ids,
        params,
        requestId,
        idempotencyKey,
        url: address,
        forced: faults.ofBank,
        deliver: deliveries !== null,
      };
      const result = found.route.answer(call);
      if (!(result instanceof Failed)) expand(store, result, params);
      const reply =
        result instanceof Failed
          ? { status: result.status, body: JSON.stringify({ error: result.error }) }
          : { status: 200, body: JSON.stringify(result) };
      const { route } = found;
      options.watch?.({ method, route: route.path, params, status: reply.status, body: JSON.parse(reply.body) });
      if (idempotencyKey) store.keepReply(idempotencyKey, { method, path, fingerprint, ...reply }, seconds());
      return reply;
    });
  }

  function control(method: string, path: string, body: string): Reply {
    return attempt(() => {
      const ok = (answer: unknown = { ok: true }) => ({ status: 200, body: JSON.stringify(answer) });
      switch (`${method} ${path}`) {
        case 'GET /_sandbox/health':
          return ok();
        case 'POST /_sandbox/fixtures':
          store.inTransaction(() => putFixtures(ownCall(), readJson<Fixtures>(body)));
          return ok();
        case 'POST /_sandbox/clock':
          ahead += readJson<{ advance_s: number }>(body).advance_s;
          letTimePass();
          return ok({ now: seconds() });
        case 'GET /_sandbox/faults':
          return ok({ object: 'list', data: faults.list() });
        case 'POST /_sandbox/faults':
          faults.add(readJson<Fault>(body));
          return ok();
        case 'DELETE /_sandbox/faults':
          faults.clear();
          return ok();
        case 'GET /_sandbox/requests':
          return ok({ object: 'list', data: requests });
        case 'DELETE /_sandbox/requests':
          requests = [];
          return ok();
        case 'POST /_sandbox/reset':
          store.reset();
          faults.clear();
          requests = [];
          ahead = 0;
          return ok();
        default:
          throw new Refused(404, { type: 'invalid_request_error', message: `The sandbox has no ${method} ${path}.` });
      }
    });
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (!response.headersSent)
        send(
          response,
          attempt(() => raise(error)),
        );
    });
  });
  function attempt(work: () => Reply): Reply {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof Refused)) log(error instanceof Error ? (error.stack ?? error.message) : String(error));
      const refused =
        error instanceof Refused ? error : new Refused(500, { type: 'api_error', message: 'The sandbox broke.' });
      return { status: refused.status, body: JSON.stringify({ error: refused.error }) };
    }
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, host, resolve);
  }).catch(async (error: unknown) => {
    await deliveries?.stop();
    store.close();
    throw error;
  });
  const { port } = server.address() as AddressInfo;
  address = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const passing = setInterval(letTimePass, 30_000);
  passing.unref();
  return {
    url: address,
    port,
    async close() {
      clearInterval(passing);
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await Promise.all([closed, deliveries?.stop()]);
      store.close();
    },
  };
}

function routeFor(method: string, path: string): { route: Route; ids: Record<string, string> } {
  for (const route of ROUTES) {
    const match = route.method === method ? route.pattern.exec(path) : null;
    if (match) return { route, ids: { ...match.groups } };
  }
  throw new Refused(404, {
    type: 'invalid_request_error',
    message: `Unrecognized request URL (${method}: ${path}). The sandbox does not have it.`,
  });
}

function refuseStrangers(request: IncomingMessage): void {
  const [scheme = '', credentials = ''] = (request.headers.authorization ?? '').split(' ');
  const basic = scheme.toLowerCase() === 'basic';
  const key = basic ? Buffer.from(credentials, 'base64').toString().split(':')[0]! : credentials;
  const unauthorised = (message: string) => new Refused(401, { type: 'invalid_request_error', message });
  if (!key) throw unauthorised('You did not provide an API key.');
  if (/^(sk|rk)_live_/.test(key)) throw unauthorised('The sandbox refuses live keys.');
  if (!/^(sk|rk)_test_/.test(key)) throw unauthorised('Invalid API Key provided: it should begin with sk_test_.');
  const version = header(request, 'stripe-version');
  if (version && version !== API_VERSION) throw invalid(`The sandbox speaks ${API_VERSION} only, not ${version}.`);
}

function keyInUse(key: string): Refused {
  return new Refused(409, {
    type: 'idempotency_error',
    code: 'idempotency_key_in_use',
    message: `There is currently another in-progress request using this idempotency key: ${key}.`,
  });
}

function refuseOtherUse(
  key: string,
  before: { path: string; fingerprint: string },
  now: { path: string; fingerprint: string },
): void {
  const same = before.path === now.path ? 'parameters' : 'endpoint';
  if (same === 'parameters' && before.fingerprint === now.fingerprint) return;
  throw new Refused(400, {
    type: 'idempotency_error',
    message: `Keys for idempotent requests can only be used with the same ${same} they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
  });
}

/** `ours`: the only origin whose forms are taken; null where no browser has any business. */
async function bodyOf(request: IncomingMessage, ours: string | null): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT) throw new Refused(413, { type: 'invalid_request_error', message: 'The body is too large.' });
    chunks.push(chunk);
  }
  // A page in a browser must not be able to drive the sandbox.
  const { origin } = request.headers;
  if (origin && origin !== ours)
    throw new Refused(403, { type: 'invalid_request_error', message: 'Not from a browser.' });
  return Buffer.concat(chunks).toString();
}

function readJson<T>(body: string): T {
  try {
    return JSON.parse(body);
  } catch {
    throw invalid('The body should be JSON.');
  }
}

function header(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

function send(response: ServerResponse, { status, body, headers = {} }: Reply): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
}

function show(response: ServerResponse, shown: Shown): void {
  const headers = { 'cache-control': 'no-store', 'referrer-policy': 'strict-origin' };
  if ('to' in shown) response.writeHead(303, { ...headers, location: shown.to }).end();
  else response.writeHead(shown.status, { ...headers, 'content-type': 'text/html; charset=utf-8' }).end(shown.html);
}

function raise(error: unknown): never {
  throw error;
}
