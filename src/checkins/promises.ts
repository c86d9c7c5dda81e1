import { and, asc, eq, isNull, lt } from 'drizzle-orm';
import type { Db, Reader, Tx } from '../../db/client.ts';
import { promises } from '../../db/schema/checkins.ts';
import { publishedOffer, publishedRole, publishedSite } from '../proofs/published.ts';
import type { Rejoin } from '../rejoin/check.ts';
import type { RoleOffer } from '../reonboarding/offer.ts';
import { addDays, type Day, dayOf } from '../shared/dates.ts';
import { newId } from '../shared/ids.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import { ofReturn } from './schedule.ts';

/* What we said with the offer that we would do, for one person, by a day. */

export type PromiseRow = typeof promises.$inferSelect;

/** `late`: kept, after its day. Nobody sets it: the dates say it. */
export type Promised = PromiseRow & { state: 'open' | 'kept' | 'late' | 'missed'; keptOn: Day | null };

/** Each promise of the offer they came back to gets its day, counted from the return. Twice is once. */
export async function makePromises(tx: Tx, rejoin: Rejoin, now: Date): Promise<void> {
  const offer = await publishedOffer(tx, rejoin.offerId);
  if (!offer || offer.data.promises.length === 0) return;
  const { time_zone } = await publishedSite(tx);
  const returnedOn = dayOf(now, time_zone);
  await tx
    .insert(promises)
    .values(
      offer.data.promises.map(({ what, owner, within_days }) => ({
        id: newId(),
        personId: rejoin.personId,
        rejoinId: rejoin.id,
        what,
        owner,
        dueOn: addDays(returnedOn, within_days),
      })),
    )
    .onConflictDoNothing();
}

/** The day on which somebody decides about their next step, as a promise. Twice is once. */
export async function promiseReview(tx: Tx, offer: RoleOffer): Promise<void> {
  const step = (await publishedRole(tx, offer.roleId))?.data.next_step;
  if (!step) return;
  await tx
    .insert(promises)
    .values({
      id: newId(),
      personId: offer.personId,
      roleOfferId: offer.id,
      what: `It is decided whether you become ${step.title}, by what was written down when you came back.`,
      owner: step.decides,
      dueOn: addDays(offer.startOn, step.review_after_days),
    })
    .onConflictDoNothing();
}

/** The return has ended: what was not due yet is owed no more. What was missed stays missed. */
export async function cancelPromises(tx: Tx, returnId: string, now: Date): Promise<void> {
  await tx
    .update(promises)
    .set({ cancelledAt: now.getTime() })
    .where(and(ofReturn(promises, returnId), isNull(promises.keptAt), isNull(promises.cancelledAt)));
}

/** Somebody here has kept it, and says in a sentence what was done. Refuses one that was kept already, or is owed no more. */
export async function keepPromise(
  tx: Tx,
  { promiseId, by, note }: { promiseId: string; by: string; note: string },
  now: Date,
): Promise<{ promise: PromiseRow } | Refusal> {
  if (note.trim().length < 8) return refuse('no-note', 'Say in a sentence what was done. The person reads it.');
  const [kept] = await tx
    .update(promises)
    .set({ keptAt: now.getTime(), keptBy: by, note: note.trim().slice(0, 2000) })
    .where(and(eq(promises.id, promiseId), isNull(promises.keptAt), isNull(promises.cancelledAt)))
    .returning();
  return kept ? { promise: kept } : refuse('not-open', 'This promise is kept already, or is owed no more.');
}

/** What was promised to one person for one return, soonest first; without a return, all that is open, for the desk. */
export async function promisesFor(
  reader: Reader,
  returnId: string | null,
  zone: string,
  now: Date,
): Promise<Promised[]> {
  const rows = await reader
    .select()
    .from(promises)
    .where(
      returnId === null ? and(isNull(promises.keptAt), isNull(promises.cancelledAt)) : ofReturn(promises, returnId),
    )
    .orderBy(asc(promises.dueOn), asc(promises.id));
  const today = dayOf(now, zone);
  return rows.flatMap((row) => {
    const keptOn = row.keptAt === null ? null : dayOf(row.keptAt, zone);
    const until = keptOn ?? (row.cancelledAt === null ? today : dayOf(row.cancelledAt, zone));
    const inTime = until <= row.dueOn;
    if (row.cancelledAt !== null && inTime) return [];
    const state = keptOn !== null ? (inTime ? 'kept' : 'late') : inTime ? 'open' : 'missed';
    return [{ ...row, state, keptOn }];
  });
}

/** Tells the owner of each promise whose day has passed, once. Answers how many. */
export async function tellMissed(
  db: Db,
  onMissed: (tx: Tx, promise: PromiseRow, now: Date) => Promise<void>,
  now: Date,
): Promise<number> {
  const { time_zone } = await publishedSite(db.read);
  const missed = and(
    isNull(promises.keptAt),
    isNull(promises.cancelledAt),
    isNull(promises.alertedAt),
    lt(promises.dueOn, dayOf(now, time_zone)),
  );
  const rows = await db.read.select({ id: promises.id }).from(promises).where(missed);
  let told = 0;
  for (const { id } of rows) {
    await db.write(async (tx) => {
      const [claimed] = await tx
        .update(promises)
        .set({ alertedAt: now.getTime() })
        .where(and(eq(promises.id, id), missed))
        .returning();
      if (!claimed) return;
      await onMissed(tx, claimed, now);
      told += 1;
    });
  }
  return told;
}
