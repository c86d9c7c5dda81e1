import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkins } from '../../db/schema/checkins.ts';
import { complaints, persons } from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { tallyOf } from '../../src/checkins/tally.ts';
import { returnOf } from '../invitations/returns.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';

let db: FreshDatabase;
const now = Date.parse('2026-11-22T09:00:00Z');

beforeAll(async () => {
  db = await freshDatabase();
  await db.write(async (tx) => {
    const ask = (
      id: string,
      personId: string,
      day: number,
      answer: 'yes' | 'no' | 'not_sure' | null,
      asked = true,
    ) => ({
      id,
      personId,
      rejoinId: personId,
      complaintId: personId,
      issueId: 'exports-failed',
      day,
      dueOn: '2026-11-22',
      askedAt: asked ? now : null,
      answer,
      answeredAt: answer ? now + day : null,
    });
    for (const id of ['maya', 'femi', 'ana', 'jo']) {
      await tx
        .insert(persons)
        .values({ id, kind: 'customer', source: 'cast', externalId: id, facts: {}, createdAt: now });
      await tx.insert(complaints).values({
        id,
        ref: `cast:${id}`,
        personId: id,
        words: 'Words.',
        main: true,
        confidentiality: 'open',
        namesOthers: false,
        publicConsent: false,
        createdAt: now,
      });
      await tx.insert(rejoins).values({ ...returnOf(id, now), id });
    }
    await tx
      .insert(checkins)
      .values([
        ask('1', 'maya', 7, 'yes'),
        ask('2', 'maya', 30, 'no'),
        ask('3', 'femi', 7, 'yes'),
        ask('4', 'femi', 30, null),
        ask('5', 'ana', 7, null),
        ask('6', 'jo', 7, null, false),
      ]);
  });
});
afterAll(() => db.cleanup());

test('each person asked counts once, by their latest answer; silence is no answer', async () => {
  expect(await tallyOf(db.read, 'exports-failed')).toEqual({ asked: 3, yes: 1, no: 1, notSure: 0 });
});

test('an issue that nobody was asked about', async () => {
  expect(await tallyOf(db.read, 'large-files-slow')).toEqual({ asked: 0, yes: 0, no: 0, notSure: 0 });
});
