import { and, desc, eq, inArray, isNotNull } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { complaints, departures, persons } from '../../db/schema/people.ts';
import type { Day } from '../shared/dates.ts';

/** Someone's words that may stand on a public page today. */
export type Voice = {
  ref: string;
  words: string;
  saidOn: Day | null;
  channel: string | null;
  kind: 'customer' | 'employee';
  joinedOn: Day | null;
};

/**
 * The words behind these complaints, in this order, of those who may be quoted: consent stands, nothing was said in confidence, and
 * nobody else is named. Asked each time a page is shown, so that withdrawn words are gone from it at once.
 */
export async function voicesOf(reader: Reader, refs: readonly string[]): Promise<Voice[]> {
  if (refs.length === 0) return [];
  const quotable = and(
    inArray(complaints.ref, [...refs]),
    eq(complaints.publicConsent, true),
    eq(complaints.confidentiality, 'open'),
    eq(complaints.namesOthers, false),
    isNotNull(complaints.words),
  );
  const rows = await reader
    .select({ complaint: complaints, kind: persons.kind, joinedOn: departures.joinedOn })
    .from(complaints)
    .innerJoin(persons, eq(persons.id, complaints.personId))
    .leftJoin(departures, eq(departures.personId, complaints.personId))
    .where(quotable)
    .orderBy(desc(departures.leftOn));
  return refs.flatMap((ref) => {
    const row = rows.find(({ complaint }) => complaint.ref === ref);
    if (!row) return [];
    const { words, saidOn, channel } = row.complaint;
    return [{ ref, words: words!, saidOn, channel, kind: row.kind, joinedOn: row.joinedOn }];
  });
}
