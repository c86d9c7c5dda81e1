import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Fault, Fixtures } from '../../src/payments/sandbox/control.ts';
import {
  type LoggedRequest,
  type Sandbox,
  type SandboxOptions,
  startSandbox,
} from '../../src/payments/sandbox/server.ts';
import { openPayments } from '../../src/payments/stripe.ts';

export const WEBHOOK_SECRET = 'whsec_test';

export const CAST: Fixtures = {
  products: [{ id: 'prod_team', name: 'Team' }],
  prices: [
    {
      lookup_key: 'team_monthly',
      unit_amount: 4800,
      currency: 'gbp',
      recurring: { interval: 'month' },
      product: 'prod_team',
    },
    {
      lookup_key: 'team_free',
      unit_amount: 0,
      currency: 'gbp',
      recurring: { interval: 'month' },
      product: 'prod_team',
    },
  ],
  customers: [
    {
      id: 'cus_ada',
      email: 'ada@example.org',
      name: 'Ada',
      payment_methods: [{ brand: 'visa', last4: '4242', exp_month: 4, exp_year: 2030 }],
    },
    {
      id: 'cus_ben',
      email: 'ben@example.org',
      name: 'Ben',
      payment_methods: [{ brand: 'mastercard', last4: '4444', exp_month: 9, exp_year: 2029, behaviour: 'declined' }],
    },
    { id: 'cus_cleo', email: 'cleo@example.org', name: 'Cleo' },
  ],
};

/** A database file that goes with the test. */
export function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'amends-sandbox-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'stripe.db');
}

export async function openHouse(options: Partial<SandboxOptions> = {}) {
  const sandbox = await startSandbox({ port: 0, data: ':memory:', webhookSecret: WEBHOOK_SECRET, ...options });
  await control(sandbox, 'POST', 'fixtures', CAST);
  return { sandbox, payments: paymentsFor(sandbox) };
}

export function paymentsFor(sandbox: Sandbox, retries = 2) {
  return openPayments({ secretKey: 'sk_test_amends', webhookSecret: WEBHOOK_SECRET, apiBase: sandbox.url, retries });
}

export async function control(sandbox: Sandbox, method: string, path: string, body?: Fixtures | Fault) {
  const reply = await fetch(`${sandbox.url}/_sandbox/${path}`, {
    method,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: reply.status, body: await reply.json() };
}

export async function requests(sandbox: Sandbox): Promise<LoggedRequest[]> {
  return (await control(sandbox, 'GET', 'requests')).body.data;
}

/** Speaks to the sandbox without the SDK. */
export async function call(
  sandbox: Sandbox,
  method: string,
  path: string,
  form: Record<string, string> = {},
  headers: Record<string, string> = {},
) {
  const body = new URLSearchParams(form);
  const reply = await fetch(`${sandbox.url}${path}${method === 'GET' && body.size > 0 ? `?${body}` : ''}`, {
    method,
    headers: { authorization: 'Bearer sk_test_amends', ...headers },
    ...(method === 'GET' ? {} : { body }),
  });
  return { status: reply.status, headers: reply.headers, body: await reply.json() };
}

export type Received = { body: string; headers: IncomingHttpHeaders };

/** A place that receives webhooks and answers as `answer` says. */
export async function openReceiver(answer: (count: number) => number = () => 200, port = 0) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      received.push({ body, headers: request.headers });
      response.writeHead(answer(received.length)).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/stripe`,
    received,
    types: () => received.map(({ body }) => JSON.parse(body).type as string),
    close() {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** What a subscription of Ada's looks like to `startSubscription`. */
export async function adasReturn(payments: ReturnType<typeof paymentsFor>, rejoinId = 'r1', attempt = 1, seats = 1) {
  const price = await payments.priceFor('team_monthly');
  if ('refused' in price) throw new Error(price.sentence);
  return {
    rejoinId,
    attempt,
    customerId: 'cus_ada',
    items: [{ priceId: price.priceId, quantity: seats }],
    currency: 'gbp',
    taxRates: [],
    way: { kind: 'start' as const, replaces: [] },
    amount: price.amount * seats,
    cardId: 'pm_ada_1',
    returnUrl: 'http://127.0.0.1:4321/returned',
    cancelUrl: 'http://127.0.0.1:4321/returned?unpaid',
  };
}
