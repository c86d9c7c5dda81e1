import { scaleLinear } from 'd3-scale';
import { curveStepAfter, line } from 'd3-shape';
import { textWidth } from './labels.ts';

/*
 * How a share falls with the days, as shapes: a line in steps from 100 %, one day marked, and under each tick how many it rests on. It
 * draws nothing itself. The axis begins at 0 and ends at 100 %, whatever the numbers are.
 */

export type StepsData = {
  /** From day 0 on; a share runs from 0 to 1. */
  steps: readonly { day: number; share: number }[];
  /** The last day that anything is known of. */
  until: number;
  /** The day to speak of. */
  marked: number;
  /** How many the line rests on at a day. */
  atRisk: (day: number) => number;
};

export type StepsDrawing = {
  width: number;
  height: number;
  textSize: number;
  plot: { left: number; top: number; right: number; bottom: number };
  gridlines: number[];
  path: string;
  rule: { x: number; top: number } | null;
  labels: { kind: 'x' | 'y' | 'change'; text: string; x: number; y: number; anchor: 'start' | 'middle' | 'end' }[];
};

const TICKS = [0, 30, 60, 90, 180, 365, 730, 1095, 1460, 1825];

/** The share on one day. */
export function shareOn(steps: StepsData['steps'], day: number): number {
  return steps.findLast((step) => step.day <= day)?.share ?? 1;
}

export function drawSteps(data: StepsData, width: number): StepsDrawing {
  const textSize = width < 500 ? 15 : 16;
  const lineHeight = Math.round(textSize * 1.25);
  const until = Math.max(data.until, data.marked);
  const left = Math.ceil(textWidth('100%', textSize)) + 10;
  const right = width - Math.ceil(textSize * 1.5);
  const top = lineHeight * 2;
  const bottom = top + (width < 500 ? 180 : 240);
  const x = scaleLinear().domain([0, until]).range([left, right]);
  const y = scaleLinear().domain([0, 1]).range([bottom, top]);
  const points = [...data.steps, { day: until, share: data.steps.at(-1)?.share ?? 1 }];
  const draw = line<{ day: number; share: number }>(
    ({ day }) => round(x(day)),
    ({ share }) => round(y(share)),
  ).curve(curveStepAfter);

  const labels: StepsDrawing['labels'] = [0, 0.25, 0.5, 0.75, 1].map((share) => ({
    ...{ kind: 'y', text: `${share * 100}%`, x: left - 8, y: round(y(share) + textSize * 0.34), anchor: 'end' },
  }));
  let taken = Number.NEGATIVE_INFINITY;
  // The marked day first: no other may take its room.
  const rooms = [data.marked, ...TICKS.filter((day) => day !== data.marked && day <= until)].map((day) => {
    const half = Math.max(textWidth(String(day), textSize), textWidth(String(data.atRisk(day)), textSize)) / 2 + 6;
    return { day, from: x(day) - half, to: x(day) + half };
  });
  const [own, ...others] = rooms;
  for (const room of [own!, ...others.filter((one) => one.to <= own!.from || one.from >= own!.to)].toSorted(
    (a, b) => a.day - b.day,
  )) {
    if (room.from < taken) continue;
    taken = room.to;
    const at = round(x(room.day));
    labels.push({ kind: 'x', text: String(room.day), x: at, y: bottom + lineHeight, anchor: 'middle' });
    labels.push({
      kind: 'x',
      text: String(data.atRisk(room.day)),
      x: at,
      y: bottom + lineHeight * 2,
      anchor: 'middle',
    });
  }
  const marked = `Day ${data.marked}: ${Math.round(shareOn(data.steps, data.marked) * 100)}%`;
  const toTheLeft = x(data.marked) + textWidth(marked, textSize) + 6 > width;
  labels.push({
    ...{ kind: 'change', text: marked, y: textSize, anchor: toTheLeft ? 'end' : 'start' },
    x: round(x(data.marked) + (toTheLeft ? -5 : 5)),
  });
  return {
    ...{ width, height: Math.ceil(bottom + lineHeight * 2.4), textSize, plot: { left, top, right, bottom } },
    gridlines: [0, 0.25, 0.5, 0.75, 1].map((share) => round(y(share))),
    path: draw(points) ?? '',
    rule: { x: round(x(data.marked)), top: 2 },
    labels,
  };
}

const round = (value: number) => Math.round(value * 10) / 10;
