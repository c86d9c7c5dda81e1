import { and, eq, inArray, isNull } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { persons, waits } from '../../db/schema/people.ts';
import { writeLetter } from '../invitations/letters.ts';
import { questionFor } from './schedule.ts';

/** “Tell me when it is fixed”: one letter, when it is; answers how many were told. `holding` names the fixed issues. */
export async function tellWaiting(db: Db, holding: string[], now: Date): Promise<number> {
  if (holding.length === 0) return 0;
  const waiting = await db.read
    .select({ wait: waits, person: persons })
    .from(waits)
    .innerJoin(persons, eq(persons.id, waits.personId))
    .where(and(isNull(waits.toldAt), inArray(waits.issueId, holding)));
  for (const { wait, person } of waiting) {
    await db.write(async (tx) => {
      const claimed = await tx
        .update(waits)
        .set({ toldAt: now.getTime() })
        .where(and(eq(waits.id, wait.id), isNull(waits.toldAt)))
        .returning({ id: waits.id });
      if (claimed.length === 0) return;
      const { owner, title } = await questionFor(tx, wait.issueId);
      const write = { letter: 'fixed', cause: `fixed:${wait.id}`, person, sender: owner.name } as const;
      await writeLetter(tx, { ...write, slots: { issueTitle: title } }, now);
    });
  }
  return waiting.length;
}
