import { describe, expect, test } from 'vitest';
import { signsOf, type Trace } from '../../src/people/breaking.ts';
import { readRules, ruled } from '../../src/people/rules.ts';
import { groupAlike, learn, rank, termsOf } from '../../src/people/suggest.ts';
import { must } from '../support/must.ts';

const EXAMPLES = [
  ['exports', 'The export stopped half-way'],
  ['exports', 'My export never finished on Monday'],
  ['exports', 'Exporting the report failed again'],
  ['codes', 'The sign-in code came too late'],
  ['codes', 'I waited for a code and none came'],
  ['codes', 'No code in my mail'],
].map(([label, text]) => ({ label: label!, text: text! }));

test('a text is put to the label whose words it uses, and the words are said', () => {
  const [first, second] = rank(learn(EXAMPLES), 'Again no code, I waited an hour');
  expect(first).toMatchObject({ label: 'codes' });
  expect(first!.words).toContain('code');
  expect(first!.share).toBeGreaterThan(second!.share);
});

test('the same examples teach the same; words never seen give no proposal; nothing to learn from is no mistake', () => {
  const text = 'the code and the export';
  expect(rank(learn(EXAMPLES), text)).toEqual(rank(learn(EXAMPLES), text));
  expect(rank(learn(EXAMPLES), 'Zwölf Boxkämpfer')).toEqual([]);
  expect(rank(learn([]), text)).toEqual([]);
});

test('addresses, handles, figures and masks are no words', () => {
  expect(termsOf('Write to ada@b.example or @united, XXXX paid 48.00 at https://t.co/x')).toEqual(
    expect.arrayContaining(['write', 'paid']),
  );
  expect(termsOf('ada@b.example XXXX 48 https://t.co/x').join(' ')).toBe('');
});

test('texts that say alike make a group; one alone makes none', () => {
  const groups = groupAlike([
    { ref: '1', text: 'Parking is a nightmare' },
    { ref: '2', text: 'What a nightmare, your parking' },
    { ref: '3', text: 'The tea was cold' },
  ]);
  expect(groups).toMatchObject([{ refs: ['1', '2'] }]);
});

describe('rules in content', () => {
  const rules = must(
    readRules(
      'rules:\n  - { issue: exports-failed, says: [export stop] }\n  - { gap: value, reason_codes: [too_expensive] }',
    ),
  );
  test('by words in any order, or by the reason that was ticked; the first that fits decides', () => {
    expect(ruled(rules, { text: 'It stopped. The exports, I mean.', reasonCode: null })).toEqual({
      issue: 'exports-failed',
      gap: null,
      because: 'export stop',
    });
    expect(ruled(rules, { text: 'Too much', reasonCode: 'Too_Expensive' })).toMatchObject({ gap: 'value' });
    expect(ruled(rules, { text: 'Nothing', reasonCode: null })).toBeNull();
  });
  test('a wrong file says what to write', () => {
    expect(readRules('rules: [{ says: [x] }]')).toMatchObject({
      sentence: expect.stringMatching(/which issue, or which gap/),
    });
  });
});

describe('where it began to break, and where we missed it', () => {
  const stay = { joinedOn: '2025-01-01', leftOn: '2026-01-01' };
  const trace = (kind: Trace['kind'], happenedOn: string, value: number | null): Trace => ({ kind, happenedOn, value });
  test('words, an unanswered message and a slow answer, the earliest first; nothing from before or after', () => {
    const signs = signsOf(
      [trace('ticket', '2025-03-01', null), trace('ticket', '2025-02-01', 3000), trace('ticket', '2024-12-01', null)],
      [{ saidOn: '2025-04-01' }, { saidOn: '2026-02-01' }],
      stay,
    );
    expect(signs.map(({ day, by }) => [day, by])).toEqual([
      ['2025-02-01', 'slow answer'],
      ['2025-03-01', 'unanswered'],
      ['2025-04-01', 'words'],
    ]);
    expect(signs[0]!.sentence).toBe('Our first answer took 50 hours.');
  });
  test('use that fell and stayed low has its day; use that came back has none', () => {
    const weekly = (count: (week: number) => number) =>
      Array.from({ length: 40 }, (_, week) =>
        trace('usage', new Date(Date.UTC(2025, 2, 30 + week * 7)).toISOString().slice(0, 10), count(week)),
      );
    const fell = signsOf(
      weekly((week) => (week < 28 ? 20 : 4)),
      [],
      stay,
    );
    expect(fell).toMatchObject([{ by: 'falling use' }]);
    expect(fell[0]!.day > '2025-08-01' && fell[0]!.day < '2025-12-01').toBe(true);
    expect(
      signsOf(
        weekly((week) => (week > 20 && week < 25 ? 4 : 20)),
        [],
        stay,
      ),
    ).toEqual([]);
    expect(
      signsOf(
        weekly(() => 20),
        [],
        stay,
      ),
    ).toEqual([]);
  });
  test('silence is two months of nothing after somebody was there', () => {
    const there = ['2025-02-01', '2025-03-01', '2025-04-01'].map((day) => trace('usage', day, 5));
    expect(signsOf(there, [], stay)).toMatchObject([{ by: 'silence', day: '2025-04-02' }]);
    expect(signsOf(there.slice(0, 2), [], stay)).toEqual([]);
  });
});
