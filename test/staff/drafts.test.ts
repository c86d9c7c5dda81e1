import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { drafts, signOffs } from '../../db/schema/desk.ts';
import { measurements } from '../../db/schema/measurements.ts';
import { publishedVersions } from '../../db/schema/proofs.ts';
import { audit, staff } from '../../db/schema/staff.ts';
import { newId } from '../../src/shared/ids.ts';
import { firstBrokenEntry } from '../../src/staff/audit.ts';
import { contentHash, type Draft } from '../../src/staff/draft.ts';
import { discardDraft, draftOf, draftsList, openDraft, saveDraft } from '../../src/staff/drafts.ts';
import type { FreshDatabase } from '../support/database.ts';
import { later, NOW, seededDatabase } from '../support/seeded.ts';

const EXPORTS = { collection: 'proofs', documentId: 'exports-finish' } as const;
let db: FreshDatabase;

beforeEach(async () => {
  db = await seededDatabase();
  const people = [
    ['dora', 'Dora Writes'],
    ['emil', 'Emil Writestoo'],
  ] as const;
  await db.write(async (tx) => {
    for (const [id, name] of people) {
      const address = `${id}@northline.example`;
      await tx
        .insert(staff)
        .values({ id, name, title: 'Writer', address, roles: ['writer'], addedAt: NOW.getTime(), addedBy: null });
    }
  });
});
afterEach(() => db.cleanup());

const open = async (name: { collection: Draft['collection']; documentId: string } = EXPORTS, by = 'dora') => {
  const draft = await db.write((tx) => openDraft(tx, { ...name, by }, NOW));
  if ('refused' in draft) throw new Error(draft.sentence);
  return draft;
};
const save = (draft: Draft, change: Partial<Draft>, by = 'dora', now = NOW) =>
  db.write((tx) => saveDraft(tx, { ...draft, ...change, by }, now));

test('a draft begins from the newest published version, and a second writer opens the same one', async () => {
  const first = await open();
  const second = await open(EXPORTS, 'emil');
  const [published] = await db.read
    .select()
    .from(publishedVersions)
    .where(eq(publishedVersions.documentId, 'exports-finish'));
  expect(first.source).toBe(published!.source);
  expect(first.basedOn).toBe(1);
  expect(first.writers).toEqual([]);
  expect(second.id).toBe(first.id);
});

test('measurements that arrived since are in its series, in order, and only once', async () => {
  const row = (measuredOn: string, value: number) => ({
    id: newId(),
    proofId: 'exports-finish',
    seriesId: 'failed',
    measuredOn,
    value,
    n: 4000,
    sourceId: measuredOn,
    sentBy: 'command',
    receivedAt: NOW.getTime(),
    previousHash: null,
    hash: measuredOn,
  });
  await db.write(async (tx) => {
    await tx.insert(measurements).values([row('2027-01-10', 0.4), row('2027-01-03', 0.3), row('2026-01-04', 99)]);
  });
  const draft = await open();
  const lines = draft.assets['exports-weekly.csv']!.trimEnd().split('\n');
  expect(lines.slice(-2)).toEqual(['2027-01-03,0.3,4000', '2027-01-10,0.4,4000']);
  expect(lines.filter((line) => line.startsWith('2026-01-04'))).toEqual(['2026-01-04,0.6,4665']);
});

test('a new document begins empty or as prefilled, under a name that can be an address', async () => {
  const empty = await open({ collection: 'issues', documentId: 'slow-search' });
  expect(empty).toMatchObject({ source: '---\n---\n', basedOn: null, writers: ['dora'] });
  const refused = await db.write((tx) => openDraft(tx, { collection: 'issues', documentId: '../x', by: 'dora' }, NOW));
  expect(refused).toMatchObject({ refused: true, code: 'name' });
});

test('saving raises the revision, names the writer, and the same words again change nothing', async () => {
  const draft = await open();
  const saved = await save(draft, { source: `${draft.source}\nMore.` });
  expect(saved).toMatchObject({ saved: { revision: 2, savedBy: 'dora', writers: ['dora'] } });
  const again = await save(draft, { source: `${draft.source}\nMore.`, revision: 1 });
  expect(again).toMatchObject({ saved: { revision: 2 } });
});

test('a second writer who read an older revision overwrites nobody and is shown both', async () => {
  const draft = await open();
  await save(draft, { source: draft.source.replace('Exports now finish', 'Exports finish now') });
  const late = await save(draft, { source: draft.source.replace('on Mondays too', 'also on Mondays') }, 'emil');
  expect(late).toMatchObject({ conflict: { by: { id: 'dora', name: 'Dora Writes' }, revision: 2 } });
  const { conflict } = late as Extract<typeof late, { conflict: unknown }>;
  expect(conflict.theirs.source).toContain('headline: Exports finish now, on Mondays too');
  expect((await draftOf(db.read, EXPORTS))!.source).toContain('Exports finish now, on Mondays too');
});

test('of two who save the same revision at the same moment, one is told', async () => {
  const draft = await open();
  const both = await Promise.all(['dora', 'emil'].map((by) => save(draft, { source: `${draft.source}\n${by}` }, by)));
  expect(both.map((one) => Object.keys(one)[0]).toSorted()).toEqual(['conflict', 'saved']);
});

test('what was approved is not scheduled any more once a letter changes', async () => {
  const draft = await open();
  await db.write(async (tx) => {
    await tx.update(drafts).set({ publishAt: NOW.getTime() }).where(eq(drafts.id, draft.id));
    const sent = { id: newId(), draftId: draft.id, contentHash: contentHash(draft), staffId: 'dora', note: null };
    await tx.insert(signOffs).values([
      { ...sent, kind: 'confirmed', staffId: 'priya', at: NOW.getTime() },
      { ...sent, id: newId(), kind: 'approved', at: NOW.getTime() + 1 },
    ]);
  });
  expect((await draftsList(db.read))[0]!.status).toBe('scheduled');
  await save(draft, { source: `${draft.source}\nMore.` });
  const [row] = await draftsList(db.read);
  expect(row).toMatchObject({ status: 'writing', savedBy: 'Dora Writes', title: 'Exports now finish, on Mondays too' });
  expect(row!.draft.publishAt).toBeNull();
});

test('a draft is discarded only as it was looked at, and the record says so', async () => {
  const draft = await open();
  await save(draft, { source: `${draft.source}\nMore.` }, 'emil');
  const early = await db.write((tx) => discardDraft(tx, { id: draft.id, revision: 1, by: 'dora' }, NOW));
  expect(early).toMatchObject({ refused: true, code: 'changed' });
  await db.write((tx) => discardDraft(tx, { id: draft.id, revision: 2, by: 'dora' }, NOW));
  expect(await draftOf(db.read, EXPORTS)).toBeNull();
  expect(await save(draft, { source: 'x' })).toMatchObject({ refused: true, code: 'gone' });
  const entries = await db.read
    .select()
    .from(audit)
    .where(eq(audit.subject, 'proofs:exports-finish'))
    .orderBy(audit.number);
  expect(entries.map(({ staffId, action, subject }) => [staffId, action, subject])).toEqual([
    ['dora', 'began', 'proofs:exports-finish'],
    ['emil', 'saved', 'proofs:exports-finish'],
    ['dora', 'discarded', 'proofs:exports-finish'],
  ]);
  expect(await firstBrokenEntry(db.read)).toBeNull();
});

test('one sitting of saving is one entry of the record', async () => {
  let draft = await open();
  for (const minutes of [1, 2, 3, 40]) {
    const saved = await save(draft, { source: `${draft.source}\n${minutes}` }, 'dora', later(minutes * 60_000));
    draft = (saved as { saved: Draft }).saved;
  }
  const entries = await db.read.select().from(audit).where(eq(audit.action, 'saved'));
  expect(entries.map(({ detail }) => detail['revision'])).toEqual([2, 5]);
});
