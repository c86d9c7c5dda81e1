import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { checkins } from '../../db/schema/checkins.ts';
import { letters } from '../../db/schema/mail.ts';
import { paymentEvents, rejoins } from '../../db/schema/rejoin.ts';
import { type PaymentEvent, type Payments, PaymentsUnavailable } from '../../src/payments/payments.ts';
import type { Sandbox } from '../../src/payments/sandbox/server.ts';
import { beginRejoin } from '../../src/rejoin/begin.ts';
import { applyPaymentEvents, healRejoins, storePaymentEvent } from '../../src/rejoin/complete.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { call, control, openReceiver } from '../payments/house.ts';
import type { FreshDatabase } from '../support/database.ts';
import { must } from '../support/must.ts';
import { DAY_MS, later, NOW, seededDatabase } from '../support/seeded.ts';
import { chargesOf, intentOf, openSandbox, reactions, rejoinOf, round } from './house.ts';

let db: FreshDatabase;
let sandbox: Sandbox;
let payments: Payments;
beforeEach(async () => {
  db = await seededDatabase();
  ({ sandbox, payments } = await openSandbox());
});
afterEach(async () => {
  await sandbox.close();
  await db.cleanup();
});

async function press(who = 'c-maya', by = payments): Promise<string> {
  const begun = must(await beginRejoin(db, by, await intentOf(db, payments, who), NOW));
  return begun.rejoin.subscriptionId!;
}

let count = 0;
function event(subscriptionId: string | null, type = 'invoice.paid'): PaymentEvent {
  count += 1;
  return { id: `evt_${count}`, type, subscriptionId, checkoutId: null, created: NOW.getTime() };
}

const arrive = (...events: PaymentEvent[]) =>
  db.write(async (tx) => {
    for (const one of events) await storePaymentEvent(tx, one, later(count));
  });
const apply = (at = later(1000)) => applyPaymentEvents(db, payments, reactions, at);

/** All that a return leaves behind, without what differs from one to the next. */
async function endState() {
  const { state, subscriptionId, renewsOn, amount } = await rejoinOf(db, 'c-maya');
  return {
    rejoin: { state, subscriptionId, renewsOn, amount },
    letters: await db.read.select({ kind: letters.kind }).from(letters),
    questions: await db.read.select({ day: checkins.day, dueOn: checkins.dueOn }).from(checkins).orderBy(checkins.day),
    unapplied: await db.read.$count(paymentEvents, eq(paymentEvents.appliedAt, 0)),
  };
}

test('“you are back” comes from the verified event, with the receipt and the questions', async () => {
  const subscriptionId = await press();
  expect(await apply()).toBe(0);
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'paying' });
  await arrive(event(subscriptionId));
  expect(await apply()).toBe(1);
  expect(await endState()).toMatchObject({
    rejoin: { state: 'active', subscriptionId, amount: 4800 },
    letters: [{ kind: 'back' }],
    questions: [
      { day: 7, dueOn: '2026-11-29' },
      { day: 30, dueOn: '2026-12-22' },
      { day: 60, dueOn: '2027-01-21' },
      { day: 90, dueOn: '2027-02-20' },
    ],
  });
  const [receipt] = await db.read.select().from(letters);
  expect(receipt!.body).toContain('Paid: £48.00');
  expect(receipt!.body).toContain('Visa ending 4242');
});

test('the provider’s own events, duplicated, in any order, among foreign and unknown ones, end the same', async () => {
  const receiver = await openReceiver();
  await sandbox.close();
  ({ sandbox, payments } = await openSandbox({ webhookUrl: receiver.url }));
  const subscriptionId = await press();
  await vi.waitFor(() => expect(receiver.received).toHaveLength(6));
  const own = receiver.received.map(({ body, headers }) => {
    return must(payments.verifyWebhook(body, String(headers['stripe-signature']), new Date()));
  });
  const { body: foreign } = await call(sandbox, 'POST', '/v1/subscriptions', {
    customer: 'cus_idris',
    'items[0][price]': 'price_northline_solo_month',
    default_payment_method: 'pm_idris',
  });
  const others = [
    event(foreign.id),
    event(foreign.id, 'customer.subscription.deleted'),
    event('sub_nobody'),
    event(null, 'payout.paid'),
    event(null, 'a.kind.from.the.future'),
  ];
  const [untouched] = await db.read.select().from(rejoins);

  const ends = new Set<string>();
  for (let times = 0; times < 40; times += 1) {
    await db.write(async (tx) => {
      for (const table of [paymentEvents, letters, checkins]) await tx.delete(table);
      await tx.update(rejoins).set(untouched!);
    });
    const all = [...own, ...own, ...others];
    for (const one of shuffled(all)) {
      await arrive(one);
      if (times % 3 === 0) await apply();
    }
    await apply();
    await apply();
    const end = await endState();
    ends.add(JSON.stringify(end));
    expect(await db.read.$count(paymentEvents)).toBe(own.length + others.length);
  }
  await receiver.close();
  expect(ends.size).toBe(1);
  expect([...ends][0]).toContain(`"state":"active","subscriptionId":"${subscriptionId}"`);
  expect([...ends][0]).toContain('"letters":[{"kind":"back"}]');
  expect(await db.read.$count(rejoins)).toBe(1);
}, 60_000);

function shuffled<T>(all: T[]): T[] {
  return all
    .map((one) => ({ one, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ one }) => one);
}

test('nobody is back before the provider says paid, whatever else it says', async () => {
  const subscriptionId = await press();
  for (const status of ['incomplete', 'active', 'past_due', 'trialing']) {
    const unpaid: Payments = {
      ...payments,
      readSubscription: async (id) => ({ ...(await payments.readSubscription(id))!, status, paid: false }),
    };
    await arrive(event(subscriptionId));
    await applyPaymentEvents(db, unpaid, reactions, later(1000));
    await healRejoins(db, unpaid, reactions, later(100_000));
    expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'paying', completedAt: null });
  }
  expect(await db.read.$count(letters)).toBe(0);
});

test('two processes that apply the same events welcome once', async () => {
  const subscriptionId = await press();
  for (let times = 0; times < 10; times += 1) await arrive(event(subscriptionId));
  const other = await openDatabase(db.url);
  await Promise.all([db, other, db, other].map((where) => applyPaymentEvents(where, payments, reactions, NOW)));
  await other.close();
  expect(await db.read.$count(letters)).toBe(1);
  expect(await db.read.$count(checkins)).toBe(4);
});

test('an event that overtakes our own write finds its row by our id', async () => {
  const overtaken: Payments = {
    ...payments,
    async payBySavedCard(start) {
      const started = await payments.payBySavedCard(start);
      if (isRefusal(started)) return started;
      await arrive(event(started.subscriptionId));
      await apply();
      expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'active', subscriptionId: started.subscriptionId });
      return started;
    },
  };
  const subscriptionId = await press('c-maya', overtaken);
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'active', subscriptionId });
  expect(await db.read.$count(letters)).toBe(1);
});

test('a lost event is healed within the rounds, and only after a minute', async () => {
  await press();
  await healRejoins(db, payments, reactions, later(59_000));
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'paying' });
  await healRejoins(db, payments, reactions, later(61_000));
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'active' });
  expect(await healRejoins(db, payments, reactions, later(DAY_MS))).toBe(0);
  expect(await db.read.$count(letters)).toBe(1);
});

test('an outage leaves the event for the next round', async () => {
  const subscriptionId = await press();
  await arrive(event(subscriptionId));
  await control(sandbox, 'POST', 'faults', { kind: 'error_500', path: '/v1/subscriptions', times: 3 });
  await expect(apply()).rejects.toThrow(PaymentsUnavailable);
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'paying' });
  await apply();
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'active' });
});

test('an event about a subscription that carries our id for another customer changes nothing', async () => {
  await press();
  const { id } = await rejoinOf(db, 'c-maya');
  const { body } = await call(sandbox, 'POST', '/v1/subscriptions', {
    customer: 'cus_idris',
    'items[0][price]': 'price_northline_solo_month',
    default_payment_method: 'pm_idris',
    'metadata[rejoin_id]': id,
  });
  await arrive(event(body.id));
  await apply();
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'paying' });
});

test('a subscription that ends there before we heard that it was paid frees the way for another try', async () => {
  const subscriptionId = await press();
  await call(sandbox, 'DELETE', `/v1/subscriptions/${subscriptionId}`);
  await arrive(event(subscriptionId, 'customer.subscription.deleted'));
  await apply();
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'declined', subscriptionId: null });
  await round(db, payments, later(2000));
  expect(await chargesOf(sandbox, 'cus_maya'), 'and nothing was had for the money').toMatchObject({ refunded: [4800] });
});

test('a subscription that ends there ends here: nothing more is asked, and they may come back again', async () => {
  const subscriptionId = await press();
  await arrive(event(subscriptionId));
  await apply();
  await call(sandbox, 'DELETE', `/v1/subscriptions/${subscriptionId}`);
  await arrive(event(subscriptionId, 'customer.subscription.deleted'));
  await apply(later(2000));
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'ended' });
  const planned = await db.read.select().from(checkins);
  expect(planned.every(({ cancelledAt }) => cancelledAt !== null)).toBe(true);

  await press();
  const rows = await db.read.select({ state: rejoins.state }).from(rejoins).orderBy(rejoins.begunAt);
  expect(rows.map(({ state }) => state).sort()).toEqual(['ended', 'paying']);
  expect((await chargesOf(sandbox, 'cus_maya')).subscriptions).toHaveLength(2);
});

test('money taken counts, whatever we had written down: a paid subscription ends a decline', async () => {
  const subscriptionId = await press();
  await db.write((tx) => tx.update(rejoins).set({ state: 'declined', subscriptionId: null }));
  await arrive(event(subscriptionId));
  await apply();
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'active', subscriptionId });
});

test('cancelled or taken up again at the provider, our row follows', async () => {
  const subscriptionId = await press();
  await arrive(event(subscriptionId));
  await apply();
  for (const cancelled of [true, false]) {
    await call(sandbox, 'POST', `/v1/subscriptions/${subscriptionId}`, { cancel_at_period_end: String(cancelled) });
    await arrive(event(subscriptionId, 'customer.subscription.updated'));
    await apply();
    const { endsOn, renewsOn } = await rejoinOf(db, 'c-maya');
    expect(endsOn).toBe(cancelled ? renewsOn : null);
  }
});
