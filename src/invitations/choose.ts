import { setImmediate } from 'node:timers/promises';
import { and, eq, inArray, isNull, type SQL, sql } from 'drizzle-orm';
import type { Db, Reader, Tx } from '../../db/client.ts';
import { batches, chosen, links } from '../../db/schema/invitations.ts';
import { letters } from '../../db/schema/mail.ts';
import { persons } from '../../db/schema/people.ts';
import { issueStates, type NoAnswers, publishedSite } from '../proofs/published.ts';
import { dayOf } from '../shared/dates.ts';
import { newId } from '../shared/ids.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import { type AtTheGate, askGate, gateFacts } from './facts.ts';
import { countReasons, type GateRefusal, mayInvite } from './gate.ts';
import { mintTogether, revokeLinks } from './links.ts';

/*
 * Choosing whom to write to: who is left out is said, by reason, before anything happens. A batch holds those whom the gate let through
 * at the moment of choosing, and beside them the holdout. The gate is asked again when a letter is signed, and when it leaves.
 */

export type Batch = typeof batches.$inferSelect;
export type Purpose = Batch['purpose'];

/** Everything that is set has to be so of a person, as their latest departure and what made them leave have it. */
export type Choice = {
  issue?: string;
  gap?: string;
  kind?: string;
  plan?: string;
  country?: string;
  /** The year in which they left: `2026`. */
  left?: string;
  personId?: string;
};

/** Of the choice: `people` = `invited` + `holdout` + everyone in `leftOut`, where each is counted once, by the first reason. */
export type Would = {
  people: number;
  invited: number;
  /** Of those invited: a person here writes to them, and no file of links has them. */
  employees: number;
  /** They passed everything else, and we never invite them, to tell what inviting achieves. */
  holdout: number;
  leftOut: (GateRefusal & { people: number })[];
};

/** Where the check-ins say who answered “no”: this folder doesn't know them. */
export type AskNoAnswers = (reader: Reader) => Promise<NoAnswers>;

/** In the order in which DESIGN names what the gate asks; what isn't here comes last. */
const ORDER = [
  ...['no-main-complaint', 'not-linked', 'not-holding', 'not-resolved', 'reopened', 'held', 'same-manager'],
  ...['no-words', 'nothing-better', 'offer-ended', 'path-undecided', 'apologised', 'left-unknown', 'too-late'],
  ...['stopped', 'bounced', 'complained', 'erased', 'deceased', 'dismissed', 'dispute', 'asked', 'declined'],
  ...['already-back', 'no-address', 'confidential-only', 'corrected', 'no-check-in', 'already-chosen', 'by-hand'],
];
const place = ({ code }: { code: string }) => (ORDER.includes(code) ? ORDER.indexOf(code) : ORDER.length);

const ALREADY_CHOSEN: GateRefusal = {
  code: 'already-chosen',
  failureMode: null,
  sentence: 'They are in an earlier choice that stands.',
};
const BY_HAND: GateRefusal = {
  code: 'by-hand',
  failureMode: 'insincere',
  sentence: 'They worked here: a person here writes to them, never a file of links.',
};

/** So that a request in between waits a few dozen milliseconds at most. */
export const A_PAGE = 250;

/** Who could be written to, and why nobody else: nothing is written down. `progress` hears how many were asked. */
export async function whoWould(
  db: Pick<Db, 'read'>,
  choice: Choice,
  noAnswersOf: AskNoAnswers,
  now: Date,
  progress?: (asked: number) => Promise<void>,
): Promise<Would> {
  const site = await publishedSite(db.read);
  const issues = await issueStates(db.read, await noAnswersOf(db.read), now);
  const today = dayOf(now, site.time_zone);
  const would: Would = { people: 0, invited: 0, employees: 0, holdout: 0, leftOut: [] };
  const reasons = new Map<string, GateRefusal & { people: number }>();
  let asked = 0;
  for await (const ids of pagesOf(db.read, choice)) {
    const facts = await gateFacts(db.read, issues, today, { personIds: ids });
    const gate = facts.map((one) => ({ ...one, refusals: mayInvite(one.facts, site, today) }));
    const standing = await inAnotherBatch(db.read, ids);
    const judged = gate.filter((one) => isChosen(one, choice)).map((one) => judge(one, 'letters', standing));
    would.people += judged.length;
    would.invited += judged.filter(({ as }) => as === 'invited').length;
    would.employees += judged.filter(({ as, person }) => as === 'invited' && person.kind === 'employee').length;
    would.holdout += judged.filter(({ as }) => as === 'holdout').length;
    for (const one of countReasons(
      judged.filter(({ as }) => as === null).map(({ refusals }) => ({ refusals: refusals.slice(0, 1) })),
      site,
    )) {
      const known = reasons.get(one.code);
      if (known) known.people += one.people;
      else reasons.set(one.code, { ...one });
    }
    asked += ids.length;
    await progress?.(asked);
    await setImmediate();
  }
  would.leftOut = [...reasons.values()].toSorted((a, b) => place(a) - place(b));
  return would;
}

/** Begins a batch; `fillBatch` puts people into it. */
export async function beginBatch(
  tx: Tx,
  { id = newId(), choice, purpose, by }: { id?: string; choice: Choice; purpose: Purpose; by: string },
  now: Date,
): Promise<Batch> {
  const { personId, ...said } = choice;
  const [batch] = await tx
    .insert(batches)
    .values({
      id,
      choice: personId ? { one: 'person' } : (said as Record<string, string>),
      purpose,
      by,
      at: now.getTime(),
    })
    .returning();
  return batch!;
}

/**
 * Asks the gate about everyone of the choice once more, and writes down whom it lets through, in the same transaction as the answer:
 * nobody gets in who was stopped in between. Broken off, it goes on where it was. Ends at once when the batch is revoked.
 */
export async function fillBatch(
  db: Db,
  batchId: string,
  choice: Choice,
  noAnswersOf: AskNoAnswers,
  now: Date,
): Promise<{ invited: number; holdout: number }> {
  const [last] = await db.read.all<[string | null]>(sql`select max(person_id) from chosen where batch_id = ${batchId}`);
  for await (const ids of pagesOf(db.read, choice, last?.[0] ?? '')) {
    const stands = await db.write(async (tx) => {
      const [batch] = await tx.select().from(batches).where(eq(batches.id, batchId));
      if (!batch || batch.revokedAt !== null) return false;
      const gate = await askGate(tx, await noAnswersOf(tx), now, { personIds: ids });
      const standing = await inAnotherBatch(tx, ids, batchId);
      const rows = gate
        .filter((one) => isChosen(one, choice))
        .map((one) => judge(one, batch.purpose, standing))
        .flatMap(({ person, cause, as }) =>
          as ? [{ batchId, personId: person.id, as, at: now.getTime(), ...cause }] : [],
        );
      if (rows.length > 0) await tx.insert(chosen).values(rows).onConflictDoNothing();
      return true;
    });
    if (!stands) break;
  }
  return inBatch(db.read, batchId);
}

export async function inBatch(reader: Reader, batchId: string): Promise<{ invited: number; holdout: number }> {
  const rows = await reader.all<[string, number]>(
    sql`select "as", count(*) from chosen where batch_id = ${batchId} group by "as"`,
  );
  const of = (as: string) => rows.find(([each]) => each === as)?.[1] ?? 0;
  return { invited: of('invited'), holdout: of('holdout') };
}

/**
 * Takes a batch back: from this moment on none of its links answers anybody, and its letters that have not left never do. What was read is
 * read: that can't be taken back. Links by which somebody stops our letters go on working. Refuses a batch that was revoked before.
 */
export async function revokeBatch(
  tx: Tx,
  { batchId, by, because }: { batchId: string; by: string; because: string },
  now: Date,
): Promise<{ links: number; letters: number } | Refusal> {
  if (because.trim().length < 8) return refuse('no-reason', 'Say in a sentence why it is taken back.');
  const [revoked] = await tx
    .update(batches)
    .set({ revokedAt: now.getTime(), revokedBy: by, revokedBecause: because.trim().slice(0, 500) })
    .where(and(eq(batches.id, batchId), isNull(batches.revokedAt)))
    .returning();
  if (!revoked) return refuse('not-open', 'This batch was taken back before, or never was.');
  const own = await revokeLinks(tx, { batchId }, now);
  const itsLetters = tx.select({ id: letters.id }).from(letters).where(eq(letters.batchId, batchId));
  const theirs = await tx
    .update(links)
    .set({ revokedAt: now.getTime() })
    .where(and(inArray(links.letterId, itsLetters), eq(links.purpose, 'page'), isNull(links.revokedAt)))
    .returning({ hash: links.hash });
  // A letter that nobody got was no apology: another one may have the same cause.
  const held = await tx
    .update(letters)
    .set({ heldBecause: 'batch-revoked', cause: sql`'taken-back:' || ${letters.id}` })
    .where(
      and(eq(letters.batchId, batchId), isNull(letters.sentAt), isNull(letters.handedAt), isNull(letters.heldBecause)),
    )
    .returning({ id: letters.id });
  return { links: own + theirs.length, letters: held.length };
}

/** One row of the file that another tool sends by. */
export type LinkRow = {
  email: string;
  first_name: string;
  last_name: string;
  link: string;
  stop_link: string;
  batch: string;
};

/**
 * Mints the links of a batch as they are taken, page by page, for those whom the gate still lets through at that moment. What was taken
 * of this batch before stops working first: of two files only the newer one is good.
 */
export async function* linksOf(
  db: Db,
  batchId: string,
  baseUrl: string,
  noAnswersOf: AskNoAnswers,
  now: Date,
): AsyncGenerator<LinkRow[]> {
  const { invite } = await publishedSite(db.read);
  await db.write((tx) => revokeLinks(tx, { batchId }, now));
  const page = { purpose: 'page', batchId, days: invite.link_days } as const;
  // Without the batch: whoever has the letter can stop us, whatever becomes of the batch.
  const stop = { purpose: 'stop', batchId: null, days: invite.link_days } as const;
  for (let after = ''; ; ) {
    const rows = await db.read
      .select({ id: chosen.personId })
      .from(chosen)
      .where(and(eq(chosen.batchId, batchId), eq(chosen.as, 'invited'), sql`${chosen.personId} > ${after}`))
      .orderBy(chosen.personId)
      .limit(A_PAGE);
    const last = rows.at(-1);
    if (!last) return;
    after = last.id;
    const minted = await db.write(async (tx) => {
      const [batch] = await tx.select().from(batches).where(eq(batches.id, batchId));
      if (batch?.purpose !== 'links' || batch.revokedAt !== null) return null;
      const personIds = rows.map(({ id }) => id);
      const pass = (await askGate(tx, await noAnswersOf(tx), now, { personIds })).filter(
        ({ person, refusals }) => refusals.length === 0 && person.kind === 'customer' && person.email,
      );
      const ids = pass.map(({ person }) => person.id);
      const [tokens, stops] = [await mintTogether(tx, ids, page, now), await mintTogether(tx, ids, stop, now)];
      return pass.map(
        ({ person }, at): LinkRow => ({
          email: person.email!,
          first_name: person.firstName ?? '',
          last_name: person.lastName ?? '',
          link: new URL(`/for/${tokens[at]}`, baseUrl).href,
          stop_link: new URL(`/stop/${stops[at]}`, baseUrl).href,
          batch: batchId,
        }),
      );
    });
    if (minted === null) return;
    yield minted;
    await setImmediate();
  }
}

/** Whom a choice may reach at most, a few hundred at a time, by id. The gate's facts decide who of them belongs to it. */
async function* pagesOf(reader: Reader, choice: Choice, after = ''): AsyncGenerator<string[]> {
  for (let last = after; ; ) {
    const ids = (await reader.all<[string]>(pageOf(choice, last))).map(([id]) => id);
    if (ids.length > 0) yield ids;
    if (ids.length < A_PAGE) return;
    last = ids.at(-1)!;
  }
}

function pageOf(choice: Choice, after: string): SQL {
  if (choice.personId) return sql`select id from persons where id = ${choice.personId} and id > ${after}`;
  const where: SQL[] = [];
  const { kind, country, gap, plan, left } = choice;
  if (kind) where.push(sql`p.kind = ${kind}`);
  if (country) where.push(sql`lower(trim(p.facts ->> 'country')) = ${country.trim().toLowerCase()}`);
  if (plan) where.push(sql`exists (select 1 from departures where person_id = p.id and plan_or_role = ${plan})`);
  if (left) where.push(sql`exists (select 1 from departures where person_id = p.id and left_on like ${`${left}-%`})`);
  if (gap && !choice.issue) where.push(sql`exists (select 1 from complaints where person_id = p.id and main)`);
  // By the index of complaints where an issue is named, else along the people themselves.
  const from = choice.issue
    ? sql`(select distinct person_id as id from complaints where issue_id = ${choice.issue} and person_id > ${after}) as c
          join persons p on p.id = c.id`
    : sql`persons p`;
  return sql`select p.id from ${from} where p.id > ${after} ${sql.join(
    where.map((one) => sql` and ${one}`),
    sql``,
  )} order by p.id limit ${A_PAGE}`;
}

function isChosen({ person, facts, cause }: AtTheGate, choice: Choice): boolean {
  const { issue, gap, kind, plan, left, personId } = choice;
  return (
    (!personId || person.id === personId) &&
    (!issue || cause?.issueId === issue) &&
    (!gap || cause?.gap === gap) &&
    (!kind || person.kind === kind) &&
    (!plan || facts.departure?.planOrRole === plan) &&
    (!left || facts.departure?.leftOn?.slice(0, 4) === left)
  );
}

/** Invited, kept in the holdout, or left out: by the reasons in their order. Only who passed everything else is the holdout. */
function judge(one: AtTheGate, purpose: Purpose, standing: ReadonlySet<string>) {
  const refusals = [
    ...one.refusals,
    ...(standing.has(one.person.id) ? [ALREADY_CHOSEN] : []),
    ...(purpose === 'links' && one.person.kind === 'employee' ? [BY_HAND] : []),
  ].toSorted((a, b) => place(a) - place(b));
  const as: (typeof chosen.$inferSelect)['as'] | null =
    refusals.length === 0 ? 'invited' : refusals.every(({ code }) => code === 'holdout') ? 'holdout' : null;
  return { ...one, refusals, as };
}

/** Who of these is to be written to by another batch that stands. */
async function inAnotherBatch(reader: Reader, ids: readonly string[], except = ''): Promise<Set<string>> {
  const rows = await reader
    .selectDistinct({ id: chosen.personId })
    .from(chosen)
    .innerJoin(batches, eq(batches.id, chosen.batchId))
    .where(
      and(
        sql`${chosen.personId} in (select value from json_each(${JSON.stringify(ids)}))`,
        eq(chosen.as, 'invited'),
        isNull(batches.revokedAt),
        sql`${batches.id} <> ${except}`,
      ),
    );
  return new Set(rows.map(({ id }) => id));
}

/** About how many people a choice may reach, counted up to `most`: many are for the jobs process. */
export async function reachOf(reader: Reader, choice: Choice, most: number): Promise<number> {
  if (choice.personId) return 1;
  const these = choice.issue
    ? sql`select distinct person_id from complaints where issue_id = ${choice.issue} limit ${most}`
    : sql`select 1 from persons limit ${most}`;
  const [row] = await reader.all<[number]>(sql`select count(*) from (${these})`);
  return row?.[0] ?? 0;
}

/** Somebody by the id that the source gave them. */
export async function personByReference(reader: Reader, reference: string): Promise<string | null> {
  const [source = '', externalId = ''] = reference.trim().split(/[\s:]+(.*)/s);
  const [found] = await reader
    .select({ id: persons.id })
    .from(persons)
    .where(and(eq(persons.source, source), eq(persons.externalId, externalId.trim())));
  return found?.id ?? null;
}
