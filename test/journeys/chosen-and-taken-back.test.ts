import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { eq } from 'drizzle-orm';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { batches, chosen } from '../../db/schema/invitations.ts';
import { departures, waits } from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { audit, staff } from '../../db/schema/staff.ts';
import { newId } from '../../src/shared/ids.ts';
import { invited, leftOverExports } from '../invitations/many.ts';
import { backAgain } from '../invitations/returns.ts';
import { lookAt } from '../support/axe.ts';
import { addressesIn, dumpOf, type Journey, openJourney, textOf } from '../support/place.ts';

/*
 * Somebody at the desk chooses whom to write to: sees who is left out and why, opens a batch, takes its links as a file, and takes it back.
 * Months later the desk says what came of it, and of nobody who works here.
 */

let journey: Journey;
let context: BrowserContext;
let page: Page;
const db = () => journey.place.db;

beforeAll(async () => {
  journey = await openJourney('chosen-and-taken-back');
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

const deeds = async (action: string) => (await db().read.select().from(audit).where(eq(audit.action, action))).length;

describe('Before anyone was chosen', { timeout: 120_000 }, () => {
  test('each page says what will stand on it', async () => {
    await as('sander', true);
    await goto('/staff/outcomes');
    expect(await textOf(page)).toContain('Nobody has been written to yet');
    await lookAt(page, 'outcomes-empty');
    await goto('/staff/batches');
    expect(await textOf(page)).toContain('Nobody was chosen yet');
    await lookAt(page, 'batches-empty');
    await goto('/staff/choose');
    await lookAt(page, 'choose');
  });
});

/** How many links were taken as a file: whether they were sent on, nobody here knows. */
let taken = 0;

describe('Choosing', { timeout: 120_000 }, () => {
  let link = '';

  test('who is left out is said by reason, and looking writes down nobody', async () => {
    await as('sander', true);
    await goto('/staff/choose');
    await page.getByLabel('The year in which they left').fill('26');
    await press('See who is left out');
    expect(await textOf(page)).toContain('Write the year with four digits');
    await lookAt(page, 'choose-refused');
    await page.getByLabel('The year in which they left').fill('');
    await page.getByLabel('Over which issue they left').selectOption('exports-failed');
    await press('See who is left out');
    const words = await textOf(page);
    expect(words).toMatch(/\d+ of \d+ can be written to/);
    expect(words).toContain('Never invited, so that we can tell what inviting achieves.');
    const numbers = await page.locator('td.number').allInnerTexts();
    const [of] = /of (\d+) can be/.exec(words)!.slice(1).map(Number);
    expect(numbers.map(Number).reduce((sum, one) => sum + one, 0)).toBe(of);
    await page.getByText('Send with another tool instead').click();
    await lookAt(page, 'choose-seen');
    expect(await db().read.select().from(chosen)).toEqual([]);
  });

  test('a press opens the batch and leads to writing; nobody of it can be chosen once more', async () => {
    await press(/^Write to /);
    expect(new URL(page.url()).pathname).toBe('/staff/write-to');
    const [batch] = await db().read.select().from(batches);
    expect(new URL(page.url()).searchParams.get('batch')).toBe(batch!.id);
    expect(batch).toMatchObject({
      choice: { issue: 'exports-failed', kind: 'customer' },
      purpose: 'letters',
      by: 'sander',
    });
    expect(await deeds('chose')).toBe(1);
    await goto('/staff/choose?issue=exports-failed');
    await press('See who is left out');
    expect(await textOf(page)).toContain('They are in an earlier choice that stands.');
    expect(await page.getByRole('button', { name: /^Write to / }).count()).toBe(0);
  });

  test('it is taken back with a reason, at once and for good', async () => {
    await goto('/staff/batches');
    await page.getByText('Take it back').first().click();
    expect(await textOf(page)).toContain('This can’t be undone.');
    await lookAt(page, 'batch');
    await page.getByLabel('Why').fill('no');
    await press('Take this batch back');
    expect(await textOf(page)).toContain('Say in a sentence why it is taken back.');
    await page.getByLabel('Why').fill('The export failed again this morning.');
    await press('Take this batch back');
    expect(await textOf(page)).toContain('Taken back.');
    expect(await textOf(page)).toContain('The export failed again this morning.');
    expect(await deeds('revoked a batch')).toBe(1);
  });

  test('a file of links: six columns, taken by a press alone; a link works until the batch is taken back', async () => {
    await as('mei');
    await goto('/staff/choose');
    await page.getByLabel('Over which issue they left').selectOption('exports-failed');
    await press('See who is left out');
    await page.getByText('Send with another tool instead').click();
    expect(await textOf(page)).toContain('they are not counted as signed');
    await press('Take a file of links');
    const [download] = await Promise.all([page.waitForEvent('download'), press('Take the file of links')]);
    const rows: Record<string, string>[] = parse(readFileSync(await download.path()), { columns: true });
    taken = rows.length;
    expect(Object.keys(rows[0]!)).toEqual(['email', 'first_name', 'last_name', 'link', 'stop_link', 'batch']);
    expect(await deeds('took links')).toBe(1);
    const maya = rows.find(({ email }) => email === 'maya@rennickpress.example')!;
    link = maya['link']!;
    const theirs = await (await journey.device()).newPage();
    const opened = await theirs.goto(link);
    expect(opened!.status()).toBe(200);
    expect(await textOf(theirs)).toContain('Maya');
    const before = await dumpOf(journey.place);
    await goto('/staff/batches/links.csv');
    expect(new URL(page.url()).pathname).toBe('/staff/batches');
    const after = await dumpOf(journey.place);
    expect({ ...after, staff_sessions: 0 }).toEqual({ ...before, staff_sessions: 0 });

    await page.getByText('Take it back').first().click();
    await page.getByLabel('Why').first().fill('The wrong file was sent on.');
    const began = performance.now();
    await press('Take this batch back');
    expect(await textOf(page)).toMatch(/Taken back. \d+ links stopped working at once/);
    expect((await theirs.goto(link))!.status()).toBe(404);
    expect(performance.now() - began).toBeLessThan(10_000);
    // Whoever has the letter can still stop us.
    expect((await theirs.goto(maya['stop_link']!))!.status()).toBe(200);
    await theirs.context().close();
  });

  test('a link in a letter is not one that this page could have leaked', async () => {
    await goto('/staff/batches');
    expect(addressesIn({ text: await page.content() } as never).filter((one) => one.includes('/for/'))).toEqual([]);
  });
});

describe('What came of it', { timeout: 120_000 }, () => {
  test('the main number, the comparison and the line, with the query behind each; no colleague is counted', async () => {
    const now = new Date();
    const DAY = 86_400_000;
    const at = now.getTime() - 200 * DAY;
    const ids = await leftOverExports(db(), 300, now, 'crowd');
    await db().write(async (tx) => {
      await tx
        .insert(batches)
        .values({ id: 'crowd', choice: { issue: 'exports-failed' }, purpose: 'letters', by: 'sander', at });
      for (const [index, personId] of ids.entries()) {
        const as = index % 10 === 0 ? 'holdout' : 'invited';
        const why = { issueId: 'exports-failed', gap: 'experience', proofId: 'exports-finish' } as const;
        await tx.insert(chosen).values({ batchId: 'crowd', personId, as, at, ...why });
        const boundAt = index % 2 ? at + DAY : null;
        if (as === 'invited') await invited(tx, personId, at, { sentAt: at, boundAt, signedBy: 'priya' });
        if (index % 40 === 1)
          await tx.insert(waits).values({ id: newId(), personId, issueId: 'large-files-slow', askedAt: at + DAY });
        if (index % 5 === 1) {
          const id = await backAgain(tx, personId, at + (index % 60) * DAY);
          if (index % 20 === 1) {
            await tx.update(rejoins).set({ state: 'ended' }).where(eq(rejoins.id, id));
            const leftOn = new Date(at + (80 + index / 3) * DAY).toISOString().slice(0, 10);
            await tx
              .insert(departures)
              .values({ id: newId(), personId, externalId: `sub_${id}`, leftOn, facts: {}, createdAt: 0 });
          }
        }
      }
    });
    await as('grace', true);
    await goto('/staff/outcomes');
    const words = await textOf(page);
    expect(words).toContain('Came back and still here on day 90');
    expect(words).toContain('more came back than of 100 who were not');
    for (const { name } of await db().read.select().from(staff))
      if (name !== 'Grace Adeyemi') expect(words).not.toContain(name);
    const queries = await page.locator('pre code').allTextContents();
    expect(queries.length).toBe(4);
    for (const query of queries) expect(query).toMatch(/^with issues as \(/);
    await page.evaluate(() => {
      for (const details of document.querySelectorAll('details')) details.open = true;
    });
    await lookAt(page, 'outcomes-open');
    await page.reload();
    await lookAt(page, 'outcomes');
    const { code, out } = await journey.amends('outcomes', '--json');
    expect(code).toBe(0);
    expect(
      JSON.parse(out).rows.find((row: { by: string; kind: string }) => row.by === 'all' && row.kind === 'customer'),
    ).toMatchObject({ invited: 270 + taken });
    expect((await journey.amends('outcomes')).out).toContain('All customers');
  });
});
