import { afterAll, beforeAll, expect, test } from 'vitest';
import { complaints, departures, persons } from '../../db/schema/people.ts';
import { countPeople, peopleWhoTold } from '../../src/people/counts.ts';
import { voicesOf } from '../../src/people/voices.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';

let db: FreshDatabase;
const now = Date.parse('2026-11-22T09:00:00Z');

const said = {
  personId: 'maya',
  main: false,
  confidentiality: 'open',
  namesOthers: false,
  publicConsent: true,
} as const;

beforeAll(async () => {
  db = await freshDatabase();
  await db.write(async (tx) => {
    for (const [id, kind] of [
      ['maya', 'customer'],
      ['tess', 'employee'],
    ] as const) {
      await tx.insert(persons).values({ id, kind, source: 'cast', externalId: id, facts: {}, createdAt: now });
    }
    await tx.insert(departures).values([
      {
        id: 'd1',
        personId: 'maya',
        externalId: '1',
        joinedOn: '2015-01-05',
        leftOn: '2018-01-05',
        facts: {},
        createdAt: now,
      },
      {
        id: 'd2',
        personId: 'maya',
        externalId: '2',
        joinedOn: '2021-09-13',
        leftOn: '2026-06-02',
        facts: {},
        createdAt: now,
      },
    ]);
    const each = [
      { id: '1', ref: 'cast:c-1', words: 'Third Monday running.', saidOn: '2026-03-23', channel: 'ticket', ...said },
      { id: '2', ref: 'cast:c-2', words: 'No consent.', ...said, publicConsent: false },
      { id: '3', ref: 'cast:c-3', words: 'In confidence.', ...said, confidentiality: 'confidential' as const },
      { id: '4', ref: 'cast:c-4', words: 'Names a colleague.', ...said, namesOthers: true },
      { id: '5', ref: 'cast:c-5', note: 'Our note.', ...said },
      { id: '6', ref: 'cast:c-6', words: 'My rota changed on a Sunday.', ...said, personId: 'tess' },
    ];
    for (const one of each) await tx.insert(complaints).values({ ...one, createdAt: now });
  });
});
afterAll(() => db.cleanup());

test('only words that may be quoted are quoted, in the order asked for', async () => {
  const refs = ['cast:c-6', 'cast:c-5', 'cast:c-4', 'cast:c-3', 'cast:c-2', 'cast:c-1', 'cast:gone'];
  expect((await voicesOf(db.read, refs)).map((voice) => voice.words)).toEqual([
    'My rota changed on a Sunday.',
    'Third Monday running.',
  ]);
});

test('a voice says since when, by the latest time they were with us, and nothing that names them', async () => {
  expect(await voicesOf(db.read, ['cast:c-1'])).toEqual([
    {
      ref: 'cast:c-1',
      words: 'Third Monday running.',
      saidOn: '2026-03-23',
      channel: 'ticket',
      kind: 'customer',
      joinedOn: '2021-09-13',
    },
  ]);
});

test('withdrawn consent takes the words away at once', async () => {
  await db.write((tx) => tx.update(complaints).set({ publicConsent: false }));
  expect(await voicesOf(db.read, ['cast:c-1', 'cast:c-6'])).toEqual([]);
});

test('a person who told us six things is one person', async () => {
  await countPeople(db, new Date());
  expect(await peopleWhoTold(db.read)).toEqual({ customers: 1, employees: 1 });
});
