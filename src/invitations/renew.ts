import type { Tx } from '../../db/client.ts';
import { publishedSite } from '../proofs/published.ts';
import { askForCode } from '../sessions/codes.ts';
import { dayOf } from '../shared/dates.ts';
import { isRefusal, type Refusal } from '../shared/refusal.ts';
import { writeLetter } from './letters.ts';
import { type Person, personOfDeadLink } from './links.ts';

/**
 * Sends a new link to whoever a dead one was first sent to, at most once a day. Their older links stop working when the
 * letter leaves, so that asking alone takes nothing from anyone. For a link that never was, nothing happens, and the
 * caller can't tell the two apart.
 */
export async function requestNewLink(tx: Tx, token: string, now: Date): Promise<void> {
  const person = await personOfDeadLink(tx, token);
  if (!person) return;
  const site = await publishedSite(tx);
  const cause = `new-link:${person.id}:${dayOf(now)}`;
  const sender = Object.values(site.people)[0]?.name ?? site.organisation;
  await writeLetter(tx, { letter: 'new-link', cause, person, sender, slots: {} }, now);
}

/** Sends a code for an old link or another device. Refuses the sixth within an hour. */
export async function requestCode(tx: Tx, person: Person, now: Date): Promise<true | Refusal> {
  const asked = await askForCode(tx, { personId: person.id }, now);
  if (isRefusal(asked)) return asked;
  const site = await publishedSite(tx);
  const mint = { code: asked.codeId };
  const write = {
    letter: 'code',
    cause: `code:${asked.codeId}`,
    person,
    sender: site.organisation,
    slots: {},
    mint,
  } as const;
  await writeLetter(tx, write, now);
  return true;
}
