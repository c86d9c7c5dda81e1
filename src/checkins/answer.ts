import { and, eq, isNotNull, isNull } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { checkins } from '../../db/schema/checkins.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import { reopen, settle } from './reopen.ts';
import type { Checkin } from './schedule.ts';

export type Answer = 'yes' | 'no' | 'not_sure';

/** Records the person's own answer; the first stands. A “no” reopens the matter for them, with an owner and a date. */
export async function answerCheckin(
  tx: Tx,
  checkinId: string,
  answer: Answer,
  onAnswered: (tx: Tx, checkin: Checkin, now: Date) => Promise<void>,
  now: Date,
): Promise<{ checkin: Checkin } | Refusal> {
  const [answered] = await tx
    .update(checkins)
    .set({ answer, answeredAt: now.getTime() })
    .where(
      and(
        eq(checkins.id, checkinId),
        isNotNull(checkins.askedAt),
        isNull(checkins.answeredAt),
        isNull(checkins.cancelledAt),
      ),
    )
    .returning();
  if (!answered) {
    const [standing] = await tx.select().from(checkins).where(eq(checkins.id, checkinId));
    return standing?.answeredAt ? { checkin: standing } : refuse('not-asked', 'This question is not open.');
  }
  if (answer === 'no') await reopen(tx, answered, now);
  if (answer === 'yes') await settle(tx, answered, now);
  await onAnswered(tx, answered, now);
  return { checkin: answered };
}

/** The optional sentence after an answer. Kept with it, and replaced by a newer one. */
export async function addWords(tx: Tx, checkinId: string, words: string): Promise<void> {
  await tx
    .update(checkins)
    .set({ words: words.trim().slice(0, 2000) })
    .where(and(eq(checkins.id, checkinId), isNotNull(checkins.answeredAt)));
}
