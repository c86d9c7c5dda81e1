import { scaleLinear, scaleUtc } from 'd3-scale';
import { line } from 'd3-shape';
import { DAY_MS, type Day, daysBetween, longDay } from '../shared/dates.ts';
import {
  type Box,
  contains,
  grown,
  type Label,
  labelAt,
  overlap,
  round,
  rounded,
  shift,
  type Text,
  textWidth,
  wrapped,
} from './labels.ts';

/*
 * A series with the change in it, as shapes and words: where everything stands in a box of a given width. It draws nothing
 * itself and needs no browser. Every label lies inside the box and no two overlap, whatever the numbers are.
 */

export type ChartData = {
  /** Oldest first. */
  points: readonly { on: Day; value: number }[];
  /** Points before this day belong to neither side: they are drawn, but not compared. */
  baselineFrom?: Day | undefined;
  change: { on: Day; label: string };
  /** The one number of each side, as a sentence says it, and as the chart does; null when that side has no points. */
  before: { value: number; text: string; short: string } | null;
  after: { value: number; text: string; short: string } | null;
  limit?: { value: number; label: string } | undefined;
  /** Where the values of each side naturally lie; drawn lightly. */
  range?: { before?: Range | undefined; after?: Range | undefined } | undefined;
  /** Other events that could explain a difference. */
  rivals?: readonly { on: Day; label: string }[];
  /** One point to speak of, such as the one that crossed the limit. */
  marked?: { on: Day; label: string } | undefined;
  tick: (value: number) => string;
  /** The axis never goes above it, if the values don't: 100 for shares. */
  ceiling?: number | undefined;
};

type Range = { lower: number; upper: number };
export type Side = 'earlier' | 'before' | 'after';
type Dot = { side: Side; x: number; y: number };

export type Drawing = {
  width: number;
  height: number;
  textSize: number;
  lineHeight: number;
  plot: Box;
  gridlines: number[];
  paths: { side: Side; d: string }[];
  dots: { side: Side; x: number; y: number; marked: boolean }[];
  dotRadius: number;
  rules: { kind: 'change' | 'rival'; x: number; top: number }[];
  limit: number | null;
  ranges: { side: Side; left: number; right: number; top: number; bottom: number }[];
  labels: Label[];
};

/** Type is set a little larger in the narrow one: on a phone it is shown at less than its size. */
const TEXT = { narrow: 15, wide: 16 };
const GAP = 6;

const CLOSEST_DOTS = 3;

/** Shapes for a box `width` wide (360 and 640 are used); the height follows from the labels. Throws without a point. */
export function drawChart(data: ChartData, width: number): Drawing {
  if (data.points.length === 0) throw new Error('There is nothing to draw: the series has no point.');
  const textSize = width < 500 ? TEXT.narrow : TEXT.wide;
  const lineHeight = Math.round(textSize * 1.25);
  const text = { textSize, lineHeight };

  const y = valueScale(data);
  const ticks = y.ticks(width < 500 ? 4 : 5);
  const tickRoom = Math.max(...ticks.map((tick) => textWidth(data.tick(tick), textSize)));

  const left = Math.ceil(Math.min(tickRoom + 10, width * 0.6));
  const right = width - Math.ceil(textSize * 0.75);
  const x = scaleUtc().domain(timeDomain(data)).range([left, right]);
  const xOf = (day: Day) => x(instant(day));

  const events = placeEvents(data, { right, xOf }, text);
  // Half a line of the topmost tick stands above the plot, and a long label may reach over it.
  const top = Math.ceil(events.height + Math.max(GAP, lineHeight / 2));
  const bottom = top + (width < 500 ? 200 : 260);
  y.range([bottom, top]);
  const plot: Box = { left, top, right, bottom };

  const sideOf = (on: Day): Side =>
    on >= data.change.on ? 'after' : data.baselineFrom !== undefined && on < data.baselineFrom ? 'earlier' : 'before';
  const dots = data.points.map(({ on, value }) => ({
    side: sideOf(on),
    x: xOf(on),
    y: y(value),
    marked: on === data.marked?.on,
  }));
  const spacing = (right - left) / Math.max(1, dots.length);
  const dotRadius = round(Math.min(3.25, Math.max(1.25, spacing * 0.38)));

  const limit = data.limit ? y(data.limit.value) : null;
  const yLabels = ticks.map((tick) => labelAt('y', [data.tick(tick)], left - 8, y(tick), 'end', text));
  const xLabels = timeLabels(x, plot, width, text);
  const { rules } = events;
  const inside = placeInside(data, { plot, y, xOf, limit, dots, rules, radius: dotRadius }, text);

  const height = Math.ceil(Math.max(bottom, ...xLabels.map((label) => label.box.bottom)) + 2);
  return {
    width,
    height,
    ...text,
    plot,
    gridlines: ticks.map((tick) => round(y(tick))),
    paths: pathsOf(dots),
    // Dots that would touch say no more than their line, and two hundred of them weigh more than the page.
    dots: dots
      .filter((dot) => dot.marked || spacing >= CLOSEST_DOTS)
      .map((dot) => ({ ...dot, x: round(dot.x), y: round(dot.y) })),
    dotRadius,
    rules: rules.map((rule) => ({ ...rule, x: round(rule.x) })),
    limit: limit === null ? null : round(limit),
    ranges: rangesOf(data, dots, y, plot),
    labels: [...yLabels, ...xLabels, ...events.labels, ...inside].map(rounded),
  };
}

/**
 * The chart for those who don't see it: `Share of exports that failed, weekly. Before 15 June 2026: 19.8%. Since then: 0.3%.`,
 * and where it went.
 */
export function chartInWords(title: string, data: ChartData): string {
  const { before, after, change, limit, marked } = data;
  const sentences = [`${title}, ${data.points.length} ${data.points.length === 1 ? 'point' : 'points'}.`];
  const day = longDay(change.on);
  if (before && after) {
    const moved = before.text === after.text ? 'stayed at' : after.value < before.value ? 'fell' : 'rose';
    const how = moved === 'stayed at' ? `${moved} ${after.text}` : `${moved} from ${before.text} to ${after.text}`;
    sentences.push(`It ${how} with the change on ${day}.`);
  } else if (before) sentences.push(`Before the change on ${day}: ${before.text}. Nothing is measured after it yet.`);
  else if (after) sentences.push(`Since the change on ${day}: ${after.text}. Nothing was measured before it.`);
  if (marked) sentences.push(`Marked: ${marked.label}.`);
  if (limit) sentences.push(`${limit.label}.`);
  for (const rival of data.rivals ?? []) sentences.push(`Also on ${longDay(rival.on)}: ${rival.label}.`);
  return sentences.join(' ');
}

function instant(day: Day): Date {
  return new Date(`${day}T00:00:00Z`);
}

/** From 0, always, unless a value is below it; never above the ceiling, unless a value is. */
function valueScale({ points, limit, range, ceiling = Number.POSITIVE_INFINITY }: ChartData) {
  const values = points.map(({ value }) => value);
  const drawn = [0, ...values, limit?.value, range?.before?.upper, range?.after?.upper];
  const shown = drawn.filter((value) => value !== undefined);
  const top = Math.max(...values) <= ceiling ? ceiling : Number.POSITIVE_INFINITY;
  const [low, high] = [Math.min(...shown), Math.min(Math.max(...shown), top)];
  const y = scaleLinear()
    .domain(high - low < 1e-9 ? [0, 1] : [low, high])
    .nice(5);
  const [from = 0, to = 1] = y.domain();
  return y.domain([from, Math.min(to, top)]);
}

function timeDomain({ points, change, rivals = [] }: ChartData): [Date, Date] {
  const days = [...points.map((point) => point.on), change.on, ...rivals.map((rival) => rival.on)].sort();
  const [first, last] = [days[0]!, days.at(-1)!];
  // A single day gets a week on either side, so that it stands in the middle.
  const pad = first === last ? 7 * DAY_MS : daysBetween(first, last) * DAY_MS * 0.01;
  return [new Date(instant(first).getTime() - pad), new Date(instant(last).getTime() + pad)];
}

function pathsOf(dots: Dot[]): { side: Side; d: string }[] {
  const draw = line<Dot>(
    (dot) => round(dot.x),
    (dot) => round(dot.y),
  );
  const sides = Map.groupBy(dots, (dot) => dot.side);
  return (['earlier', 'before', 'after'] as const).flatMap((side) => {
    // The time before the baseline belongs to the same line; only the change cuts it.
    const next = side === 'earlier' ? (sides.get('before') ?? []).slice(0, 1) : [];
    const its = [...(sides.get(side) ?? []), ...next];
    return its.length > 1 ? [{ side, d: draw(its)! }] : [];
  });
}

function rangesOf(
  { range }: ChartData,
  dots: { side: Side; x: number }[],
  y: (value: number) => number,
  plot: Box,
): Drawing['ranges'] {
  return (['before', 'after'] as const).flatMap((side) => {
    const its = range?.[side];
    const xs = dots.filter((dot) => dot.side === side).map((dot) => dot.x);
    if (!its || xs.length < 2) return [];
    const within = (value: number) => round(Math.min(plot.bottom, Math.max(plot.top, y(value))));
    const [left, right] = [round(Math.min(...xs)), round(Math.max(...xs))];
    return [{ side, left, right, top: within(its.upper), bottom: within(its.lower) }];
  });
}

/**
 * The change and its rivals, each with a label above the plot and a rule down from it. Labels stand to the right of their rule,
 * the leftmost on top, so that no rule runs through a label below; near the right edge they stand to the left of it.
 */
function placeEvents(
  { change, rivals = [] }: ChartData,
  { right, xOf }: { right: number; xOf: (day: Day) => number },
  text: Text,
): { labels: Label[]; rules: Drawing['rules']; height: number } {
  const least = 84;
  const events = [
    { kind: 'change' as const, ...change },
    ...rivals.map((rival) => ({ kind: 'rival' as const, ...rival })),
  ]
    .map((event) => ({ ...event, x: xOf(event.on) }))
    .sort((a, b) => a.x - b.x);
  const toTheRight = events.filter((event) => right - event.x >= least);
  const toTheLeft = events.filter((event) => right - event.x < least);

  const labels: Label[] = [];
  const rules: Drawing['rules'] = [];
  let lane = { top: 0, bottom: 0, until: Number.NEGATIVE_INFINITY };
  for (const event of [...toTheRight, ...toTheLeft]) {
    const leftwards = toTheLeft.includes(event);
    const neighbour = Math.max(0, ...events.filter((other) => other.x < event.x - 1).map((other) => other.x));
    const between = event.x - neighbour - 11;
    const room = !leftwards
      ? Math.min(right - event.x - 5, 300)
      : between >= least
        ? Math.min(between, 300)
        : Math.min(least * 2, event.x - 5);
    const lines = [dayOnRule(event.on), ...wrapped(event.label, room, text.textSize)];
    const height = lines.length * text.lineHeight;
    const draft = labelAt(event.kind, lines, event.x + (leftwards ? -5 : 5), 0, leftwards ? 'end' : 'start', text);
    if (draft.box.left < lane.until + 12) lane = { top: lane.bottom + (lane.bottom > 0 ? 4 : 0), bottom: 0, until: 0 };
    const label = labelAt(event.kind, lines, draft.x, lane.top + text.lineHeight / 2, draft.anchor, text);
    lane = { top: lane.top, bottom: Math.max(lane.bottom, lane.top + height), until: label.box.right };
    labels.push(label);
    // A rival on the day of the change shares its rule.
    if (event.kind === 'rival' && Math.abs(event.x - xOf(change.on)) < 2) continue;
    rules.push({ kind: event.kind, x: event.x, top: round(lane.top + 2) });
  }
  // Near the left edge there may be less room than a label needs: it then begins at the edge of the box.
  for (const label of labels) {
    if (label.box.left < 0) shift(label, -label.box.left);
    else if (label.box.right > right + text.textSize * 0.75) shift(label, right - label.box.right);
  }
  return { labels, rules, height: Math.max(...labels.map((label) => label.box.bottom)) };
}

const dayOnRule = (day: Day) =>
  new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', day: 'numeric', month: 'short', year: 'numeric' }).format(
    instant(day),
  );

/** What a label should not lie on. */
type Drawn = { limit: number | null; dots: Dot[]; rules: { x: number }[]; radius: number };
type Wanted = { kind: Label['kind']; text: string; ideal: number; places: [x: number, anchor: Label['anchor']][] };

function want(kind: Wanted['kind'], text: string, ideal: number, places: Wanted['places']): Wanted {
  return { kind, text, ideal, places };
}

/** Labels among the data: each takes the place where it hides least, near to what it names, and off every other label. */
function placeInside(
  data: ChartData,
  at: Drawn & { plot: Box; y: (value: number) => number; xOf: (day: Day) => number },
  text: Text,
): Label[] {
  const { plot, y } = at;
  const change = at.xOf(data.change.on);
  const { before, after, marked } = data;
  const onTop = Math.min(...at.dots.filter(({ side }) => side === 'before').map((dot) => dot.y));
  const dot = marked && at.dots[data.points.findIndex((point) => point.on === marked.on)];
  const wanted = [
    data.limit &&
      at.limit !== null &&
      want('limit', data.limit.label, at.limit - text.lineHeight * 0.6, [
        [plot.right, 'end'],
        [plot.left + GAP, 'start'],
        [change + GAP, 'start'],
      ]),
    dot &&
      want('marked', marked.label, dot.y - text.lineHeight * 0.8, [
        [dot.x - 8, 'end'],
        [dot.x + 8, 'start'],
        [Math.min(dot.x + 8, plot.right), 'end'],
      ]),
    before &&
      want(
        'before',
        `Before: ${before.short}`,
        Math.min(y(before.value) - text.lineHeight, Number.isFinite(onTop) ? onTop - text.lineHeight * 0.75 : plot.top),
        [
          [change - GAP, 'end'],
          [plot.left + 2, 'start'],
        ],
      ),
    after &&
      want('after', `After: ${after.short}`, y(after.value) - text.lineHeight, [
        [change + 3 * GAP, 'start'],
        [change + GAP, 'start'],
        [(change + plot.right) / 2, 'middle'],
        [plot.right, 'end'],
      ]),
  ].filter((one) => !!one);

  const placed: Label[] = [];
  for (const one of wanted) {
    const lines = wrapped(one.text, plot.right - plot.left - 4, text.textSize);
    const last = plot.bottom - (lines.length - 0.5) * text.lineHeight;
    let best: { label: Label; cost: number } | undefined;
    for (const [place, [x, anchor]] of one.places.entries()) {
      const trial = labelAt(one.kind, lines, x, 0, anchor, text);
      if (trial.box.left < plot.left) shift(trial, plot.left + 2 - trial.box.left);
      if (trial.box.right > plot.right) shift(trial, plot.right - trial.box.right);
      for (let middle = plot.top + text.lineHeight / 2; middle <= last; middle += 2) {
        const label = labelAt(one.kind, lines, trial.x, middle, anchor, text);
        const taken = placed.reduce((sum, other) => sum + overlap(grown(label.box, 2), other.box), 0);
        const cost = taken * 1e6 + hides(label.box, at) + Math.abs(middle - one.ideal) + place * 6;
        if (!best || cost < best.cost) best = { label, cost };
      }
    }
    if (best) placed.push(best.label);
  }
  return placed;
}

/** How much of the data a label there would lie on. */
function hides(box: Box, at: Drawn): number {
  let cost = 0;
  const near = grown(box, at.radius + 1);
  at.dots.forEach((dot, index) => {
    if (contains(near, dot.x, dot.y)) cost += 120;
    const next = at.dots[index + 1];
    if (!next || (dot.side !== 'after') !== (next.side !== 'after')) return;
    for (const part of [0.25, 0.5, 0.75]) {
      if (contains(near, dot.x + (next.x - dot.x) * part, dot.y + (next.y - dot.y) * part)) cost += 40;
    }
  });
  for (const rule of at.rules) if (rule.x > box.left - 2 && rule.x < box.right + 2) cost += 60;
  if (at.limit !== null && at.limit > box.top && at.limit < box.bottom) cost += 80;
  return cost;
}

const MONTH = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', month: 'short' });
const DAY_AND_MONTH = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', day: 'numeric', month: 'short' });

/** Months, days or years under the axis, with the year below the first and where it turns. None overlap. */
function timeLabels(
  x: { ticks: (count: number) => Date[]; (date: Date): number },
  plot: Box,
  width: number,
  text: Text,
): Label[] {
  // A tick is a day at least: hours mean nothing here.
  const ticks = x
    .ticks(Math.max(2, Math.floor((plot.right - plot.left) / 75)))
    .filter((tick) => tick.getTime() % DAY_MS === 0);
  const years = ticks.every((tick) => tick.getUTCMonth() === 0 && tick.getUTCDate() === 1);
  const months = ticks.every((tick) => tick.getUTCDate() === 1);
  const labels: Label[] = [];
  let shownYear = 0;
  for (const tick of ticks) {
    const year = tick.getUTCFullYear();
    const name = years ? String(year) : (months ? MONTH : DAY_AND_MONTH).format(tick);
    const lines = years || year === shownYear ? [name] : [name, String(year)];
    const label = labelAt('x', lines, x(tick), plot.bottom + text.lineHeight * 1.05, 'middle', text);
    if (label.box.right > width) shift(label, width - label.box.right);
    if (label.box.left < 0) shift(label, -label.box.left);
    const previous = labels.at(-1);
    if (previous && label.box.left < previous.box.right + GAP) continue;
    labels.push(label);
    shownYear = year;
  }
  return labels;
}
