import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { complaints, importFills, persons, resolutions } from '../../../db/schema/people.ts';
import { type ImportReport, importFile } from '../../../src/people/intake/import.ts';
import { NEUTRAL } from '../../../src/people/intake/mapping.ts';
import { undoImport } from '../../../src/people/intake/undo.ts';
import { isRefusal } from '../../../src/shared/refusal.ts';
import { type FreshDatabase, freshDatabase } from '../../support/database.ts';
import { content } from './dump.ts';

const NOW = new Date('2026-11-22T10:00:00Z');
let folder: string;
let db: FreshDatabase;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'amends-undo-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  db = await freshDatabase();
});
afterEach(() => db.cleanup());

async function bring(rows: string): Promise<string> {
  const path = join(folder, 'people.csv');
  writeFileSync(path, `source,person_id,kind,first_name,email,left_on,complaint_id,words,gap,shoe\n${rows}\n`);
  const report = (await importFile(db, { path, mapping: NEUTRAL, now: NOW })) as ImportReport;
  return report.importId!;
}

async function undo(id: string) {
  const undone = await undoImport(db, id, NOW);
  if (isRefusal(undone)) throw new Error(undone.sentence);
  return undone;
}

const FIRST = 'desk,1,customer,Ada,,2026-05,T-1,It stops.,,38';

test('everything that an import made and filled in is as it was before it', async () => {
  await bring(FIRST);
  const before = await content(db);
  const id = await bring(
    'desk,1,customer,Ada,ada@a.example,2026-05,T-1,It stops.,trust,38\ndesk,1,customer,,,2026-05,T-9,Again.,,\ndesk,2,customer,Bo,bo@b.example,2026-06,T-2,It is slow.,,41',
  );
  expect(await content(db)).not.toEqual(before);
  const undone = await undo(id);
  expect(undone).toMatchObject({
    removed: { persons: 1, departures: 1, complaints: 2, signals: 0 },
    kept: { persons: 0, departures: 0, complaints: 0 },
    emptied: 2,
    changedSince: 0,
  });
  expect(await content(db)).toEqual(before);
  expect(await db.read.select().from(importFills)).toEqual([]);
});

test('what somebody made something of stays, and so does what was changed again since', async () => {
  await bring(FIRST);
  const id = await bring(
    'desk,1,customer,Ada,ada@a.example,2026-05,T-1,It stops.,,38\ndesk,2,customer,Bo,bo@b.example,2026-06,T-2,It is slow.,,41',
  );
  const [told] = await db.read.select().from(complaints).where(eq(complaints.ref, 'desk:T-2'));
  await db.write(async (tx) => {
    await tx.insert(resolutions).values({
      complaintId: told!.id,
      proofId: 'p',
      resolved: 'fully',
      reason: 'r',
      confirmedBy: 'x',
      confirmedAt: 1,
    });
    await tx
      .update(persons)
      .set({ email: 'new@a.example', emailNorm: 'new@a.example' })
      .where(eq(persons.externalId, '1'));
  });
  expect(await undo(id)).toMatchObject({
    removed: { persons: 0, complaints: 0 },
    kept: { persons: 1, departures: 1, complaints: 1 },
    changedSince: 1,
  });
  const people = await db.read.select().from(persons);
  expect(people.map(({ email }) => email).toSorted()).toEqual(['bo@b.example', 'new@a.example']);
});

test('what HR has released stays, and so does whoever said it', async () => {
  const id = await bring(
    'desk,1,employee,Ada,,2026-05,T-1,It stops.,,\ndesk,1,employee,Ada,,2026-05,T-2,Nobody asked.,,\ndesk,2,employee,Bo,,2026-06,T-3,It is slow.,,',
  );
  await db.write((tx) =>
    tx.update(complaints).set({ releasedAt: 1, releasedBy: 'ruth' }).where(eq(complaints.ref, 'desk:T-1')),
  );
  expect(await undo(id)).toMatchObject({
    removed: { persons: 1, departures: 1, complaints: 2 },
    kept: { persons: 1, departures: 1, complaints: 1 },
  });
  const [told, ...others] = await db.read.select().from(complaints);
  expect(told).toMatchObject({ ref: 'desk:T-1', releasedBy: 'ruth' });
  expect(others).toEqual([]);
});

test('once undone it can’t be undone again, and the same file can come in once more', async () => {
  const id = await bring(FIRST);
  await undo(id);
  expect(await undoImport(db, id, NOW)).toMatchObject({ code: 'undone' });
  expect(await undoImport(db, 'nobody', NOW)).toMatchObject({ code: 'no-import' });
  await bring(FIRST);
  expect(await db.read.select().from(persons)).toHaveLength(1);
});
