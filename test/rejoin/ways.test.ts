import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { letters } from '../../db/schema/mail.ts';
import { complaints, departures, persons } from '../../db/schema/people.ts';
import { paymentEvents, rejoins, surpluses } from '../../db/schema/rejoin.ts';
import type { Payments } from '../../src/payments/payments.ts';
import type { Fixtures, SubscriptionFixture } from '../../src/payments/sandbox/control.ts';
import type { Sandbox } from '../../src/payments/sandbox/server.ts';
import { suppress } from '../../src/people/suppression.ts';
import { onUndone } from '../../src/reactions.ts';
import { beginRejoin } from '../../src/rejoin/begin.ts';
import { ANY_CARD, type Rejoin } from '../../src/rejoin/check.ts';
import {
  applyPaymentEvents,
  applySubscription,
  fetchMissedEvents,
  storePaymentEvent,
} from '../../src/rejoin/complete.ts';
import { undoRejoin } from '../../src/rejoin/undo.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { call, control, requests } from '../payments/house.ts';
import type { FreshDatabase } from '../support/database.ts';
import { must } from '../support/must.ts';
import { castPerson, later, NOW, seededDatabase } from '../support/seeded.ts';
import { chargesOf, checkFor, intentOf, openSandbox, reactions, rejoinOf, round } from './house.ts';

let db: FreshDatabase;
let sandbox: Sandbox;
let payments: Payments;
beforeEach(async () => {
  db = await seededDatabase();
  ({ sandbox, payments } = await openSandbox({ now: () => NOW }));
});
afterEach(async () => {
  await sandbox.close();
  await db.cleanup();
});

const AMOUNT = 4800;
const fixtures = (body: Fixtures) => control(sandbox, 'POST', 'fixtures', body);
const held = (state: SubscriptionFixture['state'], more: Partial<SubscriptionFixture> = {}) =>
  fixtures({
    subscriptions: [
      {
        id: 'sub_old',
        customer: 'cus_maya',
        items: [{ price: 'price_northline_team_month', quantity: 5 }],
        state,
        ...more,
      },
    ],
  });

async function press(who = 'c-maya', notCard?: string, at = NOW): Promise<Rejoin> {
  return must(await beginRejoin(db, payments, await intentOf(db, payments, who, notCard), at)).rejoin;
}

/** What a person does at the provider's page, or at their bank. */
async function atPage(url: string, form: Record<string, string>): Promise<Response> {
  return fetch(url, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' });
}
const CARD = { number: '4242 4242 4242 4242', expiry: '11/30', cvc: '123' };

let count = 0;
async function told(about: { subscriptionId?: string; checkoutId?: string }, at = later(1000)): Promise<void> {
  count += 1;
  const event = { id: `evt_w${count}`, type: 'x', subscriptionId: null, checkoutId: null, created: 1, ...about };
  await db.write((tx) => storePaymentEvent(tx, event, at));
  await applyPaymentEvents(db, payments, reactions, at);
}
const paidBy = async () => (await chargesOf(sandbox, 'cus_maya')).paid;

describe('What they still have is taken up', () => {
  const WAYS = [
    { state: 'cancelling', way: 'resume', today: 0 },
    { state: 'collection_paused', way: 'unpause', today: 0 },
    { state: 'paused', way: 'wake', today: AMOUNT },
    { state: 'past_due', way: 'settle', today: AMOUNT },
  ] as const;
  test.each(WAYS)('$state: $way, and $today today', async ({ state, way, today }) => {
    await held(state);
    const before = await paidBy();
    const intent = await intentOf(db, payments, 'c-maya');
    expect(intent.seen).toMatchObject({ way, amount: today, renewal: AMOUNT, seats: 5 });
    const rejoin = await press();
    await told({ subscriptionId: 'sub_old' });
    expect(await rejoinOf(db, 'c-maya')).toMatchObject({
      state: 'active',
      way,
      amount: today,
      subscriptionId: 'sub_old',
    });
    const { subscriptions, paid } = await chargesOf(sandbox, 'cus_maya');
    expect(subscriptions, 'the same one, and no second').toEqual([{ id: 'sub_old', status: 'active' }]);
    expect(paid).toEqual(today > 0 ? [today, ...before] : before);
    expect((await payments.readSubscription('sub_old'))?.standing).toBe('running');

    // Undone: what was paid since goes back, and not what was paid before.
    const site = { rejoin: { undo_days: 14 }, time_zone: 'Europe/London' };
    await undoRejoin(db, payments, (await rejoinOf(db, 'c-maya')) ?? rejoin, site, onUndone, later(2000));
    expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'undone', refundedAmount: today });
    expect((await chargesOf(sandbox, 'cus_maya')).refunded).toEqual(today > 0 ? [today] : []);
    const after = await payments.readSubscription('sub_old');
    expect(after).toMatchObject(today > 0 ? { status: 'canceled' } : { status: 'active', standing: 'cancelling' });
  });

  test.each(['paused', 'past_due'] as const)(
    '%s, and the bank says no: nothing is charged and nothing is lost',
    async (state) => {
      await held(state);
      const before = await paidBy();
      await control(sandbox, 'POST', 'faults', { kind: 'decline', code: 'insufficient_funds' });
      expect(await beginRejoin(db, payments, await intentOf(db, payments, 'c-maya'), NOW)).toMatchObject({
        code: 'declined',
      });
      expect(await paidBy()).toEqual(before);
      // At the invoice's own page, with another card.
      const rejoin = await press('c-maya', 'pm_maya', later(1000));
      expect(rejoin).toMatchObject({ state: 'away', awayUrl: expect.stringContaining('/i/in_') });
      await atPage(rejoin.awayUrl!, CARD);
      await told({ subscriptionId: 'sub_old' });
      expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'active' });
      expect(await paidBy()).toEqual([AMOUNT, ...before]);
    },
  );

  test('one that began and was never paid is replaced: only the new one runs, and the old can’t be paid any more', async () => {
    await held('incomplete');
    await press();
    const { subscriptions } = await chargesOf(sandbox, 'cus_maya');
    expect(subscriptions.map(({ status }) => status)).toEqual(['active']);
    expect(await payments.readSubscription('sub_old')).toMatchObject({ status: 'incomplete_expired' });
  });

  test.each(['canceled', 'incomplete_expired'] as const)('%s: a new one on the same customer', async (state) => {
    await held(state);
    await press();
    await round(db, payments, later(61_000));
    expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'active', way: 'start', billingId: 'cus_maya' });
    expect((await payments.readSubscription('sub_old'))?.status).toBe(state);
  });

  test('a foreign product’s subscription is neither taken up nor in the way', async () => {
    await fixtures({
      products: [{ id: 'prod_shop', name: 'Mugs' }],
      prices: [
        {
          id: 'price_mugs',
          lookup_key: 'mugs',
          unit_amount: 900,
          currency: 'gbp',
          recurring: { interval: 'month' },
          product: 'prod_shop',
        },
      ],
      subscriptions: [{ id: 'sub_mugs', customer: 'cus_maya', items: [{ price: 'price_mugs' }], state: 'active' }],
    });
    expect(await intentOf(db, payments, 'c-maya')).toMatchObject({ seen: { way: 'start', amount: AMOUNT } });
    await press();
    await call(sandbox, 'DELETE', '/v1/subscriptions/sub_mugs');
    const before = await db.read.$count(departures);
    await told({ subscriptionId: 'sub_mugs' });
    expect(await db.read.$count(departures), 'and its end is no departure of ours').toBe(before);
  });
});

describe('What they had is kept', () => {
  test('seats, an add-on that is still sold, and the tax, each shown and charged as shown', async () => {
    await fixtures({ tax_rates: [{ id: 'txr_vat', display_name: 'VAT', percentage: 20, inclusive: false }] });
    const items = [
      { price: 'price_northline_team_month', quantity: 5 },
      { price: 'price_northline_storage_month', quantity: 2 },
    ];
    await held('canceled', { items, tax_rates: ['txr_vat'] });
    const { seen, check } = await intentOf(db, payments, 'c-maya');
    expect(seen).toMatchObject({ seats: 5, amount: 6360, renewal: 6360 });
    expect(check).toMatchObject({ addOns: [{ name: 'Extra storage', quantity: 2 }], quote: { tax: 1060 } });
    await press();
    await round(db, payments, later(61_000));
    expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'active', amount: 6360 });
  });

  test('who paid in another currency is offered its price, or told that there is none', async () => {
    await held('canceled');
    await call(sandbox, 'POST', '/v1/customers/cus_maya', {});
    await fixtures({
      customers: [{ id: 'cus_idris', email: 'i@example.org', name: 'I' }],
      prices: [
        {
          lookup_key: 'euro',
          unit_amount: 1,
          currency: 'eur',
          recurring: { interval: 'month' },
          product: 'prod_northline_team',
        },
      ],
    });
    const { body } = await call(sandbox, 'GET', '/v1/prices', { 'lookup_keys[0]': 'euro' });
    await fixtures({
      subscriptions: [
        { id: 'sub_euro', customer: 'cus_idris', items: [{ price: body.data[0].id }], state: 'canceled' },
      ],
    });
    const idris = await castPerson(db.read, 'c-idris');
    expect(await checkFor(db, payments, idris)).toMatchObject({ code: 'other-currency' });
  });

  test('what is owed from before, or held of theirs, is in the sum and in the words; the price for later is not', async () => {
    await fixtures({
      customers: [
        {
          id: 'cus_maya',
          email: 'maya@rennickpress.example',
          name: 'Maya Rennick',
          balance: -500,
          pending: [{ amount: 1200, currency: 'gbp', description: 'Setup in May' }],
        },
      ],
    });
    const { seen, check } = await intentOf(db, payments, 'c-maya');
    expect(seen).toMatchObject({ amount: 5500, renewal: AMOUNT });
    expect(check.quote).toMatchObject({ pending: [{ what: 'Setup in May', amount: 1200 }], balance: -500 });
    await press();
    await round(db, payments, later(61_000));
    expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'active', amount: 5500 });
    expect(await paidBy()).toEqual([5500]);
  });
});

describe('At the provider’s page', () => {
  test('twenty presses open one page, and it leads back to the same one', async () => {
    const intent = await intentOf(db, payments, 'c-bronagh');
    const all = await Promise.all(Array.from({ length: 20 }, () => beginRejoin(db, payments, intent, NOW)));
    expect(all.every((one) => !isRefusal(one))).toBe(true);
    const again = await beginRejoin(db, payments, intent, later(5000));
    const opened = await call(sandbox, 'GET', '/v1/checkout/sessions', { customer: 'cus_bronagh' });
    expect(opened.body.data).toHaveLength(1);
    expect(again).toMatchObject({ rejoin: { state: 'away', awayUrl: opened.body.data[0].url } });
  });

  test('abandoned: the page is closed when its day is over, and they may begin again', async () => {
    const first = await press('c-bronagh');
    await round(db, payments, later(25 * 3_600_000));
    expect(await rejoinOf(db, 'c-bronagh')).toMatchObject({ state: 'declined' });
    expect((await atPage(first.awayUrl!, CARD)).status).toBe(410);
    expect(await press('c-bronagh', undefined, later(26 * 3_600_000))).toMatchObject({ state: 'away', attempt: 2 });
  });

  test('the page that ran out, as the provider’s event says, frees the way at once', async () => {
    const { checkoutId } = await press('c-bronagh');
    await call(sandbox, 'POST', `/v1/checkout/sessions/${checkoutId}/expire`);
    await told({ checkoutId: checkoutId! });
    expect(await rejoinOf(db, 'c-bronagh')).toMatchObject({ state: 'declined', awayUrl: null });
  });

  test('they pay there in the moment in which they choose another way: one payment, and it counts', async () => {
    const bySavedCard = await intentOf(db, payments, 'c-maya');
    const away = await press('c-maya', ANY_CARD);
    await atPage(away.awayUrl!, CARD);
    await beginRejoin(db, payments, bySavedCard, later(1000));
    await round(db, payments, later(6 * 60_000));
    expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'active' });
    expect(await paidBy()).toEqual([AMOUNT]);
  });

  test('an event that never comes is made good within five minutes by a look of our own', async () => {
    const away = await press('c-bronagh');
    await atPage(away.awayUrl!, CARD);
    expect(await db.read.$count(paymentEvents)).toBe(0);
    await fetchMissedEvents(db, payments, later(5 * 60_000));
    await applyPaymentEvents(db, payments, reactions, later(5 * 60_000));
    expect(await rejoinOf(db, 'c-bronagh')).toMatchObject({ state: 'active', cardLabel: 'Visa ending 4242' });
  });
});

describe('Money that must not stay', () => {
  /** A second page for the same return, as a mistake of ours, or of anybody's, would leave it. */
  async function secondPage(rejoin: Rejoin): Promise<string> {
    const { body } = await call(sandbox, 'POST', '/v1/checkout/sessions', {
      mode: 'subscription',
      customer: rejoin.billingId,
      'line_items[0][price]': rejoin.priceId,
      'line_items[0][quantity]': String(rejoin.seats),
      success_url: 'http://127.0.0.1:1/returned',
      'subscription_data[metadata][rejoin_id]': rejoin.id,
    });
    return body.url;
  }

  test('two paid pages: the second is cancelled, refunded in full and reported, in either order', async () => {
    const away = await press('c-bronagh');
    const other = await secondPage(away);
    await atPage(away.awayUrl!, CARD);
    await atPage(other, CARD);
    await fetchMissedEvents(db, payments, later(1000));
    await round(db, payments, later(2000));
    const { subscriptions, paid, refunded } = await chargesOf(sandbox, 'cus_bronagh');
    expect(subscriptions.map(({ status }) => status).toSorted()).toEqual(['active', 'canceled']);
    expect({ paid, refunded }).toEqual({ paid: [2880, 2880], refunded: [2880] });
    const { subscriptionId } = await rejoinOf(db, 'c-bronagh');
    expect(subscriptions.find(({ status }) => status === 'active')?.id).toBe(subscriptionId);
    const kinds = await db.read.select({ kind: letters.kind, to: letters.toAddress }).from(letters);
    expect(kinds).toContainEqual({ kind: 'paid-twice', to: 'treasurer@lagansiderowing.example' });
    expect(kinds).toContainEqual({ kind: 'owner-alert', to: 'answers@northline.example' });
    // Told again and again, it stays one refund and one letter of each.
    for (const { id } of subscriptions) await told({ subscriptionId: id }, later(3000));
    await round(db, payments, later(4000));
    expect((await chargesOf(sandbox, 'cus_bronagh')).refunded).toEqual([2880]);
    expect(await db.read.$count(letters)).toBe(kinds.length);
    expect(await db.read.$count(departures, eq(departures.externalId, subscriptions.at(-1)!.id))).toBe(0);
  });

  test('charged another sum than the button said: all of it goes back, and nobody is back', async () => {
    const away = await press('c-bronagh');
    // Between our look and the payment somebody puts an item on their account.
    await db.write((tx) => tx.update(rejoins).set({ amount: 1000 }).where(eq(rejoins.id, away.id)));
    await atPage(away.awayUrl!, CARD);
    await fetchMissedEvents(db, payments, later(1000));
    await round(db, payments, later(2000));
    expect(await rejoinOf(db, 'c-bronagh')).toMatchObject({ state: 'declined', completedAt: null });
    expect(await chargesOf(sandbox, 'cus_bronagh')).toMatchObject({ paid: [2880], refunded: [2880] });
    expect(await db.read.select({ why: surpluses.why }).from(surpluses)).toEqual([{ why: 'amount' }]);
  });
});

describe('Moments that lie between two of ours', () => {
  test('paid at the bank in the moment in which the return is closed: nothing runs, so all of it goes back, and they are told', async () => {
    const { awayUrl, subscriptionId } = await press('c-lucas');
    await atPage(awayUrl!, { answer: 'yes' });
    await call(sandbox, 'DELETE', `/v1/subscriptions/${subscriptionId}`);
    await told({ subscriptionId: subscriptionId! });
    await round(db, payments, later(2000));
    expect(await rejoinOf(db, 'c-lucas')).toMatchObject({
      state: 'declined',
      declinedSentence: expect.stringContaining('all of it goes back to you'),
    });
    expect(await chargesOf(sandbox, 'cus_lucas')).toMatchObject({ paid: [2880], refunded: [2880] });
    expect(await db.read.select({ kind: letters.kind }).from(letters)).toContainEqual({ kind: 'paid-twice' });
    expect(await db.read.$count(departures, eq(departures.externalId, subscriptionId!))).toBe(0);
  });

  test('another sum for a plan they had before: what they paid in all the time before stays paid', async () => {
    await held('paused');
    const before = await paidBy();
    expect(before).toHaveLength(1);
    const rejoin = await press();
    await db.write((tx) => tx.update(rejoins).set({ amount: 1000 }).where(eq(rejoins.id, rejoin.id)));
    await told({ subscriptionId: 'sub_old' });
    await round(db, payments, later(2000));
    expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'declined' });
    expect(await chargesOf(sandbox, 'cus_maya')).toMatchObject({ refunded: [AMOUNT] });
  });

  test('declined here, and what they owed is paid elsewhere in another sum: their plan runs on and nothing is touched', async () => {
    await held('past_due');
    await control(sandbox, 'POST', 'faults', { kind: 'decline' });
    await beginRejoin(db, payments, await intentOf(db, payments, 'c-maya'), NOW);
    const { id } = await rejoinOf(db, 'c-maya');
    await db.write((tx) => tx.update(rejoins).set({ amount: 1000 }).where(eq(rejoins.id, id)));
    const { owedUrl } = (await payments.readSubscription('sub_old'))!;
    await atPage(owedUrl!, CARD);
    await told({ subscriptionId: 'sub_old' });
    await round(db, payments, later(2000));
    const { subscriptions, refunded } = await chargesOf(sandbox, 'cus_maya');
    expect({ subscriptions, refunded }).toEqual({
      subscriptions: [{ id: 'sub_old', status: 'active' }],
      refunded: [],
    });
  });

  test('the rest that ends had left no paid invoice: they are back all the same', async () => {
    await held('collection_paused');
    await press();
    const running = (await payments.readSubscription('sub_old'))!;
    await db.write((tx) => applySubscription(tx, { ...running, paid: false }, reactions, later(1000)));
    expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'active', way: 'unpause' });
  });

  test('a payment that runs out unfinished, with nobody at the bank, frees the way', async () => {
    const { id, subscriptionId } = await press('c-lucas');
    // As a process leaves it that died before it kept where the bank is.
    await db.write((tx) => tx.update(rejoins).set({ state: 'paying', awayUrl: null }).where(eq(rejoins.id, id)));
    await fetch(`${sandbox.url}/_sandbox/clock`, { method: 'POST', body: JSON.stringify({ advance_s: 86_400 }) });
    await told({ subscriptionId: subscriptionId! }, later(86_400_000));
    expect(await rejoinOf(db, 'c-lucas')).toMatchObject({ state: 'declined', subscriptionId: null });
    expect(await press('c-lucas', undefined, later(86_401_000))).toMatchObject({ state: 'away', attempt: 2 });
  });

  test('the invoice of a plan that rested is paid on its page just before they choose their card: one payment', async () => {
    await held('paused');
    const before = await paidBy();
    const bySavedCard = await intentOf(db, payments, 'c-maya');
    const away = await press('c-maya', ANY_CARD);
    await atPage(away.awayUrl!, CARD);
    await beginRejoin(db, payments, bySavedCard, later(1000));
    await round(db, payments, later(6 * 60_000));
    expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'active', attempt: 1 });
    expect(await paidBy()).toEqual([AMOUNT, ...before]);
  });

  test('the invoice’s page that they turned away from is closed: nobody pays there any more', async () => {
    await held('paused');
    const before = await paidBy();
    const bySavedCard = await intentOf(db, payments, 'c-maya');
    const away = await press('c-maya', ANY_CARD);
    await beginRejoin(db, payments, bySavedCard, later(1000));
    await atPage(away.awayUrl!, CARD);
    await round(db, payments, later(6 * 60_000));
    expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'active', attempt: 2 });
    expect(await paidBy()).toEqual([AMOUNT, ...before]);
  });
});

describe('A cancellation that the provider tells us of', () => {
  test('is a departure with the reason and the words they gave, once', async () => {
    await held('active', { metadata: {} });
    await call(sandbox, 'DELETE', '/v1/subscriptions/sub_old', {
      'cancellation_details[feedback]': 'low_quality',
      'cancellation_details[comment]': 'The Monday export stopped again.',
    });
    await told({ subscriptionId: 'sub_old' });
    await told({ subscriptionId: 'sub_old' });
    const maya = await castPerson(db.read, 'c-maya');
    const left = await db.read.select().from(departures).where(eq(departures.externalId, 'sub_old'));
    expect(left).toMatchObject([
      {
        personId: maya.id,
        planOrRole: 'Team',
        seats: 5,
        amount: 960,
        currency: 'gbp',
        reasonCode: 'low_quality',
        leftOn: '2026-11-22',
      },
    ]);
    const words = await db.read.select().from(complaints).where(eq(complaints.ref, 'stripe:sub_old'));
    expect(words).toMatchObject([
      { words: 'The Monday export stopped again.', main: true, publicConsent: false, channel: 'cancel form' },
    ]);
  });

  test('of somebody new makes a person; of somebody erased, nothing', async () => {
    const people = [
      { id: 'cus_new', email: 'Nova@Example.org', name: 'Nova Lind Berg' },
      { id: 'cus_gone', email: 'gone@example.org', name: 'Gone' },
    ];
    await fixtures({
      customers: people.map((one) => ({
        ...one,
        payment_methods: [{ brand: 'visa', last4: '4242', exp_month: 1, exp_year: 2031 }],
      })),
      subscriptions: people.map(({ id }) => ({
        id: `sub_${id}`,
        customer: id,
        items: [{ price: 'price_northline_solo_month' }],
        state: 'canceled' as const,
      })),
    });
    await db.write((tx) => suppress(tx, 'gone@example.org', 'erased', NOW));
    for (const { id } of people) await told({ subscriptionId: `sub_${id}` });
    const made = await db.read.select().from(persons).where(eq(persons.source, 'stripe'));
    expect(made).toMatchObject([
      { firstName: 'Nova', lastName: 'Lind Berg', emailNorm: 'nova@example.org', billingId: 'cus_new' },
    ]);
  });

  test('an undo is not a departure', async () => {
    const { subscriptionId } = await press();
    await round(db, payments, later(61_000));
    const site = { rejoin: { undo_days: 14 }, time_zone: 'Europe/London' };
    await undoRejoin(db, payments, await rejoinOf(db, 'c-maya'), site, onUndone, later(62_000));
    await told({ subscriptionId: subscriptionId! }, later(63_000));
    expect(await db.read.$count(departures, eq(departures.externalId, subscriptionId!))).toBe(0);
  });
});

describe('Renewals', () => {
  test('the day of the next charge is the site’s own, not the provider’s', async () => {
    await sandbox.close();
    // Half past midnight on 1 June in London.
    ({ sandbox, payments } = await openSandbox({ now: () => new Date('2026-05-31T23:30:00Z') }));
    await press();
    await round(db, payments, later(61_000));
    expect(await rejoinOf(db, 'c-maya')).toMatchObject({ renewsOn: '2026-07-01' });
  });

  test('a month later the next day is known; a refused payment says where to pay', async () => {
    const { subscriptionId } = await press();
    await round(db, payments, later(61_000));
    expect(await rejoinOf(db, 'c-maya')).toMatchObject({ renewsOn: '2026-12-22' });
    const month = 31 * 86_400;
    await fetch(`${sandbox.url}/_sandbox/clock`, { method: 'POST', body: JSON.stringify({ advance_s: month }) });
    await told({ subscriptionId: subscriptionId! }, later(month * 1000));
    expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'active', renewsOn: '2027-01-22', owedUrl: null });
    expect(await paidBy()).toEqual([AMOUNT, AMOUNT]);
    await control(sandbox, 'POST', 'faults', { kind: 'decline' });
    await fetch(`${sandbox.url}/_sandbox/clock`, { method: 'POST', body: JSON.stringify({ advance_s: month }) });
    await told({ subscriptionId: subscriptionId! }, later(2 * month * 1000));
    expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'active', owedUrl: expect.stringContaining('/i/in_') });
  });
});

test('no call that we ever make asks for a trial, a coupon, a credit or a price of one’s own', async () => {
  await held('cancelling');
  await press();
  await press('c-bronagh');
  await press('c-ines');
  const FORBIDDEN = /trial|coupon|promotion|discount|balance|credit(?!_)|price_data|unit_amount|percent_off|amount_off/;
  for (const { method, path, params } of await requests(sandbox)) {
    if (method === 'POST') expect(`${path} ${JSON.stringify(params)}`).not.toMatch(FORBIDDEN);
  }
});
