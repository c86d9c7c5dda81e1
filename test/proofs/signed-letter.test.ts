import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { judge } from '../../src/proofs/check.ts';
import { composeSigned, EXAMPLES, problemsOfSigned, type SignedLetter } from '../../src/proofs/signed-letter.ts';
import { CONTENT } from '../support/seeded.ts';

const OTHERS = { site: null, issues: new Set<string>(), notes: new Map<string, string>() };
const shipped = (kind: SignedLetter) => readFileSync(join(CONTENT, `letters/${kind}.md`), 'utf8');

async function rulesFor(kind: SignedLetter, change: (text: string) => string): Promise<string[]> {
  const source = change(shipped(kind));
  expect(source === shipped(kind)).toBe(change === same);
  const { problems } = await judge({ collection: 'letters', id: kind, source, assets: {} }, OTHERS);
  return problems.map(({ rule }) => rule);
}
const same = (text: string) => text;

test('the letters as they are shipped keep every rule', async () => {
  expect(await rulesFor('invitation', same)).toEqual([]);
  expect(await rulesFor('invitation-employee', same)).toEqual([]);
});

describe('a published text that would make letters go under a rule is refused', () => {
  test.each([
    ['without their words', 'S404', 'invitation', (text: string) => text.replace('> {theirWords}\n', '')],
    ['with their words outside a quote', 'S404', 'invitation', (text: string) => text.replace('> {their', '{their')],
    ['without the day', 'S404', 'invitation', (text: string) => text.replace('On {saidOn} you', 'You')],
    ['without the proof', 'S404', 'invitation', (text: string) => text.replace('{proofLink}\n', '')],
    ['without what is not fixed', 'S404', 'invitation', (text: string) => text.replace(/Not fixed for you.*\n/, '')],
    ['without how late it is', 'S406', 'invitation', (text: string) => text.replace(/It took us.*\n/, '')],
    ['without an apology', 'S403', 'invitation', (text: string) => text.replace(', and I am sorry', '')],
    ['with two', 'S403', 'invitation', (text: string) => text.replace('That is late.', 'I apologise.')],
    [
      'with an empty apology',
      'S104',
      'invitation',
      (text: string) => text.replace('I am sorry.', 'sorry for any trouble.'),
    ],
    ['with a promise', 'S105', 'invitation', (text: string) => text.replace('That is late.', 'We will do better.')],
    [
      'with more of ours than of theirs',
      'S405',
      'invitation',
      (text: string) =>
        text
          .replace('{whatWeDid}\n', '')
          .replace('> {theirWords}', '> {firstName}')
          .replace(
            'You were right,',
            `${'We have written this for all, and for all the others. '.repeat(2)}You were right,`,
          ),
    ],
    [
      'with too many words',
      'length',
      'invitation',
      (text: string) => text.replace('That is late.', 'We are late. '.repeat(20)),
    ],
    [
      'without a place for one’s own sentence',
      'letter',
      'invitation',
      (text: string) => text.replace('{ownSentence}\n', ''),
    ],
    [
      'without a way to stop',
      'letter',
      'invitation',
      (text: string) => text.replace('Stop our letters: {stopLink}\n', ''),
    ],
    [
      'with a slot that nobody knows',
      'S111',
      'invitation',
      (text: string) => text.replace('{firstName}', '{nickname}'),
    ],
    [
      'with a waiver',
      'waiver',
      'invitation',
      (text: string) => text.replace('Hello', '<!-- textlint-disable S110 -- we like it -->\nUnfortunately, hello'),
    ],
    [
      'to a former employee, with the complaint in it',
      'private',
      'invitation-employee',
      (text: string) => text.replace('{ownSentence}', '{ownSentence} {proofLine}'),
    ],
    [
      'to a former employee, with the complaint in its subject',
      'private',
      'invitation-employee',
      (text: string) => text.replace('What changed since you left {organisation}', '{proofLine}'),
    ],
  ] as const)('%s: %s', async (_, rule, kind, change) => {
    expect(await rulesFor(kind, change)).toContain(rule);
  });
});

test('a paragraph whose slot is empty is left out, and what fills a slot is never read as a slot', () => {
  const template = {
    subject: 'For {firstName}',
    body: 'Hello {firstName},\n\nNot fixed: {notFixed}.\n\n{ownSentence}',
  };
  const slots = { firstName: 'Maya', notFixed: '', ownSentence: 'You wrote {link}.' };
  const { subject, body, words } = composeSigned(template, slots);
  expect({ subject, body, words }).toEqual({ subject: 'For Maya', body: 'Hello Maya,\n\nYou wrote {link}.', words: 4 });
});

test('the share counts the words of slots that are the person’s, and no address', () => {
  const template = {
    subject: '',
    body: 'Hello {firstName}, this is\nhttps://example.org/a-page and {sender}\n\nStop: {stopLink}',
  };
  const letter = composeSigned(template, { firstName: 'Maya', sender: 'Grace Adeyemi' });
  expect(letter.words).toBe(7);
  expect(letter.share).toBeCloseTo(1 / 7);
});

test('in their words they may be as sorry as they like', () => {
  const { slots, expected } = EXAMPLES.invitation;
  const body = shipped('invitation').split('---\n')[2]!;
  const letter = composeSigned(
    { subject: 'x', body },
    { ...slots, theirWords: 'I am sorry about it, I apologise, sorry.' },
  );
  expect(problemsOfSigned('invitation', letter, expected)).toEqual([]);
});
