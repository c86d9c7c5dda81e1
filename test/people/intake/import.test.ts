import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { complaints, departures, imports, persons } from '../../../db/schema/people.ts';
import { type ImportReport, importFile, type RefusedRecord } from '../../../src/people/intake/import.ts';
import { NEUTRAL } from '../../../src/people/intake/mapping.ts';
import { SAMPLE_CSV } from '../../../src/people/intake/sample.ts';
import { suppress } from '../../../src/people/suppression.ts';
import { isRefusal } from '../../../src/shared/refusal.ts';
import { type FreshDatabase, freshDatabase } from '../../support/database.ts';
import { content, dump } from './dump.ts';

const NOW = new Date('2026-11-22T10:00:00Z');
let folder: string;
let db: FreshDatabase;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'amends-import-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  db = await freshDatabase();
});
afterEach(() => db.cleanup());

async function bring(
  text: string,
  options: { dryRun?: boolean; listed?: number; onRefused?: (record: RefusedRecord) => void } = {},
): Promise<ImportReport> {
  const path = join(folder, 'people.csv');
  writeFileSync(path, text);
  const report = await importFile(db, { path, mapping: NEUTRAL, now: NOW, ...options });
  if (isRefusal(report)) throw new Error(report.sentence);
  expect(report.imported + report.merged.total + report.refusedRows).toBe(report.rows);
  return report;
}

const ADA = `source,person_id,kind,first_name,email,left_on,plan_or_role,complaint_id,said_on,words,main
desk,7,customer,Ada,ada@studio.example,2026-06-02,Team,T-1,2026-03-23,It stops.,yes
desk,7,customer,Ada,ada@studio.example,2026-06-02,Team,T-2,2026-04-14,Stop closing it.,
`;

test('two rows of one person make one person, one departure, two complaints', async () => {
  const report = await bring(ADA);
  expect(report).toMatchObject({ rows: 2, imported: 1, merged: { total: 1, added: 1, unchanged: 0 } });
  const [person] = await db.read.select().from(persons);
  expect(person).toMatchObject({ source: 'desk', externalId: '7', firstName: 'Ada', emailNorm: 'ada@studio.example' });
  const [left, ...more] = await db.read.select().from(departures);
  expect(more).toEqual([]);
  expect(await db.read.select().from(complaints)).toMatchObject([
    { ref: 'desk:T-1', departureId: left!.id, main: true },
    { ref: 'desk:T-2', departureId: left!.id, main: false },
  ]);
  expect(await db.read.select().from(imports)).toMatchObject([
    { fileName: 'people.csv', mapping: 'the neutral CSV', counts: { rows: 2, imported: 1, merged: 1, refused: 0 } },
  ]);
});

test('the sample that the guide offers goes in whole, and shows what a file can say', async () => {
  const report = await bring(SAMPLE_CSV);
  expect(report).toMatchObject({ rows: 4, imported: 3, refused: [] });
  expect(await db.read.select().from(complaints)).toHaveLength(4);
  expect((await db.read.select().from(persons)).map(({ kind }) => kind).toSorted()).toEqual([
    'customer',
    'customer',
    'employee',
  ]);
});

test('a second run changes nothing and leaves no trace of itself', async () => {
  await bring(ADA);
  const before = await dump(db);
  expect(await bring(ADA)).toMatchObject({ imported: 0, merged: { total: 2, added: 0, unchanged: 2 } });
  expect(await dump(db)).toEqual(before);
});

test('a dry run says what the run will say, and writes nothing', async () => {
  const file = `${ADA}desk,8,customer,,ada@studio.example,,,T-1,,Mine.,\ndesk,9,client,,,,,,,,\n`;
  const dry = await bring(file, { dryRun: true });
  expect((await dump(db))['persons']).toEqual([]);
  expect(await bring(file)).toEqual({ ...dry, dryRun: false, importId: expect.any(String) });
  expect(dry.refused.map(({ line, column }) => [line, column])).toEqual([
    [4, 'complaint_id'],
    [5, 'kind'],
  ]);
});

test('a blank is filled; a different value is shown and the known one kept', async () => {
  await bring('source,person_id,kind,first_name\ndesk,7,customer,Ada\n');
  const report = await bring(
    'source,person_id,kind,first_name,last_name,email\ndesk,7,customer,Adah,Byron,ada@studio.example\n',
  );
  expect(report.merged).toEqual({ total: 1, added: 1, unchanged: 0 });
  expect(report.conflicts).toEqual([{ line: 2, person: 'desk:7', column: 'first_name', kept: 'Ada', offered: 'Adah' }]);
  expect(await db.read.select().from(persons)).toMatchObject([
    { firstName: 'Ada', lastName: 'Byron', emailNorm: 'ada@studio.example' },
  ]);
});

test('nothing that a person or staff corrected is overwritten, and no one is un-declined', async () => {
  await bring(ADA);
  await db.write(async (tx) => {
    await tx.update(persons).set({ firstName: 'Augusta', declinedAt: 5 });
    await tx.update(complaints).set({ issueId: 'exports-failed', gap: 'trust', confidentiality: 'confidential' });
  });
  const before = await dump(db);
  const again = await bring(
    ADA.replace('words,main', 'words,main,gap').replaceAll('.,', '.,,').replace(',,yes', ',yes,value'),
  );
  expect(again.conflicts.map(({ column, kept, offered }) => [column, kept, offered])).toContainEqual([
    'first_name',
    'Augusta',
    'Ada',
  ]);
  expect(again.conflicts.map(({ column }) => column)).toEqual(expect.arrayContaining(['gap', 'confidentiality']));
  expect(await dump(db)).toEqual(before);
});

test('someone’s words never stand in the report', async () => {
  await bring(ADA);
  const report = await bring(ADA.replace('It stops.', 'It stops at night.'));
  expect(report.conflicts).toMatchObject([{ column: 'words', kept: null, offered: null }]);
  expect(JSON.stringify(report)).not.toContain('It stops');
});

test('the lists of a report end, and what is left out of them is counted', async () => {
  const row = (id: number, name: string) => `desk,${id},customer,${name},${id % 4}@studio.example\n`;
  const file = (name: string) =>
    `source,person_id,kind,first_name,email\n${[1, 2, 3, 4, 5, 6, 7, 8].map((id) => row(id, name)).join('')}`;
  await bring(file('Ada'));
  const bad = 'desk,9,nobody,,\n'.repeat(4);
  for (const dryRun of [true, false]) {
    const report = await bring(file('Adah') + bad, { dryRun, listed: 3 });
    expect(report).toMatchObject({ conflicting: 8, refusedRows: 4 });
    expect([report.conflicts, report.refused, report.proposedMerges].map((list) => list.length)).toEqual([3, 3, 3]);
  }
});

test('the same address on two persons is proposed once, never merged', async () => {
  const report = await bring(
    'source,person_id,kind,email\ndesk,7,customer,Ada@Studio.example\nhr,1,employee, ada@studio.example \ndesk,7,customer,ada@studio.example\n',
  );
  expect(report.proposedMerges).toEqual([{ address: 'a•••@studio.example', people: ['desk:7', 'hr:1'] }]);
  expect(await db.read.select().from(persons)).toHaveLength(2);
});

test('the same id in another source, or of another kind, is another person', async () => {
  const report = await bring(
    'source,person_id,kind\ndesk,7,customer\nshop,7,customer\ndesk,7,employee\ndesk,7,customer\n',
  );
  expect(report).toMatchObject({ imported: 3, merged: { unchanged: 1 } });
});

test('an address that stopped stays stopped; an erased person is not taken in again', async () => {
  await db.write(async (tx) => {
    await suppress(tx, 'ada@studio.example', 'stopped', NOW);
    await suppress(tx, 'GONE@studio.example', 'erased', NOW);
  });
  const before = (await dump(db))['suppressions'];
  const report = await bring(`${ADA}desk,8,customer,Eve,gone@studio.example,,,,,,\n`);
  expect(report).toMatchObject({ imported: 1, suppressed: 2 });
  expect(report.refused).toEqual([
    {
      line: 4,
      column: 'email',
      value: null,
      sentence: 'This person had everything about them erased. They are not taken in again.',
    },
  ]);
  expect((await dump(db))['suppressions']).toEqual(before);
  expect((await dump(db))['letters']).toEqual([]);
});

test('two departures of one person stay two, and a departure without a day is not mixed with them', async () => {
  await bring(
    'source,person_id,kind,left_on,plan_or_role\ndesk,7,customer,2024-02,Solo\ndesk,7,customer,2026-06-02,Team\ndesk,7,customer,,Studio\n',
  );
  const left = await db.read.select().from(departures);
  expect(left.map(({ externalId, precision }) => [externalId, precision])).toEqual([
    ['2024-02', 'month'],
    ['2026-06-02', 'day'],
    ['unstated', null],
  ]);
});

test('with a departure_id a corrected day is a conflict, not another departure', async () => {
  await bring('source,person_id,kind,departure_id,left_on\ndesk,7,customer,d-1,2026-06-02\n');
  const report = await bring('source,person_id,kind,departure_id,left_on\ndesk,7,customer,d-1,2026-06-03\n');
  expect(report.conflicts).toMatchObject([{ column: 'left_on', kept: '2026-06-02', offered: '2026-06-03' }]);
  expect(await db.read.select().from(departures)).toHaveLength(1);
});

test('refused rows can be mended and imported, and the line is the one in the editor', async () => {
  const refused: RefusedRecord[] = [];
  const report = await bring(
    'source,person_id,kind,words\n\ndesk,7,customer,"two\nlines"\ndesk,8,client,x\ndesk,9,customer,"open\n',
    {
      onRefused: (record) => refused.push(record),
    },
  );
  expect(report.refused.map(({ line, column, value }) => [line, column, value])).toEqual([
    [5, 'kind', 'client'],
    [6, 'the row', null],
  ]);
  expect(refused.map(({ line, cells, because }) => [line, cells, because])).toContainEqual([
    5,
    ['desk', '8', 'client', 'x'],
    'kind: “client” is none of: customer, employee.',
  ]);
  const mended = await bring('refused_because,source,person_id,kind,words\nkind: …,desk,8,customer,x\n');
  expect(mended).toMatchObject({ imported: 1, refused: [] });
  const [person] = await db.read.select().from(persons).where(eq(persons.externalId, '8'));
  expect(person?.facts).toEqual({});
});

test('a file with a header and nothing else is an import of no rows; a file without one is refused', async () => {
  expect(await bring('source,person_id,kind\n,,\n')).toMatchObject({ rows: 0, imported: 0 });
  expect(await db.read.select().from(imports)).toEqual([]);
  await expect(bring('\n\n')).rejects.toThrow('no header');
});

describe('whatever is in the cells', () => {
  const nasty = [
    '__proto__',
    'constructor',
    '=1+1',
    "Robert'); drop table persons;--",
    '🧑‍🦽',
    'ﷺ',
    '\u202eevil',
    'NULL',
    '1e400',
    '%s',
    '\\',
    "''",
  ];

  test('it is kept as it is, and importing it again changes nothing', async () => {
    const rows = nasty.map((text, at) => ['desk', text, 'customer', text, `${text} said`, `c-${at}`, text]);
    const header = ['source', 'person_id', 'kind', 'first_name', 'words', 'complaint_id', '__proto__'];
    const csv = [header, ...rows]
      .map((cells) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(';'))
      .join('\n');
    expect(await bring(csv)).toMatchObject({ imported: nasty.length, refused: [] });
    const people = await db.read.select().from(persons);
    expect(new Set(people.map(({ firstName }) => firstName))).toEqual(new Set(nasty));
    expect(Object.entries(people[0]!.facts)).toEqual([['__proto__', people[0]!.externalId]]);
    const before = await dump(db);
    expect(await bring(csv)).toMatchObject({ imported: 0, merged: { unchanged: nasty.length }, conflicts: [] });
    expect(await dump(db)).toEqual(before);
  });

  test('every row is accounted for, a dry run tells the truth, a second run adds nothing', async () => {
    const cell = (...known: string[]) =>
      fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...known) }, fc.string({ maxLength: 6 }));
    const row = fc.tuple(
      cell('desk', 'hr'),
      cell('1', '2', '3'),
      cell('customer', 'employee'),
      cell('', 'Ada', 'Eve'),
      cell('', 'a@b.example', 'A@b.example', 'c@d.example'),
      cell('', '2020', '2024-05', '2026-06-02'),
      cell('', 'Team'),
      cell('', 'T-1', 'T-2'),
      cell('', 'It stops.', 'Again.'),
      cell('', 'yes', 'no'),
    );
    const header = 'source,person_id,kind,first_name,email,left_on,plan_or_role,complaint_id,words,main';
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 12 }), async (rows) => {
        await db.cleanup();
        db = await freshDatabase();
        const csv = [
          header,
          ...rows.map((cells) => cells.map((one) => `"${one.replaceAll('"', '""')}"`).join(',')),
        ].join('\n');
        if (csv.includes('\0')) return;
        const dry = await bring(csv, { dryRun: true });
        const first = await bring(csv);
        expect(first).toEqual({ ...dry, dryRun: false, importId: first.importId });
        const before = await dump(db);
        const second = await bring(csv);
        expect(second.refused).toEqual(first.refused);
        expect(second).toMatchObject({ imported: 0, merged: { added: 0, total: first.imported + first.merged.total } });
        expect(await dump(db)).toEqual(before);
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});

test('a file larger than one transaction ends like the same rows in two files', async () => {
  const header = 'source,person_id,kind,email,complaint_id,words\n';
  const rows = Array.from(
    { length: 1300 },
    (_, at) => `desk,${at % 700},customer,p${at % 650}@x.example,c-${at},Words ${at}`,
  );
  const report = await bring(header + rows.join('\n'));
  expect(report).toMatchObject({ rows: 1300, imported: 700, merged: { total: 600 } });
  expect(report.proposedMerges).toHaveLength(50);
  const whole = await content(db);
  await db.cleanup();
  db = await freshDatabase();
  await bring(header + rows.slice(0, 777).join('\n'));
  await bring(header + rows.slice(777).join('\n'));
  expect(await content(db)).toEqual(whole);
});
