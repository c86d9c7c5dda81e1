import { sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { kept } from '../../db/kept.ts';
import { complaints, departures } from '../../db/schema/people.ts';
import { dayOf } from '../shared/dates.ts';
import { counted } from '../shared/words.ts';
import type { Gap } from './diagnosis.ts';

/** What coverage needs to know of an issue from the published documents. */
export type IssueToCover = {
  id: string;
  title: string;
  owner: string | null;
  state: 'not_yet' | 'watching' | 'holding' | 'came_back';
  /** Whether the issue has a public page, fixed or not. */
  published: boolean;
  /** Whether someone independent has confirmed the change. */
  confirmed: boolean;
  /** Whether a typed number no longer agrees with what was measured since. */
  textDisagrees: boolean;
  /** How many days ago it was last measured, where that is longer than it should be; null: as usual. */
  daysBehind: number | null;
};

const NEXT_ACTIONS = [
  'Name an owner',
  'Write the “not yet” note',
  'Write the proof',
  'Correct the text',
  'Ask a confirmer',
  'Watch',
  'Change it again',
  'Invite',
] as const;
export type NextAction = (typeof NEXT_ACTIONS)[number] | `Evidence is ${string} old`;

type Waiting = {
  people: number;
  /** Days since the first of them told us, or left when no day of telling is known. Null when neither is. */
  oldestDays: number | null;
  /** The days that all of them together have waited. */
  peopleDays: number;
};

export type Coverage = {
  issues: (Pick<IssueToCover, 'id' | 'title' | 'owner' | 'state'> & Waiting & { nextAction: NextAction })[];
  /** Complaints linked to no issue, by gap; null: nobody has said why it hurt. */
  unlinked: (Waiting & { gap: Gap | null; complaints: number })[];
  /** Issues that complaints name and no document describes. */
  unknown: (Waiting & { id: string })[];
};

/** The day on which somebody told us of a complaint, or left when it isn’t known: a join would look up every departure. */
export const WAITING_SINCE = sql`coalesce(${complaints.saidOn}, (select ${departures.leftOn} from ${departures} where ${departures.id} = ${complaints.departureId}))`;

type Sums = [number, number | null, number | null];

/**
 * Everybody who waits, by the issue that they name or by why it hurt. It reads every complaint there is, a second for a million, so it is
 * kept until somebody writes.
 */
const everyoneWaiting = kept(async (reader: Reader, today: string) => {
  const { issueId, gap, personId } = complaints;
  // One row a person, so that nobody counts twice for having said it twice.
  const perPerson = sql`count(*) as told, julianday(${today}) - julianday(min(${WAITING_SINCE})) as days from ${complaints}`;
  const sums = sql.raw('count(*), max(days), sum(max(days, 0))');
  const linked = await reader.all<[string, ...Sums]>(sql`
    select cause, ${sums} from (
      select ${issueId} as cause, ${perPerson} where ${issueId} is not null group by ${issueId}, ${personId}
    ) group by cause`);
  const loose = await reader.all<[Gap | null, number, ...Sums]>(sql`
    select why, sum(told), ${sums} from (
      select ${gap} as why, ${perPerson} where ${issueId} is null group by ${gap}, ${personId}
    ) group by why`);
  return { linked, loose };
});

/** Who waits for what, longest together first, and the one thing to do next about each. In two queries. */
export async function coverage(reader: Reader, issues: readonly IssueToCover[], now: Date): Promise<Coverage> {
  const { linked, loose } = await everyoneWaiting(reader, dayOf(now));
  const waiting = new Map(linked.map(([id, ...sums]) => [id, waitingOf(sums)]));
  const described = new Set(issues.map((issue) => issue.id));
  return {
    issues: issues
      .map((issue) => ({
        id: issue.id,
        title: issue.title,
        owner: issue.owner,
        state: issue.state,
        ...(waiting.get(issue.id) ?? { people: 0, oldestDays: null, peopleDays: 0 }),
        nextAction: nextAction(issue),
      }))
      .toSorted(longestFirst),
    unlinked: loose
      .map(([gap, complaints, ...sums]) => ({ gap, complaints, ...waitingOf(sums) }))
      .toSorted(longestFirst),
    unknown: [...waiting]
      .filter(([id]) => !described.has(id))
      .map(([id, sums]) => ({ id, ...sums }))
      .toSorted(longestFirst),
  };
}

/** The first thing that is missing, in the order in which it has to be done. */
export function nextAction(issue: Omit<IssueToCover, 'id' | 'title'>): NextAction {
  if (issue.owner === null) return 'Name an owner';
  if (issue.state === 'came_back') return 'Change it again';
  if (issue.state !== 'not_yet' && issue.textDisagrees) return 'Correct the text';
  if (issue.state !== 'not_yet' && issue.daysBehind !== null)
    return `Evidence is ${counted(issue.daysBehind, 'day')} old`;
  if (issue.state === 'holding') return 'Invite';
  if (issue.state === 'watching') return issue.confirmed ? 'Watch' : 'Ask a confirmer';
  if (!issue.published) return 'Write the “not yet” note';
  return 'Write the proof';
}

function waitingOf([people, oldest, days]: Sums): Waiting {
  return {
    people,
    oldestDays: oldest === null ? null : Math.max(0, Math.round(oldest)),
    peopleDays: Math.round(days ?? 0),
  };
}

function longestFirst(a: Waiting, b: Waiting): number {
  return b.peopleDays - a.peopleDays || b.people - a.people;
}
