import type { Db } from '../../db/client.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { onRejoined } from '../../src/reactions.ts';
import type { Rejoin } from '../../src/rejoin/check.ts';
import { newId } from '../../src/shared/ids.ts';
import { castPerson } from '../support/seeded.ts';

/** Brings one of the cast back at this moment, without the payment: the row as it stands when the provider has said so. */
export async function comeBack(db: Db, externalId: string, at: Date): Promise<Rejoin> {
  const person = await castPerson(db.read, externalId);
  return db.write(async (tx) => {
    const id = newId();
    const [rejoin] = await tx
      .insert(rejoins)
      .values({
        id,
        personId: person.id,
        offerId: 'team',
        offerHash: 'hash',
        state: 'active',
        attempt: 1,
        billingId: `cus_${id}`,
        cardId: 'pm',
        cardLabel: 'Visa ending 4242',
        priceId: 'price',
        seats: 1,
        amount: 960,
        currency: 'gbp',
        subscriptionId: `sub_${id}`,
        begunAt: at.getTime(),
        completedAt: at.getTime(),
        renewsOn: '2027-01-01',
      })
      .returning();
    await onRejoined(tx, rejoin!, at);
    return rejoin!;
  });
}
