import { eq, inArray } from 'drizzle-orm';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { IDRIS, MAYA } from '../../db/cast.ts';
import { letters } from '../../db/schema/mail.ts';
import { brokenRules } from '../support/axe.ts';
import { dumpOf, type Journey, openJourney } from '../support/place.ts';

/*
 * Grace writes to people, one after the other, on a phone, with the keyboard alone and without script. Each letter is read and gets
 * a sentence of its own; it leaves in her name, and answers reach her.
 */

let journey: Journey;
let context: BrowserContext;
let page: Page;
const db = () => journey.place.db;

beforeAll(async () => {
  journey = await openJourney('grace-writes');
});
afterAll(() => journey?.close());

async function as(id: string): Promise<void> {
  await context?.close();
  context = await journey.colleague(id, { viewport: { width: 360, height: 740 } });
  context.setDefaultTimeout(30_000);
  page = await context.newPage();
}
const goto = (path: string) => page.goto(journey.place.url + path);

/** What has the focus, by its text or its name. */
const focused = async () => {
  const at = page.locator(':focus');
  return (await at.count()) === 0 ? '' : ((await at.getAttribute('name')) ?? (await at.innerText())).trim();
};

/** Presses Tab until this has the focus; answers how often. */
async function tabTo(name: string, most = 40): Promise<number> {
  for (let presses = 1; presses <= most; presses += 1) {
    await page.keyboard.press('Tab');
    if ((await focused()).includes(name)) return presses;
  }
  throw new Error(`${most} presses of Tab do not lead to ${name}.`);
}

const invitations = () => db().read.select().from(letters).where(eq(letters.kind, 'invitation'));
const h1 = () => page.locator('h1').innerText();

test('opening what is written to whom changes nothing', async () => {
  await as('grace');
  const before = await dumpOf(journey.place);
  for (const path of [
    '/staff/write-to',
    `/staff/write-to/${await journey.personIdOf(MAYA)}`,
    `/staff/write-to/${await journey.personIdOf(MAYA)}/as-html`,
    '/staff/letters',
    '/staff/letters/invitation/as-html',
  ]) {
    expect((await goto(path))!.status(), path).toBe(200);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), path).toBeLessThanOrEqual(360);
  }
  expect((await dumpOf(journey.place)).letters).toEqual(before.letters);
  expect((await dumpOf(journey.place)).links).toEqual(before.links);
  expect((await dumpOf(journey.place)).audit).toEqual(before.audit);
});

test('two people in a row, with the keyboard: a sentence, Tab, Enter, and the next one is there', async () => {
  await as('grace');
  await goto('/staff/write-to');
  expect(await h1()).toBe('6 people wait for a letter');
  await tabTo('Skip to the text');
  await page.keyboard.press('Enter');
  await tabTo('Write to Bronagh Kearney');
  await page.keyboard.press('Enter');
  await page.waitForURL(/write-to\/[\w-]+$/);
  expect(await h1()).toBe('Bronagh Kearney');
  // What she reads is what leaves: the words, the day, what we did, and her own name.
  const letter = await page.locator('.letter-paper').innerText();
  expect(letter).toContain('On 16 March 2026 you told us:');
  expect(letter).toContain('We exported your subs list on six Mondays at nine.');
  expect(letter).toContain('Grace Adeyemi, Head of Customer Communications');

  await tabTo('Skip to the text');
  await page.keyboard.press('Enter');
  await tabTo('own');
  const first = 'Your regatta list is the one I had them run before anything else.';
  await page.keyboard.type(first);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForURL(/signed=/);
  expect(await h1()).toBe('Maya Rennick');
  expect(await page.getByRole('status').innerText()).toContain('Signed: your letter to Bronagh Kearney leaves at');

  // From here on it is Tab, the sentence, Tab, Enter.
  const began = performance.now();
  expect(await tabTo('own')).toBe(1);
  await page.keyboard.type('I kept your three Mondays on my desk until they were mended.');
  await page.keyboard.press('Tab');
  expect(await focused()).toBe('press');
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => url.searchParams.has('signed') && !url.pathname.includes('undefined'));
  await page.getByText('Signed: your letter to Maya Rennick').waitFor();
  console.log(
    `A letter signed and the next one there: ${Math.round(performance.now() - began)} ms with the machine typing, 3 presses beside the sentence.`,
  );
  expect(await h1()).toBe('Inês Carvalho');
  const signed = await invitations();
  expect(signed.map(({ fromName, signedBy, sentAt }) => ({ fromName, signedBy, sentAt }))).toEqual([
    { fromName: 'Grace Adeyemi', signedBy: 'grace', sentAt: null },
    { fromName: 'Grace Adeyemi', signedBy: 'grace', sentAt: null },
  ]);
  expect(signed.find(({ toAddress }) => toAddress.startsWith('treasurer'))!.body).toContain(first);
});

test('a sentence that would be insincere is refused in words, and nothing typed is lost', async () => {
  await page.getByLabel('A sentence of your own').fill('We value you, and we miss you.');
  await page.getByRole('button', { name: 'Sign and send' }).click();
  expect(await page.title()).toMatch(/^Error: /);
  expect(await page.locator('.errors, [role=alert]').first().innerText()).toMatch(/flattery|nostalgia/);
  expect(await page.getByLabel('A sentence of your own').inputValue()).toBe('We value you, and we miss you.');
  expect(await invitations()).toHaveLength(2);
});

test('within five minutes she takes one back; it does not leave, and Maya waits again', async () => {
  await goto('/staff/write-to');
  expect(await h1()).toBe('4 people wait for a letter');
  await page.getByRole('button', { name: /^Take it back.*Maya/ }).click();
  expect(await page.getByRole('status').innerText()).toContain('Taken back');
  expect(await h1()).toBe('5 people wait for a letter');
});

test('the other leaves: the mailbox shows it as text and as HTML, in her name, answers to her', async () => {
  const waiting = (await invitations()).filter(({ heldBecause }) => heldBecause === null);
  expect(waiting).toHaveLength(1);
  await db().write((tx) =>
    tx
      .update(letters)
      .set({ notBefore: Date.now() - 1 })
      .where(
        inArray(
          letters.id,
          waiting.map(({ id }) => id),
        ),
      ),
  );
  const sent = await journey.letter('invitation', 'treasurer@lagansiderowing.example');
  expect(sent).toMatchObject({ fromName: 'Grace Adeyemi', replyTo: 'grace.adeyemi@northline.example' });
  const anybody = await journey.device({ viewport: { width: 360, height: 740 } });
  const mailbox = await anybody.newPage();
  await mailbox.goto(`${journey.place.url}/demo/mailbox`);
  const text = await mailbox.locator('li', { hasText: 'answers to grace.adeyemi@northline.example' }).innerText();
  expect(text).toContain('We exported your subs list on six Mondays at nine.');
  await mailbox
    .getByRole('link', { name: /^As HTML/ })
    .first()
    .click();
  const html = await mailbox.locator('body').innerText();
  for (const line of sent.text.split('\n').map((one) => one.replace(/^> /, '').trim())) expect(html).toContain(line);
  expect(await mailbox.locator('blockquote').evaluate((quote) => getComputedStyle(quote).borderLeftWidth)).toBe('3px');
  expect(await mailbox.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  // The link in it opens her page, as every personal link does.
  const link = /http\S+\/for\/[\w-]{43}/.exec(sent.text)![0];
  await mailbox.goto(link);
  expect(await mailbox.locator('h1').innerText()).toMatch(/^You told us/);
  await anybody.close();
  await goto('/staff/write-to');
  expect(await page.locator('section', { hasText: 'What you signed' }).innerText()).toMatch(/Left at \d\d:\d\d/);
});

test('as a mail program shows it, a letter can be read in light and in dark', async () => {
  const scripted = await journey.device({ javaScriptEnabled: true, storageState: await context.storageState() });
  const preview = await scripted.newPage();
  for (const kind of ['invitation', 'code', 'fixed', 'role-accepted']) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await preview.emulateMedia({ colorScheme });
      await preview.goto(`${journey.place.url}/staff/letters/${kind}/as-html`);
      // A letter is a document of its own, without the landmarks of a page.
      const rules = [
        'color-contrast',
        'color-contrast-enhanced',
        'link-in-text-block',
        'html-has-lang',
        'document-title',
      ];
      expect([kind, colorScheme, await brokenRules(preview, rules)]).toEqual([kind, colorScheme, []]);
      for (const width of [320, 1280]) {
        await preview.setViewportSize({ width, height: 800 });
        expect(await preview.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      }
    }
  }
  await scripted.close();
});

test('who is kept back by the gate has no box to sign in; a former colleague is for HR', async () => {
  await goto(`/staff/write-to/${await journey.personIdOf(IDRIS)}`);
  expect(await page.getByText('Nobody may write to them now').count()).toBe(1);
  expect(await page.getByRole('button', { name: 'Sign and send' }).count()).toBe(0);
  await as('ruth');
  await goto('/staff/write-to');
  await page.getByRole('link', { name: /^Write to Tariq/ }).click();
  expect(await page.locator('.letter-paper').innerText()).not.toMatch(/shift|rota/i);
  await page
    .getByLabel('A sentence of your own')
    .fill('I have thought of our last talk more than once since that January.');
  await page.getByRole('button', { name: 'Sign and send' }).click();
  await page.waitForURL(/signed=|done=all/);
  expect((await invitations()).filter(({ signedBy }) => signedBy === 'ruth')).toHaveLength(1);
});

test('the command says who waits and signs nothing', async () => {
  const before = (await invitations()).length;
  const { code, out } = await journey.amends('invite', '--next', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ signed: 0, people: [{ source: 'cast', id: 'c-maya' }] });
  expect((await journey.amends('invite', '--list')).out).toContain('Nothing was sent');
  expect((await journey.amends('invite')).code).toBe(2);
  expect(await invitations()).toHaveLength(before);
}, 120_000);
