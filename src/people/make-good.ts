import { and, asc, eq, isNull, sql } from 'drizzle-orm';
import type { Db, Reader, Tx } from '../../db/client.ts';
import { prepared } from '../../db/prepared.ts';
import { makeGoods } from '../../db/schema/makegoods.ts';
import { persons } from '../../db/schema/people.ts';
import type { Payments } from '../payments/payments.ts';
import { forEachOne } from '../shared/each.ts';
import { newId } from '../shared/ids.ts';
import { formatMoney, type Money } from '../shared/money.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';

/*
 * Money owed for actual harm. It is decided by a named person, for a reason that the person reads, and paid whether or not
 * they ever come back. No offer knows of it.
 */

export type MakeGood = typeof makeGoods.$inferSelect;

/** Writes down that we owe somebody. Refuses a sum that is none, and a reason that says nothing. */
export async function owe(
  tx: Tx,
  debt: { personId: string; reason: string; decidedBy: string } & Money,
  now: Date,
): Promise<MakeGood | Refusal> {
  if (!Number.isInteger(debt.amount) || debt.amount < 1) {
    return refuse('no-amount', 'An amount is a whole number of minor units, and more than none: 1150 is £11.50.');
  }
  if (debt.reason.trim().split(/\s+/).length < 4) {
    return refuse('no-reason', 'The person reads the reason. Say in a sentence what we did and what it cost them.');
  }
  const [owed] = await tx
    .insert(makeGoods)
    .values({ id: newId(), ...debt, reason: debt.reason.trim(), decidedAt: now.getTime() })
    .returning();
  return owed!;
}

const owed = prepared((reader) =>
  reader
    .select()
    .from(makeGoods)
    .where(eq(makeGoods.personId, sql.placeholder('personId')))
    .orderBy(asc(makeGoods.decidedAt)),
);

/** What we owed and owe this person, oldest first. */
export function owedTo(reader: Reader, personId: string): Promise<MakeGood[]> {
  return owed(reader, { personId });
}

/** What was returned on a payment that has since gone back whole was theirs anyway, so that part is owed still. */
export async function oweAgain(tx: Tx, id: string, part: Money): Promise<void> {
  const stuckBecause = `${formatMoney(part)} of it was returned on a payment that later went back whole, so that part is paid by hand.`;
  await tx.update(makeGoods).set({ paidAt: null, paidHow: null, stuckBecause }).where(eq(makeGoods.id, id));
}

/** Paid outside of the payment provider, by somebody here. */
export async function paidByHand(tx: Tx, id: string, now: Date): Promise<MakeGood | Refusal> {
  const [paid] = await tx
    .update(makeGoods)
    .set({ paidAt: now.getTime(), paidHow: 'hand', stuckBecause: null })
    .where(and(eq(makeGoods.id, id), isNull(makeGoods.paidAt)))
    .returning();
  return paid ?? refuse('nothing-owed', 'There is no unpaid entry with this id.');
}

/** Returns what is owed on what they had paid. What can't be returned so says why, and waits for a hand. Answers how many. */
export async function payMakeGoods(db: Db, payments: Payments, now: Date): Promise<number> {
  const owed = await db.read
    .select({ debt: makeGoods, billingId: persons.billingId })
    .from(makeGoods)
    .innerJoin(persons, eq(persons.id, makeGoods.personId))
    .where(and(isNull(makeGoods.paidAt), isNull(makeGoods.stuckBecause)));
  await forEachOne(owed, async ({ debt, billingId }) => {
    const { id, amount, currency } = debt;
    const paid = billingId
      ? await payments.payBack({ id, customerId: billingId, amount, currency })
      : refuse('no-account', 'They have no account at the payment provider, so it is paid by hand.');
    await db.write((tx) =>
      tx
        .update(makeGoods)
        .set(isRefusal(paid) ? { stuckBecause: paid.sentence } : { paidAt: now.getTime(), paidHow: 'refund' })
        .where(and(eq(makeGoods.id, id), isNull(makeGoods.paidAt))),
    );
  });
  return owed.length;
}
