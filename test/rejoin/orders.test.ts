import { expect, test } from 'vitest';
import { endStates } from './orders.ts';

test('six events of a return, each also twice, end in one state in every eighteenth of their 720 orders', {
  timeout: 120_000,
}, async () => {
  const { tried, ends } = await endStates((order) => order % 18 === 0);
  expect(tried).toBe(40);
  expect([...ends.keys()]).toHaveLength(1);
  expect(JSON.parse([...ends.keys()][0]!)).toMatchObject({ state: 'active', receipts: 1, questions: 4, rows: 1 });
});
