import { eq, isNotNull } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { letters } from '../../db/schema/mail.ts';
import { complaints } from '../../db/schema/people.ts';
import { audit, type Role } from '../../db/schema/staff.ts';
import { tasks } from '../../src/jobs/rounds.ts';
import type { Site } from '../../src/proofs/documents.ts';
import { publishedSite } from '../../src/proofs/published.ts';
import { onAccepted, onOffered } from '../../src/reactions.ts';
import { writeTask } from '../../src/reonboarding/letters.ts';
import { acceptOffer, askToTalk, newestOffer } from '../../src/reonboarding/offer.ts';
import {
  csvOf,
  exportProgress,
  issueByHr,
  progressRows,
  remind,
  returningPeople,
  setRelease,
  talkHeld,
  toldBy,
  waitsOf,
} from '../../src/staff/returning.ts';
import type { FreshDatabase } from '../support/database.ts';
import { castPerson, DAY_MS, later, NOW, seededDatabase } from '../support/seeded.ts';

const RUTH = { id: 'ruth', name: 'Ruth Abernethy', roles: ['approver', 'hr'] as Role[] };

let db: FreshDatabase;
let site: Site;
let tariq: string;
beforeEach(async () => {
  db = await seededDatabase();
  site = await publishedSite(db.read);
  tariq = (await castPerson(db.read, 'e-tariq')).id;
});
afterEach(() => db.cleanup());

async function accepted() {
  const offer = (await newestOffer(db.read, tariq))!;
  const pressed = { personId: tariq, offerId: offer.id, name: 'Tariq Mahmood', hash: offer.termsHash };
  await db.write((tx) => acceptOffer(tx, pressed, onAccepted, '2026-11-22', NOW));
  return offer;
}
const remindOf = (stepId: string, now = NOW) =>
  db.write((tx) =>
    remind(tx, stepId, 'ruth', (t, offer, step, again) => writeTask(t, offer, step, site, now, again), site, now),
  );

describe('Who waits for whom', () => {
  test('before the answer one thing is waited for; after it, everything in one list by its day', async () => {
    const before = waitsOf(await returningPeople(db.read, site, NOW), '2026-11-22');
    expect(before.map(({ what, onUs }) => [what, onUs])).toEqual([['Their answer to the offer', false]]);
    await accepted();
    const waits = waitsOf(await returningPeople(db.read, site, NOW), '2026-11-22');
    expect(waits).toHaveLength(8);
    expect(waits.map(({ dueOn }) => dueOn)).toEqual(waits.map(({ dueOn }) => dueOn).toSorted());
    expect(waits.filter(({ onUs }) => onUs).map(({ on }) => on)).toEqual(['mei', 'ruth', 'leila']);
    const later = waitsOf(await returningPeople(db.read, site, NOW), '2027-01-01');
    expect(later.filter(({ late }) => late > 0).map(({ on, late }) => [on, late])).toEqual([['mei', 11]]);
  });

  test('a colleague is reminded once a day, with a new letter each time; the person is never', async () => {
    await accepted();
    const waits = waitsOf(await returningPeople(db.read, site, NOW), '2026-11-22');
    const [ours, theirs] = [waits.find(({ onUs }) => onUs)!, waits.find(({ onUs }) => !onUs)!];
    expect(await remindOf(ours.stepId!)).toBe(true);
    expect(await remindOf(ours.stepId!)).toMatchObject({ code: 'today' });
    expect(await remindOf(ours.stepId!, later(DAY_MS))).toBe(true);
    expect(await remindOf(theirs.stepId!)).toMatchObject({ code: 'not-open' });
    const sent = await db.read.select().from(letters);
    expect(sent.filter(({ cause }) => cause.startsWith(`task:${ours.stepId}`))).toHaveLength(3);
  });

  test('a colleague who is late is reminded once without anybody’s press', async () => {
    const offer = await accepted();
    const day = new Date(`${offer.startOn}T12:00:00Z`);
    expect(await tasks(db, NOW)).toBe(0);
    expect(await tasks(db, day)).toBe(3);
    expect(await tasks(db, later(DAY_MS, day))).toBe(0);
    const sent = await db.read.select().from(letters);
    expect(sent.filter(({ kind }) => kind === 'task')).toHaveLength(6);
  });

  test('whoever asked to talk is waited for too, two working days long, until HR says that it took place', async () => {
    const joanna = await castPerson(db.read, 'e-joanna');
    await db.write((tx) => askToTalk(tx, joanna.id, 'data-analyst', NOW));
    const talksOn = async () =>
      waitsOf(await returningPeople(db.read, site, NOW), '2026-11-25').filter(({ talkId }) => talkId !== null);
    const [talk] = await talksOn();
    expect(talk).toMatchObject({ person: 'Joanna Brzezicka', on: 'priya', onUs: true, dueOn: '2026-11-24', late: 1 });
    const held = () => db.write((tx) => talkHeld(tx, talk!.talkId!, 'ruth', NOW));
    expect(await held()).toBe(true);
    expect(await held()).toMatchObject({ code: 'not-open' });
    expect(await talksOn()).toEqual([]);
  });

  test('what is taken away as a file is written down, and that it was is all that is', async () => {
    await accepted();
    const rows = await db.write((tx) => exportProgress(tx, { by: 'ruth', as: 'csv' }, site, NOW));
    expect(rows).toHaveLength(16);
    const [deed] = (await db.read.select().from(audit)).filter(({ action }) => action === 'exported');
    expect(deed).toMatchObject({ staffId: 'ruth', subject: 'export:first-weeks.csv', detail: { rows: 16 } });
  });

  test('all of it can be taken away; a cell that a spreadsheet would run is kept from it', async () => {
    await accepted();
    const rows = progressRows(await returningPeople(db.read, site, NOW));
    expect(rows).toHaveLength(4 + 1 + 3 + 8);
    const csv = csvOf(rows);
    expect(csv.split('\r\n')[0]).toBe(
      'person,offer_version,start_on,item,section,because,waits_on,due_on,done_on,valid_until,basis',
    );
    expect(csvOf([{ ...rows[0]!, person: '=cmd|x', basis: 'a "b", c' }])).toContain(`'=cmd|x`);
    expect(csvOf([{ ...rows[0]!, basis: 'a "b", c' }])).toContain('"a ""b"", c"');
  });
});

describe('Releasing', () => {
  const idOf = async (ref: string) => (await db.read.select().from(complaints).where(eq(complaints.ref, ref)))[0]!.id;
  const set = async (ref: string, released: boolean, who = RUTH, now = NOW) =>
    db.write(async (tx) => setRelease(tx, { complaintId: await idOf(ref), released, who }, now));

  test('what was said in confidence or without a name can’t be, and isn’t even in the list', async () => {
    for (const ref of ['cast:c-168', 'cast:c-174'])
      expect(await set(ref, true)).toMatchObject({ code: 'confidential' });
    const eleni = await castPerson(db.read, 'e-174');
    expect(await toldBy(db.read, eleni.id, RUTH)).toEqual([]);
  });
  test('nor what a customer told us: that needs no release', async () => {
    expect(await set('cast:c-01', true)).toMatchObject({ code: 'unknown' });
  });
  test('it is taken back as easily, and both are in the record', async () => {
    expect(await set('cast:c-22', false)).toBe(true);
    expect(await db.read.$count(complaints, isNotNull(complaints.releasedAt))).toBe(1);
    expect(await set('cast:c-22', true)).toBe(true);
    const deeds = (await db.read.select().from(audit)).filter(({ subject }) => subject === 'complaint:cast:c-22');
    expect(deeds.map(({ action }) => action)).toEqual(['closed again', 'released words']);
  });
  test('pressed a second time, it was still whoever pressed first, and then', async () => {
    await set('cast:c-22', false);
    await set('cast:c-22', true);
    expect(await set('cast:c-22', true, { ...RUTH, id: 'leila' }, later(DAY_MS))).toBe(true);
    const [told] = await db.read.select().from(complaints).where(eq(complaints.ref, 'cast:c-22'));
    expect(told).toMatchObject({ releasedBy: 'ruth', releasedAt: NOW.getTime() });
    const deeds = (await db.read.select().from(audit)).filter(({ subject }) => subject === 'complaint:cast:c-22');
    expect(deeds).toHaveLength(2);
  });
});

test('an offer from the desk is recorded, and its letter carries neither pay nor reason', async () => {
  const asked = {
    personId: tariq,
    roleId: 'support-adviser',
    startOn: '2027-02-01',
    payBand: '£31,000 a year for a full week.',
    serviceFrom: '2022-03-14',
    answerBy: '2026-12-20',
    by: 'ruth',
  };
  expect(await db.write((tx) => issueByHr(tx, asked, site, onOffered, NOW))).toMatchObject({ offer: { version: 2 } });
  const [letter] = (await db.read.select().from(letters)).filter(({ kind }) => kind === 'role-offer');
  expect(letter!.subject + letter!.body).not.toMatch(/31,000|shift|rota|Adviser/);
  const deeds = await db.read.select().from(audit);
  expect(deeds.at(-1)).toMatchObject({ staffId: 'ruth', action: 'issued' });
});
