import { and, eq, isNull } from 'drizzle-orm';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ANNEKE, type CastMember, DEVIKA, GARETH, HANNAH, IDRIS, INES, LUCAS, MAYA, TARIQ } from '../../db/cast.ts';
import { checkins, promises, reopenings } from '../../db/schema/checkins.ts';
import { confirmations } from '../../db/schema/desk.ts';
import { holds, windowOverrides } from '../../db/schema/invitations.ts';
import { letters } from '../../db/schema/mail.ts';
import { complaints, corrections, departures, resolutions } from '../../db/schema/people.ts';
import { publishedVersions } from '../../db/schema/proofs.ts';
import { audit } from '../../db/schema/staff.ts';
import { addWords, answerCheckin } from '../../src/checkins/answer.ts';
import { sayWhy } from '../../src/landing/press.ts';
import { onAnswered, onCorrected } from '../../src/reactions.ts';
import { beginSession } from '../../src/sessions/staff.ts';
import { newId } from '../../src/shared/ids.ts';
import { judgeDraft } from '../../src/staff/approval.ts';
import { contentHash } from '../../src/staff/draft.ts';
import { discardDraft, openDraft, saveDraft } from '../../src/staff/drafts.ts';
import { comeBack } from '../checkins/returned.ts';
import { lookAt } from '../support/axe.ts';
import { must } from '../support/must.ts';
import { type Journey, openJourney, textOf } from '../support/place.ts';

/*
 * People wait on us: somebody who came back and said no, a promise, somebody whom we had wrong. The desk answers each; and whoever
 * there wants to invite people all the same finds no press that does it.
 */

let journey: Journey;
let context: BrowserContext;
let page: Page;
const db = () => journey.place.db;

beforeAll(async () => {
  journey = await openJourney('desk-answers');
});
afterAll(() => journey?.close());

/** A colleague's browser, in place of the one before: without script unless axe needs it. */
async function as(id: string, javaScriptEnabled = false): Promise<void> {
  await context?.close();
  context = await journey.colleague(id, { javaScriptEnabled });
  context.setDefaultTimeout(30_000);
  page = await context.newPage();
}
const goto = (path: string) => page.goto(journey.place.url + path);
const press = (name: string | RegExp) => page.getByRole('button', { name }).first().click();

/** A press without its page, as somebody would send it who wants to get round it. Answers its status and what it says. */
async function send(who: string, path: string, fields: Record<string, string>) {
  const secret = await db().write((tx) => beginSession(tx, who, undefined, new Date()));
  const reply = await fetch(journey.place.url + path, {
    method: 'POST',
    headers: { Origin: journey.place.url, Cookie: `amends-staff=${secret}` },
    body: new URLSearchParams(fields),
    redirect: 'manual',
  });
  return { status: reply.status, text: (await reply.text()).replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ') };
}

/** One of them came back, is asked, and says no. Answers the id of what it opened. */
async function sayNo(member: CastMember, words: string): Promise<string> {
  const now = new Date();
  const rejoin = await comeBack(db(), member.personId, now);
  const [question] = await db().read.select().from(checkins).where(eq(checkins.rejoinId, rejoin.id));
  await db().write(async (tx) => {
    await tx.update(checkins).set({ askedAt: now.getTime() }).where(eq(checkins.id, question!.id));
    await answerCheckin(tx, question!.id, 'no', onAnswered, now);
    await addWords(tx, question!.id, words);
  });
  const [open] = await db().read.select().from(reopenings).where(eq(reopenings.checkinId, question!.id));
  return open!.id;
}

const lettersTo = (kind: string) => db().read.select().from(letters).where(eq(letters.kind, kind));
const deeds = async (action: string) => db().read.$count(audit, eq(audit.action, action));

describe('Before anyone has said anything', { timeout: 60_000 }, () => {
  test('each page says what will stand on it', async () => {
    await as('priya', true);
    await goto('/staff/answers');
    expect(await textOf(page)).toContain('Nothing waits on us');
    expect(await textOf(page)).toContain('a “no” stands here at once, with an owner and a day');
    await lookAt(page, 'answers-empty');
    await goto('/staff/gate');
    expect(await textOf(page)).toContain('A “no” of somebody who came back holds the invitations');
    await lookAt(page, 'gate');
  });
});

describe('Somebody came back and says no', { timeout: 90_000 }, () => {
  let maya = '';
  let tariq = '';
  beforeAll(async () => {
    maya = await sayNo(MAYA, 'The big one stopped again at row 40,000.');
    tariq = await sayNo(TARIQ, 'My rota moved twice this week.');
  });

  test('the owner sees it first on coverage and among the answers, with their words; nobody else sees an employee', async () => {
    await as('priya', true);
    await goto('/staff');
    expect(await textOf(page)).toMatch(/A “no” of somebody who came back waits for your answer until \d+ \w+ \d{4}/);
    await goto('/staff/answers');
    const priya = await textOf(page);
    expect(priya).toContain('2 answers owed');
    expect(priya).toContain('The big one stopped again');
    expect(priya.indexOf('Maya Rennick')).toBeLessThan(priya.indexOf('A former colleague'));
    expect(priya).not.toMatch(/Tariq|My rota moved/);
    await lookAt(page, 'answers-owner');
    for (const [who, sees] of [
      ['mei', true],
      ['ruth', true],
      ['grace', false],
      ['sander', false],
    ] as const) {
      await as(who);
      await goto('/staff/answers');
      expect((await textOf(page)).includes('My rota moved'), who).toBe(sees);
    }
  });

  test('the owner answers without a script; a letter goes to the person, and only they can settle it', async () => {
    await as('priya');
    await goto('/staff/answers');
    const form = page.locator(`#row-${maya} form`);
    await form
      .locator('textarea')
      .fill('You were right: row 40,000 held a stray quote. The worker reads those since today.');
    await form.getByLabel('Done by').fill('yesterday');
    await form.getByRole('button', { name: 'Send the answer' }).click();
    expect(await textOf(page)).toContain('There is a problem');
    expect(await page.locator(`#row-${maya} textarea`).inputValue()).toContain('row 40,000');
    await form.getByLabel('Done by').fill('2099-01-04');
    await form.getByRole('button', { name: 'Send the answer' }).click();
    expect(await textOf(page)).toContain('Your answer is on its way to them.');
    expect(await textOf(page)).toContain('Answered, not settled yet');
    const [letter] = await lettersTo('owner-answer');
    expect(letter).toMatchObject({ fromName: 'Priya Nair' });
    expect(letter!.body).toContain('The worker reads those since today.');
    expect(await deeds('answered a no')).toBe(1);
    expect(await db().read.$count(reopenings, eq(reopenings.id, maya))).toBe(1);
    expect(await db().read.$count(holds, isNull(holds.releasedAt))).toBe(2);
  });

  test('late is marked, and passed on: an approver answers for a customer, and never reads what is for HR', async () => {
    await db().write((tx) => tx.update(reopenings).set({ dueOn: '2026-01-05', answeredAt: null }));
    await as('sander');
    await goto('/staff/answers');
    expect(await textOf(page)).toContain('Overdue since 5 January 2026');
    const words = 'Priya is away. I have read what you wrote and will see to it.';
    expect((await send('sander', '/staff/answers', { press: 'answer', id: tariq, words })).status).toBe(403);
    expect((await send('sander', '/staff/answers', { press: 'answer', id: maya, words })).status).toBe(303);
    expect((await send('ruth', '/staff/answers', { press: 'answer', id: tariq, words })).status).toBe(303);
    expect(await deeds('answered a no')).toBe(3);
  });

  test('a promise is kept with a note, by whoever made it, once', async () => {
    const [promise] = await db().read.select().from(promises).where(eq(promises.owner, 'tomasz'));
    const kept = { press: 'kept', id: promise!.id, note: 'I read all three and wrote to you about each.' };
    expect((await send('priya', '/staff/answers', kept)).status).toBe(403);
    expect((await send('tomasz', '/staff/answers', { ...kept, note: 'Done' })).text).toContain(
      'Say in a sentence what was done.',
    );
    expect((await send('tomasz', '/staff/answers', kept)).status).toBe(303);
    expect((await send('tomasz', '/staff/answers', kept)).status).toBe(422);
    expect(await deeds('kept a promise')).toBe(1);
  });

  test('“you got me wrong” is read by its owner and linked to what it was', async () => {
    const personId = await journey.personIdOf(INES);
    const [about] = await db()
      .read.select()
      .from(complaints)
      .where(and(eq(complaints.personId, personId), eq(complaints.main, true)));
    const words = 'The price was not it. Nobody answered me.';
    await db().write(async (tx) =>
      onCorrected(
        tx,
        await sayWhy(tx, { personId, complaintId: about!.id, right: false, words }, new Date()),
        new Date(),
      ),
    );
    const [correction] = await db().read.select().from(corrections);
    const read = { press: 'read', id: correction!.id, issue: 'tickets-closed-unsolved' };
    expect((await send('priya', '/staff/answers', read)).status).toBe(403);
    expect((await send('owen', '/staff/answers', { ...read, issue: 'made-up' })).status).toBe(422);
    await as('owen', true);
    await goto('/staff/answers');
    expect(await textOf(page)).toContain(words);
    await lookAt(page, 'answers-corrections');
    await page.getByLabel('It is about').selectOption('tickets-closed-unsolved');
    await press(/^I have read it/);
    expect(await textOf(page)).toContain('Read. From now on the gate asks again');
    const [after] = await db().read.select().from(complaints).where(eq(complaints.id, about!.id));
    expect(after!.issueId).toBe('tickets-closed-unsolved');
    expect(await db().read.$count(resolutions, eq(resolutions.complaintId, about!.id)), 'what was confirmed goes').toBe(
      0,
    );
  });
});

describe('What became of each complaint', { timeout: 90_000 }, () => {
  const path = '/staff/resolutions/exports-failed';
  const reason = 'It is the export that the new workers were built for.';

  test('read, ticked, and confirmed by the owner, many at once; taken back by confirming anew', async () => {
    await as('priya', true);
    await goto(path);
    await lookAt(page, 'resolutions');
    await press('Confirm for those ticked');
    expect(await textOf(page)).toContain('Tick the complaints that you have read.');
    const boxes = page.locator('input[name=complaint]');
    const ids = [await boxes.nth(0).inputValue(), await boxes.nth(1).inputValue()];
    await boxes.nth(0).check();
    await boxes.nth(1).check();
    await page.getByLabel('Partly').check();
    await press('Confirm for those ticked');
    expect(await textOf(page)).toContain('Say in a sentence why, to the person who told us.');
    expect(await page.locator('input[name=complaint]:checked').count(), 'what was ticked stays ticked').toBe(2);
    await lookAt(page, 'resolutions-refused');
    await page.getByLabel('Why, in a sentence to them').fill(reason);
    await press('Confirm for those ticked');
    expect(await textOf(page)).toContain('Confirmed for 2 complaints.');
    const now = await db().read.select().from(resolutions).where(eq(resolutions.confirmedBy, 'priya'));
    expect(now.filter(({ complaintId }) => ids.includes(complaintId))).toMatchObject([
      { resolved: 'partly', reason },
      { resolved: 'partly', reason },
    ]);
    await goto(`${path}?all`);
    await page.locator(`input[value="${ids[0]}"]`).check();
    await page.getByLabel('No', { exact: true }).or(page.locator('input[name=resolved][value=no]')).first().check();
    await page.getByLabel('Why, in a sentence to them').fill(reason);
    await press('Confirm for those ticked');
    const [anew] = await db().read.select().from(resolutions).where(eq(resolutions.complaintId, ids[0]!));
    expect(anew!.resolved).toBe('no');
    expect(await deeds('confirmed resolutions')).toBe(2);
  });

  test('employees are counted for a writer and named for HR; what was said in confidence is for nobody', async () => {
    await as('grace', true);
    await goto('/staff/resolutions/shifts-changed-late');
    expect(await textOf(page)).toMatch(/\d+ complaints? of former colleagues: for the owner, Mei-Lin Tan, and HR\./);
    expect(await textOf(page)).not.toContain('Tariq');
    await lookAt(page, 'resolutions-writer');
    await as('ruth');
    await goto('/staff/resolutions/shifts-changed-late?all');
    expect(await textOf(page)).toContain('Tariq Mahmood');
    const secret = (await db().read.select().from(complaints)).filter((one) => one.confidentiality !== 'open');
    for (const who of ['ruth', 'priya', 'leila', 'grace']) {
      await as(who);
      for (const issue of new Set(secret.flatMap(({ issueId }) => issueId ?? []))) {
        await goto(`/staff/resolutions/${issue}?all`);
        const html = await page.content();
        for (const { words, note } of secret) {
          for (const said of [words, note]) if (said && said.length > 20) expect(html.includes(said)).toBe(false);
        }
      }
    }
  });
});

describe('Somebody at the desk wants to invite people all the same', { timeout: 90_000 }, () => {
  const reason = 'They would surely like it by now.';
  const gateOf = async (member: CastMember) =>
    JSON.parse((await journey.amends('gate', 'cast', member.personId, '--json')).out);
  const codes = async (member: CastMember) => (await gateOf(member)).refusals.map(({ code }: { code: string }) => code);
  const complaintOf = async (member: CastMember) => {
    const personId = await journey.personIdOf(member);
    const where = and(eq(complaints.personId, personId), eq(complaints.main, true));
    return (await db().read.select().from(complaints).where(where))[0]!.id;
  };
  const confirm = async (who: string, issue: string, member: CastMember, more: Record<string, string> = {}) =>
    send(who, `/staff/resolutions/${issue}`, {
      complaint: await complaintOf(member),
      proof: 'exports-finish',
      resolved: 'fully',
      reason,
      ...more,
    });

  test('root cause ignored: confirmed by a proof of something else, by no proof, by somebody else’s owner, by nobody’s word', async () => {
    const before = await db().read.select().from(resolutions);
    const tries = [
      await confirm('leila', 'exports-failed', DEVIKA),
      await confirm('grace', 'exports-failed', DEVIKA),
      await confirm('sander', 'exports-failed', DEVIKA),
      await confirm('ruth', 'exports-failed', DEVIKA),
      await confirm('priya', 'exports-failed', DEVIKA, { proof: 'sixty-days-notice' }),
      await confirm('priya', 'exports-failed', DEVIKA, { proof: 'no-such-proof' }),
      await confirm('priya', 'exports-failed', DEVIKA, { reason: 'ok' }),
      await confirm('priya', 'exports-failed', DEVIKA, { resolved: 'mostly' }),
      await confirm('priya', 'exports-failed', ANNEKE),
      await confirm('priya', 'exports-failed', HANNAH),
    ];
    expect(tries.map(({ status }) => status).filter((status) => status !== 403 && status !== 422)).toEqual([]);
    expect(await db().read.select().from(resolutions)).toEqual(before);
    // Confirmed in earnest by its owner: what came back is still not fixed for her.
    expect((await confirm('leila', 'sign-in-codes-late', ANNEKE, { proof: 'two-routes-for-codes' })).status).toBe(303);
    expect(await codes(ANNEKE)).toContain('not-holding');
  });

  test('root cause ignored: a hold is lifted by nobody who owes the answer, nor without a reason', async () => {
    const [hold] = await db().read.select().from(holds).where(eq(holds.issueId, 'exports-failed'));
    const lift = (who: string, because = reason) => send(who, '/staff/gate', { press: 'lift', id: hold!.id, because });
    expect((await lift('grace')).text).toContain('Not yours to do');
    expect((await lift('leila')).status).toBe(403);
    expect((await lift('priya')).text).toContain('A “no” made this hold.');
    expect((await lift('sander', 'yes')).status).toBe(422);
    expect(await db().read.$count(holds, isNull(holds.releasedAt))).toBe(2);
    expect((await lift('sander')).status).toBe(303);
    expect(await codes(MAYA), 'the person’s own no stands').toContain('reopened');
    const held = { press: 'hold', id: 'exports-failed', because: 'We look at the new workers again.' };
    expect((await send('leila', '/staff/gate', held)).status).toBe(403);
    expect((await send('priya', '/staff/gate', held)).status).toBe(303);
    expect(await codes(DEVIKA)).toContain('held');
  });

  test('too late: the window is an approver’s, for one person, with a reason; every other refusal stands', async () => {
    const id = await journey.personIdOf(GARETH);
    await as('sander', true);
    await goto('/staff/gate?reason=too-late');
    expect(await textOf(page)).toContain('Invite one of them all the same');
    await lookAt(page, 'gate-late');
    const late = (who: string, more = {}) => send(who, '/staff/gate', { press: 'late', id, because: reason, ...more });
    expect((await late('priya')).text).toContain('Not yours to do');
    expect((await late('ruth', { because: 'ok' })).status).toBe(422);
    expect((await late('sander', { id: await journey.personIdOf(IDRIS) })).text).toContain(
      'The window is not what keeps',
    );
    expect(await db().read.$count(windowOverrides)).toBe(0);
    const before = await codes(GARETH);
    expect((await late('sander')).status).toBe(303);
    expect(await codes(GARETH)).toEqual(before.filter((code: string) => code !== 'too-late'));
  });

  test('bought, transactional, no better future: an offer with a discount, without promises to ask about, or nothing better can’t be written', async () => {
    await as('grace');
    for (const [line, said] of [
      ['discount: 20', 'discount'],
      ['trial_days: 30', 'trial_days'],
      ['better: []', 'better'],
    ] as const) {
      const draft = must(
        await db().write((tx) => openDraft(tx, { collection: 'offers', documentId: 'team', by: 'grace' }, new Date())),
      );
      const source =
        said === 'better'
          ? draft.source.replace(/^better:\n(?: .*\n)+/m, `${line}\n`)
          : draft.source.replace('---\n', `---\n${line}\n`);
      expect(source, said).not.toBe(draft.source);
      const saved = await db().write((tx) => saveDraft(tx, { ...draft, source, by: 'grace' }, new Date()));
      if (!('saved' in saved)) throw new Error('It was not saved.');
      const { problems } = await judgeDraft(db().read, saved.saved);
      expect(
        problems.some(({ sentence }) => sentence.includes(said)),
        `${said}: ${problems.map((one) => one.sentence)}`,
      ).toBe(true);
      await db().write((tx) =>
        discardDraft(tx, { id: draft.id, revision: saved.saved.revision, by: 'grace' }, new Date()),
      );
    }
  });

  /** Each mode as its person's record would have it; by command, desk and direct press the answer is the same. */
  const MODES: [mode: string, code: string, spoil: (id: string) => Promise<unknown>][] = [
    ['insincere', 'no-words', (id) => spoilTold(id, { words: null, note: 'n/a' })],
    ['root cause ignored', 'not-linked', (id) => spoilTold(id, { issueId: null })],
    ['too late', 'left-unknown', (id) => spoilLeft(id, { leftOn: null, precision: null })],
    ['transactional', 'no-check-in', (id) => spoilTold(id, { issueId: 'large-files-slow' })],
    ['no better future', 'nothing-better', (id) => spoilLeft(id, { planOrRole: 'Enterprise' })],
  ];
  const spoilTold = (id: string, set: Partial<typeof complaints.$inferInsert>) =>
    db().write((tx) => tx.update(complaints).set(set).where(eq(complaints.personId, id)));
  const spoilLeft = (id: string, set: Partial<typeof departures.$inferInsert>) =>
    db().write((tx) => tx.update(departures).set(set).where(eq(departures.personId, id)));

  test.each(MODES)(
    '%s: named %s by the command and at the desk; no press, known or made up, lets them through',
    async (mode, code, spoil) => {
      const id = await journey.personIdOf(INES);
      const was = await db().read.select().from(complaints).where(eq(complaints.personId, id));
      const left = await db().read.select().from(departures).where(eq(departures.personId, id));
      await spoil(id);
      const said = await gateOf(INES);
      expect(said.refusals).toContainEqual(expect.objectContaining({ code, failureMode: mode }));
      await as('sander');
      await goto(`/staff/gate?reason=${code}`);
      const shown = await textOf(page);
      expect(shown).toContain(INES.name);
      expect(shown).toContain(mode);
      for (const press of ['late', 'invite', 'send', '']) {
        for (const who of ['priya', 'sander', 'ruth']) {
          const { status } = await send(who, `/staff/gate?reason=${code}`, {
            press,
            id,
            because: reason,
            personId: id,
          });
          expect([403, 422, 200], `${press} by ${who}`).toContain(status);
        }
      }
      expect((await gateOf(INES)).refusals).toEqual(said.refusals);
      expect((await journey.amends('link', 'cast', INES.personId)).out).toContain(code);
      await journey.amends('due');
      expect(await lettersTo('invitation')).toEqual([]);
      await db().write(async (tx) => {
        for (const { id: row, ...set } of was) await tx.update(complaints).set(set).where(eq(complaints.id, row));
        for (const { id: row, ...set } of left) await tx.update(departures).set(set).where(eq(departures.id, row));
      });
    },
  );

  test('insincere and transactional: a draft that pleads, or sells, is published by nobody, whoever presses what', async () => {
    for (const [documentId, more, said] of [
      ['fixed', 'We miss you and want you back.', 'nostalgia-bait'],
      ['fixed', 'Rejoin today.', 'transactional'],
      ['checkin', 'It is £48.00 a month.', 'names no price'],
    ] as const) {
      const draft = must(
        await db().write((tx) => openDraft(tx, { collection: 'letters', documentId, by: 'grace' }, new Date())),
      );
      const source = `${draft.source}\n${more}\n`;
      const saved = await db().write((tx) => saveDraft(tx, { ...draft, source, by: 'grace' }, new Date()));
      if (!('saved' in saved)) throw new Error('It was not saved.');
      const path = `/staff/drafts/letters/${documentId}/review`;
      const fields = { draft: draft.id, hash: contentHash(saved.saved) };
      for (const [who, press] of [
        ['grace', 'send'],
        ['sander', 'publish'],
        ['ruth', 'schedule'],
      ] as const) {
        const { status, text } = await send(who, path, { ...fields, press, day: '2027-01-01', time: '09:00', reason });
        expect(status, `${press}: ${text.slice(0, 300)}`).not.toBe(303);
      }
      await as('grace');
      await goto(path.replace('/review', ''));
      expect(await textOf(page)).toContain(said);
      const where = and(eq(publishedVersions.collection, 'letters'), eq(publishedVersions.documentId, documentId));
      expect(await db().read.$count(publishedVersions, where)).toBe(1);
      await db().write((tx) =>
        discardDraft(tx, { id: draft.id, revision: saved.saved.revision, by: 'grace' }, new Date()),
      );
    }
  });

  test('insincere: nothing at the desk sends an invitation, and none of all this did', async () => {
    expect(await lettersTo('invitation')).toEqual([]);
  });

  test('the gate, its people and its holds can be read by everyone', async () => {
    await as('sander', true);
    await goto('/staff/gate?issue=exports-failed');
    expect(await textOf(page)).toContain('Those who left over');
    await lookAt(page, 'gate-issue');
    await press('Hold invitations');
    await as('priya');
    await goto('/staff/gate?reason=not-resolved');
    expect(await textOf(page)).not.toContain('Tariq');
  });

  test('all of it is in the record, and the record is whole', async () => {
    await as('sander');
    await goto('/staff/log');
    const log = await textOf(page);
    expect(log).toContain('The record is whole.');
    expect(log).toMatch(/put invitations over the issue “Exports failed[^”]*” on hold/);
    expect(log).not.toMatch(/Maya|Gareth|surely like/);
  });
});

test('a confirmer who was erased: neither their name nor their words on any page of the proof', {
  timeout: 60_000,
}, async () => {
  const path = '/proofs/exports-finish';
  const read = async (at: string) => (await fetch(journey.place.url + at)).text();
  expect(await read(path)).toContain('Eilidh Strachan');
  const personId = await journey.personIdOf(LUCAS);
  const at = Date.now();
  const who = {
    personId,
    relation: 'complained' as const,
    name: 'Lucas Ferreira',
    address: 'lucas@portobello-futsal.example',
  };
  const said = {
    askedBy: 'grace',
    askedAt: at,
    expiresAt: at,
    answeredAt: at,
    confirmed: true,
    shownAs: 'Eilidh Strachan',
    how: 'x',
  };
  await db().write((tx) =>
    tx.insert(confirmations).values({ id: newId(), proofId: 'exports-finish', ...who, ...said }),
  );
  expect((await journey.amends('person', 'erase', 'cast', LUCAS.personId, '--yes')).code).toBe(0);
  const shown = await read(path);
  expect(shown).toContain('Name withdrawn');
  for (const one of [shown, await read(`${path}/versions/1`), await read(`${path}/versions`)]) {
    expect(one).not.toMatch(/Eilidh|exported her club/);
  }
});
