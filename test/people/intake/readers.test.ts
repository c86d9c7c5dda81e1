import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { asc, sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { complaints, departures, persons, signals } from '../../../db/schema/people.ts';
import { shownOf } from '../../../src/people/diagnosis.ts';
import { type ImportReport, importFile } from '../../../src/people/intake/import.ts';
import { NEUTRAL, readMapping } from '../../../src/people/intake/mapping.ts';
import { isAddress } from '../../../src/people/intake/values.ts';
import { isRefusal, type Refusal } from '../../../src/shared/refusal.ts';
import { type FreshDatabase, freshDatabase } from '../../support/database.ts';
import { mappingNamed } from '../every-file.ts';
import { sharedData } from './shared-data.ts';

const NOW = new Date('2026-11-22T10:00:00Z');
let folder: string;
let db: FreshDatabase;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'amends-readers-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  db = await freshDatabase();
});
afterEach(() => db.cleanup());

async function bring(name: string, content: string | Buffer, mapping?: string): Promise<ImportReport | Refusal> {
  const path = join(folder, name);
  writeFileSync(path, content);
  return importFile(db, { path, mapping: mappingNamed(mapping), now: NOW });
}

async function took(name: string, content: string | Buffer, mapping?: string): Promise<ImportReport> {
  const report = await bring(name, content, mapping);
  if (isRefusal(report)) throw new Error(report.sentence);
  return report;
}

const told = () => db.read.select().from(complaints).orderBy(asc(complaints.ref));
const people = () => db.read.select().from(persons).orderBy(asc(persons.externalId));

describe('Stripe', () => {
  const subscription = (more: object) => ({
    id: 'sub_1',
    object: 'subscription',
    customer: 'cus_A',
    status: 'canceled',
    start_date: 1_640_995_200,
    canceled_at: 1_767_225_600,
    ended_at: 1_767_312_000,
    cancellation_details: {
      comment: 'It was down every Monday.',
      feedback: 'low_quality',
      reason: 'cancellation_requested',
    },
    items: { data: [{ quantity: 5, price: { id: 'price_1', nickname: 'Team', unit_amount: 4800, currency: 'gbp' } }] },
    metadata: { team: 'press' },
    ...more,
  });

  test('a cancelled subscription of the API is a departure with the customer’s own comment', async () => {
    const list = { object: 'list', data: [subscription({}), subscription({ id: 'sub_2', status: 'active' })] };
    const report = await took('subs.json', JSON.stringify(list), 'stripe-subscriptions-json');
    expect(report).toMatchObject({ rows: 2, imported: 1, unit: 'record', refused: [] });
    expect(report.leftOut).toEqual([{ because: 'This subscription still runs.', rows: 1, line: 2 }]);
    expect((await people())[0]).toMatchObject({ externalId: 'cus_A', billingId: 'cus_A' });
    expect(await db.read.select().from(departures)).toMatchObject([
      {
        externalId: 'sub_1',
        joinedOn: '2022-01-01',
        leftOn: '2026-01-02',
        planOrRole: 'Team',
        amount: 4800,
        currency: 'gbp',
        seats: 5,
        reasonCode: 'low_quality',
        facts: { 'metadata.team': 'press' },
      },
    ]);
    expect(await told()).toMatchObject([
      {
        words: 'It was down every Monday.',
        gap: 'experience',
        main: true,
        saidOn: '2026-01-01',
        publicConsent: false,
        confidentiality: 'open',
      },
    ]);
  });

  test('a feedback that Stripe adds one day is no mistake, and a disputed payment is never contacted', async () => {
    const details = { comment: null, feedback: 'too_noisy', reason: 'payment_disputed' };
    await took(
      'subs.json',
      JSON.stringify(subscription({ cancellation_details: details })),
      'stripe-subscriptions-json',
    );
    expect(await told()).toMatchObject([{ words: null, note: 'Ticked: too_noisy', gap: null }]);
    expect((await db.read.select().from(departures))[0]).toMatchObject({ neverContact: 'dispute' });
  });

  test('the dashboard’s CSV is read by its headers, whichever were chosen and in whatever order', async () => {
    const csv =
      'Status,Ended At (UTC),Plan,Customer Email,Customer ID,id,plan (metadata)\ncanceled,2026-01-02 10:20,Team,a@b.example,cus_A,sub_1,x\nactive,,Team,c@d.example,cus_B,sub_2,\n';
    const report = await took('subscriptions.csv', csv, 'stripe-subscriptions');
    expect(report).toMatchObject({ imported: 1, leftOut: [{ rows: 1 }] });
    expect((await db.read.select().from(departures))[0]).toMatchObject({
      leftOn: '2026-01-02',
      facts: { 'plan (metadata)': 'x', Status: 'canceled' },
    });
    await took(
      'customers.csv',
      'Email,id,Name,Created (UTC)\na@b.example,cus_A,Ada Lovelace,2021-05-06 10:11\n',
      'stripe-customers',
    );
    expect((await people())[0]).toMatchObject({ firstName: 'Ada Lovelace', email: 'a@b.example' });
    expect((await db.read.select().from(departures))[0]).toMatchObject({ joinedOn: '2021-05-06' });
  });
});

describe('Zendesk', () => {
  const ticket = {
    id: 35436,
    requester_id: 20978392,
    requester: { name: 'Bo', email: 'bo@b.example' },
    status: 'closed',
    created_at: '2026-03-01T22:55:29Z',
    via: { channel: 'email' },
    comments: [
      { id: 1, author_id: 20978392, body: 'My export stops.', public: true, created_at: '2026-03-01T22:55:29Z' },
      { id: 2, author_id: 77, body: 'Have you tried again?', public: true, created_at: '2026-03-02T08:00:00Z' },
      { id: 3, author_id: 77, body: 'Customer is a pain', public: false, created_at: '2026-03-02T08:01:00Z' },
      { id: 4, author_id: 20978392, body: 'Yes, I did.', public: true, created_at: '2026-03-03T08:00:00Z' },
    ],
  };

  test.each([
    ['NDJSON', `${JSON.stringify(ticket)}\n${JSON.stringify({ ...ticket, id: 2, status: 'deleted', comments: [] })}\n`],
    ['a JSON list', JSON.stringify([ticket, { ...ticket, id: 2, status: 'deleted', comments: [] }], null, 2)],
  ])(
    '%s with comments: what the customer wrote in public, never an internal note, never our answer',
    async (_, content) => {
      const report = await took('tickets.json', content, 'zendesk-json');
      expect(report.leftOut).toEqual([
        { because: 'One of us wrote this answer.', rows: 1, line: 1 },
        { because: 'This is an internal note.', rows: 1, line: 1 },
        { because: 'This ticket was deleted in Zendesk.', rows: 1, line: 2 },
      ]);
      expect(await told()).toMatchObject([
        { ref: 'zendesk:1', words: 'My export stops.', saidOn: '2026-03-01' },
        { ref: 'zendesk:4', words: 'Yes, I did.', saidOn: '2026-03-03' },
      ]);
      const everything = JSON.stringify([await told(), await people()]);
      expect(everything).not.toMatch(/pain|tried again/);
    },
  );

  test('a view’s CSV has no message: the subject is our note, and the reply time a trace', async () => {
    const csv =
      'Id,Requester,Requester id,Requester email,Subject,Status,Created at,First reply time in minutes,Via\n7,Bo,99,bo@b.example,Export broken,Closed,2026-03-01 22:55,,Mail\n';
    await took('view.csv', csv, 'zendesk-view');
    expect(await told()).toMatchObject([{ words: null, note: 'Ticket: Export broken' }]);
    expect(await db.read.select().from(signals)).toMatchObject([
      { kind: 'ticket', value: null, happenedOn: '2026-03-01' },
    ]);
  });
});

describe('Canny', () => {
  const author = { id: 'u1', name: 'Cy', email: 'cy@c.example', isAdmin: false };
  test('posts and comments, never internal ones, private ones or ours', async () => {
    const posts = {
      hasMore: false,
      posts: [
        { id: 'p1', title: 'Exports', details: 'They stop.', created: '2026-02-03T04:05:06.789Z', author },
        {
          id: 'p2',
          title: 'Ours',
          details: '',
          created: '2026-02-03T04:05:06.789Z',
          author: { ...author, id: 'u2', isAdmin: true },
        },
      ],
    };
    expect(await took('posts.json', JSON.stringify(posts), 'canny-posts')).toMatchObject({
      imported: 1,
      leftOut: [{ rows: 1 }],
    });
    const comment = { created: '2026-02-04T04:05:06.789Z', author };
    const comments = {
      comments: [
        { id: 'c1', value: 'Still.', internal: false, private: false, ...comment },
        { id: 'c2', value: 'hush', internal: true, private: false, ...comment },
        { id: 'c3', value: 'psst', internal: false, private: true, ...comment },
      ],
    };
    const report = await took('comments.json', JSON.stringify(comments), 'canny-comments');
    expect(report.leftOut.map(({ because }) => because)).toEqual([
      'This is an internal note.',
      'This is private in Canny.',
    ]);
    expect(await told()).toMatchObject([{ words: 'Still.' }, { words: 'Exports\n\nThey stop.', saidOn: '2026-02-03' }]);
    expect(JSON.stringify(await told())).not.toMatch(/hush|psst/);
  });
});

describe('BambooHR and other systems of employees', () => {
  test('what is said on the way out is confidential; who was dismissed or died is never contacted; a day to come is refused', async () => {
    const csv = [
      'Last Name,Employee #,First Name,Hire Date,Termination Date,Termination Type,Termination Reason,Eligible For Re-hire,Job Title,Comment',
      'Oke,1,Ife,03/01/2020,04/30/2026,Resignation (Voluntary),Career,Yes,Editor,"No path, no plan."',
      'Kay,2,Lou,03/01/2020,04/30/2026,Termination (Involuntary),Conduct,No,Editor,',
      'Ray,3,Max,03/01/2020,05/31/2026,Death,,,Editor,',
      'Day,4,Nat,03/01/2020,12/24/2026,Resignation (Voluntary),,,Editor,',
    ].join('\n');
    const report = await took('bamboo.csv', csv, 'bamboohr');
    expect(report.refused).toMatchObject([{ line: 5, column: 'Termination Date' }]);
    const left = await db.read.select().from(departures).orderBy(asc(departures.id));
    expect(left.map(({ neverContact }) => neverContact)).toEqual([null, 'dismissed', 'deceased']);
    const [said] = await told();
    expect(said).toMatchObject({ words: 'No path, no plan.', confidentiality: 'confidential', publicConsent: false });
    expect(shownOf(said!)).toBeNull();
  });

  test('of BambooHR’s employment table only what ends an employment is read; the report adds name and address, and nobody leaves twice', async () => {
    const table = [
      'employeeId,date,employmentStatus,comment,terminationReasonId,terminationTypeId,terminationRehireId',
      '1,2020-03-01,Full-Time,,,,',
      '1,2026-04-30,Terminated,Said it was the rota.,Career,Resignation (Voluntary),Yes',
      '2,2026-04-30,Terminated,,Conduct,Resignation (Voluntary),No',
      '3,2026-05-31,Terminated,,,Death,',
    ].join('\n');
    await took('table.csv', table, 'bamboohr-employment');
    const report = [
      'Last Name,Employee #,First Name,Home Email,Hire Date,Termination Date,Termination Type,Termination Reason,Eligible For Re-hire,Job Title,Comment',
      'Oke,1,Ife,ife@post.example,03/01/2020,04/30/2026,Resignation (Voluntary),Career,Yes,Editor,',
    ].join('\n');
    await took('report.csv', report, 'bamboohr');
    const left = await db.read.select().from(departures).orderBy(asc(departures.id));
    expect(left.map(({ leftOn, neverContact }) => [leftOn, neverContact])).toEqual([
      ['2026-04-30', null],
      ['2026-04-30', 'dismissed'],
      ['2026-05-31', 'deceased'],
    ]);
    const [said] = await told();
    expect(said).toMatchObject({ words: null, note: 'Said it was the rota.', confidentiality: 'confidential' });
  });

  test('an exit interview of Frappe is our note, without its HTML; who was retained has not left', async () => {
    const interview = {
      name: 'EXIT-1',
      employee: 'E1',
      employee_name: 'Uma',
      relieving_date: '2026-03-04',
      date: '2026-03-01',
      status: 'Completed',
      employee_status: 'Exit Confirmed',
      interview_summary: '<div><p>Pay &amp; rota.</p><p>No <b>path</b>.</p><script>x()</script></div>',
    };
    await took(
      'exit.json',
      JSON.stringify([
        interview,
        { ...interview, name: 'EXIT-2', employee: 'E2', employee_status: 'Employee Retained' },
      ]),
      'frappe-exit-interview',
    );
    expect(await told()).toMatchObject([
      { words: null, note: 'Pay & rota.\n\nNo path.', confidentiality: 'confidential' },
    ]);
    expect(await people()).toHaveLength(1);
  });

  test('an approved resignation of Horilla is a departure, a requested one is not', async () => {
    const letter = {
      model: 'offboarding.resignationletter',
      pk: 1,
      fields: { employee_id: 12, description: '<p>I go.</p>', planned_to_leave_on: '2026-03-04', status: 'approved' },
    };
    await took(
      'letters.json',
      JSON.stringify([
        letter,
        { ...letter, pk: 2, fields: { ...letter.fields, employee_id: 13, status: 'requested' } },
      ]),
      'horilla-resignations',
    );
    expect(await told()).toMatchObject([{ words: 'I go.', confidentiality: 'confidential' }]);
  });
});

describe('every source has safe defaults', () => {
  const employees = ['dete', 'hrdataset', 'ibm-hr', 'bamboohr', 'frappe-exit-interview', 'horilla-resignations'];
  test.each(employees)('%s: confidential, without consent', (name) => {
    const { fields } = mappingNamed(name);
    expect(fields.kind).toEqual({ always: 'employee' });
    expect(fields.confidentiality).toEqual({ always: 'confidential' });
    expect(fields.public_consent).toBeUndefined();
  });

  const customers = [
    'ibm-telco',
    'maven-telecom',
    'ravenstack-churn-events',
    'cfpb',
    'cfpb-narratives',
    'comcast-fcc',
    'airline-tweets',
    'support-tickets',
    'fider',
    'canny-posts',
    'canny-comments',
    'stripe-subscriptions-json',
    'zendesk-tickets',
    'zendesk-comments',
    'zendesk-json',
    'zendesk-view',
  ];
  test.each(customers)('%s: open to the person alone, nobody consents to be quoted', (name) => {
    const { fields } = mappingNamed(name);
    expect(fields.confidentiality).toEqual({ always: 'open' });
    expect(fields.public_consent).toBeUndefined();
  });
});

describe('letters in other encodings', () => {
  const text = 'source,person_id,kind,first_name,words\ndesk,1,customer,Zoë,“C’est déjà cassé” – à Düsseldorf\n';
  const macRoman = (letters: string) =>
    Buffer.from(
      [...letters].map(
        (letter) =>
          ({ ë: 0x91, '“': 0xd2, '”': 0xd3, '’': 0xd5, é: 0x8e, à: 0x88, '–': 0xd0, ü: 0x9f })[letter] ??
          letter.charCodeAt(0),
      ),
    );
  const windows = (letters: string) =>
    Buffer.from(
      [...letters].map((letter) => ({ '“': 0x93, '”': 0x94, '’': 0x92, '–': 0x96 })[letter] ?? letter.charCodeAt(0)),
    );
  test.each([
    ['UTF-8 with a mark', Buffer.from(`\ufeff${text}`), null],
    ['UTF-16 with a mark', Buffer.from(`\ufeff${text}`, 'utf16le'), 'UTF-16'],
    ['UTF-16 without one', Buffer.from(text, 'utf16le'), 'UTF-16'],
    ['UTF-16, the other way round', Buffer.from(`\ufeff${text}`, 'utf16le').swap16(), 'UTF-16'],
    ['Windows-1252', windows(text), 'Windows-1252'],
    ['Mac Roman', macRoman(text), 'Mac Roman'],
  ])('%s', async (_, bytes, encoding) => {
    const report = await took('people.csv', bytes);
    expect(report).toMatchObject({ imported: 1, encoding });
    expect((await people())[0]).toMatchObject({ firstName: 'Zoë' });
    expect((await told())[0]).toMatchObject({ words: '“C’est déjà cassé” – à Düsseldorf' });
  });
});

describe('what can’t be right is refused with its column', () => {
  const refusedFor = async (column: string, value: string) => {
    const row = {
      source: 'desk',
      person_id: '1',
      kind: 'customer',
      email: '',
      first_name: '',
      complaint_id: '',
      words: '',
      [column]: value,
    };
    const quoted = Object.values(row).map((cell) => `"${cell.replaceAll('"', '""')}"`);
    const report = await took('row.csv', `${Object.keys(row).join(',')}\n${quoted.join(',')}\n`);
    return report.refused.map((one) => `${one.column}: ${one.sentence}`)[0] ?? 'taken';
  };
  test.each([
    ['person_id', '5.70306E+17', /^person_id: A spreadsheet has rounded this id/],
    ['complaint_id', '1,2E+11', /^complaint_id: A spreadsheet has rounded this id/],
    ['person_id', '****1234', /^person_id: This id is masked/],
    ['person_id', 'XXXX', /^person_id: This id is masked/],
    ['email', 'j***@example.com', /^email: This address is masked/],
    ['first_name', 'XXXX', /^first_name: This name is masked/],
    ['first_name', '{first_name}', /^first_name: This holds “\{first_name\}”, a placeholder/],
    ['words', 'Dear {{ contact.name }}, it broke', /^words: This holds “\{ contact.name \}”/],
    ['words', 'caf\ufffd', /^words: A letter in this was lost/],
    ['words', 'They charged me {$100.00} on XX/XX/2015 at { XXXX }', /^taken$/],
    ['words', '{"json": true}', /^taken$/],
  ])('%s “%s”', async (column, value, sentence) => {
    expect(await refusedFor(column, value)).toMatch(sentence);
  });

  test('NDJSON that was cut off loses its last line and says so; JSON that was cut off is refused whole', async () => {
    const record = { source: 'desk', person_id: '1', kind: 'customer' };
    const lines = `${JSON.stringify(record)}\n${JSON.stringify({ ...record, person_id: '2' })}\n{"source": "de`;
    const report = await took('people.ndjson', lines);
    expect(report).toMatchObject({ imported: 2, refused: [{ line: 3, column: 'the row' }] });
    expect(await bring('people.json', '[{"source": "desk", "person_id": "1"')).toMatchObject({ code: 'json' });
  });

  test('an id of many digits in JSON stays whole', async () => {
    await took('people.json', '[{"source": "desk", "person_id": 12345678901234567890, "kind": "customer"}]');
    expect((await people())[0]!.externalId).toBe('12345678901234567890');
  });

  const workbook = sharedData('customers/ibm_telco_v11_churn.xlsx');
  test.skipIf(!workbook.found)(`a workbook that was cut off${workbook.note}`, async () => {
    const bytes = readFileSync(workbook.path);
    expect(await bring('half.xlsx', bytes.subarray(0, bytes.length / 2), 'ibm-telco')).toMatchObject({
      code: 'workbook',
    });
  });

  test('a workbook that says it is small and unpacks to more than 256 MB is refused, however its parts are named', async () => {
    const zeros = deflateRawSync(Buffer.alloc(257 * 1024 * 1024), { level: 1 });
    const name = Buffer.from('xl/worksheets/sheet1.xml');
    // Every size that the archive gives is ten bytes.
    const facts = (more: number[]) => Buffer.from(more.flatMap((n) => [n & 255, (n >> 8) & 255]));
    const local = Buffer.concat([
      Buffer.from('PK\x03\x04', 'latin1'),
      facts([20, 0, 8, 0, 0, 0, 0, zeros.length & 65535, zeros.length >> 16, 10, 0, name.length, 0]),
      name,
      zeros,
    ]);
    const listed = Buffer.concat([
      Buffer.from('PK\x01\x02', 'latin1'),
      facts([20, 20, 0, 8, 0, 0, 0, 0, zeros.length & 65535, zeros.length >> 16, 10, 0, name.length, 0, 0, 0, 0]),
      facts([0, 0, 0, 0]),
      name,
    ]);
    const ended = Buffer.concat([
      Buffer.from('PK\x05\x06', 'latin1'),
      facts([0, 0, 1, 1, listed.length, 0, local.length & 65535, local.length >> 16, 0]),
    ]);
    const before = process.memoryUsage().rss;
    expect(await bring('bomb.xlsx', Buffer.concat([local, listed, ended]))).toMatchObject({ code: 'too-large' });
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  });
});

describe('round trips', () => {
  const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;

  const naughty = sharedData('nasty/blns.json');
  test.skipIf(!naughty.found)(`515 naughty strings as words and as facts${naughty.note}`, async () => {
    const strings = (JSON.parse(readFileSync(naughty.path, 'utf8')) as string[]).map((text) =>
      text.replace(/\r\n?/g, '\n'),
    );
    expect(strings).toHaveLength(515);
    const rows = strings.map((text, at) => ['desk', `p${at}`, 'customer', `c${at}`, text, text].map(quoted).join(','));
    const report = await took('naughty.csv', `source,person_id,kind,complaint_id,words,extra\n${rows.join('\n')}\n`);
    expect(report.imported + report.refusedRows).toBe(515);
    const refused = new Map(report.refused.map(({ line, sentence }) => [line, sentence]));
    const words = new Map((await told()).map((one) => [one.ref, one.words]));
    const facts = new Map((await people()).map((one) => [one.externalId, one.facts]));
    let kept = 0;
    for (const [at, text] of strings.entries()) {
      if (!facts.has(`p${at}`)) continue;
      kept += 1;
      const trimmed = text.trim();
      expect([at, words.get(`desk:c${at}`) ?? '']).toEqual([at, trimmed]);
      expect([at, facts.get(`p${at}`)?.extra ?? '']).toEqual([at, trimmed]);
    }
    expect(kept).toBe(515 - report.refusedRows);
    for (const sentence of refused.values())
      expect(sentence).toMatch(/placeholder|letter in this was lost|neither their words/);
    expect(report.refusedRows).toBeLessThan(10);
  });

  const names = sharedData('nasty/cldr_person_sample_names.json');
  test.skipIf(!names.found)(`names of 126 languages${names.note}`, async () => {
    const languages = JSON.parse(readFileSync(names.path, 'utf8')) as Record<
      string,
      { sampleName: Record<string, Record<string, string>> }
    >;
    const samples = Object.values(languages).flatMap(({ sampleName }) =>
      Object.values(sampleName).map((name) =>
        [name['given'] ?? '', name['surname'] ?? name['surname-core'] ?? ''].map((part) =>
          part.replace(/∅+/g, '').trim(),
        ),
      ),
    );
    expect(Object.keys(languages)).toHaveLength(126);
    const rows = samples.map(([first, last], at) =>
      ['desk', `p${at}`, 'customer', first!, last!].map(quoted).join(','),
    );
    const report = await took('names.csv', `source,person_id,kind,first_name,last_name\n${rows.join('\n')}\n`);
    expect(report.refused).toEqual([]);
    const stored = new Map((await people()).map((one) => [one.externalId, [one.firstName ?? '', one.lastName ?? '']]));
    for (const [at, [first, last]] of samples.entries()) {
      expect(stored.get(`p${at}`)).toEqual([first!.replace(/\s+/g, ' '), last!.replace(/\s+/g, ' ')]);
    }
  });

  const addresses = sharedData('nasty/isemail_tests.json');
  test.skipIf(!addresses.found)(`addresses of isemail: none that is an error is taken${addresses.note}`, () => {
    const cases = JSON.parse(readFileSync(addresses.path, 'utf8')) as { address: string; category: string }[];
    // The corpus writes control characters as their pictures.
    const real = (text: string) =>
      text.replace(/[\u2400-\u241f]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) - 0x2400));
    const taken = cases.filter(({ address }) => isAddress(real(address)));
    expect(taken.filter(({ category }) => category === 'ISEMAIL_ERR')).toEqual([]);
    const valid = cases.filter(({ category }) => category === 'ISEMAIL_VALID_CATEGORY');
    // Valid by the standard, but no letter gets there.
    expect(valid.filter(({ address }) => !isAddress(real(address))).map(({ address }) => address)).toEqual(['test@io']);
  });
});

test('a mapping that nobody could use says what to write', () => {
  const sentence = (yaml: string) => {
    const read = readMapping(
      `name: x\nrow: complaint\nsource: y\nfields: { person_id: id, kind: { always: customer } }\n${yaml}`,
    );
    return isRefusal(read) ? read.sentence : 'usable';
  };
  expect(sentence('leave_out: [{ column: a, because: b }]')).toMatch(/write one of is, is_not and differs_from/);
  expect(sentence('leave_out: [{ column: a, is: [x], because: b }]')).toBe('usable');
  expect(NEUTRAL.leave_out).toEqual([]);
});

test('no letter is made by any import', async () => {
  await took('people.csv', 'source,person_id,kind,email\ndesk,1,customer,a@b.example\n');
  expect(await db.read.all(sql`select count(*) from letters`)).toEqual([[0]]);
});
