import type { Db } from '../../db/client.ts';
import type { Gap } from '../people/diagnosis.ts';
import { linkComplaints, type Reach, setAside } from '../people/triage.ts';
import { dayOf } from '../shared/dates.ts';
import { isRefusal, type Refusal } from '../shared/refusal.ts';
import { record } from './audit.ts';
import { openDraft } from './drafts.ts';
import { prefilled } from './prefill.ts';

/* What somebody at the desk decides about complaints without an issue, with its line in the record. */

export type Pick = { ref: string; issueId: string; gap: Gap | null };

/** Links what was picked, an issue at a time. Answers how many were linked; those that somebody else linked meanwhile are not. */
export async function confirmPicks(
  db: Db,
  by: string,
  picks: readonly Pick[],
  reach: Reach,
  now: Date,
): Promise<number | Refusal> {
  return db.write(async (tx) => {
    let linked = 0;
    for (const its of Map.groupBy(picks, ({ issueId, gap }) => `${issueId} ${gap}`).values()) {
      const { issueId, gap } = its[0]!;
      const done = await linkComplaints(tx, { refs: its.map(({ ref }) => ref), issueId, gap }, reach);
      if (isRefusal(done)) return done;
      if (done > 0) {
        const detail = { complaints: done };
        await record(tx, { by, action: 'linked complaints to', subject: `issues:${issueId}`, detail }, now);
      }
      linked += done;
    }
    return linked;
  });
}

/** About none of the issues there are. */
export async function setPicksAside(
  db: Db,
  by: string,
  refs: readonly string[],
  reach: Reach,
  now: Date,
): Promise<number> {
  return db.write(async (tx) => {
    const done = await setAside(tx, refs, reach, now);
    if (done > 0) {
      await record(tx, { by, action: 'set aside', subject: 'complaints:triage', detail: { complaints: done } }, now);
    }
    return done;
  });
}

/** Links a group to a new issue and begins its draft, with what they told us in it already. The refusal says why the name won't do. */
export async function openIssueFrom(
  db: Db,
  by: string,
  { refs, documentId }: { refs: readonly string[]; documentId: string },
  reach: Reach,
  now: Date,
): Promise<{ linked: number } | Refusal> {
  return db.write(async (tx) => {
    const linked = await linkComplaints(tx, { refs, issueId: documentId, gap: null }, reach);
    if (isRefusal(linked)) return linked;
    const written = await prefilled(tx, { collection: 'issues', documentId }, dayOf(now));
    const draft = await openDraft(tx, { collection: 'issues', documentId, by, prefilled: written }, now);
    if (isRefusal(draft)) throw new Error(draft.sentence);
    await record(
      tx,
      {
        by,
        action: 'linked complaints to',
        subject: `issues:${documentId}`,
        detail: { complaints: linked, new: true },
      },
      now,
    );
    return { linked };
  });
}
