import { describe, expect, test } from 'vitest';
import { copiedFrom } from '../../../src/proofs/sincerity/copied.ts';
import { gradeOf } from '../../../src/proofs/sincerity/reading.ts';
import type { Slot } from '../../../src/proofs/sincerity/rule.ts';
import { lintPassage } from '../../../src/proofs/sincerity/sincerity.ts';

async function rulesIn(text: string, slot: Slot = 'plain'): Promise<string[]> {
  return (await lintPassage(text, slot)).map(({ rule, severity }) => `${rule} ${severity}`);
}

/** Each rule catches the first and lets the second pass. */
const PAIRS: [rule: string, caught: string, passes: string][] = [
  ['S101', 'We miss you, Ana.', 'We missed two dates in May.'],
  ['S101', 'We would like to have you back.', 'We sent the file back.'],
  ['S101', 'It’s been a while since we spoke.', 'It has been 19 weeks since the change.'],
  ['S102', 'You are a valued customer.', 'A customer valued the house at £1.'],
  ['S102', 'Your feedback is important to us.', 'Your feedback arrived on 3 May and Ana read it.'],
  ['S102', 'Here we are a family.', 'The offer is for a family of four.'],
  ['S103', 'We are thrilled about this.', 'The queue was 41 jobs long.'],
  ['S103', 'It works now!', 'It works now. Is it so for you?'],
  ['S103', 'It is faster than ever.', 'It is faster than in March: 4 seconds.'],
  ['S104', 'We are sorry for any trouble.', 'We are sorry that we lost your file.'],
  ['S104', 'This may have caused delays.', 'This caused a delay of two days.'],
  ['S104', 'Sorry if you felt ignored.', 'Answer this letter if you felt ignored.'],
  ['S105', 'We are committed to quality.', 'Leila committed the change on 12 May.'],
  ['S105', 'We take privacy very seriously.', 'It takes 20 minutes.'],
  ['S105', 'Your privacy is something we take seriously.', 'We did not take her message seriously.'],
  ['S105', 'We are aware of reports of a fault.', 'We have been aware of this fault since 3 May.'],
  ['S105', 'Lessons have been learned.', 'We learned on 30 June that nobody had counted.'],
  ['S106', 'Hurry, this ends soon.', 'The plan ends on 3 May, with the lease.'],
  ['S106', 'Your offer expires tomorrow.', 'Your link expires in 90 days.'],
  ['S106', 'Only 3 places left.', 'Three people left on Friday.'],
  ['S107', 'Take 20% off.', 'In May 20% of exports failed.'],
  ['S107', 'This month is on us.', 'The blame is on us.'],
  ['S107', 'You get a free month.', 'You are free to leave each month.'],
  ['S108', 'It was beyond our control.', 'The switch is in the control room.'],
  ['S108', 'A junior engineer deleted it.', 'A support agent answers within four hours.'],
  ['S108', 'The cause was human error.', 'Every error we counted is in the file.'],
  ['S109', 'Several exports failed.', 'Of 40 exports, 12 failed.'],
  ['S109', 'It will be ready soon.', 'We write as soon as it is ready.'],
  ['S109', 'Many people wrote.', 'We count how many people wrote.'],
  ['S110', 'A minor fault.', 'A course in mining.'],
  ['S110', 'Unfortunately it broke.', 'It broke on 4 March.'],
  ['S111', 'Hello {{first_name}},', 'Hello {firstName},'],
  ['S111', 'Dear [Name], we changed it.', 'The [name of the clause](/terms) is new.'],
  ['S111', 'Dear customer, it is fixed.', 'A customer who is dear to us.'],
  ['S112', 'It will never happen again.', 'It has not happened since 3 May.'],
  ['S112', 'It is fully resolved.', 'It is not fully resolved.'],
  ['S112', 'We guarantee a quick answer.', 'We can’t guarantee a quick answer.'],
  ['S112', 'We guarantee it.', 'Your old price is in clause 7.'],
  ['S114', 'We leverage this.', 'We pull the lever.'],
  ['S107', 'We put £20 on your account.', 'You put £20 on the account by mistake.'],
  ['S107', 'A welcome bonus waits.', 'It is the same band for everyone.'],
  ['S117', 'Rejoin today.', 'You can rejoin on your page, or not.'],
  ['S117', 'Upgrade to Studio.', 'The upgrade of the database took a day.'],
  ['S117', 'Only £40 a month.', 'It costs £40 a month, as it did.'],
  ['S118', 'We m\u0456ss it.', 'We write π and Москва, and miss nothing of it.'],
];

test.each(PAIRS)('%s catches “%s” and passes “%s”', async (rule, caught, passes) => {
  expect((await rulesIn(caught)).map((one) => one.split(' ')[0])).toContain(rule);
  expect(await rulesIn(passes)).toEqual([]);
});

test('phrases are found over the end of a line, in any case, through emphasis and with either apostrophe', async () => {
  expect(await rulesIn('we\nMISS you')).toEqual(['S101 error']);
  expect(await rulesIn('We **miss** you.')).toEqual(['S101 error']);
  expect(await rulesIn("Don't miss out.")).toEqual(['S106 error']);
  expect(await rulesIn('Don’t miss out.')).toEqual(['S106 error']);
});

test('an answer says what to write instead, at its line', async () => {
  const [finding] = await lintPassage('One line.\nAnother.\n\nAnd going forward, a third.', 'plain');
  expect(finding).toEqual({
    line: 4,
    rule: 'S105',
    severity: 'error',
    sentence: '“going forward” (promise-without-proof). Replace the promise with what is already done, or delete it.',
  });
});

describe('S108p, who did it', () => {
  test.each([
    ['The index was dropped on 4 March.'],
    ['Reports have been deleted by mistake.'],
    ['The outage was caused by a router.'],
  ])('%s', async (text) => {
    expect(await rulesIn(text, 'changed')).toContain('S108p error');
  });

  test.each([
    ['The index was dropped by us on 4 March.'],
    ['The note was written by Mei-Lin Tan.'],
    ['We dropped the index on 4 March.'],
    ['The count is shown on the wall.'],
    ['We were slow.'],
    ['Her list shows each person who has not been told.'],
    ['We asked whether it was solved.'],
  ])('passes: %s', async (text) => {
    expect(await rulesIn(text, 'changed')).toEqual([]);
  });

  test('only where we say what went wrong and what changed', async () => {
    expect(await rulesIn('The index was dropped on 4 March.', 'plain')).toEqual([]);
  });
});

test('S109 warns, and refuses in what we claim, what went wrong and the evidence', async () => {
  expect(await rulesIn('Several exports failed.', 'title')).toEqual([]);
  const slots: Slot[] = ['plain', 'still', 'changed', 'headline', 'lede', 'evidence'];
  const found = await Promise.all(slots.map((slot) => rulesIn('Several exports failed.', slot)));
  expect(found.flat().map((one) => one.split(' ')[1])).toEqual([
    'warning',
    'warning',
    'warning',
    'warning',
    'error',
    'error',
  ]);
});

test('a word in quotation marks is reported, not claimed; a plea in quotation marks is still one', async () => {
  expect(await rulesIn('Our terms said “from time to time”.', 'lede')).toEqual([]);
  expect(await rulesIn('“We miss you.”')).toEqual(['S101 error']);
});

describe('S113, reading', () => {
  const words = (count: number) => `${'one '.repeat(count - 1)}one.`;

  test('sentences of 25 words pass, longer ones warn, those over 35 are refused', async () => {
    expect(await rulesIn(words(25))).toEqual([]);
    expect(await rulesIn(words(26))).toEqual(['S113 warning']);
    expect(await rulesIn(words(35))).toEqual(['S113 warning']);
    expect(await rulesIn(words(36))).toEqual(['S113 error']);
  });

  test('the grade is that of Flesch and Kincaid', () => {
    // 10 words a sentence and 1.5 syllables a word: 3.9 + 17.7 − 15.59.
    expect(gradeOf({ words: 100, sentences: 10, syllables: 150 })).toBeCloseTo(6.01);
  });

  test('a text of long words is refused from 100 words on', async () => {
    const hard = 'Organisational accountability necessitates comprehensive institutional documentation. ';
    expect(await rulesIn(hard.repeat(3))).toEqual([]);
    expect(await rulesIn(hard.repeat(20))).toEqual(['S113 error']);
  });
});

describe('what went wrong', () => {
  test.each([
    ['S115', 'Exports broke on 4 March.'],
    ['S115', 'We experienced a fault on 4 March.'],
    ['S115', 'We broke 40 exports. Then we’ve encountered more.'],
    ['S115', '> We broke exports on 4 March.'],
    ['S115', ''],
    ['S116', 'We broke exports.\n\nThat was on 4 March.'],
  ])('%s refuses: %s', async (rule, text) => {
    expect(await rulesIn(text, 'wrong')).toContain(`${rule} error`);
  });

  test.each([
    ['We broke exports on 4 March.'],
    ['## Exports\n\n**We** broke them on 4 March.'],
    ['> It broke.\n\nWe broke exports on 4 March.'],
    ['We broke 40 exports. People who experienced it wrote to us.'],
  ])('passes: %s', async (text) => {
    expect(await rulesIn(text, 'wrong')).toEqual([]);
  });
});

describe('S111, written for somebody else', () => {
  const numbers = Array.from({ length: 60 }, (_, index) => `word${index}`);
  const note = numbers.join(' ');

  test('names the note it was copied from', () => {
    const half = [...numbers.slice(0, 30), ...numbers.slice(30).map((word) => `other${word}`)].join(' ');
    const notes = new Map([
      ['first', note],
      ['second', half],
    ]);
    expect(copiedFrom('second', half, notes)).toEqual({ id: 'first', share: 26 / 56 });
  });

  test('passes a note of its own, a few shared words, and the note itself', () => {
    const notes = new Map([['first', note]]);
    expect(copiedFrom('second', numbers.toReversed().join(' '), notes)).toBeNull();
    const little = [...numbers.slice(0, 15), ...numbers.slice(15).map((word) => `other${word}`)].join(' ');
    expect(copiedFrom('second', little, notes)).toBeNull();
    expect(copiedFrom('first', note, notes)).toBeNull();
  });
});

test('a text that nobody would read is refused before it is read', async () => {
  const began = performance.now();
  expect(await rulesIn('a-'.repeat(50_000))).toEqual(['length error']);
  expect(performance.now() - began).toBeLessThan(1000);
});
