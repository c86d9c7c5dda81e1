import { expect, test } from 'vitest';
import { parseDocument, readContent } from '../../src/proofs/content.ts';
import { factsOf } from '../../src/staff/facts.ts';
import { CONTENT } from '../support/seeded.ts';

async function factsIn(collection: 'proofs' | 'issues' | 'pages', id: string, change = (source: string) => source) {
  const { documents } = await readContent(CONTENT);
  const { source, assets } = documents.find((one) => one.collection === collection && one.id === id)!;
  return factsOf(parseDocument(collection, id, change(source), assets).document!);
}

test('every number and every date of a proof, each with where it stands and what it comes from', async () => {
  const facts = await factsIn('proofs', 'exports-finish');
  const before = facts.find(({ value }) => value === '19.8%')!;
  expect(before).toMatchObject({
    computed: true,
    source: 'exports-weekly.csv, rows 11 to 25, 8 March 2026 to 14 June 2026.',
  });
  expect(before.places.map(({ field }) => field)).toEqual([
    'Series “Share of exports that failed, weekly”',
    'Line in lists',
    'First paragraph',
  ]);
  expect(facts.find(({ value }) => value === '103 days')).toMatchObject({
    computed: true,
    source: 'The dates above: from 4 March 2026 to 15 June 2026.',
  });
  expect(facts.find(({ value }) => value === '£1,900')).toMatchObject({
    computed: false,
    source: expect.stringContaining('your own records'),
  });
  expect(facts.map(({ id }) => id)).toEqual(facts.map((_, index) => `fact-${index + 1}`));
});

test('a day that stands in a sentence too is ticked once; a word like “two” once for each sentence', async () => {
  const facts = await factsIn('proofs', 'exports-finish');
  const began = facts.filter(({ value }) => value.startsWith('4 March'));
  expect(began).toHaveLength(1);
  expect(began[0]!.places.map(({ field }) => field)).toEqual(['Began on', 'First paragraph', 'What went wrong']);
  expect(facts.filter(({ value }) => value.toLowerCase() === 'two').length).toBeGreaterThan(1);
});

test('no figure of the text is left out, and rows of a file are counted as its reader counts them', async () => {
  const facts = await factsIn('proofs', 'exports-finish', (source) =>
    source.replace('we had moved them', 'in 2 steps, 1 in 5 at €3.50 by Q3, we had moved them'),
  );
  for (const value of ['2', '€3.50']) expect(facts.map((one) => one.value)).toContain(value);
  expect(facts.some(({ value }) => value.startsWith('1'))).toBe(true);
  const { documents } = await readContent(CONTENT);
  const csv = documents.find(({ id }) => id === 'exports-finish')!.assets['exports-weekly.csv']!.split('\n');
  expect(csv[11 - 1]).toMatch(/^2026-03-08/);
  expect(csv[25 - 1]).toMatch(/^2026-06-14/);
});

test('what stands in the document behind a proof says so', async () => {
  const facts = await factsIn('proofs', 'sixty-days-notice');
  expect(facts.find(({ value }) => value === '60 days')!.source).toContain('terms-clause-7.md');
  expect(facts.filter(({ places }) => places[0]!.field === 'People asked again').map(({ value }) => value)).toEqual([
    '52',
    '38',
    '33',
  ]);
});

test('an issue states its dates and numbers too; a page has no owner to tick any', async () => {
  const facts = await factsIn('issues', 'exports-failed');
  expect(facts.slice(0, 2).map(({ value }) => value)).toEqual(['4 March 2026', '9 March 2026']);
  expect(await factsIn('pages', 'how-we-count')).toEqual([]);
});
