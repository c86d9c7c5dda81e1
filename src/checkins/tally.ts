import { desc, eq, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { answerBatches } from '../../db/schema/checkins.ts';

/** People who came back and were asked about an issue, each counted once by their latest answer; the rest did not answer. Those erased since are counted too; those who work here again as far as a batch has made them public. */
export type Tally = { asked: number; yes: number; no: number; notSure: number };

export async function tallyOf(reader: Reader, issueId: string): Promise<Tally> {
  // SQLite takes a bare column from the row that max() found: here, each person's latest answer.
  const rows = await reader.all<[string | null, number]>(sql`
    select answer, count(*) from (
      select answer, max(coalesce(answered_at, 0)) from checkins
      where issue_id = ${issueId} and asked_at is not null and rejoin_id is not null group by person_id
      union all select answer, 0 from erased_answers where issue_id = ${issueId} and kind = 'customer'
    ) group by answer`);
  const [batch] = await reader
    .select()
    .from(answerBatches)
    .where(eq(answerBatches.issueId, issueId))
    .orderBy(desc(answerBatches.closedOn))
    .limit(1);
  const of = (answer: string) => rows.find(([each]) => each === answer)?.[1] ?? 0;
  const asked = rows.reduce((sum, [, people]) => sum + people, 0);
  return {
    asked: asked + (batch?.asked ?? 0),
    yes: of('yes') + (batch?.yes ?? 0),
    no: of('no') + (batch?.no ?? 0),
    notSure: of('not_sure') + (batch?.notSure ?? 0),
  };
}
