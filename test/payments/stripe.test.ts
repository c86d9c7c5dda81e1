import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Payments, PaymentsUnavailable } from '../../src/payments/payments.ts';
import type { Sandbox } from '../../src/payments/sandbox/server.ts';
import { openPayments } from '../../src/payments/stripe.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { must } from '../support/must.ts';
import { adasReturn, CAST, call, control, openHouse, requests } from './house.ts';

const OURS = ['prod_team'];

let sandbox: Sandbox;
let payments: Payments;

beforeEach(async () => {
  ({ sandbox, payments } = await openHouse());
});
afterEach(() => sandbox.close());

async function started(rejoinId = 'r1'): Promise<string> {
  const answer = must(await payments.payBySavedCard(await adasReturn(payments, rejoinId)));
  return answer.subscriptionId;
}

test('a returning customer is read with address, saved card and no subscription', async () => {
  expect(await payments.returningCustomer('cus_ada', OURS)).toEqual({
    email: 'ada@example.org',
    savedCard: { id: 'pm_ada_1', brand: 'Visa', last4: '4242', expMonth: 4, expYear: 2030 },
    currency: null,
    held: null,
    ended: null,
    unfinished: [],
  });
});

test('a customer without a card has no saved card', async () => {
  expect(await payments.returningCustomer('cus_cleo', OURS)).toMatchObject({ savedCard: null });
});

test('a customer whom the provider does not know is a refusal', async () => {
  expect(await payments.returningCustomer('cus_gone', OURS)).toMatchObject({ refused: true, code: 'customer-gone' });
});

test('a running subscription is seen, an ended one is not', async () => {
  const subscriptionId = await started();
  expect(await payments.returningCustomer('cus_ada', OURS)).toMatchObject({
    held: { id: subscriptionId, standing: 'running' },
  });
  expect(await payments.returningCustomer('cus_ada', ['prod_other']), 'foreign products').toMatchObject({ held: null });
  await payments.undoSubscription({ rejoinId: 'r1', subscriptionId });
  expect(await payments.returningCustomer('cus_ada', OURS)).toMatchObject({
    held: null,
    ended: { id: subscriptionId },
  });
});

test('a price is found by its key, with what it costs', async () => {
  expect(await payments.priceFor('team_monthly')).toMatchObject({ amount: 4800, currency: 'gbp', interval: 'month' });
});

test('a key that no active price carries is refused by name', async () => {
  const answer = await payments.priceFor('gone_monthly');
  expect(answer).toMatchObject({ refused: true, code: 'price-not-found' });
  expect(isRefusal(answer) && answer.sentence).toContain('gone_monthly');
});

test('a changed amount under the same key is a new price, and the old one is not found', async () => {
  const before = await payments.priceFor('team_monthly');
  const dearer = { ...CAST.prices![0]!, unit_amount: 5200 };
  await control(sandbox, 'POST', 'fixtures', { prices: [dearer] });
  const after = await payments.priceFor('team_monthly');
  expect(after).toMatchObject({ amount: 5200 });
  expect(after).not.toMatchObject({ priceId: (before as { priceId: string }).priceId });
});

test('the saved card pays and the subscription runs', async () => {
  const answer = await payments.payBySavedCard(await adasReturn(payments));
  expect(answer).toMatchObject({ paid: true });
  const { subscriptionId } = answer as { subscriptionId: string };
  const now = await payments.readSubscription(subscriptionId);
  expect(now).toMatchObject({
    subscriptionId,
    status: 'active',
    paid: true,
    amountPaid: 4800,
    currency: 'gbp',
    customerId: 'cus_ada',
    rejoinId: 'r1',
    standing: 'running',
    card: { last4: '4242' },
  });
});

test('seats multiply the price', async () => {
  const answer = await payments.payBySavedCard(await adasReturn(payments, 'r1', 1, 3));
  const { subscriptionId } = answer as { subscriptionId: string };
  expect(await payments.readSubscription(subscriptionId)).toMatchObject({ amountPaid: 14_400 });
});

test('it renews on the same day of the next month, or on its last day', async () => {
  await sandbox.close();
  ({ sandbox, payments } = await openHouse({ now: () => new Date('2027-01-31T12:00:00Z') }));
  expect(await payments.readSubscription(await started())).toMatchObject({
    periodEnd: new Date('2027-02-28T12:00:00Z'),
  });
});

test('the request carries our key and our id, and asks for nothing that lowers the price', async () => {
  const order = await adasReturn(payments);
  await payments.payBySavedCard(order);
  const [sent, confirmed] = (await requests(sandbox)).filter(({ method }) => method === 'POST');
  const { priceId } = order.items[0]!;
  expect(sent?.idempotency_key).toBe(`rejoin:r1:1:${priceId}`);
  expect(sent?.params).toEqual({
    customer: 'cus_ada',
    currency: 'gbp',
    items: [{ price: priceId, quantity: '1' }],
    default_payment_method: 'pm_ada_1',
    payment_behavior: 'default_incomplete',
    metadata: { rejoin_id: 'r1' },
  });
  expect(confirmed).toMatchObject({ idempotency_key: 'rejoin:r1:1:confirm', params: { payment_method: 'pm_ada_1' } });
});

test('a sum that is not the one on the button is not charged, whatever made it differ', async () => {
  const order = await adasReturn(payments);
  const customers = (balance: number) => [{ id: 'cus_ada', email: 'ada@example.org', name: 'Ada', balance }];
  await control(sandbox, 'POST', 'fixtures', { customers: customers(700) });
  expect(await payments.payBySavedCard(order)).toMatchObject({ code: 'changed' });
  await control(sandbox, 'POST', 'fixtures', { customers: customers(0) });
  await call(sandbox, 'POST', '/v1/invoiceitems', { customer: 'cus_ada', amount: '1200', currency: 'gbp' });
  expect(await payments.payBySavedCard({ ...order, attempt: 2 })).toMatchObject({ code: 'changed' });
  expect(await payments.openCheckout({ ...order, attempt: 3, amount: 1 })).toMatchObject({ code: 'changed' });
  const intents = await call(sandbox, 'GET', '/v1/payment_intents', { customer: 'cus_ada' });
  expect(intents.body.data.map(({ status }: { status: string }) => status)).toEqual(['canceled', 'canceled']);
  const sessions = await call(sandbox, 'GET', '/v1/checkout/sessions', { customer: 'cus_ada' });
  expect(sessions.body.data).toMatchObject([{ status: 'expired' }]);
});

test('twenty presses at once make one subscription', async () => {
  const order = await adasReturn(payments);
  const answers = await Promise.all(Array.from({ length: 20 }, () => payments.payBySavedCard(order)));
  expect(new Set(answers.map((answer) => (answer as { subscriptionId: string }).subscriptionId)).size).toBe(1);
  const { body } = await call(sandbox, 'GET', '/v1/subscriptions', { customer: 'cus_ada', status: 'all' });
  expect(body.data).toHaveLength(1);
});

test.each(['/v1/subscriptions', '/v1/payment_intents'])(
  'a reply of %s that is lost, asked again, is one charge',
  async (path) => {
    const order = await adasReturn(payments);
    await control(sandbox, 'POST', 'faults', { kind: 'drop_reply', method: 'POST', path, times: 2 });
    const answer = await payments.payBySavedCard(order);
    expect(answer).toMatchObject({ paid: true });
    expect((await requests(sandbox)).filter(({ status }) => status === 0)).toHaveLength(2);
    const subscriptions = await call(sandbox, 'GET', '/v1/subscriptions', { customer: 'cus_ada', status: 'all' });
    const intents = await call(sandbox, 'GET', '/v1/payment_intents', { customer: 'cus_ada' });
    expect([subscriptions.body.data.length, intents.body.data.length]).toEqual([1, 1]);
  },
);

test('when every reply is lost the outcome is unknown, and the next call finds what was done', async () => {
  const order = await adasReturn(payments);
  await control(sandbox, 'POST', 'faults', {
    kind: 'drop_reply',
    method: 'POST',
    path: '/v1/payment_intents',
    times: 3,
  });
  await expect(payments.payBySavedCard(order)).rejects.toBeInstanceOf(PaymentsUnavailable);
  const found = await payments.findSubscription({ customerId: 'cus_ada', rejoinId: 'r1' });
  expect(await payments.payBySavedCard(order)).toMatchObject({ subscriptionId: found, paid: true });
  expect(await payments.findSubscription({ customerId: 'cus_ada', rejoinId: 'r2' })).toBeNull();
});

test('a declined card is refused with its name, and leaves no subscription', async () => {
  const order = { ...(await adasReturn(payments)), customerId: 'cus_ben', cardId: 'pm_ben_1' };
  expect(await payments.payBySavedCard(order)).toEqual({
    refused: true,
    code: 'declined',
    sentence: 'Your bank said no to Mastercard ending 4444. You have not been charged.',
  });
  const subscriptions = await call(sandbox, 'GET', '/v1/subscriptions', { customer: 'cus_ben', status: 'all' });
  const intents = await call(sandbox, 'GET', '/v1/payment_intents', { customer: 'cus_ben' });
  expect(subscriptions.body.data).toMatchObject([{ status: 'incomplete_expired' }]);
  expect(intents.body.data).toMatchObject([{ status: 'canceled', amount_received: 0 }]);
});

test('a card whose bank asks first: nothing is charged before the person has answered there', async () => {
  await control(sandbox, 'POST', 'faults', { kind: 'authenticate' });
  const order = await adasReturn(payments);
  const started = await payments.payBySavedCard(order);
  expect(started).toMatchObject({ paid: false, awayUrl: expect.stringContaining('/bank/pi_') });
  expect(await payments.payBySavedCard(order), 'asked again, the same page').toEqual(started);
  const { subscriptionId, awayUrl } = started as { subscriptionId: string; awayUrl: string };
  expect(await payments.readSubscription(subscriptionId)).toMatchObject({ status: 'incomplete', paid: false });
  const no = await fetch(awayUrl, { method: 'POST', body: new URLSearchParams({ answer: 'no' }), redirect: 'manual' });
  expect(no.headers.get('location')).toContain('/returned?payment_intent=');
  expect(await payments.readSubscription(subscriptionId)).toMatchObject({ failed: true, paid: false });
  expect(await payments.abandon({ subscriptionId, kind: 'start' })).toEqual({ paid: false });
  expect(await payments.readSubscription(subscriptionId)).toMatchObject({ status: 'incomplete_expired' });
});

test('after a decline the next attempt can succeed, the same attempt stays declined', async () => {
  const order = { ...(await adasReturn(payments)), customerId: 'cus_ben', cardId: 'pm_ben_1' };
  await payments.payBySavedCard(order);
  const face = { id: 'pm_ben_1', brand: 'mastercard', last4: '4444', exp_month: 9, exp_year: 2029 };
  await control(sandbox, 'POST', 'fixtures', {
    customers: [{ id: 'cus_ben', email: 'ben@example.org', name: 'Ben', payment_methods: [face] }],
  });
  expect(await payments.payBySavedCard(order)).not.toMatchObject({ paid: true });
  expect(await payments.payBySavedCard({ ...order, attempt: 2 })).toMatchObject({ paid: true });
});

test('a card or plan that went away since is a refusal, and nothing is charged', async () => {
  const order = await adasReturn(payments);
  expect(await payments.payBySavedCard({ ...order, cardId: 'pm_ben_1' })).toMatchObject({ code: 'no-longer-there' });
  await control(sandbox, 'POST', 'fixtures', { prices: [{ ...CAST.prices![0]!, active: false }] });
  expect(await payments.payBySavedCard({ ...order, attempt: 2 })).toMatchObject({ code: 'no-longer-there' });
  const { body } = await call(sandbox, 'GET', '/v1/payment_intents');
  expect(body.data).toEqual([]);
});

test('the same attempt for another order is a mistake of ours, thrown', async () => {
  const order = await adasReturn(payments);
  await payments.payBySavedCard(order);
  await expect(payments.payBySavedCard(await adasReturn(payments, 'r1', 1, 2))).rejects.toThrow(
    'Keys for idempotent requests',
  );
});

test('undo ends the subscription and gives everything back', async () => {
  const subscriptionId = await started();
  expect(await payments.undoSubscription({ rejoinId: 'r1', subscriptionId })).toEqual({
    refundedAmount: 4800,
    currency: 'gbp',
    madeGood: [],
  });
  expect(await payments.readSubscription(subscriptionId)).toMatchObject({ status: 'canceled', paid: false });
  const { body } = await call(sandbox, 'GET', '/v1/refunds');
  expect(body.data).toMatchObject([{ amount: 4800, metadata: { rejoin_id: 'r1' } }]);
});

test('undo called again, even long after, answers the same and refunds once', async () => {
  let now = new Date('2026-11-22T09:00:00Z');
  await sandbox.close();
  ({ sandbox, payments } = await openHouse({ now: () => now }));
  const undo = { rejoinId: 'r1', subscriptionId: await started() };
  const first = await payments.undoSubscription(undo);
  now = new Date('2026-11-25T09:00:00Z');
  expect(await payments.undoSubscription(undo)).toEqual(first);
  const { body } = await call(sandbox, 'GET', '/v1/refunds');
  expect(body.data).toHaveLength(1);
});

test.each(['DELETE /v1/subscriptions', 'GET /v1/invoices', 'POST /v1/refunds', 'GET /v1/refunds'])(
  'undo cut off at %s is finished by the next call',
  async (at) => {
    const undo = { rejoinId: 'r1', subscriptionId: await started() };
    const [method, path] = at.split(' ');
    await control(sandbox, 'POST', 'faults', { kind: 'drop_reply', method: method!, path: path!, times: 3 });
    await expect(payments.undoSubscription(undo)).rejects.toBeInstanceOf(PaymentsUnavailable);
    expect(await payments.undoSubscription(undo)).toMatchObject({ refundedAmount: 4800, currency: 'gbp' });
    const { body } = await call(sandbox, 'GET', '/v1/refunds');
    expect(body.data).toHaveLength(1);
  },
);

test('what staff had refunded by hand is not refunded twice', async () => {
  const subscriptionId = await started();
  const intents = await call(sandbox, 'GET', '/v1/payment_intents', { customer: 'cus_ada' });
  await call(sandbox, 'POST', '/v1/refunds', { payment_intent: intents.body.data[0].id, amount: '1000' });
  expect(await payments.undoSubscription({ rejoinId: 'r1', subscriptionId })).toMatchObject({ refundedAmount: 4800 });
  const { body } = await call(sandbox, 'GET', '/v1/refunds');
  expect(body.data.map(({ amount }: { amount: number }) => amount)).toEqual([3800, 1000]);
});

test('undo never touches a subscription that this rejoin did not start', async () => {
  const subscriptionId = await started('r1');
  await expect(payments.undoSubscription({ rejoinId: 'r2', subscriptionId })).rejects.toThrow('nothing was undone');
  expect(await payments.readSubscription(subscriptionId)).toMatchObject({ status: 'active', paid: true });
});

test('cancelling keeps the paid period', async () => {
  const subscriptionId = await started();
  const { endsAt } = await payments.cancelAtPeriodEnd(subscriptionId);
  expect(await payments.readSubscription(subscriptionId)).toMatchObject({
    status: 'active',
    standing: 'cancelling',
    periodEnd: endsAt,
  });
  await payments.keepAfterAll(subscriptionId);
  expect(await payments.readSubscription(subscriptionId)).toMatchObject({ standing: 'running' });
});

test('one that was to end on a day of its own is kept after all, too', async () => {
  const subscriptionId = await started();
  const soon = Math.floor(Date.now() / 1000) + 86_400;
  await call(sandbox, 'POST', `/v1/subscriptions/${subscriptionId}`, { cancel_at: String(soon) });
  expect(await payments.readSubscription(subscriptionId)).toMatchObject({ standing: 'cancelling' });
  await payments.keepAfterAll(subscriptionId);
  expect(await payments.readSubscription(subscriptionId)).toMatchObject({ standing: 'running' });
});

test('what comes after a cancellation is taken back can be looked at before it is', async () => {
  const subscriptionId = await started();
  await payments.cancelAtPeriodEnd(subscriptionId);
  const terms = { customerId: 'cus_ada', items: [], currency: 'gbp', taxRates: [] };
  expect(await payments.quote(terms, { kind: 'resume', subscriptionId })).toMatchObject({ amount: 0, renewal: 4800 });
  const plain = await call(sandbox, 'POST', '/v1/invoices/create_preview', { subscription: subscriptionId });
  expect(plain.body.error).toMatchObject({ code: 'invoice_upcoming_none' });
});

test('a price that is gone when its page is opened is a refusal', async () => {
  const { cardId: _, ...start } = await adasReturn(payments);
  const gone = { ...start, items: [{ priceId: 'price_gone', quantity: 1 }] };
  expect(await payments.openCheckout(gone)).toMatchObject({ refused: true, code: 'no-longer-there' });
});

test('a subscription that the provider does not know reads as null', async () => {
  expect(await payments.readSubscription('sub_elsewhere')).toBeNull();
});

test('reads write nothing', async () => {
  const subscriptionId = await started();
  await control(sandbox, 'DELETE', 'requests');
  await payments.returningCustomer('cus_ada', OURS);
  await payments.priceFor('team_monthly');
  await payments.readSubscription(subscriptionId);
  await payments.findSubscription({ customerId: 'cus_ada', rejoinId: 'r1' });
  const methods = (await requests(sandbox)).map(({ method }) => method);
  expect(methods).toHaveLength(6);
  expect(new Set(methods)).toEqual(new Set(['GET']));
});

test('a passing failure before anything is done is tried again', async () => {
  await control(sandbox, 'POST', 'faults', { kind: 'error_500', path: '/v1/prices', times: 2 });
  expect(await payments.priceFor('team_monthly')).toMatchObject({ amount: 4800 });
});

test('a provider that is not there is an outage with a sentence, not a refusal', async () => {
  await sandbox.close();
  const answer = payments.priceFor('team_monthly');
  await expect(answer).rejects.toBeInstanceOf(PaymentsUnavailable);
  await expect(answer).rejects.toMatchObject({ sentence: expect.stringContaining('not be charged twice') });
  ({ sandbox, payments } = await openHouse());
});

test('a provider that never answers is given up before six seconds', { timeout: 10_000 }, async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const apiBase = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const waiting = openPayments({ secretKey: 'sk_test_amends', webhookSecret: 'whsec_test', apiBase });
  const from = performance.now();
  await expect(waiting.returningCustomer('cus_ada', OURS)).rejects.toBeInstanceOf(PaymentsUnavailable);
  expect(performance.now() - from).toBeLessThan(6_000);
  silent.closeAllConnections();
  silent.close();
});

test('wrong keys are refused at the start', () => {
  const right = { secretKey: 'sk_test_1', webhookSecret: 'whsec_1', apiBase: 'http://127.0.0.1:1' };
  expect(() => openPayments({ ...right, secretKey: 'pk_test_1' })).toThrow('sk_');
  expect(() => openPayments({ ...right, webhookSecret: '' })).toThrow('whsec_');
  expect(() => openPayments({ ...right, secretKey: 'sk_live_1' })).toThrow('live');
});
