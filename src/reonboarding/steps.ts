import { and, eq, inArray, isNull, lt } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { publishedVersions } from '../../db/schema/proofs.ts';
import { finishedItems, roleOffers, steps } from '../../db/schema/reonboarding.ts';
import { parseDocument } from '../proofs/content.ts';
import { type DifferencePart, differenceOf, withoutTheSame } from '../proofs/difference.ts';
import { type PublishedItem, publishedItems, publishedRoles } from '../proofs/published.ts';
import { type Day, dayOf } from '../shared/dates.ts';
import { newId } from '../shared/ids.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import { hashSecret, looksLikeSecret, mintSecret } from '../shared/secrets.ts';
import { type Carried, firstWeekOf, type Todo, type Waiting } from './firstWeek.ts';
import type { RoleOffer } from './offer.ts';

/* A first week as it stands: what the rule asks, and what has been done of it since. */

export type Step = typeof steps.$inferSelect;

/** `doneOn`: null while it is open. */
export type Done = { doneOn: Day | null; step: Step | null };

export type Week = {
  offer: RoleOffer;
  todo: (Todo<PublishedItem> & Done)[];
  waiting: (Waiting<PublishedItem> & Done)[];
  different: (Waiting<PublishedItem> & Done)[];
  carried: Carried<PublishedItem>[];
};

/** What one accepted offer asks. Reads only. */
export async function weekOf(reader: Reader, offer: RoleOffer, timeZone: string): Promise<Week> {
  const [week] = await weeksOf(reader, [offer], timeZone);
  return week!;
}

/** The same for many, in their order: as many queries as for one. */
export async function weeksOf(reader: Reader, offers: readonly RoleOffer[], timeZone: string): Promise<Week[]> {
  const people = offers.map(({ personId }) => personId);
  const ids = offers.map(({ id }) => id);
  const [items, roles, finished, begun] = await Promise.all([
    publishedItems(reader),
    publishedRoles(reader),
    reader.select().from(finishedItems).where(inArray(finishedItems.personId, people)),
    reader.select().from(steps).where(inArray(steps.offerId, ids)),
  ]);
  const countryOf = new Map(roles.map(({ id, data }) => [id, data.country]));
  const finishedBy = Map.groupBy(finished, ({ personId }) => personId);
  const begunOf = Map.groupBy(begun, ({ offerId }) => offerId);
  return offers.map((offer) => {
    const back = { role: offer.roleId, country: countryOf.get(offer.roleId) ?? '', startOn: offer.startOn };
    const week = firstWeekOf(items, finishedBy.get(offer.personId) ?? [], back);
    const stepOf = new Map((begunOf.get(offer.id) ?? []).map((step) => [step.itemId, step]));
    const withDone = <R extends { item: PublishedItem }>(rows: R[]) =>
      rows.map((row): R & Done => {
        const step = stepOf.get(row.item.id) ?? null;
        const on = step?.doneAt ? dayOf(step.doneAt, timeZone) : null;
        // What changed again after they did it is asked again.
        const stale = on !== null && row.item.data.changed_on !== undefined && row.item.data.changed_on > on;
        return { ...row, step, doneOn: stale ? null : on };
      });
    return {
      offer,
      todo: withDone(week.todo),
      waiting: withDone(week.waiting),
      different: withDone(week.different),
      carried: week.carried,
    };
  });
}

/** A row for all that somebody has to do, so that it has an owner and a day. Twice is once; answers the colleagues' new ones. */
export async function planSteps(tx: Tx, offer: RoleOffer, timeZone: string): Promise<(Step & { owner: string })[]> {
  const week = await weekOf(tx, offer, timeZone);
  const waiting = new Set(week.waiting.map(({ item }) => item.id));
  const rows = [...week.todo, ...week.different, ...week.waiting].filter(({ step }) => step === null);
  if (rows.length === 0) return [];
  const added = await tx
    .insert(steps)
    .values(
      rows.map(({ item, dueOn }) => ({
        id: newId(),
        offerId: offer.id,
        itemId: item.id,
        owner: waiting.has(item.id) ? item.data.owner : null,
        dueOn,
      })),
    )
    .onConflictDoNothing()
    .returning();
  return added.flatMap((step) => (step.owner === null ? [] : [{ ...step, owner: step.owner }]));
}

/** The person has done these. What isn't theirs to do, or is unknown, is passed over; done stays done. Answers how many were. */
export async function finishOwn(
  tx: Tx,
  offer: RoleOffer,
  itemIds: readonly string[],
  timeZone: string,
  now: Date,
): Promise<number> {
  const week = await weekOf(tx, offer, timeZone);
  const open = [...week.todo, ...week.different].filter(
    ({ item, doneOn }) => itemIds.includes(item.id) && doneOn === null,
  );
  for (const { item, dueOn } of open) {
    const done = { doneAt: now.getTime(), doneBy: 'person', contentHash: item.hash };
    await tx
      .insert(steps)
      .values({ id: newId(), offerId: offer.id, itemId: item.id, owner: null, dueOn, ...done })
      .onConflictDoUpdate({ target: [steps.offerId, steps.itemId], set: done });
  }
  return open.length;
}

/** A colleague has done theirs. The first press stands. */
export async function finishTask(tx: Tx, stepId: string, by: string, now: Date): Promise<Step | Refusal> {
  const [done] = await tx
    .update(steps)
    .set({ doneAt: now.getTime(), doneBy: by })
    .where(and(eq(steps.id, stepId), isNull(steps.doneAt)))
    .returning();
  if (done) return done;
  const [standing] = await tx.select().from(steps).where(eq(steps.id, stepId));
  return standing ?? refuse('unknown', 'There is no such step.');
}

/** Mints the link of one colleague's task as its letter leaves; answers its token. An earlier one stops working. */
export async function mintTaskLink(tx: Tx, stepId: string): Promise<string> {
  const token = mintSecret();
  await tx
    .update(steps)
    .set({ taskHash: hashSecret(token) })
    .where(eq(steps.id, stepId));
  return token;
}

/** Opens a task without changing anything. Null when it is unknown, was replaced, or the acceptance was taken back. */
export async function openTask(reader: Reader, token: string): Promise<{ step: Step; offer: RoleOffer } | null> {
  if (!looksLikeSecret(token)) return null;
  const [found] = await reader
    .select({ step: steps, offer: roleOffers })
    .from(steps)
    .innerJoin(roleOffers, eq(roleOffers.id, steps.offerId))
    .where(and(eq(steps.taskHash, hashSecret(token)), isNull(roleOffers.withdrawnAt)));
  return found ?? null;
}

/** What is done by nobody and due before this day, of offers that stand. */
export async function overdueSteps(reader: Reader, today: Day): Promise<{ step: Step; offer: RoleOffer }[]> {
  return reader
    .select({ step: steps, offer: roleOffers })
    .from(steps)
    .innerJoin(roleOffers, eq(roleOffers.id, steps.offerId))
    .where(and(isNull(steps.doneAt), lt(steps.dueOn, today), isNull(roleOffers.withdrawnAt)));
}

/**
 * What changed in a text since the person finished it: the version that was in force on that day beside today's. Null when no
 * version is that old: then only the sentence in `changed` can say it.
 */
export async function changesSince(
  reader: Reader,
  item: PublishedItem,
  finishedOn: Day,
  timeZone: string,
): Promise<DifferencePart[] | null> {
  const { collection, documentId, source, publishedAt } = publishedVersions;
  const versions = await reader
    .select({ source, publishedAt })
    .from(publishedVersions)
    .where(and(eq(collection, 'reonboarding'), eq(documentId, item.id)));
  const then = versions
    .filter((version) => dayOf(version.publishedAt, timeZone) <= finishedOn)
    .toSorted((a, b) => b.publishedAt - a.publishedAt)[0];
  const before = then && parseDocument('reonboarding', item.id, then.source, {}).document;
  return before ? withoutTheSame(differenceOf(before.body, item.body), 1) : null;
}
