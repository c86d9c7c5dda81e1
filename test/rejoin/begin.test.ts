import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SANDBOX_FIXTURES } from '../../db/cast.ts';
import { openDatabase } from '../../db/client.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { type Payments, PaymentsUnavailable } from '../../src/payments/payments.ts';
import type { Sandbox } from '../../src/payments/sandbox/server.ts';
import { startSandbox } from '../../src/payments/sandbox/server.ts';
import { beginRejoin, resumeRejoins } from '../../src/rejoin/begin.ts';
import type { Rejoin, Shown } from '../../src/rejoin/check.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { control, newFile, paymentsFor, requests } from '../payments/house.ts';
import type { FreshDatabase } from '../support/database.ts';
import { must } from '../support/must.ts';
import { castPerson, later, NOW, seededDatabase } from '../support/seeded.ts';
import { chargesOf, checkFor, intentOf, openSandbox, rejoinOf, round } from './house.ts';

let db: FreshDatabase;
let sandbox: Sandbox;
let payments: Payments;
/** The provider's. */
let clock: Date;
beforeEach(async () => {
  db = await seededDatabase();
  clock = NOW;
  ({ sandbox, payments } = await openSandbox({ now: () => clock }));
});
afterEach(async () => {
  await sandbox.close();
  await db.cleanup();
});

/** Maya's five seats of £9.60. */
const AMOUNT = 4800;
const HOUR = 3_600_000;

async function press(who = 'c-maya', at = NOW): Promise<Rejoin> {
  return must(await beginRejoin(db, payments, await intentOf(db, payments, who), at)).rejoin;
}

test('the check page reads and writes nothing, at the provider neither', async () => {
  const { check } = await intentOf(db, payments, 'c-maya');
  expect(check).toMatchObject({
    shown: { seats: 5, amount: AMOUNT, currency: 'gbp', cardId: 'pm_maya' },
    cardLabel: 'Visa ending 4242',
    receiptTo: 'maya@rennickpress.example',
    interval: 'month',
  });
  // A preview is asked for by POST, and leaves nothing behind.
  const written = (await requests(sandbox)).filter(
    ({ method, path }) => method !== 'GET' && !path.endsWith('/create_preview'),
  );
  expect(written).toEqual([]);
  expect(await db.read.$count(rejoins)).toBe(0);
});

test('one press is one row, one subscription and one charge of what the button said', async () => {
  const rejoin = await press();
  expect(rejoin).toMatchObject({ state: 'paying', attempt: 1, amount: AMOUNT, subscriptionId: expect.any(String) });
  await round(db, payments, later(61_000));
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'active', completedAt: NOW.getTime() + 61_000 });
  expect(await chargesOf(sandbox, 'cus_maya')).toEqual({
    subscriptions: [{ id: rejoin.subscriptionId, status: 'active' }],
    paid: [AMOUNT],
    refunded: [],
  });
});

test('twenty presses from two processes at once are one', async () => {
  const intent = await intentOf(db, payments, 'c-maya');
  const other = await openDatabase(db.url);
  const begun = await Promise.all(
    Array.from({ length: 20 }, (_, at) => beginRejoin(at % 2 ? db : other, payments, intent, NOW)),
  );
  await other.close();
  const ids = begun.map((one) => (isRefusal(one) ? one.code : one.rejoin.id));
  expect(new Set(ids).size).toBe(1);
  const asked = (await requests(sandbox)).filter(
    ({ method, path }) => method === 'POST' && path === '/v1/subscriptions',
  );
  expect(asked, 'one of them asks the provider, the others see what comes of it').toHaveLength(1);
  expect(await db.read.$count(rejoins)).toBe(1);
  expect(await chargesOf(sandbox, 'cus_maya')).toMatchObject({ subscriptions: [{}], paid: [AMOUNT] });
});

test('another press later, at any stage, begins nothing new', async () => {
  const intent = await intentOf(db, payments, 'c-maya');
  await beginRejoin(db, payments, intent, NOW);
  await beginRejoin(db, payments, intent, later(3_600_000));
  await round(db, payments, later(3_600_000));
  await beginRejoin(db, payments, intent, later(7_200_000));
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'active' });
  expect(await chargesOf(sandbox, 'cus_maya')).toMatchObject({ subscriptions: [{}], paid: [AMOUNT] });
});

const CHANGES: Partial<Shown>[] = [
  { amount: AMOUNT - 1 },
  { amount: 0 },
  { currency: 'eur' },
  { seats: 4 },
  { priceId: 'price_northline_solo_month' },
  { cardId: 'pm_idris' },
  { offerHash: 'an older one' },
  { offerId: 'solo' },
];
test.each(CHANGES)('what was shown is not what holds now (%o): refused, and nothing is charged', async (change) => {
  const intent = await intentOf(db, payments, 'c-maya');
  const begun = await beginRejoin(db, payments, { ...intent, seen: { ...intent.seen, ...change } }, NOW);
  expect(begun).toMatchObject({ refused: true, code: 'changed' });
  expect(await db.read.$count(rejoins)).toBe(0);
  expect(await chargesOf(sandbox, 'cus_maya')).toMatchObject({ subscriptions: [], paid: [] });
});

test('a price that changed at the provider is not offered, and what was on the page is not charged', async () => {
  const shown = await intentOf(db, payments, 'c-maya');
  const [team] = SANDBOX_FIXTURES.prices;
  const { id: _, ...dearer } = { ...team!, unit_amount: 1060 };
  await control(sandbox, 'POST', 'fixtures', { prices: [dearer] });
  const maya = await castPerson(db.read, 'c-maya');
  expect(await checkFor(db, payments, maya)).toMatchObject({ refused: true, code: 'price-differs' });
  // Pressed on the page from before, in the moment in which the check had still passed.
  const begun = await beginRejoin(db, payments, shown, NOW);
  expect(isRefusal(begun) || begun.rejoin.amount === AMOUNT).toBe(true);
  expect((await chargesOf(sandbox, 'cus_maya')).paid.every((amount) => amount === AMOUNT)).toBe(true);
});

test('a card that was exchanged since is shown first', async () => {
  const before = await intentOf(db, payments, 'c-maya');
  const card = { id: 'pm_maya_new', brand: 'visa', last4: '9999', exp_month: 1, exp_year: 2031 };
  const { id, email, name } = SANDBOX_FIXTURES.customers[0]!;
  await control(sandbox, 'POST', 'fixtures', { customers: [{ id, email, name, payment_methods: [card] }] });
  await fetch(`${sandbox.url}/v1/customers/cus_maya`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk_test_amends' },
    body: new URLSearchParams({ 'invoice_settings[default_payment_method]': card.id }),
  });
  const { check } = await intentOf(db, payments, 'c-maya');
  expect(check.cardLabel).toBe('Visa ending 9999');
  expect(await beginRejoin(db, payments, { ...before, check }, NOW)).toMatchObject({ code: 'changed' });
  expect(await chargesOf(sandbox, 'cus_maya')).toMatchObject({ paid: [] });
});

test('no account and a running subscription are refusals of the check; without a card they pay at the provider’s page', async () => {
  const bronagh = await castPerson(db.read, 'c-bronagh');
  expect(await checkFor(db, payments, bronagh)).toMatchObject({
    shown: { cardId: '', amount: 2880 },
    card: null,
  });
  expect(await checkFor(db, payments, { ...bronagh, billingId: null })).toMatchObject({ code: 'no-account' });
  expect(await checkFor(db, payments, { ...bronagh, billingId: 'cus_nobody' })).toMatchObject({
    code: 'customer-gone',
  });
  await press('c-maya');
  const maya = await castPerson(db.read, 'c-maya');
  expect(await checkFor(db, payments, maya)).toMatchObject({ code: 'already-subscribed' });
});

test('declined, then paid with a card that works: the same row, its next attempt, one charge', async () => {
  const first = await beginRejoin(db, payments, await intentOf(db, payments, 'c-devika'), NOW);
  expect(first).toMatchObject({ code: 'declined', sentence: expect.stringContaining('You have not been charged') });
  const declined = await rejoinOf(db, 'c-devika');
  expect(declined).toMatchObject({ state: 'declined', attempt: 1, declinedSentence: expect.any(String) });
  expect(await chargesOf(sandbox, 'cus_devika')).toMatchObject({ subscriptions: [], paid: [] });

  const devika = SANDBOX_FIXTURES.customers.find(({ id }) => id === 'cus_devika')!;
  const payment_methods = devika.payment_methods.map((card) => ({ ...card, behaviour: 'ok' as const }));
  await control(sandbox, 'POST', 'fixtures', { customers: [{ ...devika, payment_methods }] });
  const intent = await intentOf(db, payments, 'c-devika');
  await Promise.all([1, 2, 3].map(() => beginRejoin(db, payments, intent, later(1000))));
  expect(await rejoinOf(db, 'c-devika')).toMatchObject({
    id: declined.id,
    state: 'paying',
    attempt: 2,
    declinedSentence: null,
  });
  expect(await chargesOf(sandbox, 'cus_devika')).toMatchObject({ subscriptions: [{}], paid: [3840] });
});

test('a reply that is lost after the charge makes one subscription', async () => {
  await control(sandbox, 'POST', 'faults', { kind: 'drop_reply', method: 'POST', path: '/v1/subscriptions' });
  expect(await press()).toMatchObject({ state: 'paying', subscriptionId: expect.any(String) });
  expect(await chargesOf(sandbox, 'cus_maya')).toMatchObject({ subscriptions: [{}], paid: [AMOUNT] });
});

test('every reply lost: nobody knows, nobody presses again, and the rounds find the one that was made', async () => {
  const fault = { kind: 'drop_reply', method: 'POST', path: '/v1/payment_intents', times: 3 } as const;
  await control(sandbox, 'POST', 'faults', fault);
  await expect(press()).rejects.toThrow(PaymentsUnavailable);
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'paying', subscriptionId: null });
  // More than a day later the provider has forgotten the key.
  clock = later(30 * HOUR);
  expect(await resumeRejoins(db, payments, clock)).toBe(1);
  await round(db, payments, later(61_000, clock));
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'active' });
  expect(await chargesOf(sandbox, 'cus_maya')).toMatchObject({ subscriptions: [{}], paid: [AMOUNT] });
});

test('while it is not old enough, nobody takes over from a process that is still at it', async () => {
  await control(sandbox, 'POST', 'faults', { kind: 'error_500', method: 'POST', path: '/v1/subscriptions', times: 3 });
  await expect(press()).rejects.toThrow(PaymentsUnavailable);
  expect(await resumeRejoins(db, payments, later(29_000))).toBe(0);
  expect(await resumeRejoins(db, payments, later(31_000))).toBe(1);
  expect(await chargesOf(sandbox, 'cus_maya')).toMatchObject({ subscriptions: [{}], paid: [AMOUNT] });
});

test('with the provider down there is an answer within six seconds, and the intent is finished when it is back', async () => {
  const data = newFile();
  await sandbox.close();
  ({ sandbox, payments } = await openSandbox({ data }));
  const { port } = sandbox;
  const intent = await intentOf(db, payments, 'c-maya');
  await sandbox.close();
  const began = performance.now();
  await expect(beginRejoin(db, payments, intent, NOW)).rejects.toThrow(PaymentsUnavailable);
  expect(performance.now() - began).toBeLessThan(6_000);
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'paying', amount: AMOUNT });

  sandbox = await startSandbox({ port, data, webhookSecret: 'whsec_test' });
  payments = paymentsFor(sandbox);
  expect(await resumeRejoins(db, payments, later(31_000))).toBe(1);
  await round(db, payments, later(100_000));
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'active' });
  expect(await chargesOf(sandbox, 'cus_maya')).toMatchObject({ subscriptions: [{}], paid: [AMOUNT] });
});

test('a press that could not be carried out for a day lapses, and nothing is charged', async () => {
  await control(sandbox, 'POST', 'faults', { kind: 'error_500', method: 'POST', path: '/v1/subscriptions', times: 3 });
  await expect(press('c-maya')).rejects.toThrow(PaymentsUnavailable);
  expect(await resumeRejoins(db, payments, later(25 * HOUR))).toBe(1);
  const lapsed = await rejoinOf(db, 'c-maya');
  expect(lapsed).toMatchObject({ state: 'declined', declinedSentence: expect.stringContaining('not been charged') });
  expect(await chargesOf(sandbox, 'cus_maya')).toMatchObject({ subscriptions: [], paid: [] });
});

test('one return that can’t be finished does not keep back the others', async () => {
  await control(sandbox, 'POST', 'faults', { kind: 'error_500', method: 'POST', path: '/v1/subscriptions', times: 6 });
  await expect(press('c-maya')).rejects.toThrow(PaymentsUnavailable);
  await expect(press('c-ines')).rejects.toThrow(PaymentsUnavailable);
  // Something that no later try can mend: nobody can subscribe for no seats.
  const terms = { items: [{ priceId: 'price_northline_team_month', quantity: 0 }], taxRates: [], renewal: AMOUNT };
  await db.write((tx) => tx.update(rejoins).set({ terms }).where(eq(rejoins.amount, AMOUNT)));
  await expect(resumeRejoins(db, payments, later(31_000))).rejects.toThrow();
  expect(await chargesOf(sandbox, 'cus_ines')).toMatchObject({ subscriptions: [{}] });
});
