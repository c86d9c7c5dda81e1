import { eq } from 'drizzle-orm';
import { insertRows, updateRow } from '../../../db/bulk.ts';
import type { Reader, Tx } from '../../../db/client.ts';
import { complaints, departures, importFills, imports, persons, signals } from '../../../db/schema/people.ts';
import { newId } from '../../shared/ids.ts';
import { maskEmail } from '../../shared/words.ts';
import { normaliseAddress } from '../suppression.ts';
import type { ImportReport } from './import.ts';
import {
  type ComplaintRow,
  type DepartureRow,
  type Known,
  lookUp,
  type Named,
  type PersonRow,
  personKey,
  type SignalRow,
  signalKey,
  viaKey,
} from './known.ts';
import { type DepartureFacts, type IntakeRow, type Problem, showable, withStanding } from './rows.ts';

/** What the file says differently from what is known; `kept` stands. */
export type Conflict = { line: number; person: string; column: string; kept: string | null; offered: string | null };

/** Persons (`source:id`) who share an address, masked: the first twenty of them. A person has to decide. */
export type ProposedMerge = { address: string; people: string[] };
const NAMED_AT_MOST = 20;

type What = (typeof importFills.$inferSelect)['what'];
type Pending<Row> = {
  what: What;
  insert: Set<Row>;
  update: Map<string, { row: Row; values: Partial<Row> }>;
  /** What stood in rows of other imports before this one filled them. */
  before: Map<string, { personId: string; values: Partial<Row> }>;
};
const pending = <Row>(what: What): Pending<Row> => ({ what, insert: new Set(), update: new Map(), before: new Map() });

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
  persons: Pending<PersonRow>;
  departures: Pending<DepartureRow>;
  complaints: Pending<ComplaintRow>;
  signals: Pending<SignalRow>;
};

type Meta = { importId: string; now: Date };

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
    persons: pending('persons'),
    departures: pending('departures'),
    complaints: pending('complaints'),
    signals: pending('signals'),
  };
  for (let at = 0; at < batch.length; at += 1) {
    const { line, row } = batch[at]!;
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
  } else if (((signal && row.complaints.length === 0) || row.knownOnly) && !known.persons.has(personKey(person))) {
    return {
      column: 'person_id',
      value: showable('person_id', person.externalId),
      sentence: 'Nobody with this id is known. Import the people first.',
    };
  }
  const sentence = 'This person had everything about them erased. They are not taken in again.';
  if (person.email && known.suppressed.get(normaliseAddress(person.email)) === 'erased') {
    return { column: 'email', value: null, sentence };
  }
  if (!via && known.isErased(person)) {
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
function take(known: Known, plan: Batch, line: number, row: IntakeRow, meta: Meta): void {
  const found = row.via
    ? known.via.get(viaKey(row.via.kind, row.via.externalId))!
    : known.persons.get(personKey(row.person));
  const owner = found ?? welcome(known, plan, row, meta);
  if (found !== undefined || row.departure || row.complaints.length > 0 || row.signal) {
    add(known, plan, line, row, owner, found === undefined, meta);
    return;
  }
  owner.facts = row.facts;
  meet(known, plan, owner);
  plan.imported += 1;
}

function welcome(known: Known, plan: Batch, { person: said }: IntakeRow, { importId, now }: Meta): PersonRow {
  const person: PersonRow = {
    ...said,
    id: newId(),
    emailNorm: said.email && normaliseAddress(said.email),
    facts: {},
    importId,
    createdAt: now.getTime(),
    declinedAt: null,
  };
  known.persons.set(personKey(person), person);
  plan.persons.insert.add(person);
  plan.changes += 1;
  return person;
}

/** Adds what a row says about somebody to what is known of them. */
function add(
  known: Known,
  plan: Batch,
  line: number,
  row: IntakeRow,
  owner: PersonRow,
  isNew: boolean,
  { importId, now }: Meta,
): void {
  const before = plan.changes;
  const createdAt = now.getTime();
  const who = nameOf(owner);

  /** Fills the blanks of a known row; groups of columns go together. What differs is a conflict and stays. */
  function fill<Row extends { id: string; importId: string | null }>(
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

  function change<Row extends { id: string; importId: string | null }>(
    pending: Pending<Row>,
    stored: Row,
    values: Partial<Row>,
  ): void {
    plan.changes += 1;
    // A row that is still to be inserted is the same object: it goes in with the change.
    const waits = pending.insert.has(stored);
    if (!waits && stored.importId !== importId) {
      const stood = Object.fromEntries(
        Object.keys(values).map((key) => [key, stored[key as keyof Row]]),
      ) as Partial<Row>;
      const before = pending.before.get(stored.id);
      pending.before.set(stored.id, { personId: owner.id, values: { ...stood, ...before?.values } });
    }
    Object.assign(stored, values);
    if (waits) return;
    const update = pending.update.get(stored.id);
    pending.update.set(stored.id, { row: stored, values: { ...update?.values, ...values } });
    plan.owners.add(owner);
  }

  function keepFacts<Row extends { id: string; importId: string | null; facts: Record<string, string> | null }>(
    pending: Pending<Row>,
    stored: Row,
    facts: Record<string, string>,
  ): void {
    const known = stored.facts ?? {};
    const added = Object.entries(facts).filter(([name]) => !Object.hasOwn(known, name));
    for (const [name, value] of Object.entries(facts)) {
      const kept = Object.hasOwn(known, name) ? known[name]! : value;
      if (kept === value) continue;
      plan.conflicts.push({ line, person: who, column: name, kept: shown(name, kept), offered: shown(name, value) });
    }
    if (added.length === 0) return;
    change(pending, stored, { facts: { ...known, ...Object.fromEntries(added) } } as Partial<Row>);
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
    // A person who was merged may have had two departures of one name.
    const emptied = known.emptied.get(personKey(row.person));
    departure =
      theirs.get(emptied === undefined ? offered.externalId : `${emptied}/${offered.externalId}`) ??
      theirs.get(offered.externalId);
    if (departure === undefined) {
      departure = { ...offered, id: newId(), personId: owner.id, facts: row.facts, importId, createdAt };
      theirs.set(offered.externalId, departure);
      plan.departures.insert.add(departure);
      plan.owners.add(owner);
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
      if (offered.facts) keepFacts(plan.complaints, stored, offered.facts);
      continue;
    }
    const complaint = {
      ...offered,
      id: newId(),
      personId: owner.id,
      departureId: departure?.id ?? null,
      importId,
      createdAt,
      releasedAt: null,
      releasedBy: null,
    };
    known.complaints.set(offered.ref, complaint);
    plan.complaints.insert.add(complaint);
    plan.owners.add(owner);
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
      plan.signals.insert.add(signal);
      plan.owners.add(owner);
      plan.changes += 1;
    }
  }

  meet(known, plan, owner);
  if (isNew) plan.imported += 1;
  else if (plan.changes > before) plan.added += 1;
  else plan.unchanged += 1;
}

/** Who else has this address, and whether it is one that we don't write to. */
function meet(known: Known, plan: Batch, owner: PersonRow): void {
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

/** Writes what a batch came to, in the transaction that it was planned in. */
export async function write(tx: Tx, plan: Batch, importId: string): Promise<void> {
  await insertRows(tx, persons, [...plan.persons.insert]);
  await insertRows(tx, departures, [...plan.departures.insert]);
  await insertRows(tx, complaints, [...plan.complaints.insert]);
  await insertRows(tx, signals, [...plan.signals.insert]);
  for (const [id, { values }] of plan.persons.update) await updateRow(tx, persons, id, values);
  for (const [id, { values }] of plan.departures.update) await updateRow(tx, departures, id, values);
  for (const [id, { values }] of plan.complaints.update) await updateRow(tx, complaints, id, values);
  for (const [id, { values }] of plan.signals.update) await updateRow(tx, signals, id, values);
  for (const filled of [plan.persons, plan.departures, plan.complaints, plan.signals]) {
    const fills = [...filled.before].map(([rowId, { personId, values }]) => {
      const now: Record<string, unknown> = { ...filled.update.get(rowId)?.values };
      const after = Object.fromEntries(Object.keys(values).map((key) => [key, now[key]]));
      return { id: newId(), importId, personId, what: filled.what, rowId, before: values, after };
    });
    await insertRows(tx, importFills, fills);
  }
}

/** Puts what a batch came to into a dry run's scratch, whole rows over those that lie there, for the batches after it. */
export async function putAside(tx: Tx, plan: Batch): Promise<void> {
  const rowsOf = <Row>({ insert, update }: Pending<Row>) => [...insert, ...[...update.values()].map(({ row }) => row)];
  await insertRows(tx, persons, [...new Set([...plan.persons.insert, ...plan.owners])], { or: 'replace' });
  await insertRows(tx, departures, rowsOf(plan.departures), { or: 'replace' });
  await insertRows(tx, complaints, rowsOf(plan.complaints), { or: 'replace' });
  await insertRows(tx, signals, rowsOf(plan.signals), { or: 'replace' });
}

/** Closes the account of an import that changed something. `at` is in milliseconds. */
export async function finish(tx: Tx, importId: string, report: ImportReport, at: number): Promise<void> {
  const { rows, imported, merged, conflicts, proposedMerges } = report;
  const counts = {
    rows,
    imported,
    merged: merged.total,
    leftOut: report.leftOut.reduce((sum, { rows }) => sum + rows, 0),
    refused: report.refusedRows,
    conflicts: conflicts.length,
    proposedMerges: proposedMerges.length,
  };
  await tx
    .update(imports)
    .set({ finishedAt: Math.round(at), counts })
    .where(eq(imports.id, importId));
}
