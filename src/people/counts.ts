import { countDistinct, eq, isNotNull } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { complaints, erasedPeople, persons } from '../../db/schema/people.ts';

/** How many different people told us of an issue. */
export type PeopleOfIssue = { customers: number; employees: number };

/**
 * For every issue that anyone complained of: its people, each counted once, whatever may be shown of their words. Who was
 * erased since still counts, as a number.
 */
export async function peoplePerIssue(reader: Reader): Promise<Map<string, PeopleOfIssue>> {
  const rows = await reader
    .select({ issueId: complaints.issueId, kind: persons.kind, people: countDistinct(complaints.personId) })
    .from(complaints)
    .innerJoin(persons, eq(persons.id, complaints.personId))
    .where(isNotNull(complaints.issueId))
    .groupBy(complaints.issueId, persons.kind);
  const counts = new Map<string, PeopleOfIssue>();
  for (const { issueId, kind, people } of [...rows, ...(await reader.select().from(erasedPeople))]) {
    const count = counts.get(issueId!) ?? { customers: 0, employees: 0 };
    if (kind === 'customer') count.customers += people;
    else count.employees += people;
    counts.set(issueId!, count);
  }
  counts.delete(ANYTHING);
  return counts;
}

/** Stands for “anything at all” where people are counted by issue. */
export const ANYTHING = '*';

/** The count that may be public: rounded down to tens from the floor on, null below it ("fewer than 10 people"). */
export function publicCount(count: number, floor: number): number | null {
  return count < floor ? null : Math.floor(count / 10) * 10;
}
