import { asc, count, eq, gt } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { holds } from '../../db/schema/invitations.ts';
import { persons } from '../../db/schema/people.ts';
import { noAnswersByIssue } from '../checkins/answers.ts';
import { type AtTheGate, askGate } from '../invitations/facts.ts';
import { addReasons, type GateRefusal, type Reasons } from '../invitations/gate.ts';
import { type Hold, holdInvitations, overrideWindow, releaseHold, standingHolds } from '../invitations/holds.ts';
import type { Site } from '../proofs/documents.ts';
import { publishedIssue, publishedSite } from '../proofs/published.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { may } from './access.ts';
import { record } from './audit.ts';
import { fullName, mayKnow, type Viewer } from './privacy.ts';

/* Who may be invited back, and by reason who may not. Counts for everyone; then people, as far as whoever looks may know them. */

export type AtTheDesk = { id: string; name: string; reference: string; refusals: GateRefusal[] };

export type GatePage = {
  people: number;
  /** When they were asked about: now, or a while ago where there are too many to ask while somebody waits. Null: they are being asked. */
  countedAt: Date | null;
  mayInvite: number;
  reasons: (GateRefusal & { people: number })[];
  /** Those of the reason asked for; null: may be invited. */
  shown: AtTheDesk[];
  /** How many of them there are. */
  of: number;
  /** Employees among them, whom only HR knows. */
  hidden: number;
  holds: Hold[];
};

/** So many are asked about while somebody waits for the page; more than that beside it, some at a time, once a minute at most. */
const AT_ONCE = 2_000;
const AT_A_TIME = 100;
const COUNTS_FOR_MS = 60_000;
/** How many of those with one reason can be shown. */
const LISTED = 100;

type Listed = { [kind in 'customer' | 'employee']: { people: number; ids: string[] } };
type Tally = { people: number; mayInvite: number; reasons: Reasons; listed: Map<string | null, Listed> };
/** By the issue that made them leave; undefined: all of them. */
type Count = { at: Date; of: Map<string | undefined, Tally> };

const NOBODY: Tally = { people: 0, mayInvite: 0, reasons: new Map(), listed: new Map() };

function add({ of }: Count, asked: readonly AtTheGate[], site: Site): void {
  for (const { person, facts, refusals } of asked) {
    for (const issueId of new Set([undefined, facts.mainComplaint?.issueId ?? undefined])) {
      const tally = of.get(issueId) ?? { people: 0, mayInvite: 0, reasons: new Map(), listed: new Map() };
      of.set(issueId, tally);
      tally.people += 1;
      if (refusals.length === 0) tally.mayInvite += 1;
      addReasons(tally.reasons, refusals, site);
      for (const code of refusals.length === 0 ? [null] : new Set(refusals.map((refusal) => refusal.code))) {
        const listed = tally.listed.get(code) ?? { customer: { people: 0, ids: [] }, employee: { people: 0, ids: [] } };
        tally.listed.set(code, listed);
        const its = listed[person.kind];
        its.people += 1;
        if (its.ids.length < LISTED) its.ids.push(person.id);
      }
    }
  }
}

/** What was counted last, and the counting that is under way, of each database. */
const counts = new WeakMap<Reader, { last: Count | null; next: Promise<void> | null }>();

/** Everybody, or as they were a minute ago, or null while they are asked about for the first time. */
async function countOf(reader: Reader, people: number, now: Date): Promise<Count | null> {
  if (people <= AT_ONCE) {
    const count: Count = { at: now, of: new Map() };
    add(count, await askGate(reader, await noAnswersByIssue(reader), now), await publishedSite(reader));
    return count;
  }
  const known = counts.get(reader) ?? { last: null, next: null };
  counts.set(reader, known);
  if (!known.next && (!known.last || now.getTime() - known.last.at.getTime() > COUNTS_FOR_MS)) {
    known.next = countAll(reader, now)
      .then((count) => {
        known.last = count;
      })
      // Whoever looks next begins anew.
      .catch(() => {})
      .finally(() => {
        known.next = null;
      });
  }
  return known.last;
}

/** Some at a time, so that others are answered in between. */
async function countAll(reader: Reader, now: Date): Promise<Count> {
  const [site, noAnswers] = await Promise.all([publishedSite(reader), noAnswersByIssue(reader)]);
  const count: Count = { at: now, of: new Map() };
  for (let last = ''; ; ) {
    const { id } = persons;
    const next = await reader.select({ id }).from(persons).where(gt(id, last)).orderBy(asc(id)).limit(AT_A_TIME);
    if (next.length === 0) return count;
    last = next.at(-1)!.id;
    add(count, await askGate(reader, noAnswers, now, { personIds: next.map((one) => one.id) }), site);
    await new Promise((go) => setImmediate(go));
  }
}

/** Waits for a counting that is under way. */
export async function counted(reader: Reader): Promise<void> {
  await counts.get(reader)?.next;
}

/** `reason`: a code, or null for those who may be invited. `issueId`: only those whom this issue made leave. */
export async function gatePage(
  reader: Reader,
  who: Viewer,
  { reason, issueId, limit = LISTED }: { reason: string | null; issueId?: string | undefined; limit?: number },
  now: Date,
): Promise<GatePage> {
  const [standing, [all]] = await Promise.all([
    standingHolds(reader),
    reader.select({ people: count() }).from(persons),
  ]);
  const counting = await countOf(reader, all!.people, now);
  const { people, mayInvite, reasons, listed } = counting?.of.get(issueId) ?? NOBODY;
  const its = listed.get(reason);
  const kinds = (['customer', 'employee'] as const).filter((kind) => mayKnow(who, kind, null));
  const ids = kinds.flatMap((kind) => its?.[kind].ids ?? []).slice(0, limit);
  // As they stand now, whenever they were counted.
  const asked = ids.length === 0 ? [] : await askGate(reader, await noAnswersByIssue(reader), now, { personIds: ids });
  const fits = ({ refusals }: AtTheGate) =>
    reason === null ? refusals.length === 0 : refusals.some(({ code }) => code === reason);
  const of = (its?.customer.people ?? 0) + (its?.employee.people ?? 0);
  return {
    people: counting ? people : all!.people,
    countedAt: counting?.at ?? null,
    mayInvite,
    reasons: [...reasons.values()].toSorted((a, b) => b.people - a.people),
    shown: asked.filter(fits).map(({ person, refusals }) => ({
      ...{ id: person.id, name: fullName(person), refusals },
      reference: `${person.source} ${person.externalId}`,
    })),
    of,
    hidden: of - kinds.reduce((sum, kind) => sum + (its?.[kind].people ?? 0), 0),
    holds: standing.toSorted((a, b) => a.at - b.at),
  };
}

/** Nobody is invited over this issue from now on: its owner says so, or an approver. */
export async function holdIssue(
  tx: Tx,
  who: Viewer,
  { issueId, because }: { issueId: string; because: string },
  now: Date,
): Promise<true | Refusal> {
  const issue = await publishedIssue(tx, issueId);
  if (!issue) return refuse('no-issue', 'Choose an issue that is published.');
  const unfit = notTheirHold(who, issue.data.owner);
  if (unfit) return unfit;
  const reason = because.trim().slice(0, 500);
  if (reason.length < 8) return refuse('no-reason', 'Say in a sentence why nobody is invited over this for now.');
  if ((await standingHolds(tx)).some((hold) => hold.issueId === issueId && hold.by !== null)) {
    return refuse('held', 'Somebody here has put it on hold already.');
  }
  await holdInvitations(tx, { issueId, because: reason, by: who.id }, now);
  await record(tx, { by: who.id, action: 'held', subject: `issues:${issueId}` }, now);
  return true;
}

/** Lifts a hold. One that a returned person's “no” made is not for whoever owes them the answer to lift. */
export async function lift(
  tx: Tx,
  who: Viewer,
  { holdId, because }: { holdId: string; because: string },
  now: Date,
): Promise<true | Refusal> {
  const [hold] = await tx.select().from(holds).where(eq(holds.id, holdId));
  if (!hold) return refuse('not-held', 'This hold stands no more.');
  const owner = (await publishedIssue(tx, hold.issueId))?.data.owner ?? null;
  const unfit = notTheirHold(who, owner);
  if (unfit) return unfit;
  if (hold.reopeningId !== null && (who.id === owner || !who.roles.includes('approver'))) {
    return refuse(
      'their-no',
      'A “no” made this hold. The person’s own “settled” lifts it, or an approver who doesn’t own it.',
    );
  }
  const released = await releaseHold(tx, { holdId, by: who.id, because: because.slice(0, 500) }, now);
  if (isRefusal(released)) return released;
  await record(
    tx,
    { by: who.id, action: 'released', subject: `issues:${hold.issueId}`, detail: { hold: holdId } },
    now,
  );
  return true;
}

function notTheirHold(who: Viewer, owner: string | null): Refusal | null {
  if (may(who.roles, 'hold') && (who.id === owner || who.roles.includes('approver'))) return null;
  return refuse('not-yours', 'Whoever owns the issue does this, or an approver. Nothing was changed.');
}

/** An approver lets one person be invited although they left too long ago. Every other refusal stands. */
export async function inviteLate(
  tx: Tx,
  who: Viewer,
  { personId, reason }: { personId: string; reason: string },
  now: Date,
): Promise<true | Refusal> {
  if (!may(who.roles, 'override the window')) return refuse('not-yours', 'Only an approver does this.');
  const asked = (await askGate(tx, await noAnswersByIssue(tx), now, { personIds: [personId] }))[0];
  if (!asked || !mayKnow(who, asked.person.kind, null)) return refuse('nobody', 'Choose one of these people.');
  if (!asked.refusals.some(({ code }) => code === 'too-late')) {
    return refuse('not-late', 'The window is not what keeps this person back.');
  }
  const done = await overrideWindow(tx, { personId, by: who.id, reason: reason.slice(0, 500) }, now);
  if (isRefusal(done)) return done;
  await record(tx, { by: who.id, action: 'overrode the window', subject: `persons:${personId}` }, now);
  return true;
}
