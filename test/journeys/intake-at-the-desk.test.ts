import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq, isNull } from 'drizzle-orm';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { complaints, persons, suggestions } from '../../db/schema/people.ts';
import { audit } from '../../db/schema/staff.ts';
import { lookAt } from '../support/axe.ts';
import { type Journey, openJourney, until } from '../support/place.ts';

/* A file comes in at the desk: looked at, imported, looked through, undone. Without script, and once with it. */

let journey: Journey;
let context: BrowserContext;
let page: Page;
const folder = mkdtempSync(join(tmpdir(), 'amends-desk-file-'));
const file = join(folder, 'from-the-help-desk.csv');

beforeAll(async () => {
  journey = await openJourney('intake-at-the-desk');
  writeFileSync(
    file,
    [
      'source,person_id,kind,first_name,email,left_on,complaint_id,said_on,words',
      'helpdesk,1,customer,Ada,ada@new.example,2026-05-01,T-1,2026-03-01,The export stops half-way every Monday.',
      'helpdesk,2,customer,Bo,bo@new.example,2026-05-01,T-2,2026-03-02,Parking at the office is a nightmare for visitors.',
      'helpdesk,3,customer,Cy,cy@new.example,2026-05-01,T-3,2026-03-03,The nightmare of parking when visitors come.',
      'helpdesk,4,employee,Di,di@new.example,2026-05-01,T-4,2026-03-04,My secret: nobody plans the rota.',
      'helpdesk,7,customer,Flo,flo@new.example,2026-05-01,T-7,2026-03-05,The sign-in code arrived an hour late.',
      'helpdesk,8,customer,Gus,gus@new.example,2026-05-01,T-8,2026-03-05,You closed my ticket and nothing was solved.',
      'helpdesk,5,client,Ed,no address,2026-05-01,T-5,2026-03-05,Something.',
      'helpdesk,6,client,=cmd(),ed@new.example,2026-05-01,T-6,2026-03-05,Something.',
    ].join('\n'),
  );
});
afterAll(() => journey?.close());

async function as(id: string, script = false): Promise<void> {
  await context?.close();
  context = await journey.colleague(id, { javaScriptEnabled: script });
  page = await context.newPage();
}

const goto = (path: string) => page.goto(journey.place.url + path);
const press = (name: string | RegExp) => page.getByRole('button', { name }).first().click();
const words = () => page.locator('main').innerText();

async function looked(): Promise<string> {
  return until('the file to be worked on', async () => {
    await goto('/staff/import');
    const text = await words();
    return /being (looked at|imported)/.test(text) ? undefined : text;
  });
}

test('a file is looked at first, and nothing is imported before a press', async () => {
  await as('sander');
  await goto('/staff/import');
  await page.locator('#file').setInputFiles(file);
  await press('Look at it');
  const text = await looked();
  expect(text).toMatch(/This is what would happen/);
  expect(text).toMatch(/new people\s+6/);
  expect(text).toMatch(/refused\s+2/);
  expect(await journey.place.db.read.select().from(persons).where(eq(persons.source, 'helpdesk'))).toEqual([]);
  await page.locator('details summary').first().click();
  const errors = await context.request.get(
    journey.place.url + (await page.getByRole('link', { name: /All refused rows/ }).getAttribute('href')),
  );
  const lines = (await errors.text()).split('\n');
  expect(lines[0]).toMatch(/^refused_because,source,person_id/);
  expect(lines[1]).toMatch(/client.*is none of/);
  expect(lines[2]).toContain("'=cmd()");
}, 60_000);

test('after the press it is there, and the log says who', async () => {
  await press(/^Import from-the-help-desk/);
  expect(await looked()).toMatch(/This is what happened/);
  const people = await journey.place.db.read.select().from(persons).where(eq(persons.source, 'helpdesk'));
  expect(people).toHaveLength(6);
  const done = await journey.place.db.read.select().from(audit).where(eq(audit.staffId, 'sander'));
  expect(done.map(({ action }) => action)).toEqual(expect.arrayContaining(['uploaded', 'imported']));
  expect(JSON.stringify(done)).not.toMatch(/ada@new|export stops/);
}, 60_000);

test('what it says is proposed for, with the reason; a writer confirms, and never sees what was said in confidence', async () => {
  await until(
    'proposals',
    async () => (await journey.place.db.read.select().from(suggestions)).length > 0 || undefined,
  );
  await as('grace');
  await goto('/staff/triage');
  const text = await words();
  expect(text).toMatch(/The export stops half-way every Monday/);
  expect(text).toMatch(/A rule of ours: “export stop”/);
  expect(text).not.toMatch(/My secret/);
  const row = page.locator('li', { hasText: 'The export stops half-way' });
  expect(await row.getByLabel(/^Issue/).inputValue()).toBe('exports-failed');
  expect(await row.getByRole('checkbox').isChecked()).toBe(true);
  for (const other of await page.getByRole('checkbox').all()) await other.uncheck();
  await row.getByRole('checkbox').check();
  await press('Confirm the ticked ones');
  expect(await words()).toMatch(/1 complaint linked/);
  const [linked] = await journey.place.db.read.select().from(complaints).where(eq(complaints.ref, 'helpdesk:T-1'));
  expect(linked).toMatchObject({ issueId: 'exports-failed', gap: 'experience' });
}, 60_000);

test('what fits nothing becomes an issue in one step', async () => {
  await goto('/staff/triage');
  const group = page.locator('li', { has: page.getByRole('heading', { name: /2 complaints with .*park/ }) });
  await group.getByLabel('A name for its address').fill('nowhere-to-park');
  await group.getByRole('button', { name: /Open an issue from these 2/ }).click();
  await page.waitForURL(/\/staff\/drafts\/issues\/nowhere-to-park/);
  const opened = await journey.place.db.read.select().from(complaints).where(eq(complaints.issueId, 'nowhere-to-park'));
  expect(opened).toHaveLength(2);
}, 60_000);

test('with script, all that are sure enough are ticked in one movement', async () => {
  await as('grace', true);
  await goto('/staff/triage');
  const rows = await page.getByRole('checkbox').count();
  expect(rows).toBeGreaterThan(0);
  await page.getByLabel(/at least this sure/).fill('0');
  await page.getByLabel(/at least this sure/).fill('100');
  const ticked = await page.getByRole('checkbox', { checked: true }).count();
  await expect
    .poll(() => page.getByRole('status').last().innerText())
    .toBe(ticked === 1 ? '1 is ticked' : `${ticked} are ticked`);
}, 60_000);

test('axe finds nothing on either page', async () => {
  for (const [who, path] of [
    ['sander', '/staff/import'],
    ['grace', '/staff/triage'],
  ] as const) {
    await as(who, true);
    await goto(path);
    await page.locator('details').evaluateAll((all: HTMLDetailsElement[]) => {
      for (const one of all) one.open = true;
    });
    await lookAt(page, path, { scripts: path === '/staff/triage' ? 1 : 0 });
  }
}, 60_000);

test('two records with one address become one person at the desk, and two again', async () => {
  const path = join(folder, 'twice.csv');
  writeFileSync(
    path,
    'source,person_id,kind,first_name,email,words\nshop,9,customer,Una,una@twice.example,"Nobody answered."\ncrm,4,customer,Una,UNA@twice.example,"The price rose."\n',
  );
  await as('sander');
  await goto('/staff/import');
  await page.locator('#file').setInputFiles(path);
  await press('Look at it');
  await looked();
  await press(/^Import twice/);
  await looked();
  await as('priya');
  await goto('/staff/doubles');
  expect(await words()).toMatch(/Nobody answered\.[\s\S]*The price rose\./);
  await press(/^One person/);
  expect(await words()).toMatch(/They are one person now/);
  const of = async (source: string) => {
    const [person] = await journey.place.db.read.select().from(persons).where(eq(persons.source, source));
    return journey.place.db.read.$count(complaints, eq(complaints.personId, person!.id));
  };
  expect([await of('shop'), await of('crm')]).toEqual([2, 0]);
  await press(/^Take this back/);
  expect([await of('shop'), await of('crm')]).toEqual([1, 1]);
  const done = await journey.place.db.read.select().from(audit).where(eq(audit.staffId, 'priya'));
  expect(done.map(({ action }) => action)).toEqual(expect.arrayContaining(['merged two records', 'took back']));
}, 120_000);

test('undone, nothing of it is left but what somebody made something of', async () => {
  await as('sander');
  await goto('/staff/import');
  await press(/^Undo the import of from-the/);
  expect(await words()).toMatch(/The import is undone/);
  const left = await journey.place.db.read.select().from(persons).where(eq(persons.source, 'helpdesk'));
  expect(left).toEqual([]);
  expect(await journey.place.db.read.select().from(complaints).where(isNull(complaints.issueId))).not.toContainEqual(
    expect.objectContaining({ ref: 'helpdesk:T-4' }),
  );
}, 60_000);
