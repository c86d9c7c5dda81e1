import fc from 'fast-check';
import { expect, test } from 'vitest';
import { headline, lede, OUTCOME_ORDER, type Outcome, outcomeOf } from '../../src/landing/sentences.ts';

const outcomes = fc.array(fc.constantFrom<Outcome>(...OUTCOME_ORDER), { minLength: 1, maxLength: 40 });
const times = (count: number, outcome: Outcome) => Array.from({ length: count }, () => outcome);

test.each([
  [[], 'We have nothing on record that you told us.'],
  [['fixed'], 'You told us one thing. It is fixed.'],
  [['partly'], 'You told us one thing. It is partly fixed.'],
  [['watching'], 'You told us one thing. It is being watched.'],
  [['came_back'], 'You told us one thing. It came back.'],
  [['not_fixed'], 'You told us one thing. It is not fixed.'],
  [['fixed', 'fixed'], 'You told us two things. Both are fixed.'],
  [['came_back', 'came_back', 'came_back'], 'You told us three things. All came back.'],
  [['fixed', 'not_fixed'], 'You told us two things. One is fixed. One is not fixed.'],
  [
    ['not_fixed', 'fixed', 'watching', 'fixed'],
    'You told us four things. Two are fixed. One is being watched. One is not fixed.',
  ],
  [
    ['fixed', 'partly', 'watching', 'came_back', 'not_fixed'],
    'You told us five things. One is fixed. One is partly fixed. One is being watched. One came back. One is not fixed.',
  ],
  [[...times(11, 'not_fixed'), 'fixed'], 'You told us 12 things. One is fixed. 11 are not fixed.'],
] as [Outcome[], string][])('%j', (given, sentence) => {
  expect(headline(given)).toBe(sentence);
});

const WORDS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
const numberOf = (word: string) => (WORDS.includes(word) ? WORDS.indexOf(word) : Number(word));

/** Reads the headline back, as a person would. */
function readBack(sentence: string): { total: number; counts: Record<Outcome, number> } {
  const [told, ...parts] = sentence.toLowerCase().split(/\.\s*/).filter(Boolean);
  const total = numberOf(/told us (\S+) thing/.exec(told!)![1]!);
  const counts: Record<Outcome, number> = { fixed: 0, partly: 0, watching: 0, came_back: 0, not_fixed: 0 };
  for (const part of parts) {
    if (part === 'neither is fixed' || part === 'none is fixed') {
      counts.not_fixed = total;
      continue;
    }
    const [, who, what] = /^(\S+) (?:is |are )?(.+)$/.exec(part)!;
    const outcome = (
      {
        fixed: 'fixed',
        'partly fixed': 'partly',
        'being watched': 'watching',
        'came back': 'came_back',
        'not fixed': 'not_fixed',
      } as const
    )[what!]!;
    counts[outcome] = ['it', 'both', 'all'].includes(who!) ? total : numberOf(who!);
  }
  return { total, counts };
}

test('the counts add up to what they told us, and each is right', () => {
  fc.assert(
    fc.property(outcomes, (given) => {
      const { total, counts } = readBack(headline(given));
      expect(total).toBe(given.length);
      for (const outcome of OUTCOME_ORDER)
        expect(counts[outcome]).toBe(given.filter((each) => each === outcome).length);
    }),
  );
});

test('the order in which they told us changes no word', () => {
  fc.assert(
    fc.property(outcomes, (given) => {
      expect(headline(given.toReversed())).toBe(headline(given));
    }),
  );
});

test('fixed is only what holds and was confirmed as fully resolved, and that they have not reopened', () => {
  const states = ['holding', 'watching', 'not_yet', 'came_back', null] as const;
  const fixed: unknown[] = [];
  for (const state of states)
    for (const resolved of ['fully', 'partly', 'no', null] as const)
      for (const reopened of [true, false])
        if (outcomeOf(state, resolved, reopened) === 'fixed') fixed.push([state, resolved, reopened]);
  expect(fixed).toEqual([['holding', 'fully', false]]);
});

test.each([
  ['holding', null, false, 'watching'],
  ['holding', 'partly', false, 'partly'],
  ['holding', 'no', false, 'not_fixed'],
  ['holding', 'fully', true, 'came_back'],
  ['watching', 'fully', false, 'watching'],
  ['watching', 'partly', false, 'watching'],
  ['watching', 'no', false, 'not_fixed'],
  ['not_yet', 'fully', false, 'not_fixed'],
  ['not_yet', 'partly', false, 'not_fixed'],
  ['came_back', 'fully', false, 'came_back'],
  ['came_back', 'no', false, 'came_back'],
  [null, 'fully', false, 'not_fixed'],
] as const)('an issue that is %s, resolved %s, reopened %s, is %s for them', (state, resolved, reopened, outcome) => {
  expect(outcomeOf(state, resolved, reopened)).toBe(outcome);
});

const FACTS = {
  plan: 'Team',
  leftOn: '2026-06-02',
  precision: 'day',
  firstSaidOn: '2026-03-23',
  mainSaidOn: '2026-03-23',
  weKnewOn: '2026-03-09',
} as const;

test('the lede says when, after how long, and how long before us they knew', () => {
  expect(lede(FACTS)).toBe('You left the Team plan on 2 June 2026, 71 days after you first told us.');
  expect(lede({ ...FACTS, weKnewOn: '2026-03-24' })).toContain('1 day before we knew it ourselves.');
  expect(lede({ ...FACTS, weKnewOn: '2026-04-25' })).toContain('33 days before we knew it ourselves.');
});

test('what isn’t known is left out', () => {
  expect(lede({ ...FACTS, leftOn: null, weKnewOn: null })).toBe('');
  expect(lede({ ...FACTS, plan: null, firstSaidOn: null })).toBe('You left on 2 June 2026.');
  expect(lede({ ...FACTS, firstSaidOn: '2026-06-02' })).toBe('You left the Team plan on 2 June 2026.');
  expect(lede({ ...FACTS, leftOn: '2026-01-01', precision: 'year' })).toBe('You left the Team plan in 2026.');
  expect(lede({ ...FACTS, leftOn: '2026-06-01', precision: 'month' })).not.toContain('1 June');
});
