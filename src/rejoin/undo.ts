import { and, eq, lt } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import type { Payments } from '../payments/payments.ts';
import type { Site } from '../proofs/documents.ts';
import { addDays, type Day, dayOf } from '../shared/dates.ts';
import { forEachOne } from '../shared/each.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import type { Rejoin } from './check.ts';

/** What a site says of undoing: how many days, counted in its own time zone. */
type Terms = Pick<Site, 'rejoin' | 'time_zone'>;

/** The last day on which a return is undone with a full refund. */
export function undoUntil(
  rejoin: Pick<Rejoin, 'completedAt' | 'begunAt'>,
  { rejoin: { undo_days }, time_zone }: Terms,
): Day {
  return addDays(dayOf(rejoin.completedAt ?? rejoin.begunAt, time_zone), undo_days);
}

type OnUndone = (tx: Tx, rejoin: Rejoin, now: Date) => Promise<void>;

/** Takes the return back: the subscription ends now and every payment is refunded in full. Pressing twice is once. */
export async function undoRejoin(
  db: Db,
  payments: Payments,
  rejoin: Rejoin,
  site: Terms,
  onUndone: OnUndone,
  now: Date,
): Promise<{ rejoin: Rejoin } | Refusal> {
  if (rejoin.state === 'undone') return { rejoin };
  if (rejoin.state !== 'active' && rejoin.state !== 'undoing') {
    return refuse('nothing-to-undo', 'There is no return to undo.');
  }
  if (rejoin.state === 'active' && dayOf(now, site.time_zone) > undoUntil(rejoin, site)) {
    return refuse(
      'undo-over',
      `A return can be undone with a full refund for ${site.rejoin.undo_days} days. That time is over.`,
    );
  }
  await db.write((tx) =>
    tx
      .update(rejoins)
      .set({ state: 'undoing', payingSince: now.getTime() })
      .where(and(eq(rejoins.id, rejoin.id), eq(rejoins.state, 'active'))),
  );
  return finishUndo(db, payments, rejoin, onUndone, now);
}

async function finishUndo(
  db: Db,
  payments: Payments,
  rejoin: Rejoin,
  onUndone: OnUndone,
  now: Date,
): Promise<{ rejoin: Rejoin }> {
  const { id, subscriptionId, way, begunAt } = rejoin;
  const refund = await payments.undoSubscription({
    rejoinId: id,
    subscriptionId: subscriptionId!,
    // What they had paid before they came back stays paid.
    since: way === 'start' ? null : new Date(begunAt),
    endsWithPeriod: way === 'resume' || way === 'unpause',
  });
  return db.write(async (tx) => {
    const [undone] = await tx
      .update(rejoins)
      .set({ state: 'undone', undoneAt: now.getTime(), refundedAmount: refund.refundedAmount })
      .where(and(eq(rejoins.id, rejoin.id), eq(rejoins.state, 'undoing')))
      .returning();
    if (undone) {
      await onUndone(tx, undone, now);
      return { rejoin: undone };
    }
    const [standing] = await tx.select().from(rejoins).where(eq(rejoins.id, rejoin.id));
    return { rejoin: standing ?? rejoin };
  });
}

/** Refunds that a dead process or an outage left half-way. */
export async function resumeUndos(db: Db, payments: Payments, onUndone: OnUndone, now: Date): Promise<number> {
  const left = await db.read
    .select()
    .from(rejoins)
    .where(and(eq(rejoins.state, 'undoing'), lt(rejoins.payingSince, now.getTime() - 30_000)));
  await forEachOne(left, (rejoin) => finishUndo(db, payments, rejoin, onUndone, now));
  return left.length;
}
