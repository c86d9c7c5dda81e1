import { and, eq, inArray, type SQL, sql } from 'drizzle-orm';
import type { SQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core';
import type { Reader, Tx } from '../../../db/client.ts';
import { complaints, departures, imports, persons, signals, suppressions } from '../../../db/schema/people.ts';
import { newId } from '../../shared/ids.ts';
import { maskEmail } from '../../shared/words.ts';
import { addressHash, erasedAmong, idHashes, normaliseAddress } from '../suppression.ts';
import type { ImportReport } from './import.ts';
import { type DepartureFacts, type IntakeRow, type PersonFacts, type Problem, showable, withStanding } from './rows.ts';

type PersonRow = typeof persons.$inferSelect;
type DepartureRow = typeof departures.$inferSelect;
type ComplaintRow = typeof complaints.$inferSelect;
type SignalRow = typeof signals.$inferSelect;

/** What the file says differently from what is known; `kept` stands. */
export type Conflict = { line: number; person: string; column: string; kept: string | null; offered: string | null };

/** Persons (`source:id`) who share an address, masked. A person has to decide. */
export type ProposedMerge = { address: string; people: string[] };

/** What the database holds about the rows at hand. A dry run keeps one over the whole file, with what it would have written. */
type Known = {
  persons: Map<string, PersonRow>;
  departures: Map<string, Map<string, DepartureRow>>;
  complaints: Map<string, ComplaintRow>;
  signals: Map<string, SignalRow>;
  /** Of a signal that rows are found through: whose it is. Null when it belongs to several. */
  via: Map<string, PersonRow | null>;
  byAddress: Map<string, Map<string, string>>;
  suppressed: Map<string, string>;
  /** Fingerprints, among those of the rows at hand, of people who were erased. */
  erased: Set<string>;
};

export function newKnown(): Known {
  return {
    persons: new Map(),
    departures: new Map(),
    complaints: new Map(),
    signals: new Map(),
    via: new Map(),
    byAddress: new Map(),
    suppressed: new Map(),
    erased: new Set(),
  };
}

type Pending<Row> = { insert: Row[]; update: Map<string, Partial<Row>> };

/** What a batch of rows comes to: the accounting, and the rows to write. */
export type Batch = {
  imported: number;
  added: number;
  unchanged: number;
  suppressed: number;
  refused: { at: number; problem: Problem }[];
  conflicts: Conflict[];
  proposedMerges: ProposedMerge[];
  changes: number;
  persons: Pending<PersonRow>;
  departures: Pending<DepartureRow>;
  complaints: Pending<ComplaintRow>;
  signals: Pending<SignalRow>;
};

type Meta = { importId: string; now: Date };

/** Decides for each row what it adds to what is known. Reads, and writes nothing. */
export async function planBatch(
  reader: Reader,
  known: Known,
  batch: { line: number; row: IntakeRow }[],
  meta: Meta,
): Promise<Batch> {
  const rows = batch.map(({ row }) => row);
  await lookUp(reader, known, rows);
  const plan: Batch = {
    imported: 0,
    added: 0,
    unchanged: 0,
    suppressed: 0,
    refused: [],
    conflicts: [],
    proposedMerges: [],
    changes: 0,
    persons: { insert: [], update: new Map() },
    departures: { insert: [], update: new Map() },
    complaints: { insert: [], update: new Map() },
    signals: { insert: [], update: new Map() },
  };
  for (const [at, { line, row }] of batch.entries()) {
    const problem = refusalOf(known, row);
    if (problem) plan.refused.push({ at, problem });
    else take(known, plan, line, row, meta);
  }
  return plan;
}

function refusalOf(known: Known, row: IntakeRow): Problem | null {
  const { person, via, signal } = row;
  if (via) {
    const found = known.via.get(viaKey(via.kind, via.externalId));
    if (!found) {
      const value = showable('person_id', via.externalId);
      const sentence =
        found === undefined
          ? `No ${via.kind} with this id is known. Import the file that holds it first.`
          : `More than one person has a ${via.kind} with this id.`;
      return { column: via.kind, value, sentence };
    }
  } else if (signal && !known.persons.has(personKey(person))) {
    return {
      column: 'person_id',
      value: showable('person_id', person.externalId),
      sentence: 'Nobody with this id is known. Import the people first.',
    };
  }
  const sentence = 'This person had everything about them erased. They are not taken in again.';
  if (known.suppressed.size > 0 && person.email && known.suppressed.get(hashKey(person.email)) === 'erased') {
    return { column: 'email', value: null, sentence };
  }
  if (known.erased.size > 0 && !via && idHashes(person).some((hash) => known.erased.has(hash.toString('hex')))) {
    return { column: 'person_id', value: null, sentence };
  }
  const owner = known.persons.get(personKey(person));
  for (const { ref } of row.complaints) {
    const complaint = known.complaints.get(ref);
    if (complaint && complaint.personId !== owner?.id) {
      return {
        column: 'complaint_id',
        value: showable('complaint_id', ref),
        sentence: 'This complaint is already known as another person’s.',
      };
    }
  }
  return null;
}

/** Takes one row in: into `known`, so that the next row meets it, and into what the batch will write. */
function take(known: Known, plan: Batch, line: number, row: IntakeRow, { importId, now }: Meta): void {
  const before = plan.changes;
  const createdAt = now.getTime();
  let person = row.via
    ? known.via.get(viaKey(row.via.kind, row.via.externalId))!
    : known.persons.get(personKey(row.person));
  const isNew = person === undefined;
  if (person === undefined) {
    person = {
      ...row.person,
      id: newId(),
      emailNorm: row.person.email && normaliseAddress(row.person.email),
      facts: {},
      importId,
      createdAt,
      declinedAt: null,
    };
    known.persons.set(personKey(person), person);
    plan.persons.insert.push(person);
    plan.changes += 1;
  }
  const owner = person;
  const who = `${owner.source}:${owner.externalId}`;

  /** Fills the blanks of a known row; groups of columns go together. What differs is a conflict and stays. */
  function fill<Row extends { id: string }>(
    pending: Pending<Row>,
    stored: Row,
    offered: Partial<Row>,
    groups: (keyof Row & string)[][],
    same: (column: string, a: unknown, b: unknown) => boolean = (_, a, b) => a === b,
  ): void {
    for (const group of groups) {
      const [first] = group;
      if (first === undefined || offered[first] === null || offered[first] === undefined) continue;
      if (stored[first] === null) {
        const values = Object.fromEntries(group.map((column) => [column, offered[column]])) as Partial<Row>;
        change(pending, stored, values);
      } else if (group.some((column) => !same(column, stored[column], offered[column]))) {
        plan.conflicts.push({
          line,
          person: who,
          column: COLUMN[first] ?? first,
          kept: shown(first, stored[first]),
          offered: shown(first, offered[first]),
        });
      }
    }
  }

  function change<Row extends { id: string }>(pending: Pending<Row>, stored: Row, values: Partial<Row>): void {
    Object.assign(stored, values);
    plan.changes += 1;
    // A row that is still to be inserted is the same object: it goes in with the change.
    if (pending.insert.includes(stored)) return;
    pending.update.set(stored.id, { ...pending.update.get(stored.id), ...values });
  }

  function keepFacts<Row extends { id: string; facts: Record<string, string> }>(
    pending: Pending<Row>,
    stored: Row,
    facts: Record<string, string>,
  ): void {
    const added = Object.entries(facts).filter(([name]) => !Object.hasOwn(stored.facts, name));
    for (const [name, value] of Object.entries(facts)) {
      const kept = Object.hasOwn(stored.facts, name) ? stored.facts[name]! : value;
      if (kept === value) continue;
      plan.conflicts.push({ line, person: who, column: name, kept: shown(name, kept), offered: shown(name, value) });
    }
    if (added.length === 0) return;
    change(pending, stored, { facts: { ...stored.facts, ...Object.fromEntries(added) } } as Partial<Row>);
  }

  if (!isNew && !row.via) {
    const same = (column: string, a: unknown, b: unknown) =>
      column === 'email' ? normaliseAddress(String(a)) === normaliseAddress(String(b)) : a === b;
    const hadAddress = owner.email !== null;
    fill(plan.persons, owner, row.person, [['firstName'], ['lastName'], ['email'], ['timeZone'], ['billingId']], same);
    if (!hadAddress && owner.email) change(plan.persons, owner, { emailNorm: normaliseAddress(owner.email) });
  }

  const theirs = known.departures.get(owner.id) ?? new Map<string, DepartureRow>();
  known.departures.set(owner.id, theirs);
  let departure: DepartureRow | undefined;
  if (row.departure) {
    const offered = withStanding(row.departure, owner.facts);
    departure = theirs.get(offered.externalId);
    if (departure === undefined) {
      departure = { ...offered, id: newId(), personId: owner.id, facts: row.facts, importId, createdAt };
      theirs.set(offered.externalId, departure);
      plan.departures.insert.push(departure);
      plan.changes += 1;
    } else {
      fill(plan.departures, departure, row.departure, DEPARTURE_GROUPS);
      keepFacts(plan.departures, departure, row.facts);
    }
  } else if (Object.keys(row.facts).length > 0) {
    keepFacts(plan.persons, owner, row.facts);
    for (const left of theirs.values()) {
      const filled = withStanding(left, owner.facts);
      const blanks = DEPARTURE_GROUPS.filter(([first]) => left[first!] === null && filled[first!] !== null);
      fill(plan.departures, left, filled, blanks);
    }
  }

  for (const offered of row.complaints) {
    const stored = known.complaints.get(offered.ref);
    if (stored) {
      fill(plan.complaints, stored, { ...offered, departureId: departure?.id ?? null }, COMPLAINT_GROUPS);
      continue;
    }
    const complaint = {
      ...offered,
      id: newId(),
      personId: owner.id,
      departureId: departure?.id ?? null,
      importId,
      createdAt,
    };
    known.complaints.set(offered.ref, complaint);
    plan.complaints.insert.push(complaint);
    plan.changes += 1;
  }

  if (row.signal) {
    const key = signalKey(owner.id, row.signal.kind, row.signal.externalId);
    const stored = known.signals.get(key);
    if (stored) {
      fill(plan.signals, stored, row.signal, [['happenedOn'], ['value'], ['note']]);
    } else {
      const signal = { ...row.signal, id: newId(), personId: owner.id, importId };
      known.signals.set(key, signal);
      plan.signals.insert.push(signal);
      plan.changes += 1;
    }
  }

  if (owner.emailNorm) {
    const sharing = known.byAddress.get(owner.emailNorm) ?? new Map<string, string>();
    for (const [id, other] of sharing) {
      if (id !== owner.id) plan.proposedMerges.push({ address: maskEmail(owner.emailNorm), people: [other, who] });
    }
    sharing.set(owner.id, who);
    known.byAddress.set(owner.emailNorm, sharing);
  }
  if (known.suppressed.size > 0 && row.person.email && known.suppressed.has(hashKey(row.person.email)))
    plan.suppressed += 1;
  if (isNew) plan.imported += 1;
  else if (plan.changes > before) plan.added += 1;
  else plan.unchanged += 1;
}

const DEPARTURE_GROUPS: (keyof DepartureFacts)[][] = [
  ['joinedOn', 'joinedPrecision'],
  ['leftOn', 'precision'],
  ['planOrRole'],
  ['amount', 'currency'],
  ['seats'],
  ['reasonCode'],
  ['neverContact'],
];
const COMPLAINT_GROUPS: (keyof ComplaintRow & string)[][] = [
  ['saidOn'],
  ['channel'],
  ['words'],
  ['note'],
  ['gap'],
  ['issueId'],
  ['main'],
  ['confidentiality'],
  ['namesOthers'],
  ['concerns'],
  ['publicConsent'],
  ['departureId'],
];
/** Our columns by the names that the neutral CSV has for them. */
const COLUMN: Record<string, string> = {
  firstName: 'first_name',
  lastName: 'last_name',
  timeZone: 'time_zone',
  billingId: 'billing_id',
  joinedOn: 'joined_on',
  leftOn: 'left_on',
  planOrRole: 'plan_or_role',
  reasonCode: 'reason_code',
  neverContact: 'never_contact',
  saidOn: 'said_on',
  issueId: 'issue',
  namesOthers: 'names_others',
  publicConsent: 'public_consent',
  departureId: 'departure_id',
  happenedOn: 'signal_on',
  value: 'signal_value',
};

function shown(column: string, value: unknown): string | null {
  if (value === null || value === undefined || column === 'words' || column === 'departureId') return null;
  return showable(column === 'email' ? 'email' : 'reason_code', String(value));
}

async function lookUp(reader: Reader, known: Known, rows: IntakeRow[]): Promise<void> {
  const vias = new Map(rows.flatMap(({ via }) => (via ? [[viaKey(via.kind, via.externalId), via] as const] : [])));
  for (const kind of new Set([...vias.values()].map((via) => via.kind))) {
    const wanted = [...vias.values()].filter(
      (via) => via.kind === kind && !known.via.has(viaKey(kind, via.externalId)),
    );
    if (wanted.length === 0) continue;
    const { source, kind: whose } = rows.find((row) => row.via)!.person;
    const found = await reader
      .select({ externalId: signals.externalId, person: persons })
      .from(signals)
      .innerJoin(persons, eq(persons.id, signals.personId))
      .where(
        and(
          eq(signals.kind, kind),
          among(signals.externalId, new Set(wanted.map((via) => via.externalId))),
          eq(persons.source, source),
          eq(persons.kind, whose),
        ),
      );
    for (const { externalId, person } of found) {
      const key = viaKey(kind, externalId);
      const other = known.via.get(key);
      known.via.set(key, other === undefined || other?.id === person.id ? person : null);
    }
  }

  const ids = rows.filter((row) => !row.via).flatMap(({ person }) => idHashes(person));
  for (const hash of await erasedAmong(reader, ids)) known.erased.add(hash);

  const groups = Map.groupBy(
    rows.filter((row) => !row.via && !known.persons.has(personKey(row.person))),
    ({ person }) => `${person.source} ${person.kind}`,
  );
  const fresh: PersonRow[] = [];
  for (const group of groups.values()) {
    const { source, kind } = group[0]!.person;
    const ids = [...new Set(group.map(({ person }) => person.externalId))];
    fresh.push(
      ...(await reader
        .select()
        .from(persons)
        .where(and(eq(persons.source, source), eq(persons.kind, kind), among(persons.externalId, ids)))),
    );
  }
  for (const person of fresh) known.persons.set(personKey(person), person);

  const withoutDepartures = fresh.filter((person) => !known.departures.has(person.id)).map((person) => person.id);
  const touchesDepartures = rows.some((row) => !row.signal);
  if (touchesDepartures && withoutDepartures.length > 0) {
    const left = await reader.select().from(departures).where(among(departures.personId, withoutDepartures));
    for (const departure of left) {
      const theirs = known.departures.get(departure.personId) ?? new Map<string, DepartureRow>();
      theirs.set(departure.externalId, departure);
      known.departures.set(departure.personId, theirs);
    }
  }

  const refs = [...new Set(rows.flatMap((row) => row.complaints.map(({ ref }) => ref)))].filter(
    (ref) => !known.complaints.has(ref),
  );
  if (refs.length > 0) {
    const told = await reader.select().from(complaints).where(among(complaints.ref, refs));
    for (const complaint of told) known.complaints.set(complaint.ref, complaint);
  }

  const traces = rows.flatMap((row) => (row.signal ? [row.signal] : []));
  for (const kind of new Set(traces.map((signal) => signal.kind))) {
    const ids = [...new Set(traces.filter((signal) => signal.kind === kind).map((signal) => signal.externalId))];
    const seen = await reader
      .select()
      .from(signals)
      .where(and(eq(signals.kind, kind), among(signals.externalId, ids)));
    for (const signal of seen) {
      const key = signalKey(signal.personId, kind, signal.externalId);
      if (!known.signals.has(key)) known.signals.set(key, signal);
    }
  }

  const addresses = new Map(
    rows.flatMap(({ person }) => (person.email ? [[normaliseAddress(person.email), person.email] as const] : [])),
  );
  for (const person of fresh) if (person.emailNorm && person.email) addresses.set(person.emailNorm, person.email);
  if (addresses.size === 0) return;
  const sharing = await reader
    .select({ id: persons.id, source: persons.source, externalId: persons.externalId, emailNorm: persons.emailNorm })
    .from(persons)
    .where(among(persons.emailNorm, addresses.keys()));
  for (const { id, source, externalId, emailNorm } of sharing) {
    const people = known.byAddress.get(emailNorm!) ?? new Map<string, string>();
    people.set(id, `${source}:${externalId}`);
    known.byAddress.set(emailNorm!, people);
  }
  const stopped = await reader
    .select({ hash: suppressions.addressHash, reason: suppressions.reason })
    .from(suppressions)
    .where(inArray(suppressions.addressHash, [...addresses.values()].map(addressHash)));
  for (const { hash, reason } of stopped) known.suppressed.set(hash.toString('hex'), reason);
}

/** Writes what a batch came to, in the transaction that it was planned in. */
export async function write(tx: Tx, plan: Batch): Promise<void> {
  await insertAll(tx, persons, plan.persons.insert);
  await insertAll(tx, departures, plan.departures.insert);
  await insertAll(tx, complaints, plan.complaints.insert);
  await insertAll(tx, signals, plan.signals.insert);
  for (const [id, values] of plan.persons.update) await tx.update(persons).set(values).where(eq(persons.id, id));
  for (const [id, values] of plan.departures.update)
    await tx.update(departures).set(values).where(eq(departures.id, id));
  for (const [id, values] of plan.complaints.update)
    await tx.update(complaints).set(values).where(eq(complaints.id, id));
  for (const [id, values] of plan.signals.update) await tx.update(signals).set(values).where(eq(signals.id, id));
}

async function insertAll<Table extends SQLiteTable>(
  tx: Tx,
  table: Table,
  rows: Table['$inferInsert'][],
): Promise<void> {
  for (const some of chunks(rows)) await tx.insert(table).values(some);
}

/** Closes the account of an import that changed something. `at` is in milliseconds. */
export async function finish(tx: Tx, importId: string, report: ImportReport, at: number): Promise<void> {
  const { rows, imported, merged, refused, conflicts, proposedMerges } = report;
  const counts = {
    rows,
    imported,
    merged: merged.total,
    refused: refused.length,
    conflicts: conflicts.length,
    proposedMerges: proposedMerges.length,
  };
  await tx
    .update(imports)
    .set({ finishedAt: Math.round(at), counts })
    .where(eq(imports.id, importId));
}

/** SQLite takes 32,766 parameters in a statement; no row here has more than twenty. */
function chunks<Item>(items: Item[]): Item[][] {
  return Array.from({ length: Math.ceil(items.length / 1000) }, (_, at) => items.slice(at * 1000, at * 1000 + 1000));
}

/** `in` with one parameter however many values, so that every batch runs the same prepared statement. */
function among(column: SQLiteColumn, values: Iterable<string>): SQL {
  return sql`${column} in (select value from json_each(${JSON.stringify([...values])}))`;
}

function personKey({ source, kind, externalId }: Pick<PersonFacts, 'source' | 'kind' | 'externalId'>): string {
  return `${source}\n${kind}\n${externalId}`;
}

function viaKey(kind: string, externalId: string): string {
  return `${kind}\n${externalId}`;
}

function signalKey(personId: string, kind: string, externalId: string): string {
  return `${personId}\n${kind}\n${externalId}`;
}

function hashKey(address: string): string {
  return addressHash(address).toString('hex');
}
