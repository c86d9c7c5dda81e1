import { describe, expect, test } from 'vitest';
import { type Claims, fillPlaceholders, wrongNumbers, wrongPlaceholders } from '../../src/proofs/claims.ts';
import type { SeriesSummary } from '../../src/proofs/evidence.ts';

const failed: SeriesSummary = {
  id: 'failed',
  title: 'Share of exports that failed, weekly',
  unit: 'percent',
  how: 'pooled',
  before: 19.8312,
  after: 0.31,
  latest: { on: '2026-11-15', value: 0.2 },
  points: { before: 14, after: 22 },
  n: { before: 48210, after: 110370 },
  nOf: 'cases',
  weeks: 22,
  limit: 2,
};
const codes: SeriesSummary = { ...failed, id: 'codes', unit: 'seconds', before: 94, after: 11, limit: 30 };
const claims: Claims = {
  proof: { started_on: '2026-03-04', known_on: '2026-03-09', changed_on: '2026-06-15', verified: undefined },
  summaries: [failed],
  document: '',
};

describe('placeholders', () => {
  test('are computed and written as a sentence says them', () => {
    expect(
      fillPlaceholders('{before} failed, {after} now, {latest} last; {n_before} and {n_after}; {limit}', [failed]),
    ).toBe('19.8% failed, 0.3% now, 0.2% last; 48,210 and 110,370; 2%');
  });

  test('bring their unit unless it stands there already', () => {
    expect(fillPlaceholders('{weeks}; {weeks} weeks; the {weeks} week wait', [failed])).toBe(
      '22 weeks; 22 weeks; the 22 week wait',
    );
    expect(fillPlaceholders('{after}; {after} seconds; {after} to wait', [codes])).toBe(
      '11 seconds; 11 seconds; 11 seconds to wait',
    );
  });

  test('name their series when there are several', () => {
    expect(fillPlaceholders('{before:failed}, {after:codes}', [failed, codes])).toBe('19.8%, 11 seconds');
    expect(wrongPlaceholders('{before}', [failed, codes])).toEqual([
      '{before} could be any of 2 series. Write {before:failed} or {before:codes}.',
    ]);
    expect(wrongPlaceholders('{before:exports}', [failed])).toEqual([
      '{before:exports} names no series of this proof. They are failed.',
    ]);
  });

  test.each(['{befor}', '{Before}', '{}', '{toString}', '{ before }'])('%s is not known', (written) => {
    expect(wrongPlaceholders(written, [failed])[0]).toContain(
      `${written} is not known. You can write {before}, {after}`,
    );
    expect(fillPlaceholders(written, [failed])).toBe(written);
  });

  test('need a series, and a measurement on their side', () => {
    expect(wrongPlaceholders('{before}', [])).toEqual(['{before} needs a series, and this proof has none.']);
    expect(wrongPlaceholders('{after}', [{ ...failed, after: null }])).toEqual([
      '{after} can’t be computed: there is no measurement on that side.',
    ]);
  });
});

describe('typed numbers', () => {
  test.each([
    '19.8% of exports failed. 0.3% fail now.',
    '{before} failed before 15 June 2026, {after} since, as of 2026-11-15 at 06:00.',
    'Of 48,210 exports 19.8 per cent failed.',
    'It took 103 days, or 14 weeks, from 4 March to 15 June.',
    'For 22 weeks it has stayed under 2%.',
    'We let 1 in 5 exports fail. Now 3 in every 1,000 fail.',
    'One in five failed in 2026, and in Q1 2026 nobody knew.',
    'Between 4 and 19 May it was the same in May 2026.',
    'Files over 2 GB are another matter, and so is S3.',
    'We measured it 14 times before and 22 times after.',
  ])('that the evidence gives pass: %s', (text) => {
    expect(wrongNumbers(text, claims)).toEqual([]);
  });

  test.each([
    ['20% failed.', '20%'],
    ['19.9% failed.', '19.9%'],
    ['0.31% fail now… 0.4 %', '0.4 %'],
    ['It is 66 times better.', '66'],
    ['Fixed for 26 weeks.', '26 weeks'],
    ['We let it fail for 104 days.', '104 days'],
    ['1 in 4 failed.', '1 in 4'],
    ['one in six failed.', 'one in six'],
    ['5 in every 1,000 fail.', '5 in every 1,000'],
    ['Of 48,211 exports', '48,211'],
    ['It costs £4.50 less.', '£4.50'],
    ['It takes 11 seconds.', '11 seconds'],
  ])('that disagree are refused: %s', (text, number) => {
    const sentences = wrongNumbers(text, claims);
    expect(sentences).toHaveLength(1);
    expect(sentences[0]).toContain(`“${number}”`);
  });

  test('are refused with the right one', () => {
    expect(wrongNumbers('20% failed for 26 weeks.', claims)).toEqual([
      '“20%” is not what the data says: 19.8% before the change, 0.3% after. Write {before} or {after}, and leave out numbers that the data doesn’t give.',
      '“26 weeks” is not what the data says: 22 weeks measured since the change. Write {weeks}.',
    ]);
  });

  test('of a proof without a series stand in its document, or in the answers of those asked again', () => {
    const verified = {
      kind: 'document',
      title: 'Terms',
      file: 'terms.md',
      sha256: '',
      dated: '2026-06-15',
      by: 'Us',
      reask: { question: 'Enough notice?', asked: 52, answered: 38, yes: 33, on: '2026-08-01' },
    } as const;
    const terms: Claims = {
      proof: { ...claims.proof, verified },
      summaries: [],
      document: 'We give you at least 60 days’ notice.',
    };
    expect(wrongNumbers('Our terms owe you 60 days. 33 of 38 said yes, or 86.8%.', terms)).toEqual([]);
    expect(wrongNumbers('Our terms owe you 90 days. 36 of 38 said yes.', terms)).toHaveLength(2);
  });
});
