import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readContent, type SourceDocument } from '../../src/proofs/content.ts';
import { publishDocument } from '../../src/proofs/publish.ts';
import { proofWithState, publishedProof } from '../../src/proofs/published.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { contentFiles, failedCsv, proofMd, writeFolder } from './folder.ts';

// A proof has twelve slots. Each is taken away in turn, and each number altered: publishing refuses, and says where.

const now = new Date('2026-11-22T09:00:00Z');
const by = { approvedBy: 'grace', reason: 'The confirmation was withdrawn.', now };

/** As its owner confirmed it, whoever that is in this text. */
function byOwner({ source }: SourceDocument) {
  return { ...by, confirmedBy: /^owner: (\S+)/m.exec(source)?.[1] ?? null };
}
const none = new Map();
let db: FreshDatabase;

beforeAll(async () => {
  db = await freshDatabase();
  const folder = writeFolder(contentFiles());
  const { documents } = await readContent(folder.dir);
  folder.remove();
  for (const document of documents.filter(({ collection }) => collection !== 'proofs')) {
    expect(isRefusal(await db.write((tx) => publishDocument(tx, { ...document, ...byOwner(document) })))).toBe(false);
  }
});
afterAll(() => db.cleanup());

const proof = (source: string, csv = failedCsv): SourceDocument => ({
  collection: 'proofs',
  id: 'exports-finish',
  source,
  assets: { 'failed.csv': csv },
});

/** `13 S204 “…” is no page of this site …`, one a problem; empty when it would be published. */
async function refusals(document: SourceDocument): Promise<string[]> {
  const result = await db.write((tx) => publishDocument(tx, { ...document, ...byOwner(document) }));
  if (!isRefusal(result)) return [];
  expect(await publishedProof(db.read, document.id)).toBeNull();
  return result.problems.map(
    ({ file, line, rule, sentence }) => `${file.split('/').at(-1)}:${line} ${rule} ${sentence}`,
  );
}

function altered(from: string | RegExp, to: string): SourceDocument {
  const source = proofMd.replace(from, to);
  expect(source).not.toBe(proofMd);
  return proof(source);
}

const field = (name: string) => new RegExp(`^${name}:.*\\n(?: .*\\n)*`, 'm');

/** By an answer: its row holds the name and the words. */
const ANSWER = '01a2023f-caf7-7b1d-b956-6efb72e44885';
const NAME_OR_ANSWER = /^index\.md:23 schema confirmer: Name who confirmed it and how, or the answer/;

test.each<[slot: string, from: string | RegExp, to: string, refused: RegExp]>([
  ['1 the headline', field('headline'), '', /^index\.md:\d+ schema headline is missing/],
  [
    '1 a headline of more than 60 characters',
    'Exports now finish',
    'Exports now finish '.repeat(4),
    /^index\.md:2 schema headline/,
  ],
  [
    '2 a state that somebody typed',
    'issues: [',
    'state: holding\nissues: [',
    /^index\.md:5 schema “state” is not a field here/,
  ],
  ['3 the lede', field('lede'), '', /^index\.md:\d+ schema lede is missing/],
  ['3 the line', field('line'), '', /^index\.md:\d+ schema line is missing/],
  ['3 the day it began', field('started_on'), '', /schema started_on is missing/],
  ['3 the day of the change', field('changed_on'), '', /schema changed_on is missing/],
  ['4 what went wrong', /We broke[\s\S]*$/, '', /^index\.md:\d+ S115 What went wrong begins with “We”/],
  ['4 who did it', 'We broke exports', 'Exports broke', /^index\.md:\d+ S115 What went wrong begins with “We”/],
  ['4 how many, how long or since when', ' on 4 March 2026', '', /^index\.md:\d+ S116 The first paragraph/],
  ['4 the day we first knew', field('known_on'), '', /schema known_on is missing/],
  [
    '5 voices and the reason for none',
    field('no_voice_because'),
    '',
    /^index\.md:\d+ S205 Name at least one complaint/,
  ],
  ['6 what changed', field('changes'), '', /schema changes is missing/],
  ['6 every change', field('changes'), 'changes: []\n', /^index\.md:11 schema changes must list at least 1/],
  ['6 what a change is', 'what: A worker for each export.,', '', /^index\.md:12 schema what is missing/],
  ['6 the day of a change', 'on: 2026-06-01, s', 's', /^index\.md:12 schema on is missing/],
  [
    '6 who made a change',
    ', href: /issues/exports-failed },\n    by: yusuf }',
    ', href: /issues/exports-failed } }',
    /^index\.md:12 schema by is missing/,
  ],
  [
    '6 the link of a change',
    'source: { label: What it did to people, href: /issues/exports-failed },',
    '',
    /^index\.md:12 S204 Say in source where anyone can see this change/,
  ],
  ['7 the evidence', field('series'), '', /^index\.md:\d+ S203 There is no evidence/],
  ['7 its unit', '    unit: percent\n', '', /schema unit is missing/],
  ['7 its source', '    source: Table export_runs\n', '', /schema source is missing/],
  ['7 its file', '    file: failed.csv\n', '', /schema file is missing/],
  ['8 the owner', field('owner'), '', /schema owner is missing/],
  [
    '8 the owner as a person',
    'owner: priya',
    'owner: exports-team',
    /^index\.md:6 reference “exports-team” is nobody in site\.yaml/,
  ],
  ['9 the day of the confirmation', '  on: 2026-07-09\n', '', /^index\.md:23 schema on is missing/],
  ['9 how it was confirmed', /\n {2}how: .*/, '', NAME_OR_ANSWER],
  ['9 who confirmed it', /\n {2}name: .*/, '', NAME_OR_ANSWER],
  ['9 either of them, or an answer', /\n {2}(name|how): .*/g, '', NAME_OR_ANSWER],
  ['9 one of the two: an answer beside a name', / {2}how: .*/, `  answer: ${ANSWER}`, NAME_OR_ANSWER],
  ['9 a confirmer who is not the owner', 'Eilidh Strachan', 'Priya Nair', /^index\.md:24 S206 Priya Nair owns this/],
  ['10 what is still not right', field('still_not_right'), '', /schema still_not_right is missing/],
  [
    '10 what is still not right, said in a word',
    /still_not_right: .*/,
    'still_not_right: Nothing worth saying.',
    /^index\.md:28 S207 Say in eight words/,
  ],
  ['11 the limit', '    reopen_limit: 2\n', '', /schema reopen_limit is missing/],
  [
    '11 a limit that could be reached',
    'reopen_limit: 2',
    'reopen_limit: 20',
    /^index\.md:21 S208 It was 20% before the change/,
  ],
  ['11 the day of the review', field('review_on'), '', /schema review_on is missing/],
  [
    '12 the question, answered by us',
    'issues: [',
    'fixed_for_you: yes\nissues: [',
    /^index\.md:5 schema “fixed_for_you” is not a field here/,
  ],
  [
    '12 an issue that it could be asked about',
    'issues: [exports-failed]',
    'issues: []',
    /^index\.md:5 schema issues must list at least 1/,
  ],
])('without slot %s it is not published', async (_slot, from, to, refused) => {
  expect(await refusals(altered(from, to))).toContainEqual(expect.stringMatching(refused));
});

test.each<[what: string, from: string, to: string, refused: RegExp]>([
  [
    'the number before, in the line',
    '{before} failed.',
    '21% failed.',
    /^index\.md:3 S203 “21%” is not what the data says: 20% before the change, 0\.3% after/,
  ],
  ['the number after, in the line', '{after} fail now', '0.2% fail now', /^index\.md:3 S203 “0\.2%”/],
  ['the number before, in the lede', '{before} of exports', '19% of exports', /^index\.md:4 S203 “19%”/],
  ['the number after, in the lede', 'it was {after}', 'it was 0.1%', /^index\.md:4 S203 “0\.1%”/],
  ['the days until the change', '89 days', '80 days', /^index\.md:4 S203 “80 days” is not what the dates say: 89 days/],
  ['the weeks since', '{weeks} weeks', '9 weeks', /^index\.md:4 S203 “9 weeks” is not what the data says: 7 weeks/],
  ['a number in the headline', 'Exports now finish', 'Exports fail in 0.1% of runs', /^index\.md:2 S203 “0\.1%”/],
  ['a share in words', '{before} of exports', 'one in three', /^index\.md:4 S203 “one in three”/],
  ['a placeholder that nothing gives', '{before} failed.', '{mean} failed.', /^index\.md:3 S203 \{mean\} is not known/],
])('%s, altered, is refused with the right one', async (_what, from, to, refused) => {
  expect(await refusals(altered(from, to))).toContainEqual(expect.stringMatching(refused));
});

test.each<[what: string, csv: string, refused: RegExp]>([
  [
    'every measurement after the change',
    failedCsv.split('\n').slice(0, 11).join('\n'),
    /^index\.md:\d+ S202 Its last measurement \(2026-05-25\) is older than the change/,
  ],
  ['every measurement', 'date,value,n\n', /^failed\.csv:1 series The series is empty/],
  ['the day of one', failedCsv.replace('2026-03-30', 'spring'), /^failed\.csv:3 series “spring” is not a date/],
  ['the cases of one', failedCsv.replace('20,100', '20,0'), /^failed\.csv:2 series n is “0”/],
  ['the value of one', failedCsv.replace('20,100', 'many,100'), /^failed\.csv:2 series “many” is not a number/],
])('a series without %s is refused', async (_what, csv, refused) => {
  expect(await refusals(proof(proofMd, csv))).toContainEqual(expect.stringMatching(refused));
});

test.each([
  ['http://northline.example/changes'],
  ['https://localhost/changes'],
  ['https://10.0.0.7/changes'],
  ['https://wiki.internal/changes'],
  ['https://grace:secret@northline.example/'],
  ['https://wiki'],
  ['//northline.example'],
  ['/staff/drafts'],
  ['/issues/nowhere'],
  ['/proofs/nowhere'],
  ['/proofs/exports-finish/other.csv'],
])('a change whose source is %s is refused: not everyone can open it', async (href) => {
  expect((await refusals(altered('/issues/exports-failed', href)))[0]).toMatch(/^index\.md:13 (S204|schema) /);
});

test('a document must be the one whose fingerprint is written down', async () => {
  const text = 'Clause 7. Nobody waits.\n';
  const sha256 = createHash('sha256').update(text).digest('hex');
  const verified = `verified:\n  kind: document\n  title: Terms\n  file: terms.md\n  sha256: ${sha256}\n  dated: 2026-06-01\n  by: Northline\nconfirmer:`;
  const good = altered('confirmer:', verified);
  expect(await refusals({ ...good, assets: { ...good.assets, 'terms.md': text.replace('7', '8') } })).toEqual([
    expect.stringMatching(/^index\.md:27 hash The hash of terms\.md is/),
  ]);
});

test('with every slot filled it is published, and nobody set its state', async () => {
  const alone = await db.write((tx) =>
    publishDocument(tx, { ...proof(proofMd), ...byOwner(proof(proofMd)), approvedBy: 'priya' }),
  );
  expect(alone).toMatchObject({ refused: true, code: 'alone' });
  expect(await publishedProof(db.read, 'exports-finish')).toBeNull();

  expect(await refusals(proof(proofMd))).toEqual([]);
  expect(await proofWithState(db.read, 'exports-finish', none, now)).toMatchObject({ state: { state: 'holding' } });
});

test('without slot 9, the confirmer, it may be published, and is watched, not fixed', async () => {
  const without = altered(field('confirmer'), '');
  const result = await db.write((tx) => publishDocument(tx, { ...without, ...byOwner(without) }));
  expect(isRefusal(result)).toBe(false);
  expect(await proofWithState(db.read, 'exports-finish', none, now)).toMatchObject({
    state: { state: 'watching', why: ['Nobody independent has confirmed it yet.'] },
  });
});
