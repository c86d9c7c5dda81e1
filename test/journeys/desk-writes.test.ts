import { eq } from 'drizzle-orm';
import type { BrowserContextOptions, Page } from 'playwright';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drafts } from '../../db/schema/desk.ts';
import { draftOf } from '../../src/staff/drafts.ts';
import { type Journey, openJourney, textOf, until } from '../support/place.ts';

/* Staff write: the same pages without script and with it, two people in one draft, a broken connection, and keys alone. */

let journey: Journey;

beforeAll(async () => {
  journey = await openJourney('desk-writes');
});
afterAll(() => journey?.close());

const ISSUE = 'large-files-slow';
const PROOF = { collection: 'proofs', documentId: 'files-load' } as const;
const SERIES = [
  'date,value',
  ...Array.from({ length: 12 }, (_, week) => `${day('2026-06-01', week * 7)},${58 - (week % 3)}`),
  ...Array.from({ length: 10 }, (_, week) => `${day('2026-08-31', week * 7)},${96 + (week % 3)}`),
].join('\n');

function day(from: string, days: number): string {
  return new Date(Date.parse(from) + days * 86_400_000).toISOString().slice(0, 10);
}

async function signedIn(staffId: string, options: BrowserContextOptions = {}): Promise<Page> {
  return (await journey.colleague(staffId, options)).newPage();
}

const at = (path: string) => `${journey.place.url}/staff/drafts${path}`;
const stored = () => draftOf(journey.place.db.read, PROOF);

async function begun(page: Page): Promise<void> {
  await page.goto(at(''));
  await page.getByLabel('What it is').selectOption('proofs');
  await page.getByLabel('A short name').fill('Files load');
  await page.getByLabel('The issue that it is for').selectOption(ISSUE);
  await page.getByRole('button', { name: 'Begin the draft' }).click();
}

test('from a row of coverage it is one press to a draft with everything known in it', async () => {
  const page = await signedIn('grace');
  await page.goto(`${journey.place.url}/staff`);
  await page.getByRole('button', { name: /^Write the proof.*Files over 2 GB/ }).click();
  expect(page.url()).toMatch(/\/staff\/drafts\/proofs\/[a-z0-9-]+$/);
  expect(await page.locator('#f-owner').inputValue()).toBe('priya');
  await page.getByRole('link', { name: 'Discard this draft' }).click();
  await page.getByRole('button', { name: 'Discard it' }).click();
});

test('without script: a draft begins with what is known, four slots are typed, the rest is picked, and the check is content', async () => {
  const page = await signedIn('grace', { viewport: { width: 360, height: 740 } });
  await begun(page);
  expect(page.url()).toBe(at('/proofs/files-load'));
  expect(await page.getByLabel('Files over 2 GB take hours or never load').isChecked()).toBe(true);
  expect(await page.locator('#f-owner').inputValue()).toBe('priya');
  expect(await page.locator('#f-started_on').inputValue()).toBe('2025-09-15');
  expect(await textOf(page)).toContain('Still to write: Headline');

  // Typed: four slots.
  await page.locator('#f-headline').fill('Large files load within ten minutes');
  await page.locator('#f-line').fill('{before} of large files loaded in time. {after} do now.');
  await page
    .locator('#f-body')
    .fill(
      'We made people with large files wait overnight, from September 2025 on. Our loader read a whole file into memory before it looked at the first row.\n\nWe knew on 3 November and answered with bigger machines. They helped for six weeks, and then the files had grown again. Charities with long gift ledgers had it worst, because their files grow every year.',
    );
  await page
    .locator('#f-changes-0-what')
    .fill(
      '**The loader reads a file row by row.** A file of any size needs the same memory, and a wrong row is named.',
    );
  await page
    .locator('#f-still_not_right')
    .fill('Attachments still load with the old program, and a file with many of them can take an hour.');
  // Picked or pasted.
  await page.locator('[name="f[voices][]"]').and(page.getByLabel('We grew. That')).check();
  await page.locator('#f-changed_on').fill('2026-08-31');
  await page.locator('#f-changes-0-on').fill('2026-08-31');
  await page.locator('#f-series-0-title').fill('Share of large test files that loaded within ten minutes, weekly');
  await page.locator('#f-series-0-unit').selectOption('percent');
  await page.locator('#f-series-0-better').selectOption('higher');
  await page.locator('#f-series-0-reopen_limit').fill('90');
  await page.locator('#f-series-0-source').fill('Nightly loading test of the data platform, table load_runs.');
  await page.locator('#f-series-0-_csv').fill(SERIES);
  await page.getByRole('button', { name: 'Save', exact: true }).click();

  const text = await textOf(page);
  expect(text).toContain('Saved ');
  expect(text).toContain('The check: Nothing keeps it from being published');
  expect(text).toContain('{before} 57%');
  expect(await page.locator('#check svg').count()).toBeGreaterThan(0);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  const draft = await stored();
  expect(draft).toMatchObject({ revision: 2, savedBy: 'grace', writers: ['grace'] });
  expect(draft!.assets['measured-1.csv']).toBe(`${SERIES}\n`);
});

test('a sentence that the check refuses stands at its field with what to write instead', async () => {
  const page = await signedIn('grace');
  await page.goto(at('/proofs/files-load'));
  const good = await page.locator('#f-lede').inputValue();
  await page.locator('#f-lede').fill('Only 12% of large files loaded. We apologise for any inconvenience.');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const wrong = await page.locator('[data-problems-at="lede"]').innerText();
  expect(wrong).toContain('is not what the data says');
  expect(await page.locator('#f-lede').getAttribute('aria-invalid')).toBe('true');
  await page.locator('#f-lede').fill(good);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  expect(await textOf(page)).toContain('Nothing keeps it from being published');
});

test('without script, two writers: the second overwrites nothing, sees both versions, and picks field by field', async () => {
  const [grace, owen] = [await signedIn('grace'), await signedIn('owen')];
  await Promise.all([grace.goto(at('/proofs/files-load')), owen.goto(at('/proofs/files-load'))]);
  await grace.locator('#f-headline').fill('Files over 2 GB load in ten minutes');
  await grace.getByRole('button', { name: 'Save', exact: true }).click();
  await owen.locator('#f-headline').fill('Your large files load while you wait');
  await owen.locator('#f-review_on').fill('2027-03-01');
  const refused = owen.waitForResponse((response) => response.request().method() === 'POST');
  await owen.getByRole('button', { name: 'Save', exact: true }).click();
  expect((await refused).status()).toBe(409);
  const text = await textOf(owen);
  expect(text).toContain('Grace Adeyemi saved at');
  expect(text).toContain('Files over 2 GB load in ten minutes');
  expect(text).toContain('Your large files load while you wait');
  expect((await stored())!.source).toContain('Files over 2 GB load in ten minutes');

  expect(await owen.locator('fieldset.versions input:checked').count(), 'nobody chose for them').toBe(0);
  await owen.getByRole('group', { name: 'Headline' }).getByLabel('Grace Adeyemi, saved').check();
  await owen.getByRole('group', { name: 'We look again on' }).getByLabel('Yours, not saved').check();
  await owen.getByRole('button', { name: 'Save what I picked' }).click();
  const draft = await stored();
  expect(draft!.source).toContain('headline: Files over 2 GB load in ten minutes');
  expect(draft!.source).toContain('review_on: 2027-03-01');
  expect(draft!.writers).toEqual(['grace', 'owen']);
});

test('with script: the island starts under the policy, checks while one types, saves by itself, and public pages have no script', async () => {
  const page = await signedIn('grace', { javaScriptEnabled: true });
  const wrong: string[] = [];
  page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
  page.on('pageerror', (error) => wrong.push(error.message));
  const answer = await page.goto(at('/proofs/files-load'));
  expect(answer!.headers()['content-security-policy']).toMatch(/script-src 'self' 'sha256-/);
  expect(answer!.headers()['content-security-policy']).not.toMatch(/unsafe/);
  await page.locator('form[data-live]').waitFor();
  // What stands inline is what Astro puts before an island, and the policy names it.
  expect(await page.locator('script:not([src])').count()).toBe(2);

  await page.locator('#f-still_not_right').fill('Nothing.');
  await page.locator('[data-problems-at="still_not_right"] .wrong').waitFor();
  await page
    .locator('#f-still_not_right')
    .fill('Attachments still load with the old program, and many of them take an hour.');
  await page.locator('[data-problems-at="still_not_right"] .wrong').waitFor({ state: 'detached' });
  await until('the words are saved', async () =>
    /^Saved \d\d:\d\d$/.test(await page.locator('#save-status').innerText()),
  );
  expect((await stored())!.source).toContain('many of them take an hour');
  await page
    .locator('#f-lede')
    .fill('Before the change {before} loaded in time. In the {weeks} since, it has been {after}, on most days.');
  await page.locator('#check .computed', { hasText: 'on most days' }).waitFor();
  expect(wrong).toEqual([]);

  for (const path of ['/', '/proofs/exports-finish', '/staff/drafts']) {
    const other = await page.goto(`${journey.place.url}${path}`);
    expect(other!.headers()['content-security-policy']).not.toContain('script-src');
    expect(await page.locator('script').count()).toBe(0);
  }
});

test('with script: a second writer is told at once, and goes on with both versions', async () => {
  const [grace, owen] = [await signedIn('grace', { javaScriptEnabled: true }), await signedIn('owen')];
  await Promise.all([grace.goto(at('/proofs/files-load')), owen.goto(at('/proofs/files-load'))]);
  await owen.locator('#f-headline').fill('Large files load in ten minutes now');
  await owen.getByRole('button', { name: 'Save', exact: true }).click();
  await grace.locator('#f-review_on').fill('2027-04-01');
  await grace.getByText('Owen Pritchard saved at').waitFor();
  await grace.getByRole('button', { name: 'See both versions' }).click();
  await grace.getByRole('button', { name: 'Save all of mine' }).waitFor();
  await grace.getByRole('group', { name: 'Headline' }).getByLabel('Owen Pritchard, saved').check();
  await grace.getByRole('group', { name: 'We look again on' }).getByLabel('Yours, not saved').check();
  await grace.getByRole('button', { name: 'Save what I picked' }).click();
  await grace.locator('#f-headline').waitFor();
  const draft = await stored();
  expect(draft!.source).toContain('Large files load in ten minutes now');
  expect(draft!.source).toContain('review_on: 2027-04-01');
});

test('with script: words that could not be sent are kept in the window and put back', async () => {
  const page = await signedIn('grace', { javaScriptEnabled: true });
  await page.goto(at('/proofs/files-load'));
  await page.locator('form[data-live]').waitFor();
  await page.context().setOffline(true);
  await page.locator('#f-headline').fill('Large files load before you have made tea');
  await page.getByText('Not saved: no connection. Your words are kept here.').waitFor();
  await page.context().setOffline(false);
  page.on('dialog', (dialog) => dialog.accept());
  await page.reload();
  expect(await page.locator('#f-headline').inputValue()).toBe('Large files load in ten minutes now');
  await page.getByRole('button', { name: 'Put them back' }).click();
  expect(await page.locator('#f-headline').inputValue()).toBe('Large files load before you have made tea');
  await until('the words are saved', async () => (await stored())!.source.includes('before you have made tea'));
});

test('with script: words saved on the way to the check are not called lost, and only what differs is put back', async () => {
  const page = await signedIn('grace', { javaScriptEnabled: true });
  await page.goto(at('/proofs/files-load'));
  await page.locator('form[data-live]').waitFor();
  await page.locator('#f-headline').fill('Large files load in nine minutes now');
  await page.getByRole('button', { name: 'Save and go to the check' }).click();
  await page.waitForURL(/\/review$/);
  expect((await stored())!.source).toContain('load in nine minutes now');
  await page.goto(at('/proofs/files-load'));
  await page.locator('form[data-live]').waitFor();
  expect(await page.getByText('Words of yours were not saved').count()).toBe(0);
});

test('a file that is too large is refused before it is sent, and by a page of the desk without script', async () => {
  const file = { name: 'all.csv', mimeType: 'text/csv', buffer: Buffer.alloc(5 * 1024 * 1024, '1') };
  const page = await signedIn('grace', { javaScriptEnabled: true });
  await page.goto(at('/proofs/files-load'));
  await page.locator('form[data-live]').waitFor();
  await page.locator('#f-series-0-_csv-upload').setInputFiles(file);
  await page.getByText('This file has 5 MB; at most 2 MB.').waitFor();
  const plain = await signedIn('grace');
  await plain.goto(at('/proofs/files-load'));
  await plain.locator('#f-series-0-_csv-upload').setInputFiles(file);
  await plain.getByRole('button', { name: 'Save', exact: true }).click();
  expect(await textOf(plain)).toContain('What you sent has 5 MB; at most 2 MB fit.');
  await plain.getByRole('link', { name: 'Back to the draft' }).click();
  expect(plain.url()).toBe(at('/proofs/files-load'));
});

test('by keyboard alone: write, follow a problem to its field, save', async () => {
  const page = await signedIn('grace');
  await page.goto(at('/proofs/files-load'));
  const onto = async (id: string) => {
    for (let presses = 0; presses < 150; presses += 1) {
      await page.keyboard.press('Tab');
      if (
        (await page
          .locator(':focus')
          .getAttribute('id')
          .catch(() => null)) === id
      )
        return;
    }
    throw new Error(`Tab never reaches ${id}.`);
  };
  await onto('f-headline');
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type('Files of 2 GB load while you wait');
  await page.keyboard.press('Enter');
  await until('the draft is saved', async () => (await stored())!.source.includes('load while you wait'));
});

test('a picture is added with what it shows, and nothing else is taken for one', async () => {
  const page = await signedIn('grace');
  await page.goto(at('/proofs/files-load'));
  await page.getByRole('button', { name: 'Save, and add a picture' }).click();
  const choose = (name: string, buffer: Buffer) =>
    page.getByLabel('The picture', { exact: true }).setInputFiles({ name, mimeType: 'image/png', buffer });
  await choose('notes.png', Buffer.from('not a picture'));
  await page.getByLabel('What it shows').fill('The loading screen with a row named in it');
  await page.getByRole('button', { name: 'Add the picture' }).click();
  expect(await textOf(page)).toContain('can’t be read as a picture');
  await choose(
    'a.png',
    await sharp({ create: { width: 900, height: 300, channels: 3, background: '#124' } })
      .png()
      .toBuffer(),
  );
  await page.getByRole('button', { name: 'Add the picture' }).click();
  const shown = page.locator('#f-pictures img');
  const answer = await page.request.get(new URL((await shown.getAttribute('src'))!, page.url()).href);
  expect(answer.headers()['content-type']).toBe('image/webp');
  expect(answer.headers()['cache-control']).toContain('immutable');
  expect((await stored())!.source).toContain('alt: The loading screen with a row named in it');
});

test('a page that was left open never writes over a draft that was begun anew', async () => {
  const [grace, owen] = [await signedIn('grace'), await signedIn('owen')];
  await grace.goto(at('/pages/privacy'));
  await grace.getByRole('button', { name: 'Begin the draft' }).click();
  await owen.goto(at('/pages/privacy'));
  await owen.goto(at('/pages/privacy/discard'));
  await owen.getByRole('button', { name: 'Discard it' }).click();
  await owen.goto(at('/pages/privacy'));
  await owen.getByRole('button', { name: 'Begin the draft' }).click();
  // Both have read revision 1, each of another draft.
  await grace.locator('#f-title').fill('Written in what is gone');
  await grace.getByRole('button', { name: 'Save', exact: true }).click();
  expect(await textOf(grace)).toContain('Nothing of yours was saved, and nothing was overwritten');
  const privacy = await draftOf(journey.place.db.read, { collection: 'pages', documentId: 'privacy' });
  expect(privacy).toMatchObject({ revision: 1, savedBy: 'owen', writers: [] });
  await owen.goto(at('/pages/privacy/discard'));
  await owen.getByRole('button', { name: 'Discard it' }).click();
});

test('a draft is discarded on a page of its own', async () => {
  const page = await signedIn('grace');
  await page.goto(at('/proofs/files-load'));
  await page.getByRole('link', { name: 'Discard this draft' }).click();
  expect(await stored()).not.toBeNull();
  await page.getByRole('button', { name: 'Discard it' }).click();
  expect(await stored()).toBeNull();
  expect(await textOf(page)).toContain('Nobody is writing anything');
});

test('every shipped document opens in its form, and saving it unchanged changes nothing', async () => {
  const page = await signedIn('grace');
  for (const path of [
    '/proofs/exports-finish',
    '/issues/exports-failed',
    '/offers/team',
    '/checkins/exports-failed',
    '/pages/privacy',
    '/letters/fixed',
    '/site/site',
    '/proofs/sixty-days-notice',
  ]) {
    await page.goto(at(path));
    await page.getByRole('button', { name: 'Begin the draft' }).click();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    expect(await textOf(page), path).toContain('Nothing keeps it from being published');
  }
  const all = await journey.place.db.read.select().from(drafts).where(eq(drafts.savedBy, 'grace'));
  expect(all.map(({ revision }) => revision)).toEqual(all.map(() => 1));
});
