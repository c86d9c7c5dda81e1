import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { letters } from '../../db/schema/mail.ts';
import { persons } from '../../db/schema/people.ts';
import { finishedItems, roleOffers, steps } from '../../db/schema/reonboarding.ts';
import type { Person } from '../../src/invitations/links.ts';
import { publishedSite } from '../../src/proofs/published.ts';
import { onAccepted, onDeclined, onTakenBack } from '../../src/reactions.ts';
import {
  acceptOffer,
  declineOffer,
  hashOf,
  issueOffer,
  newestOffer,
  offerState,
  type RoleOffer,
  takeBack,
} from '../../src/reonboarding/offer.ts';
import { finishOwn, finishTask, mintTaskLink, openTask, planSteps, weekOf } from '../../src/reonboarding/steps.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import type { FreshDatabase } from '../support/database.ts';
import { castPerson, DAY_MS, later, NOW, seededDatabase } from '../support/seeded.ts';

const ZONE = 'Europe/London';
const TODAY = '2026-11-22';
let db: FreshDatabase;
let tariq: Person;
let offer: RoleOffer;
beforeEach(async () => {
  db = await seededDatabase();
  tariq = await castPerson(db.read, 'e-tariq');
  offer = (await newestOffer(db.read, tariq.id))!;
});
afterEach(() => db.cleanup());

const accept = (fields: Partial<Parameters<typeof acceptOffer>[1]> = {}, today = TODAY) =>
  db.write((tx) =>
    acceptOffer(
      tx,
      { personId: tariq.id, offerId: offer.id, name: 'Tariq Mahmood', hash: offer.termsHash, ...fields },
      onAccepted,
      today,
      NOW,
    ),
  );
const issue = async (fields: Partial<Parameters<typeof issueOffer>[1]> = {}) => {
  const site = await publishedSite(db.read);
  const asked = {
    personId: tariq.id,
    roleId: 'support-adviser',
    startOn: '2027-02-01',
    payBand: '£31,000 a year for a full week.',
    serviceFrom: null,
    answerBy: '2026-12-20',
    by: 'ruth',
    ...fields,
  };
  return db.write((tx) => issueOffer(tx, asked, site, NOW));
};

describe('The leaver of ten months ago', () => {
  test('twelve finished, three changed, one expired: exactly four things to do, and eight carried over', async () => {
    const finished = await db.read.select().from(finishedItems).where(eq(finishedItems.personId, tariq.id));
    expect(finished).toHaveLength(12);
    const week = await weekOf(db.read, offer, ZONE);
    expect(week.todo.map(({ item, because }) => [item.id, because])).toEqual([
      ['data-policy', 'changed'],
      ['emergency-contact', 'changed'],
      ['rota-rules', 'changed'],
      ['screen-and-chair', 'expired'],
    ]);
    expect(week.carried).toHaveLength(8);
    expect(week.carried.find(({ item }) => item.id === 'fire-safety')).toMatchObject({ until: '2027-09-10' });
    expect(week.carried.find(({ item }) => item.id === 'confidentiality')).toMatchObject({ until: null });
    expect(week.waiting.map(({ item }) => item.data.owner).toSorted()).toEqual(['leila', 'mei', 'ruth']);
    expect(week.different.map(({ item }) => item.id)).toEqual(['what-is-different']);
  });

  test('what he does is done once, and what is not his to do is passed over', async () => {
    await accept();
    const ids = ['data-policy', 'right-to-work', 'nonsense'];
    expect(await db.write((tx) => finishOwn(tx, offer, ids, ZONE, NOW))).toBe(1);
    expect(await db.write((tx) => finishOwn(tx, offer, ids, ZONE, NOW))).toBe(0);
    const week = await weekOf(db.read, offer, ZONE);
    expect(week.todo.filter(({ doneOn }) => doneOn === null)).toHaveLength(3);
    const done = week.todo.find(({ item }) => item.id === 'data-policy');
    expect(done).toMatchObject({ doneOn: TODAY, step: { doneBy: 'person', contentHash: done!.item.hash } });
  });
});

describe('Accepting', () => {
  test('records name, time and fingerprint, mails the whole text, and asks each colleague once', async () => {
    const done = await accept();
    expect(done).toMatchObject({ offer: { acceptedName: 'Tariq Mahmood', acceptedHash: hashOf(offer.terms) } });
    const sent = await db.read.select().from(letters);
    const copy = sent.find(({ kind }) => kind === 'role-accepted');
    expect(copy?.toAddress).toBe(tariq.email);
    expect(copy?.body).toContain(offer.terms);
    expect(copy?.body).toContain(offer.termsHash);
    expect(sent.filter(({ kind }) => kind === 'task').map(({ toAddress }) => toAddress.split('@')[0])).toEqual(
      expect.arrayContaining(['mei-lin.tan', 'ruth.abernethy', 'leila.haddad']),
    );
    expect(await db.read.select().from(steps)).toHaveLength(4 + 3 + 1);
  });

  test('twenty presses at once accept once, and the second finds the first', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => accept()));
    expect(all.filter(isRefusal)).toEqual([]);
    const sent = await db.read.select().from(letters);
    expect(sent.filter(({ kind }) => kind === 'role-accepted')).toHaveLength(1);
    expect(sent.filter(({ kind }) => kind === 'task')).toHaveLength(3);
  });

  test('another text than the one that stands, another person, a day too late and no name are refused', async () => {
    const joanna = await castPerson(db.read, 'e-joanna');
    for (const wrong of [{ hash: hashOf('another text') }, { personId: joanna.id }, { name: ' ' }]) {
      expect(isRefusal(await accept(wrong)), JSON.stringify(wrong)).toBe(true);
    }
    expect(isRefusal(await accept({}, '2026-12-14'))).toBe(true);
    expect(offerState((await newestOffer(db.read, tariq.id))!, TODAY)).toBe('open');
  });

  test('it is taken back until the day before, in one press, and then no task opens', async () => {
    await accept();
    const [task] = await db.read.select().from(steps).where(eq(steps.owner, 'ruth'));
    const token = await db.write((tx) => mintTaskLink(tx, task!.id));
    expect(await openTask(db.read, token)).not.toBeNull();
    const first = await db.write((tx) => takeBack(tx, tariq.id, onTakenBack, offer.startOn, NOW));
    expect(isRefusal(first)).toBe(true);
    for (const _ of [1, 2]) {
      const taken = await db.write((tx) => takeBack(tx, tariq.id, onTakenBack, '2026-12-01', NOW));
      expect(taken).toMatchObject({ offer: { withdrawnBy: 'person' } });
    }
    expect(await openTask(db.read, token)).toBeNull();
    const sent = await db.read.select().from(letters);
    expect(sent.filter(({ kind }) => kind === 'role-withdrawn')).toHaveLength(1);
  });

  test('“No thanks” declines the offer and every later one', async () => {
    await db.write((tx) => declineOffer(tx, tariq.id, onDeclined, NOW));
    expect(offerState((await newestOffer(db.read, tariq.id))!, TODAY)).toBe('declined');
    expect(isRefusal(await accept())).toBe(true);
    expect(await issue()).toMatchObject({ code: 'person' });
  });
});

describe('Issuing', () => {
  test('a new version replaces the old one, which can’t be accepted any more', async () => {
    expect(await issue()).toMatchObject({ offer: { version: 2 } });
    expect(isRefusal(await accept())).toBe(true);
    expect(await db.read.select().from(roleOffers).where(eq(roleOffers.personId, tariq.id))).toHaveLength(2);
  });

  test('each of these is refused, naming its field', async () => {
    const joanna = await castPerson(db.read, 'e-joanna');
    const maya = await castPerson(db.read, 'c-maya');
    const carl = await castPerson(db.read, 'e-carl');
    const cases: [Parameters<typeof issue>[0], string][] = [
      [{ personId: joanna.id, roleId: 'data-analyst' }, 'role'],
      [{ personId: maya.id }, 'person'],
      [{ personId: carl.id }, 'person'],
      [{ roleId: 'nothing' }, 'role'],
      [{ startOn: TODAY }, 'startOn'],
      [{ startOn: '2027-02-30' }, 'startOn'],
      [{ serviceFrom: '2027-01-01' }, 'serviceFrom'],
      [{ answerBy: '2026-12-05' }, 'answerBy'],
      [{ answerBy: '2027-02-01' }, 'answerBy'],
      [{ payBand: 'A signing bonus of £2,000.' }, 'payBand'],
    ];
    for (const [fields, code] of cases) expect(await issue(fields), JSON.stringify(fields)).toMatchObject({ code });
    expect(await issue({ answerBy: '2026-12-06' })).toMatchObject({ offer: { version: 2 } });
  });

  test('after an acceptance no other can be issued', async () => {
    await accept();
    expect(await issue()).toMatchObject({ code: 'person' });
  });
});

describe('A colleague’s task', () => {
  test('opens by its newest link alone, and the first press stands', async () => {
    await accept();
    const [task] = await db.read.select().from(steps).where(eq(steps.owner, 'mei'));
    const [old, token] = [
      await db.write((tx) => mintTaskLink(tx, task!.id)),
      await db.write((tx) => mintTaskLink(tx, task!.id)),
    ];
    expect(await openTask(db.read, old)).toBeNull();
    expect(await openTask(db.read, `${token}x`)).toBeNull();
    expect((await openTask(db.read, token))?.step.id).toBe(task!.id);
    await db.write((tx) => finishTask(tx, task!.id, 'mei', NOW));
    const again = await db.write((tx) => finishTask(tx, task!.id, 'ruth', later(DAY_MS)));
    expect(again).toMatchObject({ doneBy: 'mei', doneAt: NOW.getTime() });
  });

  test('planning twice adds nothing', async () => {
    await accept();
    expect(await db.write((tx) => planSteps(tx, offer, ZONE))).toEqual([]);
  });
});

test('nobody’s letter about an offer says what they told us', async () => {
  await accept();
  const sent = await db.read.select().from(letters);
  const [person] = await db.read.select().from(persons).where(eq(persons.id, tariq.id));
  for (const { body, subject } of sent) {
    expect(`${subject} ${body}`).not.toMatch(/nurse|finding out|shifts changed|My shifts/i);
  }
  expect(person?.declinedAt).toBeNull();
});
