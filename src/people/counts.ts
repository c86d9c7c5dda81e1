import { isNotNull, max, sql } from 'drizzle-orm';
import type { Db, Reader } from '../../db/client.ts';
import { complaints, imports, peopleCounts, persons } from '../../db/schema/people.ts';
import { dayOf } from '../shared/dates.ts';

/*
 * How many people told us of what. They are counted once a day, by the jobs process: over a million people that takes seconds, which no
 * page may wait for; and a count that follows each single person would tell on them.
 */

/** How many different people told us of an issue. */
export type PeopleOfIssue = { customers: number; employees: number };

/** Stands for “anything at all” where people are counted by issue. */
export const ANYTHING = '*';

/** Everyone counted anew, each once an issue, whatever may be shown of their words. Who was erased since still counts, as a number. */
export async function countPeople(db: Db, now: Date): Promise<void> {
  const { issueId, personId } = complaints;
  // In one statement, so that everybody is counted once, among those who are here or among the erased: one may be erased meanwhile.
  const counted = await db.read.all<[string, 'customer' | 'employee', number]>(sql`
    select issue, kind, sum(people) from (
      select ${issueId} as issue, ${persons.kind} as kind, count(distinct ${personId}) as people
      from ${complaints} join ${persons} on ${persons.id} = ${personId} where ${issueId} is not null group by 1, 2
      union all
      select ${ANYTHING}, ${persons.kind}, count(distinct ${personId})
      from ${complaints} join ${persons} on ${persons.id} = ${personId} group by ${persons.kind}
      union all
      select ${peopleCounts.issueId}, ${peopleCounts.kind}, ${peopleCounts.erased} from ${peopleCounts}
    ) group by issue, kind`);
  const countedAt = now.getTime();
  await db.write(async (tx) => {
    // So that a day on which nobody told us anything is a day on which we counted.
    await tx.insert(peopleCounts).values({ issueId: ANYTHING, kind: 'customer', people: 0 }).onConflictDoNothing();
    await tx.update(peopleCounts).set({ countedAt });
    for (const [issueId, kind, people] of counted) {
      await tx
        .insert(peopleCounts)
        .values({ issueId, kind, people, countedAt })
        .onConflictDoUpdate({ target: [peopleCounts.issueId, peopleCounts.kind], set: { people, countedAt } });
    }
  });
}

/** When people were last counted; null: never yet. */
export async function countedAt(reader: Reader): Promise<Date | null> {
  const [row] = await reader.select({ at: max(peopleCounts.countedAt) }).from(peopleCounts);
  return row?.at ? new Date(row.at) : null;
}

/** Counts when nobody has today, or when people have come in by an import since. Answers whether it did. */
export async function countDaily(db: Db, now: Date, timeZone: string): Promise<boolean> {
  const last = await countedAt(db.read);
  const today = last !== null && dayOf(last, timeZone) === dayOf(now, timeZone);
  const [came] = await db.read.select({ at: max(imports.finishedAt) }).from(imports);
  if (today && (came?.at ?? 0) <= last.getTime()) return false;
  await countPeople(db, now);
  return true;
}

/** As last counted, by issue. */
export async function peoplePerIssue(reader: Reader): Promise<Map<string, PeopleOfIssue>> {
  const counts = await allCounts(reader);
  counts.delete(ANYTHING);
  return counts;
}

/** As last counted: everyone who told us anything, each once. */
export async function peopleWhoTold(reader: Reader): Promise<PeopleOfIssue> {
  return (await allCounts(reader)).get(ANYTHING) ?? { customers: 0, employees: 0 };
}

async function allCounts(reader: Reader): Promise<Map<string, PeopleOfIssue>> {
  // What an erasure began before the first count is no count yet.
  const rows = await reader.select().from(peopleCounts).where(isNotNull(peopleCounts.countedAt));
  const counts = new Map<string, PeopleOfIssue>();
  for (const { issueId, kind, people } of rows) {
    const count = counts.get(issueId) ?? { customers: 0, employees: 0 };
    counts.set(issueId, { ...count, [kind === 'customer' ? 'customers' : 'employees']: people });
  }
  return counts;
}

/** The count that may be public: rounded down to tens from the floor on, null below it ("fewer than 10 people"). */
export function publicCount(count: number, floor: number): number | null {
  return count < floor ? null : Math.floor(count / 10) * 10;
}
