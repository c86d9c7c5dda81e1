import { and, eq, inArray, isNull } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { persons, waits } from '../../db/schema/people.ts';
import { writeLetter } from '../invitations/letters.ts';
import type { IssueWithState } from '../proofs/published.ts';
import { questionFor } from './schedule.ts';

/** “Tell me when it is fixed”: one letter, when it is. Answers how many were told. */
export async function tellWaiting(db: Db, issues: IssueWithState[], baseUrl: string, now: Date): Promise<number> {
  const fixed = new Map(issues.filter(({ state }) => state.state === 'holding').map((one) => [one.issue.id, one]));
  if (fixed.size === 0) return 0;
  const waiting = await db.read
    .select({ wait: waits, person: persons })
    .from(waits)
    .innerJoin(persons, eq(persons.id, waits.personId))
    .where(and(isNull(waits.toldAt), inArray(waits.issueId, [...fixed.keys()])));
  for (const { wait, person } of waiting) {
    const { issue, proofs } = fixed.get(wait.issueId)!;
    const proof = proofs[0]?.proof;
    await db.write(async (tx) => {
      const claimed = await tx
        .update(waits)
        .set({ toldAt: now.getTime() })
        .where(and(eq(waits.id, wait.id), isNull(waits.toldAt)))
        .returning({ id: waits.id });
      if (claimed.length === 0) return;
      const { owner } = await questionFor(tx, wait.issueId);
      const slots = {
        issueTitle: issue.data.title,
        line: proof?.line ?? '',
        proofLink: new URL(proof ? `/proofs/${proof.id}` : `/issues/${issue.id}`, baseUrl).href,
      };
      await writeLetter(tx, { letter: 'fixed', cause: `fixed:${wait.id}`, person, sender: owner.name, slots }, now);
    });
  }
  return waiting.length;
}
