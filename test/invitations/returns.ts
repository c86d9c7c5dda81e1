import { insertRows } from '../../db/bulk.ts';
import type { Tx } from '../../db/client.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { newId } from '../../src/shared/ids.ts';

/** A customer's return as it stands when the provider has said so, and nothing else; answers its id. */
export async function backAgain(tx: Tx, personId: string, at: number): Promise<string> {
  const id = newId();
  await tx.insert(rejoins).values({
    ...{ id, personId, offerId: 'team', offerHash: 'hash', state: 'active', attempt: 1, billingId: `cus_${id}` },
    ...{ cardId: 'pm', cardLabel: 'Visa ending 4242', priceId: 'price', seats: 1, amount: 960, currency: 'gbp' },
    ...{ subscriptionId: `sub_${id}`, begunAt: at, completedAt: at },
  });
  return id;
}

/** The same for thousands. */
export async function backTogether(tx: Tx, personIds: readonly string[], at: number): Promise<void> {
  const nothing = {
    terms: null,
    payingSince: null,
    renewsOn: null,
    declinedSentence: null,
    undoneAt: null,
    cancelledAt: null,
  };
  const nowhere = {
    endsOn: null,
    refundedAmount: null,
    awayUrl: null,
    checkoutId: null,
    awayUntil: null,
    owedUrl: null,
  };
  const rows = personIds.map((personId): typeof rejoins.$inferSelect => {
    const id = newId();
    return {
      ...{ id, personId, offerId: 'team', offerHash: 'hash', state: 'active', way: 'start', attempt: 1 },
      ...{ billingId: `cus_${id}`, cardId: 'pm', cardLabel: 'Visa ending 4242', priceId: 'price', seats: 1 },
      ...{ amount: 960, currency: 'gbp', subscriptionId: `sub_${id}`, begunAt: at, completedAt: at },
      ...nothing,
      ...nowhere,
    };
  });
  await insertRows(tx, rejoins, rows);
}
