import { eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { persons } from '../../db/schema/people.ts';
import { env } from '../env.ts';
import { writeLetter } from '../invitations/letters.ts';
import { writeToColleague } from '../invitations/to-colleagues.ts';
import type { Site } from '../proofs/documents.ts';
import { publishedItems, publishedRole, publishedSite } from '../proofs/published.ts';
import { dayOf, longDay } from '../shared/dates.ts';
import { type RoleOffer, talksAbout } from './offer.ts';
import type { Step } from './steps.ts';

/* Letters about a role: to the person, to HR, and to colleagues whom a first week waits for. */

/** Whoever talks with people about the role writes. What they told us is in none of these. */
export async function writeAboutOffer(
  tx: Tx,
  offer: RoleOffer,
  letter: 'role-offer' | 'role-accepted' | 'role-withdrawn',
  now: Date,
): Promise<void> {
  const [site, role] = await Promise.all([publishedSite(tx), publishedRole(tx, offer.roleId)]);
  const [person] = await tx.select().from(persons).where(eq(persons.id, offer.personId));
  const sender = site.people[role?.data.talk_to ?? '']?.name ?? site.organisation;
  const slots = {
    'role-offer': () => ({ answerBy: longDay(offer.answerBy) }),
    'role-accepted': () => ({
      terms: offer.terms,
      hash: offer.termsHash,
      name: offer.acceptedName ?? '',
      acceptedOn: longDay(dayOf(offer.acceptedAt ?? now, site.time_zone)),
    }),
    'role-withdrawn': () => ({}),
  }[letter]();
  await writeLetter(tx, { letter, cause: `${letter}:${offer.id}`, person: person!, sender, slots }, now);
}

/** HR learns that an offer was answered, and looks at the desk who it was: the letter names nobody. */
export async function tellIssuer(
  tx: Tx,
  { id, personId, issuedBy, startOn }: RoleOffer,
  answer: 'accepted' | 'declined' | 'taken back',
  now: Date,
): Promise<void> {
  const to = (await publishedSite(tx)).people[issuedBy]?.address;
  const desk = new URL(`/staff/returning/${personId}`, env.AMENDS_URL).href;
  const slots = { answer, desk, startOn: longDay(startOn) };
  const cause = `offer-answered:${id}:${answer}`;
  await writeToColleague(tx, { letter: 'offer-answered', cause, personId, to, slots }, now);
}

/** Somebody would like to talk about a role. The letter names nobody: who it is stands at the desk. */
export async function tellWhoTalks(
  tx: Tx,
  { personId, roleId }: { personId: string; roleId: string },
  now: Date,
): Promise<void> {
  const [site, role] = await Promise.all([publishedSite(tx), publishedRole(tx, roleId)]);
  if (!role) return;
  const to = (await talksAbout(tx, personId, role, site)).address;
  const cause = `wants-to-talk:${personId}:${roleId}`;
  await writeToColleague(tx, { letter: 'wants-to-talk', cause, to, slots: { role: role.data.title } }, now);
}

/** The letter with a task's own link. `again`: a reminder; its link replaces the one before. */
export async function writeTask(
  tx: Tx,
  offer: RoleOffer,
  step: Step & { owner: string },
  site: Site,
  now: Date,
  again = '',
): Promise<void> {
  const item = (await publishedItems(tx)).find(({ id }) => id === step.itemId);
  if (!item) return;
  const to = site.people[step.owner]?.address;
  const slots = { what: item.data.title, startOn: longDay(offer.startOn), dueOn: longDay(step.dueOn) };
  const write = { letter: 'task', cause: `task:${step.id}${again}`, to, slots, mint: { task: `task:${step.id}` } };
  await writeToColleague(tx, write, now);
}
