import { type Day, longDay } from '../shared/dates.ts';
import { counted } from '../shared/words.ts';
import { together } from './arrived.ts';
import type { Proof, Series } from './documents.ts';
import { formatValue, type Point } from './evidence.ts';
import { isBeyond } from './state.ts';

/*
 * Measurements that a version changes. A correction is allowed and never silent: whoever answers for it, whoever publishes it and
 * every reader see the value then and the value now.
 */

/** A measurement that reads differently, or (`now` null) isn’t shown any more. */
export type Changed = { series: string; on: Day; was: Point; now: Point | null };

type BySeries = Record<string, readonly Point[] | undefined>;

/** What of `was` reads differently in `is`, oldest first in each series. What is only added is no change. */
export function changedPoints(was: BySeries, is: BySeries): Changed[] {
  return Object.entries(was).flatMap(([series, points = []]) => {
    const byDay = new Map(is[series]?.map((point) => [point.on, point]));
    return points
      .flatMap((point): Changed[] => {
        const now = byDay.get(point.on) ?? null;
        return now && same(point, now) ? [] : [{ series, on: point.on, was: point, now }];
      })
      .toSorted((a, b) => (a.on < b.on ? -1 : 1));
  });
}

function same(a: Point, b: Point): boolean {
  return a.value === b.value && a.n === b.n;
}

/** A version, or a draft, as far as corrections go: its own measurements, without what arrived. */
export type Snapshot = { version: number; data: Pick<Proof, 'series' | 'changed_on'>; points: BySeries };

/** One sentence a correction, and the first version from which on it reads as it does now. */
export type Correction = { sentence: string; version: number };

/**
 * What the newest of these versions says otherwise than it arrived. A series that is gone is one correction, however much arrived
 * for it. `versions` oldest first. `then`: when the value was so.
 */
export function correctionsIn(
  versions: readonly Snapshot[],
  arrived: BySeries,
  then: 'when it arrived' | 'before' = 'when it arrived',
): Correction[] {
  const newest = versions.at(-1);
  if (!newest) return [];
  const now = Object.fromEntries(
    newest.data.series.map(({ id }) => [id, together(newest.points[id] ?? [], arrived[id] ?? [])]),
  );
  const since = (holds: (one: Snapshot) => boolean) => {
    const other = versions.findLastIndex((one) => !holds(one));
    return versions[other + 1]?.version ?? newest.version;
  };
  return [...Map.groupBy(changedPoints(arrived, now), ({ series }) => series)].flatMap(([id, its]): Correction[] => {
    const series = newest.data.series.find((one) => one.id === id);
    if (!series) {
      const gone = (one: Snapshot) => !one.data.series.some((its) => its.id === id);
      const before = versions.flatMap(({ data }) => data.series.filter((one) => one.id === id)).at(-1);
      return [{ sentence: goneSentence(id, before, its), version: since(gone) }];
    }
    return its.map((one) => ({
      sentence: correctedSentence(one, then, series, newest.data.changed_on),
      version: since((version) => {
        const point = version.points[id]?.find(({ on }) => on === one.on);
        return point !== undefined && same(point, one.now!);
      }),
    }));
  });
}

/** `16 November 2026: 24.5% when it arrived, 2.4% now. By the first value it had come back.` */
function correctedSentence({ on, was, now }: Changed, then: string, series: Series, changedOn: Day): string {
  const back = on >= changedOn && isBeyond(series, was.value) && !isBeyond(series, now!.value);
  const differs = `${longDay(on)}: ${pointWords(was, now, series)} ${then}, ${pointWords(now!, was, series)} now.`;
  return back ? `${differs} By the first value it had come back.` : differs;
}

function goneSentence(id: string, series: Series | undefined, its: Changed[]): string {
  const { was, on } = its.at(-1)!;
  const title = series?.title ?? id;
  return `“${title}” is not shown any more. ${counted(its.length, 'measurement')} had arrived for it, the last ${pointWords(was, null, series)} on ${longDay(on)}.`;
}

/** `24.5% becomes 2.4%`, `24.5% is taken away`. `series`: as it is, or was, published. */
export function changedWords({ was, now }: Changed, series: Series | undefined): string {
  const said = pointWords(was, now, series);
  return now ? `${said} becomes ${pointWords(now, was, series)}` : `${said} is taken away`;
}

/** With the number of cases where that differs too. */
function pointWords({ value, n }: Point, other: Point | null, series: Series | undefined): string {
  const said = series ? formatValue(series.unit, value, series.currency) : String(value);
  return other && n !== other.n ? `${said} (n ${n ?? 'not given'})` : said;
}
