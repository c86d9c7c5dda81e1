import { longDay, shortDay } from '../../shared/dates.ts';
import { counted } from '../../shared/words.ts';
import type { ChartData } from '../../ui/chart.ts';
import type { Series } from '../documents.ts';
import { formatTick, formatValue, inOrder, processLimits, type SeriesSummary, splitAtChange } from '../evidence.ts';
import type { PublishedProof } from '../published.ts';
import type { State } from '../state.ts';
import { strongStart, typeset } from './sentences.ts';

/** Fewer points than this say too little about where values naturally lie. */
const ENOUGH_FOR_RANGE = 8;

/** One series of a proof as the chart wants it. */
export function chartDataOf(
  proof: Pick<PublishedProof, 'data' | 'points'>,
  series: Series,
  summary: SeriesSummary,
  { crossing }: State,
): ChartData {
  const { changed_on, changes } = proof.data;
  const points = inOrder(proof.points[series.id] ?? []);
  const said = (value: number) => formatValue(series.unit, value, series.currency);
  const tick = (value: number) => formatTick(series.unit, value, series.currency);
  const side = (value: number | null) => (value === null ? null : { value, text: said(value), short: tick(value) });
  const sides = splitAtChange(series, points, changed_on);
  const rangeOf = (its: { value: number }[]) =>
    its.length < ENOUGH_FOR_RANGE ? undefined : (processLimits(its.map((point) => point.value)) ?? undefined);
  const change = changes.find((one) => one.on === changed_on) ?? changes[0]!;
  const crossed = crossing && 'series' in crossing && crossing.series === series.id ? crossing : undefined;
  return {
    points,
    baselineFrom: series.baseline_from,
    change: { on: changed_on, label: typeset(strongStart(change.what)) },
    before: side(summary.before),
    after: side(summary.after),
    limit: {
      value: series.reopen_limit,
      label: `Reopens ${series.better === 'lower' ? 'above' : 'below'} ${tick(series.reopen_limit)}`,
    },
    range: { before: rangeOf(sides.before), after: rangeOf(sides.after) },
    rivals: series.rivals.map(({ on, label }) => ({ on, label: typeset(label) })),
    marked: crossed && { on: crossed.on, label: `${shortDay(crossed.on)}: ${tick(crossed.value)}` },
    tick,
    ceiling: series.unit === 'percent' ? 100 : undefined,
  };
}

/** What stands under each of the two large numbers: the days, and how much they rest on. */
export function sideNotes(
  proof: Pick<PublishedProof, 'data' | 'points'>,
  series: Series,
  summary: SeriesSummary,
): { before: string[]; after: string[] } {
  const sides = splitAtChange(series, inOrder(proof.points[series.id] ?? []), proof.data.changed_on);
  const notes = (side: 'before' | 'after') => {
    const [first, last] = [sides[side][0], sides[side].at(-1)];
    if (!first || !last) return [];
    const size =
      summary.nOf === 'cases'
        ? `${counted(summary.n[side], 'case')} in ${counted(summary.points[side], 'measurement')}`
        : counted(summary.points[side], 'measurement');
    const days = first.on.slice(0, 4) === last.on.slice(0, 4) ? shortDay(first.on) : longDay(first.on);
    return [typeset(`${days} to ${longDay(last.on)}`), `${summary.how === 'median' ? 'Median of ' : ''}${size}`];
  };
  return { before: notes('before'), after: notes('after') };
}
