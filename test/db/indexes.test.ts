import { DatabaseSync } from 'node:sqlite';
import { getTableName } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { roomNow } from '../../src/mail/pace.ts';
import { idsOf, RECORDS } from '../../src/people/records.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { NOW } from '../support/seeded.ts';

/*
 * Somebody presses “delete everything”, or asks for all that is held, and the web process answers. A row that others may point at is
 * looked for in their tables before it goes: without an index that reads each of them from its beginning to its end.
 */

/** Who confirmed for us, and money that was taken and went back: a handful, however many people there are. */
const FEW = ['confirmations', 'surpluses'];

const original = DatabaseSync.prototype.prepare;
let db: FreshDatabase;
let file: DatabaseSync;
beforeAll(async () => {
  db = await freshDatabase();
  file = new DatabaseSync(db.path, { enableForeignKeyConstraints: true });
});
afterAll(async () => {
  file?.close();
  await db?.cleanup();
});

function scansOf(sql: string): string[] {
  const plan = file.prepare(`explain query plan ${sql}`).all();
  return plan
    .map(({ detail }) => String(detail))
    .filter((detail) => /^SCAN /.test(detail) && !FEW.includes(detail.slice(5)));
}

const someone = { id: 'p', email: 'somebody@people.example' };

test.each(RECORDS.map((record) => [getTableName(record.table), record] as const))(
  'what %s hold about one person is found, and deleted, without reading everybody’s',
  async (_, { table, where }) => {
    const ids = idsOf(db.read, [someone]);
    expect(scansOf(db.read.select().from(table).where(where(ids)).toSQL().sql)).toEqual([]);
    await db.write(async (tx) => expect(scansOf(tx.delete(table).where(where(ids)).toSQL().sql)).toEqual([]));
  },
);

test('how many letters are being handed over is known without reading those that wait', async () => {
  const asked: string[] = [];
  const prepare = vi.spyOn(DatabaseSync.prototype, 'prepare').mockImplementation(function (this: DatabaseSync, sql) {
    asked.push(sql);
    return original.call(this, sql);
  });
  await roomNow(db.read, { perMinute: 1, perDomain: 1 }, NOW);
  prepare.mockRestore();
  const plans = asked.map((sql) => file.prepare(`explain query plan ${sql}`).all()[0]!['detail']);
  expect(plans).toEqual(['SEARCH letters USING INDEX letters_handed (handed_at>?)']);
});
