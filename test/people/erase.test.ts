import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eq, getTableColumns, getTableName, sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Tx } from '../../db/client.ts';
import { checkins, ownerAnswers, promises, reopenings } from '../../db/schema/checkins.ts';
import { confirmations } from '../../db/schema/desk.ts';
import { batches, choosings, chosen, postponed, windowOverrides } from '../../db/schema/invitations.ts';
import { bounces, letters } from '../../db/schema/mail.ts';
import { makeGoods } from '../../db/schema/makegoods.ts';
import {
  complaints,
  corrections,
  departures,
  erasedIds,
  erasures,
  importFills,
  imports,
  merges,
  persons,
  resolutions,
  signals,
  suggestions,
  waits,
} from '../../db/schema/people.ts';
import { paymentEvents, rejoins, surpluses } from '../../db/schema/rejoin.ts';
import { finishedItems, roleOffers, steps, talks } from '../../db/schema/reonboarding.ts';
import { codes } from '../../db/schema/sessions.ts';
import { answerCheckin } from '../../src/checkins/answer.ts';
import { noAnswersByIssue } from '../../src/checkins/answers.ts';
import { tallyOf } from '../../src/checkins/tally.ts';
import { mintLink, openLink } from '../../src/invitations/links.ts';
import { requestNewLink } from '../../src/invitations/renew.ts';
import { countPeople, peoplePerIssue, peopleWhoTold } from '../../src/people/counts.ts';
import { type Erased, erasePerson, foldErasures } from '../../src/people/erase.ts';
import { everythingAbout } from '../../src/people/export.ts';
import { importFile } from '../../src/people/intake/import.ts';
import { NEUTRAL } from '../../src/people/intake/mapping.ts';
import { RECORDS } from '../../src/people/records.ts';
import { isSuppressed } from '../../src/people/suppression.ts';
import { onAnswered } from '../../src/reactions.ts';
import { rememberDevice } from '../../src/sessions/devices.ts';
import { newId } from '../../src/shared/ids.ts';
import { comeBack } from '../checkins/returned.ts';
import type { FreshDatabase } from '../support/database.ts';
import { must } from '../support/must.ts';
import { castPerson, later, NOW, seededDatabase } from '../support/seeded.ts';

/** In nobody else's data, and in no document. */
const MARKER = 'zyxmarker';
let db: FreshDatabase;
beforeEach(async () => {
  db = await seededDatabase();
});
afterEach(() => db.cleanup());

async function erase(personId: string): Promise<Erased> {
  return must(await db.write((tx) => erasePerson(tx, personId, NOW)));
}

/** How often the marker stands in the database's file and in its log. */
function bytes(): { file: number; log: number } {
  const count = (path: string) =>
    existsSync(path) ? readFileSync(path).toString('latin1').split(MARKER).length - 1 : 0;
  return { file: count(db.path), log: count(`${db.path}-wal`) };
}

/** Maya with a row in every table that can hold something about her, and the marker wherever text fits. */
async function fullLife(): Promise<string> {
  const { id: personId } = await castPerson(db.read, 'c-maya');
  const rejoin = await comeBack(db, 'c-maya', NOW);
  const mark = (tx: Tx) => [
    tx
      .update(persons)
      .set({ firstName: MARKER, lastName: MARKER, facts: { nickname: MARKER } })
      .where(eq(persons.id, personId)),
    tx
      .update(complaints)
      .set({ words: `${MARKER} ${'y'.repeat(9000)}`, note: MARKER })
      .where(eq(complaints.personId, personId)),
    tx
      .update(departures)
      .set({ planOrRole: MARKER, facts: { team: MARKER } })
      .where(eq(departures.personId, personId)),
    tx.update(rejoins).set({ state: 'ended', cardLabel: MARKER }).where(eq(rejoins.personId, personId)),
  ];
  await db.write(async (tx) => {
    for (const one of mark(tx)) await one;
    await mintLink(tx, { personId, purpose: 'page', days: 90 }, NOW);
    await rememberDevice(tx, personId, { steppedUp: true }, NOW);
    const at = NOW.getTime();
    await tx
      .insert(codes)
      .values({ id: newId(), personId, askedAt: at, expiresAt: at, triesLeft: 5, newAddress: MARKER });
    await tx
      .insert(signals)
      .values({ id: newId(), personId, kind: 'ticket', externalId: 't', happenedOn: '2026-03-01', note: MARKER });
    await tx.insert(corrections).values({ id: newId(), personId, right: false, words: MARKER, saidAt: at });
    await tx.insert(waits).values({ id: newId(), personId, issueId: 'large-files-slow', askedAt: at });
    const importId = newId();
    await tx
      .insert(imports)
      .values({ id: importId, fileName: 'people.csv', fileHash: '', mapping: 'x', startedAt: at });
    const filled = { importId, personId, what: 'persons' as const, rowId: personId };
    await tx.insert(importFills).values({ ...filled, id: newId(), before: { email: null }, after: { email: MARKER } });
    const [told] = await tx.select().from(complaints).where(eq(complaints.personId, personId)).limit(1);
    const proposed = { issueId: null, gap: null, share: 0.2, by: 'words' as const, because: [MARKER], others: [] };
    await tx
      .insert(suggestions)
      .values({ ...proposed, complaintId: told!.id, learnedFrom: 1, madeAt: at })
      .onConflictDoNothing();
    const owed = { amount: 960, currency: 'gbp', decidedBy: 'owen', decidedAt: at };
    await tx.insert(makeGoods).values({ id: newId(), personId, reason: MARKER, ...owed });
    await tx.insert(surpluses).values({ subscriptionId: MARKER, rejoinId: rejoin.id, why: 'second', foundAt: at });
    const asked = { askedBy: 'grace', askedAt: at, expiresAt: at, shownAs: MARKER, how: MARKER };
    const whom = { relation: 'complained', name: MARKER, address: 'maya@rennickpress.example' } as const;
    await tx.insert(confirmations).values({ id: newId(), proofId: 'exports-finish', personId, ...whom, ...asked });
    const other = await castPerson(tx, 'c-idris');
    const undo = { kept: { firstName: MARKER }, emptied: {}, moved: {} };
    await tx.insert(merges).values({ id: newId(), olderId: personId, newerId: other.id, proposedAt: at, undo });
    await tx.insert(batches).values({ id: 'one', choice: {}, purpose: 'letters', by: 'grace', at });
    await tx.insert(chosen).values({ batchId: 'one', personId, as: 'invited', at });
    const looked = { choice: {}, by: 'ruth', at, asked: 0 };
    await tx.insert(choosings).values({ ...looked, id: newId(), personId });
    await tx.insert(windowOverrides).values({ personId, reason: MARKER, by: 'ruth', at });
    await tx.insert(postponed).values({ personId, reason: MARKER, by: 'grace', at, until: at });
    const [written] = await tx.select().from(letters).where(eq(letters.personId, personId)).limit(1);
    await tx
      .insert(bounces)
      .values({ id: newId(), letterId: written!.id, report: MARKER, kind: 'soft', said: MARKER, at });
    await tx
      .insert(paymentEvents)
      .values({ id: MARKER, type: 'x', subscriptionId: rejoin.subscriptionId, receivedAt: at });
    await tx
      .insert(promises)
      .values({ id: newId(), personId, rejoinId: rejoin.id, what: MARKER, owner: 'priya', dueOn: '2026-12-01' });
    const [complaint] = await tx.select().from(complaints).where(eq(complaints.personId, personId)).limit(1);
    await tx.update(complaints).set({ releasedAt: at, releasedBy: MARKER }).where(eq(complaints.id, complaint!.id));
    await tx.insert(talks).values({ id: newId(), personId, roleId: 'support-adviser', askedAt: at });
    const finished = { kind: MARKER, finishedOn: '2025-01-01', note: MARKER, source: MARKER };
    await tx.insert(finishedItems).values({ id: newId(), personId, ...finished });
    const role = { roleId: 'support-adviser', roleHash: 'r', startOn: '2027-01-11', payBand: MARKER, issuedBy: 'ruth' };
    const text = { terms: MARKER, termsHash: 't', answerBy: '2026-12-13', acceptedName: MARKER };
    const offerId = newId();
    await tx.insert(roleOffers).values({ id: offerId, personId, version: 1, issuedAt: at, ...role, ...text });
    await tx.insert(steps).values({ id: newId(), offerId, itemId: 'data-policy', dueOn: '2027-01-12' });
    const [question] = await tx.select().from(checkins).where(eq(checkins.personId, personId)).limit(1);
    await tx.update(checkins).set({ askedAt: at, words: MARKER }).where(eq(checkins.id, question!.id));
    await answerCheckin(tx, question!.id, 'no', onAnswered, NOW);
    const [reopening] = await tx.select().from(reopenings);
    await tx.insert(ownerAnswers).values({ id: newId(), reopeningId: reopening!.id, by: 'priya', words: MARKER, at });
  });
  return personId;
}

const rowsOf = async (personId: string) => {
  const left: Record<string, number> = {};
  for (const { table, where } of RECORDS) {
    const rows = await db.read
      .select(getTableColumns(table))
      .from(table)
      .where(where({ reader: db.read, people: [personId], addresses: ['maya@rennickpress.example'] }));
    left[getTableName(table)] = rows.length;
  }
  return left;
};

test('erased, a person is in no table, and their bytes are in neither the file nor its log', async () => {
  const personId = await fullLife();
  const before = await rowsOf(personId);
  expect(Object.entries(before).filter(([table, rows]) => rows === 0 && table !== 'suppressions')).toEqual([]);
  expect(bytes().log + bytes().file).toBeGreaterThan(20);

  const began = performance.now();
  const { letterIds } = await erase(personId);
  expect(await foldErasures(db, NOW)).toBe(1);
  expect(performance.now() - began).toBeLessThan(2000);
  expect(letterIds.length).toBeGreaterThan(0);
  expect(
    Object.entries(await rowsOf(personId)).filter(([table, rows]) => rows > 0 && table !== 'suppressions'),
  ).toEqual([]);
  expect(bytes()).toEqual({ file: 0, log: 0 });
  expect(readFileSync(db.path).includes('maya@rennickpress')).toBe(false);
  expect(await db.read.select().from(erasures)).toMatchObject([{ foldedAt: NOW.getTime() }]);
  expect(await db.read.all(sql`pragma integrity_check`)).toEqual([['ok']]);
});

test('the byte search finds what is there: with deleting alone the marker stays in the log', async () => {
  const personId = await fullLife();
  await erase(personId);
  expect(bytes().log).toBeGreaterThan(0);
});

test('an import brings an erased person back by no id: not by record, not by address, not by billing number', async () => {
  const { id } = await castPerson(db.read, 'c-maya');
  await erase(id);
  const file = join(db.path, '..', 'again.csv');
  const header = 'source,person_id,kind,first_name,email,billing_id,left_on,plan_or_role,complaint_id,words\n';
  const rows = [
    'cast,c-maya,customer,Maya,,,2026-06-02,Team,x-1,the same record without its address',
    'crm,77,customer,Maya,Maya@RennickPress.example,,2026-06-02,Team,x-2,the same address from elsewhere',
    'crm,78,customer,Maya,,cus_maya,2026-06-02,Team,x-3,the same billing number from elsewhere',
    'crm,79,customer,Other,other@rennickpress.example,,2026-06-02,Team,x-4,somebody else',
  ];
  await writeFile(file, `${header}${rows.join('\n')}\n`);
  const report = must(await importFile(db, { path: file, mapping: NEUTRAL, now: later(1000) }));
  expect(report.imported).toBe(1);
  expect(report.refused.map(({ line, sentence }) => [line, sentence])).toEqual(
    [2, 3, 4].map((line) => [line, 'This person had everything about them erased. They are not taken in again.']),
  );
  expect(await isSuppressed(db.read, 'MAYA@rennickpress.example')).toBe(true);
});

test('what stays names nobody: without the key no id and no address can be found in it', async () => {
  const { id } = await castPerson(db.read, 'c-maya');
  await erase(id);
  const kept = (await db.read.select().from(erasedIds)).map(({ hash }) => hash.toString('hex'));
  expect(kept).toHaveLength(2);
  const { hashSecret } = await import('../../src/shared/secrets.ts');
  for (const guess of ['cast:c-maya', 'c-maya', 'maya@rennickpress.example', 'cus_maya', 'billing:cus_maya']) {
    expect(kept).not.toContain(hashSecret(guess).toString('hex'));
  }
});

test('the link of an erased person is as dead as one that never was, and no new one is sent', async () => {
  const person = await castPerson(db.read, 'c-maya');
  const token = await db.write((tx) => mintLink(tx, { personId: person.id, purpose: 'page', days: 90 }, NOW));
  await erase(person.id);
  expect(await openLink(db.read, token, 'page', { deviceSecret: undefined, freshDays: 30 }, NOW)).toBeNull();
  await db.write((tx) => requestNewLink(tx, token, NOW));
  expect(await db.read.$count(letters)).toBe(0);
});

describe('what is public does not improve because somebody is erased', () => {
  test('as many people have told us, in all and of each issue', async () => {
    const { id } = await castPerson(db.read, 'c-maya');
    const before = { all: await peopleWhoTold(db.read), each: await peoplePerIssue(db.read) };
    await erase(id);
    await countPeople(db, NOW);
    expect(await peopleWhoTold(db.read)).toEqual(before.all);
    expect(await peoplePerIssue(db.read)).toEqual(before.each);
  });

  test('nor does it rise when they are erased while everybody is counted', async () => {
    const { id } = await castPerson(db.read, 'c-maya');
    const before = { all: await peopleWhoTold(db.read), each: await peoplePerIssue(db.read) };
    await Promise.all([countPeople(db, NOW), erase(id)]);
    expect(await peopleWhoTold(db.read)).toEqual(before.all);
    expect(await peoplePerIssue(db.read)).toEqual(before.each);
  });

  test('their “no” still counts, and so does that they were asked', async () => {
    const personId = await fullLife();
    const before = {
      tally: await tallyOf(db.read, 'exports-failed'),
      no: (await noAnswersByIssue(db.read)).get('exports-failed'),
    };
    expect(before.tally).toEqual({ asked: 1, yes: 0, no: 1, notSure: 0 });
    await erase(personId);
    expect(await tallyOf(db.read, 'exports-failed')).toEqual(before.tally);
    const after = (await noAnswersByIssue(db.read)).get('exports-failed')!;
    expect(after.map(({ on }) => on)).toEqual(before.no!.map(({ on }) => on));
    expect(after[0]!.personId).not.toBe(personId);
  });
});

test('nobody else loses a row', async () => {
  const { id } = await castPerson(db.read, 'c-maya');
  const count = async () => [
    await db.read.$count(persons),
    await db.read.$count(complaints),
    await db.read.$count(resolutions),
  ];
  const [people, told, resolved] = await count();
  await erase(id);
  expect(await count()).toEqual([people! - 1, told! - 4, resolved! - 3]);
});

test('every record with the same address goes, because the address was proven, and another person stays', async () => {
  const maya = await castPerson(db.read, 'c-maya');
  await db.write((tx) => tx.insert(persons).values({ ...maya, id: newId(), source: 'crm', externalId: '9' }));
  expect((await erase(maya.id)).records).toBe(2);
  expect(await db.read.$count(persons, eq(persons.emailNorm, maya.emailNorm!))).toBe(0);
});

test('who pays us ends that first; a plan that was cancelled stands in nobody’s way', async () => {
  const { id } = await castPerson(db.read, 'c-maya');
  const rejoin = await comeBack(db, 'c-maya', NOW);
  const refused = await db.write((tx) => erasePerson(tx, id, NOW));
  expect(refused).toMatchObject({ code: 'plan-runs', sentence: expect.stringContaining('1 January 2027') });
  expect(await db.read.$count(persons, eq(persons.id, id))).toBe(1);
  await db.write((tx) => tx.update(rejoins).set({ state: 'paying' }).where(eq(rejoins.id, rejoin.id)));
  expect(await db.write((tx) => erasePerson(tx, id, NOW))).toMatchObject({ code: 'payment-under-way' });
  await db.write((tx) => tx.update(rejoins).set({ state: 'active', cancelledAt: 1 }).where(eq(rejoins.id, rejoin.id)));
  expect((await erase(id)).records).toBe(1);
});

describe('everything about a person', () => {
  test('the export has a row of every kind, days as days and instants as instants, and no fingerprint', async () => {
    const personId = await fullLife();
    const held = await everythingAbout(db.read, personId);
    expect(held[0]).toMatchObject({ table: 'persons', rows: [{ email: 'maya@rennickpress.example' }] });
    expect(held.map(({ table }) => table).toSorted()).toEqual(
      RECORDS.map(({ table }) => getTableName(table))
        .filter((table) => table !== 'suppressions')
        .toSorted(),
    );
    const text = JSON.stringify(held);
    expect(/"hash":|[0-9a-f]{64}/.test(text)).toBe(false);
    expect(held.find(({ table }) => table === 'departures')!.rows[0]).toMatchObject({ leftOn: '2026-06-02' });
    expect(held.find(({ table }) => table === 'waits')!.rows[0]).toMatchObject({ askedAt: NOW.toISOString() });
  });

  test('it holds nothing of anybody else', async () => {
    const personId = await fullLife();
    const others = await db.read.select().from(persons);
    const text = JSON.stringify(await everythingAbout(db.read, personId));
    for (const other of others.filter(({ id }) => id !== personId)) {
      expect(text.includes(other.id)).toBe(false);
      if (other.email) expect(text.includes(other.email)).toBe(false);
    }
    expect(text.includes('northline.example')).toBe(false);
  });
});
