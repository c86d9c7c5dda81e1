import { parse } from 'csv-parse/sync';
import { asc, eq, like } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { batches, choosings, chosen } from '../../db/schema/invitations.ts';
import { letters } from '../../db/schema/mail.ts';
import { persons, waits } from '../../db/schema/people.ts';
import { noAnswersByIssue } from '../../src/checkins/answers.ts';
import { fillBatch, linksOf, revokeBatch, whoWould } from '../../src/invitations/choose.ts';
import { askGate } from '../../src/invitations/facts.ts';
import { inHoldout } from '../../src/invitations/gate.ts';
import { openLink } from '../../src/invitations/links.ts';
import { postLetter } from '../../src/mail/outbox.ts';
import { suppress } from '../../src/people/suppression.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { ask, linkFile, open, readChoice, takeBack, workOnChoosings } from '../../src/staff/choosing.ts';
import type { FreshDatabase } from '../support/database.ts';
import { must } from '../support/must.ts';
import { castPerson, later, NOW, seededDatabase } from '../support/seeded.ts';
import { leftOverExports, openBatch } from './many.ts';

const ruth = { id: 'ruth', roles: ['approver', 'hr'] } as const;
const mei = { id: 'mei', roles: ['operator'] } as const;
const BASE = 'https://amends.example';
const VISITOR = { deviceSecret: undefined, freshDays: 30 };

let db: FreshDatabase;
beforeAll(async () => {
  db = await seededDatabase();
});
afterAll(() => db.cleanup());

const roles = <T extends { roles: readonly string[] }>(who: T) => ({ ...who, roles: [...who.roles] }) as never;
const wouldBe = (choice = {}) => whoWould(db, choice, noAnswersByIssue, NOW);

test('everyone of a choice is counted once: invited, in the holdout, or left out by the first reason in the order of the gate', async () => {
  const would = await wouldBe();
  const gate = await askGate(db.read, await noAnswersByIssue(db.read), NOW);
  expect(would.people).toBe(gate.length);
  expect(would.invited).toBe(gate.filter(({ refusals }) => refusals.length === 0).length);
  expect(would.leftOut.reduce((sum, { people }) => sum + people, would.invited + would.holdout)).toBe(would.people);
  const codes = would.leftOut.map(({ code }) => code);
  expect(codes).toEqual(['not-holding', 'not-resolved', 'too-late', 'confidential-only']);
  expect(would.leftOut.every(({ sentence }) => sentence.endsWith('.'))).toBe(true);
});

test('a choice is by what made them leave, by gap, kind, plan, country, year and person', async () => {
  const maya = await castPerson(db.read, 'c-maya');
  const gate = await askGate(db.read, await noAnswersByIssue(db.read), NOW);
  const count = (fits: (one: (typeof gate)[number]) => boolean) => gate.filter(fits).length;
  const people = async (choice: object) => (await wouldBe(choice)).people;
  expect(await people({ issue: 'exports-failed' })).toBe(count(({ cause }) => cause?.issueId === 'exports-failed'));
  expect(await people({ gap: 'growth' })).toBe(count(({ cause }) => cause?.gap === 'growth'));
  expect(await people({ kind: 'employee' })).toBe(count(({ person }) => person.kind === 'employee'));
  expect(await people({ plan: 'Team' })).toBe(count(({ facts }) => facts.departure?.planOrRole === 'Team'));
  expect(await people({ left: '2026' })).toBe(
    count(({ facts }) => facts.departure?.leftOn?.startsWith('2026') ?? false),
  );
  expect(await people({ country: 'Norway' })).toBe(0);
  await db.write((tx) =>
    tx
      .update(persons)
      .set({ facts: { country: 'Norway' } })
      .where(eq(persons.id, maya.id)),
  );
  expect(await people({ country: ' norway ' })).toBe(1);
  expect(await wouldBe({ personId: maya.id })).toMatchObject({ people: 1, invited: 1 });
  expect(await wouldBe({ issue: 'exports-failed', gap: 'growth' })).toMatchObject({ people: 0 });
});

test('looking writes nothing down, and opening writes down whom the gate lets through, with what had made them leave', async () => {
  const before = await db.read.select().from(chosen);
  await wouldBe({ issue: 'exports-failed' });
  expect(await db.read.select().from(chosen)).toEqual(before);
  const would = await wouldBe({ issue: 'exports-failed' });
  const opened = await openBatch(db, { issue: 'exports-failed' }, { by: 'ruth', purpose: 'letters' }, NOW);
  expect(opened).toMatchObject({ invited: would.invited, holdout: would.holdout });
  const rows = await db.read.select().from(chosen).where(eq(chosen.batchId, opened.batchId));
  expect(rows.length).toBe(would.invited + would.holdout);
  expect(new Set(rows.map(({ issueId, gap, proofId }) => `${issueId} ${gap} ${proofId}`))).toEqual(
    new Set(['exports-failed experience exports-finish']),
  );
  // Nobody is in two choices that stand.
  const again = await wouldBe({ issue: 'exports-failed' });
  expect(again.invited).toBe(0);
  expect(again.leftOut.find(({ code }) => code === 'already-chosen')?.people).toBe(would.invited);
  await db.write((tx) => revokeBatch(tx, { batchId: opened.batchId, by: 'ruth', because: 'Only tried.' }, NOW));
  expect(await wouldBe({ issue: 'exports-failed' })).toEqual(would);
});

test('the holdout is recorded beside those who are invited, and whoever asked to be told is in neither half of chance', async () => {
  const ids = await leftOverExports(db, 600, NOW, 'h');
  const would = await wouldBe({ issue: 'exports-failed' });
  expect(would.holdout).toBeGreaterThan(30);
  expect(would.holdout).toBeLessThan(95);
  const kept = ids.filter((_, at) => inHoldout(`many-h:${at}`, 0.1));
  await db.write((tx) =>
    tx.insert(waits).values({ id: 'told', personId: kept[0]!, issueId: 'exports-failed', askedAt: 1 }),
  );
  const opened = await openBatch(db, { issue: 'exports-failed' }, { by: 'ruth', purpose: 'letters' }, NOW);
  expect(opened.holdout).toBe(would.holdout - 1);
  const of = async (personId: string) =>
    (await db.read.select().from(chosen).where(eq(chosen.personId, personId)))[0]?.as;
  expect([await of(kept[0]!), await of(kept[1]!)]).toEqual(['invited', 'holdout']);
  await db.write((tx) => revokeBatch(tx, { batchId: opened.batchId, by: 'ruth', because: 'Only tried.' }, NOW));
});

test('whoever is stopped between looking and opening, or while it opens, does not get in', async () => {
  const [first] = await leftOverExports(db, 900, NOW, 'r', { holdoutToo: false });
  const last = `r-000899@many.example`;
  let asked = 0;
  const opening = openBatch(
    db,
    { issue: 'exports-failed' },
    { by: 'ruth', purpose: 'letters' },
    NOW,
    async (reader) => {
      asked += 1;
      return noAnswersByIssue(reader);
    },
  );
  // In the midst of it, from outside: it waits its turn between two pages.
  const stopping = db.write((tx) => suppress(tx, last, 'stopped', NOW));
  const { batchId } = await opening;
  await stopping;
  expect(asked).toBeGreaterThan(3);
  const inIt = await db.read
    .select({ email: persons.email })
    .from(chosen)
    .innerJoin(persons, eq(persons.id, chosen.personId))
    .where(eq(chosen.batchId, batchId));
  const addresses = inIt.map(({ email }) => email);
  expect(addresses).toContain((await db.read.select().from(persons).where(eq(persons.id, first!)))[0]!.email);
  expect(addresses).not.toContain(last);
  // Broken off after its first pages, it goes on where it was and ends with the same people.
  const all = await db.read.select().from(chosen).where(eq(chosen.batchId, batchId)).orderBy(asc(chosen.personId));
  await db.write((tx) => tx.delete(chosen).where(like(chosen.personId, 'p-r-0006%')));
  await db.write((tx) => tx.delete(chosen).where(like(chosen.personId, 'p-r-0007%')));
  await db.write((tx) => tx.delete(chosen).where(like(chosen.personId, 'p-r-0008%')));
  await fillBatch(db, batchId, { issue: 'exports-failed' }, noAnswersByIssue, NOW);
  expect(await db.read.select().from(chosen).where(eq(chosen.batchId, batchId)).orderBy(asc(chosen.personId))).toEqual(
    all,
  );
  await db.write((tx) => revokeBatch(tx, { batchId, by: 'ruth', because: 'Only tried.' }, NOW));
});

test('a batch that is taken back: its links are dead, its unsent letters stay, those that stop us go on working', async () => {
  const devika = await castPerson(db.read, 'c-devika');
  const tariq = await castPerson(db.read, 'e-tariq');
  const { batchId, invited } = await openBatch(db, {}, { by: 'ruth', purpose: 'links' }, NOW);
  const rows = (await Array.fromAsync(linksOf(db, batchId, BASE, noAnswersByIssue, NOW))).flat();
  expect(rows.length).toBe(invited);
  expect(rows.map(({ email }) => email)).toContain(devika.email);
  expect(rows.map(({ email }) => email)).not.toContain(tariq.email);
  const hers = rows.find(({ email }) => email === devika.email)!;
  const opens = async (url: string, purpose: 'page' | 'stop') =>
    (await openLink(db.read, url.split('/').at(-1)!, purpose, VISITOR, NOW))?.person.id ?? null;
  expect(await opens(hers.link, 'page')).toBe(devika.id);

  const letter = { kind: 'invitation', personId: devika.id, to: devika.email!, fromName: 'x', subject: 'x', body: 'x' };
  await db.write((tx) => postLetter(tx, { ...letter, cause: `invitation:${devika.id}:x` }, NOW));
  await db.write((tx) => postLetter(tx, { ...letter, cause: `invitation:${devika.id}:y` }, NOW));
  await db.write((tx) =>
    tx
      .update(letters)
      .set({ batchId })
      .where(like(letters.cause, `invitation:${devika.id}:%`)),
  );
  await db.write((tx) =>
    tx
      .update(letters)
      .set({ sentAt: 1, handedAt: 1 })
      .where(eq(letters.cause, `invitation:${devika.id}:y`)),
  );

  const refused = await db.write((tx) => revokeBatch(tx, { batchId, by: 'ruth', because: ' no ' }, NOW));
  expect(isRefusal(refused) && refused.code).toBe('no-reason');
  expect(await opens(hers.link, 'page')).toBe(devika.id);
  const done = await db.write((tx) =>
    takeBack(tx, roles(ruth), { batchId, because: 'The proof was wrong.' }, later(1000)),
  );
  expect(done).toEqual({ links: invited, letters: 1 });
  expect(await opens(hers.link, 'page')).toBeNull();
  expect(await opens(hers.stop_link, 'stop')).toBe(devika.id);
  const held = await db.read.select().from(letters).where(eq(letters.batchId, batchId));
  expect(held.map(({ heldBecause }) => heldBecause).toSorted()).toEqual(['batch-revoked', null].toSorted());
  const [batch] = await db.read.select().from(batches).where(eq(batches.id, batchId));
  expect(batch).toMatchObject({ revokedBy: 'ruth', revokedBecause: 'The proof was wrong.' });
  const twice = await db.write((tx) => revokeBatch(tx, { batchId, by: 'ruth', because: 'Once more.' }, NOW));
  expect(isRefusal(twice) && twice.code).toBe('not-open');
  expect(await Array.fromAsync(linksOf(db, batchId, BASE, noAnswersByIssue, NOW))).toEqual([]);
});

test('the file has six columns, no formula in it, and is minted anew each time it is taken', async () => {
  const names = ['=1+1', '+44', '-3', '@SUM(A1)', '\t=1', '|calc', 'O’Neill, Ann', 'Ann "A"', "'=1", 'Zoë\r\nX'];
  const ids = await leftOverExports(db, names.length, NOW, 'f', { holdoutToo: false });
  for (const [at, id] of ids.entries()) {
    await db.write((tx) => tx.update(persons).set({ firstName: names[at]! }).where(eq(persons.id, id)));
  }
  const { batchId } = await openBatch(db, { left: '2026' }, { by: 'mei', purpose: 'links' }, NOW);
  const take = async () => (await Array.fromAsync(linkFile(db, roles(mei), batchId, BASE, NOW))).join('');
  const rows: string[][] = parse(await take());
  expect(rows[0]).toEqual(['email', 'first_name', 'last_name', 'link', 'stop_link', 'batch']);
  const mine = rows.filter(([email]) => /^f-\d+@many/.test(email!));
  expect(mine.length).toBe(names.length);
  for (const cells of mine) for (const text of cells) expect(text).not.toMatch(/^[=+\-@\t\r]/);
  expect(mine.map(([, name]) => name!.replace(/^'(?='*[=+\-@\t])/, ''))).toEqual(names);
  const again: string[][] = parse(await take());
  expect(again.length).toBe(rows.length);
  const live = async (row: string[]) => openLink(db.read, row[3]!.split('/').at(-1)!, 'page', VISITOR, NOW);
  expect(await live(rows[1]!)).toBeNull();
  expect(await live(again[1]!)).not.toBeNull();
  await db.write((tx) => revokeBatch(tx, { batchId, by: 'mei', because: 'Only tried.' }, NOW));
});

test('HR alone chooses former colleagues; an operator’s choice is of customers', async () => {
  const read = (who: object, fields: Record<string, string>) =>
    readChoice(db.read, who as never, (name) => fields[name] ?? '');
  expect(await read(mei, { issue: 'exports-failed' })).toEqual({ issue: 'exports-failed', kind: 'customer' });
  expect(await read(mei, { kind: 'employee' })).toMatchObject({ code: 'hr', field: 'kind' });
  expect(await read(mei, { person: 'cast e-tariq' })).toMatchObject({ code: 'nobody', field: 'person' });
  expect(await read(ruth, { person: 'cast e-tariq' })).toMatchObject({ personId: expect.any(String) });
  expect(await read(ruth, { issue: 'nothing' })).toMatchObject({ code: 'no-issue' });
  expect(await read(ruth, { left: '26' })).toMatchObject({ code: 'no-year' });
  const theirs = await ask(db, roles(ruth), { kind: 'employee' }, NOW);
  await workOnChoosings(db, NOW);
  expect(await open(db, roles(mei), { id: theirs.id, purpose: 'letters' }, NOW)).toMatchObject({ code: 'not-yours' });
});

test('more than a press can wait for is left to the jobs process, which counts and then fills', {
  timeout: 60_000,
}, async () => {
  await leftOverExports(db, 1_500, NOW, 'j');
  const choosing = await ask(db, roles(ruth), { issue: 'exports-failed' }, NOW);
  expect(choosing.report).toBeNull();
  expect(await open(db, roles(ruth), { id: choosing.id, purpose: 'letters' }, NOW)).toMatchObject({
    code: 'not-counted',
  });
  expect(await workOnChoosings(db, NOW)).toBe(1);
  const opened = must(await open(db, roles(ruth), { id: choosing.id, purpose: 'letters' }, NOW));
  expect(opened.finishedAt).toBeNull();
  expect(await open(db, roles(ruth), { id: choosing.id, purpose: 'letters' }, NOW)).toMatchObject({ code: 'opened' });
  await workOnChoosings(db, NOW);
  const [row] = await db.read.select().from(choosings).where(eq(choosings.id, choosing.id));
  expect(row!.finishedAt).not.toBeNull();
  expect((await db.read.select().from(chosen).where(eq(chosen.batchId, opened.batchId!))).length).toBeGreaterThan(
    1_500,
  );
  expect(await workOnChoosings(db, NOW)).toBe(0);
});
