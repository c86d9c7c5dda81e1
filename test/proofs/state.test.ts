import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Proof, plainSchemas, type Series, type Site } from '../../src/proofs/documents.ts';
import { median, type Point } from '../../src/proofs/evidence.ts';
import {
  type NoAnswer,
  type ProofFacts,
  type State,
  stateOfIssue,
  stateOfProof,
  stateOfSeries,
  stateWords,
} from '../../src/proofs/state.ts';
import { addDays } from '../../src/shared/dates.ts';

const site: Site = plainSchemas.site.parse({
  organisation: 'Northline',
  about: 'Northline makes reporting software.',
  reply_to: 'answers@northline.example',
  time_zone: 'Europe/London',
  people: {
    priya: { name: 'Priya Nair', role: 'Head of Data Platform' },
    yusuf: { name: 'Yusuf Demir', role: 'Engineer' },
  },
});
const CHANGED = '2026-06-01';
const TODAY = '2026-11-22';
const circumstances = { site, today: TODAY };

const exportsSeries: Series = {
  id: 'failed',
  file: 'failed.csv',
  title: 'Share of exports that failed, weekly',
  unit: 'percent',
  better: 'lower',
  reopen_limit: 2,
  source: 'export_runs',
  rivals: [],
};

const confirmer = { name: 'Eilidh Strachan', relation: 'complained', on: '2026-07-09', how: 'She counted.' } as const;

const verified = {
  kind: 'document',
  title: 'Terms, clause 7',
  file: 'clause.md',
  sha256: '0'.repeat(64),
  dated: CHANGED,
  by: 'Northline',
  reask: { question: 'Is it enough notice?', asked: 52, answered: 38, yes: 33, on: '2026-08-03' },
} as const;

function proof(changes: Partial<Proof> = {}, points: Point[] = holding): ProofFacts {
  const data: Proof = {
    headline: 'Exports now finish',
    line: '{before} failed. {after} fail now.',
    lede: 'It was {before}. It is {after}.',
    issues: ['exports-failed'],
    owner: 'priya',
    started_on: '2026-03-04',
    known_on: '2026-03-09',
    changed_on: CHANGED,
    voices: [],
    no_voice_because: 'Nobody agreed to be quoted.',
    changes: [{ what: 'A worker for each export.', on: CHANGED, by: 'yusuf', informed_by: [] }],
    series: [exportsSeries],
    pictures: [],
    confirmer,
    still_not_right: 'Files over 2 GB are a separate fault that is not fixed.',
    review_on: '2026-12-14',
    ...changes,
  };
  return { id: 'exports-finish', data, points: Object.fromEntries(data.series.map(({ id }) => [id, points])) };
}

/** Weekly values up to the day before the change, and from the day of the change on. */
function weekly(before: number[], after: number[], changedOn = CHANGED): Point[] {
  return [
    ...before.map((value, index) => ({ on: addDays(changedOn, (index - before.length) * 7), value })),
    ...after.map((value, index) => ({ on: addDays(changedOn, index * 7), value })),
  ];
}

const ten = [20, 21, 19, 22, 18, 23, 20, 17, 24, 20]; // median 20
const eight = [1, 0.5, 0.3, 0.2, 0.4, 0.3, 0.1, 0.2];
const holding = weekly(ten, eight);

const none: ReadonlyMap<string, NoAnswer[]> = new Map();
const stateOf = (facts: ProofFacts, today = TODAY) => stateOfProof(facts, none, { site, today });
const no = (on: string, personId: string): NoAnswer => ({ on, personId });

describe('a measured proof', () => {
  test('holds with ten before, eight after, fourteen days, a shift, no crossing and someone independent', () => {
    expect(stateOf(proof())).toEqual({
      state: 'holding',
      since: CHANGED,
      why: [],
      weeks: 7,
      measured: true,
      verified: false,
    });
  });

  test.each<[string, ProofFacts, string[]]>([
    ['nine before', proof({}, weekly(ten.slice(1), eight)), ['9 of 10 measurements before the change.']],
    [
      'seven after',
      proof({}, weekly(ten, eight.slice(1))),
      [
        '7 of 8 measurements after the change.',
        '7 of 8 measurements in a row on the better side of the earlier median.',
      ],
    ],
    [
      'thirteen days',
      proof({}, [
        ...weekly(ten, []),
        ...[0, 1, 2, 3, 4, 5, 6, 13].map((day) => ({ on: addDays(CHANGED, day), value: 1 })),
      ]),
      ['Measured for 13 of 14 days since the change.'],
    ],
    [
      'no shift',
      proof({ series: [{ ...exportsSeries, reopen_limit: 25 }] }, weekly(ten, [1, 1, 1, 1, 21, 1, 1, 1, 1, 1, 1, 1])),
      ['7 of 8 measurements in a row on the better side of the earlier median.'],
    ],
    ['nobody who confirmed', proof({ confirmer: undefined }), ['Nobody independent has confirmed it yet.']],
    [
      'the owner as confirmer',
      proof({ confirmer: { ...confirmer, name: 'priya  nair' } }),
      ['The person who confirmed it is not independent of the change.'],
    ],
    [
      'a confirmation from before the change',
      proof({ confirmer: { ...confirmer, on: '2026-05-31' } }),
      ['It has not been confirmed again since the latest change.'],
    ],
  ])('is only watched with %s, and says what is missing', (_, facts, why) => {
    expect(stateOf(facts)).toMatchObject({ state: 'watching', why, since: CHANGED });
  });

  test('a point exactly on the median neither counts nor breaks the run', () => {
    const series = { ...exportsSeries, reopen_limit: 25 };
    const on = (after: number[]) => stateOf(proof({ series: [series] }, weekly(ten, after)));
    expect(on([1, 1, 1, 1, 20, 1, 1, 1]).why).toEqual([
      '7 of 8 measurements in a row on the better side of the earlier median.',
    ]);
    expect(on([1, 1, 1, 1, 20, 1, 1, 1, 1]).state).toBe('holding');
  });

  test('came back on the first measurement beyond the limit, and stays so when it recovers', () => {
    const points = weekly(ten, [...eight, 2, 2.1, 0.1, 5, 0.1]);
    const state = stateOf(proof({}, points));
    expect(state).toMatchObject({
      state: 'came_back',
      since: addDays(CHANGED, 63),
      crossing: { series: 'failed', on: addDays(CHANGED, 63), value: 2.1 },
    });
    expect(stateWords(state)).toBe('Came back on 3 August 2026');
  });

  test('nobody needs to confirm that it came back', () => {
    expect(stateOf(proof({ confirmer: undefined }, weekly(ten, [9]))).state).toBe('came_back');
  });

  test('is not fixed yet while the change lies ahead', () => {
    expect(stateOf(proof(), '2026-05-31')).toMatchObject({
      state: 'not_yet',
      since: null,
      why: ['The change is planned for 1 June 2026.'],
    });
  });

  test('the baseline begins where the document says', () => {
    const quiet = weekly([...Array(12).fill(0), ...ten], eight);
    const from = addDays(CHANGED, -70);
    expect(stateOf(proof({}, quiet)).state).toBe('watching');
    expect(stateOf(proof({ series: [{ ...exportsSeries, baseline_from: from }] }, quiet)).state).toBe('holding');
  });

  test('takes the worst of its series', () => {
    const second = { ...exportsSeries, id: 'late', title: 'Late exports, weekly' };
    const facts = proof({ series: [exportsSeries, second] });
    const judged = (late: Point[]) => stateOf({ ...facts, points: { failed: holding, late } });
    expect(judged(holding).state).toBe('holding');
    expect(judged(weekly(ten.slice(1), eight))).toMatchObject({
      state: 'watching',
      why: ['Late exports, weekly: 9 of 10 measurements before the change.'],
    });
    expect(judged(weekly(ten, [3]))).toMatchObject({ state: 'came_back', crossing: { series: 'late' } });
  });

  test('what was verified adds to the words only', () => {
    expect(stateWords(stateOf(proof({ verified })))).toBe('Fixed and holding 7 weeks (measured and verified)');
    expect(stateOf(proof({ verified }, weekly(ten, [1]))).state).toBe('watching');
  });
});

describe('a verified proof', () => {
  const facts = (changes: Partial<Proof> = {}) => proof({ series: [], verified, ...changes });
  const asked = (answers: { answered: number; yes: number; on?: string }) =>
    facts({ verified: { ...verified, reask: { ...verified.reask, ...answers } } });

  test('holds with its document, someone independent, fourteen days and enough people who say yes', () => {
    const state = stateOf(facts());
    expect(state).toMatchObject({ state: 'holding', measured: false, verified: true, weeks: 24 });
    expect(stateWords(state)).toBe('Fixed and holding 24 weeks (verified)');
  });

  test.each<[string, ProofFacts, string[]]>([
    ['nothing to show', facts({ verified: undefined }), ['No document or finding shows it yet.']],
    [
      'nobody asked again',
      facts({ verified: { ...verified, reask: undefined } }),
      ['The people affected have not been asked again since the change.'],
    ],
    [
      'an answer from before the change',
      asked({ answered: 38, yes: 38, on: '2026-05-01' }),
      ['The people affected have not been asked again since the change.'],
    ],
    [
      'no more than the threshold',
      asked({ answered: 10, yes: 8 }),
      ['Asked again, 8 of 10 who answered said yes. It needs more than 80%.'],
    ],
    [
      'no answer at all',
      asked({ answered: 0, yes: 0 }),
      ['Asked again, 0 of 0 who answered said yes. It needs more than 80%.'],
    ],
    ['nobody who confirmed', facts({ confirmer: undefined }), ['Nobody independent has confirmed it yet.']],
  ])('is only watched with %s', (_, changed, why) => {
    expect(stateOf(changed)).toMatchObject({ state: 'watching', why, verified: false });
  });

  test('waits fourteen days', () => {
    const early = facts({
      confirmer: { ...confirmer, on: CHANGED },
      verified: { ...verified, reask: { ...verified.reask, on: CHANGED } },
    });
    expect(stateOf(early, addDays(CHANGED, 13)).why).toEqual(['13 of 14 days since the change.']);
    expect(stateOf(early, addDays(CHANGED, 14)).state).toBe('holding');
  });
});

describe('an issue', () => {
  const issue = (facts: ProofFacts[], answers: NoAnswer[] = [], today = TODAY) =>
    stateOfIssue(facts, answers, { site, today });

  test('without a proof is not fixed yet', () => {
    expect(issue([])).toMatchObject({ state: 'not_yet', since: null, why: ['Nothing has been changed yet.'] });
  });

  test('takes the worst of its proofs: came back, then not yet, then watching, then holding', () => {
    const holds = proof();
    const watched = proof({ confirmer: undefined });
    const planned = proof({ changed_on: '2027-01-01' });
    const back = proof({}, weekly(ten, [9]));
    expect(issue([holds, holds]).state).toBe('holding');
    expect(issue([holds, watched]).state).toBe('watching');
    expect(issue([holds, planned, watched]).state).toBe('not_yet');
    expect(issue([planned, holds, back, watched]).state).toBe('came_back');
  });

  test('came back on the day of the deciding no, and each person counts once', () => {
    const answers = [no('2026-08-09', 'b'), no('2026-08-01', 'a'), no('2026-08-02', 'a'), no('2026-07-01', 'a')];
    expect(issue([proof()], answers).state).toBe('holding');
    expect(issue([proof()], [...answers, no('2026-08-20', 'c'), no('2026-08-11', 'd')])).toMatchObject({
      state: 'came_back',
      since: '2026-08-11',
      crossing: { noAnswers: 4, on: '2026-08-11' },
      measured: true,
    });
  });

  test('answers from before the latest change, or not given yet, do not count', () => {
    const answers = [no('2026-05-31', 'a'), no('2026-08-01', 'b'), no('2026-08-02', 'c')];
    expect(issue([proof()], answers).state).toBe('holding');
    expect(issue([proof()], [...answers, no('2026-12-01', 'd')]).state).toBe('holding');
  });

  test('what came back is watched again once a later change is published', () => {
    const points = [...weekly(ten, [...eight, 9]), { on: '2026-09-01', value: 0.4 }];
    const answers = ['a', 'b', 'c'].map((person) => no('2026-08-20', person));
    expect(issue([proof({}, points)], answers).state).toBe('came_back');
    expect(issue([proof({ changed_on: '2026-08-31' }, points)], answers).state).toBe('watching');
  });

  test('a proof says so when people who returned to its issue say no', () => {
    const answers = new Map([['exports-failed', ['a', 'b', 'c'].map((person) => no('2026-08-20', person))]]);
    expect(stateOfProof(proof(), answers, circumstances)).toMatchObject({ state: 'came_back', since: '2026-08-20' });
    expect(stateOfProof(proof({ issues: ['other'] }), answers, circumstances).state).toBe('holding');
  });
});

describe('whatever the measurements are', () => {
  const values = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 24 });
  const limit = fc.integer({ min: 0, max: 40 });
  const better = fc.constantFrom('lower' as const, 'higher' as const);
  const evidence = fc
    .record({ before: values, after: values, limit, better, gap: fc.integer({ min: 1, max: 9 }) })
    .map(({ before, after, limit: reopen_limit, better, gap }) => {
      const points = [
        ...before.map((value, index) => ({ on: addDays(CHANGED, (index - before.length) * gap), value })),
        ...after.map((value, index) => ({ on: addDays(CHANGED, index * gap), value })),
      ];
      return { series: { ...exportsSeries, reopen_limit, better }, points };
    });
  // Random points seldom hold: half of the runs start from evidence that does, and disturb it.
  const good = fc
    .record({
      spoilt: fc.integer({ min: 0, max: 40 }),
      at: fc.integer({ min: 0, max: 17 }),
      days: fc.integer({ min: 0, max: 70 }),
    })
    .map(({ spoilt, at, days }) => ({
      series: exportsSeries,
      points: holding
        .map((point, index) => (index === at ? { ...point, value: spoilt } : point))
        .filter((point) => point.on <= addDays(CHANGED, days)),
    }));
  const any = fc.oneof(evidence, good);
  const facts = ({ series, points }: { series: Series; points: Point[] }, changes: Partial<Proof> = {}) =>
    proof({ series: [series], ...changes }, points);

  test('a crossing point always means that it came back', () => {
    fc.assert(
      fc.property(any, fc.integer({ min: 0, max: 150 }), fc.integer({ min: 1, max: 50 }), (one, day, over) => {
        const { better, reopen_limit } = one.series;
        const value = better === 'lower' ? reopen_limit + over : reopen_limit - over;
        const points = [...one.points, { on: addDays(CHANGED, day), value }];
        const state = stateOf(facts({ ...one, points }));
        expect(state.state).toBe('came_back');
        expect(state.since! <= addDays(CHANGED, day)).toBe(true);
      }),
    );
  });

  test('the order in which they arrive does not matter', () => {
    const shuffled = any.chain((one) =>
      fc
        .shuffledSubarray(one.points, { minLength: one.points.length })
        .map((points) => [one, { ...one, points }] as const),
    );
    fc.assert(
      fc.property(shuffled, ([one, other]) => {
        expect(stateOf(facts(other))).toEqual(stateOf(facts(one)));
      }),
    );
  });

  test('holding means that each condition is met', () => {
    let held = 0;
    fc.assert(
      fc.property(any, (one) => {
        if (stateOf(facts(one)).state !== 'holding') return;
        held += 1;
        const before = one.points.filter((point) => point.on < CHANGED);
        const after = one.points.filter((point) => point.on >= CHANGED);
        expect(before.length).toBeGreaterThanOrEqual(10);
        expect(after.length).toBeGreaterThanOrEqual(8);
        expect(after.at(-1)!.on >= addDays(CHANGED, 14)).toBe(true);
        const lower = one.series.better === 'lower';
        expect(
          after.every(({ value }) => (lower ? value <= one.series.reopen_limit : value >= one.series.reopen_limit)),
        ).toBe(true);
        const sorted = before.map((point) => point.value).toSorted((a, b) => a - b);
        const middle = (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.floor(sorted.length / 2)]!) / 2;
        const marks = after.map(({ value }) => (value === middle ? '' : lower === value < middle ? '+' : '-')).join('');
        expect(marks).toMatch(/\+{8}/);
      }),
      { numRuns: 500 },
    );
    expect(held).toBeGreaterThan(20);
  });

  test('nothing holds without a confirmer', () => {
    fc.assert(
      fc.property(any, (one) => {
        expect(stateOf(facts(one, { confirmer: undefined })).state).not.toBe('holding');
      }),
    );
  });

  test('a mirrored series, better in the other direction, has the same state', () => {
    fc.assert(
      fc.property(any, ({ series, points }) => {
        const mirrored: Series = {
          ...series,
          better: series.better === 'lower' ? 'higher' : 'lower',
          reopen_limit: -series.reopen_limit,
        };
        const plain = ({ state, since, weeks }: State) => ({ state, since, weeks });
        const turned = points.map((point) => ({ ...point, value: -point.value }));
        expect(plain(stateOfSeries(mirrored, turned, CHANGED, circumstances))).toEqual(
          plain(stateOfSeries(series, points, CHANGED, circumstances)),
        );
      }),
    );
  });

  test('a change published after everything was measured is watched, whatever came before', () => {
    fc.assert(
      fc.property(any, (one) => {
        expect(stateOf(facts(one, { changed_on: '2026-11-21' })).state).toBe('watching');
      }),
    );
  });

  test('one more no never makes an issue better', () => {
    const answer = fc.record({ on: fc.integer({ min: -20, max: 120 }), personId: fc.constantFrom('a', 'b', 'c', 'd') });
    const answers = fc.array(
      answer.map(({ on, personId }) => no(addDays(CHANGED, on), personId)),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(any, answers, (one, given) => {
        const fewer = stateOfIssue([facts(one)], given.slice(1), circumstances);
        const more = stateOfIssue([facts(one)], given, circumstances);
        if (fewer.state === 'came_back') {
          expect(more.state).toBe('came_back');
          expect(more.since! <= fewer.since!).toBe(true);
        } else {
          expect([fewer.state, 'came_back']).toContain(more.state);
        }
      }),
    );
  });
});

describe('the shift rule on a published example', () => {
  // Perla, Provost and Murray, “The run chart: a simple analytical tool for learning from variation in healthcare processes”,
  // BMJ Quality & Safety 2011;20:46-51, define a shift as six or more consecutive points all above or all below the median,
  // values on the median neither adding to nor breaking it. We ask for eight, counted against the earlier median alone.
  test('skips what lies on the median and starts again on the wrong side', () => {
    const lenient = { site: { ...site, holding: { ...site.holding, points_after: 1, days: 0 } }, today: TODAY };
    const series = { ...exportsSeries, reopen_limit: 99 };
    const run = (after: number[]) =>
      stateOfSeries(series, weekly(ten, after), CHANGED, lenient).why.join('').match(/^\d+/)?.[0] ?? 'shift';
    expect(run([19, 18, 20, 17, 19])).toBe('4');
    expect(run([19, 18, 21, 17, 19, 16])).toBe('3');
    expect(run([19, 18, 20, 20, 17, 19, 16, 15, 20, 12, 11])).toBe('shift');
  });

  // John MacKintosh, runcharter 0.2.0 on CRAN, tests/testthat/test_outputs.R, “check points on median not plotted”: weekly shares
  // from 1 January 2018. The first 13 have the median 100. From 9 April nine in a row lie below it, three weeks on the median
  // passed over; the run is complete on 25 June, and its own median is 81.8.
  test('finds the run, its last week and both medians that a published example gives', () => {
    const before = [100, 62.5, 100, 100, 100, 90, 90, 85.7, 87.5, 100, 100, 100, 100];
    const after = [100, 71.4, 75, 83.3, 75, 90.9, 100, 90.9, 76.9, 81.8, 100, 100, 84.6];
    const changed = '2018-04-02';
    const points = weekly(before, after, changed);
    expect([points[0]!.on, points.at(-1)!.on]).toEqual(['2018-01-01', '2018-06-25']);
    expect(median(before)).toBe(100);
    expect(median(after.filter((value) => value < 100))).toBe(81.8);
    const holding = { ...site.holding, points_before: 1, points_after: 1, days: 0, shift: 9 };
    const series = { ...exportsSeries, reopen_limit: 100 };
    const why = (until: string, better: 'lower' | 'higher' = 'lower') =>
      stateOfSeries({ ...series, better, reopen_limit: better === 'lower' ? 100 : 0 }, points, changed, {
        site: { ...site, holding },
        today: until,
      }).why;
    expect(why('2018-06-24')).toEqual(['8 of 9 measurements in a row on the better side of the earlier median.']);
    expect(why('2018-06-25')).toEqual([]);
    expect(why('2018-06-25', 'higher')).toEqual([
      '0 of 9 measurements in a row on the better side of the earlier median.',
    ]);
  });
});
