import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { links } from '../../db/schema/invitations.ts';
import { letters } from '../../db/schema/mail.ts';
import { departures, erasures, persons } from '../../db/schema/people.ts';
import { mintLink } from '../../src/invitations/links.ts';
import { askToBeTold } from '../../src/landing/press.ts';
import { postLetter } from '../../src/mail/outbox.ts';
import { keepOnlyWhatWeMay } from '../../src/people/retention.ts';
import { comeBack } from '../checkins/returned.ts';
import type { FreshDatabase } from '../support/database.ts';
import { castPerson, DAY_MS, later, NOW, seededDatabase } from '../support/seeded.ts';

let db: FreshDatabase;
beforeEach(async () => {
  db = await seededDatabase();
});
afterEach(() => db.cleanup());

async function leftOn(who: string, day: string): Promise<string> {
  const { id } = await castPerson(db.read, who);
  await db.write((tx) => tx.update(departures).set({ leftOn: day }).where(eq(departures.personId, id)));
  return id;
}
const isThere = async (id: string) => (await db.read.$count(persons, eq(persons.id, id))) === 1;

test('six years after they left, and not a day sooner, everything about a person goes', async () => {
  const id = await leftOn('c-maya', '2020-11-23');
  expect(await keepOnlyWhatWeMay(db, NOW)).toMatchObject({ people: 0 });
  expect(await keepOnlyWhatWeMay(db, later(DAY_MS))).toMatchObject({ people: 1 });
  expect(await isThere(id)).toBe(false);
  expect(await db.read.$count(erasures)).toBe(1);
  expect(await keepOnlyWhatWeMay(db, later(DAY_MS))).toMatchObject({ people: 0 });
});

test('nobody goes who is back with us, or who waits to be told something', async () => {
  const back = await leftOn('c-maya', '2015-01-01');
  const waiting = await leftOn('c-idris', '2015-01-01');
  await comeBack(db, 'c-maya', NOW);
  await db.write((tx) => askToBeTold(tx, waiting, 'large-files-slow', NOW));
  expect((await keepOnlyWhatWeMay(db, NOW)).people).toBe(0);
  expect([await isThere(back), await isThere(waiting)]).toEqual([true, true]);
});

test('many go over several rounds', async () => {
  for (const who of ['c-maya', 'c-idris', 'c-anneke']) await leftOn(who, '2015-01-01');
  const rounds = [];
  for (let round = 0; round < 3; round += 1) rounds.push((await keepOnlyWhatWeMay(db, NOW, 2)).people);
  expect(rounds).toEqual([2, 1, 0]);
});

test('letters go after two years, invitations stay with their person, and links thirty days after their end', async () => {
  const { id } = await castPerson(db.read, 'c-maya');
  await db.write(async (tx) => {
    for (const kind of ['checkin', 'invitation', 'unsent']) {
      const letter = { cause: `${kind}:1`, kind, personId: id, to: 'x@y.example', fromName: '', subject: '', body: '' };
      await postLetter(tx, letter, NOW);
      if (kind !== 'unsent') await tx.update(letters).set({ sentAt: NOW.getTime() }).where(eq(letters.kind, kind));
    }
    await mintLink(tx, { personId: id, purpose: 'page', days: 90 }, NOW);
  });
  await keepOnlyWhatWeMay(db, later(120 * DAY_MS));
  expect([await db.read.$count(letters), await db.read.$count(links)]).toEqual([3, 1]);
  await keepOnlyWhatWeMay(db, later(121 * DAY_MS));
  expect(await db.read.$count(links)).toBe(0);
  await keepOnlyWhatWeMay(db, later(731 * DAY_MS));
  expect((await db.read.select({ kind: letters.kind }).from(letters)).map(({ kind }) => kind)).toEqual([
    'invitation',
    'unsent',
  ]);
});
