import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { insertRows } from '../../db/bulk.ts';
import { checkins } from '../../db/schema/checkins.ts';
import { batches, chosen, links } from '../../db/schema/invitations.ts';
import { complaints, corrections, departures, persons, waits } from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { roleOffers } from '../../db/schema/reonboarding.ts';
import { difference } from '../../src/invitations/lift.ts';
import { outcomes } from '../../src/invitations/outcomes.ts';
import { newId } from '../../src/shared/ids.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { DAY_MS, issuesAt, later, NOW, seededDatabase } from '../support/seeded.ts';
import { chance } from './chance.ts';
import { invited, leftOverExports } from './many.ts';
import { backAgain, backTogether } from './returns.ts';

let db: FreshDatabase;
beforeAll(async () => {
  db = await seededDatabase();
});
afterAll(() => db.cleanup());

test('each number of an invited crowd is what happened to it', async () => {
  const ids = await leftOverExports(db, 40, NOW, 'o');
  const at = NOW.getTime();
  const on = (day: number) => at + day * DAY_MS;
  await db.write(async (tx) => {
    for (const [index, personId] of ids.entries()) {
      await invited(tx, personId, at, { sentAt: index < 30 ? at : null, boundAt: index < 20 ? on(1) : null });
      if (index < 4)
        await tx.insert(waits).values({ id: newId(), personId, issueId: 'large-files-slow', askedAt: on(1) });
      if (index >= 25 && index < 28)
        await tx.insert(corrections).values({ id: newId(), personId, right: false, saidAt: on(1) });
    }
    // Fifteen come back; of these one undoes it on day 3, two leave on days 50 and 89, one on day 95.
    for (const [index, personId] of ids.slice(0, 15).entries()) {
      const id = await backAgain(tx, personId, on(2));
      if (index === 0)
        await tx
          .update(rejoins)
          .set({ state: 'undone', undoneAt: on(5) })
          .where(eq(rejoins.id, id));
      const leaves = { 1: 50, 2: 89, 3: 95 }[index];
      if (leaves) {
        await tx.update(rejoins).set({ state: 'ended' }).where(eq(rejoins.id, id));
        const leftOn = new Date(on(2 + leaves)).toISOString().slice(0, 10);
        await tx
          .insert(departures)
          .values({ id: newId(), personId, externalId: `sub_${id}`, leftOn, facts: {}, createdAt: 0 });
      }
      if (index >= 3 && index < 13) {
        const [complaint] = await tx.select().from(complaints).where(eq(complaints.personId, personId));
        const question = {
          personId,
          rejoinId: id,
          complaintId: complaint!.id,
          issueId: 'exports-failed',
          dueOn: '2027-01-01',
        };
        await tx.insert(checkins).values({
          ...question,
          id: newId(),
          day: 7,
          askedAt: on(9),
          answer: index < 9 ? 'yes' : null,
          answeredAt: index < 9 ? on(9) : null,
        });
        if (index === 3)
          await tx
            .insert(checkins)
            .values({ ...question, id: newId(), day: 30, askedAt: on(32), answer: 'no', answeredAt: on(33) });
      }
    }
  });
  const later100 = later(100 * DAY_MS);
  const { groups, stays, told, queries } = await outcomes(db.read, await issuesAt(db.read, NOW), later100);
  const expected = {
    invited: 30,
    opened: 20,
    askedToBeTold: 4,
    returned: 15,
    returnedLongAgo: 15,
    here: 12,
    asked: 10,
    answered: 6,
    saidFixed: 5,
    saidNo: 1,
    gotWrong: 3,
  };
  for (const [by, key] of [
    ['all', ''],
    ['issue', 'exports-failed'],
    ['gap', 'experience'],
    ['proof', 'exports-finish'],
  ]) {
    expect(
      groups.find((one) => one.by === by && one.key === key && one.kind === 'customer'),
      by,
    ).toEqual({ by, key, kind: 'customer', ...expected });
  }
  expect(stays[0]!.steps.map(({ day, atRisk }) => [day, atRisk])).toEqual([
    [0, 15],
    [3, 15],
    [49, 14],
    [88, 13],
    [94, 12],
  ]);
  // The change was made on 15 June: all thirty were told on 22 November.
  const [all] = told;
  expect(all).toMatchObject({ people: 30, bands: [0, 0, 0, 30, 0] });
  expect(all!.median).toBeGreaterThan(90);
  // What is shown is what ran: each runs by itself, and none knows who signed.
  for (const query of queries) {
    expect((await db.read.all(sql.raw(query.sql))).length, query.name).toBeGreaterThanOrEqual(
      query.name === 'lift' ? 0 : 1,
    );
    expect(query.sql).not.toMatch(/signed_by|confirmed_by|staff|b\."?by"?\b|opened_by/i);
  }
  // Before ninety days have passed nobody can have been here for ninety.
  const early = await outcomes(db.read, await issuesAt(db.read, NOW), later(20 * DAY_MS));
  expect(early.groups.find(({ by }) => by === 'all')).toMatchObject({ returned: 15, returnedLongAgo: 0, here: 0 });
});

test('a colleague who works here again counts from the first day, and a link for another tool counts as an invitation', async () => {
  const at = NOW.getTime();
  const [person] = await db.read.select().from(persons).where(eq(persons.externalId, 'e-tariq'));
  await db.write(async (tx) => {
    await tx.insert(batches).values({ id: 'b-links', choice: {}, purpose: 'links', by: 'ruth', at });
    await tx.insert(chosen).values({
      batchId: 'b-links',
      personId: person!.id,
      as: 'invited',
      at,
      issueId: 'shifts-changed-late',
      gap: 'experience',
    });
    await tx.insert(links).values({
      hash: Buffer.alloc(32, 7),
      personId: person!.id,
      purpose: 'page',
      batchId: 'b-links',
      mintedAt: at,
      expiresAt: at + 1,
    });
    const offer = {
      personId: person!.id,
      version: 9,
      roleId: 'x',
      roleHash: 'x',
      payBand: 'x',
      terms: 'x',
      termsHash: 'x',
      answerBy: '2026-12-01',
      issuedBy: 'ruth',
    };
    await tx.insert(roleOffers).values({ ...offer, id: 'o', startOn: '2027-01-04', issuedAt: at, acceptedAt: at + 1 });
  });
  const find = async (days: number) =>
    (await outcomes(db.read, await issuesAt(db.read, NOW), later(days * DAY_MS))).groups.find(
      ({ by, kind }) => by === 'all' && kind === 'employee',
    );
  expect(await find(30)).toMatchObject({ invited: 1, returned: 0 });
  expect(await find(60)).toMatchObject({ invited: 1, returned: 1, returnedLongAgo: 0 });
  expect(await find(140)).toMatchObject({ returned: 1, returnedLongAgo: 1, here: 1 });
});

test('of 200 populations with a known effect, in the real tables, the interval covers it in about 190; whoever asked to be told is in neither half', {
  timeout: 120_000,
}, async () => {
  const one = await freshDatabase();
  const next = chance(2);
  const at = NOW.getTime();
  type Rows = {
    persons: (typeof persons.$inferSelect)[];
    chosen: (typeof chosen.$inferSelect)[];
    waits: (typeof waits.$inferSelect)[];
    back: string[];
  };
  const rows: Rows = { persons: [], chosen: [], waits: [], back: [] };
  for (let run = 0; run < 200; run += 1) {
    for (let index = 0; index < 400; index += 1) {
      const id = `${run}-${index}`;
      const person = {
        id,
        kind: 'customer' as const,
        source: 's',
        externalId: id,
        firstName: null,
        lastName: null,
        email: null,
        emailNorm: null,
      };
      rows.persons.push({
        ...person,
        timeZone: null,
        billingId: null,
        facts: {},
        importId: null,
        createdAt: 0,
        declinedAt: null,
      });
      // Every twentieth had asked to be told: they come back far more often, and would spoil the comparison.
      const asked = index % 20 === 0;
      const as = !asked && next() < 0.2 ? 'holdout' : 'invited';
      rows.chosen.push({ batchId: 'b', personId: id, as, at, issueId: `run-${run}`, gap: null, proofId: null });
      if (asked) rows.waits.push({ id, personId: id, issueId: `run-${run}`, askedAt: at - 1, toldAt: null });
      if (next() < (asked ? 0.8 : as === 'invited' ? 0.2 : 0.08)) rows.back.push(id);
    }
  }
  await one.write(async (tx) => {
    await tx.insert(batches).values({ id: 'b', choice: {}, purpose: 'letters', by: 'ruth', at });
    await insertRows(tx, persons, rows.persons);
    await insertRows(tx, chosen, rows.chosen);
    await insertRows(tx, waits, rows.waits);
  });
  await one.write((tx) => backTogether(tx, rows.back, at + DAY_MS));
  const { compared } = await outcomes(one.read, [], later(91 * DAY_MS));
  const runs = compared.filter(({ by }) => by === 'issue');
  expect(runs.length).toBe(200);
  expect(runs.every(({ invited, holdout }) => invited.of + holdout.of === 380)).toBe(true);
  const covered = runs.filter(({ invited, holdout }) => {
    const { low, high } = difference(invited, holdout);
    return low <= 0.12 && 0.12 <= high;
  }).length;
  console.log(`200 populations in the tables: covered ${covered}.`);
  expect(covered).toBeGreaterThanOrEqual(181);
  // Ninety days have not passed: nothing to compare, and it is known since when.
  const early = (await outcomes(one.read, [], later(80 * DAY_MS))).compared.find(({ by }) => by === 'all')!;
  expect(early).toMatchObject({ invited: { of: 0, people: 0 }, holdout: { of: 0, people: 0 }, since: at });
  expect(early.chosen.invited + early.chosen.holdout).toBe(200 * 380);
  await one.cleanup();
});
