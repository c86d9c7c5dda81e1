import { and, eq } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import type { Payments } from '../payments/payments.ts';
import { type Day, dayOf } from '../shared/dates.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import type { Rejoin } from './check.ts';

/** Ends the plan with the time that is paid for. Asking twice is asking once; nothing more is charged. */
export async function cancelRejoin(
  db: Db,
  payments: Payments,
  rejoin: Rejoin,
  { time_zone }: { time_zone: string },
  onCancelled: (tx: Tx, rejoin: Rejoin, endsOn: Day, now: Date) => Promise<void>,
  now: Date,
): Promise<{ rejoin: Rejoin } | Refusal> {
  if (rejoin.state !== 'active' || !rejoin.subscriptionId) return refuse('not-active', 'There is no plan to cancel.');
  if (rejoin.cancelledAt) return { rejoin };
  const { endsAt } = await payments.cancelAtPeriodEnd(rejoin.subscriptionId);
  const endsOn = dayOf(endsAt, time_zone);
  return db.write(async (tx) => {
    const [cancelled] = await tx
      .update(rejoins)
      .set({ cancelledAt: now.getTime(), endsOn })
      .where(and(eq(rejoins.id, rejoin.id), eq(rejoins.state, 'active')))
      .returning();
    // A second press, or the provider's own event, may have been first: one cause sends one letter.
    if (cancelled) await onCancelled(tx, cancelled, endsOn, now);
    return { rejoin: cancelled ?? rejoin };
  });
}

/** Takes the cancellation back, while the plan still runs. */
export async function keepRejoin(db: Db, payments: Payments, rejoin: Rejoin): Promise<{ rejoin: Rejoin } | Refusal> {
  if (rejoin.state !== 'active' || !rejoin.subscriptionId || !rejoin.cancelledAt) {
    return refuse('nothing-to-keep', 'There is no cancellation to take back.');
  }
  await payments.keepAfterAll(rejoin.subscriptionId);
  const [kept] = await db.write((tx) =>
    tx
      .update(rejoins)
      .set({ cancelledAt: null, endsOn: null })
      .where(and(eq(rejoins.id, rejoin.id), eq(rejoins.state, 'active')))
      .returning(),
  );
  return { rejoin: kept ?? rejoin };
}
