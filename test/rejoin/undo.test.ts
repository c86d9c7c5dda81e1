import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkins } from '../../db/schema/checkins.ts';
import { letters } from '../../db/schema/mail.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { type Payments, PaymentsUnavailable } from '../../src/payments/payments.ts';
import type { Sandbox } from '../../src/payments/sandbox/server.ts';
import { owe, owedTo, payMakeGoods } from '../../src/people/make-good.ts';
import { onUndone } from '../../src/reactions.ts';
import { beginRejoin } from '../../src/rejoin/begin.ts';
import type { Rejoin } from '../../src/rejoin/check.ts';
import { applyPaymentEvents, storePaymentEvent } from '../../src/rejoin/complete.ts';
import { resumeUndos, undoRejoin, undoUntil } from '../../src/rejoin/undo.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { control } from '../payments/house.ts';
import type { FreshDatabase } from '../support/database.ts';
import { must } from '../support/must.ts';
import { later, NOW, seededDatabase } from '../support/seeded.ts';
import { chargesOf, intentOf, openSandbox, reactions, rejoinOf, round } from './house.ts';

const TERMS = { rejoin: { undo_days: 14 }, time_zone: 'Europe/London' };
const BACK = later(61_000);
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

/** Maya, back since `BACK`. */
async function back(): Promise<Rejoin> {
  must(await beginRejoin(db, payments, await intentOf(db, payments, 'c-maya'), NOW));
  await round(db, payments, BACK);
  return rejoinOf(db, 'c-maya');
}

const undo = (rejoin: Rejoin, at: Date) => undoRejoin(db, payments, rejoin, TERMS, onUndone, at);
const kinds = async () => (await db.read.select({ kind: letters.kind }).from(letters)).map(({ kind }) => kind).sort();

test('undone, the plan has ended, all is refunded, a letter says so and nothing is asked', async () => {
  const rejoin = await back();
  expect(await undo(rejoin, later(3_600_000))).toMatchObject({ rejoin: { state: 'undone', refundedAmount: 4800 } });
  expect(await chargesOf(sandbox, 'cus_maya')).toMatchObject({
    subscriptions: [{ status: 'canceled' }],
    paid: [4800],
    refunded: [4800],
  });
  expect(await kinds()).toEqual(['back', 'undone']);
  const [letter] = await db.read.select().from(letters).where(eq(letters.kind, 'undone'));
  expect(letter!.subject + letter!.body).toContain('£48.00');
  const planned = await db.read.select().from(checkins);
  expect(planned.every(({ cancelledAt }) => cancelledAt !== null)).toBe(true);
});

test('what we owed them was returned on this payment: undone, that is owed again, and not swallowed', async () => {
  const rejoin = await back();
  const { personId } = rejoin;
  const reason = 'Our export lost your March order book.';
  await db.write((tx) => owe(tx, { personId, reason, amount: 1150, currency: 'gbp', decidedBy: 'owen' }, BACK));
  await payMakeGoods(db, payments, later(62_000));
  expect(await chargesOf(sandbox, 'cus_maya')).toMatchObject({ refunded: [1150] });
  await undo(rejoin, later(3_600_000));
  expect((await chargesOf(sandbox, 'cus_maya')).refunded.toSorted()).toEqual([1150, 3650]);
  const [owed] = await owedTo(db.read, personId);
  expect(owed).toMatchObject({ paidAt: null, stuckBecause: expect.stringContaining('£11.50 of it') });
  await payMakeGoods(db, payments, later(3_700_000));
  expect(await owedTo(db.read, personId), 'by hand, and not counted as paid by itself').toEqual([owed]);
});

test('pressed many times at once and again later, it is undone once', async () => {
  const rejoin = await back();
  const answers = await Promise.all(Array.from({ length: 8 }, () => undo(rejoin, later(3_600_000))));
  expect(answers.every((answer) => !isRefusal(answer))).toBe(true);
  expect(await undo(await rejoinOf(db, 'c-maya'), later(7_200_000))).toMatchObject({ rejoin: { state: 'undone' } });
  expect(await chargesOf(sandbox, 'cus_maya')).toMatchObject({ refunded: [4800] });
  expect(await kinds()).toEqual(['back', 'undone']);
});

test.each([
  ['before the plan was ended', 'DELETE', '/v1/subscriptions'],
  ['between ending the plan and refunding', 'POST', '/v1/refunds'],
])('broken off %s, it is taken up again and refunded once', async (_, method, path) => {
  const rejoin = await back();
  await control(sandbox, 'POST', 'faults', { kind: 'error_500', method, path, times: 3 });
  await expect(undo(rejoin, later(3_600_000))).rejects.toThrow(PaymentsUnavailable);
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'undoing' });
  expect(await kinds()).toEqual(['back']);
  expect(await resumeUndos(db, payments, onUndone, later(3_600_000 + 29_000))).toBe(0);
  expect(await resumeUndos(db, payments, onUndone, later(3_600_000 + 31_000))).toBe(1);
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'undone', refundedAmount: 4800 });
  expect(await chargesOf(sandbox, 'cus_maya')).toMatchObject({
    subscriptions: [{ status: 'canceled' }],
    refunded: [4800],
  });
  expect(await kinds()).toEqual(['back', 'undone']);
});

test('the reply to the refund is lost: it is refunded once, and taken up even after the undo days', async () => {
  const rejoin = await back();
  await control(sandbox, 'POST', 'faults', { kind: 'drop_reply', method: 'POST', path: '/v1/refunds', times: 3 });
  await expect(undo(rejoin, later(3_600_000))).rejects.toThrow(PaymentsUnavailable);
  const days20 = later(20 * 86_400_000);
  expect(await undo(await rejoinOf(db, 'c-maya'), days20)).toMatchObject({ rejoin: { state: 'undone' } });
  expect(await chargesOf(sandbox, 'cus_maya')).toMatchObject({ refunded: [4800] });
});

test('the provider’s word that the plan ended does not turn an undo into leaving', async () => {
  const rejoin = await back();
  await control(sandbox, 'POST', 'faults', { kind: 'error_500', method: 'POST', path: '/v1/refunds', times: 3 });
  await expect(undo(rejoin, later(1000, BACK))).rejects.toThrow(PaymentsUnavailable);
  const deleted = {
    id: 'evt_1',
    type: 'customer.subscription.deleted',
    subscriptionId: rejoin.subscriptionId,
    checkoutId: null,
    created: 1,
  };
  await db.write((tx) => storePaymentEvent(tx, deleted, later(2000, BACK)));
  await applyPaymentEvents(db, payments, reactions, later(3000, BACK));
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'undoing' });
  await round(db, payments, later(60_000, BACK));
  expect(await rejoinOf(db, 'c-maya')).toMatchObject({ state: 'undone', refundedAmount: 4800 });
});

test('the last day is the fourteenth, to its end; after it nothing is refunded', async () => {
  const rejoin = await back();
  expect(undoUntil(rejoin, TERMS)).toBe('2026-12-06');
  expect(await undo(rejoin, new Date('2026-12-07T00:00:00Z'))).toMatchObject({ refused: true, code: 'undo-over' });
  expect(await chargesOf(sandbox, 'cus_maya')).toMatchObject({ subscriptions: [{ status: 'active' }], refunded: [] });
  expect(await undo(rejoin, new Date('2026-12-06T23:59:59Z'))).toMatchObject({ rejoin: { state: 'undone' } });
});

test('there is nothing to undo before the return is complete, or when it was declined', async () => {
  const rejoin = await back();
  for (const state of ['begun', 'paying', 'declined', 'ended'] as const) {
    expect(await undo({ ...rejoin, state }, later(1000, BACK))).toMatchObject({ code: 'nothing-to-undo' });
  }
  expect(await chargesOf(sandbox, 'cus_maya')).toMatchObject({ refunded: [] });
});

test('who undid a return may come back again', async () => {
  await undo(await back(), later(1000, BACK));
  const again = await beginRejoin(db, payments, await intentOf(db, payments, 'c-maya'), later(2000, BACK));
  expect(again).toMatchObject({ rejoin: { state: 'paying' } });
  const states = await db.read.select({ state: rejoins.state }).from(rejoins);
  expect(states.map(({ state }) => state).sort()).toEqual(['paying', 'undone']);
});
