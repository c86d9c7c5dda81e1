import { and, asc, count, eq, exists, gte, inArray, isNull, ne, or, type SQL, sql } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { complaints, corrections, persons, resolutions } from '../../db/schema/people.ts';
import { type IssueWithState, publishedIssue, publishedProof } from '../proofs/published.ts';
import { dayOf } from '../shared/dates.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import { counted } from '../shared/words.ts';
import type { Complaint, Person, Resolution } from './diagnosis.ts';

/*
 * What became of one complaint, by one proof, as a person here confirmed it. Never the issue's state alone: an issue can hold, and
 * this person's trouble be another one.
 */

export type Resolved = Resolution['resolved'];

/**
 * What the confirmation says today. “Fully” stands while its proof holds and was not changed since; otherwise nothing is confirmed
 * for this complaint, and somebody has to look again. “Partly” and “no” stand.
 */
export function resolvedNow(
  resolution: Pick<Resolution, 'proofId' | 'resolved' | 'confirmedAt'> | null,
  issue: IssueWithState | undefined,
): Resolved | null {
  if (resolution?.resolved !== 'fully') return resolution?.resolved ?? null;
  const by = issue?.proofs.find(({ proof }) => proof.id === resolution.proofId);
  if (by?.state.state !== 'holding') return null;
  return dayOf(resolution.confirmedAt) < by.proof.data.changed_on ? null : 'fully';
}

/**
 * Somebody here confirms what became of these complaints, one or many at once: all of them, or none. Whether `by` may confirm is for
 * the caller to know. Refuses without a reason that the people can read, for a proof that is not published, and for a complaint
 * that the proof is not about.
 */
export async function confirmResolutions(
  tx: Tx,
  confirm: { complaintIds: readonly string[]; proofId: string; resolved: Resolved; reason: string; by: string },
  now: Date,
): Promise<{ confirmed: number } | Refusal> {
  const reason = confirm.reason.trim();
  if (reason.length < 8) return refuse('no-reason', 'Say in a sentence why, to the person who told us. They read it.');
  const proof = await publishedProof(tx, confirm.proofId);
  if (!proof) return refuse('no-proof', `No proof “${confirm.proofId}” is published.`);
  const ids = [...new Set(confirm.complaintIds)];
  const found = await tx
    .select({ id: complaints.id, ref: complaints.ref, issueId: complaints.issueId })
    .from(complaints)
    .where(inArray(complaints.id, ids));
  if (ids.length === 0 || found.length < ids.length) {
    return refuse('no-complaint', 'One of these complaints is not known here, or is gone. Nothing was confirmed.');
  }
  const others = found.filter(({ issueId }) => issueId === null || !proof.data.issues.includes(issueId));
  if (others.length > 0) {
    const many = others.length === 1 ? 'is' : 'are';
    return refuse(
      'other-issue',
      `${counted(others.length, 'complaint')} ${many} not about what this proof is for, ${others[0]!.ref} first. Nothing was confirmed.`,
    );
  }
  const { proofId, resolved, by } = confirm;
  const row = { proofId, resolved, reason, confirmedBy: by, confirmedAt: now.getTime() };
  for (const complaintId of ids) {
    await tx
      .insert(resolutions)
      .values({ complaintId, ...row })
      .onConflictDoUpdate({ target: resolutions.complaintId, set: row });
  }
  return { confirmed: ids.length };
}

export type ToConfirm = { complaint: Complaint; person: Person; resolution: Resolution | null; now: Resolved | null };

/** The same rule as `resolvedNow`, for the database to go by: something is confirmed, and stands today. */
function stands(issue: IssueWithState): SQL {
  const holding = issue.proofs.filter(({ state }) => state.state === 'holding');
  const by = holding.map(({ proof }) =>
    and(eq(resolutions.proofId, proof.id), gte(resolutions.confirmedAt, Date.parse(proof.data.changed_on))),
  );
  return sql`(${resolutions.complaintId} is not null and (${or(ne(resolutions.resolved, 'fully'), ...by)}))`;
}

/**
 * For the desk: complaints about an issue that were told openly by people of these kinds, with what was confirmed and whether that
 * still stands; oldest first, at most `limit`. However many there are, only those are read.
 */
export async function complaintsOf(
  reader: Reader,
  issue: IssueWithState,
  { kinds, unconfirmed, limit }: { kinds: readonly Person['kind'][]; unconfirmed: boolean; limit: number },
): Promise<ToConfirm[]> {
  const rows = await reader
    .select({ complaint: complaints, person: persons, resolution: resolutions })
    .from(complaints)
    .innerJoin(persons, eq(persons.id, complaints.personId))
    .leftJoin(resolutions, eq(resolutions.complaintId, complaints.id))
    .where(
      and(
        eq(complaints.issueId, issue.issue.id),
        eq(complaints.confidentiality, 'open'),
        inArray(persons.kind, [...kinds]),
        unconfirmed ? sql`not ${stands(issue)}` : undefined,
      ),
    )
    .orderBy(asc(complaints.saidOn), asc(complaints.ref))
    .limit(limit);
  return rows.map((row) => ({ ...row, now: resolvedNow(row.resolution, issue) }));
}

export type CountOfComplaints = { kind: Person['kind']; open: boolean; complaints: number; confirmed: number };

/**
 * How many of them there are: of each kind of person, told openly or in confidence, and for how many a confirmation stands. Whoever
 * left as an employee is one of few: they are looked up, and all others are the rest.
 */
export async function countComplaints(reader: Reader, issue: IssueWithState): Promise<CountOfComplaints[]> {
  const about = eq(complaints.issueId, issue.issue.id);
  const isOpen = sql<number>`${complaints.confidentiality} = 'open'`;
  const ofEmployees = reader.select({ id: persons.id }).from(persons).where(eq(persons.kind, 'employee'));
  const confirmedAmong = (which: SQL | undefined) =>
    reader
      .select({ open: isOpen, number: count() })
      .from(resolutions)
      .innerJoin(complaints, eq(complaints.id, resolutions.complaintId))
      .where(and(about, stands(issue), which))
      .groupBy(isOpen);
  const toldBy = (which: SQL | undefined) =>
    reader.select({ open: isOpen, number: count() }).from(complaints).where(and(about, which)).groupBy(isOpen);
  const theirs = inArray(complaints.personId, ofEmployees);
  const [all, employees, confirmed, confirmedOfEmployees] = await Promise.all([
    toldBy(undefined),
    toldBy(theirs),
    confirmedAmong(undefined),
    confirmedAmong(theirs),
  ]);
  const of = (rows: { open: number; number: number }[], open: boolean) =>
    rows.find((row) => (row.open === 1) === open)?.number ?? 0;
  return [true, false].flatMap((open): CountOfComplaints[] => {
    const [told, said] = [of(employees, open), of(confirmedOfEmployees, open)];
    const customers = { complaints: of(all, open) - told, confirmed: of(confirmed, open) - said };
    return [
      { kind: 'customer', open, ...customers },
      { kind: 'employee', open, complaints: told, confirmed: said },
    ];
  });
}

/** The complaint is about this issue; what was confirmed while it was thought to be about another is withdrawn. */
async function linkComplaint(tx: Tx, complaintId: string, issueId: string): Promise<true | Refusal> {
  if (!(await publishedIssue(tx, issueId))) return refuse('no-issue', `No issue “${issueId}” is published.`);
  const [before] = await tx
    .select({ issueId: complaints.issueId })
    .from(complaints)
    .where(eq(complaints.id, complaintId));
  if (!before) return refuse('no-complaint', 'This complaint is not known here, or is gone.');
  if (before.issueId === issueId) return true;
  await tx.delete(resolutions).where(eq(resolutions.complaintId, complaintId));
  await tx.update(complaints).set({ issueId }).where(eq(complaints.id, complaintId));
  return true;
}

/**
 * Somebody here has read where a person says that we had them wrong, and links the complaint anew, or leaves it where it was. From
 * then on the person may be invited again, if the gate says so.
 */
export async function reviewCorrection(
  tx: Tx,
  { correctionId, by, issueId }: { correctionId: string; by: string; issueId?: string },
  now: Date,
): Promise<true | Refusal> {
  const [correction] = await tx
    .select()
    .from(corrections)
    .where(and(eq(corrections.id, correctionId), isNull(corrections.reviewedAt)));
  if (!correction)
    return refuse('reviewed', 'Somebody has reviewed this already, or the person has said something newer.');
  if (issueId !== undefined && correction.complaintId !== null) {
    const linked = await linkComplaint(tx, correction.complaintId, issueId);
    if (linked !== true) return linked;
  }
  await tx
    .update(corrections)
    .set({ reviewedAt: now.getTime(), reviewedBy: by })
    .where(eq(corrections.id, correctionId));
  return true;
}

export type ToReview = {
  correction: typeof corrections.$inferSelect;
  person: Person;
  complaint: Complaint | null;
};

/** For the desk: what nobody has reviewed yet, oldest first. */
export async function correctionsToReview(reader: Reader): Promise<ToReview[]> {
  return reader
    .select({ correction: corrections, person: persons, complaint: complaints })
    .from(corrections)
    .innerJoin(persons, eq(persons.id, corrections.personId))
    .leftJoin(complaints, eq(complaints.id, corrections.complaintId))
    .where(and(eq(corrections.right, false), isNull(corrections.reviewedAt)))
    .orderBy(asc(corrections.saidAt));
}

/** How often we were right about why people left, of those who told us. */
export async function howOftenRight(reader: Reader): Promise<{ said: number; right: number }> {
  const main = reader
    .select({ id: complaints.id })
    .from(complaints)
    .where(and(eq(complaints.id, corrections.complaintId), eq(complaints.main, true)));
  const rows = await reader.select({ right: corrections.right }).from(corrections).where(exists(main));
  return { said: rows.length, right: rows.filter(({ right }) => right).length };
}
