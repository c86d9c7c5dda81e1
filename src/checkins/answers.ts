import { and, eq, isNotNull } from 'drizzle-orm';
import { kept } from '../../db/kept.ts';
import { checkins, erasedAnswers } from '../../db/schema/checkins.ts';
import { issueStates, type NoAnswers, publishedSite } from '../proofs/published.ts';
import type { NoAnswer } from '../proofs/state.ts';
import { dayOf } from '../shared/dates.ts';
import { batchesWithNo } from './batches.ts';

/**
 * Every “no” of returned people that may be known, by issue: what an issue's state is judged by, beside its measurements. Those of
 * people who work here again are in it as nobody's, on the day of their batch.
 */
export const noAnswersByIssue = kept(async (reader): Promise<NoAnswers> => {
  const { time_zone } = await publishedSite(reader);
  const rows = await reader
    .select({ issueId: checkins.issueId, personId: checkins.personId, answeredAt: checkins.answeredAt })
    .from(checkins)
    .where(and(eq(checkins.answer, 'no'), isNotNull(checkins.answeredAt), isNotNull(checkins.rejoinId)));
  const byIssue = new Map<string, NoAnswer[]>();
  for (const row of rows) {
    const answers = byIssue.get(row.issueId) ?? [];
    answers.push({ on: dayOf(row.answeredAt!, time_zone), personId: row.personId });
    byIssue.set(row.issueId, answers);
  }
  // Who was erased since said it all the same: nothing comes to look fixed because somebody left us for good.
  const gone = await reader
    .select()
    .from(erasedAnswers)
    .where(and(isNotNull(erasedAnswers.noOn), eq(erasedAnswers.kind, 'customer')));
  const nobodys = gone.map(({ id, issueId, noOn }) => ({ issueId, on: noOn!, personId: id }));
  for (const { issueId, closedOn, newNo } of await batchesWithNo(reader)) {
    for (let one = 0; one < newNo; one += 1) {
      nobodys.push({ issueId, on: closedOn, personId: `${issueId}:${closedOn}:${one}` });
    }
  }
  for (const { issueId, ...no } of nobodys) byIssue.set(issueId, [...(byIssue.get(issueId) ?? []), no]);
  return byIssue;
});

/** Every issue with its state and the proofs for it, as it stands now. */
export const issuesNow = kept(async (reader, now: Date) => issueStates(reader, await noAnswersByIssue(reader), now));
