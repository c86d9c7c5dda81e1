import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Mapping, NEUTRAL, readMapping } from '../../../src/people/intake/mapping.ts';
import { type IntakeRow, rowReader } from '../../../src/people/intake/rows.ts';
import { isRefusal } from '../../../src/shared/refusal.ts';

const TODAY = '2026-11-22';

function mapping(yaml: string): Mapping {
  const read = readMapping(yaml);
  if (isRefusal(read)) throw new Error(read.sentence);
  return read;
}

function outcome(map: Mapping, cells: Record<string, string>) {
  const read = rowReader(map, Object.keys(cells), TODAY);
  if (isRefusal(read)) throw new Error(read.sentence);
  return read(Object.values(cells));
}

function understood(map: Mapping, cells: Record<string, string>): IntakeRow {
  const read = outcome(map, cells);
  if ('problems' in read) throw new Error(read.problems.map(({ sentence }) => sentence).join(' '));
  return read.row;
}

function problemsOf(cells: Record<string, string>, map = NEUTRAL): string[] {
  const read = outcome(map, cells);
  return 'problems' in read ? read.problems.map(({ column, sentence }) => `${column}: ${sentence}`) : [];
}

const ADA = { source: 'desk', person_id: '7', kind: 'customer' };

test('every mapping in the repository can be read', () => {
  const folder = join('content', 'mappings');
  const names = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  expect(names).toHaveLength(7);
  for (const name of names) expect(isRefusal(readMapping(readFileSync(join(folder, name), 'utf8')))).toBe(false);
});

test('a mapping file that can’t be used says where and what to write', () => {
  const sentence = (yaml: string) => {
    const read = readMapping(yaml);
    return isRefusal(read) ? read.sentence : 'usable';
  };
  expect(sentence('name: x\nrow: people\nsource: y\nfields: {}')).toMatch(/row: row says what one row is/);
  expect(sentence('name: x\nrow: person\nsource: y\nfields: { kind: { always: customer } }')).toMatch(
    /fields.person_id is missing/,
  );
  expect(sentence('name: x\nrow: person\nfields: { person_id: id, kind: k }')).toMatch(/source is missing/);
  expect(sentence('name: x\nrow: person\nsource: y\nfields: { person_id: id, kind: k, shoe_size: s }')).toMatch(
    /shoe_size/,
  );
  expect(
    sentence(
      'name: x\nrow: person\nsource: y\nfields: { person_id: id, kind: k, left_on: { column: l, dates: [DD.MM] } }',
    ),
  ).toMatch(/fields.left_on/);
  expect(sentence('name: [')).toMatch(/not YAML/);
});

test('the header is matched by name, in any order and case, and what is missing or doubled is named', () => {
  const refusal = (header: string[]) => {
    const read = rowReader(NEUTRAL, header, TODAY);
    return isRefusal(read) ? read.sentence : 'fine';
  };
  expect(refusal(['KIND', ' Person_ID', 'source '])).toBe('fine');
  expect(refusal(['source', 'kind'])).toMatch(/^The header lacks “person_id”, which the neutral CSV needs/);
  expect(refusal(['source', 'person_id', 'kind', 'words', 'Words'])).toMatch(/names “Words” twice/);
});

test('one row: a person, what they left, and one complaint', () => {
  const row = understood(NEUTRAL, {
    ...ADA,
    first_name: '  Ada   Jene’ya ',
    email: 'Ada@Studio.example',
    time_zone: 'Europe/London',
    joined_on: '2021-09',
    left_on: '2026-06-02',
    plan_or_role: 'Team',
    seats: '5',
    amount: '960',
    currency: 'GBP',
    complaint_id: 'T-1',
    said_on: '2026-03-23',
    words: 'It stops.\r\nAgain.',
    issue: 'exports-failed',
    gap: 'experience',
    main: 'yes',
    shoe: '38',
  });
  expect(row.person).toEqual({
    source: 'desk',
    kind: 'customer',
    externalId: '7',
    firstName: 'Ada Jene’ya',
    lastName: null,
    email: 'Ada@Studio.example',
    timeZone: 'Europe/London',
    billingId: null,
  });
  expect(row.departure).toMatchObject({
    externalId: '2026-06-02',
    joinedOn: '2021-09-01',
    joinedPrecision: 'month',
    leftOn: '2026-06-02',
    precision: 'day',
    amount: 960,
    currency: 'gbp',
    seats: 5,
  });
  expect(row.complaints).toEqual([
    {
      ref: 'desk:T-1',
      saidOn: '2026-03-23',
      channel: null,
      words: 'It stops.\nAgain.',
      note: null,
      gap: 'experience',
      issueId: 'exports-failed',
      main: true,
      confidentiality: 'open',
      namesOthers: false,
      concerns: null,
      publicConsent: false,
    },
  ]);
  expect(row.facts).toEqual({ shoe: '38' });
});

test('what an employee said is confidential unless the file says otherwise; nobody consents by silence', () => {
  const said = { source: 'hr', person_id: '1', kind: 'employee', words: 'No path.' };
  expect(understood(NEUTRAL, said).complaints[0]).toMatchObject({
    confidentiality: 'confidential',
    publicConsent: false,
  });
  expect(understood(NEUTRAL, { ...said, confidentiality: 'open' }).complaints[0]?.confidentiality).toBe('open');
});

test('a complaint without an id gets the same one each time, and another text another one', () => {
  const ref = (words: string) => understood(NEUTRAL, { ...ADA, said_on: '2026-03-23', words }).complaints[0]?.ref;
  expect(ref('It stops.')).toBe(ref('It stops.'));
  expect(ref('It stops.')).toMatch(/^desk:7\/2026-03-23\/[0-9a-f]{10}$/);
  expect(ref('It stops.')).not.toBe(ref('It goes.'));
});

test('amounts are in the smallest unit, or have a decimal point', () => {
  const amount = (amount: string, currency = 'gbp') =>
    understood(NEUTRAL, { ...ADA, amount, currency }).departure?.amount;
  expect([amount('4800'), amount('48.00'), amount('4800', 'jpy')]).toEqual([4800, 4800, 4800]);
  for (const bad of ['48.0', '1,200.00', '-5', '£48', '48.00.00']) {
    expect(problemsOf({ ...ADA, amount: bad, currency: 'gbp' })).toHaveLength(1);
  }
  expect(problemsOf({ ...ADA, amount: '48.00' })).toEqual([
    'currency: An amount needs its currency: three letters such as GBP or EUR.',
  ]);
});

test.each([
  ['source', { source: 'my desk' }, /A source is made of/],
  ['person_id', { person_id: '' }, /Say which person/],
  ['person_id', { person_id: '5.70306E+17' }, /spreadsheet has rounded this id/],
  ['person_id', { person_id: 'a\u0007b' }, /control character/],
  ['kind', { kind: 'client' }, /“client” is none of: customer, employee/],
  ['kind', { kind: '' }, /Write customer or employee/],
  ['email', { email: 'ada@studio' }, /“a•••@studio” is no e-mail address/],
  ['time_zone', { time_zone: 'Londinium' }, /no time zone/],
  ['left_on', { left_on: '03/04/2024' }, /not a date we can read/],
  ['left_on', { left_on: '2027-01-01' }, /still to come/],
  ['left_on', { joined_on: '2024', left_on: '2023-05-01' }, /left before they joined/],
  ['said_on', { said_on: '2026-03', words: 'x' }, /needs the whole day/],
  ['words', { complaint_id: 'c-1' }, /neither their words nor our note/],
  ['gap', { gap: 'money', words: 'x' }, /none of: value, trust/],
  ['main', { main: 'perhaps', words: 'x' }, /yes or no/],
  ['issue', { issue: 'Exports failed', words: 'x' }, /named by its file/],
  ['seats', { seats: '5.5' }, /whole number/],
  ['never_contact', { never_contact: 'busy' }, /deceased, dismissed, dispute, asked/],
])('a row is refused for its %s, with one sentence: %o', (column, cells, sentence) => {
  const [first, ...rest] = problemsOf({ ...ADA, ...cells });
  expect(first).toMatch(new RegExp(`^${column}: `));
  expect(first).toMatch(sentence);
  expect(rest).toEqual([]);
});

test('a row with a cell too few or too many is refused; empty cells at the end are not', () => {
  const read = rowReader(NEUTRAL, ['source', 'person_id', 'kind'], TODAY);
  if (isRefusal(read)) throw new Error(read.sentence);
  expect(read(['desk', '7'])).toMatchObject({
    problems: [{ sentence: expect.stringMatching(/has 2 cells and the header has 3/) }],
  });
  expect(read(['desk', '7', 'customer', 'x'])).toHaveProperty('problems');
  expect(read(['desk', '7', 'customer', '', ''])).toHaveProperty('row');
});

test('a value that the mapping doesn’t know is refused, and "" means nothing was said', () => {
  const map = mapping(`
name: x
source: s
row: complaint
blank_means: ["N/A"]
fields:
  person_id: id
  kind: { always: customer }
  words: text
  gap: { column: why, values: { price: value, other: "" } }
  note: { text: "Ticked: {why}", unless: { column: why, is: [other] } }
`);
  expect(understood(map, { id: '1', text: 'N/A', why: 'price' }).complaints).toMatchObject([
    { words: null, note: 'Ticked: price', gap: 'value' },
  ]);
  expect(understood(map, { id: '1', text: 'Words.', why: 'other' }).complaints).toMatchObject([
    { words: 'Words.', note: null, gap: null },
  ]);
  expect(understood(map, { id: '1', text: 'N/A', why: 'other' }).complaints).toEqual([]);
  expect(problemsOf({ id: '1', text: 'x', why: 'toString' }, map)).toEqual([
    'why: “toString” is none of the values this mapping knows: price and other.',
  ]);
});

test('ticked columns become complaints; the only reason ticked is the main one, where the mapping says so', () => {
  const map = mapping(`
name: x
source: s
row: departure
fields: { person_id: id, kind: { always: employee }, reason_code: type }
never_contact: [{ column: type, is: [Fired], because: dismissed }]
main_when: { column: type, is: [Left] }
factors:
  - ticked: ["TRUE"]
    not_ticked: ["FALSE"]
    note: "Ticked: {factor}"
    reasons: true
    columns:
      Pay: { as: pay, gap: value }
      Hours: { as: hours, gap: experience }
      Moved away: { as: a move, complaint: false }
`);
  const row = (type: string, pay: string, hours: string, moved: string) =>
    understood(map, { id: '1', type, Pay: pay, Hours: hours, 'Moved away': moved });
  expect(row('Left', 'TRUE', 'FALSE', 'FALSE').complaints).toMatchObject([
    { ref: 's:1/pay', note: 'Ticked: pay', words: null, gap: 'value', main: true, confidentiality: 'confidential' },
  ]);
  expect(row('Left', 'TRUE', 'TRUE', 'FALSE').complaints.map(({ main }) => main)).toEqual([false, false]);
  expect(row('Left', 'TRUE', 'FALSE', 'TRUE').complaints.map(({ main }) => main)).toEqual([false]);
  expect(row('Left', 'FALSE', '', 'TRUE')).toMatchObject({ complaints: [], facts: { 'Moved away': 'TRUE' } });
  expect(row('Fired', 'TRUE', 'FALSE', 'FALSE')).toMatchObject({
    departure: { neverContact: 'dismissed' },
    complaints: [{ main: false }],
  });
  expect(problemsOf({ id: '1', type: 'Left', Pay: 'maybe', Hours: '', 'Moved away': '' }, map)).toEqual([
    'Pay: “maybe” is none of TRUE and FALSE.',
  ]);
});
