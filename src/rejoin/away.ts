import { and, eq, lt } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import type { Payments } from '../payments/payments.ts';
import { forEachOne } from '../shared/each.ts';
import type { Rejoin } from './check.ts';

/**
 * The person was at their bank, or at the provider's page, and will not pay there any more: that page is closed first, so
 * that nobody can pay on it later. If somebody had paid after all, the return goes on. Safe to call again.
 */
export async function leave(db: Db, payments: Payments, rejoin: Rejoin, sentence: string): Promise<void> {
  const { id, attempt, checkoutId, subscriptionId, way } = rejoin;
  const { paidSubscriptionId } = checkoutId ? await payments.closeCheckout(checkoutId) : { paidSubscriptionId: null };
  const { paid } = subscriptionId ? await payments.abandon({ subscriptionId, kind: way }) : { paid: false };
  const goneOn = paid || paidSubscriptionId !== null;
  const nowhere = { awayUrl: null, awayUntil: null, checkoutId: null };
  await db.write((tx) =>
    tx
      .update(rejoins)
      .set(
        goneOn
          ? { ...nowhere, state: 'paying', subscriptionId: paidSubscriptionId ?? subscriptionId }
          : { ...nowhere, state: 'declined', subscriptionId: null, declinedSentence: `${sentence} ${NOT_CHARGED}` },
      )
      .where(and(eq(rejoins.id, id), eq(rejoins.attempt, attempt), eq(rejoins.state, 'away'))),
  );
}

const NOT_CHARGED = 'You have not been charged.';

/** Those who went to pay and never came back: after a day their page is closed, and they may begin again at any time. */
export async function closeForgotten(db: Db, payments: Payments, now: Date): Promise<number> {
  const forgotten = await db.read
    .select()
    .from(rejoins)
    .where(and(eq(rejoins.state, 'away'), lt(rejoins.awayUntil, now.getTime())));
  await forEachOne(forgotten, (rejoin) => leave(db, payments, rejoin, 'You did not finish paying.'));
  return forgotten.length;
}
