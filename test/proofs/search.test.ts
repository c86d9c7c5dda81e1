import { afterAll, beforeAll, expect, test } from 'vitest';
import { searchSentence } from '../../src/proofs/looks/sentences.ts';
import { type IssueWithState, issueStates } from '../../src/proofs/published.ts';
import { search, wordsOf } from '../../src/proofs/search.ts';
import type { FreshDatabase } from '../support/database.ts';
import { NOW, seededDatabase } from '../support/seeded.ts';

let db: FreshDatabase;
let issues: IssueWithState[];
beforeAll(async () => {
  db = await seededDatabase();
  issues = await issueStates(db.read, new Map(), NOW);
});
afterAll(() => db.cleanup());

const found = (query: string) => search(issues, query).map(({ issue }) => issue.id);

test('a word in a title comes before the same word in a text', () => {
  expect(found('exports')[0]).toBe('exports-failed');
  expect(found('notice')[0]).toBe('price-rise-without-notice');
});

test('the beginning of a word finds it, its middle does not', () => {
  expect(found('expo')).toContain('exports-failed');
  expect(found('xport')).toEqual([]);
});

test('every word must be there, in the problem or in one of its changes', () => {
  expect(found('exports worker')).toEqual(['exports-failed']);
  expect(found('exports zeppelin')).toEqual([]);
});

test('case, accents, apostrophes and marks make no difference', () => {
  expect(found('  ÉXPORTS, Mondays! ')).toEqual(found('exports mondays'));
  expect(found("days' notice")).toEqual(found('days’ notice'));
  expect(wordsOf('a A ä')).toEqual(['a']);
});

test('nothing but marks asks for nothing, and nobody’s words are looked through', () => {
  for (const nothing of ['', '   ', '%%%', '*', '<script>'.replace('script', ''), '\u0000'])
    expect(found(nothing)).toEqual([]);
  expect(found('third monday running')).toEqual([]);
});

test('the sentence above says how many there are, and how many of them are here', () => {
  expect([0, 1, 30, 2000].map((count) => searchSentence(count, 30))).toEqual([
    'Nothing found.',
    'One problem found.',
    '30 problems found.',
    '2,000 problems found; here are the first 30.',
  ]);
});
