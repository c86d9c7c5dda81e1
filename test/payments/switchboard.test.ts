import { expect, test, vi } from 'vitest';
import { startSandbox } from '../../src/payments/sandbox/server.ts';
import { adasReturn, call, control, openHouse, openReceiver, paymentsFor } from './house.ts';

test('the sandbox does not start beside a live key, and answers none', async () => {
  for (const beside of ['sk_live_1', 'rk_live_1']) {
    await expect(startSandbox({ port: 0, data: ':memory:', beside })).rejects.toThrow('beside a live key');
  }
  const { sandbox } = await openHouse();
  const reply = await call(sandbox, 'GET', '/v1/customers', {}, { authorization: 'Bearer sk_live_1' });
  expect(reply).toMatchObject({ status: 401, body: { error: { message: 'The sandbox refuses live keys.' } } });
  await sandbox.close();
});

test('events can be lost, doubled and delayed behind those that came after them', async () => {
  const receiver = await openReceiver();
  const { sandbox, payments } = await openHouse({ webhookUrl: receiver.url });
  await control(sandbox, 'POST', 'faults', { kind: 'event_lost', type: 'invoice.created' });
  await control(sandbox, 'POST', 'faults', { kind: 'event_twice', type: 'invoice.finalized' });
  await control(sandbox, 'POST', 'faults', { kind: 'event_late', type: 'customer.subscription.created', ms: 200 });
  await payments.payBySavedCard(await adasReturn(payments));
  await vi.waitFor(() => expect(receiver.types().at(-1)).toBe('customer.subscription.created'));
  const types = receiver.types();
  expect(types).not.toContain('invoice.created');
  expect(types.filter((type) => type === 'invoice.finalized')).toHaveLength(2);
  expect((await control(sandbox, 'GET', 'faults')).body.data).toEqual([]);
  await sandbox.close();
  await receiver.close();
});

test('the next try at a bank is refused with the code that was set, and the one after it is not', async () => {
  const { sandbox } = await openHouse();
  const payments = paymentsFor(sandbox);
  await control(sandbox, 'POST', 'faults', { kind: 'decline', code: 'lost_card' });
  expect(await payments.payBySavedCard(await adasReturn(payments))).toMatchObject({ code: 'declined' });
  const { body } = await call(sandbox, 'GET', '/v1/charges', { customer: 'cus_ada' });
  expect(body.data).toMatchObject([{ paid: false, outcome: { reason: 'lost_card' } }]);
  expect(await payments.payBySavedCard(await adasReturn(payments, 'r1', 2))).toMatchObject({ paid: true });
  await sandbox.close();
});

test('its clock goes on when told: plans renew, or end where they were to end', async () => {
  const { sandbox, payments } = await openHouse();
  const [first, second] = [
    await payments.payBySavedCard(await adasReturn(payments)),
    await payments.payBySavedCard(await adasReturn(payments, 'r2')),
  ];
  const [runs, ends] = [first, second].map((one) => (one as { subscriptionId: string }).subscriptionId) as [
    string,
    string,
  ];
  await payments.cancelAtPeriodEnd(ends);
  await fetch(`${sandbox.url}/_sandbox/clock`, { method: 'POST', body: JSON.stringify({ advance_s: 32 * 86_400 }) });
  expect(await payments.readSubscription(runs)).toMatchObject({ status: 'active', paid: true });
  expect(await payments.readSubscription(ends)).toMatchObject({
    status: 'canceled',
    ended: { reason: 'cancellation_requested' },
  });
  expect((await call(sandbox, 'GET', '/v1/invoices', { customer: 'cus_ada', status: 'paid' })).body.data).toHaveLength(
    3,
  );
  await sandbox.close();
});

test('its pages take no form from another site, and what is written on them stays text', async () => {
  const { sandbox, payments } = await openHouse();
  await control(sandbox, 'POST', 'fixtures', {
    customers: [{ id: 'cus_eve', email: '<img src=x>@example.org', name: 'Eve' }],
  });
  const order = { ...(await adasReturn(payments)), customerId: 'cus_eve' };
  const { url } = (await payments.openCheckout(order)) as { url: string };
  expect(await (await fetch(url)).text()).not.toContain('<img');
  const foreign = await fetch(url, {
    method: 'POST',
    headers: { origin: 'https://elsewhere.example' },
    body: new URLSearchParams({ wallet: 'yes' }),
  });
  expect(foreign.status).not.toBe(200);
  expect((await call(sandbox, 'GET', '/v1/payment_intents', { customer: 'cus_eve' })).body.data).toEqual([]);
  await sandbox.close();
});
