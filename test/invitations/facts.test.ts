import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { complaints, corrections, persons, resolutions, waits } from '../../db/schema/people.ts';
import { gateFacts } from '../../src/invitations/facts.ts';
import { mayInvite } from '../../src/invitations/gate.ts';
import { decline, sayWhy } from '../../src/landing/press.ts';
import { suppress } from '../../src/people/suppression.ts';
import { publishedSite } from '../../src/proofs/published.ts';
import type { FreshDatabase } from '../support/database.ts';
import { castPerson, issuesAt, NOW, seededDatabase } from '../support/seeded.ts';

const TODAY = '2026-11-22';
let db: FreshDatabase;
beforeAll(async () => {
  db = await seededDatabase();
});
afterAll(() => db.cleanup());

async function answers(personIds?: string[]): Promise<Record<string, string[]>> {
  const site = await publishedSite(db.read);
  const people = await gateFacts(db.read, await issuesAt(db.read, NOW), TODAY, personIds ? { personIds } : {});
  return Object.fromEntries(
    people.map(({ person, facts }) => [person.externalId, mayInvite(facts, site, TODAY).map(({ code }) => code)]),
  );
}

async function answerFor(externalId: string): Promise<string[]> {
  const { id } = await castPerson(db.read, externalId);
  return (await answers([id]))[externalId]!;
}

test('the cast gets the answer that its stories promise', async () => {
  const named = Object.entries(await answers()).filter(([id]) => /^[ce]-[a-z]/.test(id));
  expect(Object.fromEntries(named)).toEqual({
    'c-maya': [],
    'c-bronagh': [],
    'c-devika': [],
    'c-sunniva': [],
    'c-ines': [],
    'c-lucas': [],
    'c-idris': ['not-holding', 'no-check-in'],
    'c-anneke': ['not-holding'],
    'c-hannah': ['confidential-only'],
    'c-walter': ['deceased', 'not-resolved'],
    'c-petra': ['dispute', 'not-resolved'],
    'c-frances': ['asked', 'not-holding'],
    'c-gareth': ['too-late'],
    'c-niall': ['stopped', 'not-resolved'],
    'c-ilaria': ['not-resolved'],
    'e-tariq': [],
    'e-joanna': ['not-holding', 'nothing-better', 'path-undecided', 'no-check-in'],
    'e-carl': ['dismissed', 'not-resolved'],
  });
});

test('nobody of the others is invited: what became of their complaints has not been confirmed by anyone', async () => {
  const others = Object.entries(await answers()).filter(([id]) => !/^[ce]-[a-z]/.test(id));
  expect(others).toHaveLength(await db.read.$count(persons).then((all) => all - 18));
  expect(others.filter(([, codes]) => !codes.includes('not-resolved') && !codes.includes('not-holding'))).toEqual([]);
});

test('asked about one person, the facts are the same as in the answer for everyone', async () => {
  const issues = await issuesAt(db.read, NOW);
  for (const one of await gateFacts(db.read, issues, TODAY)) {
    expect(await gateFacts(db.read, issues, TODAY, { personIds: [one.person.id] })).toEqual([one]);
  }
});

test('what a person presses reaches the gate at once', async () => {
  const ines = await castPerson(db.read, 'c-ines');
  const [main] = await db.read.select().from(complaints).where(eq(complaints.personId, ines.id));
  await db.write((tx) => sayWhy(tx, { personId: ines.id, complaintId: main!.id, right: false, words: 'No.' }, NOW));
  expect(await answerFor('c-ines')).toEqual(['corrected']);
  await db.write((tx) => tx.update(corrections).set({ reviewedAt: NOW.getTime() }));
  expect(await answerFor('c-ines')).toEqual([]);
  await db.write((tx) => sayWhy(tx, { personId: ines.id, complaintId: main!.id, right: true, words: null }, NOW));
  expect(await answerFor('c-ines')).toEqual([]);
  await db.write((tx) => decline(tx, ines.id, NOW));
  expect(await answerFor('c-ines')).toEqual(['declined']);
});

test('an address that was stopped is refused for everyone who has it, however it is written', async () => {
  await db.write((tx) => suppress(tx, ' Answers@PORTOBELLO-futsal.example', 'stopped', NOW));
  expect(await answerFor('c-lucas')).toEqual([]);
  await db.write((tx) => suppress(tx, ' LUCAS@portobello-futsal.example ', 'stopped', NOW));
  expect(await answerFor('c-lucas')).toEqual(['stopped']);
});

test('a resolution that is taken back holds the person back again, as does one that was only partly', async () => {
  const [main] = await db.read.select().from(complaints).where(eq(complaints.ref, 'cast:c-08'));
  const set = (resolved: 'fully' | 'partly' | 'no') =>
    db.write((tx) => tx.update(resolutions).set({ resolved }).where(eq(resolutions.complaintId, main!.id)));
  await set('partly');
  expect(await answerFor('c-bronagh')).toEqual(['not-resolved']);
  await set('no');
  expect(await answerFor('c-bronagh')).toEqual(['not-resolved']);
  await set('fully');
  expect(await answerFor('c-bronagh')).toEqual([]);
});

test('who left long ago and asked to be told is not refused for the time', async () => {
  const gareth = await castPerson(db.read, 'c-gareth');
  await db.write((tx) =>
    tx.insert(waits).values({ id: 'w', personId: gareth.id, issueId: 'tickets-closed-unsolved', askedAt: 1 }),
  );
  expect(await answerFor('c-gareth')).toEqual([]);
});
