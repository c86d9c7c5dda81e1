import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addDays } from '../../src/shared/dates.ts';
import { type ChartData, chartInWords, type Drawing, drawChart } from '../../src/ui/chart.ts';
import { textWidth, wrapped } from '../../src/ui/labels.ts';

const WIDTHS = [360, 640];
const percent = (value: number) => `${value}%`;

function weekly(from: string, values: number[]) {
  return values.map((value, week) => ({ on: addDays(from, week * 7), value }));
}

const exports: ChartData = {
  points: weekly(
    '2026-03-08',
    [18, 19, 20.3, 19.8, 18.6, 20.7, 21, 19.4, 20.1, 19.6, 20, 3, 0.9, 0.4, 0.3, 0.2, 0.4, 0.3, 0.3],
  ),
  change: { on: '2026-05-19', label: 'Each export has its own worker' },
  before: { value: 19.8, text: '19.8%', short: '19.8%' },
  after: { value: 0.3, text: '0.3%', short: '0.3%' },
  limit: { value: 2, label: 'Reopens above 2%' },
  rivals: [{ on: '2026-07-20', label: 'School holidays: a fifth fewer exports' }],
  tick: percent,
  ceiling: 100,
};

function overlapping(drawing: Drawing): string[] {
  const pairs: string[] = [];
  drawing.labels.forEach((a, i) => {
    for (const b of drawing.labels.slice(i + 1)) {
      const across = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const down = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      // Lines of text touch where ticks stand close; the letters in them don't.
      if (across > 0.5 && down > 2) pairs.push(`${a.kind} “${a.lines.join(' ')}” on ${b.kind} “${b.lines.join(' ')}”`);
    }
  });
  return pairs;
}

function outside({ labels, width, height }: Drawing): string[] {
  return labels
    .filter(({ box }) => box.left < -0.5 || box.top < -0.5 || box.right > width + 0.5 || box.bottom > height + 0.5)
    .map(({ kind, lines, box }) => `${kind} “${lines.join(' ')}” ${JSON.stringify(box)}`);
}

function expectReadable(data: ChartData): void {
  for (const width of WIDTHS) {
    const drawing = drawChart(data, width);
    expect(overlapping(drawing)).toEqual([]);
    expect(outside(drawing)).toEqual([]);
    for (const { x, y } of drawing.dots) {
      expect(x).toBeGreaterThanOrEqual(drawing.plot.left - 0.5);
      expect(x).toBeLessThanOrEqual(drawing.plot.right + 0.5);
      expect(y).toBeGreaterThanOrEqual(drawing.plot.top - 0.5);
      expect(y).toBeLessThanOrEqual(drawing.plot.bottom + 0.5);
    }
  }
}

describe('labels stay inside and apart', () => {
  test('an ordinary series', () => expectReadable(exports));

  test('a short time before and a long one after', () =>
    expectReadable({ ...exports, points: weekly('2026-05-10', [19, ...Array.from({ length: 80 }, () => 0.3)]) }));

  test('a long time before and one point after', () =>
    expectReadable({
      ...exports,
      points: weekly(
        '2025-01-05',
        Array.from({ length: 73 }, (_, week) => 15 + (week % 6)),
      ),
      change: { on: '2026-05-24', label: 'Each export has its own worker' },
      rivals: [],
    }));

  test('nothing but zeros', () =>
    expectReadable({
      ...exports,
      points: weekly(
        '2026-03-08',
        Array.from({ length: 20 }, () => 0),
      ),
      before: { value: 0, text: '0%', short: '0%' },
      after: { value: 0, text: '0%', short: '0%' },
      limit: { value: 0, label: 'Reopens above 0%' },
    }));

  test('one point', () =>
    expectReadable({ ...exports, points: [{ on: '2026-05-19', value: 4 }], before: null, rivals: [] }));

  test('values in the thousand millions', () =>
    expectReadable({
      ...exports,
      points: weekly('2026-03-08', [4e9, 5e9, 6.5e9, 1e9, 2e9]),
      tick: (value) => `${new Intl.NumberFormat('en-GB').format(value)} min`,
      limit: { value: 3e9, label: 'Reopens above 3,000,000,000 minutes' },
      ceiling: undefined,
    }));

  test('a rival on the day of the change, and two more beside it at the end', () =>
    expectReadable({
      ...exports,
      rivals: ['2026-05-19', '2026-07-10', '2026-07-12'].map((on) => ({
        on,
        label: 'Three more advisers joined Support in London',
      })),
    }));
});

test('whatever the numbers are, no two labels overlap and none leaves the box', () => {
  const label = fc
    .array(fc.constantFrom('we', 'added', 'a', 'second', 'route', 'Wednesday', 'mail', 'iiiii', 'WWWW'), {
      minLength: 1,
      maxLength: 9,
    })
    .map((words) => words.join(' '));
  const span = fc.integer({ min: 1, max: 1500 });
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -50, max: 1e7, noNaN: true }), { minLength: 1, maxLength: 120 }),
      span,
      fc.double({ min: -0.1, max: 1.1, noNaN: true }),
      label,
      fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), label }), { maxLength: 4 }),
      fc.option(fc.double({ min: 0, max: 2e7, noNaN: true }), { nil: undefined }),
      fc.boolean(),
      (values, days, changeAt, text, rivals, limit, marked) => {
        const first = '2024-02-28';
        const dayAt = (share: number) => addDays(first, Math.round(share * days));
        const points = [...new Map(values.map((value, i) => [dayAt(i / values.length), value])).entries()].map(
          ([on, value]) => ({ on, value }),
        );
        const on = dayAt(changeAt);
        const sides = Map.groupBy(points, (point) => (point.on < on ? 'before' : 'after'));
        const side = (name: 'before' | 'after') => {
          const value = sides.get(name)?.[0]?.value;
          return value === undefined
            ? null
            : { value, text: `${value.toFixed(1)} seconds`, short: `${value.toFixed(1)} seconds` };
        };
        expectReadable({
          points,
          change: { on, label: text },
          before: side('before'),
          after: side('after'),
          limit: limit === undefined ? undefined : { value: limit, label: `Reopens above ${limit.toFixed(0)} seconds` },
          rivals: rivals.map((rival) => ({ on: dayAt(rival.at), label: rival.label })),
          marked: marked ? { on: points.at(-1)!.on, label: '3 November: 41 seconds' } : undefined,
          tick: (value) => `${new Intl.NumberFormat('en-GB').format(value)} s`,
        });
      },
    ),
    { numRuns: 150 },
  );
});

test('the axis begins at zero and is never cut', () => {
  const drawing = drawChart(exports, 360);
  expect(Math.max(...drawing.gridlines)).toBe(drawing.plot.bottom);
  expect(drawing.labels.filter((label) => label.kind === 'y')[0]!.lines).toEqual(['0%']);
  const crossing = drawChart({ ...exports, points: [...exports.points, { on: '2026-08-01', value: 64 }] }, 360);
  expect(crossing.dots.at(-1)!.y).toBeGreaterThanOrEqual(crossing.plot.top);
});

test('a share has no room above 100%', () => {
  const drawing = drawChart({ ...exports, points: weekly('2026-03-08', [57, 60, 91, 98]) }, 640);
  expect(drawing.labels.filter((label) => label.kind === 'y').at(-1)!.lines).toEqual(['100%']);
});

test('before is one colour, after the other, and what lies before the baseline is neither', () => {
  const drawing = drawChart({ ...exports, baselineFrom: '2026-03-20' }, 360);
  expect(drawing.paths.map((path) => path.side)).toEqual(['earlier', 'before', 'after']);
  expect(drawing.dots.filter((dot) => dot.side === 'earlier')).toHaveLength(2);
});

test('the change and every rival have a rule at their day', () => {
  const drawing = drawChart(exports, 640);
  expect(drawing.rules.map((rule) => rule.kind)).toEqual(['change', 'rival']);
  for (const rule of drawing.rules) expect(rule.x).toBeGreaterThan(drawing.plot.left);
});

describe('in words', () => {
  test('says where it went, the limit and what else happened', () => {
    expect(chartInWords('Share of exports that failed, weekly', exports)).toBe(
      'Share of exports that failed, weekly, 19 points. It fell from 19.8% to 0.3% with the change on 19 May 2026. ' +
        'Reopens above 2%. Also on 20 July 2026: School holidays: a fifth fewer exports.',
    );
  });
  test('doesn’t say that it moved when it did not', () => {
    const same = { ...exports, after: { value: 19.82, text: '19.8%', short: '19.8%' } };
    expect(chartInWords('Share', same)).toContain('It stayed at 19.8%');
  });
  test('says when there is nothing after the change', () => {
    expect(chartInWords('Share', { ...exports, after: null })).toContain('Nothing is measured after it yet.');
  });
});

test('lines break between words, and inside one only when it is too long by itself', () => {
  expect(wrapped('Each export has its own worker', 120, 15)).toEqual(['Each export has', 'its own worker']);
  const long = wrapped('Donaudampfschifffahrtsgesellschaft', 100, 15);
  expect(long.join('')).toBe('Donaudampfschifffahrtsgesellschaft');
  for (const one of long) expect(textWidth(one, 15)).toBeLessThanOrEqual(100);
});
