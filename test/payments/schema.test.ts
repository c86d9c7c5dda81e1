import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import type { Exchange } from '../../src/payments/sandbox/server.ts';
import { adasReturn, call, control, openHouse } from './house.ts';
import { comparedWith, strayFrom, VERSION } from './schema/compare.ts';

const watched: Exchange[] = [];
const { sandbox, payments } = await openHouse({ watch: (exchange) => watched.push(exchange) });
afterAll(() => sandbox.close());

const page = (url: string, form: Record<string, string>) =>
  fetch(url, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' });
const CARD = { number: '4242424242424242', expiry: '11/30', cvc: '123' };

test('the types compared with are those of the SDK that is installed', () => {
  const installed = readFileSync(new URL('../../node_modules/stripe/VERSION', import.meta.url), 'utf8').trim();
  expect(VERSION, 'run test/payments/schema/generate.mjs').toBe(installed);
});

test('a life at the sandbox, every request and every answer, is as Stripe’s own types have it', {
  timeout: 120_000,
}, async () => {
  const order = await adasReturn(payments);
  await control(sandbox, 'POST', 'fixtures', {
    tax_rates: [{ id: 'txr_vat', display_name: 'VAT', percentage: 20, inclusive: true }],
    subscriptions: (['paused', 'past_due', 'cancelling', 'collection_paused', 'incomplete', 'canceled'] as const).map(
      (state) => ({
        id: `sub_${state}`,
        customer: 'cus_ada',
        items: [{ price: order.items[0]!.priceId }],
        state,
        tax_rates: ['txr_vat'],
        comment: 'It stopped.',
        feedback: 'low_quality',
      }),
    ),
  });
  const taxed = { ...order, taxRates: ['txr_vat'] };
  await payments.returningCustomer('cus_ada', ['prod_team']);
  await payments.prices(['team_monthly', 'team_free']);
  await payments.quote(taxed, order.way);
  for (const [at, kind] of (['resume', 'unpause', 'wake'] as const).entries()) {
    const subscriptionId = { resume: 'sub_cancelling', unpause: 'sub_collection_paused', wake: 'sub_paused' }[kind];
    const way = { kind, subscriptionId };
    const { amount } = await payments.quote(taxed, way);
    await payments.payBySavedCard({ ...taxed, way, amount, rejoinId: `h${at}` });
  }
  const owed = await call(sandbox, 'GET', '/v1/invoices', { subscription: 'sub_past_due' });
  const way = { kind: 'settle' as const, subscriptionId: 'sub_past_due', invoiceId: String(owed.body.data[0].id) };
  await payments.quote(taxed, way);
  await payments.payBySavedCard({ ...taxed, way, rejoinId: 'h9' });
  await control(sandbox, 'POST', 'faults', { kind: 'authenticate' });
  const asked = (await payments.payBySavedCard({ ...taxed, rejoinId: 'r2' })) as { awayUrl: string };
  await payments.readSubscription('sub_incomplete');
  await page(asked.awayUrl, { answer: 'yes' });
  const open = (await payments.openCheckout({ ...taxed, rejoinId: 'r3' })) as { checkoutId: string; url: string };
  await page(open.url, CARD);
  const closed = (await payments.openCheckout({ ...taxed, rejoinId: 'r4' })) as { checkoutId: string };
  await payments.closeCheckout(closed.checkoutId);
  await payments.closeCheckout(open.checkoutId);
  const subscriptionId = (await payments.findSubscription({ customerId: 'cus_ada', rejoinId: 'r3' }))!;
  await payments.cancelAtPeriodEnd(subscriptionId);
  await payments.keepAfterAll(subscriptionId);
  await payments.undoSubscription({ rejoinId: 'r3', subscriptionId });
  await payments.payBack({ id: 'm1', customerId: 'cus_ada', amount: 700, currency: 'gbp' });
  await payments.openPortal('cus_ada', 'https://example.org/returned');
  await payments.eventsSince(new Date(0));
  await payments.payBySavedCard({ ...order, rejoinId: 'r5', customerId: 'cus_ben', cardId: 'pm_ben_1' });
  await call(sandbox, 'POST', '/v1/payment_methods/pm_card_visa/attach', { customer: 'cus_cleo' });
  await call(sandbox, 'POST', '/v1/customers', { email: 'new@example.org' });
  await call(sandbox, 'POST', '/v1/customers/cus_cleo', { name: 'Cleo' });
  await call(sandbox, 'POST', '/v1/products', { name: 'Another' });
  const price = { currency: 'gbp', unit_amount: '500', product: 'prod_team', 'recurring[interval]': 'month' };
  await call(sandbox, 'POST', '/v1/prices', price);
  await call(sandbox, 'POST', '/v1/invoiceitems', { customer: 'cus_cleo', amount: '100', currency: 'gbp' });
  for (const kind of [
    'charges',
    'customers',
    'products',
    'refunds',
    'payment_intents',
    'checkout/sessions',
    'tax_rates/txr_vat',
  ]) {
    await call(sandbox, 'GET', `/v1/${kind}`);
  }

  expect(watched.length).toBeGreaterThan(55);
  expect([...new Set(watched.flatMap(strayFrom))]).toEqual([]);
  const { length } = comparedWith();
  console.log(
    `${watched.length} requests and answers, compared with ${length} of Stripe’s types: ${comparedWith().join(', ')}`,
  );
  expect(length).toBeGreaterThanOrEqual(38);
});

test('the comparison finds what is not Stripe’s: an older parameter, a word that does not exist, a field that is missing', () => {
  const sound = watched.find(
    ({ method, route, status }) => `${method} ${route}` === 'POST /v1/subscriptions' && status === 200,
  )!;
  const body = sound.body as Record<string, unknown>;
  const { latest_invoice: _, ...without } = body;
  expect(strayFrom({ ...sound, params: { ...sound.params, trial_from_plan_x: 'true' } })).not.toEqual([]);
  expect(strayFrom({ ...sound, params: { ...sound.params, payment_behavior: 'sometimes' } })).not.toEqual([]);
  expect(strayFrom({ ...sound, body: { ...body, status: 'dormant' } })).not.toEqual([]);
  expect(strayFrom({ ...sound, body: without })).not.toEqual([]);
  expect(strayFrom({ ...sound, body: { ...body, current_period_end: 1 } }), 'it lives on the items now').not.toEqual(
    [],
  );
});
