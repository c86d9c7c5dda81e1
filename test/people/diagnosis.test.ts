import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Reader } from '../../db/client.ts';
import { persons, resolutions, signals } from '../../db/schema/people.ts';
import {
  gapOf,
  historyOf,
  latestDeparture,
  mainComplaint,
  neverContactOf,
  shownOf,
} from '../../src/people/diagnosis.ts';
import { importFile } from '../../src/people/intake/import.ts';
import { NEUTRAL } from '../../src/people/intake/mapping.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';

const NOW = new Date('2026-11-22T10:00:00Z');
const told = (ref: string, departureId: string | null, saidOn: string | null, main = true) => ({
  ref,
  departureId,
  saidOn,
  main,
  gap: 'trust' as const,
});
const left = (id: string, leftOn: string | null) => ({ id, externalId: id, leftOn });

describe('why they left', () => {
  test('the reason stated at the latest departure comes before one marked elsewhere', () => {
    const departures = [left('first', '2024-02-01'), left('second', '2026-06-02')];
    const early = told('a', 'first', '2026-09-09');
    const late = told('b', 'second', '2026-03-01');
    expect(mainComplaint([early, late], departures)).toBe(late);
    expect(mainComplaint([early, { ...late, main: false }], departures)).toBe(early);
    expect(mainComplaint([{ ...early, main: false }], departures)).toBeNull();
    expect(mainComplaint([], [])).toBeNull();
    expect(gapOf([early, late], departures)).toBe('trust');
    expect(gapOf([], departures)).toBeNull();
  });

  test('of several the latest; the order in which they come makes no difference', () => {
    const departures = [left('d', '2026-06-02')];
    const all = [told('a', 'd', '2026-01-01'), told('c', 'd', '2026-05-01'), told('b', 'd', null)];
    expect(mainComplaint(all, departures)?.ref).toBe('c');
    expect(mainComplaint(all.toReversed(), departures)?.ref).toBe('c');
  });

  test('a departure without a day is not the latest while another has one', () => {
    expect(latestDeparture([left('b', null), left('a', '2020-01-01')])?.id).toBe('a');
    expect(latestDeparture([left('b', null)])?.id).toBe('b');
    expect(latestDeparture([])).toBeNull();
  });

  test('never to be contacted holds whichever departure says so', () => {
    expect(neverContactOf([{ neverContact: 'dispute' }, { neverContact: null }])).toBe('dispute');
    expect(neverContactOf([{ neverContact: null }])).toBeNull();
  });
});

test('words and notes: confidential and anonymous ones are never shown, words that name others give way to our note', () => {
  const complaint = { words: 'Their words.', note: 'Our note.', confidentiality: 'open', namesOthers: false } as const;
  expect(shownOf(complaint)).toEqual({ kind: 'words', text: 'Their words.' });
  expect(shownOf({ ...complaint, words: null })).toEqual({ kind: 'note', text: 'Our note.', namesOthers: false });
  expect(shownOf({ ...complaint, namesOthers: true })).toEqual({ kind: 'note', text: 'Our note.', namesOthers: true });
  expect(shownOf({ ...complaint, namesOthers: true, note: null })).toEqual({ kind: 'withheld' });
  expect(shownOf({ ...complaint, confidentiality: 'confidential' })).toBeNull();
  expect(shownOf({ ...complaint, confidentiality: 'anonymous' })).toBeNull();
});

describe('their history', () => {
  let db: FreshDatabase;
  beforeEach(async () => {
    db = await freshDatabase();
  });
  afterEach(() => db.cleanup());

  async function bring(rows: string): Promise<string> {
    const path = join(db.path, '..', 'people.csv');
    writeFileSync(
      path,
      `source,person_id,kind,joined_on,left_on,complaint_id,said_on,words,note,main,confidentiality,names_others\n${rows}`,
    );
    const report = await importFile(db, { path, mapping: NEUTRAL, now: NOW });
    expect(report).toMatchObject({ refused: [] });
    const [person] = await db.read.select().from(persons);
    return person!.id;
  }

  const ROWS = `desk,7,customer,2021-09-13,2026-06-02,T-2,2026-04-14,Stop closing it.,,,,
desk,7,customer,2021-09-13,2026-06-02,T-1,2026-03-23,It stops.,,yes,,
desk,7,customer,2021-09-13,2026-06-02,T-3,2026-05-01,Bob was rude.,About an adviser.,,,yes
desk,7,customer,2021-09-13,2026-06-02,T-4,2026-01-01,In confidence.,,,confidential,
`;

  test('newest last, each with what became of it; what was said in confidence is counted and not shown', async () => {
    const id = await bring(ROWS);
    const before = await historyOf(db.read, id);
    const main = before!.main!;
    expect(main.ref).toBe('desk:T-1');
    const resolution = {
      complaintId: main.id,
      proofId: 'exports-finish',
      resolved: 'fully',
      reason: 'It finishes now.',
      confirmedBy: 'priya',
      confirmedAt: 5,
    } as const;
    await db.write((tx) => tx.insert(resolutions).values(resolution));
    const history = (await historyOf(db.read, id))!;
    expect(
      history.told.map(({ complaint, shown, resolution }) => [complaint.ref, shown.kind, resolution?.resolved ?? null]),
    ).toEqual([
      ['desk:T-1', 'words', 'fully'],
      ['desk:T-2', 'words', null],
      ['desk:T-3', 'note', null],
    ]);
    expect(history).toMatchObject({ withheld: 1, departure: { leftOn: '2026-06-02' } });
    expect(JSON.stringify(history.told.map(({ shown }) => shown))).not.toMatch(/Bob|confidence/);
  });

  test('it began to break with their first words, or a ticket before them while they were with us', async () => {
    const id = await bring(ROWS);
    expect((await historyOf(db.read, id))?.beganToBreak).toEqual({ day: '2026-03-23', by: 'words' });
    const ticket = (externalId: string, happenedOn: string, kind: 'ticket' | 'usage' = 'ticket') =>
      db.write((tx) => tx.insert(signals).values({ id: externalId, personId: id, kind, externalId, happenedOn }));
    await ticket('before-joining', '2020-01-01');
    await ticket('after-leaving', '2026-06-03');
    await ticket('not-a-ticket', '2022-01-01', 'usage');
    expect((await historyOf(db.read, id))?.beganToBreak).toEqual({ day: '2026-03-23', by: 'words' });
    await ticket('real', '2026-02-11');
    expect((await historyOf(db.read, id))?.beganToBreak).toEqual({ day: '2026-02-11', by: 'ticket' });
  });

  test('it takes four queries, however much they said', async () => {
    const many = Array.from(
      { length: 80 },
      (_, at) => `desk,7,customer,,2026-06-02,M-${at},2026-01-02,Words ${at},,,,`,
    );
    const id = await bring(`${many.join('\n')}\n`);
    let queries = 0;
    const counting = new Proxy(db.read, {
      get(target, name, receiver) {
        if (['select', 'all', 'get', 'values'].includes(String(name))) queries += 1;
        return Reflect.get(target, name, receiver);
      },
    }) as Reader;
    expect((await historyOf(counting, id))?.told).toHaveLength(80);
    expect(queries).toBe(4);
  });

  test('nobody by this id', async () => {
    expect(await historyOf(db.read, 'nobody')).toBeNull();
  });
});
