import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Payments } from '../../src/payments/payments.ts';
import { type Sandbox, startSandbox } from '../../src/payments/sandbox/server.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { must } from '../support/must.ts';
import {
  adasReturn,
  call,
  newFile,
  openHouse,
  openReceiver,
  paymentsFor,
  type Received,
  WEBHOOK_SECRET,
} from './house.ts';

let sandbox: Sandbox;
let payments: Payments;
let receiver: Awaited<ReturnType<typeof openReceiver>>;

beforeEach(async () => {
  receiver = await openReceiver();
  ({ sandbox, payments } = await openHouse({ webhookUrl: receiver.url }));
});
afterEach(async () => {
  await sandbox.close();
  await receiver.close();
});

const now = () => new Date();
const signatureOf = ({ headers }: Received) => String(headers['stripe-signature']);

function signed(body: string, at: number): string {
  return `t=${at},v1=${createHmac('sha256', WEBHOOK_SECRET).update(`${at}.${body}`).digest('hex')}`;
}

async function oneEvent(): Promise<Received> {
  await payments.payBySavedCard(await adasReturn(payments));
  await vi.waitFor(() => expect(receiver.types()).toContain('invoice.paid'));
  return receiver.received.find(({ body }) => JSON.parse(body).type === 'invoice.paid')!;
}

test('a paid return is told in signed events that point to the subscription', async () => {
  const answer = await payments.payBySavedCard(await adasReturn(payments));
  const { subscriptionId } = answer as { subscriptionId: string };
  await vi.waitFor(() => expect(receiver.received).toHaveLength(6));
  expect(receiver.types().sort()).toEqual([
    'customer.subscription.created',
    'customer.subscription.updated',
    'invoice.created',
    'invoice.finalized',
    'invoice.paid',
    'payment_intent.succeeded',
  ]);
  for (const each of receiver.received) {
    const event = must(payments.verifyWebhook(each.body, signatureOf(each), now()));
    expect(event.subscriptionId).toBe(event.type === 'payment_intent.succeeded' ? null : subscriptionId);
    expect(Math.abs(event.created - Date.now())).toBeLessThan(10_000);
  }
});

test('an undo is told as deleted and refunded', async () => {
  const answer = await payments.payBySavedCard(await adasReturn(payments));
  const { subscriptionId } = answer as { subscriptionId: string };
  await payments.undoSubscription({ rejoinId: 'r1', subscriptionId });
  const expected = ['customer.subscription.deleted', 'charge.refunded', 'refund.created'];
  await vi.waitFor(() => expect(receiver.types()).toEqual(expect.arrayContaining(expected)));
});

test('one changed byte is refused', async () => {
  const event = await oneEvent();
  const tampered = event.body.replace('"amount_paid":4800', '"amount_paid":4801');
  expect(tampered).not.toBe(event.body);
  expect(payments.verifyWebhook(tampered, signatureOf(event), now())).toMatchObject({ code: 'bad-signature' });
});

test('a message without a signature, or signed with another secret, is refused', async () => {
  const event = await oneEvent();
  const stranger = signatureOf(event).replace(/v1=.{4}/, 'v1=0000');
  for (const header of [null, '', 'nonsense', 't=1', stranger]) {
    expect(payments.verifyWebhook(event.body, header, now())).toMatchObject({ code: 'bad-signature' });
  }
});

test.each([
  [300, true],
  [301, false],
  [-300, true],
  [-301, false],
  [3_600, false],
  [-3_600, false],
])('a message signed %i s ago is taken: %s', async (age, taken) => {
  const { body } = await oneEvent();
  const clock = new Date('2026-11-22T09:00:00Z');
  const answer = payments.verifyWebhook(body, signed(body, clock.getTime() / 1000 - age), clock);
  expect(isRefusal(answer) ? answer.code : 'taken').toBe(taken ? 'taken' : 'wrong-time');
});

test('a fresh time in front of the signed one does not make an old message young', async () => {
  const { body } = await oneEvent();
  const clock = new Date('2026-11-22T09:00:00Z');
  const fresh = clock.getTime() / 1000;
  const old = signed(body, fresh - 3_600);
  for (const header of [`t=${fresh},${old}`, `${old},t=${fresh}`]) {
    expect(isRefusal(payments.verifyWebhook(body, header, clock))).toBe(true);
  }
});

test('an event of a kind we do not know is taken and points nowhere', () => {
  const clock = new Date('2026-11-22T09:00:00Z');
  const body = JSON.stringify({ id: 'evt_1', object: 'event', type: 'payout.paid', created: 1, data: { object: {} } });
  expect(payments.verifyWebhook(body, signed(body, clock.getTime() / 1000), clock)).toEqual({
    id: 'evt_1',
    type: 'payout.paid',
    subscriptionId: null,
    checkoutId: null,
    created: 1_000,
  });
});

test('an event that was not taken comes again', async () => {
  const grudging = await openReceiver((count) => (count <= 6 ? 503 : 200));
  const house = await openHouse({ webhookUrl: grudging.url });
  await house.payments.payBySavedCard(await adasReturn(house.payments));
  await vi.waitFor(() => expect(grudging.received).toHaveLength(12), { timeout: 5_000 });
  expect(new Set(grudging.received.map(({ body }) => JSON.parse(body).id)).size).toBe(6);
  await house.sandbox.close();
  await grudging.close();
});

test('a restart keeps everything and delivers what was left', async () => {
  const data = newFile();
  const away = await openReceiver();
  await away.close();
  const before = await openHouse({ data, webhookUrl: away.url });
  const order = await adasReturn(before.payments);
  const answer = await before.payments.payBySavedCard(order);
  await before.sandbox.close();

  const back = await openReceiver(() => 200, Number(new URL(away.url).port));
  const again = await startSandbox({ port: 0, data, webhookUrl: back.url, webhookSecret: WEBHOOK_SECRET });
  await vi.waitFor(() => expect(back.types()).toContain('invoice.paid'), { timeout: 5_000 });
  expect(await paymentsFor(again).payBySavedCard(order)).toEqual(answer);
  const { body } = await call(again, 'GET', '/v1/subscriptions', { status: 'all' });
  expect(body.data).toHaveLength(1);
  await again.close();
  await back.close();
});
