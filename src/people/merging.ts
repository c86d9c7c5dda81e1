import { and, asc, desc, eq, getTableName, inArray, isNotNull, isNull, or, sql } from 'drizzle-orm';
import { alias, type SQLiteTable } from 'drizzle-orm/sqlite-core';
import { insertRows } from '../../db/bulk.ts';
import type { Reader, Tx } from '../../db/client.ts';
import { confirmations } from '../../db/schema/desk.ts';
import { choosings, chosen, links, postponed } from '../../db/schema/invitations.ts';
import { letters } from '../../db/schema/mail.ts';
import { makeGoods } from '../../db/schema/makegoods.ts';
import {
  complaints,
  corrections,
  departures,
  importFills,
  merges,
  persons,
  signals,
  waits,
} from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { finishedItems, roleOffers, talks } from '../../db/schema/reonboarding.ts';
import { devices } from '../../db/schema/sessions.ts';
import { newId } from '../shared/ids.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';

/*
 * Two records with one address that are one person. An import only proposes it. When somebody here says so, all that one record holds goes to the
 * other; the emptied one stays as the key by which imports find the person. Nothing that keeps letters away is lost: the list of those we don't
 * write to goes by the address, which both have, and everything else moves.
 */

type Person = typeof persons.$inferSelect;
export type Merge = typeof merges.$inferSelect;
export type History = {
  person: Person;
  departures: (typeof departures.$inferSelect)[];
  complaints: (typeof complaints.$inferSelect)[];
};
export type Double = { merge: Merge; older: History; newer: History };

/** What moves, by the column that finds each row again. What the other one has already, under the same key, stays where it is. */
export const MOVED: readonly [table: SQLiteTable, key: string][] = [
  [departures, 'id'],
  [complaints, 'id'],
  [signals, 'id'],
  [corrections, 'id'],
  [waits, 'id'],
  [importFills, 'id'],
  [finishedItems, 'id'],
  [talks, 'id'],
  [makeGoods, 'id'],
  [letters, 'id'],
  [confirmations, 'id'],
  [chosen, 'batch_id'],
  [choosings, 'id'],
  [links, 'hex(hash)'],
  [devices, 'hex(hash)'],
  // By its moment: another one that took its place since is not taken back with the merge.
  [postponed, 'at'],
];

/** Under which name it is kept what of a table was moved. */
function movedAs(table: SQLiteTable, key: string): string {
  return key === 'id' ? getTableName(table) : `${getTableName(table)} ${key}`;
}

const HAS_RETURNED = 'comes with a return or a role, and a record with one is not emptied';

/** Tables that name a person and don't move, and why. */
export const UNMOVED: { [table: string]: string } = {
  rejoins: HAS_RETURNED,
  role_offers: HAS_RETURNED,
  checkins: HAS_RETURNED,
  reopenings: HAS_RETURNED,
  promises: HAS_RETURNED,
  window_overrides:
    'a leave to write was given for what that record alone said; it lets letters through, so it is asked for again',
  codes: 'ends within minutes; whoever waits for one asks again',
};

/** Remembers pairs with one address. One that was proposed before, or decided, stays as it is. */
export async function proposeMerges(tx: Tx, pairs: readonly (readonly [string, string])[], now: Date): Promise<void> {
  const rows = pairs.map((pair) => {
    const [olderId, newerId] = pair.toSorted() as [string, string];
    return {
      id: newId(),
      olderId,
      newerId,
      proposedAt: now.getTime(),
      keptId: null,
      emptiedId: null,
      undo: null,
      mergedAt: null,
      apartAt: null,
      by: null,
    };
  });
  await insertRows(tx, merges, rows, { or: 'ignore' });
}

/** Pairs that nobody has decided about, the longest waiting first, and those that were merged or kept apart, the latest first. */
export async function doubles(
  reader: Reader,
  kinds: readonly Person['kind'][],
  { decided = false, limit = 20 } = {},
): Promise<{ of: number; shown: Double[] }> {
  if (kinds.length === 0) return { of: 0, shown: [] };
  const [older, newer] = [alias(persons, 'older'), alias(persons, 'newer')];
  const open = and(isNull(merges.mergedAt), isNull(merges.apartAt));
  const where = and(
    decided ? or(isNotNull(merges.mergedAt), isNotNull(merges.apartAt)) : open,
    inArray(older.kind, [...kinds]),
    eq(older.kind, newer.kind),
    // An address that was mended since is no reason any more.
    decided ? undefined : eq(older.emailNorm, newer.emailNorm),
  );
  const pairs = await reader
    .select({ merge: merges })
    .from(merges)
    .innerJoin(older, eq(older.id, merges.olderId))
    .innerJoin(newer, eq(newer.id, merges.newerId))
    .where(where)
    .orderBy(decided ? desc(sql`coalesce(${merges.mergedAt}, ${merges.apartAt})`) : asc(merges.proposedAt))
    .limit(1000);
  const shown: Double[] = [];
  for (const { merge } of pairs.slice(0, limit)) {
    shown.push({
      merge,
      older: await historyOf(reader, merge.olderId),
      newer: await historyOf(reader, merge.newerId),
    });
  }
  return { of: pairs.length, shown };
}

async function historyOf(reader: Reader, id: string): Promise<History> {
  const [[person], left, told] = await Promise.all([
    reader.select().from(persons).where(eq(persons.id, id)),
    reader.select().from(departures).where(eq(departures.personId, id)).orderBy(asc(departures.leftOn)),
    reader.select().from(complaints).where(eq(complaints.personId, id)).orderBy(asc(complaints.saidOn)),
  ]);
  return { person: person!, departures: left, complaints: told };
}

/** “One person.” Everything goes to the older record, or to the one that has come back, or that others were merged into. */
export async function merge(
  tx: Tx,
  by: string,
  mergeId: string,
  kinds: readonly Person['kind'][],
  now: Date,
): Promise<Merge | Refusal> {
  const found = await openMerge(tx, mergeId, kinds);
  if ('refused' in found) return found;
  const { older, newer } = found;
  if (older.billingId && newer.billingId && older.billingId !== newer.billingId) {
    return refuse(
      'two-payers',
      'These two pay under different customer ids. Merge them at the payment provider first, then import them again.',
    );
  }
  const anchored = [await mustStay(tx, older.id), await mustStay(tx, newer.id)];
  if (anchored[0] && anchored[1]) {
    return refuse('both-returned', 'Both records have come back, or hold others already. They can’t be made one here.');
  }
  const [kept, emptied] = anchored[1] ? [newer, older] : [older, newer];

  await tx.run(sql`update ${departures} set external_id = ${`${emptied.id}/`} || external_id
    where person_id = ${emptied.id} and external_id in (select external_id from ${departures} where person_id = ${kept.id})`);
  // Of two that were put off, the later day holds. It stays when the merge is taken back.
  await tx.run(sql`update ${postponed} set until = later.until from ${postponed} as later
    where ${postponed}.person_id = ${kept.id} and later.person_id = ${emptied.id} and later.until > ${postponed}.until`);
  const moved: Record<string, string[]> = {};
  for (const [table, key] of MOVED) {
    const keys = await tx.all<[string]>(
      sql`update or ignore ${table} set person_id = ${kept.id} where person_id = ${emptied.id} returning ${sql.raw(key)}`,
    );
    if (keys.length > 0) moved[movedAs(table, key)] = keys.map(([one]) => one);
  }
  // What both had asked to be told is told once.
  await tx.delete(waits).where(eq(waits.personId, emptied.id));

  const blanks = (['firstName', 'lastName', 'timeZone', 'billingId', 'email', 'emailNorm'] as const).filter(
    (column) => kept[column] === null && emptied[column] !== null,
  );
  const filled: Partial<Person> = {
    ...Object.fromEntries(blanks.map((column) => [column, emptied[column]])),
    facts: { ...emptied.facts, ...kept.facts },
    declinedAt: kept.declinedAt ?? emptied.declinedAt,
  };
  const bare: Partial<Person> = { emailNorm: null, billingId: null };
  const stood = (row: Person, changes: Partial<Person>) =>
    Object.fromEntries(Object.keys(changes).map((column) => [column, row[column as keyof Person]]));
  // The emptied record lets go of what only one may have before the other takes it.
  await tx.update(persons).set(bare).where(eq(persons.id, emptied.id));
  await tx.update(persons).set(filled).where(eq(persons.id, kept.id));
  const [merged] = await tx
    .update(merges)
    .set({
      keptId: kept.id,
      emptiedId: emptied.id,
      undo: { kept: stood(kept, filled), emptied: stood(emptied, bare), moved },
      mergedAt: now.getTime(),
      by,
    })
    .where(eq(merges.id, mergeId))
    .returning();
  return merged!;
}

/** “Two people”: it is not proposed again. */
export async function keepApart(
  tx: Tx,
  by: string,
  mergeId: string,
  kinds: readonly Person['kind'][],
  now: Date,
): Promise<Merge | Refusal> {
  const found = await openMerge(tx, mergeId, kinds);
  if ('refused' in found) return found;
  const [apart] = await tx.update(merges).set({ apartAt: now.getTime(), by }).where(eq(merges.id, mergeId)).returning();
  return apart!;
}

/**
 * Takes either decision back. What was moved and is still there goes back; what came in since stays with the person it went to, and a wish that both had
 * stays the kept one’s.
 */
export async function undoMerge(tx: Tx, mergeId: string, kinds: readonly Person['kind'][]): Promise<Merge | Refusal> {
  const [found] = await tx.select().from(merges).where(eq(merges.id, mergeId));
  const pair = found && (await pairOf(tx, found));
  if (!found || !pair || !kinds.includes(pair.older.kind) || (found.mergedAt === null && found.apartAt === null)) {
    return refuse('not-decided', 'There is nothing to take back here.');
  }
  const { keptId, emptiedId, undo } = found;
  if (found.mergedAt !== null && keptId && emptiedId && undo) {
    for (const [table, key] of MOVED) {
      const keys = undo.moved[movedAs(table, key)];
      if (!keys) continue;
      await tx.run(sql`update or ignore ${table} set person_id = ${emptiedId}
        where person_id = ${keptId} and ${sql.raw(key)} in (select value from json_each(${JSON.stringify(keys)}))`);
    }
    const mark = `${emptiedId}/`;
    await tx.run(sql`update ${departures} set external_id = substr(external_id, ${mark.length + 1})
      where person_id = ${emptiedId} and substr(external_id, 1, ${mark.length}) = ${mark}`);
    const kept = keptId === pair.older.id ? pair.older : pair.newer;
    const emptied = kept === pair.older ? pair.newer : pair.older;
    const merged = {
      ...undo.kept,
      ...filledBy(undo.kept as Partial<Person>, emptied, undo.emptied as Partial<Person>),
    };
    // Only what still stands as the merge left it.
    const back = Object.fromEntries(
      Object.entries(undo.kept).filter(([column]) => same(kept[column as keyof Person], merged[column])),
    );
    if (Object.keys(back).length > 0) await tx.update(persons).set(back).where(eq(persons.id, keptId));
    await tx.update(persons).set(undo.emptied).where(eq(persons.id, emptiedId));
  }
  const [open] = await tx
    .update(merges)
    .set({ keptId: null, emptiedId: null, undo: null, mergedAt: null, apartAt: null, by: null })
    .where(eq(merges.id, mergeId))
    .returning();
  return open!;
}

/** What a merge wrote into the record that was kept. */
function filledBy(kept: Partial<Person>, emptied: Person, bare: Partial<Person>): Record<string, unknown> {
  const other: Person = { ...emptied, ...bare };
  const filled: Record<string, unknown> = {};
  for (const column of Object.keys(kept) as (keyof Person)[]) filled[column] = kept[column] ?? other[column];
  if (kept.facts) filled['facts'] = { ...other.facts, ...kept.facts };
  return filled;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

async function openMerge(
  tx: Tx,
  mergeId: string,
  kinds: readonly Person['kind'][],
): Promise<{ older: Person; newer: Person } | Refusal> {
  const [found] = await tx.select().from(merges).where(eq(merges.id, mergeId));
  const pair = found && (await pairOf(tx, found));
  if (!found || !pair || pair.older.kind !== pair.newer.kind || !kinds.includes(pair.older.kind)) {
    return refuse('no-merge', 'There are no such two records here. Perhaps an import was undone.');
  }
  if (found.mergedAt !== null || found.apartAt !== null) {
    return refuse('decided', 'Somebody has decided about these two already.');
  }
  return pair;
}

async function pairOf(reader: Reader, { olderId, newerId }: Merge): Promise<{ older: Person; newer: Person } | null> {
  const both = await reader
    .select()
    .from(persons)
    .where(inArray(persons.id, [olderId, newerId]));
  const [older, newer] = [both.find(({ id }) => id === olderId), both.find(({ id }) => id === newerId)];
  return older && newer ? { older, newer } : null;
}

/** Whether a record can't be emptied: it has come back, was offered a role, or others were merged into it. */
async function mustStay(tx: Tx, personId: string): Promise<boolean> {
  const [back] = await tx.select({ id: rejoins.id }).from(rejoins).where(eq(rejoins.personId, personId)).limit(1);
  const [role] = await tx
    .select({ id: roleOffers.id })
    .from(roleOffers)
    .where(eq(roleOffers.personId, personId))
    .limit(1);
  // The one that was kept is one of the two, and by those a pair is found.
  const theirs = or(eq(merges.olderId, personId), eq(merges.newerId, personId));
  const kept = and(eq(merges.keptId, personId), theirs);
  const [holds] = await tx.select({ id: merges.id }).from(merges).where(kept).limit(1);
  return Boolean(back ?? role ?? holds);
}
