import { and, eq, inArray, isNull, lt, or } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { env } from '../env.ts';
import type { CheckoutPage, Payments, Started } from '../payments/payments.ts';
import { DAY_MS } from '../shared/dates.ts';
import { forEachOne } from '../shared/each.ts';
import { newId } from '../shared/ids.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { leave } from './away.ts';
import { newestRejoin, openRejoin, type Rejoin, type RejoinCheck, type Shown, wayOf } from './check.ts';
import { isSurplus } from './complete.ts';

/**
 * “Rejoin and pay”. Our row first, then the payment provider with our id as its key; the provider's verified event,
 * read again, makes it active. Pressing many times, in many tabs, is pressing once. A rejoin that is `away` afterwards
 * goes on at its `awayUrl`.
 *
 * Refuses when what the person saw is not what holds now; nothing is charged then.
 */
export async function beginRejoin(
  db: Db,
  payments: Payments,
  intent: { personId: string; billingId: string; seen: Shown; check: RejoinCheck },
  now: Date,
): Promise<{ rejoin: Rejoin } | Refusal> {
  const { seen, check, personId } = intent;
  if (JSON.stringify(inOrder(seen)) !== JSON.stringify(inOrder(check.shown))) {
    return refuse(
      'changed',
      'Something changed since you opened this page. Nothing was charged. Please check it once more.',
    );
  }
  const open = await openRejoin(db.read, personId);
  // Other terms, or another card, than the page they went away to: that page is closed before anything else begins.
  if (open?.state === 'away' && !isFor(open, seen)) await leave(db, payments, open, 'You chose another way to pay.');
  const rejoin = await db.write((tx) => openOrBegin(tx, intent, now));
  if (rejoin.state !== 'begun') return { rejoin };
  return payFor(db, payments, rejoin.id, now);
}

function inOrder(shown: Shown): unknown[] {
  return Object.entries(shown).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function isFor(open: Rejoin, seen: Shown): boolean {
  const same = open.offerHash === seen.offerHash && open.priceId === seen.priceId && open.seats === seen.seats;
  return same && open.cardId === seen.cardId && open.amount === seen.amount && open.currency === seen.currency;
}

async function openOrBegin(
  tx: Tx,
  { personId, billingId, seen, check }: { personId: string; billingId: string; seen: Shown; check: RejoinCheck },
  now: Date,
): Promise<Rejoin> {
  const open = await openRejoin(tx, personId);
  if (open) return open;
  const newest = await newestRejoin(tx, personId);
  const { way, terms, quote } = check;
  const { kind, ...target } = way;
  const row = {
    offerId: seen.offerId,
    offerHash: seen.offerHash,
    way: kind,
    terms: { items: terms.items, taxRates: terms.taxRates, renewal: quote.renewal, ...target },
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
  const again = { state: 'begun', payingSince: null, declinedSentence: null, subscriptionId: null } as const;
  const [begun] =
    newest?.state === 'declined'
      ? await tx
          .update(rejoins)
          .set({ ...row, ...again, attempt: newest.attempt + 1 })
          .where(eq(rejoins.id, newest.id))
          .returning()
      : await tx
          .insert(rejoins)
          .values({ ...row, id: newId(), personId, state: 'begun', attempt: 1 })
          .returning();
  return begun!;
}

/** Older than this, a payment that nobody finished is taken up again. Longer than the provider is ever waited for. */
const TAKEN_UP_AFTER_MS = 30_000;
/** After this long nobody is charged any more for a press they may have forgotten. */
const TOO_LATE_MS = DAY_MS;

/**
 * Takes one begun rejoin to the payment provider. One process claims it; who comes second waits for the outcome. A
 * process that died is followed by another, with the same key, so that the provider makes one subscription of both.
 */
async function payFor(
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
  const already = takenUp ? await startedFor(db, payments, claimed) : null;
  if (already) return keepStarted(db, claimed, { subscriptionId: already, paid: false, awayUrl: null }, now);
  const started = await ask(payments, claimed);
  if (!isRefusal(started)) return keepStarted(db, claimed, started, now);
  await db.write((tx) =>
    tx
      .update(rejoins)
      .set({ state: 'declined', declinedSentence: started.sentence })
      // A late answer to an earlier attempt says nothing about this one.
      .where(and(eq(rejoins.id, claimed.id), eq(rejoins.attempt, claimed.attempt), eq(rejoins.state, 'paying'))),
  );
  return started;
}

function ask(payments: Payments, rejoin: Rejoin): Promise<Started | CheckoutPage | Refusal> {
  const way = wayOf(rejoin);
  const start = {
    rejoinId: rejoin.id,
    attempt: rejoin.attempt,
    way,
    customerId: rejoin.billingId,
    items: rejoin.terms?.items ?? [{ priceId: rejoin.priceId, quantity: rejoin.seats }],
    taxRates: rejoin.terms?.taxRates ?? [],
    currency: rejoin.currency,
    amount: rejoin.amount,
    // The personal link is a secret, so it is not in an address that others see: the device remembers the way.
    returnUrl: new URL('/returned', env.AMENDS_URL).href,
    cancelUrl: new URL('/returned?unpaid', env.AMENDS_URL).href,
  };
  const withoutCard = rejoin.cardId === '' && way.kind !== 'resume' && way.kind !== 'unpause';
  return withoutCard ? payments.openCheckout(start) : payments.payBySavedCard({ ...start, cardId: rejoin.cardId });
}

/** What an earlier process of ours may have brought about before it died. */
async function startedFor(db: Db, payments: Payments, rejoin: Rejoin): Promise<string | null> {
  const way = wayOf(rejoin);
  if (way.kind === 'start') {
    const found = await payments.findSubscription({ customerId: rejoin.billingId, rejoinId: rejoin.id });
    // What was paid and went back is not what they came back by.
    return found && !(await isSurplus(db.read, found)) ? found : null;
  }
  const now = await payments.readSubscription(way.subscriptionId);
  return now?.rejoinId === rejoin.id && now.paid && now.standing === 'running' ? now.subscriptionId : null;
}

async function keepStarted(
  db: Db,
  rejoin: Rejoin,
  started: Started | CheckoutPage,
  now: Date,
): Promise<{ rejoin: Rejoin }> {
  const awayUrl = 'checkoutId' in started ? started.url : started.awayUrl;
  const kept = await db.write(async (tx) => {
    const mine = and(eq(rejoins.id, rejoin.id), eq(rejoins.attempt, rejoin.attempt));
    if ('subscriptionId' in started) {
      await tx.update(rejoins).set({ subscriptionId: started.subscriptionId }).where(mine);
    }
    if (awayUrl) {
      await tx
        .update(rejoins)
        .set({
          state: 'away',
          awayUrl,
          awayUntil: now.getTime() + TOO_LATE_MS,
          checkoutId: 'checkoutId' in started ? started.checkoutId : null,
        })
        // The event may have been faster: who is back already is not away.
        .where(and(mine, eq(rejoins.state, 'paying')));
    }
    const [row] = await tx.select().from(rejoins).where(eq(rejoins.id, rejoin.id));
    return row!;
  });
  return { rejoin: kept };
}

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
      ? giveUp(db, payments, rejoin, now)
      : payFor(db, payments, rejoin.id, now, true),
  );
  return left.length;
}

/** Looks once more whether the provider did it after all; if not, the press has lapsed and nothing was charged. */
async function giveUp(db: Db, payments: Payments, rejoin: Rejoin, now: Date): Promise<void> {
  const started = await startedFor(db, payments, rejoin);
  if (started) {
    await keepStarted(db, rejoin, { subscriptionId: started, paid: false, awayUrl: null }, now);
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
