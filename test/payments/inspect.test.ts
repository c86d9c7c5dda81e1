import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Expected, inspectStripe } from '../../src/payments/inspect.ts';
import type { Sandbox } from '../../src/payments/sandbox/server.ts';
import { CAST, control, openHouse } from './house.ts';

let sandbox: Sandbox;
beforeEach(async () => {
  ({ sandbox } = await openHouse());
});
afterEach(() => sandbox.close());

const TEAM: Expected = { id: 'team', lookupKey: 'team_monthly', amount: 4800, currency: 'gbp', interval: 'month' };
const inspect = (offers: Expected[], more: { secretKey?: string; webhookSecret?: string } = {}) =>
  inspectStripe(
    {
      secretKey: 'sk_test_amends',
      webhookSecret: 'whsec_test',
      apiBase: sandbox.url,
      siteUrl: 'https://amends.example',
      ...more,
    },
    offers,
  );
const wrongOnes = (found: Awaited<ReturnType<typeof inspect>>) => found.filter(({ verdict }) => verdict === 'wrong');

test('where all is well, all is said to be well', async () => {
  const found = await inspect([TEAM]);
  expect(wrongOnes(found)).toEqual([]);
  expect(found.map(({ about }) => about)).toEqual([
    'webhook secret',
    'key',
    'API version',
    'offer team',
    'webhook endpoint',
  ]);
});

test.each([
  [{ amount: 5200 }, 'the offer says 5200'],
  [{ currency: 'eur' }, 'asks nothing eur'],
  [{ interval: 'year' }, 'every month, the offer says every year'],
  [{ lookupKey: 'nobody' }, 'No price has the lookup key “nobody”'],
])('an offer that Stripe does not charge as it says is named (%o)', async (change, said) => {
  expect(wrongOnes(await inspect([{ ...TEAM, ...change }]))).toMatchObject([
    { about: 'offer team', sentence: expect.stringContaining(said) },
  ]);
});

test('an archived price is named', async () => {
  await control(sandbox, 'POST', 'fixtures', { prices: [{ ...CAST.prices![0]!, active: false }] });
  expect(wrongOnes(await inspect([TEAM]))).toMatchObject([{ sentence: expect.stringContaining('archived') }]);
});

test('a key or secret that can’t be right stops the look with what to do', async () => {
  expect(wrongOnes(await inspect([TEAM], { secretKey: 'pk_test_1' }))).toMatchObject([{ about: 'key' }]);
  expect(wrongOnes(await inspect([TEAM], { secretKey: 'sk_live_1' }))).toMatchObject([{ about: 'key' }]);
  expect(wrongOnes(await inspect([TEAM], { secretKey: 'sk_wrong' }))).toMatchObject([
    { sentence: expect.stringContaining('does not know this key') },
  ]);
  expect(wrongOnes(await inspect([TEAM], { webhookSecret: 'secret' }))).toMatchObject([{ about: 'webhook secret' }]);
});

test('a Stripe that can’t be reached is said to be that', async () => {
  await sandbox.close();
  expect(wrongOnes(await inspect([TEAM]))).toMatchObject([{ sentence: expect.stringContaining('can’t be reached') }]);
  ({ sandbox } = await openHouse());
});
