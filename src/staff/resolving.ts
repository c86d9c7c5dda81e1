import { eq, inArray } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { complaints, persons } from '../../db/schema/people.ts';
import { type Shown, shownOf } from '../people/diagnosis.ts';
import {
  type CountOfComplaints,
  complaintsOf,
  confirmResolutions,
  countComplaints,
  type Resolved,
} from '../people/resolve.ts';
import { type IssueWithState, publishedIssue } from '../proofs/published.ts';
import type { Day } from '../shared/dates.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { may } from './access.ts';
import { record } from './audit.ts';
import { fullName, mayKnow, type Viewer } from './privacy.ts';

/* What became of each complaint about an issue, as somebody here who has read it confirms. */

export type ComplaintRow = {
  id: string;
  ref: string;
  name: string;
  main: boolean;
  saidOn: Day | null;
  channel: string | null;
  shown: Shown;
  confirmed: { resolved: Resolved; proofId: string; reason: string; by: string; at: number } | null;
  /** What is confirmed still stands today. */
  stands: boolean;
  /** Whoever looks may confirm it. */
  yours: boolean;
};

export type ComplaintsPage = {
  rows: ComplaintRow[];
  /** How many there are to show, of which `rows` are the first. */
  shown: number;
  /** Said in confidence: nobody here reads or confirms them. */
  inConfidence: number;
  /** Of employees, which whoever looks may not read. */
  ofEmployees: number;
};

export async function complaintsToConfirm(
  reader: Reader,
  who: Viewer,
  issue: IssueWithState,
  { unconfirmed, limit = 50 }: { unconfirmed: boolean; limit?: number },
): Promise<ComplaintsPage> {
  const { owner } = issue.issue.data;
  const kinds = (['customer', 'employee'] as const).filter((kind) => mayKnow(who, kind, owner));
  const [found, counts] = await Promise.all([
    complaintsOf(reader, issue, { kinds, unconfirmed, limit }),
    countComplaints(reader, issue),
  ]);
  // What concerns whoever looks isn't there for them, not even as a number.
  const theirs = found.filter(({ person, complaint }) => mayKnow(who, person.kind, owner, complaint.concerns));
  const kept = found.length - theirs.length;
  const rows = theirs.flatMap(({ complaint, person, resolution, now }): ComplaintRow[] => {
    const shown = shownOf(complaint);
    if (!shown) return [];
    const { id, ref, main, saidOn, channel } = complaint;
    return [
      {
        ...{ id, ref, main, saidOn, channel, shown },
        name: fullName(person),
        confirmed: resolution && {
          ...{ resolved: resolution.resolved, proofId: resolution.proofId, reason: resolution.reason },
          ...{ by: resolution.confirmedBy, at: resolution.confirmedAt },
        },
        stands: now !== null,
        yours: mayResolve(who, person.kind, owner),
      },
    ];
  });
  const sum = (of: (one: CountOfComplaints) => number) => counts.reduce((all, one) => all + of(one), 0);
  const known = ({ kind }: CountOfComplaints) => kinds.includes(kind);
  return {
    rows,
    shown: sum((one) => (known(one) && one.open ? one.complaints - (unconfirmed ? one.confirmed : 0) : 0)) - kept,
    inConfidence: sum((one) => (known(one) && !one.open ? one.complaints : 0)),
    ofEmployees: sum((one) => (known(one) ? 0 : one.complaints)),
  };
}

function mayResolve(who: Viewer, kind: 'customer' | 'employee', owner: string): boolean {
  return may(who.roles, 'resolve') && (who.id === owner || (kind === 'employee' && who.roles.includes('hr')));
}

/** Confirms many at once, all or none. Confirming anew takes the place of what was confirmed before. */
export async function confirmMany(
  tx: Tx,
  who: Viewer,
  confirm: { issueId: string; complaintIds: string[]; proofId: string; resolved: string; reason: string },
  now: Date,
): Promise<{ confirmed: number } | Refusal> {
  const { issueId, complaintIds, proofId, resolved, reason } = confirm;
  const issue = await publishedIssue(tx, issueId);
  if (!issue) return refuse('no-issue', `No issue “${issueId}” is published.`);
  if (complaintIds.length === 0) return refuse('none', 'Tick the complaints that you have read.');
  if (resolved !== 'fully' && resolved !== 'partly' && resolved !== 'no') {
    return refuse('resolved', 'Say whether it is resolved for them: fully, partly, or no.');
  }
  const found = await tx
    .select({ complaint: complaints, kind: persons.kind })
    .from(complaints)
    .innerJoin(persons, eq(persons.id, complaints.personId))
    .where(inArray(complaints.id, complaintIds));
  if (found.some(({ complaint }) => complaint.issueId !== issueId)) {
    return refuse('other-issue', 'One of these is about another issue by now. Nothing was confirmed.');
  }
  if (found.some(({ complaint }) => shownOf(complaint) === null)) {
    return refuse('in-confidence', 'What was said in confidence is read and confirmed by nobody here.');
  }
  const { owner } = issue.data;
  const allowed = ({ complaint: { concerns }, kind }: (typeof found)[number]) =>
    mayResolve(who, kind, owner) && mayKnow(who, kind, owner, concerns);
  if (!found.every(allowed)) {
    return refuse('not-yours', 'Whoever owns the issue confirms this, or HR for employees. Nothing was confirmed.');
  }
  const done = await confirmResolutions(tx, { complaintIds, proofId, resolved, reason, by: who.id }, now);
  if (isRefusal(done)) return done;
  const detail = { complaints: done.confirmed, proof: proofId, resolved };
  await record(tx, { by: who.id, action: 'confirmed resolutions', subject: `issues:${issueId}`, detail }, now);
  return done;
}
