import { eq, isNotNull } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { corrections, persons, waits } from '../../db/schema/people.ts';
import { newId } from '../shared/ids.ts';

/* The small presses on a personal page: each only writes down what the person said. */

/** “Tell me when it is fixed.” Asking twice is asking once; after it came back, asking again is a new wish. */
export async function askToBeTold(tx: Tx, personId: string, issueId: string, now: Date): Promise<void> {
  const wish = { id: newId(), askedAt: now.getTime(), toldAt: null };
  await tx
    .insert(waits)
    .values({ ...wish, personId, issueId })
    .onConflictDoUpdate({ target: [waits.personId, waits.issueId], set: wish, setWhere: isNotNull(waits.toldAt) });
}

export type Correction = typeof corrections.$inferSelect;

/** “Is this why you left?” A “not quite” pauses the invitation until somebody here has read it. Their latest word stands. */
export async function sayWhy(
  tx: Tx,
  said: { personId: string; complaintId: string; right: boolean; words: string | null },
  now: Date,
): Promise<Correction> {
  const words = said.words?.trim().slice(0, 2000) || null;
  await tx.delete(corrections).where(eq(corrections.complaintId, said.complaintId));
  const row = { id: newId(), ...said, words, saidAt: now.getTime(), reviewedAt: null, reviewedBy: null };
  await tx.insert(corrections).values(row);
  return row;
}

/** “No thanks.” Nobody invites them again. Their page stays theirs, and they may still come back by it. */
export async function decline(tx: Tx, personId: string, now: Date): Promise<void> {
  await tx.update(persons).set({ declinedAt: now.getTime() }).where(eq(persons.id, personId));
}
