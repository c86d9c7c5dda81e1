import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judge } from '../../src/proofs/check.ts';
import { parseDocument, readContent } from '../../src/proofs/content.ts';
import type { Collection } from '../../src/proofs/documents.ts';
import { type Field, fieldsOf, hasBody, NAME, type Value, type Values } from '../../src/staff/fields.ts';
import { type Form, formOf, sourceFrom } from '../../src/staff/form.ts';
import { placeProblems } from '../../src/staff/placed.ts';
import { formFrom, postedOf } from '../../src/staff/posted.ts';
import { CONTENT } from '../support/seeded.ts';

const { documents } = await readContent(CONTENT);
const proof = documents.find(({ id }) => id === 'exports-finish')!;
const COLLECTIONS: Collection[] = ['site', 'issues', 'proofs', 'offers', 'checkins', 'pages', 'letters'];

describe('everything that is shipped', () => {
  test.each(documents.map((one) => [`${one.collection}/${one.id}`, one] as const))(
    '%s opens and is saved letter for letter',
    (_, one) => {
      const form = formOf(one.collection, one);
      expect(form.raw).toBeNull();
      expect(form.rest).toBe('');
      const sent = formFrom(one.collection, postedOf(form));
      expect(sourceFrom(sent, one)).toEqual({ source: one.source, assets: one.assets });
    },
  );

  test.each(documents.map((one) => [`${one.collection}/${one.id}`, one] as const))(
    '%s says the same when written anew',
    (_, one) => {
      const made = sourceFrom(formOf(one.collection, one));
      const was = parseDocument(one.collection, one.id, one.source, one.assets);
      const is = parseDocument(one.collection, one.id, made.source, made.assets);
      expect(is.problems).toEqual([]);
      expect(is.document!.data).toEqual(was.document!.data);
      expect(is.document!.body).toBe(was.document!.body);
      expect(made.assets).toEqual(one.assets);
    },
  );
});

const words = fc
  .string({ unit: fc.constantFrom(...'abc {}#:-"\'’éß→&*!|>%@`0123456789,[]?'), maxLength: 30 })
  .map((text) => text.trim().replace(/\s+/g, ' '))
  .filter((text) => text !== '');

function anyValue(field: Field): fc.Arbitrary<Value> {
  switch (field.kind) {
    case 'issues':
    case 'complaints':
      return fc.array(words, { minLength: 1, maxLength: 3 });
    case 'lines':
    case 'numbers':
      return fc
        .array(field.kind === 'lines' ? words : fc.nat().map(String), { minLength: 1, maxLength: 3 })
        .map((lines) => lines.join('\n'));
    case 'choices':
      return fc.subarray(field.options, { minLength: 1 });
    case 'choice':
      return fc.constantFrom(...field.options, 'something else');
    case 'yes-no':
      return fc.constantFrom('true', 'false');
    case 'number':
      return fc
        .oneof(
          fc
            .double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 })
            .map((n) => n.toFixed(2).replace(/\.?0+$/, '')),
          words,
        )
        .filter((text) => text !== '-0' && (Number.isNaN(Number(text)) || String(Number(text)) === text));
    case 'file':
      return words.map((text) => `date,value\n${text}\n`);
    case 'kept':
      return fc.stringMatching(/^[a-f][0-9a-f]{6,9}$/);
    case 'group':
      return anyValues(field.fields);
    case 'groups':
      return fc.uniqueArray(anyValues(field.fields), {
        minLength: 1,
        maxLength: 3,
        selector: (row) => row['file'] ?? JSON.stringify(row),
      });
    case 'named groups':
      return fc.uniqueArray(anyValues(field.fields), { minLength: 1, maxLength: 3, selector: (row) => row[NAME] });
    default:
      return field.key === NAME ? fc.stringMatching(/^[a-z][a-z-]{1,8}$/) : words;
  }
}

function anyValues(fields: readonly Field[]): fc.Arbitrary<Values> {
  const withFile = fields.some(({ kind }) => kind === 'file');
  return fc
    .record(Object.fromEntries(fields.map((field) => [field.key, anyValue(field)])), {
      requiredKeys: fields
        .filter(
          ({ key, kind }) =>
            withFile ||
            kind === 'kept' ||
            key === NAME ||
            key === 'what' ||
            key === 'alt' ||
            key === 'name' ||
            key === 'label',
        )
        .map(({ key }) => key),
    })
    .filter((values) => Object.keys(values).length > 0) as fc.Arbitrary<Values>;
}

test.each(COLLECTIONS)('any form of %s becomes a document and the same form again, finished or not', (collection) => {
  const fields = fieldsOf(collection);
  const someValues = fc.record(Object.fromEntries(fields.map((field) => [field.key, anyValue(field)])), {
    requiredKeys: [],
  }) as fc.Arbitrary<Values>;
  fc.assert(
    fc.property(someValues, words, (values, body) => {
      const form: Form = {
        collection,
        fields: values,
        body: hasBody(collection) ? body : null,
        waivers: [],
        rest: '',
        raw: null,
      };
      expect(formFrom(collection, postedOf(form))).toEqual(form);
      const made = sourceFrom(form);
      const again = formOf(collection, made);
      const verified = again.fields['verified'] as Values | undefined;
      const expected = structuredClone(form);
      // A fingerprint is computed, whatever was sent.
      if (verified && expected.fields['verified'])
        (expected.fields['verified'] as Values)['sha256'] = verified['sha256']!;
      expect(again).toEqual(expected);
      expect(sourceFrom(again, made)).toEqual(made);
      expect(sourceFrom(again)).toEqual(made);
    }),
    { numRuns: 60 },
  );
});

test('a change touches its own lines and leaves comments, quotes and order as they were', () => {
  const source = proof.source.replace('owner: priya', '# Since May.\nowner: priya');
  const form = formOf('proofs', { ...proof, source });
  (form.fields['changes'] as Values[])[1]!['what'] = 'It is tried again: twice.';
  form.fields['review_on'] = '2027-01-04';
  const made = sourceFrom(form, { ...proof, source });
  const changed = made.source.split('\n').filter((line, index) => line !== source.split('\n')[index]);
  expect(changed).toEqual(['  - what: "It is tried again: twice."', 'review_on: 2027-01-04']);
});

test('an unfinished draft opens with what was typed', () => {
  const form = formFrom(
    'proofs',
    'f[headline]=Too%20short&f[series][0][reopen_limit]=two&f[changes][0][on]=tomorrow&body=We',
  );
  const again = formOf('proofs', sourceFrom(form));
  expect(again.fields['headline']).toBe('Too short');
  expect(again.fields['series']).toEqual([{ id: 'measured-1', file: 'measured-1.csv', reopen_limit: 'two', _csv: '' }]);
  expect(again.fields['changes']).toEqual([{ on: 'tomorrow' }]);
  expect(again.body).toBe('We');
});

test('a source that is no YAML opens as text and is saved as text', () => {
  const source = '---\nheadline: {before} failed\n---\nBody\n';
  const form = formOf('proofs', { source, assets: {} });
  expect(form.raw).toBe(source);
  expect(sourceFrom(formFrom('proofs', postedOf(form))).source).toBe(source);
});

test('fields that no schema knows, or of another shape, are neither lost nor hidden', () => {
  const source = '---\nheadline: A headline here\nchanges: all of it\nmood: calm\n---\n';
  const form = formOf('proofs', { source, assets: {} });
  expect(form.rest).toBe('changes: all of it\nmood: calm\n');
  expect(sourceFrom(formFrom('proofs', postedOf(form)), { source, assets: {} }).source).toBe(source);
});

test('waivers come out of the text, into the form and back to their line', async () => {
  const source = proof.source
    .replace('headline:', '# textlint-disable S107 -- the price was the complaint\nheadline:')
    .replace('  - what: "**A failed', '  # textlint-disable S108, S107 -- said in their words\n  - what: "**A failed')
    .replace('We broke exports', '<!-- textlint-disable S107 -- the price was the complaint -->\n\nWe broke exports');
  const form = formOf('proofs', { ...proof, source });
  expect(form.waivers).toEqual([
    { rule: 'S107', reason: 'the price was the complaint', at: 'headline' },
    { rule: 'S108', reason: 'said in their words', at: 'changes.1.what' },
    { rule: 'S107', reason: 'said in their words', at: 'changes.1.what' },
    { rule: 'S107', reason: 'the price was the complaint', at: 'body' },
  ]);
  expect(form.body).toMatch(/^We broke/);
  const made = sourceFrom(formFrom('proofs', postedOf(form)), { ...proof, source });
  expect(made.source).toBe(
    source.replace(
      '  # textlint-disable S108, S107 -- said in their words\n',
      '  # textlint-disable S108 -- said in their words\n  # textlint-disable S107 -- said in their words\n',
    ),
  );
  const others = { site: null, issues: new Set(['exports-failed']), notes: new Map() };
  const judged = await judge({ ...proof, ...made }, others);
  expect(judged.problems).toEqual([]);
});

test('a waiver without a rule or a reason stays where it is, for the check to refuse', () => {
  for (const wrong of ['S107 --because', 'S107 --', '-- because it is']) {
    const source = proof.source
      .replace('headline:', `# textlint-disable ${wrong}\nheadline:`)
      .replace('We broke exports', `<!-- textlint-disable ${wrong} -->\n\nWe broke exports`);
    const form = formOf('proofs', { ...proof, source });
    expect(form.waivers, wrong).toEqual([]);
    expect(sourceFrom(formFrom('proofs', postedOf(form)), { ...proof, source }).source).toBe(source);
  }
});

test('who hides is told at the field, the name of the rule apart; a waiver of it is not lost on the way to the check', async () => {
  const at = { line: 1, file: 'proofs/x/proof.md', at: ['changes', 0, 'what'] };
  const sentence = '“was added” (hidden-agent). Say who did it: “we …”, or a name.';
  const [placed] = placeProblems({ ...proof, documentId: 'x' }, [{ ...at, rule: 'S108p', sentence }]);
  expect(placed).toMatchObject({
    code: 'S108p hidden-agent',
    sentence: '“was added”. Say who did it: “we …”, or a name.',
  });
  const form = formOf('proofs', proof);
  form.waivers = [{ rule: 'S108p', reason: 'nobody knows who', at: 'headline' }];
  expect(formFrom('proofs', postedOf(form)).waivers).toEqual(form.waivers);
});

test('a row that is taken away takes its waiver with it, and those below follow their rows', () => {
  const form = formOf('proofs', proof);
  form.waivers = [
    { rule: 'S107', reason: 'goes away', at: 'changes.0.what' },
    { rule: 'S107', reason: 'stays here', at: 'changes.1.what' },
  ];
  const sent = formFrom('proofs', `${postedOf(form)}&f%5Bchanges%5D%5B0%5D%5B_away%5D=on`);
  expect((sent.fields['changes'] as Values[]).length).toBe(2);
  expect(sent.waivers).toEqual([{ rule: 'S107', reason: 'stays here', at: 'changes.0.what' }]);
});

test('each problem stands at its field, also where the field is missing', async () => {
  const others = {
    site: { people: { priya: { name: 'Priya Nair' } } },
    issues: new Set(['exports-failed']),
    notes: new Map(),
  };
  const at = async (change: (form: Form) => void) => {
    const form = formOf('proofs', proof);
    change(form);
    const made = sourceFrom(form, proof);
    const { problems } = await judge({ collection: 'proofs', id: proof.id, ...made }, others);
    return placeProblems({ collection: 'proofs', documentId: proof.id, ...made }, problems).map(
      (problem) => problem.at,
    );
  };
  expect(await at(({ fields }) => delete fields['headline'])).toEqual(['headline']);
  expect(await at(({ fields }) => delete (fields['changes'] as Values[])[1]!['on'])).toEqual(['changes.1.on']);
  expect(await at(({ fields }) => delete (fields['series'] as Values[])[0]!['source'])).toEqual(['series.0.source']);
  expect(await at(({ fields }) => delete fields['changes'])).toEqual(['changes']);
  expect(
    await at(({ fields }) => {
      (fields['series'] as Values[])[0]!['_csv'] = 'date,value\n2026-01-04,lots\n';
      (fields['changes'] as Values[]).splice(0, 2);
    }),
  ).toEqual(expect.arrayContaining(['series.0._csv']));
  expect(
    await at((form) => {
      form.body = 'Mistakes were made.';
    }),
  ).toEqual(expect.arrayContaining(['body']));
  const people = await at(({ fields }) => {
    fields['owner'] = 'nobody';
  });
  expect(people).toContain('owner');
  expect(people).toContain('changes.0.by');
});

test('what no browser of ours would send is read all the same, and at once', () => {
  const began = performance.now();
  const blank = ' '.repeat(30_000);
  const spaced = formFrom('proofs', new URLSearchParams({ 'f[headline]': `One${blank}two\n\n  three` }).toString());
  expect(spaced.fields['headline']).toBe(`One${blank}two three`);
  formFrom('proofs', new URLSearchParams({ 'f[changes]': 'x'.repeat(1_000_000) }).toString());
  expect(performance.now() - began).toBeLessThan(3000);
  const lost = sourceFrom(formFrom('proofs', 'rest=owner%3A+*nobody'));
  expect(lost.source).toContain('unreadable');
  const base = { source: '---\nheadline: *nobody\n---\n', assets: {} };
  expect(sourceFrom(formFrom('proofs', 'f[headline]=Mended'), base).source).toContain('headline: Mended');
});

test('measurements from a spreadsheet are stored plainly, and what was made of them is told', () => {
  const form = formFrom('proofs', 'f[series][0][title]=Failed&f[series][0][_csv]=date;value%0D%0A2026-06-01;31,2%25');
  expect(form.fields['series']).toMatchObject([{ _csv: 'date,value\n2026-06-01,31.2\n' }]);
  expect(form.readAs).toEqual(['semicolons', 'percent', 'commas']);
});

test('a problem is told with the label of its field, never with its name in the file', () => {
  const source = '---\nheadline: x\nseries:\n  - { id: a, file: a.csv, reopen_limit: ten }\n---\n';
  const { problems } = parseDocument('proofs', 'p', source, {});
  const placed = placeProblems({ collection: 'proofs', documentId: 'p', source }, problems);
  const at = (where: string) => placed.find((one) => one.at === where)!.sentence;
  expect(at('headline')).toMatch(/^“Headline” must have at least 8/);
  expect(at('still_not_right')).toBe('“What is still not right” is not written yet.');
  expect(at('series.0.reopen_limit')).toMatch(/^“From which value on it has come back” must be a number/);
  expect(placed.map(({ sentence }) => sentence).join()).not.toMatch(/[a-z]_[a-z]/);
});
