import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkins, promises, reopenings } from '../../db/schema/checkins.ts';
import { letters } from '../../db/schema/mail.ts';
import { complaints } from '../../db/schema/people.ts';
import { keptAcceptances, roleOffers, steps } from '../../db/schema/reonboarding.ts';
import type { Role } from '../../db/schema/staff.ts';
import { answerCheckin } from '../../src/checkins/answer.ts';
import { promisesFor } from '../../src/checkins/promises.ts';
import { passOnLate } from '../../src/checkins/reopen.ts';
import { askDueCheckins } from '../../src/checkins/schedule.ts';
import { tellReturned } from '../../src/checkins/tell.ts';
import { gateFacts } from '../../src/invitations/facts.ts';
import { mayInvite } from '../../src/invitations/gate.ts';
import { writeLetter } from '../../src/invitations/letters.ts';
import { erasePerson } from '../../src/people/erase.ts';
import { publishedSite } from '../../src/proofs/published.ts';
import { onAccepted, onAnswered, onLate, onTakenBack, onTalk } from '../../src/reactions.ts';
import { acceptOffer, issueOffer, newestOffer, type RoleOffer, takeBack } from '../../src/reonboarding/offer.ts';
import { addDays } from '../../src/shared/dates.ts';
import { answerNo, waitingOnUs } from '../../src/staff/answers.ts';
import { toldBy } from '../../src/staff/returning.ts';
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

describe('Whom the complaint concerns', () => {
  const sentAs = async (kind: string) => (await db.read.select().from(letters)).filter((one) => one.kind === kind);
  const lateOn = async () => {
    const [owed] = await db.read.select().from(reopenings);
    const day = noon(addDays(owed!.dueOn, 1));
    expect(await passOnLate(db, onLate, day)).toBe(1);
    return (await sentAs('owner-late')).map(({ toAddress }) => toAddress).toSorted();
  };

  test('what is late is passed on to whoever stands above, and to the owner', async () => {
    await saysNo();
    expect(await lateOn()).toEqual(['mei-lin.tan@northline.example', 'sander.dewit@northline.example']);
  });

  test.each([
    ['Sander de Wit', ['answers@northline.example', 'mei-lin.tan@northline.example']],
    ['SANDER', ['answers@northline.example', 'mei-lin.tan@northline.example']],
    ['Mei-Lin Tan', ['ruth.abernethy@northline.example', 'sander.dewit@northline.example']],
  ])('%s never reads that an answer is late', async (whom, readers) => {
    await concerns(whom);
    await saysNo();
    expect(await lateOn()).toEqual(readers);
  });

  test('at the desk they read neither the no nor what was said, though they are HR; another who is HR does', async () => {
    await concerns('Ruth Abernethy');
    await saysNo();
    const ruth = { id: 'ruth', name: 'Ruth Abernethy', roles: ['approver', 'hr'] as Role[] };
    const other = { id: 'other', name: 'Olu Bello', roles: ['hr'] as Role[] };
    const seenBy = async (who: typeof ruth) => (await waitingOnUs(db.read, who, noon('2027-01-13'))).answers[0]!;
    expect(await seenBy(ruth)).toMatchObject({ about: null, words: null, yours: false });
    expect(await seenBy(other)).toMatchObject({ about: { name: 'Tariq Mahmood' }, yours: true });
    const [owed] = await db.read.select().from(reopenings);
    const answer = { id: owed!.id, words: 'I have looked into it.', doneBy: '' };
    expect(await db.write((tx) => answerNo(tx, ruth, answer, noon('2027-01-13')))).toMatchObject({ code: 'not-yours' });
    expect(await toldBy(db.read, tariq, ruth)).toEqual([]);
    expect(await toldBy(db.read, tariq, other)).toHaveLength(1);
  });

  test('nobody is offered a role under them, nor led to them for a talk', async () => {
    await concerns('mei-lin tan');
    const site = await publishedSite(db.read);
    const asked = { personId: tariq, roleId: 'support-adviser', startOn: '2027-02-01', payBand: '£31,000 a year.' };
    const rest = { serviceFrom: null, answerBy: '2026-12-20', by: 'ruth' };
    expect(await db.write((tx) => issueOffer(tx, { ...asked, ...rest }, site, NOW))).toMatchObject({ code: 'role' });
    await db.write((tx) => onTalk(tx, { personId: tariq, roleId: 'support-adviser' }, NOW));
    expect((await sentAs('wants-to-talk')).map(({ toAddress }) => toAddress)).toEqual(['answers@northline.example']);
  });
});

test('no letter to him names a complaint: neither that it is fixed, nor that it came back, nor an answer', async () => {
  const person = await castPerson(db.read, 'e-tariq');
  for (const letter of ['fixed', 'came-back', 'owner-answer', 'checkin'] as const) {
    const slots = { issueTitle: 'My shifts changed', answer: 'The rota is fixed.', theirWords: 'a Thursday' };
    await db.write((tx) => writeLetter(tx, { letter, cause: letter, person, sender: 'Mei-Lin Tan', slots }, NOW));
  }
  const sent = (await db.read.select().from(letters)).filter(({ personId }) => personId === tariq);
  expect(sent.map(({ kind }) => kind)).toEqual(Array(4).fill('something-new'));
  for (const { subject, body, fromName, mint } of sent) {
    expect(subject + body + fromName).not.toMatch(/shift|rota|Thursday|fixed|Mei-Lin/i);
    expect(mint).toEqual({ link: 'page', stopLink: 'stop' });
  }
});

test('what crosses its limit is told to him too, and to nobody who took it back', async () => {
  const tell = (since: string) => db.write((tx) => tellReturned(tx, { issueId: 'shifts-changed-late', since }, NOW));
  expect(await tell('2026-11-20')).toBe(0);
  await accept();
  expect(await tell('2026-11-21')).toBe(1);
  expect(await tell('2026-11-21')).toBe(1);
  await db.write((tx) => takeBack(tx, tariq, onTakenBack, TODAY, NOW));
  expect(await tell('2026-11-22')).toBe(0);
  const told = (await db.read.select().from(letters)).filter(({ kind }) => kind === 'something-new');
  expect(told.map(({ toAddress }) => toAddress)).toEqual(['tariq.mahmood@post.example']);
});

describe('Deleting everything after accepting', () => {
  const erase = (now: Date) => db.write((tx) => erasePerson(tx, tariq, now));

  test('waits until he has begun, or has taken it back', async () => {
    await accept();
    expect(await erase(noon(addDays(offer.startOn, -1)))).toMatchObject({ code: 'awaited' });
    await db.write((tx) => takeBack(tx, tariq, onTakenBack, TODAY, NOW));
    expect(await erase(NOW)).toMatchObject({ records: 1 });
  });

  test('leaves the fingerprint of the text and the time, and nobody’s name', async () => {
    await accept();
    expect(await erase(noon(offer.startOn))).toMatchObject({ records: 1 });
    const kept = await db.read.select().from(keptAcceptances);
    expect(kept).toMatchObject([{ termsHash: offer.termsHash, acceptedAt: NOW.getTime() }]);
    expect(Object.keys(kept[0]!)).toEqual(['id', 'termsHash', 'acceptedAt']);
    expect(await db.read.$count(roleOffers)).toBe(0);
    expect(await db.read.$count(steps)).toBe(0);
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
