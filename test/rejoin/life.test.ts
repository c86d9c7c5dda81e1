import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Payments } from '../../src/payments/payments.ts';
import { lives, MOVES, PAGE_MOVES } from './life.ts';

test('whatever people, banks and lost messages do, everything ends as the rules say', {
  timeout: 240_000,
}, async () => {
  await fc.assert(lives(), { numRuns: 40, endOnFailure: true });
});

let fresh = 0;
/** What could be wrong between us and the provider, as others had it. */
const BUGS: [what: string, plant: (payments: Payments) => Payments, moves?: typeof MOVES][] = [
  [
    'a new key for every try',
    (payments) => ({
      ...payments,
      findSubscription: async () => null,
      payBySavedCard(start) {
        fresh += 1;
        return payments.payBySavedCard({ ...start, attempt: fresh });
      },
    }),
  ],
  [
    'a page that is left stays open',
    (payments) => ({ ...payments, closeCheckout: async () => ({ paidSubscriptionId: null }) }),
    PAGE_MOVES,
  ],
  [
    'an undo that ends the plan and forgets the money',
    (payments) => ({
      ...payments,
      async undoSubscription({ subscriptionId }) {
        await payments.cancelAtPeriodEnd(subscriptionId);
        return { refundedAmount: 4800, currency: 'gbp' };
      },
    }),
  ],
  ['events that are never looked for', (payments) => ({ ...payments, eventsSince: async () => [] })],
];
test.each(BUGS)('a planted bug is found: %s', { timeout: 240_000 }, async (_, plant, moves = MOVES) => {
  const found = await fc.check(lives(plant, moves), { numRuns: 200, endOnFailure: true });
  expect(found.failed).toBe(true);
  console.log(`Found after ${found.numRuns} lives: ${found.counterexample}`);
});
