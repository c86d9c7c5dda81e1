import { expect, test } from 'vitest';
import { lintPassage } from '../../../src/proofs/sincerity/sincerity.ts';
import texts from './texts.json' with { type: 'json' };

/*
 * How well the rules tell forty insincere texts from forty honest ones, all written before the rules. Odd texts were for tuning,
 * even ones were held out. Measured on the held-out half: 17 of 20 caught, no false alarm. Mend a rule on the odd half only; a
 * lower floor needs a reason. One person wrote both texts and phrases, so the figure flatters. On 192 real post-mortems in a
 * sentence or two, not used for tuning but for one phrase, 28 were refused: 27 findings of a sentence over 35 words, seven of a phrase.
 */

async function refused(list: { n: number; text: string }[]): Promise<number[]> {
  const found = await Promise.all(list.map(({ text }) => lintPassage(text, 'plain')));
  return list.filter((_, index) => found[index]!.some(({ severity }) => severity === 'error')).map(({ n }) => n);
}

const heldOut = ({ n }: { n: number }) => n % 2 === 0;

test('of 20 insincere texts held out, at least 16 are refused', async () => {
  expect((await refused(texts.insincere.filter(heldOut))).length).toBeGreaterThanOrEqual(16);
});

test('of 20 honest texts held out, at most one is refused', async () => {
  expect((await refused(texts.honest.filter(heldOut))).length).toBeLessThanOrEqual(1);
});

test('those for tuning are all told apart', async () => {
  expect(await refused(texts.insincere.filter((text) => !heldOut(text)))).toHaveLength(20);
  expect(await refused(texts.honest.filter((text) => !heldOut(text)))).toEqual([]);
});
