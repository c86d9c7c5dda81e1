import { and, asc, count, desc, eq, inArray, isNotNull, isNull, notInArray, or, sql } from 'drizzle-orm';
import type { Db, Reader, Tx } from '../../db/client.ts';
import { complaints, corrections, departures, persons, suggestions } from '../../db/schema/people.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import { isConcerned } from './concerns.ts';
import type { Gap } from './diagnosis.ts';
import { type Rule, ruled } from './rules.ts';
import { type Example, type Group, groupAlike, learn, rank } from './suggest.ts';

/* Complaints that nobody has linked to an issue yet: proposed for, looked through, linked by a person. */

export type Proposed = typeof suggestions.$inferSelect;
export type ToTriage = {
  id: string;
  personId: string;
  ref: string;
  kind: 'customer' | 'employee';
  saidOn: string | null;
  channel: string | null;
  words: string | null;
  note: string | null;
  gap: Gap | null;
  reasonCode: string | null;
  confidential: boolean;
  suggestion: Proposed | null;
};

/** Learned from so many, the newest; more would teach little and take long. */
const LEARNED_FROM = 8000;
const PROPOSED_AT_ONCE = 2000;
const SURE = 0.5;

/** Whether a proposal may be ticked beforehand: by a rule, or by more than half of the weight and more than one word. Others are guesses. */
export function isSure(proposed: Proposed | null): boolean {
  if (!proposed || proposed.issueId === null) return false;
  return proposed.by === 'rule' || (proposed.share >= SURE && proposed.because.length > 1);
}

const told = sql<string>`coalesce(${complaints.words}, ${complaints.note}, '')`;

/**
 * Proposes an issue for every complaint without one: by the first rule that fits, else learned from what was linked and from the issues' own
 * words. Complaints are proposed for anew when more were linked since. Answers how many were. For a job: it may take seconds.
 */
export async function propose(db: Db, rules: readonly Rule[], issues: readonly Example[], now: Date): Promise<number> {
  const [linked] = await db.read.select({ n: count() }).from(complaints).where(isNotNull(complaints.issueId));
  const learnedFrom = linked?.n ?? 0;
  const waiting = await db.read
    .select({ id: complaints.id, text: told, reasonCode: departures.reasonCode, setAsideAt: suggestions.setAsideAt })
    .from(complaints)
    .leftJoin(suggestions, eq(suggestions.complaintId, complaints.id))
    .leftJoin(departures, eq(departures.id, complaints.departureId))
    // Anew when there is a tenth more to learn from.
    .where(
      and(
        isNull(complaints.issueId),
        or(isNull(suggestions.madeAt), sql`${suggestions.learnedFrom} * 1.1 + 5 < ${learnedFrom}`),
      ),
    )
    .orderBy(desc(complaints.id))
    .limit(PROPOSED_AT_ONCE);
  if (waiting.length === 0) return 0;
  const examples = await db.read
    .select({ label: complaints.issueId, text: told })
    .from(complaints)
    .where(isNotNull(complaints.issueId))
    .orderBy(desc(complaints.id))
    .limit(LEARNED_FROM);
  const learned = learn([...issues, ...examples.map(({ label, text }) => ({ label: label!, text }))]);
  const rows = waiting.map(({ id, text, reasonCode, setAsideAt }): Proposed => {
    const rest = { complaintId: id, learnedFrom, madeAt: now.getTime(), setAsideAt };
    const rule = ruled(rules, { text, reasonCode });
    if (rule) {
      return { ...rest, issueId: rule.issue, gap: rule.gap, share: 1, by: 'rule', because: [rule.because], others: [] };
    }
    const [first, ...others] = rank(learned, text);
    const nothing = { issueId: null, gap: null, share: 0, because: [], others: [] };
    if (!first || first.words.length === 0) return { ...rest, ...nothing, by: 'nothing' };
    const next = others.slice(0, 2).map(({ label }) => label);
    return {
      ...rest,
      issueId: first.label,
      gap: null,
      share: first.share,
      by: 'words',
      because: first.words,
      others: next,
    };
  });
  await db.write(async (tx) => {
    for (const row of rows) {
      const { complaintId, setAsideAt: _, ...made } = row;
      // The complaint may have been erased or linked in the meantime.
      const [still] = await tx
        .select({ id: complaints.id })
        .from(complaints)
        .where(and(eq(complaints.id, complaintId), isNull(complaints.issueId)));
      if (!still) continue;
      await tx.insert(suggestions).values(row).onConflictDoUpdate({ target: suggestions.complaintId, set: made });
    }
  });
  return rows.length;
}

/** Whose complaints somebody may read. `concerning`: every way in which a complaint without an issue says that it concerns them. */
export type Reach = { confidential: boolean; concerning: string[] };

/** What was said in confidence is for those who may hear it; what concerns a colleague is not for them, whatever their role. */
export async function reachOf(
  reader: Reader,
  colleague: { id: string; name: string },
  confidential: boolean,
): Promise<Reach> {
  const named = await reader
    .selectDistinct({ concerns: complaints.concerns })
    .from(complaints)
    .where(and(isNull(complaints.issueId), isNotNull(complaints.concerns)));
  const concerning = named.flatMap(({ concerns }) => (isConcerned(concerns, colleague) ? [concerns!] : []));
  return { confidential, concerning };
}

function readable({ confidential, concerning }: Reach) {
  return and(
    isNull(complaints.issueId),
    confidential ? undefined : eq(complaints.confidentiality, 'open'),
    or(isNull(complaints.concerns), notInArray(complaints.concerns, concerning)),
  );
}

function within(reach: Reach) {
  return and(readable(reach), isNull(suggestions.setAsideAt));
}

const COLUMNS = {
  id: complaints.id,
  personId: complaints.personId,
  ref: complaints.ref,
  kind: persons.kind,
  saidOn: complaints.saidOn,
  channel: complaints.channel,
  words: complaints.words,
  note: complaints.note,
  gap: complaints.gap,
  reasonCode: departures.reasonCode,
  confidentiality: complaints.confidentiality,
  suggestion: suggestions,
};

/** Those without an issue, the surest proposals first, and how many there are in all. */
export async function toTriage(
  reader: Reader,
  reach: Reach,
  { limit, offset }: { limit: number; offset: number },
): Promise<{ all: number; rows: ToTriage[] }> {
  const [found] = await reader
    .select({ n: count() })
    .from(complaints)
    .leftJoin(suggestions, eq(suggestions.complaintId, complaints.id))
    .where(within(reach));
  const rows = await reader
    .select(COLUMNS)
    .from(complaints)
    .innerJoin(persons, eq(persons.id, complaints.personId))
    .leftJoin(departures, eq(departures.id, complaints.departureId))
    .leftJoin(suggestions, eq(suggestions.complaintId, complaints.id))
    .where(within(reach))
    .orderBy(sql`coalesce(${suggestions.share}, 0) desc`, asc(complaints.ref))
    .limit(limit)
    .offset(offset);
  return {
    all: found?.n ?? 0,
    rows: rows.map(({ confidentiality, ...row }) => ({ ...row, confidential: confidentiality !== 'open' })),
  };
}

/** What nothing was surely proposed for, in groups that say alike, with what the first of each say: an issue of its own, perhaps. */
export async function groupsWithoutIssue(reader: Reader, reach: Reach): Promise<(Group & { texts: string[] })[]> {
  const rows = await reader
    .select({ ref: complaints.ref, text: told, proposed: suggestions })
    .from(complaints)
    .leftJoin(suggestions, eq(suggestions.complaintId, complaints.id))
    .where(within(reach))
    .orderBy(desc(complaints.id))
    .limit(600);
  const textOf = new Map(rows.map(({ ref, text }) => [ref, text]));
  return groupAlike(rows.filter(({ proposed }) => !isSure(proposed)))
    .slice(0, 5)
    .map((group) => ({ ...group, texts: group.refs.slice(0, 8).map((ref) => textOf.get(ref)!) }));
}

/**
 * Links these complaints to an issue. A gap is set where they have none. One that somebody else linked meanwhile stays as it is. Answers how
 * many were linked.
 */
export async function linkComplaints(
  tx: Tx,
  { refs, issueId, gap }: { refs: readonly string[]; issueId: string; gap: Gap | null },
  reach: Reach,
): Promise<number | Refusal> {
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(issueId)) {
    return refuse('issue', 'An issue is named by small letters, digits and hyphens, such as exports-failed.');
  }
  const linked = await tx
    .update(complaints)
    .set({ issueId, ...(gap ? { gap: sql`coalesce(${complaints.gap}, ${gap})` } : {}) })
    .where(and(inArray(complaints.ref, [...refs]), readable(reach)))
    .returning({ id: complaints.id });
  const ids = linked.map(({ id }) => id);
  if (ids.length > 0) await tx.delete(suggestions).where(inArray(suggestions.complaintId, ids));
  return ids.length;
}

/** About none of the issues: these are not shown again. */
export async function setAside(tx: Tx, refs: readonly string[], reach: Reach, now: Date): Promise<number> {
  const found = await tx
    .select({ id: complaints.id })
    .from(complaints)
    .where(and(inArray(complaints.ref, [...refs]), readable(reach)));
  for (const { id } of found) {
    const nothing = { issueId: null, gap: null, share: 0, by: 'nothing' as const, because: [], others: [] };
    const row = { complaintId: id, ...nothing, learnedFrom: 0, madeAt: now.getTime(), setAsideAt: now.getTime() };
    await tx
      .insert(suggestions)
      .values(row)
      .onConflictDoUpdate({ target: suggestions.complaintId, set: { setAsideAt: now.getTime() } });
  }
  return found.length;
}

/** “Is this why you left?”: how many people answered, and how many of them said that we got them wrong. */
export async function howOftenWrong(reader: Reader): Promise<{ asked: number; wrong: number }> {
  const answers = await reader
    .select({ personId: corrections.personId, right: corrections.right })
    .from(corrections)
    .orderBy(asc(corrections.saidAt));
  const last = new Map(answers.map(({ personId, right }) => [personId, right]));
  return { asked: last.size, wrong: [...last.values()].filter((right) => !right).length };
}
