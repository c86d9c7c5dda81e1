import type { Tx } from '../../db/client.ts';
import { env } from '../env.ts';
import { fill } from '../mail/delivery.ts';
import { postLetter } from '../mail/outbox.ts';
import { publishedLetter, publishedSite } from '../proofs/published.ts';
import type { Member } from './colleagues.ts';

export type StaffLetter = {
  letter:
    | 'please-confirm'
    | 'please-approve'
    | 'returned'
    | 'published'
    | 'not-published'
    | 'answered'
    | 'place-changed';
  /** What it is for, once: the address of whoever gets it is added. */
  cause: string;
  to: readonly Member[];
  /** A page of the desk. */
  path: string;
  /** Never a person's words, name or address: what is said about anyone stays on the desk. */
  slots: Record<string, string>;
};

/** Tells colleagues that it is their turn, or what became of it. A desk without that letter shows it all the same. */
export async function writeToStaff(tx: Tx, { letter, cause, to, path, slots }: StaffLetter, now: Date): Promise<void> {
  const text = await publishedLetter(tx, letter);
  if (!text) return;
  const { organisation } = await publishedSite(tx);
  for (const { id, name, address, leftAt } of to) {
    if (leftAt !== null) continue;
    const filled = { ...slots, firstName: name.split(' ')[0]!, page: new URL(path, env.AMENDS_URL).href };
    await postLetter(
      tx,
      {
        cause: `${letter}:${cause}:${id}`,
        kind: letter,
        personId: null,
        to: address,
        fromName: organisation,
        subject: fill(text.data.subject, filled),
        body: fill(text.body, filled),
      },
      now,
    );
  }
}
