import { and, eq, inArray, isNotNull, isNull, sql } from 'drizzle-orm';
import type { Db, Reader, Tx } from '../../db/client.ts';
import { checkins, erasedAnswers } from '../../db/schema/checkins.ts';
import { confirmations } from '../../db/schema/desk.ts';
import { letters } from '../../db/schema/mail.ts';
import { complaints, erasedIds, erasures, peopleCounts, type persons } from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { keptAcceptances, roleOffers } from '../../db/schema/reonboarding.ts';
import { publishedProofs, publishedSite } from '../proofs/published.ts';
import { sameName } from '../proofs/state.ts';
import { dayOf, longDay } from '../shared/dates.ts';
import { newId } from '../shared/ids.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import { ANYTHING } from './counts.ts';
import { idsOf, RECORDS, samePerson } from './records.ts';
import { confirmerHash, idHashes, suppress } from './suppression.ts';

type Person = typeof persons.$inferSelect;

export type Erased = {
  erasureId: string;
  /** How many records there were: one, unless the same address came from several sources. */
  records: number;
  /** Letters that are gone from the outbox; a copy outside the database has the same id. */
  letterIds: string[];
};

/**
 * Erases a person and every other record with the same address. What stays: keyed fingerprints of their ids and address, so
 * that no import brings them back and no letter goes out; and bare counts and answers, so that no public number improves.
 * Refuses while a payment is under way or a plan runs on, unless a restored copy does again what was done. The bytes leave the file with `foldErasures`.
 */
export async function erasePerson(
  tx: Tx,
  personId: string,
  now: Date,
  { evenIfPaying = false } = {},
): Promise<Erased | Refusal> {
  const records = await samePerson(tx, personId);
  if (records.length === 0) return refuse('nobody', 'There is nobody by this id.');
  const ids = idsOf(tx, records);
  const running = await stillRuns(tx, ids.people, now);
  if (running && !evenIfPaying) return running;

  await keepCounts(tx, records);
  for (const kind of ['customer', 'employee'] as const) {
    const people = records.filter((person) => person.kind === kind).map(({ id }) => id);
    await keepAnswers(tx, people, kind);
  }
  await keepAcceptances(tx, ids.people);
  for (const person of records) {
    await tx
      .insert(erasedIds)
      .values(idHashes(person).map((hash) => ({ hash })))
      .onConflictDoNothing();
  }
  await withdrawNames(tx, records, ids);
  for (const address of ids.addresses) await suppress(tx, address, 'erased', now);
  const posted = await tx
    .select({ id: letters.id })
    .from(letters)
    .where(RECORDS.find(({ table }) => table === letters)!.where(ids));
  for (const { table, where, stays } of RECORDS) if (!stays) await tx.delete(table).where(where(ids));
  const erasureId = newId();
  await tx.insert(erasures).values({ id: erasureId, at: now.getTime() });
  return { erasureId, records: records.length, letterIds: posted.map(({ id }) => id) };
}

/**
 * Why it can't be done yet, or null: whoever pays us must end that first, or we could not give the money back; whoever is expected at
 * work takes that back first, or waits until they have begun, or nobody would know who comes.
 */
export async function stillRuns(tx: Reader, people: string[], now: Date): Promise<Refusal | null> {
  const accepted = await tx
    .select()
    .from(roleOffers)
    .where(and(inArray(roleOffers.personId, people), isNotNull(roleOffers.acceptedAt), isNull(roleOffers.withdrawnAt)));
  // Nothing was accepted before anything was published, so the time zone is known here.
  const today = accepted.length > 0 ? dayOf(now, (await publishedSite(tx)).time_zone) : '';
  const awaited = accepted.find(({ startOn }) => startOn > today);
  if (awaited) {
    return refuse(
      'awaited',
      `You accepted our offer, and are expected on ${longDay(awaited.startOn)}. Take that back first, which is one press, or delete everything once you have begun.`,
    );
  }
  const [open] = await tx
    .select()
    .from(rejoins)
    .where(
      and(
        inArray(rejoins.personId, people),
        inArray(rejoins.state, ['begun', 'paying', 'active', 'undoing']),
        isNull(rejoins.cancelledAt),
      ),
    );
  if (!open) return null;
  if (open.state === 'active') {
    const until = open.renewsOn ? ` It is paid for until ${longDay(open.renewsOn)}.` : '';
    return refuse('plan-runs', `Your plan still runs.${until} Undo or cancel it first, then delete everything.`);
  }
  return refuse('payment-under-way', 'A payment of yours is under way. Wait a minute, then press once more.');
}

/** How many people told us must not fall because one of them is erased. */
async function keepCounts(tx: Tx, records: Person[]): Promise<void> {
  for (const { id, kind } of records) {
    const issues = await tx
      .selectDistinct({ issueId: complaints.issueId })
      .from(complaints)
      .where(eq(complaints.personId, id));
    const keys = issues.length === 0 ? [] : [ANYTHING, ...issues.flatMap(({ issueId }) => issueId ?? [])];
    for (const issueId of keys) {
      await tx
        .insert(peopleCounts)
        .values({ issueId, kind, people: 0, erased: 1 })
        .onConflictDoUpdate({
          target: [peopleCounts.issueId, peopleCounts.kind],
          set: { erased: sql`${peopleCounts.erased} + 1` },
        });
    }
  }
}

/** Where a published proof names them as its confirmer, pages say “name withdrawn” from now on. */
async function withdrawNames(tx: Tx, records: Person[], ids: ReturnType<typeof idsOf>): Promise<void> {
  const theirs = RECORDS.find(({ table }) => table === confirmations)!.where(ids);
  const answered = await tx.select().from(confirmations).where(theirs);
  const named = answered.flatMap(({ proofId, shownAs }) => (shownAs === null ? [] : [{ proofId, name: shownAs }]));
  // Whoever was asked before there were links stands in the document alone, under their own name.
  const told = await tx
    .selectDistinct({ issueId: complaints.issueId })
    .from(complaints)
    .where(inArray(complaints.personId, ids.people));
  const issues = new Set(told.map(({ issueId }) => issueId));
  const names = records.map(({ firstName, lastName }) => [firstName, lastName].filter(Boolean).join(' '));
  for (const { id, data } of await publishedProofs(tx)) {
    const { confirmer } = data;
    if (confirmer?.relation !== 'complained' || !data.issues.some((issue) => issues.has(issue))) continue;
    const { name: said } = confirmer;
    // An answer by a link names nobody in the document: it goes with its row.
    if (said !== undefined && names.some((name) => sameName(name, said))) named.push({ proofId: id, name: said });
  }
  if (named.length === 0) return;
  const hashes = named.map(({ proofId, name }) => ({ hash: confirmerHash(proofId, name) }));
  await tx.insert(erasedIds).values(hashes).onConflictDoNothing();
}

/** Each asked question stays as an answer of nobody, under an id of its own. */
async function keepAnswers(tx: Tx, people: string[], kind: Person['kind']): Promise<void> {
  const asked = await tx
    .select()
    .from(checkins)
    .where(and(inArray(checkins.personId, people), isNotNull(checkins.askedAt)));
  if (asked.length === 0) return;
  const { time_zone } = await publishedSite(tx);
  // One person is one voice: their latest answer for the tally, and the day of their latest “no” for the issue's state.
  for (const [issueId, its] of Map.groupBy(asked, (one) => one.issueId)) {
    const inOrder = its.toSorted((a, b) => (a.answeredAt ?? 0) - (b.answeredAt ?? 0));
    const no = inOrder.findLast(({ answer }) => answer === 'no')?.answeredAt ?? null;
    await tx.insert(erasedAnswers).values({
      id: newId(),
      issueId,
      kind,
      answer: inOrder.at(-1)!.answer,
      noOn: no === null ? null : dayOf(no, time_zone),
    });
  }
}

/** Whoever holds the mailed copy of what was accepted can still prove it; who it was can't be read from this. */
async function keepAcceptances(tx: Tx, people: string[]): Promise<void> {
  const accepted = await tx
    .select({ termsHash: roleOffers.termsHash, acceptedAt: roleOffers.acceptedAt })
    .from(roleOffers)
    .where(and(inArray(roleOffers.personId, people), isNotNull(roleOffers.acceptedAt)));
  for (const { termsHash, acceptedAt } of accepted) {
    await tx.insert(keptAcceptances).values({ id: newId(), termsHash, acceptedAt: acceptedAt! });
  }
}

/** Makes the bytes of what was erased leave the file and its log. Answers how many erasures are done with. */
export async function foldErasures(db: Db, now: Date): Promise<number> {
  const waiting = await db.read.select({ id: erasures.id }).from(erasures).where(isNull(erasures.foldedAt));
  if (waiting.length === 0 || !(await db.fold())) return 0;
  await db.write((tx) =>
    tx
      .update(erasures)
      .set({ foldedAt: now.getTime() })
      .where(
        inArray(
          erasures.id,
          waiting.map(({ id }) => id),
        ),
      ),
  );
  return waiting.length;
}
