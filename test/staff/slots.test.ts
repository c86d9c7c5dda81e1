import { expect, test } from 'vitest';
import { type Judgement, judge } from '../../src/proofs/check.ts';
import { readContent, type SourceDocument } from '../../src/proofs/content.ts';
import { slotsOf } from '../../src/staff/slots.ts';
import { CONTENT } from '../support/seeded.ts';

const { documents } = await readContent(CONTENT);
const proof = documents.find(({ id }) => id === 'exports-finish')!;
const others = {
  site: null,
  issues: new Set(documents.filter(({ collection }) => collection === 'issues').map(({ id }) => id)),
  notes: new Map(),
};
const slots = async (document: SourceDocument) => {
  const judged: Judgement = await judge(document, { ...others, proofs: new Map() } as never);
  return slotsOf({ ...document, documentId: document.id }, judged, null);
};

test('the example passes in all twelve', async () => {
  const all = await slots(proof);
  expect(all).toHaveLength(12);
  expect(all.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
});

const broken: [string, (source: string) => string, number][] = [
  [
    'a headline that is too long',
    (source) => source.replace('headline: Exports now finish', `headline: ${'Exports now finish '.repeat(5)}`),
    1,
  ],
  ['a number that the data does not give', (source) => source.replace('lede: "From', 'lede: "0.1% failed. From'), 3],
  ['a body that does not begin with us', (source) => source.replace('We broke exports on', 'Exports broke on'), 4],
  ['nobody quoted and no reason', (source) => source.replace(/voices: .*/, 'voices: []'), 5],
  ['no change', (source) => source.replace(/changes:\n[\s\S]*?(?=series:)/, ''), 6],
  ['a series without its file', (source) => source.replace('file: exports-weekly.csv', 'file: nowhere.csv'), 7],
  ['no owner', (source) => source.replace('owner: priya\n', ''), 8],
  ['an incomplete confirmer', (source) => source.replace(/ {2}relation: complained\n/, ''), 9],
  [
    'nothing that is still not right',
    (source) => source.replace(/still_not_right: .*/, 'still_not_right: "Nothing at all."'),
    10,
  ],
  ['a review before the change', (source) => source.replace('review_on: 2026-12-14', 'review_on: 2026-01-14'), 11],
];
test.each(broken)('%s is refused in its own slot', async (_, change, number) => {
  const source = change(proof.source);
  expect(source).not.toBe(proof.source);
  const failing = (await slots({ ...proof, source })).flatMap(({ verdict }, index) =>
    verdict === 'fail' ? [index + 1] : [],
  );
  expect(failing).toContain(number);
});

test('what nobody has written yet is not called right', async () => {
  const emptied = proof.source.replace(/^headline: .*\n/m, '').replace(/---\n[^-][\s\S]*$/, '---\n');
  const all = await slots({ ...proof, source: emptied });
  expect(all[3]).toMatchObject({ title: 'What went wrong' });
  expect(all[3]!.verdict).not.toBe('pass');
  const begun = await slots({ ...proof, source: '---\nowner: priya\n---\n', assets: {} });
  expect(begun.filter(({ verdict }) => verdict === 'pass').map(({ title }) => title)).not.toContain('What went wrong');
  expect(begun.filter(({ verdict }) => verdict === 'empty').map(({ title }) => title)).toContain('What went wrong');
});

test('without a confirmer it is a warning that says what follows', async () => {
  const source = proof.source.replace(/confirmer:\n( {2}.*\n)+/, '');
  expect((await slots({ ...proof, source }))[8]).toMatchObject({
    verdict: 'warn',
    note: expect.stringContaining('watched'),
  });
});

test('a document of another kind is judged as a whole', async () => {
  const page = documents.find(({ collection }) => collection === 'pages')!;
  expect(await slots(page)).toMatchObject([{ title: 'The document', verdict: 'pass' }]);
});
