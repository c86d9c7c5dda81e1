import { and, eq, inArray, isNull, ne, or } from 'drizzle-orm';
import type { Db, Reader } from '../../db/client.ts';
import { reopenings } from '../../db/schema/checkins.ts';
import { complaints, persons, resolutions, waits } from '../../db/schema/people.ts';
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
  let told = 0;
  for (const { wait, person } of waiting) {
    if (await stillBrokenFor(db.read, person.id, wait.issueId)) continue;
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
    told += 1;
  }
  return told;
}

/**
 * The issue holds, but not for this person: a complaint of theirs about it is not confirmed as fully resolved, or they said
 * no themselves and it isn't settled.
 */
async function stillBrokenFor(reader: Reader, personId: string, issueId: string): Promise<boolean> {
  const open = await reader
    .select({ id: complaints.id })
    .from(complaints)
    .leftJoin(resolutions, eq(resolutions.complaintId, complaints.id))
    .where(
      and(
        eq(complaints.personId, personId),
        eq(complaints.issueId, issueId),
        or(isNull(resolutions.resolved), ne(resolutions.resolved, 'fully')),
      ),
    );
  const reopened = await reader
    .select({ id: reopenings.id })
    .from(reopenings)
    .where(and(eq(reopenings.personId, personId), eq(reopenings.issueId, issueId), isNull(reopenings.settledAt)));
  return open.length + reopened.length > 0;
}
