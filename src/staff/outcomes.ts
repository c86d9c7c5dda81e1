import { sql } from 'drizzle-orm';
import type { Db, Reader } from '../../db/client.ts';
import { outcomeCounts } from '../../db/schema/invitations.ts';
import { issuesNow } from '../checkins/answers.ts';
import { atRiskOn, type Step } from '../invitations/lift.ts';
import {
  type Compared,
  type Group,
  type Grouping,
  type Kind,
  type Lift,
  liftOf,
  type Outcomes,
  outcomes,
  type Query,
  type Told,
  WITHIN,
} from '../invitations/outcomes.ts';
import type { Site } from '../proofs/documents.ts';
import { publishedSite } from '../proofs/published.ts';
import { dayOf, longDay } from '../shared/dates.ts';

/*
 * Outcomes as the desk and the command show them: what rests on fewer people than may be singled out is not said. No table of
 * colleagues: nobody is to be measured by who came back.
 */

/** Null: fewer people stand behind it than the site's `count_floor`. */
export type Hidden = number | null;
export type Figure = { people: Hidden; of: Hidden };

export type Row = {
  by: Grouping;
  key: string;
  kind: Kind;
  invited: Hidden;
  opened: Hidden;
  askedToBeTold: Hidden;
  returned: Hidden;
  /** Of those who returned 90 days ago or longer. The main number. */
  here: Figure;
  /** Of those who answered; `asked`: of how many we asked. */
  saidFixed: Figure;
  asked: Hidden;
  gotWrong: Hidden;
  lift: Lift & { invited: Figure; holdout: Figure };
};

export type Shown = {
  /** Milliseconds. */
  at: number;
  floor: Site['count_floor'];
  rows: Row[];
  told: (Omit<Told, 'median' | 'people' | 'bands'> & { median: Hidden; people: Hidden; bands: number[] | null })[];
  survival: {
    kind: Kind;
    returned: Hidden;
    until: number;
    steps: Step[];
    atRisk: [day: number, people: number][];
  }[];
  queries: Query[];
};

/** Few are counted while the page is made; more by the jobs process, and stored. */
const FEW = 2_000;
const KEPT_MS = 60_000;

/** As it stands, or as it was last counted. Null: they are many, and have not been counted yet. */
export async function outcomesNow(reader: Reader, now: Date): Promise<Shown | null> {
  const site = await publishedSite(reader);
  if (await areFew(reader)) return shown(await countAll(reader, now), site);
  const [kept] = await reader.select().from(outcomeCounts);
  return kept ? shown(kept.report as unknown as Outcomes, site) : null;
}

/** Counts for a page that could not wait for it. What takes long is counted less often: a two-hundredth of the time at most. */
export async function recountOutcomes(db: Db, now: Date): Promise<number> {
  if (await areFew(db.read)) return 0;
  const [kept] = await db.read.select().from(outcomeCounts);
  if (kept && now.getTime() - kept.at < Math.max(KEPT_MS, kept.took * 200)) return 0;
  const began = performance.now();
  const report = { ...(await countAll(db.read, now)) };
  const row = { at: now.getTime(), took: Math.round(performance.now() - began), report };
  await db.write((tx) =>
    tx
      .insert(outcomeCounts)
      .values({ id: 'all', ...row })
      .onConflictDoUpdate({ target: outcomeCounts.id, set: row }),
  );
  return 1;
}

export async function countAll(reader: Reader, now: Date): Promise<Outcomes> {
  return outcomes(reader, await issuesNow(reader, now), now);
}

async function areFew(reader: Reader): Promise<boolean> {
  const [row] = await reader.all<[number]>(sql`
    select (select count(*) from (select 1 from chosen limit ${FEW})) + (select count(*) from (select 1 from rejoins limit ${FEW}))`);
  return (row?.[0] ?? 0) < FEW;
}

/** Nothing that rests on fewer people than the floor, and nothing by which they could be found by subtraction. */
export function shown(counted: Outcomes, site: Pick<Site, 'count_floor' | 'time_zone'>): Shown {
  const floor = site.count_floor;
  const rows = [...Map.groupBy(keysOf(counted), ({ by, kind }) => `${by} ${kind}`).values()].flatMap((its) => {
    const hidden = tooFew(its, floor);
    return its.map((one) => rowOf(one, floor, hidden.has(one.key), site.time_zone));
  });
  const told = counted.told.map(({ by, key, median, people, bands }) =>
    people < floor.customer
      ? { by, key, median: null, people: people === 0 ? 0 : null, bands: null }
      : { by, key, median, people, bands },
  );
  const survival = counted.stays.map(({ kind, stays, steps }) => {
    const returned = atRiskOn(stays, 0);
    const until = Math.max(0, ...stays.map(({ days }) => days));
    // Beyond the day on which fewer than the floor are watched, the line would be about single people.
    const enough = steps.filter(({ atRisk }) => atRisk >= floor[kind]);
    const few = returned < floor[kind];
    const last = stays
      .map(({ days }) => days)
      .toSorted((a, b) => b - a)
      .find((day) => atRiskOn(stays, day) >= floor[kind]);
    const days = [...new Set([0, WITHIN, 30, 60, 180, 365, ...enough.map(({ day }) => day)])];
    return {
      ...{ kind, returned: few ? null : returned, until: Math.min(until, last ?? 0), steps: few ? [] : enough },
      atRisk: few ? [] : days.map((day): [number, number] => [day, atRiskOn(stays, day)]),
    };
  });
  return { at: counted.at, floor, rows, told, survival, queries: counted.queries };
}

type Key = { by: Grouping; key: string; kind: Kind; group: Group | undefined; compared: Compared | undefined };

function keysOf({ groups, compared }: Outcomes): Key[] {
  const idOf = ({ by, key, kind }: Pick<Group, 'by' | 'key' | 'kind'>) => `${by} ${kind} ${key}`;
  const all = new Map<string, Key>();
  for (const group of groups) all.set(idOf(group), { ...pick(group), group, compared: undefined });
  for (const one of compared)
    all.set(idOf(one), { ...(all.get(idOf(one)) ?? { ...pick(one), group: undefined }), compared: one });
  return [...all.values()];
}

const pick = ({ by, key, kind }: Pick<Group, 'by' | 'key' | 'kind'>) => ({ by, key, kind });

/** Those below the floor; and when it is one alone, the next larger one with it, or the total would tell. */
function tooFew(its: readonly Key[], floor: Site['count_floor']): Set<string> {
  const sizes = its.map(({ key, kind, group }) => ({ key, least: floor[kind], size: group?.invited ?? 0 }));
  const few = sizes.filter(({ size, least }) => size > 0 && size < least);
  const others = sizes.filter(({ size, least }) => size >= least).toSorted((a, b) => a.size - b.size);
  if (few.length === 1 && others[0] && its[0]?.by !== 'all') few.push(others[0]);
  return new Set(few.map(({ key }) => key));
}

function rowOf(
  { by, key, kind, group, compared }: Key,
  floor: Site['count_floor'],
  hidden: boolean,
  zone: string,
): Row {
  const least = floor[kind];
  const number = (count: number | undefined) => (hidden ? null : (count ?? 0));
  const figure = (people = 0, of = 0): Figure =>
    hidden || (of > 0 && of < least) ? { people: null, of: null } : { people, of };
  const halves = compared ?? {
    ...{ invited: { people: 0, of: 0 }, holdout: { people: 0, of: 0 }, since: Number.NaN },
    chosen: { invited: 0, holdout: 0 },
  };
  const { invited, holdout } = halves;
  const lift: Lift =
    halves.chosen.holdout === 0
      ? { says: 'too early', interval: null, sentence: NOBODY_HELD_BACK[kind] }
      : liftOf(halves, least, (at) => longDay(dayOf(at, zone)));
  return {
    ...{ by, key, kind, invited: number(group?.invited), opened: number(group?.opened) },
    ...{ askedToBeTold: number(group?.askedToBeTold), returned: number(group?.returned) },
    here: figure(group?.here, group?.returnedLongAgo),
    saidFixed: figure(group?.saidFixed, group?.answered),
    asked: hidden || (group?.asked && group.asked < least) ? null : (group?.asked ?? 0),
    gotWrong: number(group?.gotWrong),
    lift: { ...lift, invited: figure(invited.people, invited.of), holdout: figure(holdout.people, holdout.of) },
  };
}

const NOBODY_HELD_BACK: Record<Kind, string> = {
  customer: 'Nothing can be said: nobody who was chosen was kept back by chance.',
  employee: 'Nothing can be said: of former colleagues nobody is kept back, so there is nobody to compare with.',
};
