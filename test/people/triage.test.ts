import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { complaints } from '../../db/schema/people.ts';
import { linkComplaints, reachOf, setAside, toTriage } from '../../src/people/triage.ts';
import type { FreshDatabase } from '../support/database.ts';
import { castPerson, NOW, seededDatabase } from '../support/seeded.ts';

let db: FreshDatabase;
beforeEach(async () => {
  db = await seededDatabase();
  const { id } = await castPerson(db.read, 'c-maya');
  await db.write((tx) =>
    tx
      .update(complaints)
      .set({ issueId: null, concerns: ' Grace  ADEYEMI', confidentiality: 'confidential' })
      .where(eq(complaints.personId, id)),
  );
});
afterEach(() => db.cleanup());

const GRACE = { id: 'grace', name: 'Grace Adeyemi' };
const RUTH = { id: 'ruth', name: 'Ruth Abernethy' };
const page = { limit: 500, offset: 0 };

test('what concerns a colleague is not for them in triage, in confidence or not, and they can neither link it nor set it aside', async () => {
  const ruths = await toTriage(db.read, await reachOf(db.read, RUTH, true), page);
  const grace = await reachOf(db.read, GRACE, true);
  const graces = await toTriage(db.read, grace, page);
  const kept = ruths.rows.filter(({ ref }) => !graces.rows.some((one) => one.ref === ref)).map(({ ref }) => ref);
  expect(kept.length).toBeGreaterThan(2);
  expect(ruths.all - graces.all).toBe(kept.length);
  const link = { refs: kept, issueId: 'exports-failed', gap: null };
  expect(await db.write((tx) => linkComplaints(tx, link, grace))).toBe(0);
  expect(await db.write((tx) => setAside(tx, kept, grace, NOW))).toBe(0);
  expect(await db.write(async (tx) => linkComplaints(tx, link, await reachOf(tx, RUTH, true)))).toBe(kept.length);
});

test('what was said in confidence is for those who may hear it', async () => {
  const all = await toTriage(db.read, await reachOf(db.read, RUTH, true), page);
  const open = await toTriage(db.read, await reachOf(db.read, RUTH, false), page);
  expect(all.rows.some(({ confidential }) => confidential)).toBe(true);
  expect(open.rows.some(({ confidential }) => confidential)).toBe(false);
});
