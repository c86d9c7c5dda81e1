import { expect, test } from 'vitest';
import { seededDatabase } from '../support/seeded.ts';
import { openSandbox } from './house.ts';
import { killReturns } from './killing.ts';

test('killed eight times while people return, everyone is back once, charged once, and nothing acknowledged is lost', async () => {
  const db = await seededDatabase();
  const { sandbox, payments } = await openSandbox();
  const { lost, ended, fell } = await killReturns(db, sandbox, payments, 8);
  await sandbox.close();
  await db.cleanup();
  expect(fell).toHaveLength(8);
  expect(lost).toEqual([]);
  for (const end of ended) {
    expect(end).toEqual({
      person: end.person,
      active: 1,
      subscriptions: 1,
      charges: 1,
      receipts: 1,
      questions: 4,
    });
  }
}, 90_000);
