import { and, eq, inArray, isNull, lt, or } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import type { Payments } from '../payments/payments.ts';
import { forEachOne } from '../shared/each.ts';
import { newId } from '../shared/ids.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { newestRejoin, openRejoin, type Rejoin, type RejoinCheck, type Shown } from './check.ts';

/**
 * “Rejoin and pay”. Our row first, then the payment provider with our id as its key; the provider's verified event,
 * read again, makes it active. Pressing many times, in many tabs, is pressing once.
 *
 * Refuses when what the person saw is not what holds now; nothing is charged then.
 */
export async function beginRejoin(
  db: Db,
  payments: Payments,
  intent: { personId: string; billingId: string; seen: Shown; check: RejoinCheck },
  now: Date,
): Promise<{ rejoin: Rejoin } | Refusal> {
  const { seen, check } = intent;
  if (JSON.stringify(sameOrder(seen)) !== JSON.stringify(sameOrder(check.shown))) {
    return refuse(
      'changed',
      'Something changed since you opened this page. Nothing was charged. Please check it once more.',
    );
  }
  const rejoin = await db.write((tx) => openOrBegin(tx, intent, now));
  if (rejoin.state !== 'begun') return { rejoin };
  return payFor(db, payments, rejoin.id, now);
}

function sameOrder(shown: Shown): unknown[] {
  return [shown.offerId, shown.offerHash, shown.priceId, shown.cardId, shown.seats, shown.amount, shown.currency];
}

async function openOrBegin(
  tx: Tx,
  { personId, billingId, seen, check }: { personId: string; billingId: string; seen: Shown; check: RejoinCheck },
  now: Date,
): Promise<Rejoin> {
  const open = await openRejoin(tx, personId);
  if (open) return open;
  const newest = await newestRejoin(tx, personId);
  const terms = {
    offerId: seen.offerId,
    offerHash: seen.offerHash,
    billingId,
    cardId: seen.cardId,
    cardLabel: check.cardLabel,
    priceId: seen.priceId,
    seats: seen.seats,
    amount: seen.amount,
    currency: seen.currency,
    begunAt: now.getTime(),
  };
  // After a decline the same row is tried again under the next attempt, so that the provider makes a new try of it.
  const [row] =
    newest?.state === 'declined'
      ? await tx
          .update(rejoins)
          .set({ ...terms, state: 'begun', attempt: newest.attempt + 1, payingSince: null, declinedSentence: null })
          .where(eq(rejoins.id, newest.id))
          .returning()
      : await tx
          .insert(rejoins)
          .values({ ...terms, id: newId(), personId, state: 'begun', attempt: 1 })
          .returning();
  return row!;
}

/** Older than this, a payment that nobody finished is taken up again. Longer than the provider is ever waited for. */
const TAKEN_UP_AFTER_MS = 30_000;

/**
 * Takes one begun rejoin to the payment provider. One process claims it; who comes second waits for the outcome. A
 * process that died is followed by another, with the same key, so that the provider makes one subscription of both.
 */
export async function payFor(
  db: Db,
  payments: Payments,
  rejoinId: string,
  now: Date,
  takenUp = false,
): Promise<{ rejoin: Rejoin } | Refusal> {
  const at = now.getTime();
  const [claimed] = await db.write((tx) =>
    tx
      .update(rejoins)
      .set({ state: 'paying', payingSince: at })
      .where(
        and(
          eq(rejoins.id, rejoinId),
          isNull(rejoins.subscriptionId),
          or(
            eq(rejoins.state, 'begun'),
            and(eq(rejoins.state, 'paying'), lt(rejoins.payingSince, at - TAKEN_UP_AFTER_MS)),
          ),
        ),
      )
      .returning(),
  );
  if (!claimed) {
    const [standing] = await db.read.select().from(rejoins).where(eq(rejoins.id, rejoinId));
    return standing ? { rejoin: standing } : refuse('gone', 'We can’t find this return any more.');
  }
  // Keys are only remembered for a day: what a process before us may have started is looked for first.
  const already = takenUp
    ? await payments.findSubscription({ customerId: claimed.billingId, rejoinId: claimed.id })
    : null;
  if (already) return { rejoin: await keepSubscription(db, claimed.id, already) };
  const started = await payments.startSubscription({
    rejoinId: claimed.id,
    attempt: claimed.attempt,
    customerId: claimed.billingId,
    priceId: claimed.priceId,
    seats: claimed.seats,
    cardId: claimed.cardId,
  });
  if (isRefusal(started)) {
    await db.write((tx) =>
      tx
        .update(rejoins)
        .set({ state: 'declined', declinedSentence: started.sentence })
        // A late answer to an earlier attempt says nothing about this one.
        .where(and(eq(rejoins.id, claimed.id), eq(rejoins.attempt, claimed.attempt), eq(rejoins.state, 'paying'))),
    );
    return started;
  }
  return { rejoin: await keepSubscription(db, claimed.id, started.subscriptionId) };
}

async function keepSubscription(db: Db, rejoinId: string, subscriptionId: string): Promise<Rejoin> {
  const [paying] = await db.write((tx) =>
    tx.update(rejoins).set({ subscriptionId }).where(eq(rejoins.id, rejoinId)).returning(),
  );
  return paying!;
}

/** After this long nobody is charged any more for a press they may have forgotten. */
const TOO_LATE_MS = 24 * 3_600_000;

/** Intents that a dead process or an outage left behind: each is taken up once more. Answers how many were. */
export async function resumeRejoins(db: Db, payments: Payments, now: Date): Promise<number> {
  const left = await db.read
    .select()
    .from(rejoins)
    .where(
      and(
        isNull(rejoins.subscriptionId),
        or(
          and(eq(rejoins.state, 'begun'), lt(rejoins.begunAt, now.getTime() - TAKEN_UP_AFTER_MS)),
          and(eq(rejoins.state, 'paying'), lt(rejoins.payingSince, now.getTime() - TAKEN_UP_AFTER_MS)),
        ),
      ),
    );
  await forEachOne(left, (rejoin) =>
    rejoin.begunAt < now.getTime() - TOO_LATE_MS
      ? giveUp(db, payments, rejoin)
      : payFor(db, payments, rejoin.id, now, true),
  );
  return left.length;
}

/** Looks once more whether the provider did it after all; if not, the press has lapsed and nothing was charged. */
async function giveUp(db: Db, payments: Payments, rejoin: Rejoin): Promise<void> {
  const started = await payments.findSubscription({ customerId: rejoin.billingId, rejoinId: rejoin.id });
  if (started) {
    await keepSubscription(db, rejoin.id, started);
    return;
  }
  const sentence =
    'Our payment provider could not be reached for a day, so your return lapsed. You have not been charged.';
  await db.write((tx) =>
    tx
      .update(rejoins)
      .set({ state: 'declined', declinedSentence: sentence })
      .where(and(eq(rejoins.id, rejoin.id), inArray(rejoins.state, ['begun', 'paying']))),
  );
}
