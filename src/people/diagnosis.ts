import { and, asc, eq, gte, lte, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { prepared } from '../../db/prepared.ts';
import { complaints, departures, persons, resolutions, signals } from '../../db/schema/people.ts';
import type { Day } from '../shared/dates.ts';

export type Person = typeof persons.$inferSelect;
export type Departure = typeof departures.$inferSelect;
export type Complaint = typeof complaints.$inferSelect;
export type Resolution = typeof resolutions.$inferSelect;
export type Signal = typeof signals.$inferSelect;
export type Gap = NonNullable<Complaint['gap']>;
export type NeverContact = NonNullable<Departure['neverContact']>;

type Told = Pick<Complaint, 'departureId' | 'saidOn' | 'main' | 'ref'>;
type Left = Pick<Departure, 'id' | 'externalId' | 'leftOn'>;

/** The departure they left by last. One without a day comes before all that have one. */
export function latestDeparture<D extends Left>(left: readonly D[]): D | null {
  return left.toSorted((a, b) => order(b.leftOn, a.leftOn) || order(b.externalId, a.externalId))[0] ?? null;
}

/**
 * Why they left: the reason stated at their latest departure, otherwise the complaint that was marked as the main one, otherwise
 * nobody has said (null). Of several the latest.
 */
export function mainComplaint<C extends Told>(told: readonly C[], left: readonly Left[]): C | null {
  const marked = told.filter((complaint) => complaint.main).toSorted(newestFirst);
  const latest = latestDeparture(left);
  return marked.find((complaint) => latest && complaint.departureId === latest.id) ?? marked[0] ?? null;
}

/** The gap of the main complaint: why it hurt. Null when there is none, or it has none. */
export function gapOf(told: readonly (Told & Pick<Complaint, 'gap'>)[], left: readonly Left[]): Gap | null {
  return mainComplaint(told, left)?.gap ?? null;
}

/** Why this person must never be written to, whichever departure says so. */
export function neverContactOf(left: readonly Pick<Departure, 'neverContact'>[]): NeverContact | null {
  return left.find((departure) => departure.neverContact)?.neverContact ?? null;
}

/** What a page may show of a complaint. A note is ours and is labelled so. */
export type Shown =
  | { kind: 'words'; text: string }
  | { kind: 'note'; text: string /** Their words name someone else, so they stay closed. */; namesOthers: boolean }
  | { kind: 'withheld' };

/** The rule for words and notes. Null for what was said in confidence or without a name: it is never shown. */
export function shownOf(
  complaint: Pick<Complaint, 'words' | 'note' | 'confidentiality' | 'namesOthers'>,
): Shown | null {
  if (complaint.confidentiality !== 'open') return null;
  if (complaint.words !== null && !complaint.namesOthers) return { kind: 'words', text: complaint.words };
  if (complaint.note !== null) return { kind: 'note', text: complaint.note, namesOthers: complaint.namesOthers };
  return { kind: 'withheld' };
}

export type ToldComplaint = {
  complaint: Complaint;
  shown: Shown;
  resolution: Resolution | null;
};

export type History = {
  person: Person;
  /** The latest one. */
  departure: Departure | null;
  neverContact: NeverContact | null;
  /** The main complaint, also when it was said in confidence: the gate asks, a page looks in `told`. */
  main: Complaint | null;
  /** What may be shown to them, newest last. */
  told: ToldComplaint[];
  /** How many more were said in confidence or without a name. */
  withheld: number;
  /** The first day on which something of theirs shows that it was going wrong: their words, or a ticket. */
  beganToBreak: { day: Day; by: 'words' | 'ticket' } | null;
  /** What is not words, from their time with us, oldest first. */
  traces: Signal[];
};

const theirs = sql.placeholder('personId');
const personWith = prepared((reader) => reader.select().from(persons).where(eq(persons.id, theirs)));
const departuresOf = prepared((reader) => reader.select().from(departures).where(eq(departures.personId, theirs)));
const complaintsOf = prepared((reader) =>
  reader
    .select({ complaint: complaints, resolution: resolutions })
    .from(complaints)
    .leftJoin(resolutions, eq(resolutions.complaintId, complaints.id))
    .where(eq(complaints.personId, theirs))
    .orderBy(asc(sql`coalesce(${complaints.saidOn}, '')`), asc(complaints.ref)),
);
const tracesOf = prepared((reader) =>
  reader
    .select()
    .from(signals)
    .where(
      and(
        eq(signals.personId, theirs),
        gte(signals.happenedOn, sql.placeholder('from')),
        lte(signals.happenedOn, sql.placeholder('to')),
      ),
    )
    .orderBy(asc(signals.happenedOn), asc(signals.externalId)),
);

/** Everything about a person that their page, a check and a letter need, in four queries. Null when there is nobody by this id. */
export async function historyOf(reader: Reader, personId: string): Promise<History | null> {
  const [person] = await personWith(reader, { personId });
  if (!person) return null;
  const left = await departuresOf(reader, { personId });
  const all = await complaintsOf(reader, { personId });
  const departure = latestDeparture(left);
  // A trace from before they joined, or from after they left, says nothing about this relationship.
  const [from, to] = [departure?.joinedOn ?? '0000-00-00', departure?.leftOn ?? '9999-12-31'];
  const traces = await tracesOf(reader, { personId, from, to });
  const firstTicket = traces.find(({ kind }) => kind === 'ticket')?.happenedOn ?? null;
  const main = mainComplaint(
    all.map((row) => row.complaint),
    left,
  );
  const told = all.flatMap(({ complaint, resolution }) => {
    const shown = shownOf(complaint);
    return shown ? [{ complaint, resolution, shown }] : [];
  });
  const firstSaid = told.find(({ complaint }) => complaint.saidOn !== null)?.complaint.saidOn;
  return {
    person,
    departure,
    neverContact: neverContactOf(left),
    main,
    told,
    withheld: all.length - told.length,
    traces,
    beganToBreak: earliest(firstSaid ?? null, firstTicket),
  };
}

function earliest(said: Day | null, ticket: Day | null): History['beganToBreak'] {
  if (said !== null && (ticket === null || said <= ticket)) return { day: said, by: 'words' };
  return ticket === null ? null : { day: ticket, by: 'ticket' };
}

function newestFirst(a: Told, b: Told): number {
  return order(b.saidOn, a.saidOn) || order(b.ref, a.ref);
}

/** By code points, so that no locale changes who comes first; what is not known comes before everything. */
function order(a: string | null, b: string | null): number {
  const [x, y] = [a ?? '', b ?? ''];
  return x < y ? -1 : x > y ? 1 : 0;
}
