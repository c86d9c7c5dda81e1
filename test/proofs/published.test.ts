import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { publishedCheckins } from '../../src/proofs/published.ts';
import { seededDatabase } from '../support/seeded.ts';

test('more documents than are kept in memory can be read, and read again when there is one more', {
  timeout: 60_000,
}, async () => {
  const db = await seededDatabase();
  const more = (from: number, to: number) =>
    db.write((tx) =>
      tx.run(sql`
        with recursive numbers(n) as (select ${from} union all select n + 1 from numbers where n < ${to})
        insert into published_versions (id, collection, document_id, version, source, assets, hash, approved_by, published_at)
        select 'row-' || n, 'checkins', printf('many-%05d', n), 1, source, assets, 'hash-' || n, approved_by, published_at
        from numbers, (select * from published_versions where collection = 'checkins' and document_id = 'exports-failed' limit 1)`),
    );
  await more(1, 5000);
  const before = await publishedCheckins(db.read);
  expect(before.length).toBeGreaterThan(5000);
  await more(0, 0);
  const after = await publishedCheckins(db.read);
  expect(after.map(({ id }) => id)).toEqual(['many-00000', ...before.map(({ id }) => id)].toSorted());
  await db.cleanup();
});
