import type { Db } from '../../db/client.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { onRejoined } from '../../src/reactions.ts';
import type { Rejoin } from '../../src/rejoin/check.ts';
import { returnOf } from '../invitations/returns.ts';
import { castPerson } from '../support/seeded.ts';

/** Brings one of the cast back at this moment, without the payment: the row as it stands when the provider has said so. */
export async function comeBack(db: Db, externalId: string, at: Date): Promise<Rejoin> {
  const person = await castPerson(db.read, externalId);
  return db.write(async (tx) => {
    const rejoin: Rejoin = { ...returnOf(person.id, at.getTime()), renewsOn: '2027-01-01' };
    await tx.insert(rejoins).values(rejoin);
    await onRejoined(tx, rejoin, at);
    return rejoin;
  });
}
