import { eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { persons } from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { type LetterToWrite, writeLetter } from '../invitations/letters.ts';
import { writeToColleague } from '../invitations/to-colleagues.ts';
import { publishedOffer, publishedSite } from '../proofs/published.ts';
import { type Day, longDay } from '../shared/dates.ts';
import { formatMoney } from '../shared/money.ts';
import { type Rejoin, renewalOf } from './check.ts';
import type { Surplus } from './surplus.ts';
import { undoUntil } from './undo.ts';

/* What a customer reads about their return and their money. `sender` is whoever answers for what made them leave. */

export async function writeReceipt(tx: Tx, rejoin: Rejoin, sender: string, now: Date): Promise<void> {
  const slots = {
    plan: await planOf(tx, rejoin),
    amount: formatMoney(rejoin),
    renewal: formatMoney({ amount: renewalOf(rejoin), currency: rejoin.currency }),
    card: rejoin.cardLabel,
    renewsOn: rejoin.renewsOn ? longDay(rejoin.renewsOn) : '',
    undoUntil: longDay(undoUntil(rejoin, await publishedSite(tx))),
  };
  const letter = rejoin.amount === 0 ? 'kept' : 'back';
  await write(tx, rejoin, { letter, cause: `back:${rejoin.id}`, sender, slots, mint: { link: 'page:back' } }, now);
}

export async function writeUndone(tx: Tx, rejoin: Rejoin, sender: string, now: Date): Promise<void> {
  const slots = { refunded: formatMoney({ amount: rejoin.refundedAmount ?? 0, currency: rejoin.currency }) };
  await write(tx, rejoin, { letter: 'undone', cause: `undone:${rejoin.id}`, sender, slots }, now);
}

/** Cancelling again after having kept it is another cause. */
export async function writeCancelled(tx: Tx, rejoin: Rejoin, endsOn: Day, sender: string, now: Date): Promise<void> {
  const slots = { plan: await planOf(tx, rejoin), endsOn: longDay(endsOn) };
  const cause = `cancelled:${rejoin.id}:${endsOn}`;
  await write(tx, rejoin, { letter: 'cancelled', cause, sender, slots, mint: { link: 'page:back' } }, now);
}

const WHY = {
  second: 'A second payment for one return came in.',
  amount: 'What was charged was not what the button said.',
  closed: 'A payment came in just as we had closed its page.',
};

/** To the person, and a report to whoever answers for money here. */
export async function writePaidTwice(
  tx: Tx,
  rejoin: Rejoin,
  surplus: Surplus,
  sender: string,
  now: Date,
): Promise<void> {
  const { subscriptionId, refundedAmount, currency } = surplus;
  const refunded = formatMoney({ amount: refundedAmount ?? 0, currency: currency ?? rejoin.currency });
  const slots = { refunded, why: WHY[surplus.why] };
  await write(tx, rejoin, { letter: 'paid-twice', cause: `surplus:${subscriptionId}`, sender, slots }, now);
  const report = {
    letter: 'surplus-report',
    kind: 'owner-alert',
    cause: `surplus-report:${subscriptionId}`,
    personId: rejoin.personId,
    to: undefined,
    slots: { ...slots, reference: rejoin.id.slice(-8), subscription: subscriptionId },
  };
  const isWritten = await writeToColleague(tx, report, now);
  if (!isWritten) throw new Error('The letter “surplus-report” is not published.');
}

export async function rejoinOf(tx: Tx, { rejoinId }: Surplus): Promise<Rejoin | null> {
  const [rejoin] = await tx.select().from(rejoins).where(eq(rejoins.id, rejoinId));
  return rejoin ?? null;
}

async function planOf(tx: Tx, { offerId }: Rejoin): Promise<string> {
  return (await publishedOffer(tx, offerId))?.data.plan ?? 'your plan';
}

async function write(tx: Tx, rejoin: Rejoin, letter: Omit<LetterToWrite, 'person'>, now: Date): Promise<void> {
  const [person] = await tx.select().from(persons).where(eq(persons.id, rejoin.personId));
  await writeLetter(tx, { ...letter, person: person! }, now);
}
