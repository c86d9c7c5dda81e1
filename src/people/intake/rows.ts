import { createHash } from 'node:crypto';
import type { complaints, departures, persons, signals } from '../../../db/schema/people.ts';
import type { Day } from '../../shared/dates.ts';
import { isRefusal, type Refusal } from '../../shared/refusal.ts';
import { listed } from '../../shared/words.ts';
import { type Cells, cellsOf, type Problem } from './cells.ts';
import { unguarded } from './csv.ts';
import { isBefore, knownPart, readDay } from './dates.ts';
import { type Header, readHeader } from './header.ts';
import { type Field, type Mapping, NEUTRAL_DATES } from './mapping.ts';
import {
  asAddress,
  asAmount,
  asCount,
  asCurrency,
  asDay,
  asId,
  asIssue,
  asName,
  asNumber,
  asTimeZone,
  asWholeDay,
  asYes,
  NO_CURRENCY,
  oneOf,
  quoted,
  short,
} from './values.ts';

export type PersonRow = typeof persons.$inferSelect;
export type DepartureRow = typeof departures.$inferSelect;
export type ComplaintRow = typeof complaints.$inferSelect;
export type SignalRow = typeof signals.$inferSelect;

/** What no file says: it is ours. */
type Ours = 'id' | 'personId' | 'departureId' | 'importId' | 'createdAt';
export type PersonFacts = Omit<PersonRow, Ours | 'emailNorm' | 'facts' | 'declinedAt'>;
export type DepartureFacts = Omit<DepartureRow, Ours | 'facts'>;
export type ComplaintFacts = Omit<ComplaintRow, Ours | 'releasedAt' | 'releasedBy'>;
export type SignalFacts = Omit<SignalRow, Ours>;

/** One row of a file, understood. What it doesn't say is null. */
export type IntakeRow = {
  person: PersonFacts;
  /** The person is found through a signal of theirs, and `person.externalId` is empty. */
  via: { kind: SignalFacts['kind']; externalId: string } | null;
  departure: DepartureFacts | null;
  complaints: ComplaintFacts[];
  signal: SignalFacts | null;
  /** Columns without a field here; of the departure, or of the person when there is none. */
  facts: Record<string, string>;
  /** Nobody new is made of this row. */
  knownOnly: boolean;
};

export type RowReader = (cells: string[]) => { row: IntakeRow } | { problems: Problem[] } | { leftOut: string };

/** Checks the header against the mapping and answers the function that reads each row, or says which column is missing. */
export function rowReader(mapping: Mapping, columns: string[], today: Day): RowReader | Refusal {
  const header = readHeader(mapping, columns);
  if (isRefusal(header)) return header;
  const { names, places, isOurs } = header;
  const read = readerOf(mapping, cellsOf(mapping, places), header, today);
  return (cells) => {
    if (cells.length < names.length || cells.slice(names.length).some((cell) => cell.trim() !== '')) {
      const sentence = `This row has ${cells.length} cells and the header has ${names.length}. Look for a missing or an extra separator or quote.`;
      const column = names[Math.min(cells.length, names.length) - 1] || 'the row';
      return { problems: [{ column, value: null, sentence }] };
    }
    // In a file that we wrote ourselves, a cell that a spreadsheet would take for a formula has an apostrophe before it.
    return read(isOurs ? cells.map(unguarded) : cells);
  };
}

const DEPARTURE_FIELDS = [
  ...['departure_id', 'joined_on', 'left_on', 'plan_or_role', 'amount', 'currency', 'seats', 'reason_code'],
  'never_contact',
] as Field[];
const COMPLAINT_FIELDS = ['complaint_id', 'said_on', 'channel', 'words', 'note', 'issue', 'gap'] as const;

const asKind = oneOf('customer', 'employee');
const asGap = oneOf('value', 'trust', 'experience', 'growth');
const asNeverContact = oneOf('deceased', 'dismissed', 'dispute', 'asked');
const asConfidentiality = oneOf('open', 'confidential', 'anonymous');

/** The function that reads each row. What the row at hand is about stands in the variables at its head. */
function readerOf(mapping: Mapping, cells: Cells, { kept }: Header, today: Day): RowReader {
  let source = '';
  let personId = '';
  let kind: PersonFacts['kind'] | null = null;
  const { read, need, problem, raw } = cells;

  const formatsOf = (field: Field) => {
    const rule = mapping.fields[field];
    return (typeof rule === 'object' && 'dates' in rule && rule.dates) || NEUTRAL_DATES;
  };
  const [asJoined, asLeft] = [asDay(formatsOf('joined_on'), today), asDay(formatsOf('left_on'), today)];
  const [asSaid, asHappened] = [asWholeDay(formatsOf('said_on'), today), asWholeDay(formatsOf('signal_on'), today)];
  const personRule = mapping.fields.person_id;
  const viaKind = typeof personRule === 'object' && 'via' in personRule ? personRule.via : null;
  const tellsOfDeparture = cells.tellsOf(DEPARTURE_FIELDS) || mapping.never_contact.length > 0;
  const tellsOfComplaint = cells.tellsOf(COMPLAINT_FIELDS);

  return (row) => {
    cells.take(row);
    const left = mapping.leave_out.find(isLeftOut);
    if (left) return { leftOut: left.because };

    source = mapping.source ?? readSource();
    personId = need('person_id', asId, 'Say which person this is: the id they have in that system.') ?? '';
    kind = need('kind', asKind, 'Write customer or employee.');
    const person: PersonFacts = {
      source,
      kind: kind ?? 'customer',
      externalId: viaKind ? '' : personId,
      firstName: read('first_name', asName),
      lastName: read('last_name', asName),
      email: read('email', asAddress),
      timeZone: read('time_zone', asTimeZone),
      billingId: read('billing_id', asId),
    };
    const via = viaKind ? { kind: viaKind, externalId: personId } : null;
    const departure = mapping.row === 'departure' || mapping.row === 'person' ? readDeparture() : null;
    const told = mapping.row === 'signal' ? [] : [...readComplaint(), ...readFactors()];
    const signal = mapping.signal ? readSignal(mapping.signal) : null;
    const problems = cells.problems();
    if (problems.length > 0) return { problems };

    const facts = mapping.row === 'signal' ? {} : readFacts();
    const rest = { person, via, signal, knownOnly: mapping.known_only };
    if (mapping.row === 'person' && departure) {
      return { row: { ...rest, departure: null, complaints: told, facts: { ...facts, ...standing(departure) } } };
    }
    // What else a complaint's row says is about that complaint: a person may have many.
    if (mapping.row === 'complaint' && told[0]) {
      const own = Object.keys(facts).length > 0 ? facts : null;
      return { row: { ...rest, departure, complaints: [{ ...told[0], facts: own }, ...told.slice(1)], facts: {} } };
    }
    return { row: { ...rest, departure, complaints: told, facts } };
  };

  function isLeftOut({ column, is, is_not, differs_from }: Mapping['leave_out'][number]): boolean {
    const value = raw(column);
    if (is) return is.includes(value);
    if (is_not) return !is_not.includes(value);
    return differs_from !== undefined && value !== '' && value !== raw(differs_from);
  }

  function readSource(): string {
    const said = read('source') ?? '';
    const sentence = 'A source is made of letters, digits, dots and hyphens, at most 64.';
    if (said === '') problem('source', said, 'Name the system this record comes from.');
    else if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(said)) problem('source', said, sentence);
    return said;
  }

  function readFacts(): Record<string, string> {
    if (kept.length === 0) return {};
    return Object.fromEntries(kept.map(({ name, at }) => [name, cells.cellAt(at)]).filter(([, value]) => value !== ''));
  }

  function readDeparture(): DepartureFacts | null {
    if (!tellsOfDeparture) return null;
    const joined = read('joined_on', asJoined);
    const left = read('left_on', asLeft);
    if (joined && left && isBefore(left, joined)) {
      problem('left_on', cells.text('left_on'), `They would have left before they joined (${joined.day}).`);
    }
    const ruled = mapping.never_contact.find((choice) => choice.is.includes(raw(choice.column)));
    const said = {
      ...readMoney(),
      planOrRole: read('plan_or_role'),
      seats: read('seats', asCount),
      reasonCode: read('reason_code'),
      neverContact: read('never_contact', asNeverContact) ?? ruled?.because ?? null,
    };
    const departureId = read('departure_id', asId);
    if ([joined, left, departureId, ...Object.values(said)].every((value) => value === null)) return null;
    return {
      externalId: departureId ?? (left ? knownPart(left) : 'unstated'),
      joinedOn: joined?.day ?? null,
      joinedPrecision: joined?.precision ?? null,
      leftOn: left?.day ?? null,
      precision: left?.precision ?? null,
      ...said,
    };
  }

  function readMoney(): Pick<DepartureFacts, 'amount' | 'currency'> {
    const none = { amount: null, currency: null };
    if (read('amount') === null) return none;
    const currency = need('currency', asCurrency, NO_CURRENCY);
    return currency === null ? none : { amount: read('amount', (text) => asAmount(text, currency)), currency };
  }

  function readComplaint(): ComplaintFacts[] {
    if (!tellsOfComplaint) return [];
    const words = read('words')?.replace(/\r\n?/g, '\n') ?? null;
    const note = read('note')?.replace(/\r\n?/g, '\n') ?? null;
    const saidOn = read('said_on', asSaid);
    const issueId = read('issue', asIssue);
    const gap = read('gap', asGap);
    const complaintId = read('complaint_id', asId);
    const channel = read('channel');
    if (words === null && note === null) {
      const tells = mapping.optional && [complaintId, saidOn, channel, issueId, gap].some((value) => value !== null);
      if (tells) problem('words', '', 'This complaint has neither their words nor our note. Write one of the two.');
      return [];
    }
    const own = complaintId ?? `${personId}/${saidOn ?? 'undated'}/${digest(`${words}\n${note}`)}`;
    const main = read('main', asYes) ?? false;
    return [{ ref: `${source}:${own}`, saidOn, channel, words, note, gap, issueId, main, facts: null, ...privacy() }];
  }

  function privacy(): Pick<ComplaintFacts, 'confidentiality' | 'namesOthers' | 'concerns' | 'publicConsent'> {
    // What someone told their employer on the way out is confidential unless the file says otherwise.
    const safe = kind === 'employee' ? 'confidential' : 'open';
    return {
      confidentiality: read('confidentiality', asConfidentiality) ?? safe,
      namesOthers: read('names_others', asYes) ?? false,
      concerns: read('concerns'),
      publicConsent: read('public_consent', asYes) ?? false,
    };
  }

  /** The columns of a ticked list: each one that was ticked is a complaint, with our note. */
  function readFactors(): ComplaintFacts[] {
    let reasons = 0;
    const ticked = mapping.factors.flatMap((group) =>
      Object.entries(group.columns).flatMap(([column, factor]) => {
        const value = cells.cell(column);
        if (value === '' || group.not_ticked.includes(value)) return [];
        if (!group.ticked.includes(value)) {
          const known = listed([...group.ticked, ...group.not_ticked]);
          cells.add({ column, value: short(value), sentence: `${quoted(value)} is none of ${known}.` });
          return [];
        }
        if (group.reasons) reasons += 1;
        return factor.complaint ? [{ column, factor, group }] : [];
      }),
    );
    if (ticked.length === 0) return [];
    const mayBeMain = mapping.main_when?.is.includes(raw(mapping.main_when.column)) ?? false;
    const saidOn = read('said_on', asSaid);
    const channel = read('channel');
    return ticked.map(({ column, factor, group }) => ({
      ref: `${source}:${personId}/${slug(column)}`,
      saidOn,
      channel,
      words: null,
      note: group.note.replace('{factor}', factor.as),
      gap: factor.gap ?? null,
      issueId: null,
      main: mayBeMain && group.reasons && reasons === 1,
      facts: null,
      ...privacy(),
    }));
  }

  function readSignal(kind: SignalFacts['kind']): SignalFacts | null {
    const happenedOn = need('signal_on', asHappened, 'This row has no day.');
    const noId = 'This row has no id, so that importing it again would double it.';
    const externalId = need('signal_id', asId, noId);
    const value = read('signal_value', asNumber);
    const note = read('signal_note');
    return happenedOn === null || externalId === null ? null : { kind, externalId, happenedOn, value, note };
  }
}

/** What a person row says about what they have now; a later departure takes it where its own row is silent. */
function standing(departure: DepartureFacts): Record<string, string> {
  const { joinedOn, joinedPrecision, planOrRole, seats, amount, currency } = departure;
  const said: Record<string, string> = {};
  if (joinedOn) said.joined_on = knownPart({ day: joinedOn, precision: joinedPrecision ?? 'day' });
  if (planOrRole) said.plan_or_role = planOrRole;
  if (seats !== null) said.seats = String(seats);
  if (amount !== null && currency) Object.assign(said, { amount_minor: String(amount), currency });
  return said;
}

/** The departure with its blanks filled from what the person's row said of them. */
export function withStanding<Departure extends DepartureFacts>(
  departure: Departure,
  facts: Record<string, string>,
): Departure {
  const joined = departure.joinedOn === null && facts.joined_on ? readDay(facts.joined_on, NEUTRAL_DATES) : null;
  const seats = Number(facts.seats ?? Number.NaN);
  const amount = Number(facts.amount_minor ?? Number.NaN);
  const priced = departure.amount === null && Number.isInteger(amount) && facts.currency;
  return {
    ...departure,
    ...(joined && typeof joined === 'object' ? { joinedOn: joined.day, joinedPrecision: joined.precision } : {}),
    planOrRole: departure.planOrRole ?? facts.plan_or_role ?? null,
    seats: departure.seats ?? (Number.isInteger(seats) ? seats : null),
    ...(priced ? { amount, currency: facts.currency! } : {}),
  };
}

function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 10);
}
