import { and, desc, eq } from 'drizzle-orm';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { STAFF } from '../../db/cast.ts';
import { confirmations, drafts } from '../../db/schema/desk.ts';
import { publishedVersions } from '../../db/schema/proofs.ts';
import { staff } from '../../db/schema/staff.ts';
import { publishDueDrafts } from '../../src/staff/approval.ts';
import { addressesIn, dumpOf, type Journey, openJourney, textOf, until } from '../support/place.ts';

/* From draft to published takes several people: no press, no page and no day lets one of them do it alone. */

const ID = 'exports-finish';
const DESK = `/staff/drafts/proofs/${ID}`;
// Several people, each with their own browser, on two cores.
vi.setConfig({ testTimeout: 120_000 });
let journey: Journey;
const contexts = new Map<string, BrowserContext>();

beforeAll(async () => {
  journey = await openJourney('not-alone');
});
afterAll(() => journey?.close());

const addressOf = (id: string) => STAFF.find((one) => one.id === id)!.address;
const url = (path: string) => new URL(path, journey.place.url).href;

/** A signed-in browser of one colleague, kept for the whole walk; on this page. */
async function as(id: string, path: string): Promise<Page> {
  let context = contexts.get(id);
  if (!context) {
    context = await journey.device();
    contexts.set(id, context);
    const page = await context.newPage();
    const before = await journey.letters();
    await page.goto(url('/staff/sign-in'));
    await page.locator('input[name=address]').fill(addressOf(id));
    await page
      .getByRole('button')
      .filter({ hasText: /code|Sign in/ })
      .click();
    const letter = await journey.letter('staff-code', addressOf(id), before);
    await page.locator('input[name=code]').fill(/\b\d{3}\s?\d{3}\b/.exec(letter.text)![0]);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.close();
  }
  const page = context.pages()[0] ?? (await context.newPage());
  await page.goto(url(path));
  return page;
}

const press = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).click();

async function newest() {
  const [row] = await journey.place.db.read
    .select()
    .from(publishedVersions)
    .where(and(eq(publishedVersions.collection, 'proofs'), eq(publishedVersions.documentId, ID)))
    .orderBy(desc(publishedVersions.version));
  return row!;
}

/** Grace begins a draft and puts one more sentence at its end. */
async function graceWrites(sentence: string): Promise<Page> {
  const page = await as('grace', DESK);
  const begin = page.getByRole('button', { name: 'Begin the draft' });
  if ((await begin.count()) > 0) await begin.click();
  const body = page.locator('#f-body');
  await body.fill(`${(await body.inputValue()).trimEnd()}\n\n${sentence}`);
  await page.locator('#draft').getByRole('button', { name: /Save/ }).first().click();
  await page.goto(url(`${DESK}/review`));
  return page;
}

async function priyaTicks(): Promise<Page> {
  const page = await as('priya', `${DESK}/review`);
  for (const box of await page.locator('input[name=fact]').all()) await box.check();
  await press(page, /^I have checked all/);
  return page;
}

test('Grace writes, Priya confirms number by number, Sander publishes', async () => {
  const grace = await graceWrites('We should have said so sooner.');
  expect(await textOf(grace)).toContain('Nothing in it is refused');
  expect(await textOf(grace)).toContain('We should have said so sooner.');
  await press(grace, 'Send to Priya Nair to confirm');
  expect(await textOf(grace)).toContain('Waiting for its owner');
  expect((await journey.letter('please-confirm', addressOf('priya'))).text).toContain(`${DESK}/review`);

  const priya = await as('priya', `${DESK}/review`);
  const boxes = await priya.locator('input[name=fact]').count();
  expect(boxes).toBeGreaterThan(20);
  expect(await textOf(priya)).toContain('exports-weekly.csv, rows 11 to 25');
  await priya.locator('input[name=fact]').first().check();
  await press(priya, /^I have checked all/);
  expect(await priya.getByRole('alert').innerText()).toContain(`Left: ${boxes - 1}`);
  expect(await priya.locator('input[name=fact]').first().isChecked()).toBe(true);
  for (const box of await priya.locator('input[name=fact]').all()) await box.check();
  await press(priya, /^I have checked all/);
  expect(await textOf(priya)).toContain('Ruth Abernethy or Sander de Wit looks at it and publishes it');
  expect(await priya.getByRole('button', { name: 'Publish' }).count()).toBe(0);

  await journey.letter('please-approve', addressOf('sander'));
  const sander = await as('sander', `${DESK}/review`);
  expect((await sander.locator('.differences .added').allInnerTexts()).join()).toContain(
    'We should have said so sooner.',
  );
  await press(sander, 'Publish');
  expect(await sander.getByRole('alert').innerText()).toContain('why it changes');
  await sander.getByLabel('Why it changes').fill('It left out that we were late to say it.');
  await press(sander, 'Publish');
  expect(await textOf(sander)).toContain('Version 2 is public');
  expect(await newest()).toMatchObject({ version: 2, confirmedBy: 'priya', approvedBy: 'sander' });

  const reader = await (await journey.device()).newPage();
  await reader.goto(url(`/proofs/${ID}`));
  expect(await textOf(reader)).toContain('We should have said so sooner.');
  await reader.goto(url(`/proofs/${ID}/versions/2`));
  const version = await textOf(reader);
  for (const said of ['It left out that we were late to say it.', 'Priya Nair', 'Sander de Wit'])
    expect(version).toContain(said);
});

test('an outsider confirms by a link; opening it changes nothing; the answer goes the usual way', async () => {
  const { db } = journey.place;
  const grace = await as('grace', `${DESK}/confirmer`);
  await grace.getByLabel('Their first and last name').fill('Priya Nair');
  await grace.getByLabel('Their address').fill('someone@elsewhere.example');
  await grace.locator('button[value=outsider]').click();
  expect(await grace.getByRole('alert').innerText()).toContain('somebody who works here');
  await grace.getByLabel('Their first and last name').fill('Odile Marchetti');
  await grace.getByLabel('Their address').fill('odile@elsewhere.example');
  await grace.locator('button[value=outsider]').click();
  expect(await textOf(grace)).toContain('Odile Marchetti, an outsider. No answer yet.');

  const letter = await journey.letter('confirm', 'odile@elsewhere.example');
  const link = addressesIn(letter).find((one) => one.includes('/confirm/'))!;
  await until('the sent letters', async () => (await db.read.select().from(confirmations))[0]?.hash);
  const before = await dumpOf(journey.place);
  const odile = await (await journey.device()).newPage();
  await odile.goto(link);
  expect((await fetch(link, { method: 'HEAD' })).headers.get('cache-control')).toContain('no-store');
  expect(await dumpOf(journey.place)).toEqual(before);
  expect(await textOf(odile)).toContain('Grace Adeyemi asks you whether this is so');

  await odile.getByLabel('The name that may stand on the page').fill('Odile Marchetti');
  await odile.getByLabel('How you checked it').fill('I ran 15 exports on Monday 16 November! All 15 opened.');
  await press(odile, 'Yes, I see it too');
  expect(await textOf(odile)).toContain('Yes, I see it too. Shown as Odile Marchetti.');
  await odile.goto(link);
  expect(await odile.getByRole('button', { name: 'No, it is not so' }).count()).toBe(0);

  const [draft] = await db.read.select().from(drafts);
  expect(draft!.source).toMatch(/answer: [0-9a-f-]{36}/);
  expect(draft!.source).not.toContain('Odile');
  await press(await as('grace', `${DESK}/review`), 'Send to Priya Nair to confirm');
  await priyaTicks();
  const sander = await as('sander', `${DESK}/review`);
  await sander.getByLabel('Why it changes').fill('Somebody from outside has looked.');
  await press(sander, 'Publish');
  await odile.goto(url(`/proofs/${ID}`));
  expect(await textOf(odile)).toContain('Confirmed by an outsider Odile Marchetti');
  const snapshot = async () => (await fetch(url(`/proofs/${ID}/versions/3.json`))).text();
  expect(await (await fetch(url(`/proofs/${ID}/versions`))).text()).not.toContain('Odile');
  expect(await snapshot()).not.toMatch(/Odile|15 exports on Monday/);

  await odile.goto(link);
  await press(odile, 'Take my name and words off the page');
  expect(await textOf(odile)).toContain('You took your name and words back.');
  await odile.goto(url(`/proofs/${ID}`));
  expect(await textOf(odile)).toContain('Confirmed by an outsider Name withdrawn');
  expect(await odile.content()).not.toMatch(/Odile|15 exports on Monday/);
});

test('a link that is not one, and one that is over, look the same', async () => {
  const page = await (await journey.device()).newPage();
  const [asked] = await journey.place.db.read.select().from(confirmations);
  const answers: { status: number; text: string }[] = [];
  await journey.place.db.write((tx) =>
    tx.update(confirmations).set({ expiresAt: 1, confirmed: false }).where(eq(confirmations.id, asked!.id)),
  );
  const letter = await journey.letter('confirm', 'odile@elsewhere.example');
  for (const link of [
    addressesIn(letter).find((one) => one.includes('/confirm/'))!,
    url(`/confirm/${'a'.repeat(43)}`),
    url('/confirm/x'),
  ]) {
    const response = await page.goto(link);
    answers.push({ status: response!.status(), text: await textOf(page) });
  }
  expect(new Set(answers.map((one) => JSON.stringify(one))).size).toBe(1);
  expect(answers[0]).toMatchObject({ status: 404 });
  // Whoever said yes keeps theirs.
  await journey.place.db.write((tx) =>
    tx.update(confirmations).set({ confirmed: true }).where(eq(confirmations.id, asked!.id)),
  );
  expect((await fetch(addressesIn(letter).find((one) => one.includes('/confirm/'))!)).status).toBe(200);
});

test('a third version is published by a round on its day', async () => {
  const { db } = journey.place;
  const version = (await newest()).version;
  await press(await graceWrites('We write to everyone on the first day now.'), 'Send to Priya Nair to confirm');
  await priyaTicks();
  const sander = await as('sander', `${DESK}/review`);
  await sander.getByLabel('Why it changes').fill('It says what we do now.');
  await sander.getByLabel('Day', { exact: true }).fill('2027-01-15');
  await sander.getByLabel('Time', { exact: true }).fill('07:30');
  await press(sander, 'Publish now');
  expect(await sander.getByRole('alert').innerText()).toContain('A day is chosen');
  expect((await newest()).version).toBe(version);
  expect(await sander.getByLabel('Day', { exact: true }).inputValue()).toBe('2027-01-15');
  await press(sander, 'Schedule');
  expect(await textOf(sander)).toContain('published by itself on 15 January 2027 at 07:30');
  expect((await newest()).version).toBe(version);
  expect(await publishDueDrafts(db, new Date('2027-01-15T07:29:59Z'))).toBe(0);
  expect(await publishDueDrafts(db, new Date('2027-01-15T07:30:00Z'))).toBe(1);
  expect(await newest()).toMatchObject({
    version: version + 1,
    approvedBy: 'sander',
    reason: 'It says what we do now.',
  });
  expect((await journey.letter('published', addressOf('grace'))).text).toContain('/proofs/exports-finish');
});

test('one person with every role publishes nothing, by any button or any hand-made press', async () => {
  const { db } = journey.place;
  const version = (await newest()).version;
  const every = ['writer', 'owner', 'approver', 'hr', 'operator', 'admin'] as const;
  await db.write((tx) =>
    tx
      .update(staff)
      .set({ roles: [...every] })
      .where(eq(staff.id, 'priya')),
  );
  const page = await as('priya', DESK);
  await press(page, 'Begin the draft');
  const body = page.locator('#f-body');
  await body.fill(`${(await body.inputValue()).trimEnd()}\n\nWe count on Mondays.`);
  await page.locator('#draft').getByRole('button', { name: /Save/ }).first().click();
  await page.goto(url(`${DESK}/review`));
  await press(page, 'Send to yourself to confirm');
  for (const box of await page.locator('input[name=fact]').all()) await box.check();
  await press(page, /^I have checked all/);
  expect(await textOf(page)).toContain('You may publish other people’s work, and not this: you answer for it.');
  expect(await page.getByRole('button', { name: 'Publish' }).count()).toBe(0);

  const form = {
    press: 'publish',
    reason: 'Because I say so.',
    draft: await page.locator('input[name=draft]').first().inputValue(),
    hash: await page.locator('input[name=hash]').first().inputValue(),
  };
  const send = async (id: string, fields: Record<string, string>) => {
    await as(id, '/staff');
    const request = contexts.get(id)!.request;
    const headers = { Origin: new URL(journey.place.url).origin };
    return (await request.post(url(`${DESK}/review`), { form: fields, headers, maxRedirects: 0 })).text();
  };
  expect(await send('priya', form)).toContain('it takes a second person');
  expect(await send('priya', { ...form, press: 'schedule', day: '2027-02-01', time: '09:00' })).toContain(
    'it takes a second person',
  );
  await send('grace', form);
  expect((await newest()).version).toBe(version);
  expect(await publishDueDrafts(db, new Date('2027-03-01T00:00:00Z'))).toBe(0);
  // The second person is enough.
  await send('sander', form);
  expect(await newest()).toMatchObject({ version: version + 1, confirmedBy: 'priya', approvedBy: 'sander' });
});
