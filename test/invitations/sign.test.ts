import { and, eq, inArray, like } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { batches, chosen, links } from '../../db/schema/invitations.ts';
import { letters } from '../../db/schema/mail.ts';
import { complaints, persons, resolutions } from '../../db/schema/people.ts';
import { audit, staff } from '../../db/schema/staff.ts';
import { noAnswersByIssue } from '../../src/checkins/answers.ts';
import { env } from '../../src/env.ts';
import { excerpt } from '../../src/invitations/invitation.ts';
import { mintFor } from '../../src/invitations/letters.ts';
import { answersTo, invitationFor, putOffPerson, whoIsNext } from '../../src/invitations/sign.ts';
import { decline } from '../../src/landing/press.ts';
import { deliverDueLetters, type Outgoing } from '../../src/mail/delivery.ts';
import type { Letter } from '../../src/mail/outbox.ts';
import { erasePerson } from '../../src/people/erase.ts';
import { suppress } from '../../src/people/suppression.ts';
import { EXAMPLES } from '../../src/proofs/signed-letter.ts';
import { heldAtSending } from '../../src/reactions.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import type { Viewer } from '../../src/staff/privacy.ts';
import { letterPage, nextAfter, notNow, sign, takeBackSigned, writingPage } from '../../src/staff/writing.ts';
import type { FreshDatabase } from '../support/database.ts';
import { must } from '../support/must.ts';
import { castPerson, later, NOW, seededDatabase } from '../support/seeded.ts';

const GRACE: Viewer = { id: 'grace', roles: ['writer'] };
const PRIYA: Viewer = { id: 'priya', roles: ['owner'] };
const RUTH: Viewer = { id: 'ruth', roles: ['approver', 'hr'] };
const OWN = 'Your message about the Mondays is the one I kept on my desk.';
const MINUTE = 60_000;

let db: FreshDatabase;
beforeEach(async () => {
  db = await seededDatabase();
});
afterEach(() => db.cleanup());

const idOf = async (who: string) => (await castPerson(db.read, who)).id;

/** The letter as it is read: its hash is what a signature says it was. */
async function read(who: string, by = GRACE, now = NOW) {
  const page = must(await letterPage(db.read, by, { personId: await idOf(who), batchId: null }, now));
  return page.read;
}

async function trySigning(
  who: string,
  { by = GRACE, ownSentence = OWN, now = NOW, batchId = null as string | null, seen = '' } = {},
): Promise<Letter | string> {
  const hash = seen || (await read(who, by, now)).invitation.hash;
  const done = await sign(db, by, { personId: await idOf(who), ownSentence, batchId, seen: hash }, now);
  return isRefusal(done) ? done.code : done;
}

async function signed(who: string, how: Parameters<typeof trySigning>[1] = {}): Promise<Letter> {
  const letter = await trySigning(who, how);
  if (typeof letter === 'string') throw new Error(`Refused: ${letter}`);
  return letter;
}

async function deliver(now: Date): Promise<Outgoing[]> {
  const sent: Outgoing[] = [];
  await deliverDueLetters(
    db,
    {
      transport: async (letter) => void sent.push(letter),
      heldBecause: heldAtSending,
      mint: mintFor(env.AMENDS_URL),
      answersTo,
    },
    now,
  );
  return sent.filter(({ kind }) => kind === 'invitation');
}

const heldFor = async (id: string) =>
  (await db.read.select({ because: letters.heldBecause }).from(letters).where(eq(letters.id, id)))[0]?.because;
const namesOfNext = async () =>
  (await whoIsNext(db.read, await noAnswersByIssue(db.read), {}, NOW)).map(({ person }) => person.externalId);

test('who has waited longest comes first, and only whom the gate lets through', async () => {
  expect(await namesOfNext()).toEqual(['e-tariq', 'c-bronagh', 'c-maya', 'c-ines', 'c-sunniva', 'c-devika', 'c-lucas']);
  // A former colleague is for HR to write to.
  expect((await writingPage(db.read, GRACE, null, NOW)).next.map(({ name }) => name)[0]).toBe('Bronagh Kearney');
  expect(await writingPage(db.read, GRACE, null, NOW)).toMatchObject({
    waiting: 6,
    hidden: 1,
    signedToday: 0,
    aDay: 30,
  });
  expect((await writingPage(db.read, RUTH, null, NOW)).next.map(({ name }) => name)[0]).toBe('Tariq Mahmood');
});

test('the letter holds their words, the day, what we did for them, its proof, and everything that is not fixed', async () => {
  const { invitation } = await read('c-maya');
  expect(invitation.problems).toEqual([]);
  expect(invitation.subject).toBe('19.8% of exports failed. 0.3% fail now.');
  expect(invitation.body).toContain('On 23 March 2026 you told us:\n\n> Third Monday running');
  expect(invitation.body).toContain('We ran your own March report 20 times on the new workers');
  expect(invitation.body).toContain('/proofs/exports-finish');
  expect(invitation.body).toContain(
    'Not fixed for you yet: “Files over 2 GB take hours or never load” and “You fixed it and never told me”.',
  );
  expect(invitation.body).toContain('It took us 24 weeks to write to you. That is late.');
  expect(invitation.words).toBeLessThanOrEqual(120);
  expect(invitation.share).toBeGreaterThan(0.3);
  // What was partly mended is named as it was confirmed, and a note of ours is no quote.
  expect((await read('c-sunniva')).invitation.body).toContain('One sent to Dropbox still stops');
  expect((await read('c-lucas')).invitation.problems.map(({ rule }) => rule)).toEqual(['S404']);
});

test('the example by which a published text is judged is Maya’s own letter, shortened', async () => {
  const { body } = (await read('c-maya')).invitation;
  const { theirWords, saidOn, lateWeeks, firstName, proofLine } = EXAMPLES.invitation.slots;
  for (const part of [theirWords, saidOn, lateWeeks, firstName]) expect(body).toContain(part);
  expect((await read('c-maya')).invitation.subject).toBe(proofLine);
});

test('a former colleague’s letter names no complaint, in nobody’s words', async () => {
  const { invitation, history } = await read('e-tariq', RUTH);
  const said = history.told.flatMap(({ complaint }) => complaint.words ?? []).join(' ');
  for (const word of ['shift', 'rota', 'Thursday', said.slice(0, 20)]) expect(invitation.body).not.toContain(word);
  expect(
    await trySigning('e-tariq', {
      by: RUTH,
      ownSentence: 'You said that your wife’s rota comes out four weeks ahead.',
    }),
  ).toBe('private');
  expect(
    await trySigning('e-tariq', {
      by: RUTH,
      ownSentence: 'Mind that my shifts changed a few days before I worked too.',
    }),
  ).toBe('private');
  const own = 'I have thought of our last talk more often than you might think, and thank you for it.';
  expect((await signed('e-tariq', { by: RUTH, ownSentence: own })).body).toContain(own);
  expect(await letterPage(db.read, GRACE, { personId: await idOf('e-tariq'), batchId: null }, NOW)).toMatchObject({
    code: 'not-yours',
  });
});

test('signed, it waits five minutes, then leaves in the signer’s name, with a link of its own', async () => {
  const letter = await signed('c-maya');
  expect(letter).toMatchObject({ kind: 'invitation', signedBy: 'grace', fromName: 'Grace Adeyemi', batchId: null });
  expect(letter.cause).toBe(`invitation:${await idOf('c-maya')}:exports-failed`);
  expect(await deliver(later(4 * MINUTE))).toEqual([]);
  const [sent] = await deliver(later(5 * MINUTE));
  expect(sent).toMatchObject({ to: 'maya@rennickpress.example', replyTo: 'grace.adeyemi@northline.example' });
  expect(sent!.text).toContain(OWN);
  expect(sent!.text).toMatch(/\/for\/[\w-]{43}\n/);
  expect(sent!.stopLink).toMatch(/\/stop\/[\w-]{43}$/);
  const [entry] = await db.read.select().from(audit).where(eq(audit.action, 'signed an invitation'));
  expect(JSON.stringify(entry)).not.toContain('Monday');
});

describe('refused, each with a sentence', () => {
  test.each([
    ['no sentence of one’s own', '', 'own'],
    ['three words', 'All fine now', 'own'],
    ['an address in it', 'Read it all at https://northline.example/offer today, please.', 'own'],
    ['far too long', 'word '.repeat(31), 'own'],
    ['a second apology', 'I am so sorry that it was you of all people.', 'S403'],
    ['an insincere phrase', 'We value you and we miss you, as a loyal customer.', 'S102'],
    ['a discount', 'I will give you 20% off if you come back.', 'S107'],
    ['a promise', 'We will do better from this day on, believe me.', 'S105'],
  ])('%s', async (_, ownSentence, code) => {
    expect(await trySigning('c-maya', { ownSentence })).toBe(code);
    expect(await db.read.select().from(letters).where(eq(letters.kind, 'invitation'))).toEqual([]);
  });

  test('a sentence that makes it too long says by how much', async () => {
    const longest = { personId: await idOf('c-ines'), batchId: null, ownSentence: 'word '.repeat(30) };
    const page = await letterPage(db.read, GRACE, longest, NOW);
    const sentence = expect.stringMatching(/^It has 12\d words\. A letter has 120 at most\.$/);
    expect(isRefusal(page) ? page : page.read.invitation.problems).toEqual([{ rule: 'length', sentence }]);
    expect(await trySigning('c-ines', longest)).toBe('length');
  });

  test('the same sentence for somebody else', async () => {
    await signed('c-maya');
    expect(
      await trySigning('c-bronagh', { ownSentence: `${OWN.toUpperCase().replace('.', '!')}`.replace('!', '') }),
    ).toBe('own');
    expect(typeof (await trySigning('c-bronagh', { by: PRIYA }))).toBe('object');
  });

  test('a letter that is no longer the one that was read', async () => {
    const { invitation } = await read('c-sunniva');
    await db.write((tx) =>
      tx
        .update(resolutions)
        .set({ reason: 'It goes to Dropbox now, but slowly.' })
        .where(eq(resolutions.resolved, 'partly')),
    );
    expect(await trySigning('c-sunniva', { seen: invitation.hash })).toBe('changed');
    expect(typeof (await trySigning('c-sunniva'))).toBe('object');
  });

  test('whomever the gate keeps back, whatever was read before', async () => {
    const { invitation } = await read('c-maya');
    await db.write(async (tx) => decline(tx, await idOf('c-maya'), NOW));
    expect(await trySigning('c-maya', { seen: invitation.hash })).toBe('declined');
    for (const who of ['c-idris', 'c-anneke', 'c-hannah', 'c-walter', 'c-gareth', 'c-frances']) {
      expect(await trySigning(who), who).not.toBeTypeOf('object');
    }
  });

  test('the 31st of a day; the next day begins at midnight where we are, and what was taken back is not counted', async () => {
    await db.write(async (tx) => {
      const row = {
        kind: 'invitation',
        toAddress: 'x@example.org',
        fromName: '',
        subject: '',
        body: '',
        mint: {},
        attempts: 0,
        signedBy: 'grace',
        sentAt: NOW.getTime(),
      };
      for (let at = 0; at < 30; at += 1) {
        await tx.insert(letters).values({
          ...row,
          id: `l${at}`,
          cause: `invitation:p${at}:x`,
          createdAt: NOW.getTime(),
          notBefore: NOW.getTime(),
        });
      }
    });
    expect(await trySigning('c-maya')).toBe('a-day');
    expect(typeof (await trySigning('c-maya', { by: PRIYA }))).toBe('object');
    expect(typeof (await trySigning('c-bronagh', { now: later(15 * 3_600_000) }))).toBe('object');
    await db.write((tx) =>
      tx
        .update(letters)
        .set({ heldBecause: 'taken-back', sentAt: null })
        .where(inArray(letters.id, ['l0', 'l1'])),
    );
    expect(
      typeof (await trySigning('c-ines', { ownSentence: 'January is when I should have written to you about it.' })),
    ).toBe('object');
  });

  test('a fourth invitation, whatever it is about and under whatever record the address stands', async () => {
    const maya = await castPerson(db.read, 'c-maya');
    await db.write(async (tx) => {
      const row = {
        kind: 'invitation',
        fromName: '',
        subject: '',
        body: '',
        mint: {},
        attempts: 0,
        signedBy: 'priya',
        sentAt: 1,
        createdAt: 1,
        notBefore: 1,
      };
      await tx.insert(letters).values({
        ...row,
        id: 'l1',
        cause: `invitation:${maya.id}:a`,
        personId: maya.id,
        toAddress: 'old@example.org',
      });
      await tx.insert(letters).values({
        ...row,
        id: 'l2',
        cause: 'invitation:other:b',
        personId: 'other',
        toAddress: 'MAYA@rennickpress.example',
      });
    });
    expect(typeof (await trySigning('c-maya'))).toBe('object');
    await db.write((tx) =>
      tx
        .update(letters)
        .set({ cause: `invitation:${maya.id}:c` })
        .where(like(letters.cause, '%:exports-failed')),
    );
    expect(await trySigning('c-maya')).toBe('invited-enough');
  });

  test('somebody whose address had our apology for it in another record', async () => {
    await db.write((tx) =>
      tx.insert(letters).values({
        id: 'l',
        cause: 'invitation:other:exports-failed',
        kind: 'invitation',
        personId: 'other',
        toAddress: 'Maya@RennickPress.example',
        fromName: '',
        subject: '',
        body: '',
        mint: {},
        attempts: 0,
        createdAt: 1,
        notBefore: 1,
        sentAt: 1,
      }),
    );
    expect(await trySigning('c-maya')).toBe('apologised-address');
  });
});

describe('one apology, ever', () => {
  test('two who press at once write one letter', async () => {
    const [mine, hers] = [await read('c-maya'), await read('c-maya', PRIYA)];
    const personId = await idOf('c-maya');
    const both = await Promise.all([
      sign(db, GRACE, { personId, ownSentence: OWN, batchId: null, seen: mine.invitation.hash }, NOW),
      sign(db, PRIYA, { personId, ownSentence: OWN, batchId: null, seen: hers.invitation.hash }, NOW),
    ]);
    expect(both.map((one) => (isRefusal(one) ? one.code : one.signedBy)).toSorted()).toEqual(['apologised', 'grace']);
    expect(await db.read.$count(letters, eq(letters.kind, 'invitation'))).toBe(1);
    expect(await deliver(later(6 * MINUTE))).toHaveLength(1);
  });

  test('nor a second one later; who erased everything is kept away by the address itself', async () => {
    await signed('c-maya');
    expect(await deliver(later(6 * MINUTE))).toHaveLength(1);
    expect(await trySigning('c-maya', { now: later(400 * 86_400_000) })).toBe('apologised');
    const maya = await castPerson(db.read, 'c-maya');
    await db.write((tx) => erasePerson(tx, maya.id, NOW));
    expect(await db.read.$count(letters, eq(letters.personId, maya.id))).toBe(0);
    // As if an import had brought her in again, under a new id and address written otherwise.
    const told = { ...(await db.read.select().from(complaints).where(eq(complaints.ref, 'cast:c-08')))[0]! };
    await db.write(async (tx) => {
      await tx
        .insert(persons)
        .values({ ...maya, id: 'again', externalId: 'again', email: ' MAYA@rennickpress.example' });
      await tx.insert(complaints).values({ ...told, id: 'again', personId: 'again', departureId: null, ref: 'again' });
    });
    const page = await letterPage(db.read, GRACE, { personId: 'again', batchId: null }, NOW);
    expect(isRefusal(page) ? page : page.read.refusals.map(({ code }) => code)).toContain('erased');
  });
});

describe('taken back', () => {
  test('it does not leave, and they may be written to again', async () => {
    const letter = await signed('c-maya');
    expect(await namesOfNext()).not.toContain('c-maya');
    expect(await db.write((tx) => takeBackSigned(tx, PRIYA, letter.id, NOW))).toMatchObject({ code: 'left' });
    expect(await db.write((tx) => takeBackSigned(tx, GRACE, letter.id, NOW))).toMatchObject({ id: letter.id });
    expect(await db.write((tx) => takeBackSigned(tx, GRACE, letter.id, NOW))).toMatchObject({ code: 'left' });
    expect(await deliver(later(10 * MINUTE))).toEqual([]);
    expect(await namesOfNext()).toContain('c-maya');
    const again = await signed('c-maya', { now: later(MINUTE) });
    expect(again.id).not.toBe(letter.id);
    expect(await deliver(later(10 * MINUTE))).toHaveLength(1);
    expect(
      (await db.read.select().from(letters).where(eq(letters.kind, 'invitation')))
        .map(({ heldBecause }) => heldBecause)
        .toSorted(),
    ).toEqual([null, 'taken-back']);
  });

  test('not once it has left', async () => {
    const letter = await signed('c-maya');
    await deliver(later(6 * MINUTE));
    expect(await db.write((tx) => takeBackSigned(tx, GRACE, letter.id, later(7 * MINUTE)))).toMatchObject({
      code: 'left',
    });
  });
});

describe('asked again as it leaves', () => {
  test.each([
    [
      'they stopped our letters',
      'suppressed',
      () => db.write((tx) => suppress(tx, 'maya@rennickpress.example', 'stopped', NOW)),
    ],
    ['they said no thanks', 'declined', () => db.write(async (tx) => decline(tx, await idOf('c-maya'), NOW))],
    [
      'what was confirmed was taken back',
      'not-resolved',
      async () => {
        const [main] = await db.read.select().from(complaints).where(eq(complaints.ref, 'cast:c-01'));
        await db.write((tx) => tx.delete(resolutions).where(eq(resolutions.complaintId, main!.id)));
      },
    ],
    [
      'something it does not name is no longer fixed',
      'no-longer-true',
      async () => {
        const [second] = await db.read.select().from(complaints).where(eq(complaints.ref, 'cast:c-02'));
        await db.write((tx) =>
          tx
            .update(resolutions)
            .set({ resolved: 'no', reason: 'It was closed again on Friday.' })
            .where(eq(resolutions.complaintId, second!.id)),
        );
      },
    ],
    [
      'whoever signed it has left',
      'signer-left',
      () => db.write((tx) => tx.update(staff).set({ leftAt: 1 }).where(eq(staff.id, 'grace'))),
    ],
    [
      'they had three others by then, in another record with their address',
      'invited-enough',
      () =>
        db.write(async (tx) => {
          const [mine] = await tx.select().from(letters).where(eq(letters.kind, 'invitation'));
          for (const about of ['a', 'b', 'c']) {
            const sent = { id: about, personId: 'other', cause: `invitation:other:${about}`, sentAt: 1 };
            await tx.insert(letters).values({ ...mine!, ...sent });
          }
        }),
    ],
    ['nobody signed it', 'unsigned', () => db.write((tx) => tx.update(letters).set({ signedBy: null }))],
  ])('%s: %s', async (_, because, happens) => {
    const letter = await signed('c-maya');
    await happens();
    expect(await deliver(later(6 * MINUTE))).toEqual([]);
    expect(await heldFor(letter.id)).toBe(because);
  });

  test('a week more since it was signed does not make it untrue', async () => {
    await signed('c-maya');
    expect(await deliver(later(3 * 86_400_000))).toHaveLength(1);
  });
});

describe('one choice of people', () => {
  const choose = async (...who: [string, 'invited' | 'holdout'][]) =>
    db.write(async (tx) => {
      await tx.insert(batches).values({ id: 'b1', choice: { gap: 'trust' }, purpose: 'letters', by: 'grace', at: 1 });
      for (const [name, as] of who)
        await tx.insert(chosen).values({ batchId: 'b1', personId: (await castPerson(tx, name)).id, as, at: 1 });
    });

  test('only those in it are next, the holdout is not, and its links go with it', async () => {
    await choose(['c-maya', 'invited'], ['c-ines', 'holdout'], ['c-idris', 'invited']);
    expect((await writingPage(db.read, GRACE, 'b1', NOW)).next.map(({ name }) => name)).toEqual(['Maya Rennick']);
    expect(await trySigning('c-ines', { batchId: 'b1' })).toBe('not-chosen');
    await signed('c-maya', { batchId: 'b1' });
    await deliver(later(6 * MINUTE));
    const minted = await db.read
      .select()
      .from(links)
      .where(and(eq(links.personId, await idOf('c-maya')), eq(links.batchId, 'b1')));
    expect(minted.map(({ purpose }) => purpose).toSorted()).toEqual(['page', 'stop']);
  });

  test('taken back before it leaves, the letter stays', async () => {
    await choose(['c-maya', 'invited']);
    const letter = await signed('c-maya', { batchId: 'b1' });
    await db.write((tx) => tx.update(batches).set({ revokedAt: 1 }));
    expect(await deliver(later(6 * MINUTE))).toEqual([]);
    expect(await heldFor(letter.id)).toBe('choice-taken-back');
    expect((await writingPage(db.read, GRACE, 'b1', NOW)).next).toEqual([]);
  });
});

test('put off with a reason, they are next for nobody until then', async () => {
  const off = { personId: await idOf('c-bronagh'), reason: 'Her club has its regatta this week.', days: 7 };
  expect(await db.write((tx) => notNow(tx, GRACE, { ...off, reason: 'Later' }, NOW))).toMatchObject({
    code: 'no-reason',
  });
  expect(await db.write((tx) => putOffPerson(tx, { ...off, by: 'grace', days: 1000 }, NOW))).toMatchObject({
    code: 'days',
  });
  expect(
    await db.write(async (tx) => notNow(tx, GRACE, { ...off, personId: await idOf('c-idris') }, NOW)),
  ).toMatchObject({ code: 'nobody' });
  expect(await db.write((tx) => notNow(tx, GRACE, off, NOW))).toBe(true);
  expect(await namesOfNext()).not.toContain('c-bronagh');
  expect((await writingPage(db.read, GRACE, null, NOW)).putOff).toMatchObject([
    { name: 'Bronagh Kearney', until: '2026-11-29' },
  ]);
  const week = await whoIsNext(db.read, await noAnswersByIssue(db.read), {}, later(7 * 86_400_000 + 1));
  expect(week.map(({ person }) => person.externalId)).toContain('c-bronagh');
});

test('after one comes the one behind, and after the last the first', async () => {
  const ids = (await writingPage(db.read, GRACE, null, NOW)).next.map(({ id }) => id);
  expect(await nextAfter(db.read, GRACE, { batchId: null, after: ids[0]! }, NOW)).toMatchObject({ id: ids[1] });
  expect(await nextAfter(db.read, GRACE, { batchId: null, after: ids.at(-1)! }, NOW)).toMatchObject({ id: ids[0] });
});

test('a place without the letter says that it has to be published', async () => {
  await db.write((tx) => tx.run("delete from published_versions where collection = 'letters'"));
  const none = await invitationFor(
    db.read,
    { personId: await idOf('c-maya'), by: 'grace' },
    await noAnswersByIssue(db.read),
    env.AMENDS_URL,
    NOW,
  );
  expect(none).toMatchObject({ refused: true, code: 'no-letter' });
});

test('their words are taken from the beginning, in whole sentences, and a cut is marked', () => {
  expect(excerpt('One two. Three four.', 4)).toBe('One two. Three four.');
  expect(excerpt('One two three four five. Six seven.', 6)).toBe('One two three four five. …');
  expect(excerpt('Right. One two three four five six.', 6)).toBe('Right. One two three four five …');
  expect(excerpt('One two three four five', 3)).toBe('One two three …');
  expect(excerpt('  One\n two ', 9)).toBe('One two');
});
