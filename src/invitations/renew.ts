import { eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { persons } from '../../db/schema/people.ts';
import { normaliseAddress, suppress, suppressionOf } from '../people/suppression.ts';
import { publishedSite } from '../proofs/published.ts';
import { askForCode, enterAddressCode } from '../sessions/codes.ts';
import { dayOf } from '../shared/dates.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
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

/** Sends a code to the address that is to be theirs from now on. Until it is typed, nothing changes. */
export async function requestAddress(tx: Tx, person: Person, address: string, now: Date): Promise<true | Refusal> {
  const wanted = address.trim();
  if (wanted.length > 200 || !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(wanted)) {
    return refuse('no-address', 'Write the whole address, for example name@example.org.');
  }
  const asked = await askForCode(tx, { personId: person.id }, now, wanted);
  if (isRefusal(asked)) return asked;
  const site = await publishedSite(tx);
  await writeLetter(
    tx,
    {
      letter: 'new-address',
      cause: `new-address:${asked.codeId}`,
      person: { ...person, email: wanted },
      sender: site.organisation,
      slots: {},
      mint: { code: asked.codeId },
    },
    now,
  );
  return true;
}

/** Takes the proven address. The old one is told; who had stopped our letters has stopped them at the new one too. */
export async function takeAddress(tx: Tx, person: Person, typed: string, now: Date): Promise<true | Refusal> {
  const proven = await enterAddressCode(tx, person.id, typed, now);
  if (isRefusal(proven)) return proven;
  const site = await publishedSite(tx);
  const stopped = person.email ? await suppressionOf(tx, person.email) : null;
  if (stopped) await suppress(tx, proven.address, stopped.reason, now);
  await writeLetter(
    tx,
    {
      letter: 'address-changed',
      cause: `address-changed:${person.id}:${now.getTime()}`,
      person,
      sender: site.organisation,
      slots: { replyTo: site.reply_to },
    },
    now,
  );
  await tx
    .update(persons)
    .set({ email: proven.address, emailNorm: normaliseAddress(proven.address) })
    .where(eq(persons.id, person.id));
  return true;
}
