import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkins, promises, reopenings } from '../../db/schema/checkins.ts';
import { letters } from '../../db/schema/mail.ts';
import { complaints } from '../../db/schema/people.ts';
import { answerCheckin } from '../../src/checkins/answer.ts';
import { promisesFor } from '../../src/checkins/promises.ts';
import { askDueCheckins } from '../../src/checkins/schedule.ts';
import { gateFacts } from '../../src/invitations/facts.ts';
import { mayInvite } from '../../src/invitations/gate.ts';
import { publishedSite } from '../../src/proofs/published.ts';
import { onAccepted, onAnswered, onTakenBack } from '../../src/reactions.ts';
import { acceptOffer, newestOffer, type RoleOffer, takeBack } from '../../src/reonboarding/offer.ts';
import { addDays } from '../../src/shared/dates.ts';
import type { FreshDatabase } from '../support/database.ts';
import { castPerson, issuesAt, NOW, seededDatabase } from '../support/seeded.ts';

const TODAY = '2026-11-22';
let db: FreshDatabase;
let tariq: string;
let offer: RoleOffer;
beforeEach(async () => {
  db = await seededDatabase();
  tariq = (await castPerson(db.read, 'e-tariq')).id;
  offer = (await newestOffer(db.read, tariq))!;
});
afterEach(() => db.cleanup());

const accept = () =>
  db.write((tx) =>
    acceptOffer(
      tx,
      { personId: tariq, offerId: offer.id, name: 'Tariq Mahmood', hash: offer.termsHash },
      onAccepted,
      TODAY,
      NOW,
    ),
  );
const theirs = () => db.read.select().from(checkins).where(eq(checkins.personId, tariq));
const noon = (day: string) => new Date(`${day}T12:00:00Z`);

/** Day 1 has come, was asked, and was answered by a no. */
async function saysNo(): Promise<void> {
  await accept();
  const day = noon(addDays(offer.startOn, 1));
  expect(await askDueCheckins(db, await issuesAt(db.read, day), day)).toBe(1);
  const [asked] = (await theirs()).filter(({ askedAt }) => askedAt !== null);
  await db.write((tx) => answerCheckin(tx, asked!.id, 'no', onAnswered, day));
}
const alerts = async () =>
  (await db.read.select().from(letters)).filter(({ kind }) => kind === 'owner-alert').map(({ toAddress }) => toAddress);
const concerns = (whom: string) =>
  db.write((tx) => tx.update(complaints).set({ concerns: whom }).where(eq(complaints.personId, tariq)));

describe('After the first day', () => {
  test('questions stand for the days 1, 7, 30, 60 and 90 of work, about why he left', async () => {
    await accept();
    const planned = await theirs();
    expect(planned.map(({ day }) => day)).toEqual([1, 7, 30, 60, 90]);
    expect(new Set(planned.map(({ issueId }) => issueId))).toEqual(new Set(['shifts-changed-late']));
    for (const { day, dueOn } of planned) expect(dueOn >= addDays(offer.startOn, day)).toBe(true);
  });

  test('the letter that asks names neither the reason nor his words; two returned people get one each', async () => {
    await saysNo();
    const [asked] = (await db.read.select().from(letters)).filter(({ kind }) => kind === 'checkin-work');
    expect(asked!.subject + asked!.body).not.toMatch(/shift|rota|nurse|Thursday/i);
    expect(asked!.mint).toMatchObject({ link: 'page:question' });
  });

  test('a “no” goes to the owner and to HR', async () => {
    await saysNo();
    expect((await alerts()).toSorted()).toEqual(['mei-lin.tan@northline.example', 'ruth.abernethy@northline.example']);
  });

  test('and never to the person it concerns, however their name is written: HR answers then', async () => {
    await concerns(' mei-lin  TAN');
    await saysNo();
    expect(await alerts()).toEqual(['ruth.abernethy@northline.example']);
    expect(await db.read.select().from(reopenings)).toMatchObject([{ owner: 'ruth' }]);
  });

  test('the review of his next step is a promise with a day and an owner; taken back, nothing is owed or asked', async () => {
    await accept();
    const promised = await promisesFor(db.read, offer.id, 'Europe/London', NOW);
    expect(promised).toMatchObject([{ owner: 'tomasz', dueOn: addDays(offer.startOn, 180), state: 'open' }]);
    await db.write((tx) => takeBack(tx, tariq, onTakenBack, TODAY, NOW));
    expect((await theirs()).every(({ cancelledAt }) => cancelledAt !== null)).toBe(true);
    expect((await db.read.select().from(promises)).every(({ cancelledAt }) => cancelledAt !== null)).toBe(true);
  });
});

describe('The gate', () => {
  const refusals = async (personId: string) => {
    const site = await publishedSite(db.read);
    const [one] = await gateFacts(db.read, await issuesAt(db.read, NOW), TODAY, { personIds: [personId] });
    return mayInvite(one!.facts, site, TODAY).map(({ code }) => code);
  };
  test('lets Tariq through, and nobody under the manager whom their complaint concerns', async () => {
    expect(await refusals(tariq)).toEqual([]);
    await concerns('Mei-Lin Tan');
    expect(await refusals(tariq)).toEqual(['same-manager']);
  });
  test('knows that he is back once he accepted', async () => {
    await accept();
    expect(await refusals(tariq)).toContain('already-back');
  });
  test('keeps Joanna back while her next step is not decided', async () => {
    const joanna = await castPerson(db.read, 'e-joanna');
    expect(await refusals(joanna.id)).toContain('path-undecided');
  });
});
