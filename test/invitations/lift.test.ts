import { expect, test } from 'vitest';
import { atRiskOn, difference, median, type Stay, survival, wilson } from '../../src/invitations/lift.ts';
import { liftOf } from '../../src/invitations/outcomes.ts';
import { dayOf, longDay } from '../../src/shared/dates.ts';
import { chance } from './chance.ts';

test('the intervals are those that their papers print', () => {
  // Newcombe 1998 (857–872), table I; and 873–890, table II, method 10.
  for (const [people, of, low, high] of [
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ] as const) {
    expect(wilson({ people, of }).low).toBeCloseTo(low, 4);
    expect(wilson({ people, of }).high).toBeCloseTo(high, 4);
  }
  for (const [a, m, b, n, low, high] of [
    [56, 70, 48, 80, 0.0524, 0.3339],
    [9, 10, 3, 10, 0.1705, 0.809],
    [10, 10, 0, 20, 0.6791, 1],
    [0, 10, 0, 20, -0.1611, 0.2775],
  ] as const) {
    const { low: l, high: h } = difference({ people: a, of: m }, { people: b, of: n });
    expect([l, h].map((one) => Math.round(one * 1e4) / 1e4)).toEqual([low, high]);
  }
});

/** The chance of each count. */
function binomial(of: number, share: number): number[] {
  const chances = [(1 - share) ** of];
  for (let people = 1; people <= of; people += 1) {
    chances.push((chances[people - 1]! * (of - people + 1) * share) / (people * (1 - share)));
  }
  return chances;
}

test('over everything that can come out, the interval covers the truth in about 95 of 100 cases', () => {
  const covered = (m: number, p: number, n: number, q: number) => {
    const [ofA, ofB] = [binomial(m, p), binomial(n, q)];
    let sum = 0;
    for (const [a, chanceA] of ofA.entries()) {
      if (chanceA < 1e-9) continue;
      for (const [b, chanceB] of ofB.entries()) {
        if (chanceB < 1e-9) continue;
        const { low, high } = difference({ people: a, of: m }, { people: b, of: n });
        if (low <= p - q && p - q <= high) sum += chanceA * chanceB;
      }
    }
    return sum;
  };
  const found = [];
  for (const [m, n] of [
    [90, 10],
    [270, 30],
    [900, 100],
  ] as const) {
    for (const [p, q] of [
      [0.1, 0.1],
      [0.12, 0.04],
      [0.3, 0.1],
      [0.05, 0.02],
    ] as const)
      found.push(covered(m, p, n, q));
  }
  expect(Math.min(...found)).toBeGreaterThan(0.925);
  expect(found.reduce((sum, one) => sum + one, 0) / found.length).toBeGreaterThan(0.945);
});

test('of 200 populations with a known effect, the interval covers it in about 190', () => {
  const next = chance(1);
  const draw = (of: number, share: number) => ({
    of,
    people: Array.from({ length: of }, next).filter((one) => one < share).length,
  });
  let covered = 0;
  for (let run = 0; run < 200; run += 1) {
    const { low, high } = difference(draw(900, 0.12), draw(100, 0.04));
    if (low <= 0.08 && 0.08 <= high) covered += 1;
  }
  // 95 of 100 within what chance allows in 200 runs: fewer than 181 happens once in ten thousand times.
  expect(covered).toBeGreaterThanOrEqual(181);
});

test('staying is estimated as Kaplan and Meier do: the 6-MP patients of Freireich, 1963', () => {
  const at = (days: number, ended: boolean, people = 1): Stay => ({ days, ended, people });
  const stays = [
    ...[at(6, true, 3), at(7, true), at(10, true), at(13, true), at(16, true), at(22, true), at(23, true)],
    ...[6, 9, 10, 11, 17, 19, 20, 25, 34, 35].map((days) => at(days, false)),
    at(32, false, 2),
  ];
  const steps = survival(stays);
  expect(steps.map(({ day, atRisk }) => [day, atRisk])).toEqual([
    [0, 21],
    [6, 21],
    [7, 17],
    [10, 15],
    [13, 12],
    [16, 11],
    [22, 7],
    [23, 6],
  ]);
  expect(steps.map(({ share }) => Math.round(share * 1e3) / 1e3)).toEqual([
    1, 0.857, 0.807, 0.753, 0.69, 0.627, 0.538, 0.448,
  ]);
  expect(atRiskOn(stays, 20)).toBe(8);
  expect(survival([])).toEqual([{ day: 0, share: 1, atRisk: 0 }]);
});

test('the median is the middle one, also of values that come often', () => {
  expect(median([])).toBeNull();
  expect(
    median([
      { value: 9, people: 1 },
      { value: 1, people: 2 },
    ]),
  ).toBe(1);
  expect(
    median([
      { value: 4, people: 1 },
      { value: 1, people: 1 },
    ]),
  ).toBe(2.5);
});

test('it says when it is too early to say, and says nothing more certain than the interval', () => {
  const say = (a: number, m: number, b: number, n: number) =>
    liftOf({ invited: { people: a, of: m }, holdout: { people: b, of: n }, since: Date.UTC(2026, 10, 22) }, 10, (at) =>
      longDay(dayOf(at)),
    );
  expect(say(0, 0, 0, 0).sentence).toBe(
    'Too early to say: nobody was chosen 90 days ago. There is something to compare from 20 February 2027.',
  );
  expect(say(20, 90, 0, 9)).toMatchObject({ says: 'too early', interval: null });
  expect(say(12, 90, 1, 10)).toMatchObject({
    says: 'too early',
    sentence: expect.stringContaining('That includes none at all.'),
  });
  const more = say(108, 900, 3, 100);
  expect(more).toMatchObject({ says: 'something' });
  expect(more.sentence).toBe(
    'Of 100 people who were to be written to, 9 more came back than of 100 who were not (between 3.2 and 12, with 95 in 100 certainty).',
  );
  expect(say(9, 900, 20, 100).sentence).toContain('fewer came back');
});
