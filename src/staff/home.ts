import { eq, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { kept } from '../../db/kept.ts';
import { confirmations } from '../../db/schema/desk.ts';
import { complaints } from '../../db/schema/people.ts';
import { issuesNow } from '../checkins/answers.ts';
import { openReopenings } from '../checkins/reopen.ts';
import { coverage, type IssueToCover, type NextAction, WAITING_SINCE } from '../people/coverage.ts';
import type { Gap } from '../people/diagnosis.ts';
import { parseDocument } from '../proofs/content.ts';
import type { Collection } from '../proofs/documents.ts';
import { daysBehind } from '../proofs/evidence.ts';
import { type IssueWithState, publishedSite } from '../proofs/published.ts';
import { wrongClaims } from '../proofs/rules.ts';
import { type StateName, stateWords } from '../proofs/state.ts';
import { dayOf, longDay } from '../shared/dates.ts';
import { counted } from '../shared/words.ts';
import { may } from './access.ts';
import type { Draft } from './draft.ts';
import { draftsInHand, titleOf } from './drafts.ts';
import type { Viewer } from './privacy.ts';
import { reviewPath, shownTitle, writePath } from './status.ts';

/* Where the desk begins: who waits for what, and the one next thing to do about each. */

/** What a press or a link of a row leads to; neither: it is only said. */
export type Step = { label: string; href?: string; begin?: { collection: Collection; id: string } };

export type HomeRow = {
  key: string;
  title: string;
  href: string | null;
  /** Null: no document describes it yet. */
  state: { name: StateName; words: string } | null;
  /** Short id. */
  owner: string | null;
  people: number;
  oldestDays: number | null;
  peopleDays: number;
  next: Step;
};

export type Home = {
  headline: string;
  /** People and drafts that wait for whoever looks. */
  yours: { title: string; why: string; href: string }[];
  /** Those first who have waited longest together. */
  rows: HomeRow[];
  /** What holds: nobody waits for it. */
  holding: HomeRow[];
  /** Complaints that nobody has linked to an issue, by why it hurt. */
  loose: { gap: Gap | null; complaints: number; people: number; oldestDays: number | null }[];
};

type Handed = Awaited<ReturnType<typeof draftsInHand>>[number];

export async function home(reader: Reader, who: Viewer, now: Date): Promise<Home> {
  const [issues, handed] = await Promise.all([issuesNow(reader, now), draftsInHand(reader)]);
  const covered = await coverage(
    reader,
    issues.map((one) => issueToCover(one, now)),
    now,
  );
  const byId = new Map(issues.map((one) => [one.issue.id, one]));
  const rows = [
    ...covered.issues.map((row): HomeRow => {
      const one = byId.get(row.id)!;
      return {
        ...row,
        key: row.id,
        href: `/issues/${row.id}`,
        state: { name: row.state, words: stateWords(one.state) },
        next: waitingFor(draftFor(handed, row.id)) ?? nextStep(one, row.nextAction, who),
      };
    }),
    ...covered.unknown.map((row): HomeRow => {
      const begin: Step = { label: 'Write the issue', begin: { collection: 'issues', id: row.id } };
      const draft = handed.find((one) => one.draft.collection === 'issues' && one.draft.documentId === row.id);
      const next = waitingFor(draft) ?? begin;
      return { ...row, key: row.id, title: row.id, href: null, state: null, owner: null, next };
    }),
    ...handed
      .filter(({ draft }) => draft.collection === 'issues' && isNew(draft, byId, covered.unknown))
      .map((one): HomeRow => {
        const { documentId: key } = one.draft;
        const nobody = { people: 0, oldestDays: null, peopleDays: 0 };
        const owner = one.standing.owner;
        const next = waitingFor(one)!;
        return { ...nobody, key, title: named(one.draft), href: null, state: null, owner, next };
      }),
  ];
  const sorted = rows.toSorted((a, b) => b.peopleDays - a.peopleDays || b.people - a.people);
  const isHolding = ({ state }: HomeRow) => state?.name === 'holding';
  const holdingIds = issues.filter(({ state }) => state.state === 'holding').map(({ issue }) => issue.id);
  return {
    headline: headlineOf(issues, covered, {
      ...(await stillWaiting(reader, JSON.stringify(holdingIds), dayOf(now))),
      anybody: (await reader.$count(complaints)) > 0,
    }),
    yours: [...(await owedBy(reader, who, now)), ...(await noesFor(reader, issues, who)), ...yoursOf(handed, who)],
    rows: sorted.filter((row) => !isHolding(row)),
    holding: sorted.filter(isHolding),
    loose: covered.unlinked,
  };
}

/** What coverage needs to know of an issue, from what is published. */
export function issueToCover({ issue, state, proofs }: IssueWithState, now: Date): IssueToCover {
  const behind = proofs.flatMap(({ proof }) =>
    Object.values(proof.points).map((points) => daysBehind(points, dayOf(now))),
  );
  const confirmed = proofs.length > 0 && proofs.every(({ proof }) => proof.data.confirmer !== undefined);
  const textDisagrees = proofs.some(disagrees);
  const worst = behind.reduce((most, days) => (days !== null && days > (most ?? 0) ? days : most), null);
  const { title, owner } = issue.data;
  return {
    id: issue.id,
    title,
    owner,
    state: state.state,
    published: true,
    confirmed,
    textDisagrees,
    daysBehind: worst,
  };
}

/** What was published agreed with its numbers; what arrived since may have moved them. */
function disagrees({ proof }: IssueWithState['proofs'][number]): boolean {
  return proof.arrived.length > 0 && wrongClaims(proof).length > 0;
}

function isNew({ documentId }: Draft, known: ReadonlyMap<string, unknown>, unknown: { id: string }[]): boolean {
  return !known.has(documentId) && !unknown.some(({ id }) => id === documentId);
}

/** The draft that moves this issue on: of a proof for it, else of the issue itself. */
function draftFor(handed: readonly Handed[], issueId: string): Handed | undefined {
  const proofFor = ({ draft: { collection, documentId, source, assets } }: Handed) => {
    if (collection !== 'proofs') return false;
    const { document } = parseDocument('proofs', documentId, source, assets);
    // While it can't be read yet, its text still names its issues.
    return document ? document.data.issues.includes(issueId) : new RegExp(`^[ \\t]*- ${issueId}$`, 'm').test(source);
  };
  const ofIssue = ({ draft }: Handed) => draft.collection === 'issues' && draft.documentId === issueId;
  return handed.find(proofFor) ?? handed.find(ofIssue);
}

function waitingFor(handed: Handed | undefined): Step | null {
  if (!handed) return null;
  const { draft, standing } = handed;
  const [write, review] = [writePath(draft), reviewPath(draft)];
  switch (standing.status) {
    case 'sent':
      return { label: 'Confirm its facts', href: review };
    case 'confirmed':
      return { label: 'Publish it', href: review };
    case 'scheduled':
      return { label: `Goes out on ${longDay(dayOf(draft.publishAt!))}`, href: review };
    case 'returned':
      return { label: 'Mend what came back', href: write };
    default:
      return { label: 'Go on with the draft', href: write };
  }
}

function nextStep({ issue, state, proofs }: IssueWithState, action: NextAction, who: Viewer): Step {
  const latest = proofs.toSorted((a, b) => b.proof.data.changed_on.localeCompare(a.proof.data.changed_on))[0]?.proof.id;
  switch (action) {
    case 'Write the proof':
      return { label: action, begin: { collection: 'proofs', id: latest ?? issue.id } };
    case 'Change it again': {
      const back = proofs.find((one) => one.state.state === 'came_back')?.proof.id ?? latest ?? issue.id;
      return { label: action, begin: { collection: 'proofs', id: back } };
    }
    case 'Ask a confirmer': {
      const without = proofs.find(({ proof }) => proof.data.confirmer === undefined)?.proof.id ?? latest;
      return without ? { label: action, href: `/staff/drafts/proofs/${without}/confirmer` } : { label: action };
    }
    case 'Correct the text': {
      const wrong = proofs.find(disagrees)?.proof.id ?? issue.id;
      return { label: action, begin: { collection: 'proofs', id: wrong } };
    }
    case 'Watch':
      return { label: state.why[0] ?? 'Watch' };
    case 'Invite':
      return may(who.roles, 'see people')
        ? { label: 'See who may be invited', href: `/staff/gate?issue=${issue.id}` }
        : { label: 'Nothing: it holds' };
    default:
      if (action.startsWith('Evidence')) return { label: `${action}: measure it` };
      return { label: action, begin: { collection: 'issues', id: issue.id } };
  }
}

/** However unfinished it is. */
function named(draft: Draft): string {
  const shown = shownTitle(draft);
  return shown === draft.documentId ? titleOf(draft) : shown;
}

/** Somebody waits for their answer, which comes before any document. */
async function owedBy(reader: Reader, { id, roles }: Viewer, now: Date): Promise<Home['yours']> {
  if (!may(roles, 'answer')) return [];
  const { time_zone } = await publishedSite(reader);
  const open = await openReopenings(reader, dayOf(now, time_zone));
  return open
    .filter(({ reopening }) => reopening.owner === id && reopening.answeredAt === null)
    .map(({ reopening, late }) => ({
      title: 'A “no” of somebody who came back',
      why: `${late ? 'has waited for your answer since' : 'waits for your answer until'} ${longDay(reopening.dueOn)}`,
      href: `/staff/answers#row-${reopening.id}`,
    }));
}

/** Somebody from outside said that a page is not so, and no version since answers it: for who asked them and who answers for it. */
async function noesFor(reader: Reader, issues: readonly IssueWithState[], { id }: Viewer): Promise<Home['yours']> {
  const proofs = new Map(issues.flatMap((issue) => issue.proofs.map(({ proof }) => [proof.id, proof])));
  const noes = await reader.select().from(confirmations).where(eq(confirmations.confirmed, false));
  return noes.flatMap(({ proofId, askedBy, answeredAt }) => {
    const proof = proofs.get(proofId);
    if (askedBy !== id && proof?.data.owner !== id) return [];
    if (proof && answeredAt! <= proof.publishedAt) return [];
    const href = `/staff/drafts/proofs/${proofId}/confirmer`;
    return [{ title: proof?.headline ?? proofId, why: 'is not so, says somebody whom we asked: read why', href }];
  });
}

function yoursOf(handed: readonly Handed[], { id, roles }: Viewer): Home['yours'] {
  return handed.flatMap(({ draft, standing }) => {
    const { status, owner } = standing;
    const title = named(draft);
    const write = writePath(draft);
    if (status === 'sent' && owner === id) {
      return { title, why: 'waits for you to confirm its facts, number by number', href: reviewPath(draft) };
    }
    if (status === 'confirmed' && may(roles, 'approve') && owner !== id && !draft.writers.includes(id)) {
      return { title, why: 'is confirmed and waits for someone to publish it', href: reviewPath(draft) };
    }
    if (status === 'returned' && draft.writers.includes(id)) {
      return { title, why: 'came back with a note', href: write };
    }
    if (status === 'writing' && draft.writers.includes(id)) {
      return { title, why: 'is yours to finish and send', href: write };
    }
    return [];
  });
}

/** Everyone whose complaint is not behind something that holds, each counted once. Kept, as it reads every complaint there is. */
const stillWaiting = kept(async (reader: Reader, holding: string, today: string) => {
  const { issueId, personId } = complaints;
  const [row] = await reader.all<[number, number | null]>(sql`
    select count(distinct ${personId}), max(julianday(${today}) - julianday(${WAITING_SINCE})) from ${complaints}
    where ${issueId} is null or ${issueId} not in (select value from json_each(${holding}))`);
  return { people: row?.[0] ?? 0, oldestDays: row?.[1] == null ? null : Math.max(0, Math.round(row[1])) };
});

/** `Three issues have no proof. 149 people are waiting. The first of them has waited 188 days.` */
function headlineOf(
  issues: readonly IssueWithState[],
  { unlinked, unknown }: Awaited<ReturnType<typeof coverage>>,
  { people, oldestDays, anybody }: { people: number; oldestDays: number | null; anybody: boolean },
): string {
  const without = issues.filter(({ proofs }) => proofs.length === 0).length + unknown.length + unlinked.length;
  if (issues.length === 0 && people === 0) return 'Nothing is here yet.';
  if (people === 0 && !anybody) return 'Nobody has been counted yet: no complaint was brought in.';
  if (people === 0) return 'Nobody is waiting for anything that is not fixed.';
  return [
    without > 0 && `${counted(without, 'group of complaints has', 'groups of complaints have')} no proof.`,
    `${counted(people, 'person is', 'people are')} waiting.`,
    oldestDays !== null && `Oldest: ${counted(oldestDays, 'day')}.`,
  ]
    .filter(Boolean)
    .join(' ');
}
