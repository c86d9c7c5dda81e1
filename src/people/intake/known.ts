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
  const known: Known = {
    persons: new Map(),
    emptied: new Map(),
    departures: new Map(),
    complaints: new Map(),
    signals: new Map(),
    via: new Map(),
    byAddress: new Map(),
    suppressed: new Map(),
    isErased: () => false,
  };
  async function asked<Found>(look: (reader: Reader) => Promise<Found[]>): Promise<Found[]> {
    const found: Found[] = [];
    for (const reader of readers) for (const one of await look(reader)) found.push(one);
    return found;
  }

  const direct: IntakeRow[] = [];
  const vias: { kind: SignalRow['kind']; externalId: string; person: PersonFacts }[] = [];
  for (const row of rows) {
    if (row.via) vias.push({ ...row.via, person: row.person });
    else direct.push(row);
  }
  for (const [kind, group] of Map.groupBy(vias, (via) => via.kind)) {
    const { source, kind: whose } = group[0]!.person;
    const ids = new Set(group.map((via) => via.externalId));
    const found = await asked((reader) =>
      reader
        .select({ externalId: signals.externalId, person: persons })
        .from(signals)
        .innerJoin(persons, eq(persons.id, signals.personId))
        .where(
          and(
            eq(signals.kind, kind),
            among(signals.externalId, ids),
            eq(persons.source, source),
            eq(persons.kind, whose),
          ),
        ),
    );
    for (const { externalId, person } of found) {
      const key = viaKey(kind, externalId);
      const other = known.via.get(key);
      known.via.set(key, other === undefined || other?.id === person.id ? person : null);
    }
  }

  known.isErased = await erasedAmong(
    readers[0]!,
    direct.map((row) => row.person),
  );

  for (const group of Map.groupBy(direct, ({ person }) => `${person.source} ${person.kind}`).values()) {
    const { source, kind } = group[0]!.person;
    const ids = new Set(group.map(({ person }) => person.externalId));
    const found = await asked((reader) =>
      reader
        .select()
        .from(persons)
        .where(and(eq(persons.source, source), eq(persons.kind, kind), among(persons.externalId, ids))),
    );
    for (const person of found) known.persons.set(personKey(person), person);
  }

  if (known.persons.size > 0) {
    const byId = new Map([...known.persons].map(([key, person]) => [person.id, key] as const));
    const into = await readers[0]!
      .select({ emptiedId: merges.emptiedId, keptId: merges.keptId })
      .from(merges)
      .where(among(merges.emptiedId, byId.keys()));
    const kept = into.map(({ keptId }) => keptId!);
    const found =
      into.length === 0 ? [] : await asked((reader) => reader.select().from(persons).where(among(persons.id, kept)));
    for (const person of found) {
      // One object a person, under all of their keys, so that each row meets what the others changed.
      const one = known.persons.get(personKey(person)) ?? person;
      known.persons.set(personKey(person), one);
      for (const { emptiedId, keptId } of into) {
        if (keptId !== person.id) continue;
        known.emptied.set(byId.get(emptiedId!)!, emptiedId!);
        known.persons.set(byId.get(emptiedId!)!, one);
      }
    }
  }

  const owners = [...known.persons.values(), ...known.via.values()].flatMap((person) => (person ? [person.id] : []));
  if (owners.length > 0 && rows.some((row) => !row.signal)) {
    const left = await asked((reader) => reader.select().from(departures).where(among(departures.personId, owners)));
    for (const departure of left) {
      const theirs = known.departures.get(departure.personId) ?? new Map<string, DepartureRow>();
      theirs.set(departure.externalId, departure);
      known.departures.set(departure.personId, theirs);
    }
  }

  const refs = new Set(rows.flatMap((row) => row.complaints.map(({ ref }) => ref)));
  if (refs.size > 0) {
    const told = await asked((reader) => reader.select().from(complaints).where(among(complaints.ref, refs)));
    for (const complaint of told) known.complaints.set(complaint.ref, complaint);
  }

  const traces = rows.flatMap((row) => (row.signal ? [row.signal] : []));
  for (const [kind, group] of Map.groupBy(traces, (signal) => signal.kind)) {
    const ids = new Set(group.map((signal) => signal.externalId));
    const seen = await asked((reader) =>
      reader
        .select()
        .from(signals)
        .where(and(eq(signals.kind, kind), among(signals.externalId, ids))),
    );
    for (const signal of seen) known.signals.set(signalKey(signal.personId, kind, signal.externalId), signal);
  }

  const addresses = new Set<string>();
  for (const { person } of rows) if (person.email) addresses.add(normaliseAddress(person.email));
  for (const { emailNorm } of known.persons.values()) if (emailNorm) addresses.add(emailNorm);
  if (addresses.size === 0) return known;
  const { id, kind, source, externalId, emailNorm } = persons;
  const sharing = await asked((reader) =>
    reader.select({ id, kind, source, externalId, emailNorm }).from(persons).where(among(emailNorm, addresses)),
  );
  for (const one of sharing) {
    const people = known.byAddress.get(one.emailNorm!);
    if (people === undefined) known.byAddress.set(one.emailNorm!, [one]);
    else if (people.every((person) => person.id !== one.id)) people.push(one);
  }
  known.suppressed = await suppressionsAmong(readers[0]!, addresses);
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
