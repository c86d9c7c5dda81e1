import { toSnakeCase } from 'drizzle-orm/casing';
import type { Reader } from '../../../db/client.ts';
import { newId } from '../../shared/ids.ts';
import { maskEmail } from '../../shared/words.ts';
import { normaliseAddress } from '../suppression.ts';
import { type Problem, showable } from './cells.ts';
import { type Known, lookUp, type Named, personKey, signalKey, viaKey } from './known.ts';
import { refusalOf } from './refuse.ts';
import {
  type ComplaintRow,
  type DepartureRow,
  type IntakeRow,
  type PersonRow,
  type SignalRow,
  withStanding,
} from './rows.ts';

/** What the file says differently from what is known; `kept` stands. */
export type Conflict = { line: number; person: string; column: string; kept: string | null; offered: string | null };

/** Persons (`source:id`) who share an address, masked: the first twenty of them. A person has to decide. */
export type ProposedMerge = { address: string; people: string[] };
const NAMED_AT_MOST = 20;

export type Stored = { id: string; importId: string | null };
/** What is to be written to one table. */
export type Pending<Row> = {
  insert: Set<Row>;
  update: Map<string, { row: Row; values: Partial<Row> }>;
  /** What stood in rows of other imports before this one filled them. */
  before: Map<string, { personId: string; values: Partial<Row> }>;
};
const nothing = <Row>(): Pending<Row> => ({ insert: new Set(), update: new Map(), before: new Map() });

/** What a batch of rows comes to: the accounting, and the rows to write. */
export type Batch = {
  imported: number;
  added: number;
  unchanged: number;
  suppressed: number;
  refused: { at: number; problem: Problem }[];
  conflicts: Conflict[];
  /** By normalised address. */
  proposedMerges: Map<string, ProposedMerge>;
  /** The same by our ids, two at a time. */
  pairs: [string, string][];
  changes: number;
  /** Everyone whom a row is written for. */
  owners: Set<PersonRow>;
  pending: {
    persons: Pending<PersonRow>;
    departures: Pending<DepartureRow>;
    complaints: Pending<ComplaintRow>;
    signals: Pending<SignalRow>;
  };
};

type Meta = { importId: string; now: Date };

/** A row on its way in: whose it is, and where what becomes of it is put down. */
type Turn = { known: Known; plan: Batch; line: number; owner: PersonRow; importId: string; createdAt: number };

/** Decides for each row what it adds to what is known. Reads, and writes nothing. */
export async function planBatch(
  readers: readonly Reader[],
  batch: readonly { line: number; row: IntakeRow }[],
  meta: Meta,
): Promise<Batch> {
  const known = await lookUp(
    readers,
    batch.map(({ row }) => row),
  );
  const plan: Batch = {
    imported: 0,
    added: 0,
    unchanged: 0,
    suppressed: 0,
    refused: [],
    conflicts: [],
    proposedMerges: new Map(),
    pairs: [],
    changes: 0,
    owners: new Set(),
    pending: { persons: nothing(), departures: nothing(), complaints: nothing(), signals: nothing() },
  };
  for (let at = 0; at < batch.length; at += 1) {
    const { line, row } = batch[at]!;
    const problem = refusalOf(known, row);
    if (problem) plan.refused.push({ at, problem });
    else take(known, plan, line, row, meta);
  }
  return plan;
}

/** Takes one row in: into `known`, so that the next row meets it, and into what the batch will write. */
function take(known: Known, plan: Batch, line: number, row: IntakeRow, { importId, now }: Meta): void {
  const before = plan.changes;
  const createdAt = now.getTime();
  const { via } = row;
  const found = via ? known.via.get(viaKey(via.kind, via.externalId)) : known.persons.get(personKey(row.person));
  const owner = found ?? newPerson(row, importId, createdAt);
  const turn: Turn = { known, plan, line, owner, importId, createdAt };
  if (!found) {
    known.persons.set(personKey(owner), owner);
    insert(turn, plan.pending.persons, owner);
  } else if (!via) fillPerson(turn, row);
  const departure = takeDeparture(turn, row);
  takeComplaints(turn, row, departure);
  takeSignal(turn, row);
  meet(turn);
  if (!found) plan.imported += 1;
  else if (plan.changes > before) plan.added += 1;
  else plan.unchanged += 1;
}

function newPerson({ person, departure, facts }: IntakeRow, importId: string, createdAt: number): PersonRow {
  return {
    ...person,
    id: newId(),
    emailNorm: person.email && normaliseAddress(person.email),
    facts: departure ? {} : facts,
    importId,
    createdAt,
    declinedAt: null,
  };
}

function fillPerson(turn: Turn, { person }: IntakeRow): void {
  const { plan, owner } = turn;
  const hadAddress = owner.email !== null;
  fill(turn, plan.pending.persons, owner, person, ['firstName', 'lastName', 'email', 'timeZone', 'billingId']);
  if (!hadAddress && owner.email) {
    change(turn, plan.pending.persons, owner, { emailNorm: normaliseAddress(owner.email) });
  }
}

/** Filled one by one; what stands beside one of them goes with it. */
const OF_A_DEPARTURE = ['joinedOn', 'leftOn', 'planOrRole', 'amount', 'seats', 'reasonCode', 'neverContact'] as const;
const BESIDE: { [column: string]: string } = { joinedOn: 'joinedPrecision', leftOn: 'precision', amount: 'currency' };

function takeDeparture(turn: Turn, row: IntakeRow): DepartureRow | null {
  const { known, plan, owner, importId, createdAt } = turn;
  const { persons, departures } = plan.pending;
  const theirs = known.departures.get(owner.id);
  if (!row.departure) {
    // Somebody new has them already.
    if (owner.facts === row.facts) return null;
    keepFacts(turn, persons, owner, row.facts);
    if (Object.keys(row.facts).length === 0) return null;
    for (const left of theirs?.values() ?? []) {
      const blanks = OF_A_DEPARTURE.filter((column) => left[column] === null);
      fill(turn, departures, left, withStanding(left, owner.facts), blanks);
    }
    return null;
  }
  const offered = withStanding(row.departure, owner.facts);
  // A person who was merged may have had two departures of one name.
  const emptied = known.emptied.get(personKey(row.person));
  const renamed = emptied && theirs?.get(`${emptied}/${offered.externalId}`);
  const stored = renamed || theirs?.get(offered.externalId);
  if (stored) {
    fill(turn, departures, stored, row.departure, OF_A_DEPARTURE);
    keepFacts(turn, departures, stored, row.facts);
    return stored;
  }
  const departure = { ...offered, id: newId(), personId: owner.id, facts: row.facts, importId, createdAt };
  if (theirs) theirs.set(offered.externalId, departure);
  else known.departures.set(owner.id, new Map([[offered.externalId, departure]]));
  insert(turn, departures, departure);
  return departure;
}

function takeComplaints(turn: Turn, row: IntakeRow, departure: DepartureRow | null): void {
  const { known, plan, owner, importId, createdAt } = turn;
  const { complaints } = plan.pending;
  const departureId = departure?.id ?? null;
  for (const told of row.complaints) {
    const stored = known.complaints.get(told.ref);
    if (stored) {
      const { facts, ...said } = told;
      fill(turn, complaints, stored, { ...said, departureId });
      if (facts) keepFacts(turn, complaints, stored, facts);
      continue;
    }
    const ours = { id: newId(), personId: owner.id, importId, createdAt, releasedAt: null, releasedBy: null };
    const complaint = { ...told, departureId, ...ours };
    known.complaints.set(told.ref, complaint);
    insert(turn, complaints, complaint);
  }
}

function takeSignal(turn: Turn, { signal }: IntakeRow): void {
  const { known, plan, owner, importId } = turn;
  if (!signal) return;
  const key = signalKey(owner.id, signal.kind, signal.externalId);
  const stored = known.signals.get(key);
  if (stored) fill(turn, plan.pending.signals, stored, signal);
  else {
    const made = { ...signal, id: newId(), personId: owner.id, importId };
    known.signals.set(key, made);
    insert(turn, plan.pending.signals, made);
  }
}

function insert<Row>({ plan, owner }: Turn, pending: Pending<Row>, row: Row): void {
  pending.insert.add(row);
  plan.owners.add(owner);
  plan.changes += 1;
}

/** Fills the blanks of a known row. What differs is a conflict, and what is known stays. */
function fill<Row extends Stored>(
  turn: Turn,
  pending: Pending<Row>,
  stored: Row,
  offered: Partial<Row>,
  columns: readonly (keyof Row & string)[] = Object.keys(offered) as (keyof Row & string)[],
): void {
  for (const column of columns) {
    const value = offered[column];
    if (value === null || value === undefined) continue;
    const beside = BESIDE[column] as (keyof Row & string) | undefined;
    const both = beside ? [column, beside] : [column];
    if (stored[column] === null) {
      change(turn, pending, stored, Object.fromEntries(both.map((one) => [one, offered[one]])) as Partial<Row>);
    } else if (both.some((one) => !isSame(one, stored[one], offered[one]))) {
      NAMES[column] ??= toSnakeCase(column);
      conflict(turn, NAMES[column], shown(column, stored[column]), shown(column, value));
    }
  }
}

function isSame(column: string, a: unknown, b: unknown): boolean {
  return a === b || (column === 'email' && normaliseAddress(String(a)) === normaliseAddress(String(b)));
}

/** Adds what a row says beyond our fields. */
function keepFacts<Row extends Stored & { facts: Record<string, string> | null }>(
  turn: Turn,
  pending: Pending<Row>,
  stored: Row,
  facts: Record<string, string>,
): void {
  const known = stored.facts ?? {};
  const added: [string, string][] = [];
  for (const [name, value] of Object.entries(facts)) {
    if (!Object.hasOwn(known, name)) added.push([name, value]);
    else if (known[name] !== value) conflict(turn, name, shown(name, known[name]), shown(name, value));
  }
  if (added.length === 0) return;
  change(turn, pending, stored, { facts: { ...known, ...Object.fromEntries(added) } } as Partial<Row>);
}

function change<Row extends Stored>(turn: Turn, pending: Pending<Row>, stored: Row, values: Partial<Row>): void {
  const { plan, owner, importId } = turn;
  plan.changes += 1;
  // A row that is still to be inserted is the same object: it goes in with the change.
  const waits = pending.insert.has(stored);
  if (!waits && stored.importId !== importId) {
    const stood = Object.fromEntries(Object.keys(values).map((key) => [key, stored[key as keyof Row]]));
    const before = pending.before.get(stored.id);
    pending.before.set(stored.id, { personId: owner.id, values: { ...stood, ...before?.values } as Partial<Row> });
  }
  Object.assign(stored, values);
  if (waits) return;
  const update = pending.update.get(stored.id);
  pending.update.set(stored.id, { row: stored, values: { ...update?.values, ...values } });
  plan.owners.add(owner);
}

function conflict({ plan, line, owner }: Turn, column: string, kept: string | null, offered: string | null): void {
  plan.conflicts.push({ line, person: nameOf(owner), column, kept, offered });
}

/** Our columns by the names that the neutral CSV has for them; the others come in as they are needed. */
const NAMES: { [column: string]: string } = { issueId: 'issue', happenedOn: 'signal_on', value: 'signal_value' };

function shown(column: string, value: unknown): string | null {
  if (value === null || value === undefined || column === 'words' || column === 'departureId') return null;
  return showable(column === 'email' ? 'email' : 'reason_code', String(value));
}

/** Who else has this address, and whether it is one that we don't write to. */
function meet({ known, plan, owner }: Turn): void {
  const address = owner.emailNorm;
  if (!address) return;
  const sharing = known.byAddress.get(address);
  if (sharing === undefined) known.byAddress.set(address, [owner]);
  else {
    if (sharing.every((person) => person.id !== owner.id)) sharing.push(owner);
    if (sharing.length > 1) {
      const [first] = sharing;
      if (first!.id !== owner.id && first!.kind === owner.kind) plan.pairs.push([first!.id, owner.id]);
      const people = sharing.slice(0, NAMED_AT_MOST).map(nameOf);
      plan.proposedMerges.set(address, { address: maskEmail(address), people });
    }
  }
  if (known.suppressed.has(address)) plan.suppressed += 1;
}

function nameOf({ source, externalId }: Named): string {
  return `${source}:${externalId}`;
}
