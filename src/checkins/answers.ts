import { and, eq, isNotNull } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { checkins, erasedAnswers } from '../../db/schema/checkins.ts';
import { publishedSite } from '../proofs/published.ts';
import type { NoAnswer } from '../proofs/state.ts';
import { dayOf } from '../shared/dates.ts';

/** Every “no” that a returned person has given, by issue: what an issue's state is judged by, beside its measurements. */
export async function noAnswersByIssue(reader: Reader): Promise<Map<string, NoAnswer[]>> {
  const { time_zone } = await publishedSite(reader);
  const rows = await reader
    .select({ issueId: checkins.issueId, personId: checkins.personId, answeredAt: checkins.answeredAt })
    .from(checkins)
    .where(and(eq(checkins.answer, 'no'), isNotNull(checkins.answeredAt)));
  const byIssue = new Map<string, NoAnswer[]>();
  for (const row of rows) {
    const answers = byIssue.get(row.issueId) ?? [];
    answers.push({ on: dayOf(row.answeredAt!, time_zone), personId: row.personId });
    byIssue.set(row.issueId, answers);
  }
  // Who was erased since said it all the same: nothing comes to look fixed because somebody left us for good.
  for (const { id, issueId, noOn } of await reader.select().from(erasedAnswers).where(isNotNull(erasedAnswers.noOn))) {
    byIssue.set(issueId, [...(byIssue.get(issueId) ?? []), { on: noOn!, personId: id }]);
  }
  return byIssue;
}
