import { eq } from 'drizzle-orm';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ANNEKE,
  BRONAGH,
  type CastMember,
  DEVIKA,
  GARETH,
  HANNAH,
  IDRIS,
  ILARIA,
  INES,
  JOANNA,
  LUCAS,
  MAYA,
  NIALL,
  SUNNIVA,
  TARIQ,
} from '../../db/cast.ts';
import { letters } from '../../db/schema/mail.ts';
import { complaints, departures, persons, resolutions } from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { audit } from '../../db/schema/staff.ts';
import { postLetter } from '../../src/mail/outbox.ts';
import { newId } from '../../src/shared/ids.ts';
import { mintSecret } from '../../src/shared/secrets.ts';
import { confirmFacts, factsIn, sendToOwner } from '../../src/staff/approval.ts';
import { contentHash } from '../../src/staff/draft.ts';
import { openDraft, saveDraft } from '../../src/staff/drafts.ts';
import { type Allowed, lookAt } from '../support/axe.ts';
import { must } from '../support/must.ts';
import { addressesIn, type Journey, openJourney, until } from '../support/place.ts';

/*
 * Every page in every state that can be reached, looked at by axe (A, AA, and AAA for contrast) in light and dark, on a phone and
 * on a desk, and measured: nothing overflows, everything is large enough to press, and has a heading, a title and a language.
 */

const ISSUES = [
  'exports-failed',
  'large-files-slow',
  'no-next-step',
  'nobody-told-you',
  'price-rise-without-notice',
  'shifts-changed-late',
  'sign-in-codes-late',
  'tickets-closed-unsolved',
];
const PROOFS = [
  'exports-finish',
  'rota-three-weeks-ahead',
  'sixty-days-notice',
  'two-routes-for-codes',
  'we-write-when-it-is-fixed',
  'you-close-the-request',
];
const PUBLIC = [
  '/',
  ...ISSUES.map((id) => `/issues/${id}`),
  ...PROOFS.map((id) => `/proofs/${id}`),
  '/proofs/exports-finish/versions',
  '/proofs/exports-finish/versions/1',
  '/how-we-count',
  '/privacy',
  '/issues?state=holding',
  '/search',
  '/search?q=exports',
  '/search?q=zeppelin',
  `/search?q=${'a'.repeat(101)}`,
];

let journey: Journey;
/** axe needs script in its own window; the pages themselves have none. */
let context: BrowserContext;
let page: Page;
const seen: string[] = [];

beforeAll(async () => {
  journey = await openJourney('everyone-can-use-it');
  context = await journey.device({ javaScriptEnabled: true });
  page = await context.newPage();
});
afterAll(async () => {
  await journey?.close();
  console.log(`${seen.length} states looked at, four ways each.`);
});

const goto = (path: string) => page.goto(new URL(path, journey.place.url).href);
const press = (name: string | RegExp) =>
  page
    .getByRole('button', { name, exact: typeof name === 'string' })
    .first()
    .click();

/** Another person's browser, in place of the one before. */
async function as(member: CastMember, path = ''): Promise<void> {
  await context.close();
  context = await journey.device({ javaScriptEnabled: true });
  page = await context.newPage();
  await page.goto(journey.linkOf(member) + path);
}

/** A colleague's browser, in place of the one before. */
async function asColleague(id: string): Promise<void> {
  await context.close();
  context = await journey.colleague(id, { javaScriptEnabled: true });
  page = await context.newPage();
}

/** Everything that is asked of a page, asked of the one that is open. */
async function look(state: string, allowed: Allowed = {}): Promise<void> {
  seen.push(state);
  await lookAt(page, state, allowed);
}

/** Yes, No and Not sure look the same, to the last computed property. */
async function expectEqualAnswers(): Promise<void> {
  for (const width of [360, 1280]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      const answers = await page.locator('.choices button').evaluateAll((buttons) =>
        buttons.map((button) => {
          const style = getComputedStyle(button);
          return Object.fromEntries([...style].map((name) => [name, style.getPropertyValue(name)]));
        }),
      );
      expect(answers.length).toBe(3);
      for (const style of answers) expect(style).toEqual(answers[0]);
    }
  }
}

describe('Public pages', { timeout: 120_000 }, () => {
  for (const path of PUBLIC) {
    test(`${path} can be read by everyone`, async () => {
      expect((await goto(path))!.status()).toBe(200);
      await look(path);
    });
  }

  test('A page that does not exist says so, readably', async () => {
    expect((await goto('/nothing-here'))!.status()).toBe(404);
    await look('404');
  });

  test('None of them ships a script, and each comes to at most 150 KB with its fonts', async () => {
    const cold = await journey.device({ javaScriptEnabled: true });
    const sizes: Record<string, number> = {};
    for (const path of PUBLIC) {
      const visitor = await cold.newPage();
      const wire = await cold.newCDPSession(visitor);
      await wire.send('Network.enable');
      await wire.send('Network.setCacheDisabled', { cacheDisabled: true });
      const kinds = new Set<string>();
      let bytes = 0;
      wire.on('Network.responseReceived', ({ type }) => kinds.add(type));
      wire.on('Network.loadingFinished', ({ encodedDataLength }) => {
        bytes += encodedDataLength;
      });
      await visitor.goto(journey.place.url + path);
      await visitor.evaluate(() => document.fonts.ready);
      // Whoever scrolls sees no more being fetched.
      await visitor.mouse.wheel(0, 100_000);
      await visitor.waitForTimeout(50);
      expect(kinds, path).not.toContain('Script');
      expect(bytes, path).toBeLessThanOrEqual(150 * 1024);
      sizes[path] = Math.round(bytes / 1024);
      await visitor.close();
    }
    await cold.close();
    console.log(`Heaviest public page: ${Math.max(...Object.values(sizes))} KB`, sizes);
  });
});

describe('Personal pages', { timeout: 120_000 }, () => {
  test('A dead link, before and after the press', async () => {
    await goto(`/for/${mintSecret()}`);
    await look('dead link');
    await press('Send a new link');
    await look('dead link, asked');
  });

  test('Maya, fresh; “Not quite”, empty and filled', async () => {
    await as(MAYA);
    await look('landing');
    await press('Not quite');
    await look('why');
    await press('Send');
    await look('why, refused');
    await page.getByLabel('Why you left').fill('The silence.');
    await press('Send');
    await look('landing, corrected');
  });

  for (const member of [IDRIS, ANNEKE, LUCAS, HANNAH, SUNNIVA, GARETH, INES, NIALL, ILARIA]) {
    test(`${member.name}’s page`, async () => {
      await as(member);
      await look(`landing of ${member.key}`);
    });
  }

  test('Tariq’s way back to work, and what waits on his colleagues', async () => {
    await as(TARIQ);
    await look('employee, before the code');
    await press('Send me a code');
    const code = await journey.letter('code', 'tariq.mahmood@post.example');
    await page.getByLabel('Six-digit code').fill(/\d{6}/.exec(code.text)![0]);
    await press('Show my page');
    await look('employee');
    const at = (path: string) => page.goto(journey.linkOf(TARIQ) + path);
    await at('/role');
    await look('role');
    await press('Talk to Mei-Lin Tan');
    await look('role, asked to talk');
    await at('/terms');
    await look('terms');
    await at('/accept');
    await look('offer');
    await page.getByLabel('Your name').fill('.');
    await press('Accept this offer');
    await look('offer, refused');
    await page.getByLabel('Your name').fill('Tariq Mahmood');
    await press('Accept this offer');
    await look('offer, accepted');
    await at('');
    await look('employee, accepted');
    for (const path of ['', '/facts', '/data-policy', '/emergency-contact', '/what-is-different']) {
      await at(`/first-week${path}`);
      await look(`first week${path}`);
    }
    await press('I have read what is different');
    await look('first week, one read');
    const task = await journey.letter('task', 'ruth.abernethy@northline.example');
    const link = addressesIn(task).find((address) => address.includes('/task/'))!;
    await page.goto(link);
    await look('task');
    await press('It is done');
    await look('task, done');
    await page.goto(`${journey.place.url}/task/${mintSecret()}`);
    await look('task, dead');

    await asColleague('ruth');
    await goto('/staff/returning');
    await look('returning');
    await page.getByText(/^\d+ people$/).click();
    await look('returning, everyone');
    await page.getByRole('link', { name: 'Tariq Mahmood' }).first().click();
    await look('returning, Tariq');
    await goto(`/staff/returning/${await journey.personIdOf(JOANNA)}`);
    await look('returning, Joanna');
    await page.getByLabel('Pay, as the terms say it').fill('£40,000 a year.');
    await page.getByLabel('First day').fill('2030-01-07');
    await press('Issue this offer');
    await look('returning, offer refused');
  });

  test('After “Tell me when it is fixed”, “Yes”, “No thanks” and “Stop all messages”', async () => {
    await as(IDRIS);
    await press('Tell me when it is fixed');
    await press('Yes');
    await press('No thanks');
    await press('Stop all messages');
    await look('landing, everything pressed');
  });

  test('A second device: hidden words, the code, a wrong code, too many codes', async () => {
    await as(LUCAS);
    await press('Review and rejoin');
    await as(LUCAS);
    await look('landing, not trusted');
    await press('Review and rejoin');
    await look('code, to ask for');
    await press('Send me a code');
    await look('code, to type');
    await page.getByLabel('Six-digit code').fill('000000');
    await press('Go on');
    await look('code, wrong');
    for (let times = 0; times < 5; times += 1) await press(/^Send (another|me a) code$/);
    await look('code, too many');
  });

  test('What we hold, corrected and deleted: a code first, each page empty, refused and done', async () => {
    await as(ILARIA, '/yours');
    await look('code, for what we hold');
    await press('Send me a code');
    const letter = await journey.letter('code', 'ilaria@chapel-hill-band.example');
    await page.getByLabel('Six-digit code').fill(/\d{6}/.exec(letter.subject)![0]);
    await press('Go on');
    await look('everything we hold');
    await page.goto(`${journey.linkOf(ILARIA)}/correct`);
    await look('correct');
    await page.getByText('This is not right').first().click();
    await press('Send');
    await look('correct, refused');
    await page.getByLabel('New address').fill('ilaria@elsewhere.example');
    await press('Send a code there');
    await look('correct, code sent');
    await page.goto(`${journey.linkOf(ILARIA)}/erase`);
    await look('erase');
    await press('Delete everything about me');
    await look('erased');
  });

  test('Check and rejoin: with a card, without one, declined, and when the provider is silent', async () => {
    await as(BRONAGH);
    await press('Review and rejoin');
    await look('rejoin, no card');
    await page.getByRole('link', { name: 'Somebody else pays for us' }).click();
    await look('payer');
    await press('Make the link');
    await look('payer, made');
    await page.goto(await page.getByLabel('Send them this address').inputValue());
    await look('pay');
    await goto('/returned');
    await look('returned, on another device');
    await page.goto(`${journey.linkOf(BRONAGH)}/rejoin`);
    await press(/^Go to Stripe/);
    await page.goto(`${journey.linkOf(BRONAGH)}/back`);
    await look('result, not paid yet');
    await as(DEVIKA);
    await press('Review and rejoin');
    await look('rejoin');
    await press(/^Rejoin and pay/);
    await look('rejoin, declined');
    await page.goto(`${journey.linkOf(DEVIKA)}/back`);
    await look('result, declined');
    const fault = { kind: 'error_500', method: 'GET', times: 20 };
    await fetch(`${journey.place.sandboxUrl}/_sandbox/faults`, { method: 'POST', body: JSON.stringify(fault) });
    await page.goto(`${journey.linkOf(DEVIKA)}/rejoin`);
    await fetch(`${journey.place.sandboxUrl}/_sandbox/faults`, { method: 'DELETE' });
    await look('rejoin, provider silent');
  });

  test('The result while it is paid, when that takes long, and while it is undone', async () => {
    // Rows as they stand half-way; the page asks for itself again every few seconds, which would disturb the look.
    const personId = await journey.personIdOf(GARETH);
    const now = Date.now();
    const row = {
      ...{ id: newId(), personId, offerId: 'solo', offerHash: 'x', billingId: 'cus_gareth', cardId: 'pm_gareth' },
      ...{ cardLabel: 'Visa ending 9424', priceId: 'x', seats: 1, amount: 800, currency: 'gbp', attempt: 1 },
      ...{ subscriptionId: 'sub_none', payingSince: now + 600_000 },
    };
    const { db } = journey.place;
    await db.write((tx) => tx.insert(rejoins).values({ ...row, state: 'paying', begunAt: now }));
    const still = async (state: string) => {
      await as(GARETH);
      // From before the first answer: on a slow machine the page would ask again while it is being looked at.
      let asked = 0;
      await page.route('**/back', (route) => (asked++ === 0 ? route.continue() : route.abort()));
      await page.goto(`${journey.linkOf(GARETH)}/back`);
      // It has nothing to fill in and nothing to lose, so asking for itself again takes nothing from anyone (WCAG 2.2.1).
      await look(state, { except: ['meta-refresh'] });
    };
    await still('result, waiting');
    await db.write((tx) =>
      tx
        .update(rejoins)
        .set({ begunAt: now - 120_000 })
        .where(eq(rejoins.id, row.id)),
    );
    await still('result, taking long');
    await db.write((tx) => tx.update(rejoins).set({ state: 'undoing' }).where(eq(rejoins.id, row.id)));
    await still('result, undoing');
  });

  test('Back, asked (yes, no and not sure look the same), answered, cancelled, undone; and the letters', async () => {
    await goto('/demo/mailbox');
    await as(SUNNIVA);
    await press(/Review and rejoin|Rejoin all the same/);
    await press(/^Rejoin and pay/);
    await until('the return', async () => (await page.title()).startsWith('You are back'));
    await look('result');
    await page.goto(journey.linkOf(SUNNIVA));
    await look('landing, back');
    await page.goto(`${journey.linkOf(SUNNIVA)}/cancel`);
    await look('cancel');
    await press('Cancel my plan');
    await look('result, cancelled');
    await page.goto(`${journey.linkOf(SUNNIVA)}/left`);
    await look('why they leave');
    await press('Send');
    await look('why they leave, refused');
    await page.getByLabel('In your own words').fill('The Dropbox one still stops.');
    await press('Send');
    await look('why they leave, said');

    await journey.amends('due', '--in', '8');
    await journey.amends('due', '--in', '31');
    const questions = (
      await until('two questions', async () => {
        const found = (await journey.letters()).filter(({ kind }) => kind === 'checkin');
        return found.length === 2 && found;
      })
    ).toSorted((a, b) => a.sentAt - b.sentAt);
    const [first, second] = questions.map((letter) => addressesIn(letter).find((one) => one.includes('/check-in/'))!);
    await page.goto(first!);
    await look('check-in');
    await expectEqualAnswers();
    await press('Not sure yet');
    await look('check-in, not sure');
    await page.goto(second!);
    await press('No, it is not fixed');
    await look('check-in, no');
    await page.locator('textarea').fill('It stopped again.');
    await press('Send');
    await look('check-in, no, with words');
    await page.goto(journey.linkOf(SUNNIVA));
    await look('landing, reopened');

    await page.goto(`${journey.linkOf(SUNNIVA)}/undo`);
    await look('undo');
    await press(/^Undo, and refund/);
    await look('result, undone');

    const stop = addressesIn(questions[0]!).find((one) => one.includes('/stop/'))!;
    await page.goto(stop);
    await look('stop');
    await press('Stop our letters');
    await look('stop, stopped');
    await goto('/demo/mailbox');
    await look('mailbox');
    await goto('/');
    await look('home, after a no');
  });
});

describe('The desk', { timeout: 120_000 }, () => {
  test('Signing in: an address, a wrong one, a code, a wrong one, once more for what matters', async () => {
    await context.close();
    context = await journey.device({ javaScriptEnabled: true });
    page = await context.newPage();
    await goto('/staff');
    await look('sign in');
    await page.locator('form').evaluate((form: HTMLFormElement) => {
      form.noValidate = true;
    });
    await page.getByLabel('Your address at work').fill('grace');
    await press('Send me a code');
    await look('sign in, refused');
    await page.getByLabel('Your address at work').fill('grace.adeyemi@northline.example');
    await press('Send me a code');
    await look('sign in, the code');
    await page.getByLabel('Six-digit code').fill('000000');
    await press('Sign in');
    await look('sign in, wrong code');
    await goto('/staff/sign-in?again=&to=/staff/people');
    await look('sign in, once more');
  });

  test('What a writer sees: coverage, the guide, what is not theirs', async () => {
    await asColleague('grace');
    for (const path of [
      '/staff',
      '/staff/guide',
      '/staff/people',
      '/staff/choose',
      '/staff/batches',
      '/staff/outcomes',
    ]) {
      await goto(path);
      await look(`${path} as a writer`);
    }
  });

  test('Writing to one person: who waits, the letter, refused, signed, put off, nobody; and every letter', async () => {
    // A “no” on the pages before brought back what most others left over; so somebody else waits for the same as Inês.
    await journey.place.db.write(async (tx) => {
      const ines = await journey.personIdOf(INES);
      const [personId, departureId, complaintId] = [newId(), newId(), newId()];
      const [person] = await tx.select().from(persons).where(eq(persons.id, ines));
      const email = 'rosa@almeida.example';
      const rosa = { firstName: 'Rosa', lastName: 'Almeida', email, emailNorm: email, billingId: null };
      await tx.insert(persons).values({ ...person!, ...rosa, id: personId, externalId: 'rosa' });
      const [left] = await tx.select().from(departures).where(eq(departures.personId, ines));
      await tx.insert(departures).values({ ...left!, id: departureId, personId });
      const [told] = await tx.select().from(complaints).where(eq(complaints.personId, ines));
      await tx.insert(complaints).values({ ...told!, id: complaintId, personId, departureId, ref: 'rosa' });
      const [said] = await tx.select().from(resolutions).where(eq(resolutions.complaintId, told!.id));
      await tx.insert(resolutions).values({ ...said!, complaintId });
    });
    await asColleague('grace');
    await goto('/staff/write-to');
    await look('writing, who waits');
    await page.getByRole('link', { name: /^Write to / }).click();
    await look('writing, the letter');
    await page.getByLabel('A sentence of your own').fill('We value you and we miss you.');
    await press('Sign and send');
    await look('writing, refused');
    await page.getByLabel('A sentence of your own').fill('I have your message in front of me as I write.');
    await press('Look at it with my sentence');
    await look('writing, with one’s own sentence');
    await press('Sign and send');
    await look('writing, signed, and the next');
    await press('Put off, and on to the next');
    await look('writing, put off without a reason');
    await page.getByLabel('Why not now').fill('They asked for a quiet month.');
    await press('Put off, and on to the next');
    await goto('/staff/write-to');
    await look('writing, one signed and one put off');
    await goto(`/staff/write-to/${await journey.personIdOf(IDRIS)}`);
    await look('writing, not invited');
    await goto('/staff/write-to/nobody');
    await look('writing, nobody there');
    await goto('/staff/letters');
    await look('letters');
    await page.locator('details').evaluateAll((all: HTMLDetailsElement[]) => {
      for (const one of all) one.open = true;
    });
    await look('letters, open');
  });

  test('Import and triage, with nothing in them and with a file that was put down', async () => {
    await asColleague('sander');
    await goto('/staff/import');
    await look('import');
    await page.locator('#file').setInputFiles('db/cast.csv');
    await press('Look at it');
    await look('import, a file');
    await asColleague('priya');
    await goto('/staff/doubles');
    await look('doubles, none');
    await asColleague('grace');
    await goto('/staff/triage');
    // The bulk bar counts the ticks, where there are any; without it every press works the same.
    const ticks = await page.locator('main').getByRole('checkbox').count();
    await look('triage', { scripts: ticks > 0 ? 1 : 0 });
  });

  test('What an admin sees: colleagues, all of it open, refused and done; the log, whole, filtered and broken', async () => {
    await asColleague('sander');
    await goto('/staff/people');
    await page.locator('details').evaluateAll((all: HTMLDetailsElement[]) => {
      for (const one of all) one.open = true;
    });
    await look('colleagues, open');
    await page.getByLabel('First and last name').fill('Support Team');
    await page.locator('#title').fill('Everything');
    await page.getByLabel('Their address at work').fill('team@northline.example');
    await press('Add');
    await look('colleagues, refused');
    await page.getByLabel('First and last name').fill('Noor Haas');
    await page.locator('#roles').getByLabel('Writer').check();
    await press('Add');
    await look('colleagues, added');
    await page.locator('#person-noor summary').click();
    await press(/^End Noor Haas/);
    await look('colleagues, one who left');
    await goto('/staff/sending');
    await look('sending');
    await journey.place.db.write(async (tx) => {
      const to = { personId: null, to: 'maya@rennickpress.example', fromName: 'Priya Nair' };
      await postLetter(tx, { cause: 'in-doubt', kind: 'back', ...to, subject: 's', body: 'b' }, new Date());
      const doubt = { handedAt: 1, doubtfulAt: Date.now(), serverSaid: 'Connection closed unexpectedly' };
      await tx.update(letters).set(doubt).where(eq(letters.cause, 'in-doubt'));
    });
    await goto('/staff/sending');
    await look('sending, one in doubt');
    await press(/^It did arrive/);
    await look('sending, decided');
    await goto('/staff/log');
    await look('log');
    await goto('/staff/log?subject=staff%3Anoor');
    await look('log, of one');
    await goto('/staff/log?subject=nothing%3Ahere');
    await look('log, of nothing');
    const { db } = journey.place;
    await db.write((tx) => tx.update(audit).set({ action: 'published' }).where(eq(audit.number, 3)));
    await goto('/staff/log');
    await look('log, broken');
    await db.write((tx) => tx.update(audit).set({ action: 'added' }).where(eq(audit.number, 3)));
  });
});

describe('From draft to published', { timeout: 240_000 }, () => {
  const name = { collection: 'proofs', documentId: 'exports-finish' } as const;
  const desk = '/staff/drafts/proofs/exports-finish';

  test('each hand that a draft goes through, and what each reader would see', async () => {
    const { db } = journey.place;
    const now = new Date();
    const draft = await db.write(async (tx) => {
      const opened = must(await openDraft(tx, { ...name, by: 'grace' }, now));
      const source = `${opened.source.trimEnd()}\n\nWe should have said so sooner.\n`;
      const answer = await saveDraft(tx, { ...opened, source, by: 'grace' }, now);
      if (!('saved' in answer)) throw new Error('It was not saved.');
      return answer.saved;
    });
    const seen = { draftId: draft.id, contentHash: contentHash(draft) };

    await asColleague('grace');
    await goto(`${desk}/review`);
    await look('review, to send');
    for (const as of ['public', 'person', 'letter', 'narrow', 'dark', 'print']) {
      await goto(`${desk}/preview/${as}`);
      await look(`preview, ${as}`);
    }
    await goto(`${desk}/confirmer`);
    await look('confirmer, nobody asked');
    await page.getByLabel('Their first and last name').fill('Odile Marchetti');
    await page.getByLabel('Their address').fill('odile@elsewhere.example');
    await page.locator('button[value=outsider]').click();
    await look('confirmer, asked');
    await page.locator('button[value=outsider]').click();
    await look('confirmer, refused');

    await page.goto(
      addressesIn(await journey.letter('confirm', 'odile@elsewhere.example')).find((one) => one.includes('/confirm/'))!,
    );
    await look('confirm');
    await press('No, it is not so');
    await look('confirm, refused');
    await page.getByLabel('What is not so').fill('Two of mine stopped half-way.');
    await press('No, it is not so');
    await look('confirm, answered');
    await goto('/confirm/nothing');
    await look('confirm, dead link');

    await db.write((tx) => sendToOwner(tx, { ...seen, by: 'grace' }, now));
    await goto(`${desk}/review`);
    await look('review, with its owner');
    await asColleague('priya');
    await goto(`${desk}/review`);
    await look('review, to confirm');
    await press(/^I have checked all/);
    await look('review, not all ticked');
    const ticked = factsIn(draft).map(({ id }) => id);
    await db.write((tx) => confirmFacts(tx, { ...seen, by: 'priya', ticked }, now));

    await asColleague('sander');
    await goto(`${desk}/review`);
    await look('review, to publish');
    await press('Publish now');
    await look('review, refused');
    await page.getByLabel('Why it changes').fill('It left out that we were late.');
    await page.getByLabel('Day', { exact: true }).fill('2027-01-15');
    await press('Schedule');
    await look('review, scheduled');
    await page.getByLabel('What to mend').fill('Say how late we were.');
    await press('Send back');
    await look('review, sent back');
    await goto('/staff/drafts/proofs/you-close-the-request/review');
    await look('review, published');
  });
});
