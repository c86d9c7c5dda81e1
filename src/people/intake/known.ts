import { and, eq, type SQL, sql } from 'drizzle-orm';
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core';
import type { Reader } from '../../../db/client.ts';
import { complaints, departures, merges, persons, signals } from '../../../db/schema/people.ts';
import { erasedAmong, normaliseAddress, type SuppressionReason, suppressionsAmong } from '../suppression.ts';
import type { ComplaintRow, DepartureRow, IntakeRow, PersonFacts, PersonRow, SignalRow } from './rows.ts';

export type Named = Pick<PersonRow, 'id' | 'kind' | 'source' | 'externalId'>;

/** What the database holds about the rows at hand; the rows themselves are added as they are taken in. */
export type Known = {
  persons: Map<string, PersonRow>;
  /** Ids of records that were merged into another, by their own keys; `persons` has the other one there. */
  emptied: Map<string, string>;
  departures: Map<string, Map<string, DepartureRow>>;
  complaints: Map<string, ComplaintRow>;
  signals: Map<string, SignalRow>;
  /** Of a signal that rows are found through: whose it is. Null when it belongs to several. */
  via: Map<string, PersonRow | null>;
  /** Who has it, by normalised address. */
  byAddress: Map<string, Named[]>;
  /** By normalised address. */
  suppressed: Map<string, SuppressionReason>;
  /** Whether this row's person was erased. */
  isErased: (person: PersonFacts) => boolean;
};

/**
 * What is stored about these rows. Of several readers the later ones are nearer to the truth: a dry run asks the database, and then what
 * it has put aside itself.
 */
export async function lookUp(readers: readonly Reader[], rows: readonly IntakeRow[]): Promise<Known> {
  const asked: Ask = async (look) => (await Promise.all(readers.map(look))).flat();
  const [stored] = readers as [Reader, ...Reader[]];
  const direct = rows.filter(({ via }) => !via).map(({ person }) => person);
  const via = await personsThrough(asked, rows);
  const people = await personsOf(asked, direct);
  const emptied = people.size > 0 ? await followMerges(asked, stored, people) : new Map<string, string>();
  const found = [...people.values(), ...[...via.values()].filter((person) => person !== null)];
  const owners = rows.some((row) => !row.signal) ? found.map(({ id }) => id) : [];
  const addresses = addressesOf(rows, people.values());
  return {
    persons: people,
    emptied,
    via,
    departures: await departuresOf(asked, owners),
    complaints: await complaintsOf(asked, rows),
    signals: await signalsOf(asked, rows),
    byAddress: await sharing(asked, addresses),
    suppressed: addresses.size > 0 ? await suppressionsAmong(stored, addresses) : new Map(),
    isErased: await erasedAmong(stored, direct),
  };
}

/** What all readers have, the nearest to the truth last. */
type Ask = <Found>(look: (reader: Reader) => Promise<Found[]>) => Promise<Found[]>;

/** Whose a signal is that rows are found through. */
async function personsThrough(asked: Ask, rows: readonly IntakeRow[]): Promise<Known['via']> {
  const known: Known['via'] = new Map();
  const through = rows.flatMap(({ via, person }) => (via ? [{ ...via, person }] : []));
  for (const [kind, group] of Map.groupBy(through, (one) => one.kind)) {
    const { person } = group[0]!;
    const ids = new Set(group.map(({ externalId }) => externalId));
    const [ofTheirs, ofTheSource] = [
      and(eq(signals.kind, kind), among(signals.externalId, ids)),
      and(eq(persons.source, person.source), eq(persons.kind, person.kind)),
    ];
    const found = await asked((reader) =>
      reader
        .select({ externalId: signals.externalId, person: persons })
        .from(signals)
        .innerJoin(persons, eq(persons.id, signals.personId))
        .where(and(ofTheirs, ofTheSource)),
    );
    for (const { externalId, person } of found) {
      const key = viaKey(kind, externalId);
      const other = known.get(key);
      known.set(key, other === undefined || other?.id === person.id ? person : null);
    }
  }
  return known;
}

async function personsOf(asked: Ask, people: readonly PersonFacts[]): Promise<Known['persons']> {
  const known: Known['persons'] = new Map();
  for (const group of Map.groupBy(people, ({ source, kind }) => `${source} ${kind}`).values()) {
    const { source, kind } = group[0]!;
    const ids = new Set(group.map(({ externalId }) => externalId));
    const where = and(eq(persons.source, source), eq(persons.kind, kind), among(persons.externalId, ids));
    const found = await asked((reader) => reader.select().from(persons).where(where));
    for (const person of found) known.set(personKey(person), person);
  }
  return known;
}

/** Puts into the place of each record that was merged the one that has it now; answers the ids of the emptied ones, by their keys. */
async function followMerges(asked: Ask, stored: Reader, people: Known['persons']): Promise<Known['emptied']> {
  const emptied: Known['emptied'] = new Map();
  const keys = new Map([...people].map(([key, person]) => [person.id, key] as const));
  const into = await stored
    .select({ emptiedId: merges.emptiedId, keptId: merges.keptId })
    .from(merges)
    .where(among(merges.emptiedId, keys.keys()));
  if (into.length === 0) return emptied;
  const kept = into.map(({ keptId }) => keptId!);
  for (const person of await asked((reader) => reader.select().from(persons).where(among(persons.id, kept)))) {
    // One object a person, under all of their keys, so that each row meets what the others changed.
    const one = people.get(personKey(person)) ?? person;
    people.set(personKey(person), one);
    for (const { emptiedId } of into.filter(({ keptId }) => keptId === person.id)) {
      const key = keys.get(emptiedId!)!;
      emptied.set(key, emptiedId!);
      people.set(key, one);
    }
  }
  return emptied;
}

async function departuresOf(asked: Ask, owners: readonly string[]): Promise<Known['departures']> {
  const known: Known['departures'] = new Map();
  if (owners.length === 0) return known;
  const left = await asked((reader) => reader.select().from(departures).where(among(departures.personId, owners)));
  for (const departure of left) {
    const theirs = known.get(departure.personId);
    if (theirs) theirs.set(departure.externalId, departure);
    else known.set(departure.personId, new Map([[departure.externalId, departure]]));
  }
  return known;
}

async function complaintsOf(asked: Ask, rows: readonly IntakeRow[]): Promise<Known['complaints']> {
  const refs = new Set(rows.flatMap((row) => row.complaints.map(({ ref }) => ref)));
  if (refs.size === 0) return new Map();
  const told = await asked((reader) => reader.select().from(complaints).where(among(complaints.ref, refs)));
  return new Map(told.map((complaint) => [complaint.ref, complaint]));
}

async function signalsOf(asked: Ask, rows: readonly IntakeRow[]): Promise<Known['signals']> {
  const known: Known['signals'] = new Map();
  const traces = rows.flatMap(({ signal }) => (signal ? [signal] : []));
  for (const [kind, group] of Map.groupBy(traces, (signal) => signal.kind)) {
    const where = and(eq(signals.kind, kind), among(signals.externalId, new Set(group.map((one) => one.externalId))));
    const seen = await asked((reader) => reader.select().from(signals).where(where));
    for (const signal of seen) known.set(signalKey(signal.personId, kind, signal.externalId), signal);
  }
  return known;
}

function addressesOf(rows: readonly IntakeRow[], people: Iterable<PersonRow>): Set<string> {
  const addresses = new Set<string>();
  for (const { person } of rows) if (person.email) addresses.add(normaliseAddress(person.email));
  for (const { emailNorm } of people) if (emailNorm) addresses.add(emailNorm);
  return addresses;
}

async function sharing(asked: Ask, addresses: ReadonlySet<string>): Promise<Known['byAddress']> {
  const known: Known['byAddress'] = new Map();
  if (addresses.size === 0) return known;
  const { id, kind, source, externalId, emailNorm } = persons;
  const found = await asked((reader) =>
    reader.select({ id, kind, source, externalId, emailNorm }).from(persons).where(among(emailNorm, addresses)),
  );
  for (const one of found) {
    const people = known.get(one.emailNorm!);
    if (people === undefined) known.set(one.emailNorm!, [one]);
    else if (people.every((person) => person.id !== one.id)) people.push(one);
  }
  return known;
}

/** `in` with one parameter however many values, so that every batch runs the same prepared statement. */
function among(column: SQLiteColumn, values: Iterable<string>): SQL {
  return sql`${column} in (select value from json_each(${JSON.stringify([...values])}))`;
}

export function personKey({ source, kind, externalId }: Pick<PersonFacts, 'source' | 'kind' | 'externalId'>): string {
  return `${source}\n${kind}\n${externalId}`;
}

export function viaKey(kind: string, externalId: string): string {
  return `${kind}\n${externalId}`;
}

export function signalKey(personId: string, kind: string, externalId: string): string {
  return `${personId}\n${kind}\n${externalId}`;
}
