import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { audit, staff } from '../../db/schema/staff.ts';
import { seedExample } from '../../db/seed.ts';
import { readContent } from '../../src/proofs/content.ts';
import { publishedLetter, publishedPage, publishedSite } from '../../src/proofs/published.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { firstBrokenEntry } from '../../src/staff/audit.ts';
import { EVERYTHING, type Organisation, removeExample } from '../../src/staff/first-run.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { CONTENT, later, NOW, seededDatabase } from '../support/seeded.ts';

const OWN: Organisation = {
  organisation: 'Harbour Mutual',
  about: 'Harbour Mutual insures boats for people who row them.',
  replyTo: 'answers@harbour.example',
  timeZone: 'Europe/Lisbon',
  admin: { name: 'Amal Osei', title: 'Communications', address: 'amal@harbour.example' },
};

let db: FreshDatabase;
beforeEach(async () => {
  db = await seededDatabase();
});
afterEach(() => db.cleanup());

const counts = async () => {
  const tables = await db.read.all<[string]>(
    sql`select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and name != 'applied_migrations'`,
  );
  const entries = await Promise.all(
    tables.map(async ([name]) => {
      const [row] = await db.read.all<[number]>(sql.raw(`select count(*) from "${name}"`));
      return [name, row![0]] as const;
    }),
  );
  return Object.fromEntries(entries);
};

test('nothing of the example is left, in any table', async () => {
  const done = await removeExample(db, OWN, [], NOW);
  expect(isRefusal(done)).toBe(false);
  const left = Object.entries(await counts()).filter(([, rows]) => rows > 0);
  expect(left.map(([name]) => name).sort()).toEqual(['audit', 'published_versions', 'staff']);
  expect(await db.read.select().from(staff)).toMatchObject([{ id: 'amal', name: 'Amal Osei', roles: ['admin'] }]);
  const everything = await db.read.all<[string]>(
    sql`select source from published_versions union all select detail from audit`,
  );
  expect(everything.map(([text]) => text).join('\n')).not.toMatch(/northline|grace|adeyemi|priya/i);
  expect(await firstBrokenEntry(db.read)).toBeNull();
  expect((await db.read.select().from(audit)).map(({ action }) => action)).toEqual(['added', 'removed the example']);
});

test('every table is named in what is removed, so that a new one can’t be forgotten', async () => {
  const named = EVERYTHING.map((table) => (table as unknown as Record<symbol, string>)[Symbol.for('drizzle:Name')]);
  expect(named.toSorted()).toEqual(Object.keys(await counts()).toSorted());
});

test('the settings are one’s own, and letters and plain pages are there', async () => {
  await removeExample(db, OWN, [], NOW);
  expect(await publishedSite(db.read)).toMatchObject({
    organisation: 'Harbour Mutual',
    example: false,
    reply_to: 'answers@harbour.example',
    time_zone: 'Europe/Lisbon',
    people: { amal: { name: 'Amal Osei', role: 'Communications' } },
  });
  const { documents } = await readContent(CONTENT);
  for (const { collection, id } of documents) {
    if (collection === 'letters') expect(await publishedLetter(db.read, id), id).not.toBeNull();
    if (collection === 'pages') expect(await publishedPage(db.read, id), id).not.toBeNull();
  }
});

test('a second time is refused, and so is a place that never was the example', async () => {
  await removeExample(db, OWN, [], NOW);
  const before = await counts();
  expect(await removeExample(db, { ...OWN, organisation: 'Other' }, [], later(1000))).toMatchObject({
    code: 'no-example',
    sentence: 'This is Harbour Mutual’s own place, and no example. Nothing was removed.',
  });
  expect(await counts()).toEqual(before);
});

test.each([
  ['an admin without a whole address', { admin: { ...OWN.admin, address: 'amal' } }, 'address'],
  ['an admin who is a team', { admin: { ...OWN.admin, name: 'Support Team' } }, 'name'],
  ['a time zone that does not exist', { timeZone: 'Atlantis/Middle' }, 'problems'],
  ['an address for answers that is none', { replyTo: 'answers' }, 'problems'],
])('%s: refused, and nothing happened', async (_what, wrong, code) => {
  const before = await counts();
  expect(await removeExample(db, { ...OWN, ...wrong }, [], NOW)).toMatchObject({ refused: true, code });
  expect(await counts()).toEqual(before);
  expect((await publishedSite(db.read)).organisation).toBe('Northline');
});

test('the next start of the demo brings nothing of the example back', async () => {
  await removeExample(db, OWN, [], NOW);
  const before = await counts();
  expect(await seedExample(db, CONTENT, later(60_000))).toBe(false);
  expect(await counts()).toEqual(before);
});

test('an empty database begins the same way, with the letters and pages that ship', async () => {
  const empty = await freshDatabase();
  const { documents } = await readContent(CONTENT);
  expect(isRefusal(await removeExample(empty, OWN, documents, NOW))).toBe(false);
  expect((await publishedSite(empty.read)).organisation).toBe('Harbour Mutual');
  expect(await publishedLetter(empty.read, 'staff-code')).not.toBeNull();
  await empty.cleanup();
});
