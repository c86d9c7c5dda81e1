import { describe, expect, test } from 'vitest';
import { check } from '../../../src/cli/check.ts';
import { checkContent, problemLine } from '../../../src/proofs/check.ts';
import { parseDocument } from '../../../src/proofs/content.ts';
import { contentFiles, proofMd, writeFolder } from '../folder.ts';

const PROOF = 'proofs/exports-finish/index.md';
const OFFER = 'offers/team.md';
const PAGE = 'pages/how-we-count.md';

async function judged(changes: Record<string, string>) {
  const folder = writeFolder({ ...contentFiles(), ...changes });
  try {
    const { problems, warnings, waived } = await checkContent(folder.dir);
    return {
      problems: problems.map(problemLine),
      warnings: warnings.map(problemLine),
      waived: waived.map(problemLine),
    };
  } finally {
    folder.remove();
  }
}

const page = (body: string) => ({ [PAGE]: `---\ntitle: How we count\n---\n${body}\n` });
const starts = (lines: string[]) => lines.map((line) => line.split(' ').slice(0, 2).join(' '));

describe('what is judged', () => {
  test.each([
    [PROOF, 'headline: Exports now finish', 'headline: Exports finish seamlessly', 2, 'S103'],
    [PROOF, '"{before} failed. {after} fail now."', '"{before} failed. {after} fail now!"', 3, 'S103'],
    [PROOF, 'it was {after}."', 'it was significantly better, {after}."', 4, 'S109'],
    [PROOF, 'A worker for each export.', 'A new export worker was added.', 12, 'S108p'],
    [PROOF, 'Share of exports that failed, weekly', 'Share of exports that failed recently', 18, 'S109'],
    [PROOF, 'and that one is not fixed', 'and rest assured that we know', 28, 'S105'],
    [PROOF, 'Then we were slow.', 'Then there were several failures.', 33, 'S109'],
    ['site.yaml', 'makes reporting software', 'makes world-class software', 2, 'S103'],
    ['issues/exports-failed.md', 'stopped half-way', 'caused some inconvenience', 3, 'S104'],
    ['issues/exports-failed.md', 'there is no file', 'we value your patience', 10, 'S102'],
    [OFFER, 'Your exports finish.', 'Take 20% off.', 9, 'S107'],
    [OFFER, 'still fail too often', 'will never happen again', 11, 'S112'],
    ['checkins/exports-failed.yaml', 'Do your exports still finish?', 'Is it better than ever?', 2, 'S103'],
    ['letters/back.md', 'subject: You are back', 'subject: We missed you', 2, 'S101'],
    ['letters/back.md', '---\nYou are back.', '---\nHurry, it ends soon.', 4, 'S106'],
  ])('%s, with “%s” as “%s”', async (file, from, to, line, rule) => {
    const text = contentFiles()[file]!;
    expect(text).toContain(from);
    const { problems } = await judged({ [file]: text.replace(from, to) });
    expect(starts(problems)).toContain(`${file}:${line} ${rule}`);
  });

  test('what somebody else said, in a block quote, is not', async () => {
    const { problems, warnings } = await judged(page('One wrote:\n\n> We miss you! Hurry!\n>\n> - several things'));
    expect([...problems, ...warnings]).toEqual([]);
  });

  test('how a confirmer says that they checked it is not: those are their words', async () => {
    const text = proofMd.replace('She exported her report twelve times.', 'I was thrilled when I tried it!');
    expect(text).not.toBe(proofMd);
    const { problems } = await judged({ [PROOF]: text });
    expect(problems.filter((line) => line.includes('S103'))).toEqual([]);
  });

  test('code is not; lists, tables, headings, links and HTML, which a page shows as text, are', async () => {
    expect((await judged(page('```\nWe miss you!\n```'))).problems).toEqual([]);
    for (const text of [
      '- We miss you.',
      '## We miss you',
      '[We miss you](/x)',
      '<b>We miss you</b>',
      '<div>We miss you</div>',
    ]) {
      expect((await judged(page(text))).problems, text).toHaveLength(1);
    }
    expect((await judged(page('| a | b |\n|---|---|\n| We miss you | c |'))).problems).toHaveLength(1);
  });

  test('a proof that repeats another is refused, with the other’s name', async () => {
    const body = `We broke 40 of them. ${Array.from({ length: 30 }, (_, index) => `Then ${index} went.`).join(' ')}\n`;
    const first = proofMd.replace(/We broke exports[\s\S]*$/, body);
    const csv = contentFiles()['proofs/exports-finish/failed.csv']!;
    const { problems } = await judged({
      [PROOF]: first,
      'proofs/second/index.md': first,
      'proofs/second/failed.csv': csv,
    });
    expect(problems).toEqual([
      `${PROOF}:31 S111 100% of this stands in the proof “second” too (template-residue). Write it for the people it is about.`,
      'proofs/second/index.md:31 S111 100% of this stands in the proof “exports-finish” too (template-residue). Write it for the people it is about.',
    ]);
  });
});

describe('a waiver', () => {
  const waive = (rest: string) => `<!-- textlint-disable ${rest} -->`;

  test('with a reason sets S107 aside from there on, and is shown with its reason', async () => {
    const { problems, waived } = await judged(
      page(`${waive('S107 -- the discount was the complaint')}\n\nThe discount ended.`),
    );
    expect(problems).toEqual([]);
    expect(waived).toEqual([
      `${PAGE}:6 S107 “discount” (bought-back). Offer what is better and what it costs everyone. If the price itself was the complaint, waive this with a reason. Waived: the discount was the complaint`,
    ]);
  });

  test('ends where it is ended, and doesn’t reach back', async () => {
    const text = `A discount.\n\n${waive('S107 -- it was the complaint')}\n\nA discount.\n\n<!-- textlint-enable S107 -->\n\nA discount.`;
    const { problems, waived } = await judged(page(text));
    expect(starts(problems)).toEqual([`${PAGE}:4 S107`, `${PAGE}:12 S107`]);
    expect(waived).toHaveLength(1);
  });

  test('sets a warning aside', async () => {
    const text = 'Several things.';
    expect((await judged(page(text))).warnings).toHaveLength(1);
    const { warnings, waived } = await judged(page(`${waive('S109 -- nobody counted them then')}\n\n${text}`));
    expect([warnings.length, waived.length]).toEqual([0, 1]);
  });

  test('stands above a field as a comment, for that field alone', async () => {
    const offer = contentFiles()[OFFER]!;
    const text = offer
      .replace(
        'cannot: Files',
        '# textlint-disable S107 -- the old discount was the complaint\ncannot: No discount. Files',
      )
      .replace('---\n', '---\n');
    expect((await judged({ [OFFER]: text })).problems).toEqual([]);
    const before = text.replace('what: Your exports finish.', 'what: A discount, and exports.');
    expect(starts((await judged({ [OFFER]: before })).problems)).toEqual([`${OFFER}:9 S107`]);
  });

  test('without a reason, or without a rule, is refused and sets nothing aside', async () => {
    for (const rest of [
      'S107',
      'S107 --',
      'S107 -- because',
      'S107 --because it was',
      '-- the discount was the complaint',
    ]) {
      const { problems } = await judged(page(`${waive(rest)}\n\nThe discount ended.`));
      expect(starts(problems), rest).toEqual([`${PAGE}:4 waiver`, `${PAGE}:6 S107`]);
    }
  });

  test.each([
    ['S104', 'We regret the inconvenience.'],
    ['S105', 'Rest assured.'],
    ['S101', 'We miss you.'],
  ])('of %s is refused', async (rule, text) => {
    const { problems } = await judged(page(`${waive(`${rule} -- our lawyers want it`)}\n\n${text}`));
    expect([...new Set(starts(problems))]).toEqual([`${PAGE}:4 waiver`, `${PAGE}:6 ${rule}`]);
    expect(problems.filter((problem) => problem.includes(' waiver '))).toHaveLength(1);
  });

  test('of a vague quantity is refused where figures are owed', async () => {
    const text = proofMd.replace('Then we', `${waive('S109 -- it sounds better')}\n\nThen several of us`);
    const { problems } = await judged({ [PROOF]: text });
    expect(starts(problems)).toEqual([`${PROOF}:33 waiver`, `${PROOF}:35 S109`]);
  });

  test('is not shown to readers', () => {
    const source = `---\ntitle: How we count\n---\nBy hand.\n\n${waive('S107 -- a reason here')}\n\nAnd twice.\n`;
    expect(parseDocument('pages', 'x', source, {}).document?.body).toBe('By hand.\n\n\n\nAnd twice.');
  });
});

test('warnings stop nothing, unless one is strict', async () => {
  const folder = writeFolder({ ...contentFiles(), ...page('Several things.') });
  const run = async (...args: string[]) => {
    const out: string[] = [];
    const code = await check.run([...args, folder.dir], { out: (line) => out.push(line), err: () => {} });
    return { code, out };
  };
  try {
    const { code, out } = await run();
    expect(code).toBe(0);
    expect(out).toEqual([
      `${folder.dir}/${PAGE}:4 warning S109 “Several” (vague-quantity). Give the number, the share or the date.`,
      'No problems in 7 documents. 1 warning.',
    ]);
    expect((await run('--strict')).code).toBe(1);
    expect(JSON.parse((await run('--json')).out.join(''))).toMatchObject({
      problems: [],
      warnings: [{ rule: 'S109' }],
    });
  } finally {
    folder.remove();
  }
});
