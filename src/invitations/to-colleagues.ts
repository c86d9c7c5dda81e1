import type { Tx } from '../../db/client.ts';
import { fill } from '../mail/delivery.ts';
import { type Mint, postLetter } from '../mail/outbox.ts';
import { publishedLetter, publishedSite } from '../proofs/published.ts';

export type ColleagueLetter = {
  /** The letter's file in content/letters, and its kind in the outbox unless `kind` says otherwise. */
  letter: string;
  kind?: string;
  cause: string;
  /** The person it is about, if one. */
  personId?: string | null;
  /** Without an address it goes to the one that answers letters. */
  to: string | undefined;
  slots: Record<string, string>;
  mint?: Mint;
};

/**
 * A letter to somebody here. It says what to do and by when, and holds nothing of the person it is about. False, and none is written,
 * where its text isn't published.
 */
export async function writeToColleague(tx: Tx, write: ColleagueLetter, now: Date): Promise<boolean> {
  const [text, { organisation, reply_to }] = await Promise.all([publishedLetter(tx, write.letter), publishedSite(tx)]);
  if (!text) return false;
  const slots = { sender: organisation, ...write.slots };
  await postLetter(
    tx,
    {
      cause: write.cause,
      kind: write.kind ?? write.letter,
      personId: write.personId ?? null,
      to: write.to ?? reply_to,
      fromName: organisation,
      subject: fill(text.data.subject, slots),
      body: fill(text.body, slots),
      ...(write.mint && { mint: write.mint }),
    },
    now,
  );
  return true;
}
