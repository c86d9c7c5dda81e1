import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Series } from '../../src/proofs/documents.ts';
import {
  daysBehind,
  formatTick,
  formatValue,
  median,
  type Point,
  parseSeries,
  processLimits,
  summarise,
} from '../../src/proofs/evidence.ts';
import { addDays } from '../../src/shared/dates.ts';

const series: Series = {
  id: 'failed',
  file: 'failed.csv',
  title: 'Share of exports that failed, weekly',
  unit: 'percent',
  better: 'lower',
  reopen_limit: 2,
  source: 'export_runs',
  rivals: [],
};

describe('reading a series', () => {
  test('takes dates, values and counts, with any line endings and a byte order mark', () => {
    expect(parseSeries('\uFEFFdate,value,n\r\n2026-01-04,0.6,4665\r\n2026-01-11,-3,12\r\n\r\n')).toEqual({
      points: [
        { on: '2026-01-04', value: 0.6, n: 4665 },
        { on: '2026-01-11', value: -3, n: 12 },
      ],
      problems: [],
    });
  });

  test.each([
    ['date,value\n2026-02-30,1', 2, '“2026-02-30” is not a date. Write YYYY-MM-DD.'],
    ['date,value\n04/01/2026,1', 2, '“04/01/2026” is not a date. Write YYYY-MM-DD.'],
    ['date,value\n2026-01-04,1\n\n2026-01-04,2', 4, '2026-01-04 stands here twice. One measurement a date.'],
    [
      'date,value\n2026-01-04,1\n2025-01-11,2',
      3,
      '2025-01-11 comes after 2026-01-04. Put the oldest first, and look at the year.',
    ],
    ['date,value\n2026-01-04,few', 2, '“few” is not a number. Write it plainly, like 19.8.'],
    ['date,value\n2026-01-04,1e3', 2, '“1e3” is not a number. Write it plainly, like 19.8.'],
    ['date,value\n2026-01-04,', 2, '“” is not a number. Write it plainly, like 19.8.'],
    ['date,value\n2026-01-04,1,5', 2, 'This line has 3 values, the header names 2.'],
    ['day,value\n2026-01-04,1', 1, 'The first line must be “date,value” or “date,value,n”.'],
    ['date,value\n', 1, 'The series is empty: there is no measurement.'],
    ['', 1, 'The first line must be “date,value” or “date,value,n”.'],
    ['date,value\n2026-01-04,"1', 2, 'This line can’t be read as CSV. Look for a stray quote.'],
  ])('refuses %j at line %i', (csv, line, sentence) => {
    expect(parseSeries(csv).problems).toEqual([{ line, sentence }]);
  });

  test.each(['-1', '0', '1.5', 'x'])('refuses %j as a number of cases', (n) => {
    expect(parseSeries(`date,value,n\n2026-01-04,1,${n}`).problems).toMatchObject([{ line: 2 }]);
  });

  test('reads back whatever is written in order', () => {
    const values = fc.array(
      fc.record({ value: fc.integer({ min: -999_999, max: 999_999 }), n: fc.integer({ min: 1, max: 9_999_999 }) }),
      { minLength: 1, maxLength: 60 },
    );
    fc.assert(
      fc.property(values, (rows) => {
        const points = rows.map((row, index) => ({
          on: addDays('2025-12-20', index),
          value: row.value / 10,
          n: row.n,
        }));
        const csv = ['date,value,n', ...points.map((point) => `${point.on},${point.value},${point.n}`)].join('\n');
        expect(parseSeries(csv)).toEqual({ points, problems: [] });
      }),
    );
  });
});

describe('what a series comes down to', () => {
  const weekly = (values: [value: number, n?: number][]): Point[] =>
    values.map(([value, n], index) => ({
      on: addDays('2026-01-05', index * 7),
      value,
      ...(n === undefined ? {} : { n }),
    }));

  test('a share with its cases is pooled: a quiet week does not weigh as much as a busy one', () => {
    const points = weekly([
      [50, 10],
      [10, 990],
      [0, 10],
      [1, 990],
    ]);
    expect(summarise(series, points, '2026-01-19')).toMatchObject({
      how: 'pooled',
      before: 10.4, // (50 × 10 + 10 × 990) / 1000
      after: 0.99,
      points: { before: 2, after: 2 },
      n: { before: 1000, after: 1000 },
      nOf: 'cases',
      weeks: 1,
    });
  });

  test('without cases, or in any other unit, it is the median', () => {
    const points = weekly([[50], [10], [12], [1], [3]]);
    const summary = summarise(series, points, '2026-01-26');
    expect(summary).toMatchObject({ how: 'median', before: 12, after: 2, n: { before: 3, after: 2 } });
    expect(summary.nOf).toBe('measurements');
    const seconds = weekly([
      [50, 5],
      [10, 5],
      [1, 5],
    ]);
    expect(summarise({ ...series, unit: 'seconds' }, seconds, '2026-01-19')).toMatchObject({
      how: 'median',
      before: 30,
      after: 1,
      n: { before: 10, after: 5 },
    });
  });

  test('the day of the change is after it, and what lies before the baseline is left out', () => {
    const points = weekly([[90], [10], [12], [1]]);
    const summary = summarise({ ...series, baseline_from: '2026-01-12' }, points, '2026-01-26');
    expect(summary).toMatchObject({ before: 11, after: 1, points: { before: 2, after: 1 }, weeks: 0 });
  });

  test('a side without measurements has no number', () => {
    expect(summarise(series, weekly([[90]]), '2026-03-01')).toMatchObject({ before: 90, after: null, weeks: 0 });
    expect(summarise(series, [], '2026-03-01')).toMatchObject({ before: null, after: null, latest: null });
  });

  test('the median of an even number of values lies between the middle two', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNull();
  });
});

describe('a series that falls behind', () => {
  const every = (days: number, count = 5): Point[] =>
    Array.from({ length: count }, (_, index) => ({ on: addDays('2026-01-05', index * days), value: 1 }));

  test('is older than twice its usual step', () => {
    const weekly = every(7); // the last on 2 February
    expect(daysBehind(weekly, addDays('2026-02-02', 14))).toBeNull();
    expect(daysBehind(weekly, addDays('2026-02-02', 15))).toBe(15);
    expect(daysBehind(every(1), '2026-01-12')).toBe(3);
    expect(daysBehind(every(30), '2026-06-01')).toBeNull();
  });

  test('one long gap does not make a long step, and without a step nothing is late', () => {
    const gap = [...every(7), { on: '2026-05-04', value: 1 }];
    expect(daysBehind(gap, '2026-05-19')).toBe(15);
    expect(daysBehind(every(7, 1), '2027-01-01')).toBeNull();
    expect(daysBehind([], '2027-01-01')).toBeNull();
  });

  test('does so whatever the order, and never while it keeps its step', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 30 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 0, max: 100 }), (steps, since) => {
        let on = '2026-01-05';
        const points: Point[] = [{ on, value: 1 }];
        for (const step of steps) {
          on = addDays(on, step);
          points.push({ on, value: 1 });
        }
        const late = since > 2 * median(steps)!;
        expect(daysBehind(points.toReversed(), addDays(on, since))).toBe(late ? since : null);
      }),
    );
  });
});

describe('process limits', () => {
  // NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2 Individuals Control Charts: the flow rate of ten batches. Mean
  // 50.81, mean moving range 1.8778, limits 55.8041 and 45.8159 with the factor 3/1.128, which Wheeler rounds to 2.66.
  test('of the example in the NIST handbook', () => {
    const limits = processLimits([49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1])!;
    expect(limits.mean).toBeCloseTo(50.81, 10);
    expect(limits.upper).toBeCloseTo(55.804, 2);
    expect(limits.lower).toBeCloseTo(45.816, 2);
  });

  // Worked by hand: mean 48/8 = 6; moving ranges 2 3 2 1 4 3 0, mean 15/7; 2.66 × 15/7 = 5.7.
  test('lie 2.66 mean moving ranges either side of the mean', () => {
    const limits = processLimits([5, 7, 4, 6, 5, 9, 6, 6])!;
    expect(limits.mean).toBe(6);
    expect(limits.upper).toBeCloseTo(11.7, 10);
    expect(limits.lower).toBeCloseTo(0.3, 10);
  });

  test('need two points, and close on the mean of a flat series', () => {
    expect(processLimits([3])).toBeNull();
    expect(processLimits([3, 3, 3])).toEqual({ mean: 3, lower: 3, upper: 3 });
  });
});

describe('writing a value', () => {
  test.each([
    ['percent', 19.8312, undefined, '19.8%'],
    ['percent', 20, undefined, '20%'],
    ['percent', 0.004, undefined, '0.004%'],
    ['percent', 99.97, undefined, '99.97%'],
    ['percent', 0, undefined, '0%'],
    ['percent', 100, undefined, '100%'],
    ['seconds', 74.4, undefined, '74 seconds'],
    ['seconds', 1, undefined, '1 second'],
    ['minutes', 3.25, undefined, '3.3 minutes'],
    ['hours', 0.02, undefined, '0.02 hours'],
    ['days', 12, undefined, '12 days'],
    ['count', 48210, undefined, '48,210'],
    ['money', 3.5, 'gbp', '£3.50'],
    ['money', 1200, 'eur', '€1,200'],
  ] as const)('%s %d %s is %s', (unit, value, currency, text) => {
    expect(formatValue(unit, value, currency)).toBe(text);
  });

  test('is shorter on an axis', () => {
    expect(formatTick('seconds', 74)).toBe('74 s');
    expect(formatTick('percent', 19.8)).toBe('19.8%');
  });

  test('never rounds something to nothing, nor most of a share to all of it', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.00001, max: 99.99999, noNaN: true }), (value) => {
        expect(['0%', '100%']).not.toContain(formatValue('percent', value));
      }),
    );
  });
});
