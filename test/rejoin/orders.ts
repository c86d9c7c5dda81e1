import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { eq } from 'drizzle-orm';
import { checkins } from '../../db/schema/checkins.ts';
import { letters } from '../../db/schema/mail.ts';
import { paymentEvents, rejoins } from '../../db/schema/rejoin.ts';
import type { PaymentEvent } from '../../src/payments/payments.ts';
import { beginRejoin } from '../../src/rejoin/begin.ts';
import { applyPaymentEvents, storePaymentEvent } from '../../src/rejoin/complete.ts';
import { copyOf } from '../support/database.ts';
import { must } from '../support/must.ts';
import { later, NOW, seededDatabase } from '../support/seeded.ts';
import { intentOf, openSandbox, reactions, rejoinOf } from './house.ts';

/** Every order of so many things. */
function* ordersOf<T>(things: T[]): Generator<T[]> {
  if (things.length <= 1) {
    yield things;
    return;
  }
  for (const [at, first] of things.entries()) {
    for (const rest of ordersOf(things.toSpliced(at, 1))) yield [first, ...rest];
  }
}

/**
 * One return, and the six events of it in many orders, each with duplicates among them. Answers the end states that came out:
 * one, when the order does not matter.
 */
export async function endStates(take: (order: number) => boolean) {
  const before = await seededDatabase();
  const { sandbox, payments } = await openSandbox();
  const begun = must(await beginRejoin(before, payments, await intentOf(before, payments, 'c-maya'), NOW));
  const events = (await payments.eventsSince(new Date(0))).slice(0, 6);
  const about = { subscriptionId: begun.rejoin.subscriptionId, checkoutId: null, created: 1 };
  const more = ['customer.subscription.created', 'invoice.created', 'invoice.finalized', 'payment_intent.succeeded'];
  const six: PaymentEvent[] = [...events, ...more.map((type, at) => ({ id: `evt_more_${at}`, type, ...about }))].slice(
    0,
    6,
  );
  if (six.length !== 6) throw new Error(`There are ${six.length} events.`);
  await before.write((tx) => tx.delete(paymentEvents));
  // Closed, the file holds everything, and can be copied.
  await before.close();

  const ends = new Map<string, number>();
  let tried = 0;
  for (const [at, order] of [...ordersOf(six)].entries()) {
    if (!take(at)) continue;
    tried += 1;
    const db = await copyOf(before.path);
    // Each comes twice, the second time anywhere later; applied in two goes, wherever the cut falls.
    const twice = order
      .flatMap((event, index) => (index % 2 === at % 2 ? [event, event] : [event]))
      .concat(order[at % 6]!);
    const cut = at % (twice.length + 1);
    for (const part of [twice.slice(0, cut), twice.slice(cut)]) {
      await db.write(async (tx) => {
        for (const [index, event] of part.entries()) await storePaymentEvent(tx, event, later(index));
      });
      await applyPaymentEvents(db, payments, reactions, later(1000));
    }
    const { state, attempt, amount, renewsOn, completedAt } = await rejoinOf(db, 'c-maya');
    const end = JSON.stringify({
      ...{ state, attempt, amount, renewsOn, completedAt },
      rows: await db.read.$count(rejoins),
      receipts: await db.read.$count(letters, eq(letters.kind, 'back')),
      letters: await db.read.$count(letters),
      questions: await db.read.$count(checkins),
      events: await db.read.$count(paymentEvents),
    });
    ends.set(end, (ends.get(end) ?? 0) + 1);
    await db.cleanup();
  }
  await sandbox.close();
  rmSync(dirname(before.path), { recursive: true });
  return { tried, ends };
}
