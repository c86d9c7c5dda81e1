import { and, eq, gte, isNotNull, isNull, lt, ne, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { reopenings } from '../../db/schema/checkins.ts';
import { windowOverrides } from '../../db/schema/invitations.ts';
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
import { roleOffers } from '../../db/schema/reonboarding.ts';
import { betterFor, endedOffer, offerForPlan, roleForLeft } from '../offers/offer.ts';
import { type Gap, latestDeparture, mainComplaint, neverContactOf } from '../people/diagnosis.ts';
import { resolvedNow } from '../people/resolve.ts';
import { addressHash } from '../people/suppression.ts';
import {
  type IssueWithState,
  issueStates,
  type NoAnswers,
  publishedCheckins,
  publishedOffers,
  publishedRoles,
  publishedSite,
} from '../proofs/published.ts';
import { type Day, dayOf } from '../shared/dates.ts';
import { type GateFacts, type GateRefusal, mayInvite } from './gate.ts';
import { standingHolds } from './holds.ts';

export type PersonAtTheGate = {
  person: typeof persons.$inferSelect;
  facts: GateFacts;
  /** What made them leave, and by which proof somebody confirmed what became of it; null when nobody has said. */
  cause: { issueId: string | null; gap: Gap | null; proofId: string | null } | null;
};

export type GateOptions = {
  /** Of everyone, when left out. */
  personIds?: string[];
  /** A letter that does not count as an apology: the one that is about to be sent. */
  letterId?: string;
  /** Under whom this person would come back. Only employees come back under anybody. */
  managerOf?: (person: PersonAtTheGate['person']) => string | null;
};

export type AtTheGate = PersonAtTheGate & { refusals: GateRefusal[] };

/**
 * May we invite them? The one question that command, desk and sender ask. `noAnswers` comes from the check-ins, which this folder
 * doesn't know.
 */
export async function askGate(
  reader: Reader,
  noAnswers: NoAnswers,
  now: Date,
  options: GateOptions = {},
): Promise<AtTheGate[]> {
  const site = await publishedSite(reader);
  const issues = await issueStates(reader, noAnswers, now);
  const today = dayOf(now, site.time_zone);
  return (await gateFacts(reader, issues, today, options)).map((one) => ({
    ...one,
    refusals: mayInvite(one.facts, site, today),
  }));
}

/**
 * What the gate looks at, for some people or for everyone, in a fixed number of queries. Each answer is one person's;
 * the whole is as large as the number of people asked about.
 */
export async function gateFacts(
  reader: Reader,
  issues: IssueWithState[],
  today: Day,
  { personIds, letterId = '', managerOf = () => null }: GateOptions = {},
): Promise<PersonAtTheGate[]> {
  const { time_zone } = await publishedSite(reader);
  // One parameter, however many are asked about.
  const these = personIds && JSON.stringify(personIds);
  // biome-ignore lint/suspicious/noExplicitAny: a column of any table that names a person.
  const of = (column: any) => (these ? sql`${column} in (select value from json_each(${these}))` : undefined);
  const people = await reader.select().from(persons).where(of(persons.id));
  const hashOf = new Map<string, string>(
    people.flatMap(({ id, email }) => (email ? [[id, addressHash(email).toString('hex')] as const] : [])),
  );
  const hashes = these && JSON.stringify([...hashOf.values()]);
  const addresses = JSON.stringify(people.flatMap(({ emailNorm }) => emailNorm ?? []));
  const [
    left,
    told,
    confirmed,
    corrected,
    waiting,
    returned,
    stopped,
    questions,
    offers,
    said,
    over,
    held,
    roles,
    working,
    inviting,
  ] = await Promise.all([
    reader.select().from(departures).where(of(departures.personId)),
    reader.select().from(complaints).where(of(complaints.personId)),
    reader
      .select({ resolution: resolutions })
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
      .select()
      .from(suppressions)
      .where(hashes ? sql`${suppressions.addressHash} in (select unhex(value) from json_each(${hashes}))` : undefined),
    publishedCheckins(reader),
    publishedOffers(reader),
    reader
      .select({ personId: reopenings.personId })
      .from(reopenings)
      .where(and(isNull(reopenings.settledAt), of(reopenings.personId))),
    reader.select({ personId: windowOverrides.personId }).from(windowOverrides).where(of(windowOverrides.personId)),
    standingHolds(reader),
    publishedRoles(reader),
    reader
      .select({ personId: roleOffers.personId })
      .from(roleOffers)
      .where(and(isNotNull(roleOffers.acceptedAt), isNull(roleOffers.withdrawnAt), of(roleOffers.personId))),
    reader
      .select({
        cause: letters.cause,
        personId: letters.personId,
        to: sql<string>`lower(${letters.toAddress})`,
        leftAt: sql<number | null>`coalesce(${letters.sentAt}, ${letters.handedAt})`,
      })
      .from(letters)
      // Everyone’s by the index of causes; of a few people by theirs and their addresses’. One that was held was never read by
      // anyone, so it was no apology.
      .where(
        and(
          these
            ? sql`+${letters.cause} >= 'invitation:' and +${letters.cause} < 'invitation;'
                and (${of(letters.personId)} or lower(${letters.toAddress}) in (select value from json_each(${addresses})))`
            : and(gte(letters.cause, 'invitation:'), lt(letters.cause, 'invitation;')),
          isNull(letters.heldBecause),
          ne(letters.id, letterId),
        ),
      ),
  ]);

  const departuresOf = Map.groupBy(left, (row) => row.personId);
  const complaintsOf = Map.groupBy(told, (row) => row.personId);
  const resolutionOf = new Map(confirmed.map(({ resolution }) => [resolution.complaintId, resolution]));
  const stillOpen = new Set(said.map((row) => row.personId));
  const overridden = new Set(over.map((row) => row.personId));
  const heldAt = new Map(held.toSorted((a, b) => b.at - a.at).map((hold) => [hold.issueId, hold.at]));
  const correctedBy = new Set(corrected.map((row) => row.personId));
  const waitingFor = new Set(waiting.map((row) => row.personId));
  const back = new Set([...returned, ...working].map((row) => row.personId));
  const apologised = new Set(inviting.map((row) => row.cause));
  const suppressedAs = new Map(stopped.map((row) => [row.addressHash.toString('hex'), row.reason]));
  const issueOf = new Map(issues.map((one) => [one.issue.id, one]));
  const asked = new Set(questions.map((question) => question.data.issue));

  const openRoles = roles.filter(({ data }) => data.filled_on === undefined || data.filled_on > today);
  // Of those that wait behind the one that is about to be sent, none counts.
  const invited = inviting.filter(({ leftAt }) => letterId === '' || leftAt !== null);
  // By address as well: an import that is taken back and run again makes another record of the same person.
  const invitedAs = Map.groupBy(invited, (row) => row.personId);
  const invitedAt = Map.groupBy(invited, (row) => row.to);
  const invitationsTo = ({ id, emailNorm }: PersonAtTheGate['person']) => {
    const elsewhere = emailNorm ? (invitedAt.get(emailNorm) ?? []) : [];
    return (invitedAs.get(id)?.length ?? 0) + elsewhere.filter(({ personId }) => personId !== id).length;
  };

  return people.map((person) => {
    const theirs = complaintsOf.get(person.id) ?? [];
    const gone = departuresOf.get(person.id) ?? [];
    const departure = latestDeparture(gone);
    const main = mainComplaint(theirs, gone);
    const about = main?.issueId ? issueOf.get(main.issueId) : undefined;
    const heldSince = main?.issueId ? heldAt.get(main.issueId) : undefined;
    const open = theirs.filter((complaint) => complaint.confidentiality === 'open');
    const role = person.kind === 'employee' ? roleForLeft(openRoles, departure?.planOrRole ?? null) : null;
    const plan = person.kind === 'customer' ? (departure?.planOrRole ?? null) : null;
    const offer = offerForPlan(offers, plan, today) ?? endedOffer(offers, plan, today);
    const saidAbout = theirs.map(({ id, issueId }) => ({
      issueId,
      resolved: resolvedNow(resolutionOf.get(id) ?? null, issueId ? issueOf.get(issueId) : undefined),
    }));
    const facts: GateFacts = {
      person: {
        key: `${person.source}:${person.externalId}`,
        kind: person.kind,
        declinedAt: person.declinedAt,
        hasAddress: person.email !== null,
      },
      suppressed: suppressedAs.get(hashOf.get(person.id) ?? '') ?? null,
      departure: departure
        ? { leftOn: departure.leftOn, planOrRole: departure.planOrRole, neverContact: neverContactOf(gone) }
        : null,
      returned: back.has(person.id),
      mainComplaint: main && {
        issueId: main.issueId,
        issueState: about?.state.state ?? null,
        resolved: resolvedNow(resolutionOf.get(main.id) ?? null, about),
      },
      reopened: stillOpen.has(person.id),
      heldSince: heldSince === undefined ? null : dayOf(heldSince, time_zone),
      managers: {
        concerned: theirs.flatMap(({ concerns }) => concerns ?? []),
        offered: managerOf(person) ?? role?.data.manager.name ?? null,
      },
      showable: open.filter(({ words, note }) => toSpeakOf(words) || toSpeakOf(note)).length,
      confidentialOnly: theirs.length > 0 && open.length === 0,
      unreviewedCorrection: correctedBy.has(person.id),
      apologisedForMain: main?.issueId ? apologised.has(`invitation:${person.id}:${main.issueId}`) : false,
      invitations: invitationsTo(person),
      askedToBeTold: waitingFor.has(person.id),
      windowOverridden: overridden.has(person.id),
      offer: offer?.data ?? (role ? {} : null),
      better: offer || role ? betterFor((offer ?? role)!.data, saidAbout, issueOf).length : 0,
      pathUndecided: role !== null && role.data.next_step === undefined,
      hasCheckin: main?.issueId ? asked.has(main.issueId) : false,
    };
    const cause = main && {
      issueId: main.issueId,
      gap: main.gap ?? about?.issue.data.gap ?? null,
      proofId: resolutionOf.get(main.id)?.proofId ?? null,
    };
    return { person, facts, cause };
  });
}

/** A dash, or “n/a”, is nothing that a letter could be written from. */
function toSpeakOf(text: string | null): boolean {
  return (text?.match(/[\p{L}\p{N}]/gu)?.length ?? 0) >= 8;
}
