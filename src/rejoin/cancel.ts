import { and, eq } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import type { Payments } from '../payments/payments.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import type { Rejoin } from './check.ts';

/** Ends the plan with the time that is paid for. Asking twice is asking once; nothing more is charged. */
export async function cancelRejoin(
  db: Db,
  payments: Payments,
  rejoin: Rejoin,
  now: Date,
): Promise<{ rejoin: Rejoin } | Refusal> {
  if (rejoin.state !== 'active' || !rejoin.subscriptionId) return refuse('not-active', 'There is no plan to cancel.');
  if (rejoin.cancelledAt) return { rejoin };
  const { endsOn } = await payments.cancelAtPeriodEnd(rejoin.subscriptionId);
  const [cancelled] = await db.write((tx) =>
    tx
      .update(rejoins)
      .set({ cancelledAt: now.getTime(), endsOn })
      .where(and(eq(rejoins.id, rejoin.id), eq(rejoins.state, 'active')))
      .returning(),
  );
  return { rejoin: cancelled ?? rejoin };
}
