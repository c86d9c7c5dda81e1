import { and, desc, eq, inArray, isNotNull } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { complaints, departures, persons } from '../../db/schema/people.ts';
import { confirmationOf } from '../proofs/confirmers.ts';
import type { Proof } from '../proofs/documents.ts';
import type { Day } from '../shared/dates.ts';
import { isWithdrawn } from './suppression.ts';

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
 * Who confirmed a proof, as pages say it today: by the answer that they gave, or as an older document has it. Null when they took
 * their name back or were erased.
 */
export async function confirmerShown(
  reader: Reader,
  proofId: string,
  { name, how, answer }: NonNullable<Proof['confirmer']>,
): Promise<{ name: string; how: string } | null> {
  if (answer === undefined) {
    return (await isWithdrawn(reader, proofId, name)) ? null : { name: name ?? '', how: how ?? '' };
  }
  const said = await confirmationOf(reader, proofId, answer);
  return said?.confirmed && said.shownAs && said.how ? { name: said.shownAs, how: said.how } : null;
}

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
