import { eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { corrections, persons, waits } from '../../db/schema/people.ts';
import { newId } from '../shared/ids.ts';

/* The small presses on a personal page: each only writes down what the person said. */

/** “Tell me when it is fixed.” Asking twice is asking once; one letter will come, when it is. */
export async function askToBeTold(tx: Tx, personId: string, issueId: string, now: Date): Promise<void> {
  await tx.insert(waits).values({ id: newId(), personId, issueId, askedAt: now.getTime() }).onConflictDoNothing();
}

/** “Is this why you left?” A “not quite” pauses the invitation until somebody here has read it. */
export async function sayWhy(
  tx: Tx,
  said: { personId: string; complaintId: string; right: boolean; words: string | null },
  now: Date,
): Promise<void> {
  const words = said.words?.trim().slice(0, 2000) || null;
  await tx.delete(corrections).where(eq(corrections.complaintId, said.complaintId));
  await tx.insert(corrections).values({ id: newId(), ...said, words, saidAt: now.getTime() });
}

/** “No thanks.” Nobody invites them again. Their page stays theirs, and they may still come back by it. */
export async function decline(tx: Tx, personId: string, now: Date): Promise<void> {
  await tx.update(persons).set({ declinedAt: now.getTime() }).where(eq(persons.id, personId));
}
