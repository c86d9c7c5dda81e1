import { insertRows } from '../../db/bulk.ts';
import type { Tx } from '../../db/client.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { newId } from '../../src/shared/ids.ts';

/** A customer's return as it stands when the provider has said so. */
export function returnOf(personId: string, at: number): typeof rejoins.$inferSelect {
  const id = newId();
  return {
    ...{ id, personId, offerId: 'team', offerHash: 'hash', state: 'active', way: 'start', attempt: 1, terms: null },
    ...{ billingId: `cus_${id}`, cardId: 'pm', cardLabel: 'Visa ending 4242', priceId: 'price', seats: 1 },
    ...{ amount: 960, currency: 'gbp', subscriptionId: `sub_${id}`, begunAt: at, payingSince: null, completedAt: at },
    ...{
      renewsOn: null,
      declinedSentence: null,
      undoneAt: null,
      cancelledAt: null,
      endsOn: null,
      refundedAmount: null,
    },
    ...{ awayUrl: null, checkoutId: null, awayUntil: null, owedUrl: null },
  };
}

/** Writes one down, and nothing that would follow; answers its id. */
export async function backAgain(tx: Tx, personId: string, at: number): Promise<string> {
  const row = returnOf(personId, at);
  await tx.insert(rejoins).values(row);
  return row.id;
}

/** The same for thousands. */
export async function backTogether(tx: Tx, personIds: readonly string[], at: number): Promise<void> {
  await insertRows(
    tx,
    rejoins,
    personIds.map((personId) => returnOf(personId, at)),
  );
}
