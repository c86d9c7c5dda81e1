import { createHash } from 'node:crypto';
import type { complaints, departures, persons, signals } from '../../../db/schema/people.ts';
import { type Day, longDay } from '../../shared/dates.ts';
import { type Refusal, refuse } from '../../shared/refusal.ts';
import { listed, maskEmail } from '../../shared/words.ts';
import { unguarded } from './csv.ts';
import { isBefore, type ReadDay, readDay } from './dates.ts';
import { textOfHtml } from './html.ts';
import { columnsOfRule, type Field, type FieldRule, type Mapping, NEUTRAL_DATES, neededBy, slots } from './mapping.ts';

type Stored<Table extends { $inferSelect: object }, Keys extends keyof Table['$inferSelect']> = Pick<
  Table['$inferSelect'],
  Keys
>;

export type PersonFacts = Stored<
  typeof persons,
  'source' | 'kind' | 'externalId' | 'firstName' | 'lastName' | 'email' | 'timeZone' | 'billingId'
>;
export type DepartureFacts = Stored<
  typeof departures,
  | 'externalId'
  | 'joinedOn'
  | 'joinedPrecision'
  | 'leftOn'
  | 'precision'
  | 'planOrRole'
  | 'amount'
  | 'currency'
  | 'seats'
  | 'reasonCode'
  | 'neverContact'
>;
export type ComplaintFacts = Stored<
  typeof complaints,
  | 'ref'
  | 'saidOn'
  | 'channel'
  | 'words'
  | 'note'
  | 'gap'
  | 'issueId'
  | 'main'
  | 'confidentiality'
  | 'namesOthers'
  | 'concerns'
  | 'publicConsent'
  | 'facts'
>;
export type SignalFacts = Stored<typeof signals, 'kind' | 'externalId' | 'happenedOn' | 'value' | 'note'>;

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

/** What is wrong with a row: the column, its value when it may be shown, and what to do. */
export type Problem = { column: string; value: string | null; sentence: string };

export type RowReader = (cells: string[]) => { row: IntakeRow } | { problems: Problem[] } | { leftOut: string };

const DEPARTURE_FIELDS = [
  'departure_id',
  'joined_on',
  'left_on',
  'plan_or_role',
  'amount',
  'currency',
  'seats',
  'reason_code',
  'never_contact',
] as const satisfies Field[];
const COMPLAINT_FIELDS = [
  'complaint_id',
  'said_on',
  'channel',
  'words',
  'note',
  'issue',
  'gap',
] as const satisfies Field[];
const LONGEST: Partial<Record<Field, number>> = { words: 20_000, note: 20_000 };
/** Columns that an errors file adds, so that it can be imported again as it is. */
export const OUR_COLUMNS: ReadonlySet<string> = new Set(['refused_because']);

/** Checks the header against the mapping and answers the function that reads each row, or says which column is missing. */
export function rowReader(mapping: Mapping, header: string[], today: Day): RowReader | Refusal {
  const names = header.map((cell, at) => cell.trim() || `column ${at + 1}`);
  const places = new Map<string, number>();
  const doubled = new Set<string>();
  for (const [at, name] of names.entries()) {
    const key = name.toLowerCase();
    if (places.has(key)) doubled.add(name);
    else places.set(key, at);
  }
  if (doubled.size > 0) {
    return refuse('header', `The header names ${listed([...doubled].map(quoted))} twice. Rename one, or take it out.`);
  }
  const absent = neededBy(mapping).filter((name) => !places.has(name.toLowerCase()));
  if (absent.length > 0) {
    return refuse(
      'header',
      `The header lacks ${listed(absent.map(quoted))}, which ${mapping.name} needs. It names ${listed(names.slice(0, 12).map(quoted))}${names.length > 12 ? ' and more' : ''}.`,
    );
  }

  const consumed = new Set(
    [
      ...Object.values(mapping.fields).flatMap((rule) =>
        typeof rule === 'string' ? [rule] : 'text' in rule ? [] : columnsOfRule(rule),
      ),
      ...mapping.factors.flatMap((group) =>
        Object.entries(group.columns).flatMap(([column, factor]) => (factor.complaint ? [column] : [])),
      ),
    ].map((name) => name.toLowerCase()),
  );
  const dropped = (name: string) =>
    mapping.drop.some((drop) => (drop.endsWith('*') ? name.startsWith(drop.slice(0, -1)) : name === drop));
  const kept = names.flatMap((name, at) =>
    consumed.has(name.toLowerCase()) || OUR_COLUMNS.has(name.toLowerCase()) || dropped(name) ? [] : [{ name, at }],
  );
  const read = readerOf(mapping, places, kept, today);
  // In a file that we wrote ourselves, a cell that a spreadsheet would take for a formula has an apostrophe before it.
  const guarded = names.some((name) => OUR_COLUMNS.has(name.toLowerCase()));

  return (cells) => {
    if (cells.length < names.length || cells.slice(names.length).some((cell) => cell.trim() !== '')) {
      const sentence = `This row has ${cells.length} cells and the header has ${names.length}. Look for a missing or an extra separator or quote.`;
      return {
        problems: [{ column: names[Math.min(cells.length, names.length) - 1] || 'the row', value: null, sentence }],
      };
    }
    return read(guarded ? cells.map(unguarded) : cells);
  };
}

/**
 * The function that reads each row. It is made once a file, because what it asks of the mapping is the same for a million rows; the row at
 * hand stands in the variables at its head.
 */
function readerOf(
  mapping: Mapping,
  places: ReadonlyMap<string, number>,
  kept: { name: string; at: number }[],
  today: Day,
): RowReader {
  let cells: string[] = [];
  let problems: Problem[] = [];
  let source = '';
  let personId = '';
  let kind: PersonFacts['kind'] | null = null;

  const blanks = new Set(mapping.blank_means);
  const at = (column: string) => places.get(column.toLowerCase()) ?? -1;
  const pick = (place: number) => cells[place]?.trim() ?? '';
  const cellOf = (column: string) => pick(at(column));
  const unless = (value: string, marks: { has(value: string): boolean }) => (marks.has(value) ? '' : value);
  const cell = (column: string) => unless(cellOf(column), blanks);

  /** Keeps the first problem of a column. */
  function problem(field: Field, value: string, sentence: string): null {
    const column = columnOf(mapping.fields[field]) ?? field;
    if (!problems.some((known) => known.column === column)) {
      problems.push({ column, value: showable(field, value), sentence });
    }
    return null;
  }

  const said = Object.fromEntries(
    Object.entries(mapping.fields)
      .filter(([, rule]) => typeof rule !== 'string' || places.has(rule.toLowerCase()))
      .map(([field, rule]) => [field, saying(field as Field, rule)]),
  ) as Partial<Record<Field, () => string>>;

  /** How a field's text is found by its rule; '' when nothing was said. */
  function saying(field: Field, rule: FieldRule): () => string {
    if (typeof rule === 'string') {
      const place = at(rule);
      return blanks.size === 0 ? () => pick(place) : () => unless(pick(place), blanks);
    }
    if ('always' in rule) return () => rule.always;
    if ('join' in rule) {
      const read = rule.html ? (column: string) => textOfHtml(cell(column)) : cell;
      return () => rule.join.map(read).filter(Boolean).join('\n\n');
    }
    if ('text' in rule) {
      const columns = slots(rule.text);
      return () => {
        if (rule.unless?.is.includes(cellOf(rule.unless.column))) return '';
        if (columns.some((column) => cell(column) === '')) return '';
        return rule.text.replace(/\{([^{}]+)\}/g, (_, column: string) => cell(column));
      };
    }
    if ('via' in rule) return () => cell(rule.column);
    const columns = typeof rule.column === 'string' ? [rule.column] : rule.column;
    const marks = new Set([...blanks, ...(rule.blank_means ?? [])]);
    const like = rule.like === undefined ? null : new RegExp(rule.like, 'u');
    const meanings = rule.values;
    return () => {
      let value = '';
      for (const column of columns) {
        value = unless(cellOf(column), marks);
        if (value !== '') break;
      }
      if (value === '') return '';
      if (rule.html) value = textOfHtml(value);
      if (rule.fill) value = value.replace(/\{(\w+)\}/g, (slot, name: string) => cell(rule.fill![name] ?? '') || slot);
      if (rule.before !== undefined && value.includes(rule.before))
        value = value.slice(0, value.indexOf(rule.before)).trim();
      if (rule.after !== undefined) {
        const from = value.indexOf(rule.after);
        value = from < 0 ? '' : value.slice(from + rule.after.length).trim();
      }
      if (like && !like.test(value)) {
        problem(
          field,
          value,
          `${quoted(short(value))} is not what stands here in this file’s other rows. Has the row slipped?`,
        );
        return '';
      }
      if (!meanings) return value;
      if (Object.hasOwn(meanings, value)) return meanings[value]!;
      if (rule.otherwise !== undefined) return rule.otherwise;
      const known = listed(Object.keys(meanings));
      problem(field, value, `${quoted(short(value))} is none of the values this mapping knows: ${known}.`);
      return '';
    };
  }

  function plain(field: Field): string | null {
    const value = said[field]?.() ?? '';
    if (value === '') return null;
    const longest = LONGEST[field] ?? 200;
    if (value.length > longest) return problem(field, value, `This is longer than ${longest} characters.`);
    if (LONGEST[field] === undefined && CONTROL.test(value)) {
      return problem(field, value, 'This holds a line break, a tab or a control character. Take it out.');
    }
    if (value.includes('\ufffd')) {
      return problem(
        field,
        value,
        'A letter in this was lost before it reached us: it holds “\ufffd”. Export it again, or mend it.',
      );
    }
    const slot = value.includes('{') ? placeholderIn(value) : null;
    if (slot !== null) {
      return problem(
        field,
        value,
        `This holds ${quoted(short(slot))}, a placeholder that nobody filled in. Mend it, or leave it blank.`,
      );
    }
    return value;
  }

  /** An id by which a record is found again: not rounded, not masked. */
  function id(field: Field): string | null {
    const value = plain(field);
    if (value === null) return null;
    if (ROUNDED.test(value)) {
      return problem(
        field,
        value,
        'A spreadsheet has rounded this id. Export the file again and don’t open it before the import.',
      );
    }
    if (MASKED.test(value)) {
      return problem(field, value, 'This id is masked, so that several records would be taken for one.');
    }
    return value;
  }

  function oneOf<const Values extends readonly string[]>(field: Field, values: Values): Values[number] | null {
    const value = plain(field);
    if (value === null) return null;
    const found = values.find((known) => known === value.toLowerCase());
    return found ?? problem(field, value, `${quoted(short(value))} is none of: ${values.join(', ')}.`);
  }

  function yes(field: Field): boolean {
    const value = plain(field)?.toLowerCase() ?? 'no';
    if (['yes', 'y', 'true', '1'].includes(value)) return true;
    if (!['no', 'n', 'false', '0'].includes(value)) problem(field, value, 'Write yes or no, or leave it blank.');
    return false;
  }

  function day(field: Field): ReadDay | null {
    const value = plain(field);
    if (value === null) return null;
    const read = dayIn(field, value);
    if (typeof read === 'string') return problem(field, value, read);
    if (isBefore({ day: today, precision: 'day' }, read)) {
      return problem(field, value, `${longDay(read.day)} is still to come. Import this row when it is past.`);
    }
    return read;
  }

  /** Days recur: each text is read once. */
  const days = new Map<Field, Map<string, ReadDay | string>>();
  function dayIn(field: Field, value: string): ReadDay | string {
    const seen = days.get(field) ?? new Map<string, ReadDay | string>();
    days.set(field, seen);
    const known = seen.get(value);
    if (known !== undefined) return known;
    const rule = mapping.fields[field];
    const formats = typeof rule === 'object' && 'dates' in rule ? rule.dates : undefined;
    const read = readDay(value, formats ?? NEUTRAL_DATES);
    if (seen.size > 5000) seen.clear();
    seen.set(value, read);
    return read;
  }

  function wholeDay(field: Field): Day | null {
    const read = day(field);
    if (read === null || read.precision === 'day') return read?.day ?? null;
    return problem(
      field,
      said[field]?.() ?? '',
      'This needs the whole day. Write it as 2026-03-09, or leave it blank.',
    );
  }

  function whole(field: Field): number | null {
    const value = plain(field);
    if (value === null) return null;
    if (!/^\d{1,7}$/.test(value)) return problem(field, value, 'Write a whole number without a sign or separators.');
    return Number(value);
  }

  function name(field: Field): string | null {
    const value = plain(field);
    if (value === null) return null;
    if (/^[X*•]{3,}$/.test(value)) return problem(field, value, 'This name is masked. Leave it blank.');
    return value.replace(/\s+/g, ' ');
  }

  const personRule = mapping.fields.person_id;
  const viaKind = typeof personRule === 'object' && 'via' in personRule ? personRule.via : null;

  const tellsOfDeparture = DEPARTURE_FIELDS.some((field) => said[field]) || mapping.never_contact.length > 0;
  const tellsOfComplaint = COMPLAINT_FIELDS.some((field) => said[field]);

  return (row) => {
    cells = row;
    problems = [];
    const left = mapping.leave_out.find((rule) => isLeftOut(rule));
    if (left) return { leftOut: left.because };

    source = mapping.source ?? plain('source') ?? '';
    if (mapping.source === undefined && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(source)) {
      problem(
        'source',
        source,
        source === ''
          ? 'Name the system this record comes from.'
          : 'A source is made of letters, digits, dots and hyphens, at most 64.',
      );
    }
    const found = id('person_id');
    personId = found ?? '';
    if (found === null && problems.length === 0 && (said.person_id?.() ?? '') === '') {
      problem('person_id', '', 'Say which person this is: the id they have in that system.');
    }
    kind = oneOf('kind', ['customer', 'employee']);
    if (kind === null && (said.kind?.() ?? '') === '') problem('kind', '', 'Write customer or employee.');

    const person: PersonFacts = {
      source,
      kind: kind ?? 'customer',
      externalId: viaKind ? '' : personId,
      firstName: name('first_name'),
      lastName: name('last_name'),
      email: address(plain('email')),
      timeZone: timeZone(plain('time_zone')),
      billingId: id('billing_id'),
    };
    const via = viaKind ? { kind: viaKind, externalId: personId } : null;
    const departure = mapping.row === 'departure' || mapping.row === 'person' ? readDeparture() : null;
    const told = mapping.row === 'signal' ? [] : [...readComplaint(), ...readFactors()];
    const signal = mapping.signal ? readSignal() : null;
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
    const value = cellOf(column);
    if (is) return is.includes(value);
    if (is_not) return !is_not.includes(value);
    return differs_from !== undefined && value !== '' && value !== cellOf(differs_from);
  }

  function readFacts(): Record<string, string> {
    if (kept.length === 0) return {};
    return Object.fromEntries(
      kept.flatMap(({ name, at }) => {
        const value = pick(at);
        return value === '' || blanks.has(value) ? [] : [[name, value]];
      }),
    );
  }

  function address(value: string | null): string | null {
    if (value === null) return value;
    if (MASKED.test(value) || /^x{2,}@/i.test(value))
      return problem('email', value, 'This address is masked. Leave it blank.');
    if (isAddress(value)) return value;
    return problem(
      'email',
      value,
      `${quoted(short(maskEmail(value)))} is no e-mail address. Mend it, or leave it blank.`,
    );
  }

  function timeZone(value: string | null): string | null {
    if (value === null || isTimeZone(value)) return value;
    return problem('time_zone', value, `${quoted(short(value))} is no time zone. Write one such as Europe/London.`);
  }

  function readDeparture(): DepartureFacts | null {
    if (!tellsOfDeparture) return null;
    const joined = day('joined_on');
    const left = day('left_on');
    if (joined && left && isBefore(left, joined)) {
      problem('left_on', said.left_on?.() ?? '', `They would have left before they joined (${joined.day}).`);
    }
    const money = readMoney();
    const planOrRole = plain('plan_or_role');
    const seats = whole('seats');
    const reasonCode = plain('reason_code');
    const stated = oneOf('never_contact', ['deceased', 'dismissed', 'dispute', 'asked']);
    const ruled = mapping.never_contact.find((choice) => choice.is.includes(cellOf(choice.column)))?.because ?? null;
    const neverContact = stated ?? ruled;
    const departureId = id('departure_id');
    const anything = [joined, left, money, planOrRole, seats, reasonCode, neverContact, departureId].some(
      (value) => value !== null,
    );
    if (!anything) return null;
    return {
      externalId: departureId ?? (left ? shortDay(left) : 'unstated'),
      joinedOn: joined?.day ?? null,
      joinedPrecision: joined?.precision ?? null,
      leftOn: left?.day ?? null,
      precision: left?.precision ?? null,
      planOrRole,
      amount: money?.amount ?? null,
      currency: money?.currency ?? null,
      seats,
      reasonCode,
      neverContact,
    };
  }

  function readMoney(): { amount: number; currency: string } | null {
    const value = plain('amount');
    if (value === null) return null;
    const currency = plain('currency')?.toLowerCase();
    if (!currency || !isCurrency(currency)) {
      return problem('currency', currency ?? '', 'An amount needs its currency: three letters such as GBP or EUR.');
    }
    // As everywhere in Amends an amount is in minor units. One with a decimal point can only be meant in whole ones.
    const digits = minorDigits(currency);
    const [whole = '', minor] = value.split('.');
    if (!/^\d{1,9}(\.\d+)?$/.test(value) || (minor !== undefined && minor.length !== digits)) {
      const example = digits === 0 ? '4800' : '4800 or 48.00';
      return problem(
        'amount',
        value,
        `Write the amount in the smallest unit, without signs or separators: ${example}.`,
      );
    }
    return { amount: Number(whole + (minor ?? '')), currency };
  }

  function readComplaint(): ComplaintFacts[] {
    if (!tellsOfComplaint) return [];
    const words = plain('words')?.replace(/\r\n?/g, '\n') ?? null;
    const note = plain('note')?.replace(/\r\n?/g, '\n') ?? null;
    const saidOn = wholeDay('said_on');
    const issueId = plain('issue');
    if (issueId !== null && !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(issueId)) {
      problem(
        'issue',
        issueId,
        'An issue is named by its file: lower-case words with hyphens, such as exports-failed.',
      );
    }
    const gap = oneOf('gap', ['value', 'trust', 'experience', 'growth']);
    const complaintId = id('complaint_id');
    const channel = plain('channel');
    if (words === null && note === null) {
      const tells = mapping.optional && [complaintId, saidOn, channel, issueId, gap].some((value) => value !== null);
      if (tells) problem('words', '', 'This complaint has neither their words nor our note. Write one of the two.');
      return [];
    }
    const own = complaintId ?? `${personId}/${saidOn ?? 'undated'}/${digest(`${words}\n${note}`)}`;
    const main = yes('main');
    return [{ ref: `${source}:${own}`, saidOn, channel, words, note, gap, issueId, main, facts: null, ...privacy() }];
  }

  function privacy(): Pick<ComplaintFacts, 'confidentiality' | 'namesOthers' | 'concerns' | 'publicConsent'> {
    // What someone told their employer on the way out is confidential unless the file says otherwise.
    const safe = kind === 'employee' ? 'confidential' : 'open';
    return {
      confidentiality: oneOf('confidentiality', ['open', 'confidential', 'anonymous']) ?? safe,
      namesOthers: yes('names_others'),
      concerns: plain('concerns'),
      publicConsent: yes('public_consent'),
    };
  }

  function readFactors(): ComplaintFacts[] {
    let reasons = 0;
    const ticked = mapping.factors.flatMap((group) =>
      Object.entries(group.columns).flatMap(([column, factor]) => {
        const value = cell(column);
        if (value === '' || group.not_ticked.includes(value)) return [];
        if (!group.ticked.includes(value)) {
          const known = listed([...group.ticked, ...group.not_ticked]);
          problems.push({ column, value: short(value), sentence: `${quoted(short(value))} is none of ${known}.` });
          return [];
        }
        if (group.reasons) reasons += 1;
        return factor.complaint ? [{ column, factor, group }] : [];
      }),
    );
    if (ticked.length === 0) return [];
    const mayBeMain = mapping.main_when ? mapping.main_when.is.includes(cellOf(mapping.main_when.column)) : false;
    const saidOn = wholeDay('said_on');
    const channel = plain('channel');
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

  function readSignal(): SignalFacts | null {
    const happenedOn = wholeDay('signal_on');
    const externalId = id('signal_id');
    if (externalId === null && (said.signal_id?.() ?? '') === '')
      problem('signal_id', '', 'This row has no id, so that importing it again would double it.');
    if (happenedOn === null && (said.signal_on?.() ?? '') === '') problem('signal_on', '', 'This row has no day.');
    const number = plain('signal_value');
    const value = number === null ? null : Number(number);
    if (Number.isNaN(value)) problem('signal_value', number!, `${quoted(short(number!))} is no number.`);
    const note = plain('signal_note');
    if (happenedOn === null || externalId === null || mapping.signal === undefined) return null;
    return { kind: mapping.signal, externalId, happenedOn, value, note };
  }
}

/** What a person row says about what they have now; a later departure takes it where its own row is silent. */
function standing(departure: DepartureFacts): Record<string, string> {
  const { joinedOn, joinedPrecision, planOrRole, seats, amount, currency } = departure;
  const said: Record<string, string> = {};
  if (joinedOn) said.joined_on = shortDay({ day: joinedOn, precision: joinedPrecision ?? 'day' });
  if (planOrRole) said.plan_or_role = planOrRole;
  if (seats !== null) said.seats = String(seats);
  if (amount !== null && currency) Object.assign(said, { amount_minor: String(amount), currency });
  return said;
}

/** The departure with its blanks filled from what the person's row said of them. */
export function withStanding(departure: DepartureFacts, facts: Record<string, string>): DepartureFacts {
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

/**
 * What a letter can be sent to: a name and a domain with a dot, as the standards allow them without quotes, comments and bare numbers.
 * Letters beyond ASCII are allowed in both.
 */
export function isAddress(text: string): boolean {
  if (text.length < 65 && PLAIN_ADDRESS.test(text)) return true;
  if (text.length > 254 || /[\p{Cc}\p{Cf}]/u.test(text)) return false;
  const [local = '', domain = '', ...more] = text.split('@');
  if (more.length > 0 || local.length > 64) return false;
  const labels = domain.split('.');
  return (
    local.split('.').every((part) => /^[^\s"(),:;<>[\]\\]+$/.test(part)) &&
    labels.length > 1 &&
    labels.every((label) => /^[\p{L}\p{M}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?$/u.test(label)) &&
    /[^\d]/.test(labels.at(-1)!)
  );
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const PLAIN_ADDRESS = /^[a-z0-9_+-]+(\.[a-z0-9_+-]+)*@([a-z0-9]+(-+[a-z0-9]+)*\.)+[a-z]{2,24}$/i;
const ROUNDED = /^\d([.,]\d+)?E\+\d+$/i;
const MASKED = /[*•#]{2,}|^x{3,}$/i;
const PLACEHOLDER = /\{\s*[A-Za-z][A-Za-z0-9_.:\- ]*\s*\}/g;

/** `{first_name}`, left open by a template. `{XXXX}` is a mask and stands for something that was there. */
function placeholderIn(text: string): string | null {
  return text.match(PLACEHOLDER)?.find((slot) => !slot.includes('XX')) ?? null;
}

const zones = new Map<string, boolean>();
function isTimeZone(text: string): boolean {
  const known = zones.get(text);
  if (known !== undefined) return known;
  let valid = true;
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone: text });
  } catch {
    valid = false;
  }
  zones.set(text, valid);
  return valid;
}

const CURRENCIES = new Set(Intl.supportedValuesOf('currency').map((code) => code.toLowerCase()));
function isCurrency(code: string): boolean {
  return CURRENCIES.has(code);
}

const digitsOf = new Map<string, number>();
function minorDigits(currency: string): number {
  const known = digitsOf.get(currency);
  if (known !== undefined) return known;
  const format = new Intl.NumberFormat('en-GB', { style: 'currency', currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  digitsOf.set(currency, digits);
  return digits;
}

function shortDay({ day, precision }: ReadDay): string {
  return day.slice(0, precision === 'year' ? 4 : precision === 'month' ? 7 : 10);
}

function columnOf(rule: FieldRule | undefined): string | null {
  return rule === undefined ? null : (columnsOfRule(rule)[0] ?? null);
}

/** A value as a report may show it: short, on one line, addresses masked, nobody's words. */
export function showable(field: Field, value: string): string | null {
  if (value === '' || field === 'words' || field === 'note') return null;
  return field === 'email' ? short(maskEmail(value)) : short(value);
}

function short(value: string): string {
  const line = value.replace(/\p{Cc}/gu, '·');
  return line.length > 40 ? `${line.slice(0, 40)}…` : line;
}

function quoted(text: string): string {
  return `“${text}”`;
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
