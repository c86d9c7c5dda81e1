import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MAYA } from '../../db/cast.ts';
import { keys } from '../../db/schema/sessions.ts';
import { root } from '../../src/cli/processes.ts';
import { hashSecret } from '../../src/shared/secrets.ts';
import { lookAt } from '../support/axe.ts';
import { type Journey, openJourney, textOf } from '../support/place.ts';

/* Numbers keep arriving: a key is made at the desk, a system sends, and what has come back says so at once, everywhere. */

const PROOF = '/proofs/exports-finish';
const SERIES = '/measurements/exports-finish/failed';

let journey: Journey;
let key = '';
beforeAll(async () => {
  journey = await openJourney('it-is-measured');
});
afterAll(() => journey?.close());

async function signedIn(staffId: string, options: BrowserContextOptions = {}): Promise<Page> {
  return (await journey.colleague(staffId, options)).newPage();
}

async function send(body: unknown, { as = key, to = SERIES, raw = false } = {}) {
  const headers = { 'Content-Type': 'application/json', ...(as && { Authorization: `Bearer ${as}` }) };
  const text = raw ? String(body) : JSON.stringify(body);
  const response = await fetch(journey.place.url + to, { method: 'POST', headers, body: text });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** `amends measure …` with this on standard input. */
function measure(csv: string, ...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(root, 'src/cli/main.ts'), 'measure', ...args],
    { cwd: root, env: { ...process.env, ...journey.place.settings } },
  );
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  child.stdin.end(csv);
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
}

test('an operator makes a key, which is shown once; a writer can’t', async () => {
  const grace = await signedIn('grace');
  expect((await grace.goto(`${journey.place.url}/staff/measuring`))!.status()).toBe(403);

  const mei = await signedIn('mei');
  await mei.goto(`${journey.place.url}/staff/measuring`);
  expect(await textOf(mei)).toContain('No system sends measurements yet.');
  await mei.getByLabel('What will send with it').fill('Nightly export job');
  await mei.getByLabel('For which proof').selectOption('exports-finish');
  await mei.getByRole('button', { name: 'Make the key' }).click();
  expect(await textOf(mei)).toContain('Copy the key now');
  key = (await mei.locator('.command code').first().innerText()).trim();
  expect(key).toMatch(/^[\w-]{43}$/);
  await mei.goto(`${journey.place.url}/staff/measuring`);
  const text = await textOf(mei);
  expect(text).toContain('Nightly export job');
  expect(text).toContain('Has sent nothing yet');
  expect(await mei.content()).not.toContain(key);
  const rows = await journey.place.db.read.select().from(keys);
  expect(rows).toMatchObject([{ proofId: 'exports-finish', createdBy: 'mei', hash: hashSecret(key) }]);
});

test('the page of keys breaks no rule of accessibility, at 360 and 1280 px, light and dark', async () => {
  const page = await signedIn('mei', { javaScriptEnabled: true });
  await page.goto(`${journey.place.url}/staff/measuring`);
  await lookAt(page, 'keys');
  await page.getByLabel('What will send with it').fill('For looking at');
  await page.getByRole('button', { name: 'Make the key' }).click();
  await lookAt(page, 'a new key');
});

test('without a key that works nothing is taken, and every such answer is the same', async () => {
  const one = { date: '2026-11-16', value: 0.4, n: 5100 };
  const [none, other, nonsense] = [
    await send(one, { as: '' }),
    await send(one, { as: `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}` }),
    await send(one, { as: 'x' }),
  ];
  for (const answer of [none, other, nonsense]) {
    expect(answer).toMatchObject({ status: 401, body: { sentence: 'This key does not work here.' } });
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  }
  expect(await send(one, { to: '/measurements/two-routes-for-codes/wait' })).toMatchObject({
    status: 403,
    body: { sentence: 'This key is for the proof “exports-finish”.' },
  });
  expect(await send(one, { to: '/measurements/exports-finish/other' })).toMatchObject({ status: 404 });
  expect((await fetch(journey.place.url + SERIES)).status).toBe(404);
});

test('what is sent is stored once, a list whole or not at all, and each wrong row is named', async () => {
  const list = [
    { date: '2026-11-16', value: 0.4, n: 5100, source: 'run-1' },
    { date: '2026-11-17', value: 0.5, n: 5000, source: 'run-2' },
  ];
  expect(
    await send([...list, { date: '2026-11-18', value: 0.5 }, { date: '2026-02-30', value: 1, n: 1 }]),
  ).toMatchObject({
    status: 422,
    body: {
      sentence: expect.stringContaining('Nothing was stored. n is missing'),
      rows: [{ row: 3 }, { row: 4, code: 'date' }],
    },
  });
  expect(await send(list)).toMatchObject({ status: 200, body: { stored: 2, already: 0 } });
  expect(await send(list)).toMatchObject({ status: 200, body: { stored: 0, already: 2 } });
  expect(await send({ ...list[0], value: 0.3 })).toMatchObject({
    status: 422,
    body: { sentence: expect.stringContaining('A correction is published as a new version.') },
  });
  for (const wrong of ['not json', '[]', '{"date": "2026-11-16"}', '{"date": "2026-11-16", "value": "0.4"}', 'null']) {
    expect(await send(wrong, { raw: true })).toMatchObject({ status: 400 });
  }
  expect(await send(Array(1001).fill(list[0]))).toMatchObject({ status: 400 });
  const page = await (await fetch(journey.place.url + PROOF)).text();
  expect(page).toContain('2 measurements arrived after it was published');
  const csv = await (await fetch(`${journey.place.url + PROOF}/failed.csv`)).text();
  expect(csv.endsWith('2026-11-15,0.3,5147\n2026-11-16,0.4,5100\n2026-11-17,0.5,5000\n')).toBe(true);
  expect(await journey.amends('verify', journey.place.url + PROOF)).toMatchObject({
    code: 0,
    out: expect.stringContaining('2 measurements that arrived since, each with the fingerprint it claims'),
  });
});

test('one beyond the limit: the public home leads with it, the personal page turns, the gate refuses, the owner reads of it', async () => {
  const get = (path: string, etag = '') => fetch(journey.place.url + path, { headers: { 'If-None-Match': etag } });
  const before = { home: await get('/'), proof: await get(PROOF), issue: await get('/issues/exports-failed') };
  expect(before.home.headers.get('cache-control')).toContain('s-maxage=30, stale-while-revalidate=30');
  const gate = async () => JSON.parse((await journey.amends('gate', 'cast', 'c-bronagh', '--json')).out).refusals;
  expect(await gate()).not.toContainEqual(expect.objectContaining({ code: 'not-holding' }));

  expect(await send({ date: '2026-11-18', value: 6.5, n: 5000 })).toMatchObject({ status: 200 });

  for (const [path, was] of [
    ['/', before.home],
    [PROOF, before.proof],
    ['/issues/exports-failed', before.issue],
  ] as const) {
    const now = await get(path, was.headers.get('etag')!);
    expect([path, now.status]).toEqual([path, 200]);
    expect(await now.text()).toContain('Came back on 18 November 2026');
  }
  const visitor = await (await journey.device()).newPage();
  await visitor.goto(journey.place.url);
  expect(await visitor.locator('h2').first().innerText()).toBe('Came back');
  expect(await visitor.locator('section').first().innerText()).toContain('Exports failed');
  await visitor.goto(journey.linkOf(MAYA));
  expect(await textOf(visitor)).toContain('Came back on 18 November 2026');
  expect(await gate()).toContainEqual(expect.objectContaining({ code: 'not-holding' }));
  const alert = await journey.letter('owner-alert', 'priya.nair@northline.example');
  expect(alert.text).toContain('6.5% on 18 November 2026');
  expect((await journey.amends('verify', journey.place.url + PROOF)).code).toBe(0);
  expect((await journey.amends('coverage')).out).toMatch(/exports-failed .* came back +Change it again/);
}, 60_000);

test('the command does the same from a file: all rows or none, and once', async () => {
  const about = ['exports-finish', 'failed'];
  const wrong = await measure('date,value,n\n2026-11-19,0.4,5000\n2026-11-20,x,5000\n2026-11-31,1,1\n', ...about);
  expect(wrong).toMatchObject({
    code: 1,
    err: 'line 3: “x” is not a number. Write it plainly, like 19.8.\nline 4: “2026-11-31” is not a date. Write YYYY-MM-DD.\nNothing was stored.\n',
  });
  const csv = 'date,value,n,source\r\n2026-11-19,0.4,5000,a\r\n2026-11-20,0.5,5000,\r\n';
  expect(await measure(csv, ...about, '--dry-run')).toMatchObject({
    code: 0,
    out: '2 measurements would be stored, 0 known already.\n',
  });
  expect(JSON.parse((await measure(csv, ...about, '--json')).out)).toEqual({
    stored: 2,
    already: 0,
    dryRun: false,
    refused: [],
  });
  expect((await measure(csv, ...about)).out).toBe('0 measurements stored, 2 known already.\n');
  expect(await measure('date,value\n2026-11-20,1\n', 'none', 'x')).toMatchObject({
    code: 1,
    err: expect.stringContaining('no published proof “none”'),
  });
  for (const [text, args] of [
    ['', about],
    ['day,value\n1,2\n', about],
    ['date,value\n', ['exports-finish']],
  ] as const) {
    expect((await measure(text, ...args)).code).toBe(2);
  }
  expect((await journey.amends('audit')).out).toContain('stored measurements');
}, 120_000);

test('a revoked key answers like one that never was; what it sent stays', async () => {
  const mei = await signedIn('mei');
  await mei.goto(`${journey.place.url}/staff/measuring`);
  expect(await textOf(mei)).toContain('Last sent something new on');
  await mei.getByRole('button', { name: 'Revoke the key of “Nightly export job” now' }).click();
  expect(await textOf(mei)).toContain('The key sends nothing any more.');
  expect(await send({ date: '2026-11-21', value: 0.4, n: 5100 })).toMatchObject({
    status: 401,
    body: { sentence: 'This key does not work here.' },
  });
  expect((await journey.amends('verify', journey.place.url + PROOF)).out).toContain(
    '5 measurements that arrived since',
  );
});

test('a key made by command works, sends at most sixty times a minute, and is listed without itself', async () => {
  const made = await journey.amends('measuring-key', '--proof', 'exports-finish', '--label', 'Cron', '--json');
  const { id, key: fresh } = JSON.parse(made.out);
  const answers = [];
  for (let count = 0; count < 62; count += 1) answers.push((await send('[]', { as: fresh, raw: true })).status);
  expect(answers).toEqual([...Array(60).fill(400), 429, 429]);
  const listed = await journey.amends('measuring-key', '--list', '--json');
  expect(listed.out).toContain(id);
  expect(listed.out).not.toContain(fresh);
  expect((await journey.amends('measuring-key', '--revoke', id)).code).toBe(0);
  expect((await journey.amends('measuring-key', '--revoke', id)).code).toBe(1);
  expect((await send('[]', { as: fresh, raw: true })).status).toBe(401);
});
