import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noAnswersByIssue } from '../../src/checkins/answers.ts';
import { type AtTheGate, askGate } from '../../src/invitations/facts.ts';
import { importFile } from '../../src/people/intake/import.ts';
import { readMapping } from '../../src/people/intake/mapping.ts';
import { sharedData } from '../people/intake/shared-data.ts';
import type { FreshDatabase } from '../support/database.ts';
import { must } from '../support/must.ts';
import { NOW, seededDatabase } from '../support/seeded.ts';

/* The gate asked about everyone there is: the cast, and real people of whom nobody has linked or confirmed anything. */

const dete = sharedData('employees/dete_survey.csv');
const ravenstack = sharedData('customers/ravenstack');
const RAVENSTACK = ['accounts', 'subscriptions', 'churn_events', 'support_tickets'];

let db: FreshDatabase;
let everyone: AtTheGate[];
beforeAll(async () => {
  db = await seededDatabase();
  const run = async (path: string, name: string) => {
    const mapping = must(readMapping(readFileSync(`content/mappings/${name}.yaml`, 'utf8')));
    must(await importFile(db, { path, mapping, now: NOW }));
  };
  if (dete.found) await run(dete.path, 'dete');
  if (ravenstack.found) {
    for (const file of RAVENSTACK)
      await run(join(ravenstack.path, `ravenstack_${file}.csv`), `ravenstack-${file.replaceAll('_', '-')}`);
  }
  const began = performance.now();
  everyone = await askGate(db.read, await noAnswersByIssue(db.read), NOW);
  console.log(`The gate about ${everyone.length} people: ${Math.round(performance.now() - began)} ms.`);
});
afterAll(() => db?.cleanup());

function counts(source: string) {
  const people = everyone.filter(({ person }) => person.source === source);
  const codes: Record<string, number> = {};
  for (const { code } of people.flatMap(({ refusals }) => refusals)) codes[code] = (codes[code] ?? 0) + 1;
  return { people: people.length, invited: people.filter(({ refusals }) => refusals.length === 0).length, codes };
}

test('of the cast, seven may be invited, and everyone else has a reason', () => {
  const { people, invited, codes } = counts('cast');
  expect(invited).toBe(7);
  expect(people).toBeGreaterThan(150);
  expect(codes).toEqual({
    asked: 1,
    'confidential-only': 13,
    deceased: 1,
    dismissed: 1,
    dispute: 1,
    holdout: 22,
    'no-check-in': 30,
    'not-holding': 70,
    'not-resolved': 110,
    'nothing-better': 11,
    'path-undecided': 5,
    stopped: 1,
    'too-late': 1,
  });
});

describe.skipIf(!dete.found)(`the DETE exit survey${dete.note}`, () => {
  test('nobody is invited: no address, nothing confirmed, nothing better, too long ago', () => {
    const { people, invited, codes } = counts('dete');
    expect({ people, invited }).toEqual({ people: 822, invited: 0 });
    expect(codes['no-address']).toBe(822);
    expect(codes).toEqual({
      'confidential-only': 506,
      dismissed: 15,
      'left-unknown': 34,
      'no-address': 822,
      'no-main-complaint': 743,
      'no-words': 316,
      'not-linked': 79,
      'nothing-better': 822,
      'too-late': 788,
    });
  });
});

describe.skipIf(!ravenstack.found)(`RavenStack${ravenstack.note}`, () => {
  test('nobody is invited before their reasons are linked to an issue that holds', () => {
    const { people, invited, codes } = counts('ravenstack');
    expect({ people, invited }).toEqual({ people: 500, invited: 0 });
    expect(codes).toEqual({
      holdout: 41,
      'left-unknown': 148,
      'no-address': 500,
      'no-main-complaint': 155,
      'no-words': 155,
      'not-linked': 345,
      'nothing-better': 500,
      'too-late': 241,
    });
  });
});

test('whoever is refused is refused with a code, a sentence, and one of the six modes or none', () => {
  const modes = [null, 'insincere', 'root cause ignored', 'bought', 'too late', 'transactional', 'no better future'];
  for (const { refusals } of everyone) {
    for (const { code, failureMode, sentence } of refusals) {
      expect(code).toMatch(/^[a-z-]+$/);
      expect(sentence).toMatch(/^[A-Z].*\.$/);
      expect(modes).toContain(failureMode);
    }
  }
});
