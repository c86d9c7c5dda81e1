import { spawn } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/payments/sandbox/server.ts';
import { CAST, call, control, newFile, openHouse, requests } from './house.ts';

let sandbox: Sandbox;

beforeEach(async () => {
  ({ sandbox } = await openHouse());
});
afterEach(() => sandbox.close());

async function monthly(): Promise<string> {
  return (await call(sandbox, 'GET', '/v1/prices', { 'lookup_keys[]': 'team_monthly' })).body.data[0].id;
}

async function subscribe(customer: string, more: Record<string, string> = {}, headers: Record<string, string> = {}) {
  return call(sandbox, 'POST', '/v1/subscriptions', { customer, 'items[0][price]': await monthly(), ...more }, headers);
}

test('the same key and parameters replay the stored answer', async () => {
  const key = { 'idempotency-key': 'k1' };
  const first = await call(sandbox, 'POST', '/v1/customers', { email: 'dee@example.org', name: 'Dee' }, key);
  const second = await call(sandbox, 'POST', '/v1/customers', { name: 'Dee', email: 'dee@example.org' }, key);
  expect(second.body).toEqual(first.body);
  expect([first.headers.get('idempotent-replayed'), second.headers.get('idempotent-replayed')]).toEqual([null, 'true']);
  expect(second.headers.get('request-id')).toMatch(/^req_/);
});

test('a declined answer is replayed too', async () => {
  const more = { payment_behavior: 'error_if_incomplete' };
  const first = await subscribe('cus_ben', more, { 'idempotency-key': 'k1' });
  const second = await subscribe('cus_ben', more, { 'idempotency-key': 'k1' });
  expect(first).toMatchObject({ status: 402, body: { error: { type: 'card_error', code: 'card_declined' } } });
  expect(first.body.error.decline_code).toBe('generic_decline');
  expect(second.body).toEqual(first.body);
  expect(second.headers.get('idempotent-replayed')).toBe('true');
});

test('the same key with other parameters, or at another address, is an idempotency error', async () => {
  const key = { 'idempotency-key': 'k1' };
  await call(sandbox, 'POST', '/v1/customers', { name: 'Dee' }, key);
  const otherName = await call(sandbox, 'POST', '/v1/customers', { name: 'Eve' }, key);
  const otherPath = await call(sandbox, 'POST', '/v1/customers/cus_ada', { name: 'Dee' }, key);
  for (const { status, body } of [otherName, otherPath]) {
    expect([status, body.error.type]).toEqual([400, 'idempotency_error']);
  }
});

test('a key whose first request is still under way is a conflict', async () => {
  const key = { 'idempotency-key': 'k1' };
  await control(sandbox, 'POST', 'faults', { kind: 'delay', path: '/v1/customers', ms: 200 });
  const slow = call(sandbox, 'POST', '/v1/customers', { name: 'Dee' }, key);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const meanwhile = await call(sandbox, 'POST', '/v1/customers', { name: 'Dee' }, key);
  expect([meanwhile.status, meanwhile.body.error.code]).toEqual([409, 'idempotency_key_in_use']);
  expect((await slow).status).toBe(200);
});

test('an answer refused for its parameters is not kept under the key', async () => {
  const key = { 'idempotency-key': 'k1' };
  expect((await subscribe('cus_nobody', {}, key)).status).toBe(400);
  expect((await subscribe('cus_ada', {}, key)).status).toBe(200);
});

test('a key is forgotten after a day', async () => {
  let now = new Date('2026-11-22T09:00:00Z');
  await sandbox.close();
  ({ sandbox } = await openHouse({ now: () => now }));
  const make = () => call(sandbox, 'POST', '/v1/customers', { name: 'Dee' }, { 'idempotency-key': 'k1' });
  const first = (await make()).body.id;
  now = new Date('2026-11-23T08:59:00Z');
  expect((await make()).body.id).toBe(first);
  now = new Date('2026-11-23T09:01:00Z');
  expect((await make()).body.id).not.toBe(first);
});

test('without a key, with a live key or with another version nothing is answered', async () => {
  const withKey = (authorization: string) => call(sandbox, 'GET', '/v1/prices', {}, { authorization });
  expect((await withKey('')).status).toBe(401);
  expect((await withKey('Bearer sk_live_1')).body.error.message).toContain('live');
  expect((await withKey(`Basic ${Buffer.from('sk_test_1:').toString('base64')}`)).status).toBe(200);
  expect((await call(sandbox, 'GET', '/v1/prices', {}, { 'stripe-version': '2020-08-27' })).status).toBe(400);
});

test('it listens on this machine only', async () => {
  await expect(startSandbox({ port: 0, data: ':memory:', host: '0.0.0.0' })).rejects.toThrow('this machine only');
});

test('a page in a browser cannot drive it', async () => {
  const reply = await call(sandbox, 'POST', '/_sandbox/reset', {}, { origin: 'https://elsewhere.example' });
  expect(reply.status).toBe(403);
  expect((await call(sandbox, 'GET', '/v1/customers/cus_ada')).status).toBe(200);
});

test('a parameter it does not understand is refused, not ignored', async () => {
  const trial = await subscribe('cus_ada', { trial_period_days: '30' });
  expect(trial.body.error).toMatchObject({ code: 'parameter_unknown', param: 'trial_period_days' });
  const coupon = await subscribe('cus_ada', { 'items[0][discounts][0][coupon]': 'x' });
  expect(coupon.body.error).toMatchObject({ code: 'parameter_unknown', param: 'items[0][discounts]' });
});

test('missing things say which', async () => {
  expect(await call(sandbox, 'GET', '/v1/subscriptions/sub_x')).toMatchObject({
    status: 404,
    body: { error: { code: 'resource_missing', message: "No such subscription: 'sub_x'" } },
  });
  expect(await subscribe('cus_x')).toMatchObject({ status: 400, body: { error: { param: 'customer' } } });
  expect((await call(sandbox, 'GET', '/v1/unheard_of')).status).toBe(404);
});

test('a subscription carries its period on the item and its payment on the invoice', async () => {
  const { body } = await subscribe('cus_ada', { 'expand[]': 'latest_invoice.payments' });
  expect(body.current_period_end).toBeUndefined();
  expect(body.items.data[0].current_period_end).toBeGreaterThan(body.items.data[0].current_period_start);
  expect(body.latest_invoice).toMatchObject({
    status: 'paid',
    amount_paid: 4800,
    parent: { type: 'subscription_details', subscription_details: { subscription: body.id } },
    payments: { object: 'list', data: [{ status: 'paid', payment: { type: 'payment_intent' } }] },
  });
  const intent = body.latest_invoice.payments.data[0].payment.payment_intent;
  const read = await call(sandbox, 'GET', `/v1/payment_intents/${intent}`, { 'expand[]': 'latest_charge' });
  expect(read.body).toMatchObject({ status: 'succeeded', latest_charge: { paid: true, amount: 4800 } });
});

test('by default a declined card leaves an incomplete subscription with an open invoice', async () => {
  const { status, body } = await subscribe('cus_ben', { 'expand[]': 'latest_invoice' });
  expect([status, body.status, body.latest_invoice.status]).toEqual([200, 'incomplete', 'open']);
  const { body: events } = await call(sandbox, 'GET', '/v1/events', { type: 'invoice.payment_failed' });
  expect(events.data).toHaveLength(1);
});

test('default_incomplete asks nobody for money', async () => {
  const { body } = await subscribe('cus_cleo', { payment_behavior: 'default_incomplete' });
  expect(body.status).toBe('incomplete');
});

test('a price of nothing needs no card', async () => {
  const free = (await call(sandbox, 'GET', '/v1/prices', { 'lookup_keys[]': 'team_free' })).body.data[0].id;
  const { body } = await subscribe('cus_cleo', { 'items[0][price]': free });
  expect(body.status).toBe('active');
});

test("another customer's card cannot be used", async () => {
  const { status, body } = await subscribe('cus_ada', { default_payment_method: 'pm_ben_1' });
  expect([status, body.error.param]).toEqual([400, 'default_payment_method']);
});

test('an inactive price is not sold', async () => {
  await control(sandbox, 'POST', 'fixtures', { prices: [{ ...CAST.prices![0]!, active: false }] });
  const { body } = await subscribe('cus_ada', {});
  expect(body.error.message).toContain('inactive');
});

test("Stripe's test cards attach, fail at the bank or are refused at once, as documented", async () => {
  const attach = (token: string) =>
    call(sandbox, 'POST', `/v1/payment_methods/${token}/attach`, { customer: 'cus_cleo' });
  expect((await attach('pm_card_visa')).body.card.last4).toBe('4242');
  expect((await attach('pm_card_chargeDeclined')).status).toBe(402);
  const failing = (await attach('pm_card_chargeCustomerFail')).body.id;
  const { body } = await subscribe('cus_cleo', { default_payment_method: failing });
  expect(body.status).toBe('incomplete');
  const { body: cards } = await call(sandbox, 'GET', '/v1/customers/cus_cleo/payment_methods', { type: 'card' });
  expect(cards).toMatchObject({ object: 'list', has_more: false, url: '/v1/customers/cus_cleo/payment_methods' });
  expect(cards.data).toHaveLength(2);
});

test('cancelling at the period end can be taken back; what has ended cannot be ended again', async () => {
  const { id } = (await subscribe('cus_ada')).body;
  const pending = await call(sandbox, 'POST', `/v1/subscriptions/${id}`, { cancel_at_period_end: 'true' });
  expect(pending.body).toMatchObject({ status: 'active', cancel_at: pending.body.items.data[0].current_period_end });
  const resumed = await call(sandbox, 'POST', `/v1/subscriptions/${id}`, { cancel_at_period_end: 'false' });
  expect(resumed.body).toMatchObject({ cancel_at: null, canceled_at: null });
  const ended = await call(sandbox, 'DELETE', `/v1/subscriptions/${id}`);
  expect(ended.body).toMatchObject({ status: 'canceled', cancellation_details: { reason: 'cancellation_requested' } });
  expect((await call(sandbox, 'DELETE', `/v1/subscriptions/${id}`)).status).toBe(404);
  expect((await call(sandbox, 'GET', '/v1/subscriptions', { customer: 'cus_ada' })).body.data).toEqual([]);
  expect((await call(sandbox, 'GET', '/v1/subscriptions', { status: 'all' })).body.data).toHaveLength(1);
});

test('no more is refunded than was paid', async () => {
  await subscribe('cus_ada');
  const charge = (await call(sandbox, 'GET', '/v1/payment_intents', { customer: 'cus_ada' })).body.data[0]
    .latest_charge;
  const refund = (amount: string) => call(sandbox, 'POST', '/v1/refunds', { charge, amount });
  expect((await refund('4801')).status).toBe(400);
  expect((await refund('4800')).body.status).toBe('succeeded');
  expect((await refund('1')).body.error.code).toBe('charge_already_refunded');
});

test('lists go newest first and page by cursor', async () => {
  const made: string[] = [];
  for (let count = 0; count < 5; count++) {
    made.push((await call(sandbox, 'POST', '/v1/products', { name: `Product ${count}` })).body.id);
  }
  const first = await call(sandbox, 'GET', '/v1/products', { limit: '2' });
  expect([first.body.data.map(({ id }: { id: string }) => id), first.body.has_more]).toEqual([
    [made[4], made[3]],
    true,
  ]);
  const next = await call(sandbox, 'GET', '/v1/products', { limit: '2', starting_after: made[3]! });
  expect(next.body.data.map(({ id }: { id: string }) => id)).toEqual([made[2], made[1]]);
  const back = await call(sandbox, 'GET', '/v1/products', { limit: '2', ending_before: made[1]! });
  expect(back.body.data.map(({ id }: { id: string }) => id)).toEqual([made[3], made[2]]);
});

test('fixtures given twice change nothing, and keep what people did since', async () => {
  const before = (await call(sandbox, 'GET', '/v1/customers/cus_ada')).body;
  const card = (await call(sandbox, 'POST', '/v1/payment_methods/pm_card_mastercard/attach', { customer: 'cus_ada' }))
    .body.id;
  await call(sandbox, 'POST', '/v1/customers/cus_ada', { 'invoice_settings[default_payment_method]': card });
  await control(sandbox, 'POST', 'fixtures', CAST);
  const after = (await call(sandbox, 'GET', '/v1/customers/cus_ada')).body;
  expect(after).toEqual({
    ...before,
    invoice_settings: { ...before.invoice_settings, default_payment_method: card },
  });
  expect((await call(sandbox, 'GET', '/v1/prices')).body.data).toHaveLength(2);
});

test('reset leaves an empty house', async () => {
  await control(sandbox, 'POST', 'reset');
  expect((await call(sandbox, 'GET', '/v1/prices')).body.data).toEqual([]);
  expect(await requests(sandbox)).toHaveLength(1);
});

test('it runs as a process of its own and stops when told', { timeout: 20_000 }, async () => {
  const args = [
    '--port',
    '0',
    '--data',
    newFile(),
    '--webhook-url',
    'http://127.0.0.1:9/',
    '--webhook-secret',
    'whsec_x',
  ];
  const child = spawn(process.execPath, ['src/payments/sandbox/main.ts', ...args, '--quiet']);
  let output = '';
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      output += chunk;
      const found = output.match(/listening on (\S+)/)?.[1];
      if (found) resolve(found);
    });
    child.once('exit', () => reject(new Error(errors)));
  });
  expect((await fetch(`${url}/_sandbox/health`)).status).toBe(200);
  child.kill('SIGTERM');
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
});
