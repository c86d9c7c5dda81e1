import type { Tx } from '../../db/client.ts';
import { letters } from '../../db/schema/mail.ts';
import { newId } from '../shared/ids.ts';

export type Letter = typeof letters.$inferSelect;

/** What is minted when the letter is sent, by the placeholder it fills: `{ link: 'page' }`, `{ code: '<code id>' }`. */
export type Mint = Record<string, string>;

export type NewLetter = {
  /** One cause sends one letter, however often it happens. */
  cause: string;
  kind: string;
  /** Null: to staff, or to someone asked to confirm a proof. */
  personId: string | null;
  to: string;
  fromName: string;
  subject: string;
  body: string;
  mint?: Mint;
  /** Not before then; at once, when left out. */
  notBefore?: Date;
  /** The colleague who signed it. */
  signedBy?: string;
  batchId?: string | null;
};

/** Puts a letter into the outbox, in the transaction of its cause. A second letter for the same cause is not written. */
export async function postLetter(tx: Tx, letter: NewLetter, now: Date): Promise<void> {
  await tx
    .insert(letters)
    .values({
      id: newId(),
      cause: letter.cause,
      kind: letter.kind,
      personId: letter.personId,
      toAddress: letter.to,
      fromName: letter.fromName,
      subject: letter.subject,
      body: letter.body,
      mint: letter.mint ?? {},
      createdAt: now.getTime(),
      notBefore: (letter.notBefore ?? now).getTime(),
      signedBy: letter.signedBy ?? null,
      batchId: letter.batchId ?? null,
      attempts: 0,
    })
    .onConflictDoNothing();
}
