import { and, eq, isNull } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { surpluses } from '../../db/schema/rejoin.ts';
import type { Payments } from '../payments/payments.ts';
import { forEachOne } from '../shared/each.ts';

export type Surplus = typeof surpluses.$inferSelect;

/**
 * Money that must not stay goes back: the subscription ends and every payment on it is refunded, and somebody here is told.
 * Answers how many there were; a crash at any point is made good by the next round.
 */
export async function returnSurpluses(
  db: Db,
  payments: Payments,
  onSurplus: (tx: Tx, surplus: Surplus, now: Date) => Promise<void>,
  now: Date,
): Promise<number> {
  const found = await db.read.select().from(surpluses).where(isNull(surpluses.refundedAt));
  await forEachOne(found, async ({ subscriptionId, rejoinId }) => {
    const refund = await payments.undoSubscription({ rejoinId, subscriptionId, since: null });
    await db.write(async (tx) => {
      const [returned] = await tx
        .update(surpluses)
        .set({ refundedAt: now.getTime(), refundedAmount: refund.refundedAmount, currency: refund.currency })
        .where(and(eq(surpluses.subscriptionId, subscriptionId), isNull(surpluses.refundedAt)))
        .returning();
      if (returned) await onSurplus(tx, returned, now);
    });
  });
  return found.length;
}
