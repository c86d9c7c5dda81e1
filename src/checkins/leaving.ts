import { and, desc, eq, gte } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { complaints, departures, persons } from '../../db/schema/people.ts';
import { writeLetter } from '../invitations/letters.ts';
import { publishedOffer, publishedSite } from '../proofs/published.ts';
import type { Rejoin } from '../rejoin/check.ts';
import { dayOf } from '../shared/dates.ts';
import { newId } from '../shared/ids.ts';

/* Leaving again: we ask why, once, and what they say is a complaint like any other. */

const refOf = (rejoin: Pick<Rejoin, 'id'>) => `own:${rejoin.id}`;

/** What they said when they left again; null as long as they have said nothing. */
export async function saidOnLeaving(reader: Reader, rejoin: Pick<Rejoin, 'id'>): Promise<string | null> {
  const [said] = await reader
    .select({ words: complaints.words })
    .from(complaints)
    .where(eq(complaints.ref, refOf(rejoin)));
  return said?.words ?? null;
}

/** One letter with one question, unless they have answered it on their page already. */
export async function askWhyTheyLeft(tx: Tx, rejoin: Rejoin, sender: string, now: Date): Promise<void> {
  if ((await saidOnLeaving(tx, rejoin)) !== null) return;
  const [person] = await tx.select().from(persons).where(eq(persons.id, rejoin.personId));
  await writeLetter(
    tx,
    {
      letter: 'left-again',
      cause: `left-again:${rejoin.id}`,
      person: person!,
      sender,
      slots: {},
      mint: { link: 'page:left' },
    },
    now,
  );
}

/** Their reason, in their words, for the departure that ended this return. The first one stands; linking it is for the desk. */
export async function sayWhyTheyLeft(tx: Tx, rejoin: Rejoin, words: string, now: Date): Promise<void> {
  const text = words.trim().slice(0, 2000);
  if (text === '') return;
  const { time_zone } = await publishedSite(tx);
  await tx
    .insert(complaints)
    .values({
      id: newId(),
      ref: refOf(rejoin),
      personId: rejoin.personId,
      departureId: await departureAfter(tx, rejoin, now),
      saidOn: dayOf(now, time_zone),
      channel: 'your page',
      words: text,
      main: true,
      confidentiality: 'open',
      namesOthers: false,
      publicConsent: false,
      createdAt: now.getTime(),
    })
    .onConflictDoNothing();
}

/** The departure that ended the return: the provider's word may have made it already. */
async function departureAfter(tx: Tx, rejoin: Rejoin, now: Date): Promise<string> {
  const { time_zone } = await publishedSite(tx);
  const returnedOn = dayOf(rejoin.completedAt ?? rejoin.begunAt, time_zone);
  const [known] = await tx
    .select({ id: departures.id })
    .from(departures)
    .where(and(eq(departures.personId, rejoin.personId), gte(departures.leftOn, returnedOn)))
    .orderBy(desc(departures.leftOn))
    .limit(1);
  if (known) return known.id;
  const offer = await publishedOffer(tx, rejoin.offerId);
  const id = newId();
  await tx.insert(departures).values({
    id,
    personId: rejoin.personId,
    externalId: `rejoin:${rejoin.id}`,
    joinedOn: returnedOn,
    joinedPrecision: 'day',
    leftOn: rejoin.endsOn ?? dayOf(now, time_zone),
    precision: 'day',
    planOrRole: offer?.data.plan ?? null,
    amount: rejoin.amount,
    currency: rejoin.currency,
    seats: rejoin.seats,
    facts: {},
    createdAt: now.getTime(),
  });
  return id;
}
