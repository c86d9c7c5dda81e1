import { createHash } from 'node:crypto';
import { type Day, isDay } from '../shared/dates.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import type { Series } from './documents.ts';
import { formatValue, inOrder, type Point, pointOf } from './evidence.ts';

/*
 * Measurements that arrive after a proof was published: what they must keep to, the chain they form, and how they stand beside
 * the published ones. A published measurement is never changed by one that arrives.
 */

/** The hash of nothing (SHA-256 of the empty text): what the first measurement of a series names as the one before it. */
export const NOTHING = createHash('sha256').update('').digest('hex');

/** One link of the chain of a series. */
export type Link = {
  on: Day;
  value: number;
  n?: number | undefined;
  proof: string;
  series: string;
  /** The instant it arrived, `2026-11-22T10:00:00.000Z`. */
  receivedAt: string;
  previousHash: string;
};

/**
 * SHA-256 in hex over the UTF-8 of this JSON, without spaces, keys in this order, null where there is no n:
 * {"n":…,"on":…,"previousHash":…,"proof":…,"receivedAt":…,"series":…,"value":…}. `previousHash` is that of the measurement that
 * arrived before it for the same series; the first names NOTHING.
 */
export function measurementHash({ n, on, previousHash, proof, receivedAt, series, value }: Link): string {
  const canonical = JSON.stringify({ n: n ?? null, on, previousHash, proof, receivedAt, series, value });
  return createHash('sha256').update(canonical, 'utf8').digest('hex');
}

/** What arrived, by series. */
export function arrivedPoints(links: readonly Pick<Link, 'series' | 'on' | 'value' | 'n'>[]): Record<string, Point[]> {
  const bySeries = Map.groupBy(links, ({ series }) => series);
  return Object.fromEntries([...bySeries].map(([series, its]) => [series, its.map(pointOf)]));
}

/** What was published and what arrived, by day, oldest first. A day that was published stays as it was. */
export function together(published: readonly Point[], arrived: readonly Point[]): readonly Point[] {
  const days = new Set(published.map(({ on }) => on));
  const added = arrived.filter(({ on }) => !days.has(on));
  return added.length === 0 ? published : inOrder([...published, ...added]);
}

/** A series as a file with what was added, by day. Every line that stood there stays as it is, letter for letter. */
function carriedOn(csv: string, added: readonly Point[]): string {
  const [header = '', ...lines] = csv
    .replace(/^\uFEFF/, '')
    .trimEnd()
    .split(/\r?\n/);
  const counted = header.replace(/\s/g, '') === 'date,value,n';
  const rows = added.map(({ on, value, n }) => [on, value, ...(counted ? [n ?? ''] : [])].join(','));
  // Dates sort as text. What arrived late may lie between two that were known.
  const all = [...lines.filter((line) => line.trim() !== ''), ...rows].toSorted((a, b) =>
    a.slice(0, 10) < b.slice(0, 10) ? -1 : 1,
  );
  return `${[header, ...all].join('\n')}\n`;
}

type Evidence = {
  data: { series: Series[] };
  points: Record<string, readonly Point[]>;
  assets: Record<string, string>;
};

/**
 * The measurements and files of a proof with those that arrived, by the id of their series. A file that nothing was added to
 * stays as published, byte for byte.
 */
export function withArrived(
  { data, points, assets }: Evidence,
  arrived: Record<string, readonly Point[]>,
): { points: Record<string, Point[]>; assets: Record<string, string> } {
  const all = { points: { ...points }, assets: { ...assets } };
  for (const { id, file } of data.series) {
    const published = points[id] ?? [];
    const both = together(published, arrived[id] ?? []);
    if (both === published) continue;
    all.points[id] = both;
    const days = new Set(published.map(({ on }) => on));
    all.assets[file] = carriedOn(
      assets[file] ?? '',
      both.filter(({ on }) => !days.has(on)),
    );
  }
  return all as { points: Record<string, Point[]>; assets: Record<string, string> };
}

/** A measurement as somebody sends it. `sourceId` is theirs: the same one twice is the same measurement. */
export type Incoming = { on: Day; value: number; n?: number | undefined; sourceId: string };

/** What is known of a series when a measurement arrives for it. */
export type Known = {
  series: Series;
  changedOn: Day;
  /** The first day of the series. */
  begins: Day;
  /** Whether its measurements say how many cases are behind them. */
  counted: boolean;
  today: Day;
  /** What we have, by day and by the sender’s id. */
  byDay: Map<Day, Point>;
  bySource: Map<string, Point>;
};

/** Whether to store it: `new`, `already` here, or a sentence that says what is wrong with it. */
export function judgeMeasurement(incoming: Incoming, known: Known): 'new' | 'already' | Refusal {
  const { on, value, n, sourceId } = incoming;
  const { series, changedOn, begins, counted, today } = known;
  if (!isDay(on)) return refuse('date', `“${on}” is not a date. Write YYYY-MM-DD.`);
  if (on > today) return refuse('future', `${on} has not been yet. Today is ${today}.`);
  if (on < begins) return refuse('before-series', `${on} is earlier than the series, which begins on ${begins}.`);
  // The time before the change was confirmed number by number: nothing may move it afterwards without being seen.
  if (on < changedOn && !known.byDay.has(on)) {
    return refuse(
      'before-change',
      `${on} is earlier than the change of ${changedOn}. What was measured before a change is published with it, as a new version.`,
    );
  }
  if (!Number.isFinite(value) || !/^-?\d+(\.\d+)?$/.test(String(value))) {
    return refuse('value', `“${value}” is not a number. Write it plainly, like 19.8.`);
  }
  if (series.unit === 'percent' && (value < 0 || value > 100)) {
    return refuse('percent', `A share lies between 0 and 100. ${value} doesn’t.`);
  }
  if (counted && n === undefined) {
    return refuse('n', 'n is missing: the number of cases behind the value. Every measurement of this series has one.');
  }
  if (!counted && n !== undefined) return refuse('n', 'No measurement of this series has n. Leave it out.');
  if (n !== undefined && (!Number.isSafeInteger(n) || n < 1)) {
    return refuse('n', `n is “${n}”. It is the whole number of cases behind the value, 1 or more.`);
  }
  if (sourceId.length === 0 || sourceId.length > 200) return refuse('source', 'A source id has 1 to 200 characters.');
  const same = (point: Point) => point.on === on && point.value === value && point.n === n;
  const before = known.bySource.get(sourceId) ?? known.byDay.get(on);
  if (!before) return 'new';
  if (same(before)) return 'already';
  const said = ({ on, value, n }: Point) =>
    `${formatValue(series.unit, value, series.currency)} on ${on}${n === undefined ? '' : ` (n ${n})`}`;
  return refuse(
    'different',
    `We have ${said(before)}; this says ${said(pointOf({ on, value, n }))}. A correction is published as a new version.`,
  );
}
