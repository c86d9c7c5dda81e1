import type { Db } from '../../db/client.ts';
import { mintFor } from '../../src/invitations/letters.ts';
import { deliverDueLetters, type Outgoing, type Transport } from '../../src/mail/delivery.ts';
import { heldAtSending } from '../../src/reactions.ts';

export const SITE_URL = 'https://amends.example';

/** Delivers what is due as the jobs process does, to whoever asks for it here. */
export async function deliver(db: Db, now: Date, transport?: Transport): Promise<Outgoing[]> {
  const letters: Outgoing[] = [];
  const keep: Transport = async (letter) => {
    letters.push(letter);
  };
  await deliverDueLetters(
    db,
    { transport: transport ?? keep, heldBecause: heldAtSending, mint: mintFor(SITE_URL) },
    now,
  );
  return letters;
}

/** The tokens of the links in a letter: `/for/…`, `/stop/…`, `/check-in/…`. */
export function tokensIn(letter: Outgoing, path = '(?:for|stop|check-in)'): string[] {
  return [...letter.text.matchAll(new RegExp(`${SITE_URL}/${path}/([A-Za-z0-9_-]{43})`, 'g'))].map(
    (match) => match[1]!,
  );
}
