import type { Tx } from '../../db/client.ts';
import { fill } from '../mail/delivery.ts';
import { type Letter, type Mint, postLetter } from '../mail/outbox.ts';
import { isSuppressed } from '../people/suppression.ts';
import { mintConfirmerLink } from '../proofs/confirmers.ts';
import { publishedLetter, publishedSite } from '../proofs/published.ts';
import { mintCodeFor } from '../sessions/codes.ts';
import { mintLink, type Person, revokeLinks, revokePageLinks } from './links.ts';

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
    | 'something-new'
    | 'role-offer'
    | 'role-accepted'
    | 'role-withdrawn'
    | 'checkin-work'
    | 'new-address'
    | 'address-changed'
    | 'owner-answer'
    | 'left-again'
    | 'kept'
    | 'cancelled'
    | 'paid-twice';
  cause: string;
  person: Person;
  sender: string;
  slots: Record<string, string>;
  mint?: Mint;
};

/** These say what the person told us. Somebody who worked here reads that on their page only, behind a code. */
const NAMES_A_COMPLAINT: readonly LetterToWrite['letter'][] = ['checkin', 'fixed', 'came-back', 'owner-answer'];

/**
 * Puts a letter to a person into the outbox: our published text, their slots. Without an address there is none. To somebody who
 * worked here, one that would name a complaint only says that there is something new on their page.
 */
export async function writeLetter(tx: Tx, asked: LetterToWrite, now: Date): Promise<void> {
  const { person } = asked;
  if (!person.email) return;
  const discreet = person.kind === 'employee' && NAMES_A_COMPLAINT.includes(asked.letter);
  const { organisation: us } = await publishedSite(tx);
  const write: LetterToWrite = discreet
    ? { letter: 'something-new', cause: asked.cause, person, sender: us, slots: {} }
    : asked;
  const [text, site] = await Promise.all([publishedLetter(tx, write.letter), publishedSite(tx)]);
  if (!text) throw new Error(`The letter “${write.letter}” is not published.`);
  const { organisation } = site;
  const slots = { firstName: write.person.firstName ?? 'there', sender: write.sender, organisation, ...write.slots };
  await postLetter(
    tx,
    {
      cause: write.cause,
      kind: write.letter,
      personId: write.person.id,
      to: person.email,
      fromName: write.sender,
      subject: fill(text.data.subject, slots),
      body: fill(text.body, slots),
      mint: { link: 'page', stopLink: 'stop', ...write.mint },
    },
    now,
  );
}

/** Asked for by the person, or proof of what they paid: these are sent even to those who stopped everything else. */
const ALWAYS_SENT = [
  'code',
  'new-link',
  'new-address',
  'address-changed',
  'back',
  'kept',
  'cancelled',
  'undone',
  'paid-twice',
  'role-offer',
  'role-accepted',
  'role-withdrawn',
];

/** To people who work here, about their work. */
const TO_STAFF = [
  'staff-code',
  'owner-alert',
  'owner-late',
  'owner-correction',
  'owner-promise',
  'please-confirm',
  'please-approve',
  'returned',
  'published',
  'not-published',
  'answered',
  'task',
  'wants-to-talk',
  'offer-answered',
  'place-changed',
  'your-place',
];

export async function heldBecause(tx: Tx, letter: Letter): Promise<string | null> {
  if (ALWAYS_SENT.includes(letter.kind) || TO_STAFF.includes(letter.kind)) return null;
  return (await isSuppressed(tx, letter.toAddress)) ? 'suppressed' : null;
}

/** Mints a secret that a folder further on keeps; answers the path that it opens. */
export type Minter = (tx: Tx, id: string) => Promise<string>;

/** Mints the secrets of one letter as it leaves: `page`, `page:back`, `stop`, `checkin:<id>`, `confirm:<id>` become links, a code's id its code. */
export function mintFor(baseUrl: string, more: { [prefix: string]: Minter } = {}) {
  return async (tx: Tx, letter: Letter, now: Date): Promise<Record<string, string>> => {
    await revokeLinks(tx, { letterId: letter.id }, now);
    const { personId } = letter;
    if (letter.kind === 'new-link' && personId) await revokePageLinks(tx, personId, now);
    const { invite } = await publishedSite(tx);
    const minted: Record<string, string> = {};
    for (const [name, what] of Object.entries(letter.mint)) {
      if (name === 'code') {
        minted[name] = await mintCodeFor(tx, what, now);
        continue;
      }
      if (what.startsWith('confirm:')) {
        const token = await mintConfirmerLink(tx, what.slice('confirm:'.length), now);
        minted[name] = new URL(`/confirm/${token}`, baseUrl).href;
        continue;
      }
      const [prefix = '', id = ''] = what.split(/:(.*)/s);
      const minter = more[prefix];
      if (minter) {
        minted[name] = new URL(await minter(tx, id), baseUrl).href;
        continue;
      }
      if (!personId) throw new Error(`A letter to no person can’t carry a personal link: ${letter.kind}.`);
      const [purpose, detail = ''] = what.split(':') as ['page' | 'stop' | 'checkin', string?];
      const checkinId = purpose === 'checkin' ? detail : undefined;
      const batch = letter.batchId ? { batchId: letter.batchId } : {};
      const link = { personId, purpose, letterId: letter.id, ...batch, days: invite.link_days };
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
