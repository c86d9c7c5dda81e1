import { parse } from 'csv-parse/sync';
import { type Day, daysBetween, isDay } from '../shared/dates.ts';
import type { Proof, Series, Unit } from './documents.ts';

/*
 * What a series says. Everything here can be done again by hand from the CSV: content/pages/how-we-count.md says how.
 */

/** One measurement. `value` is in the unit of its series; money is in pounds or euros, as people write it, not in pence. */
export type Point = { on: Day; value: number; n?: number };

/** A measurement from where it is kept with a blank for the number of cases. Minus zero is zero: it would be written differently. */
export function pointOf({ on, value, n }: { on: Day; value: number; n?: number | null | undefined }): Point {
  return { on, value: value + 0, ...(n === null || n === undefined ? {} : { n }) };
}

export type CsvProblem = { line: number; sentence: string };

const NUMBER = /^-?\d+(\.\d+)?$/;

/**
 * Reads a series: the header `date,value` or `date,value,n`, then one measurement a line, oldest first. Lines out of order
 * are refused rather than sorted: behind most of them is a mistyped year.
 */
export function parseSeries(csv: string): { points: Point[]; problems: CsvProblem[] } {
  let rows: { record: string[]; line: number }[];
  try {
    const read = parse(csv, { bom: true, trim: true, relax_column_count: true, skip_empty_lines: true, info: true });
    rows = (read as unknown as { record: string[]; info: { lines: number } }[]).map(({ record, info }) => ({
      record,
      line: info.lines,
    }));
  } catch (error) {
    const line = (error as { lines?: number }).lines ?? 1;
    return { points: [], problems: [{ line, sentence: 'This line can’t be read as CSV. Look for a stray quote.' }] };
  }
  const [header, ...measurements] = rows;
  const names = header?.record.join(',') ?? '';
  if (names !== 'date,value' && names !== 'date,value,n') {
    return {
      points: [],
      problems: [{ line: 1, sentence: 'The first line must be “date,value” or “date,value,n”.' }],
    };
  }
  const problems: CsvProblem[] = [];
  const points: Point[] = [];
  const days = new Set<Day>();
  for (const { record, line } of measurements) {
    const sentence = wrongWith(record, header!.record.length, points.at(-1)?.on, days);
    if (sentence) {
      problems.push({ line, sentence });
      continue;
    }
    const [on, value, n] = record as [string, string, string?];
    days.add(on);
    points.push({ on, value: Number(value), ...(n === undefined ? {} : { n: Number(n) }) });
  }
  if (measurements.length === 0) problems.push({ line: 1, sentence: 'The series is empty: there is no measurement.' });
  return { points, problems };
}

function wrongWith(record: string[], columns: number, previous: Day | undefined, earlier: Set<Day>): string | null {
  const [on = '', value = '', n] = record;
  if (record.length !== columns) return `This line has ${record.length} values, the header names ${columns}.`;
  if (!isDay(on)) return `“${on}” is not a date. Write YYYY-MM-DD.`;
  if (previous !== undefined && on <= previous) {
    return earlier.has(on)
      ? `${on} stands here twice. One measurement a date.`
      : `${on} comes after ${previous}. Put the oldest first, and look at the year.`;
  }
  if (!NUMBER.test(value)) return `“${value}” is not a number. Write it plainly, like 19.8.`;
  if (n !== undefined && (!/^\d+$/.test(n) || Number(n) < 1)) {
    return `n is “${n}”. It is the whole number of cases behind the value, 1 or more; with no case there is nothing to measure.`;
  }
  return null;
}

/** Oldest first, without what lies after `until`. */
export function inOrder(points: readonly Point[], until?: Day): readonly Point[] {
  const known = until === undefined ? points : points.filter((point) => point.on <= until);
  const ordered = known.every((point, index) => index === 0 || known[index - 1]!.on <= point.on);
  return ordered ? known : known.toSorted((a, b) => (a.on < b.on ? -1 : a.on > b.on ? 1 : 0));
}

/** The measurements that count as before the change and as after it. The day of the change is after. */
export function splitAtChange(series: Pick<Series, 'baseline_from'>, points: readonly Point[], changedOn: Day) {
  const from = series.baseline_from;
  return {
    before: points.filter((point) => point.on < changedOn && (from === undefined || point.on >= from)),
    after: points.filter((point) => point.on >= changedOn),
  };
}

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export type SeriesSummary = {
  id: string;
  title: string;
  unit: Unit;
  currency?: string | undefined;
  /** `pooled`: the share of all cases together. `median`: the middle one of the measurements. */
  how: 'pooled' | 'median';
  before: number | null;
  after: number | null;
  latest: Point | null;
  /** Number of measurements. */
  points: { before: number; after: number };
  /** Number of cases where the series gives them (`cases`), else of measurements. */
  n: { before: number; after: number };
  nOf: 'cases' | 'measurements';
  /** Whole weeks from the change to the latest measurement: what has not been measured doesn't count. */
  weeks: number;
  limit: number;
};

/**
 * The two numbers that a series comes down to. A share whose every measurement says how many cases are behind it is pooled
 * (all failures by all cases), because a quiet week must not weigh as much as a busy one. Anything else is the median,
 * which one bad day doesn't move.
 */
export function summarise(series: Series, unordered: readonly Point[], changedOn: Day): SeriesSummary {
  const points = inOrder(unordered);
  const { before, after } = splitAtChange(series, points, changedOn);
  const counted = before.length + after.length > 0 && [...before, ...after].every((point) => point.n !== undefined);
  const pooled = series.unit === 'percent' && counted;
  const middle = (side: Point[]) => (pooled ? pooledShare(side) : median(side.map((point) => point.value)));
  const size = (side: Point[]) => (counted ? side.reduce((sum, point) => sum + point.n!, 0) : side.length);
  const latest = points.at(-1) ?? null;
  return {
    id: series.id,
    title: series.title,
    unit: series.unit,
    currency: series.currency,
    how: pooled ? 'pooled' : 'median',
    before: middle(before),
    after: middle(after),
    latest,
    points: { before: before.length, after: after.length },
    n: { before: size(before), after: size(after) },
    nOf: counted ? 'cases' : 'measurements',
    weeks: latest ? Math.max(0, Math.floor(daysBetween(changedOn, latest.on) / 7)) : 0,
    limit: series.reopen_limit,
  };
}

function pooledShare(side: Point[]): number | null {
  const cases = side.reduce((sum, point) => sum + point.n!, 0);
  return cases === 0 ? null : side.reduce((sum, point) => sum + point.value * point.n!, 0) / cases;
}

/**
 * How many days ago a series was last measured, when that is more than twice its usual step (the median of the days between its
 * measurements); null while it keeps its step, or has none.
 */
export function daysBehind(unordered: readonly Point[], today: Day): number | null {
  const points = inOrder(unordered, today);
  const steps = points.slice(1).map(({ on }, index) => daysBetween(points[index]!.on, on));
  const step = median(steps);
  if (step === null) return null;
  const since = daysBetween(points.at(-1)!.on, today);
  return since > 2 * step ? since : null;
}

/** Every series of a proof, in the order it is written. */
export function summariseProof(proof: Pick<Proof, 'series' | 'changed_on'>, points: Record<string, readonly Point[]>) {
  return proof.series.map((series) => summarise(series, points[series.id] ?? [], proof.changed_on));
}

/**
 * Natural process limits of an XmR chart: mean ± 2.66 × the mean moving range (Donald J. Wheeler, “Understanding
 * Variation”, 1993; 2.66 is 3 / 1.128). For drawing only: they are not the reopen limit and no state depends on them. The
 * lower one can be below zero. Null with fewer than two points.
 */
export function processLimits(values: readonly number[]): { mean: number; lower: number; upper: number } | null {
  if (values.length < 2) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const ranges = values.slice(1).map((value, index) => Math.abs(value - values[index]!));
  const reach = (2.66 * ranges.reduce((sum, range) => sum + range, 0)) / ranges.length;
  return { mean, lower: mean - reach, upper: mean + reach };
}

const WORDS = {
  seconds: ['second', 'seconds', 's'],
  minutes: ['minute', 'minutes', 'min'],
  hours: ['hour', 'hours', 'h'],
  days: ['day', 'days', 'd'],
} as const;

/** As a sentence says it: `19.8%`, `74 seconds`, `1,204`, `£3.50`. One decimal below 10 and for shares, none above. */
export function formatValue(unit: Unit, value: number, currency?: string): string {
  if (unit === 'money') return moneyText(value, currency);
  const number = numberText(unit, value);
  if (unit === 'percent') return `${number}%`;
  if (unit === 'count') return number;
  return `${number} ${number === '1' ? WORDS[unit][0] : WORDS[unit][1]}`;
}

/** The same on an axis, where there is less room: `74 s`. */
export function formatTick(unit: Unit, value: number, currency?: string): string {
  if (unit in WORDS) return `${numberText(unit, value)} ${WORDS[unit as keyof typeof WORDS][2]}`;
  return formatValue(unit, value, currency);
}

function moneyText(value: number, currency = 'gbp'): string {
  const whole = Number.isInteger(value) ? { minimumFractionDigits: 0 } : {};
  return new Intl.NumberFormat('en-GB', { style: 'currency', currency: currency.toUpperCase(), ...whole }).format(
    value,
  );
}

const DECIMALS = [0, 1, 2, 3, 4, 5, 6].map(
  (maximumFractionDigits) => new Intl.NumberFormat('en-GB', { maximumFractionDigits }),
);

function numberText(unit: Unit, value: number): string {
  let digits = unit === 'percent' || Math.abs(value) < 10 ? 1 : 0;
  // A share that isn't 0 or 100 must not be rounded to it, nor any value to nothing.
  const flattened = () => {
    const shown = Number(value.toFixed(digits));
    return shown !== value && (shown === 0 || (unit === 'percent' && shown === 100));
  };
  while (digits < 6 && flattened()) digits += 1;
  return DECIMALS[digits]!.format(value === 0 ? 0 : value);
}
