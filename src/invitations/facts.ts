import { and, eq, inArray, isNull, like } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { letters } from '../../db/schema/mail.ts';
import {
  complaints,
  corrections,
  departures,
  persons,
  resolutions,
  suppressions,
  waits,
} from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { offerForPlan } from '../offers/offer.ts';
import { latestDeparture, mainComplaint, neverContactOf } from '../people/diagnosis.ts';
import { addressHash } from '../people/suppression.ts';
import { type IssueWithState, publishedCheckins, publishedOffers } from '../proofs/published.ts';
import type { GateFacts } from './gate.ts';

export type PersonAtTheGate = { person: typeof persons.$inferSelect; facts: GateFacts };

/**
 * What the gate looks at, for some people or for everyone, in a fixed number of queries. Each answer is one person's;
 * the whole is as large as the number of people asked about.
 */
export async function gateFacts(
  reader: Reader,
  issues: IssueWithState[],
  personIds?: string[],
): Promise<PersonAtTheGate[]> {
  // biome-ignore lint/suspicious/noExplicitAny: a column of any table that names a person.
  const of = (column: any) => (personIds ? inArray(column, personIds) : undefined);
  const [people, left, told, confirmed, corrected, waiting, returned, apologies, stopped, questions, offers] =
    await Promise.all([
      reader.select().from(persons).where(of(persons.id)),
      reader.select().from(departures).where(of(departures.personId)),
      reader.select().from(complaints).where(of(complaints.personId)),
      reader
        .select({ complaintId: resolutions.complaintId, resolved: resolutions.resolved })
        .from(resolutions)
        .innerJoin(complaints, eq(complaints.id, resolutions.complaintId))
        .where(of(complaints.personId)),
      reader
        .select({ personId: corrections.personId })
        .from(corrections)
        .where(and(eq(corrections.right, false), isNull(corrections.reviewedAt), of(corrections.personId))),
      reader.select({ personId: waits.personId }).from(waits).where(of(waits.personId)),
      reader
        .select({ personId: rejoins.personId })
        .from(rejoins)
        .where(and(eq(rejoins.state, 'active'), of(rejoins.personId))),
      reader
        .select({ cause: letters.cause })
        .from(letters)
        .where(and(like(letters.cause, 'invitation:%'), of(letters.personId))),
      reader.select().from(suppressions),
      publishedCheckins(reader),
      publishedOffers(reader),
    ]);

  const departuresOf = Map.groupBy(left, (row) => row.personId);
  const complaintsOf = Map.groupBy(told, (row) => row.personId);
  const resolvedOf = new Map(confirmed.map((row) => [row.complaintId, row.resolved]));
  const correctedBy = new Set(corrected.map((row) => row.personId));
  const waitingFor = new Set(waiting.map((row) => row.personId));
  const back = new Set(returned.map((row) => row.personId));
  const apologised = new Set(apologies.map((row) => row.cause));
  const suppressedAs = new Map(stopped.map((row) => [row.addressHash.toString('hex'), row.reason]));
  const stateOf = new Map(issues.map(({ issue, state }) => [issue.id, state.state]));
  const asked = new Set(questions.map((question) => question.data.issue));

  return people.map((person) => {
    const theirs = complaintsOf.get(person.id) ?? [];
    const gone = departuresOf.get(person.id) ?? [];
    const departure = latestDeparture(gone);
    const main = mainComplaint(theirs, gone);
    const open = theirs.filter((complaint) => complaint.confidentiality === 'open');
    const facts: GateFacts = {
      person: {
        key: `${person.source}:${person.externalId}`,
        kind: person.kind,
        declinedAt: person.declinedAt,
        hasAddress: person.email !== null,
      },
      suppressed: person.email ? (suppressedAs.get(addressHash(person.email).toString('hex')) ?? null) : null,
      departure: departure
        ? { leftOn: departure.leftOn, planOrRole: departure.planOrRole, neverContact: neverContactOf(gone) }
        : null,
      returned: back.has(person.id),
      mainComplaint: main && {
        issueId: main.issueId,
        issueState: main.issueId ? (stateOf.get(main.issueId) ?? null) : null,
        resolved: resolvedOf.get(main.id) ?? null,
      },
      showable: open.filter((complaint) => complaint.words || complaint.note).length,
      confidentialOnly: theirs.length > 0 && open.length === 0,
      unreviewedCorrection: correctedBy.has(person.id),
      apologisedForMain: main?.issueId ? apologised.has(`invitation:${person.id}:${main.issueId}`) : false,
      askedToBeTold: waitingFor.has(person.id),
      offer: person.kind === 'customer' ? (offerForPlan(offers, departure?.planOrRole ?? null)?.data ?? null) : null,
      hasCheckin: main?.issueId ? asked.has(main.issueId) : false,
    };
    return { person, facts };
  });
}
