import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Payments } from '../../src/payments/payments.ts';
import type { Sandbox } from '../../src/payments/sandbox/server.ts';
import { type MakeGood, owe, owedTo, paidByHand, payMakeGoods } from '../../src/people/make-good.ts';
import { call, control } from '../payments/house.ts';
import { openSandbox } from '../rejoin/house.ts';
import type { FreshDatabase } from '../support/database.ts';
import { must } from '../support/must.ts';
import { castPerson, later, NOW, seededDatabase } from '../support/seeded.ts';

let db: FreshDatabase;
let sandbox: Sandbox;
let payments: Payments;
beforeEach(async () => {
  db = await seededDatabase();
  ({ sandbox, payments } = await openSandbox());
  // Maya paid for two months before she left: £48.00 each.
  await control(sandbox, 'POST', 'fixtures', {
    subscriptions: [1, 2].map((month) => ({
      ...{ id: `sub_${month}`, customer: 'cus_maya', state: 'canceled' as const, days_ago: 200 - month },
      items: [{ price: 'price_northline_team_month', quantity: 5 }],
    })),
  });
});
afterEach(async () => {
  await sandbox.close();
  await db.cleanup();
});

const REASON = 'Our export lost your March order book.';
async function oweMaya(amount: number): Promise<MakeGood> {
  const { id } = await castPerson(db.read, 'c-maya');
  return must(
    await db.write((tx) => owe(tx, { personId: id, reason: REASON, amount, currency: 'gbp', decidedBy: 'owen' }, NOW)),
  );
}
const refunds = async () => {
  const { body } = await call(sandbox, 'GET', '/v1/refunds');
  return (body.data as { amount: number }[]).map(({ amount }) => amount);
};

test('what is owed goes back on what they had paid, over several payments, once, and without any return', async () => {
  const { id, personId } = await oweMaya(6000);
  await payMakeGoods(db, payments, later(1000));
  await payMakeGoods(db, payments, later(2000));
  expect((await refunds()).toSorted()).toEqual([1200, 4800]);
  expect(await owedTo(db.read, personId)).toMatchObject([
    { id, paidAt: NOW.getTime() + 1000, paidHow: 'refund', stuckBecause: null },
  ]);
});

test('cut off half-way, the next round returns the rest and no more', async () => {
  await oweMaya(6000);
  await control(sandbox, 'POST', 'faults', { kind: 'drop_reply', method: 'POST', path: '/v1/refunds', times: 3 });
  await expect(payMakeGoods(db, payments, later(1000))).rejects.toThrow();
  await payMakeGoods(db, payments, later(2000));
  expect((await refunds()).reduce((sum, amount) => sum + amount, 0)).toBe(6000);
});

test('more than they had ever paid waits for a hand, says so, and nothing is returned in part', async () => {
  const { id, personId } = await oweMaya(10_000);
  await payMakeGoods(db, payments, later(1000));
  expect(await refunds()).toEqual([]);
  expect(await owedTo(db.read, personId)).toMatchObject([
    { paidAt: null, stuckBecause: expect.stringContaining('by hand') },
  ]);
  expect(await db.write((tx) => paidByHand(tx, id, later(2000)))).toMatchObject({ paidHow: 'hand' });
  expect(await db.write((tx) => paidByHand(tx, id, later(3000)))).toMatchObject({ refused: true });
});

test('no sum, and no reason worth reading, are refused', async () => {
  const { id } = await castPerson(db.read, 'c-maya');
  const debt = { personId: id, reason: REASON, amount: 100, currency: 'gbp', decidedBy: 'owen' };
  for (const wrong of [{ amount: 0 }, { amount: 1.5 }, { amount: -1 }, { reason: 'Sorry.' }]) {
    expect(await db.write((tx) => owe(tx, { ...debt, ...wrong }, NOW))).toMatchObject({ refused: true });
  }
});
