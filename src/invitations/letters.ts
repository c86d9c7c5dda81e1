import type { Tx } from '../../db/client.ts';
import { fill } from '../mail/delivery.ts';
import { type Letter, type Mint, postLetter } from '../mail/outbox.ts';
import { isSuppressed } from '../people/suppression.ts';
import { publishedLetter, publishedSite } from '../proofs/published.ts';
import { mintCodeFor } from '../sessions/codes.ts';
import { mintLink, type Person, revokeLinksOfLetter, revokePageLinks } from './links.ts';

export type LetterToWrite = {
  /** The letter's file in content/letters, and its kind in the outbox. */
  letter:
    | 'checkin'
    | 'back'
    | 'undone'
    | 'fixed'
    | 'new-link'
    | 'code'
    | 'came-back'
    | 'kept'
    | 'cancelled'
    | 'paid-twice';
  cause: string;
  person: Person;
  sender: string;
  slots: Record<string, string>;
  mint?: Mint;
};

/** Puts a letter to a person into the outbox: our published text, their slots. Without an address there is none. */
export async function writeLetter(tx: Tx, write: LetterToWrite, now: Date): Promise<void> {
  if (!write.person.email) return;
  const text = await publishedLetter(tx, write.letter);
  if (!text) throw new Error(`The letter “${write.letter}” is not published.`);
  const slots = { firstName: write.person.firstName ?? 'there', sender: write.sender, ...write.slots };
  await postLetter(
    tx,
    {
      cause: write.cause,
      kind: write.letter,
      personId: write.person.id,
      to: write.person.email,
      fromName: write.sender,
      subject: fill(text.data.subject, slots),
      body: fill(text.body, slots),
      mint: { link: 'page', stopLink: 'stop', ...write.mint },
    },
    now,
  );
}

/** Asked for by the person, or proof of what they paid: these are sent even to those who stopped everything else. */
const ALWAYS_SENT = ['code', 'new-link', 'back', 'kept', 'cancelled', 'undone', 'paid-twice', 'owner-alert'];

export async function heldBecause(tx: Tx, letter: Letter): Promise<string | null> {
  if (ALWAYS_SENT.includes(letter.kind)) return null;
  return (await isSuppressed(tx, letter.toAddress)) ? 'suppressed' : null;
}

/** Mints the secrets of one letter as it leaves: `page`, `page:back`, `stop`, `checkin:<id>` become links, a code's id its code. */
export function mintFor(baseUrl: string) {
  return async (tx: Tx, letter: Letter, now: Date): Promise<Record<string, string>> => {
    await revokeLinksOfLetter(tx, letter.id, now);
    if (letter.kind === 'new-link') await revokePageLinks(tx, letter.personId, now);
    const { invite } = await publishedSite(tx);
    const minted: Record<string, string> = {};
    for (const [name, what] of Object.entries(letter.mint)) {
      if (name === 'code') {
        minted[name] = await mintCodeFor(tx, what, now);
        continue;
      }
      const [purpose, detail = ''] = what.split(':') as ['page' | 'stop' | 'checkin', string?];
      const checkinId = purpose === 'checkin' ? detail : undefined;
      const link = { personId: letter.personId, purpose, letterId: letter.id, days: invite.link_days };
      const token = await mintLink(tx, checkinId ? { ...link, checkinId } : link, now);
      minted[name] = new URL(
        `${PATHS[purpose]}${token}${purpose === 'page' && detail ? `/${detail}` : ''}`,
        baseUrl,
      ).href;
    }
    return minted;
  };
}

const PATHS = { page: '/for/', stop: '/stop/', checkin: '/check-in/' };
