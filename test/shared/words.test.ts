import fc from 'fast-check';
import { expect, test } from 'vitest';
import { forEachOne } from '../../src/shared/each.ts';
import { formatMoney } from '../../src/shared/money.ts';
import { isRefusal, refuse } from '../../src/shared/refusal.ts';
import { hashSecret, looksLikeSecret, mintCode, mintSecret, sameHash } from '../../src/shared/secrets.ts';
import { capitalise, counted, countWord, listed, maskEmail } from '../../src/shared/words.ts';

test('numbers are words up to ten and figures after', () => {
  expect([0, 1, 10, 11, 1200].map(countWord)).toEqual(['no', 'one', 'ten', '11', '1,200']);
  expect([counted(1, 'day'), counted(0, 'day'), counted(1200, 'person', 'people')]).toEqual([
    '1 day',
    '0 days',
    '1,200 people',
  ]);
  expect(listed(['a', 'b', 'c'])).toBe('a, b and c');
  expect(capitalise('two')).toBe('Two');
});

test('money is shown in its own currency, to its own minor unit', () => {
  expect(formatMoney({ amount: 4800, currency: 'gbp' })).toBe('£48.00');
  expect(formatMoney({ amount: 4800, currency: 'jpy' })).toBe('JP¥4,800');
  expect(formatMoney({ amount: 0, currency: 'eur' })).toBe('€0.00');
});

test('a masked address shows no more than its first letter and its host', () => {
  expect(maskEmail('maya@studio.example')).toBe('m•••@studio.example');
  expect(maskEmail('not an address')).toBe('•••');
  fc.assert(
    fc.property(fc.emailAddress(), (address) => {
      const at = address.lastIndexOf('@');
      expect(maskEmail(address)).toBe(`${address[0]}•••${address.slice(at)}`);
    }),
  );
});

test('only a refusal is one', () => {
  expect(isRefusal(refuse('gone', 'It is gone.'))).toBe(true);
  for (const other of [null, undefined, 'refused', {}, { refused: 'yes' }, { refused: false }])
    expect(isRefusal(other)).toBe(false);
});

test('a minted secret has the form of one, and nothing shorter, longer or decorated has', () => {
  for (let times = 0; times < 200; times += 1) expect(looksLikeSecret(mintSecret())).toBe(true);
  const secret = mintSecret();
  for (const other of ['', secret.slice(1), `${secret}=`, `${secret}\n`, ` ${secret}`, `${secret.slice(1)}/`])
    expect(looksLikeSecret(other)).toBe(false);
});

test('codes have six digits, with their zeros', () => {
  const codes = Array.from({ length: 5000 }, mintCode);
  expect(codes.every((code) => /^\d{6}$/.test(code))).toBe(true);
  expect(codes.some((code) => code.startsWith('0'))).toBe(true);
  expect(new Set(codes).size).toBeGreaterThan(4950);
});

test('hashes are compared whole', () => {
  const [a, b] = [hashSecret('a'), hashSecret('b')];
  expect([sameHash(a, hashSecret('a')), sameHash(a, b), sameHash(a, a.subarray(1))]).toEqual([true, false, false]);
});

test('one item that fails keeps back none after it, and its failure is told', async () => {
  const done: number[] = [];
  const work = async (item: number) => {
    if (item % 2) throw new Error(`item ${item}`);
    done.push(item);
  };
  await expect(forEachOne([1, 2, 3, 4], work)).rejects.toThrow('item 1');
  expect(done).toEqual([2, 4]);
  await forEachOne([], work);
});
