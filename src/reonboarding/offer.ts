import { createHash } from 'node:crypto';
import { and, desc, eq, gte, isNull } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { complaints, persons } from '../../db/schema/people.ts';
import { roleOffers, talks } from '../../db/schema/reonboarding.ts';
import { roleForLeft } from '../offers/offer.ts';
import { isConcerned } from '../people/concerns.ts';
import { historyOf } from '../people/diagnosis.ts';
import { nameOf, type Site } from '../proofs/documents.ts';
import { type PublishedRole, publishedRole, publishedRoles } from '../proofs/published.ts';
import { addDays, type Day, dayOf, isDay, longDay } from '../shared/dates.ts';
import { newId } from '../shared/ids.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';

/* An offer of a role, from HR to one person: issued, accepted, taken back. It is never changed, only replaced by a new one. */

export type RoleOffer = typeof roleOffers.$inferSelect;

/** Days in which nobody has to decide. */
const THINKING_DAYS = 14;

/** The role for somebody who left this one; null: none is open today. */
export async function roleFor(reader: Reader, left: string | null): Promise<PublishedRole | null> {
  return roleForLeft(await publishedRoles(reader), left);
}

/** Who talks with them about a role, and where a letter reaches them; never the person whom their complaint concerns. */
export async function talksAbout(
  reader: Reader,
  personId: string,
  { data }: Pick<PublishedRole, 'data'>,
  site: Site,
): Promise<{ name: string; address: string }> {
  const told = await reader.select().from(complaints).where(eq(complaints.personId, personId));
  const person = site.people[data.talk_to];
  const about = { id: data.talk_to, name: person?.name ?? '' };
  const free = person && !told.some(({ concerns }) => isConcerned(concerns, about));
  return free
    ? { name: person.name, address: person.address ?? site.reply_to }
    : { name: site.organisation, address: site.reply_to };
}

/** The newest version of what was offered to them; null: nothing was. */
export async function newestOffer(reader: Reader, personId: string): Promise<RoleOffer | null> {
  const [offer] = await reader
    .select()
    .from(roleOffers)
    .where(eq(roleOffers.personId, personId))
    .orderBy(desc(roleOffers.version))
    .limit(1);
  return offer ?? null;
}

export type OfferState = 'open' | 'ended' | 'accepted' | 'declined' | 'withdrawn' | 'taken back';

/** `withdrawn`: we took it back before it was accepted. `taken back`: they did, afterwards. */
export function offerState(offer: RoleOffer, today: Day): OfferState {
  if (offer.withdrawnAt !== null) return offer.acceptedAt === null ? 'withdrawn' : 'taken back';
  if (offer.acceptedAt !== null) return 'accepted';
  if (offer.declinedAt !== null) return 'declined';
  return offer.answerBy < today ? 'ended' : 'open';
}

/** An acceptance can be taken back in one press until the day before they start. */
export function canTakeBack(offer: RoleOffer, today: Day): boolean {
  return offerState(offer, today) === 'accepted' && today < offer.startOn;
}

export type NewOffer = {
  personId: string;
  roleId: string;
  startOn: Day;
  payBand: string;
  serviceFrom: Day | null;
  answerBy: Day;
  by: string;
};

/**
 * Issues an offer; an open one before it is replaced. Refuses, with `code` naming the field: a role without a next step, not for them or
 * under the person whom their complaint concerns, a day that is no day or has passed, less than two weeks to think, one-off money in place of pay, and a second offer after an acceptance.
 */
export async function issueOffer(
  tx: Tx,
  { personId, roleId, startOn, payBand, serviceFrom, answerBy, by }: NewOffer,
  site: Site,
  now: Date,
): Promise<{ offer: RoleOffer } | Refusal> {
  const today = dayOf(now, site.time_zone);
  const [history, role, before] = await Promise.all([
    historyOf(tx, personId),
    publishedRole(tx, roleId),
    newestOffer(tx, personId),
  ]);
  if (history?.person.kind !== 'employee') return refuse('person', 'This is for people who worked here.');
  if (history.neverContact) return refuse('person', 'The record says that nobody may write to this person.');
  if (history.person.declinedAt !== null) return refuse('person', 'They said “No thanks”.');
  if (!role) return refuse('role', 'Choose a published role.');
  if (!role.data.next_step) {
    return refuse('role', `The next step after ${role.data.title} is not decided, so the role can’t be offered yet.`);
  }
  if (role.data.filled_on !== undefined && role.data.filled_on <= today) {
    return refuse('role', `${role.data.title} went on ${longDay(role.data.filled_on)}.`);
  }
  const told = await tx.select().from(complaints).where(eq(complaints.personId, personId));
  if (told.some(({ concerns }) => isConcerned(concerns, { id: '', name: role.data.manager.name }))) {
    return refuse(
      'role',
      'Nobody is offered a role under the person whom their complaint concerns. That stays with you.',
    );
  }
  if (before && offerState(before, today) === 'accepted') {
    return refuse('person', 'They have accepted an offer. Another one would have to begin with taking that back.');
  }
  if (!isDay(startOn) || startOn <= today) return refuse('startOn', 'The first day is a day to come.');
  if (serviceFrom !== null && (!isDay(serviceFrom) || serviceFrom > today)) {
    return refuse('serviceFrom', 'Service counts from a day that has been, or from the new start.');
  }
  if (payBand.trim().length < 8) return refuse('payBand', 'Write the pay as it stands in the terms.');
  if (/\b(bonus|one-off|signing|golden|lump)\b/i.test(payBand)) {
    return refuse(
      'payBand',
      'An offer names regular pay. Money paid once is no reason to come back, and no field is for it.',
    );
  }
  if (!isDay(answerBy) || answerBy < addDays(today, THINKING_DAYS)) {
    const soonest = longDay(addDays(today, THINKING_DAYS));
    return refuse('answerBy', `They have at least ${THINKING_DAYS} days to think: until ${soonest} or later.`);
  }
  if (answerBy >= startOn) return refuse('answerBy', 'The first day must come after the last day to answer.');

  const terms = termsText({ role, startOn, payBand: payBand.trim(), serviceFrom, answerBy }, site);
  const [newest] = before ? [before.version] : [0];
  await tx
    .update(roleOffers)
    .set({ replacedAt: now.getTime() })
    .where(and(eq(roleOffers.personId, personId), isNull(roleOffers.replacedAt)));
  const [offer] = await tx
    .insert(roleOffers)
    .values({
      id: newId(),
      personId,
      version: newest! + 1,
      roleId,
      roleHash: role.hash,
      startOn,
      payBand: payBand.trim(),
      serviceFrom,
      terms,
      termsHash: hashOf(terms),
      answerBy,
      issuedBy: by,
      issuedAt: now.getTime(),
    })
    .returning();
  return { offer: offer! };
}

/** The whole text, in Markdown: what they accept, and what its fingerprint is taken of. */
function termsText(
  {
    role: { data, body },
    startOn,
    payBand,
    serviceFrom,
    answerBy,
  }: Pick<NewOffer, 'startOn' | 'payBand' | 'serviceFrom' | 'answerBy'> & { role: PublishedRole },
  site: Site,
): string {
  const step = data.next_step!;
  const decides = nameOf(step.decides, site);
  const lines = [
    `- Role: ${data.title}, ${data.team}, at ${site.organisation}`,
    `- Pay: ${payBand}`,
    `- First day: ${longDay(startOn)}`,
    `- Manager: ${data.manager.name}`,
    `- Service counts from: ${longDay(serviceFrom ?? startOn)}`,
    `- Next step: ${step.title}. ${decides} decides by ${longDay(addDays(startOn, step.review_after_days))}`,
    `- Open until: ${longDay(answerBy)}`,
  ];
  return `${lines.join('\n')}\n\n${body.trim()}\n`;
}

/** SHA-256 in hex of the text, as UTF-8. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** Records an acceptance: once, of exactly the text that was on the screen. The second press finds the first. */
export async function acceptOffer(
  tx: Tx,
  { personId, offerId, name, hash }: { personId: string; offerId: string; name: string; hash: string },
  onAccepted: (tx: Tx, offer: RoleOffer, now: Date) => Promise<void>,
  today: Day,
  now: Date,
): Promise<{ offer: RoleOffer } | Refusal> {
  const typed = name.trim().replace(/\s+/g, ' ');
  if (typed.length < 2) return refuse('name', 'Type your name, as you sign with it.');
  const [accepted] = await tx
    .update(roleOffers)
    .set({ acceptedAt: now.getTime(), acceptedName: typed.slice(0, 120), acceptedHash: hash })
    .where(
      and(
        eq(roleOffers.id, offerId),
        eq(roleOffers.personId, personId),
        eq(roleOffers.termsHash, hash),
        gte(roleOffers.answerBy, today),
        ...[roleOffers.acceptedAt, roleOffers.declinedAt, roleOffers.withdrawnAt, roleOffers.replacedAt].map(isNull),
      ),
    )
    .returning();
  if (!accepted) {
    const newest = await newestOffer(tx, personId);
    if (newest?.id === offerId && offerState(newest, today) === 'accepted') return { offer: newest };
    return refuse(
      'not-open',
      'This offer is no longer the one that stands. Read what stands now, and decide about that.',
    );
  }
  await onAccepted(tx, accepted, now);
  return { offer: accepted };
}

/** They take their acceptance back. Refuses after their first day; a second press changes nothing. */
export async function takeBack(
  tx: Tx,
  personId: string,
  onTakenBack: (tx: Tx, offer: RoleOffer, now: Date) => Promise<void>,
  today: Day,
  now: Date,
): Promise<{ offer: RoleOffer } | Refusal> {
  const offer = await newestOffer(tx, personId);
  if (offer && offerState(offer, today) === 'taken back') return { offer };
  if (!offer || !canTakeBack(offer, today)) return refuse('not-open', 'There is no acceptance to take back.');
  const [taken] = await tx
    .update(roleOffers)
    .set({ withdrawnAt: now.getTime(), withdrawnBy: 'person' })
    .where(and(eq(roleOffers.id, offer.id), isNull(roleOffers.withdrawnAt)))
    .returning();
  if (taken) await onTakenBack(tx, taken, now);
  return { offer: taken ?? offer };
}

/** We take an offer back before it was accepted; afterwards only the person can. */
export async function withdrawOffer(tx: Tx, offerId: string, by: string, now: Date): Promise<RoleOffer | Refusal> {
  const [offer] = await tx
    .update(roleOffers)
    .set({ withdrawnAt: now.getTime(), withdrawnBy: by })
    .where(
      and(
        eq(roleOffers.id, offerId),
        ...[roleOffers.acceptedAt, roleOffers.declinedAt, roleOffers.withdrawnAt, roleOffers.replacedAt].map(isNull),
      ),
    )
    .returning();
  return offer ?? refuse('not-open', 'This offer was accepted, declined or replaced. It can’t be taken back here.');
}

/** “No thanks”, to the offer and to every other: nobody invites them again. */
export async function declineOffer(
  tx: Tx,
  personId: string,
  onDeclined: (tx: Tx, offer: RoleOffer, now: Date) => Promise<void>,
  now: Date,
): Promise<void> {
  const [declined] = await tx
    .update(roleOffers)
    .set({ declinedAt: now.getTime() })
    .where(
      and(
        eq(roleOffers.personId, personId),
        ...[roleOffers.acceptedAt, roleOffers.declinedAt, roleOffers.withdrawnAt, roleOffers.replacedAt].map(isNull),
      ),
    )
    .returning();
  await tx.update(persons).set({ declinedAt: now.getTime() }).where(eq(persons.id, personId));
  if (declined) await onDeclined(tx, declined, now);
}

/** “I would like to talk about it.” Answers whether it is the first time. */
export async function askToTalk(tx: Tx, personId: string, roleId: string, now: Date): Promise<boolean> {
  const asked = await tx
    .insert(talks)
    .values({ id: newId(), personId, roleId, askedAt: now.getTime() })
    .onConflictDoNothing()
    .returning({ id: talks.id });
  return asked.length > 0;
}
