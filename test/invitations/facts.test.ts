import { DatabaseSync } from 'node:sqlite';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { letters } from '../../db/schema/mail.ts';
import { complaints, corrections, departures, persons, resolutions, waits } from '../../db/schema/people.ts';
import { noAnswersByIssue } from '../../src/checkins/answers.ts';
import { askGate, gateFacts } from '../../src/invitations/facts.ts';
import { mayInvite } from '../../src/invitations/gate.ts';
import { decline, sayWhy } from '../../src/landing/press.ts';
import { postLetter } from '../../src/mail/outbox.ts';
import { suppress } from '../../src/people/suppression.ts';
import { publishedSite } from '../../src/proofs/published.ts';
import { newId } from '../../src/shared/ids.ts';
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

test('three invitations, ever: the fourth is refused, whatever it is about and whichever record of the person it goes to', async () => {
  const one = await seededDatabase();
  const lucas = await castPerson(one.read, 'c-lucas');
  const noAnswers = await noAnswersByIssue(one.read);
  const codes = async (options: { personIds: string[]; letterId?: string }) =>
    (await askGate(one.read, noAnswers, NOW, options))[0]!.refusals.map(({ code }) => code);
  // All four wait at once: each is asked on its own, as it leaves.
  for (const about of ['a', 'b', 'c', 'd']) {
    const cause = `invitation:${lucas.id}:${about}`;
    const to = { personId: lucas.id, to: lucas.email!, fromName: 'Priya Nair', signedBy: 'priya' };
    await one.write((tx) => postLetter(tx, { cause, kind: 'invitation', ...to, subject: 's', body: 'b' }, NOW));
  }
  const waiting = await one.read.select().from(letters).orderBy(letters.cause);
  const answered: string[][] = [];
  for (const { id } of waiting) {
    const refusals = await codes({ personIds: [lucas.id], letterId: id });
    answered.push(refusals);
    const now = refusals.length === 0 ? { sentAt: 1 } : { heldBecause: refusals[0]! };
    await one.write((tx) => tx.update(letters).set(now).where(eq(letters.id, id)));
  }
  expect(answered).toEqual([[], [], [], ['invited-enough']]);
  expect(await codes({ personIds: [lucas.id] })).toEqual(['invited-enough']);
  // The same person again, as another record, after the first was taken back.
  const again = newId();
  await one.write(async (tx) => {
    await tx.insert(persons).values({ ...lucas, id: again, externalId: 'c-lucas-again' });
    const [left] = await tx.select().from(departures).where(eq(departures.personId, lucas.id));
    await tx.insert(departures).values({ ...left!, id: newId(), personId: again });
  });
  const [facts] = await gateFacts(one.read, await issuesAt(one.read, NOW), TODAY, { personIds: [again] });
  expect(facts!.facts.invitations).toBe(3);
  expect(await codes({ personIds: [again] })).toContain('invited-enough');
  await one.cleanup();
});

test('how often a few people were written to is known without reading everybody’s letters', async () => {
  const one = await seededDatabase();
  const { id } = await castPerson(one.read, 'c-lucas');
  const prepare = vi.spyOn(DatabaseSync.prototype, 'prepare');
  await askGate(one.read, new Map(), NOW, { personIds: [id] });
  const asked = prepare.mock.calls.map(([sql]) => sql).filter((sql) => /from "letters"/.test(sql));
  prepare.mockRestore();
  const file = new DatabaseSync(one.path, { readOnly: true });
  const plans = asked.flatMap((sql) => file.prepare(`explain query plan ${sql}`).all());
  file.close();
  const ways = plans.map(({ detail }) => String(detail)).filter((way) => way.includes('letters'));
  expect(ways).toEqual([
    'SEARCH letters USING INDEX letters_person (person_id=?)',
    'SEARCH letters USING INDEX letters_to_plain (<expr>=?)',
  ]);
  await one.cleanup();
});
