import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { check } from '../../src/cli/check.ts';
import { checkContent, problemLine } from '../../src/proofs/check.ts';
import { contentFiles, failedCsv, writeFolder } from './folder.ts';

const PROOF = 'proofs/exports-finish/index.md';
const CSV = 'proofs/exports-finish/failed.csv';

async function problemsIn(files: Record<string, string>): Promise<string[]> {
  const folder = writeFolder(files);
  try {
    return (await checkContent(folder.dir)).problems.map(problemLine);
  } finally {
    folder.remove();
  }
}

/** The problems after replacing `from` by `to` in one file. */
function changed(file: string, from: string | RegExp, to: string): Promise<string[]> {
  const files = contentFiles();
  const text = files[file]!.replace(from, to);
  expect(text).not.toBe(files[file]);
  return problemsIn({ ...files, [file]: text });
}

test('nothing is wrong with a good folder', async () => {
  expect(await problemsIn(contentFiles())).toEqual([]);
});

test('the example organisation that Amends ships with has no problems', async () => {
  expect((await checkContent('content')).problems.map(problemLine)).toEqual([]);
});

describe('the shape of a document', () => {
  test.each([
    [
      'an unknown field, at its line',
      PROOF,
      'review_on:',
      'review_day:',
      [
        /^proofs\/exports-finish\/index.md:2 schema review_on is missing\. When you look at this again/,
        /^proofs\/exports-finish\/index.md:29 schema “review_day” is not a field here\. The fields are headline, line,/,
      ],
    ],
    [
      'a field of a field',
      PROOF,
      'unit: percent',
      'unti: percent',
      [/:16 schema unit is missing/, /:19 schema “unti” is not a/],
    ],
    [
      'a date that does not exist',
      PROOF,
      'on: 2026-07-09',
      'on: 2026-02-30',
      [/:26 schema on: A date is written YYYY-MM-DD/],
    ],
    [
      'a word that is none of the choices',
      PROOF,
      'lower',
      'less',
      [/:20 schema better must be one of: lower, higher\. Which/],
    ],
    [
      'a number where text belongs',
      PROOF,
      'Exports now finish',
      '2026',
      [/:2 schema headline must be text: put it in quotes/],
    ],
    [
      'a headline that is too long',
      PROOF,
      'Exports now',
      `Exports ${'now '.repeat(20)}`,
      [/:2 schema headline must have at most 60/],
    ],
    ['a price of nothing', 'offers/team.md', '960', '0', [/:5 schema amount must be at least 0\. Price for one seat/]],
    [
      'a discount',
      'offers/team.md',
      'currency:',
      'discount: 20\ncurrency:',
      [/:6 schema “discount” is not a field here/],
    ],
    [
      'pasted words of a person',
      PROOF,
      'no_voice_because: Nobody',
      'voices: [It broke]\nno_voice_because: Nobody',
      [/Never paste its words/],
    ],
    [
      'fewer points than ten',
      'site.yaml',
      'people:',
      'holding:\n  points_before: 5\npeople:',
      [/:6 schema points_before must be at least 10/],
    ],
    ['no fields at all', 'pages/how-we-count.md', /^---\n/, '', [/:1 yaml The file must begin with its fields/]],
    [
      'a brace without quotes',
      PROOF,
      '"{before} failed. {after} fail now."',
      '{before} failed.',
      [/:3 yaml .*A value that begins with \{ must stand in quotes/],
    ],
    ['the same field twice', PROOF, 'owner: priya', 'owner: priya\nowner: yusuf', [/:7 yaml .*unique/]],
    ['an alias to nothing', PROOF, 'owner: priya', 'owner: *priya', [/:2 yaml .*alias/]],
  ])('refuses %s', async (_, file, from, to, expected) => {
    const problems = await changed(file, from, to);
    expect(problems).toHaveLength(expected.length);
    for (const [index, pattern] of expected.entries()) expect(problems[index]).toMatch(pattern);
  });
});

describe('what documents say about each other', () => {
  test.each([
    [
      PROOF,
      'issues: [exports-failed]',
      'issues: [exports-faild]',
      `${PROOF}:5 reference There is no issue “exports-faild”. It would be the file issues/exports-faild.md.`,
    ],
    [
      PROOF,
      'owner: priya',
      'owner: pria',
      `${PROOF}:6 reference “pria” is nobody in site.yaml. The people there are priya, yusuf.`,
    ],
    [
      PROOF,
      'by: yusuf',
      'by: yousuf',
      `${PROOF}:14 reference “yousuf” is nobody in site.yaml. The people there are priya, yusuf.`,
    ],
    [
      'issues/exports-failed.md',
      'owner: priya',
      'owner: toString',
      'issues/exports-failed.md:6 reference “toString” is nobody in site.yaml. The people there are priya, yusuf.',
    ],
    [
      'offers/team.md',
      'issue: exports-failed',
      'issue: other',
      'offers/team.md:10 reference There is no issue “other”. It would be the file issues/other.md.',
    ],
    [
      'checkins/exports-failed.yaml',
      'issue: exports-failed',
      'issue: other',
      'checkins/exports-failed.yaml:1 reference There is no issue “other”. It would be the file issues/other.md.',
    ],
  ])('%s: %s', async (file, from, to, problem) => {
    expect(await changed(file, from, to)).toEqual([problem]);
  });
});

describe('a series', () => {
  test('must be there', async () => {
    expect(await changed(PROOF, 'file: failed.csv', 'file: failing.csv')).toEqual([
      `${PROOF}:17 series failing.csv is not there. Put it beside this file.`,
    ]);
  });

  test('is refused at its own line', async () => {
    expect(await changed(CSV, '2026-04-06,20', '2026-04-06,twenty')).toEqual([
      `${CSV}:4 series “twenty” is not a number. Write it plainly, like 19.8.`,
    ]);
  });

  test('of shares lies between 0 and 100', async () => {
    expect(await changed(CSV, '2026-04-06,20', '2026-04-06,120')).toContain(
      `${PROOF}:17 series A share lies between 0 and 100. Measurement 3 of failed.csv doesn’t.`,
    );
  });

  test('needs a limit that would tell', async () => {
    expect(await changed(PROOF, 'reopen_limit: 2', 'reopen_limit: 20')).toEqual([
      `${PROOF}:21 S208 It was 20% before the change: with this limit it could be as bad again and not have come back. Set a better one.`,
    ]);
  });

  test('that no proof names is refused', async () => {
    expect(await problemsIn({ ...contentFiles(), 'proofs/exports-finish/better.csv': failedCsv })).toEqual([
      'proofs/exports-finish/better.csv:1 hash The proof doesn’t name this file. Name it or take it away.',
    ]);
  });
});

test('a document that is not the one that was hashed is refused, with its hash', async () => {
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  const verified = `verified:
  kind: document
  title: Terms
  file: terms.md
  sha256: ${hash('Sixty days.')}
  dated: 2026-06-01
  by: Northline
confirmer:`;
  const files = contentFiles();
  files[PROOF] = files[PROOF]!.replace('confirmer:', verified);
  files['proofs/exports-finish/terms.md'] = 'Sixty days.';
  expect(await problemsIn(files)).toEqual([]);
  const [problem, ...others] = await problemsIn({ ...files, 'proofs/exports-finish/terms.md': 'Six days.' });
  expect(problem).toContain(`${PROOF}:27 hash The hash of terms.md is ${hash('Six days.')}.`);
  expect(others).toEqual([]);
});

describe('the rules of a proof', () => {
  test.each([
    ['known before it began', 'known_on: 2026-03-09', 'known_on: 2026-03-03', ':8 S202'],
    ['changed before it was known', 'changed_on: 2026-06-01', 'changed_on: 2026-03-05', ':9 S202'],
    ['a change after the last measurement', 'changed_on: 2026-06-01', 'changed_on: 2026-08-01', ':17 S202'],
    ['a confirmation older than the change', 'on: 2026-07-09', 'on: 2026-05-31', ':26 S202'],
    ['no voice and no reason', 'no_voice_because: Nobody has agreed to be quoted yet.\n', '', ':2 S205'],
    [
      'a mail address as the id of a complaint',
      'no_voice_because:',
      'voices: ["desk:a@b.example"]\nno_voice_because:',
      ':10 private',
    ],
    ['a mail address behind a change', 'by: yusuf }', 'by: yusuf, informed_by: ["desk:a@b.example"] }', ':14 private'],
    ['the owner as confirmer', 'Eilidh Strachan', 'Priya Nair', ':24 S206'],
    ['who made the change as confirmer', 'Eilidh Strachan', 'yusuf demir', ':24 S206'],
    [
      'nothing as what is not right',
      /still_not_right: .*/,
      'still_not_right: Nothing that we know of today, it all works.',
      ':28 S207',
    ],
    ['a few words as what is not right', /still_not_right: .*/, 'still_not_right: Large files.', ':28 S207'],
    ['a review before the change', 'review_on: 2026-12-14', 'review_on: 2026-06-01', ':29 S208'],
    ['a first sentence about something else', 'We broke', 'Exports broke', ':31 S115'],
    ['a first paragraph without a figure', 'on 4 March 2026', 'in the spring', ':31 S116'],
  ])('refuse %s', async (_, from, to, expected) => {
    const problems = await changed(PROOF, from, to);
    expect(problems.some((problem) => problem.startsWith(`${PROOF}${expected} `))).toBe(true);
  });

  test('an end of an offer needs its reason', async () => {
    expect(await changed('offers/team.md', 'cannot:', 'ends_on: 2027-01-01\ncannot:')).toEqual([
      'offers/team.md:11 S303 An end date needs its real reason, in ends_because. Without one, leave the date out.',
    ]);
  });

  test('an owner is a person', async () => {
    expect(await changed('site.yaml', 'Priya Nair', 'Data Team')).toEqual([
      'site.yaml:7 S201 “Data Team” must be a person with a first and last name. Nobody can be asked what a team has promised.',
    ]);
  });
});

test('files in nobody’s place are named', async () => {
  const { 'site.yaml': _, ...files } = contentFiles();
  const problems = await problemsIn({
    ...files,
    'issues/notes.mdx': 'x',
    'proofs/half/data.csv': failedCsv,
    'pages/How We Count.md': files['pages/how-we-count.md']!,
  });
  expect(problems).toEqual([
    'pages/How We Count.md:1 place The name becomes part of an address: use small letters, digits and single hyphens.',
    'site.yaml:1 place This file is missing. It says who you are and who may be named.',
    'issues/notes.mdx:1 place Nothing reads this file. A document here is called issues/<id>.md.',
    'proofs/half/data.csv:1 place Nothing reads this file. A document here is called proofs/<id>/index.md.',
  ]);
});

describe('amends check', () => {
  async function run(args: string[]) {
    const out: string[] = [];
    const err: string[] = [];
    const code = await check.run(args, { out: (line) => out.push(line), err: (line) => err.push(line) });
    return { code, out, err };
  }

  test('counts and answers 0 when nothing is wrong, 1 when something is, 2 when there is nothing to check', async () => {
    const good = writeFolder(contentFiles());
    const files = contentFiles();
    const bad = writeFolder({ ...files, [PROOF]: files[PROOF]!.replace('{after} fail now', '0.2% fail now') });
    try {
      expect(await run([good.dir])).toEqual({ code: 0, out: ['No problems in 7 documents.'], err: [] });
      const refused = await run([bad.dir]);
      expect(refused.code).toBe(1);
      expect(refused.out).toEqual([
        `${bad.dir}/${PROOF}:3 S203 “0.2%” is not what the data says: 20% before the change, 0.3% after. Write {before} or {after}, and leave out numbers that the data doesn’t give.`,
        '1 problem in 7 documents.',
      ]);
      const json = await run(['--json', bad.dir]);
      expect(JSON.parse(json.out.join(''))).toMatchObject({ documents: 7, problems: [{ line: 3, rule: 'S203' }] });
      expect((await run([`${good.dir}/nowhere`])).code).toBe(2);
      expect((await run(['--quick'])).code).toBe(2);
    } finally {
      good.remove();
      bad.remove();
    }
  });
});
