import { and, eq, isNull } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { holds, windowOverrides } from '../../db/schema/invitations.ts';
import { newId } from '../shared/ids.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';

export type Hold = typeof holds.$inferSelect;

/** From now on nobody is invited over this issue. A “no” holds it once, however often it is said. */
export async function holdInvitations(
  tx: Tx,
  hold: { issueId: string; because: string; reopeningId?: string; by?: string },
  now: Date,
): Promise<void> {
  await tx
    .insert(holds)
    .values({
      id: newId(),
      issueId: hold.issueId,
      because: hold.because,
      reopeningId: hold.reopeningId ?? null,
      by: hold.by ?? null,
      at: now.getTime(),
    })
    .onConflictDoNothing();
}

/** The person says that it is settled: what their “no” held is free again. */
export async function releaseSettled(tx: Tx, reopeningId: string, now: Date): Promise<void> {
  await tx
    .update(holds)
    .set({ releasedAt: now.getTime() })
    .where(and(eq(holds.reopeningId, reopeningId), isNull(holds.releasedAt)));
}

/** Somebody here lifts a hold, with the reason. Refuses without one, and a hold that stands no more. */
export async function releaseHold(
  tx: Tx,
  { holdId, by, because }: { holdId: string; by: string; because: string },
  now: Date,
): Promise<{ hold: Hold } | Refusal> {
  if (because.trim().length < 8) return refuse('no-reason', 'Say in a sentence why people may be invited again.');
  const [hold] = await tx
    .update(holds)
    .set({ releasedAt: now.getTime(), releasedBy: by, releasedBecause: because.trim() })
    .where(and(eq(holds.id, holdId), isNull(holds.releasedAt)))
    .returning();
  return hold ? { hold } : refuse('not-held', 'This hold stands no more.');
}

/** Every hold that stands. */
export async function standingHolds(reader: Reader): Promise<Hold[]> {
  return reader.select().from(holds).where(isNull(holds.releasedAt));
}

/**
 * An approver lets one person be invited although they left too long ago: the only refusal that anyone may override. Whether
 * `by` is an approver is for the caller to know. Refuses without a reason.
 */
export async function overrideWindow(
  tx: Tx,
  { personId, by, reason }: { personId: string; by: string; reason: string },
  now: Date,
): Promise<true | Refusal> {
  if (reason.trim().length < 8) return refuse('no-reason', 'Say in a sentence why this person may still be invited.');
  const row = { personId, by, reason: reason.trim(), at: now.getTime() };
  await tx.insert(windowOverrides).values(row).onConflictDoUpdate({ target: windowOverrides.personId, set: row });
  return true;
}
