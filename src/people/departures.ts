import { and, asc, eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { complaints, departures, persons, suppressions } from '../../db/schema/people.ts';
import type { Day } from '../shared/dates.ts';
import { newId } from '../shared/ids.ts';
import { addressHash, normaliseAddress } from './suppression.ts';

/** That somebody left, as the payment provider told us. */
export type Leaving = {
  /** The provider's customer, and what of theirs ended: telling it twice makes one departure. */
  billingId: string;
  subscriptionId: string;
  email: string | null;
  name: string | null;
  joinedOn: Day;
  leftOn: Day;
  plan: string | null;
  amount: number | null;
  currency: string;
  seats: number;
  /** The provider's own code, word for word. */
  reason: string | null;
  /** What they wrote, if anything: their words. */
  comment: string | null;
};

const SOURCE = 'stripe';

/**
 * Writes down that a customer left, and in what words. Somebody we don't know yet becomes a person; somebody who was erased
 * doesn't, and then there is no departure either.
 */
export async function recordDeparture(tx: Tx, leaving: Leaving, now: Date): Promise<void> {
  const personId = await personFor(tx, leaving, now);
  if (!personId) return;
  const at = now.getTime();
  const [departure] = await tx
    .insert(departures)
    .values({
      id: newId(),
      personId,
      externalId: leaving.subscriptionId,
      joinedOn: leaving.joinedOn,
      joinedPrecision: 'day',
      leftOn: leaving.leftOn,
      precision: 'day',
      planOrRole: leaving.plan,
      amount: leaving.amount,
      currency: leaving.currency,
      seats: leaving.seats,
      reasonCode: leaving.reason,
      facts: {},
      createdAt: at,
    })
    .onConflictDoNothing()
    .returning();
  const words = leaving.comment?.trim();
  if (!departure || !words) return;
  await tx
    .insert(complaints)
    .values({
      id: newId(),
      ref: `${SOURCE}:${leaving.subscriptionId}`,
      personId,
      departureId: departure.id,
      saidOn: leaving.leftOn,
      channel: 'cancel form',
      words,
      main: true,
      confidentiality: 'open',
      namesOthers: false,
      publicConsent: false,
      createdAt: at,
    })
    .onConflictDoNothing();
}

async function personFor(tx: Tx, leaving: Leaving, now: Date): Promise<string | null> {
  const { billingId, email, name } = leaving;
  const [known] = await tx
    .select({ id: persons.id })
    .from(persons)
    .where(and(eq(persons.billingId, billingId), eq(persons.kind, 'customer')))
    .orderBy(asc(persons.createdAt), asc(persons.id))
    .limit(1);
  if (known) return known.id;
  if (email) {
    const [stop] = await tx
      .select()
      .from(suppressions)
      .where(eq(suppressions.addressHash, addressHash(email)));
    if (stop?.reason === 'erased') return null;
  }
  const [firstName, ...rest] = (name ?? '').trim().split(/\s+/);
  const id = newId();
  await tx.insert(persons).values({
    id,
    kind: 'customer',
    source: SOURCE,
    externalId: billingId,
    firstName: firstName || null,
    lastName: rest.join(' ') || null,
    email,
    emailNorm: email ? normaliseAddress(email) : null,
    billingId,
    facts: {},
    createdAt: now.getTime(),
  });
  return id;
}
