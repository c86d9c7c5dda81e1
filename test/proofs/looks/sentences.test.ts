import { describe, expect, test } from 'vitest';
import type { Series } from '../../../src/proofs/documents.ts';
import type { SeriesSummary } from '../../../src/proofs/evidence.ts';
import {
  cameBackLine,
  countSentence,
  missedSentence,
  peopleSentence,
  reaskWords,
  reopenSentences,
  strongStart,
  tallyWords,
  typeset,
  updateWords,
} from '../../../src/proofs/looks/sentences.ts';
import type { State, StateName } from '../../../src/proofs/state.ts';

const floor = { customer: 10, employee: 20 };

describe('how many problems there are, and where they stand', () => {
  test('each state once, only holding counted as fixed', () => {
    const states: StateName[] = [
      'holding',
      'came_back',
      'holding',
      'watching',
      'not_yet',
      'not_yet',
      'holding',
      'holding',
    ];
    expect(countSentence(states)).toBe(
      'We count eight separate problems. Four are fixed and holding. One is being watched. Two are not fixed. One came back.',
    );
  });
  test('all of one kind', () => {
    expect(countSentence(['not_yet', 'not_yet', 'not_yet'])).toBe(
      'We count three separate problems. All are not fixed.',
    );
    expect(countSentence(['holding', 'holding'])).toBe('We count two separate problems. Both are fixed and holding.');
  });
  test('one, and none', () => {
    expect(countSentence(['came_back'])).toBe('We count one problem. It came back.');
    expect(countSentence([])).toBe('We have not published any problem yet.');
  });
});

describe('how many people told us', () => {
  test('customers and employees', () => {
    expect(peopleSentence({ customers: 60, employees: 20 }, ['customer'], floor)).toBe(
      'At least 60 customers and 20 employees told us.',
    );
  });
  test('too few to be counted in public', () => {
    expect(peopleSentence({ customers: null, employees: null }, ['employee'], floor)).toBe(
      'Fewer than 20 employees told us.',
    );
  });
});

describe('when we say more', () => {
  test('a day to come, today, no day', () => {
    expect(updateWords('2026-12-08', '2026-11-22')).toBe('Next update: 8 December 2026');
    expect(updateWords('2026-11-22', '2026-11-22')).toBe('Next update: 22 November 2026');
    expect(updateWords(undefined, '2026-11-22')).toBe('No date yet');
  });
  test('a day that has passed says how late we are', () => {
    expect(updateWords('2026-11-21', '2026-11-22')).toBe('Update late by 1 day');
    expect(updateWords('2026-11-15', '2026-11-22')).toBe('Update late by 7 days');
  });
});

describe('what brought it back', () => {
  const state: State = { state: 'came_back', since: '2026-11-03', why: [], weeks: 25, measured: true, verified: false };
  const summary = {
    id: 'ninety',
    unit: 'seconds',
    limit: 30,
    latest: { on: '2026-11-17', value: 71 },
  } as SeriesSummary;
  test('a measurement, and where it is now', () => {
    const crossing = { series: 'ninety', title: 'Seconds', on: '2026-11-03', value: 74 };
    expect(cameBackLine({ ...state, crossing }, [summary])).toBe(
      'Seconds: 74 seconds on 3 November 2026. Our limit is 30 seconds. It was 71 seconds on 17 November 2026.',
    );
  });
  test('people, without a number', () => {
    expect(cameBackLine({ ...state, crossing: { noAnswers: 1, on: '2026-11-03' } }, [])).toBe(
      'People who came back told us that it is not fixed for them.',
    );
  });
  test('nothing did', () => expect(cameBackLine({ ...state, state: 'holding' }, [summary])).toBeNull());
});

test('what would reopen it, for one series, for none, and for several', () => {
  const series = { title: 'Share that failed', better: 'lower', unit: 'percent', reopen_limit: 2 } as Series;
  expect(reopenSentences([series], 1, '2026-12-14')).toBe(
    'One measurement above 2% reopens this. So does one “no” from a person who came back. We look at it again on 14 December 2026, whatever happens.',
  );
  expect(reopenSentences([], 3, '2026-12-14')).toMatch(/^A “no” from three people who came back reopens this\./);
  const second = { ...series, title: 'Share solved', better: 'higher', reopen_limit: 75 } as Series;
  expect(reopenSentences([series, second], 1, '2026-12-14')).toContain(
    '“Share solved”: one measurement below 75% reopens this.',
  );
});

test('people asked again, with everyone who did not answer in the count', () => {
  const reask = { question: 'Is it enough?', asked: 1120, answered: 74, yes: 66, on: '2026-10-12' };
  expect(reaskWords(reask)).toBe('1,120 asked, 74 answered: 66 yes, 8 not');
});

test('people who came back are counted only where nobody can be singled out', () => {
  expect(tallyWords({ asked: 0, yes: 0, no: 0, notSure: 0 }, 10)).toBeNull();
  expect(tallyWords({ asked: 1, yes: 0, no: 1, notSure: 0 }, 10)).toBe(
    'Fewer than 10 people who came back have been asked',
  );
  expect(tallyWords({ asked: 40, yes: 20, no: 3, notSure: 2 }, 10)).toBe(
    'At least 40 asked: at least 20 yes, fewer than 10 no, fewer than 10 not sure',
  );
});

test('the chart names a change by its strong words', () => {
  expect(strongStart('**Each export has its own worker.** A slow one no longer holds up others.')).toBe(
    'Each export has its own worker',
  );
  expect(strongStart('We count failures. Every hour.')).toBe('We count failures');
});

test('what we wrote is set as a book sets it', () => {
  expect(typeset(`60 days' notice, and "no" isn't 'never'`)).toBe('60 days’ notice, and “no” isn’t ‘never’');
  expect(typeset('On 3 November 2026')).toBe('On 3\u00a0November 2026');
});

test('where we missed it follows from the dates', () => {
  const sentence = (started_on: string, known_on: string, changed_on: string) =>
    missedSentence({ started_on, known_on, changed_on });
  expect(sentence('2026-03-04', '2026-03-09', '2026-06-01')).toBe(
    'It went on for 5 days before we knew, and it went on for 84 days more before we changed it.',
  );
  expect(sentence('2026-03-04', '2026-03-04', '2026-03-05')).toBe(
    'We knew on the day it began, and it went on for 1 day before we changed it.',
  );
  expect(sentence('2026-03-04', '2026-03-05', '2026-03-05')).toBe(
    'It went on for 1 day before we knew, and we changed it on the day we knew.',
  );
});
