import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { differenceOf, differencesOf, withoutTheSame } from '../../src/proofs/difference.ts';

const only = (lines: ReturnType<typeof differenceOf>, not: 'added' | 'removed') =>
  lines.filter(({ kind }) => kind !== not).map(({ text }) => text);

describe('what one text changed in another', () => {
  test('is told line by line, with the longest common lines left standing', () => {
    expect(differenceOf('a\nb\nc\nd\n', 'a\nx\nc\nd\ne\n')).toEqual([
      { kind: 'same', text: 'a' },
      { kind: 'removed', text: 'b' },
      { kind: 'added', text: 'x' },
      { kind: 'same', text: 'c' },
      { kind: 'same', text: 'd' },
      { kind: 'added', text: 'e' },
    ]);
  });

  test('without what was added it is the one text, without what was removed the other', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd', ''), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        const lines = differenceOf(`${a.join('\n')}\n`, `${b.join('\n')}\n`);
        expect(only(lines, 'added')).toEqual(a.join('\n') === '' && a.length === 1 ? [''] : a);
        expect(only(lines, 'removed')).toEqual(b.join('\n') === '' && b.length === 1 ? [''] : b);
      }),
    );
  });

  test('of two long texts with nothing in common it is told at once', () => {
    const many = (word: string) => Array.from({ length: 20_000 }, (_, index) => `${word} ${index}`).join('\n');
    const began = performance.now();
    expect(differenceOf(many('a'), many('b'))).toHaveLength(40_000);
    expect(performance.now() - began).toBeLessThan(1000);
  });

  test('unchanged lines are counted, not shown', () => {
    expect(withoutTheSame(differenceOf('a\nb\nc', 'a\nb\nx'))).toEqual([
      { kind: 'skipped', count: 2 },
      { kind: 'removed', text: 'c' },
      { kind: 'added', text: 'x' },
    ]);
    expect(withoutTheSame(differenceOf('a\nb', 'a\nb'))).toEqual([]);
  });

  test('files that came, went or changed are named; those that stayed are not', () => {
    const before = { source: 'text', assets: { 'a.csv': '1\n', 'b.csv': '2\n', 'd.csv': '4\n' } };
    const after = { source: 'text', assets: { 'a.csv': '1\n', 'b.csv': '2\n3\n', 'c.csv': '5\n' } };
    expect(differencesOf(before, after, 'The text')).toMatchObject([
      { file: 'b.csv', added: 1, removed: 0 },
      { file: 'c.csv', added: 1, removed: 0 },
      { file: 'd.csv', added: 0, removed: 1 },
    ]);
  });
});
