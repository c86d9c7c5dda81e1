import { spawn } from 'node:child_process';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { MAYA } from '../../db/cast.ts';
import { confirmations } from '../../db/schema/desk.ts';
import { root } from '../../src/cli/processes.ts';
import { targetOf } from '../../src/cli/verify.ts';
import { addMeasurements } from '../../src/proofs/measurements.ts';
import { publishDocument } from '../../src/proofs/publish.ts';
import { latestVersionsOf } from '../../src/proofs/versions.ts';
import { beginSession } from '../../src/sessions/staff.ts';
import { askConfirmer } from '../../src/staff/confirmers.ts';
import { openDraft } from '../../src/staff/drafts.ts';
import { must } from '../support/must.ts';
import { addressesIn, type Journey, openJourney, textOf, until } from '../support/place.ts';

/* Someone who believes nothing: verifies the whole site, then each proof through a liar that alters one thing at a time. */

const PROOF = '/proofs/exports-finish';
const REASON = 'We wrote how long we had known & “why”.';

let journey: Journey;
let liar: Awaited<ReturnType<typeof openLiar>>;
beforeAll(async () => {
  journey = await openJourney('sceptic');
  liar = await openLiar(journey.place.url);
  await publishAgain('Then we lost seven more weeks.', 'Then we lost seven more weeks <knowing it>.');
});
afterEach(() => liar?.tellTheTruth());
afterAll(async () => {
  await liar?.close();
  await journey?.close();
});

/** The proof once more, with other words in it. */
async function publishAgain(words: string, others: string): Promise<void> {
  const { db } = journey.place;
  const [newest] = await latestVersionsOf(db.read, 'exports-finish', 1);
  const source = newest!.source.replace(words, others);
  const by = { confirmedBy: 'priya', approvedBy: 'sander', reason: REASON, now: new Date() };
  const document = { collection: 'proofs', id: 'exports-finish', source, assets: newest!.assets } as const;
  expect(await db.write((tx) => publishDocument(tx, { ...document, ...by }))).toMatchObject({ isNew: true });
}

type Answer = { status: number; headers: Record<string, string>; body: string };
type Lie = (path: string, answer: Answer, response: ServerResponse) => Answer | 'handled';

/** Hands on what the site answers, after a lie about it. */
async function openLiar(site: string) {
  let lie: Lie = (_, answer) => answer;
  const server = createServer(async (request, response) => {
    const real = await fetch(site + request.url!);
    const headers = { 'Content-Type': real.headers.get('content-type') ?? 'text/plain' };
    const answer = lie(request.url!, { status: real.status, headers, body: await real.text() }, response);
    if (answer !== 'handled') response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tellTheTruth: () => {
      lie = (_, answer) => answer;
    },
    says: (next: Lie) => {
      lie = next;
    },
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** `amends verify …` where there is no database at all, as a stranger has it. */
function verify(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const main = join(root, 'src/cli/main.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'verify', ...args], {
    env: { PATH: process.env['PATH'], DATABASE_URL: 'file:/nowhere/at/all.db' },
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
}

/** What is named when one file is altered on its way. */
async function named(path: string, alter: (body: string) => string): Promise<string[]> {
  liar.says((asked, answer) => (asked === PROOF + path ? { ...answer, body: alter(answer.body) } : answer));
  const { code, out } = await verify(liar.url + PROOF, '--json');
  const [proof] = JSON.parse(out).proofs;
  expect(code).toBe(proof.differences.length > 0 ? 1 : 2);
  return proof.differences.map(({ what }: { what: string }) => what);
}

describe('what the site serves', () => {
  test('agrees, every proof of it, with progress and without a database', async () => {
    const { code, out, err } = await verify(journey.place.url);
    expect(out).toContain('6 proofs: 6 agree, 0 differ, 0 could not be checked.');
    expect(out).toContain('2 versions, each with the fingerprint it claims and each following the one before.');
    expect(out).toContain('The state: Came back on 3 November 2026.');
    expect(err.trim().split('\n')).toHaveLength(6);
    expect(code).toBe(0);
  });

  test('agrees one by one, also through somebody honest, and says so to a program', async () => {
    const { code, out } = await verify(liar.url + PROOF, '--json');
    expect(JSON.parse(out).proofs).toMatchObject([{ proof: 'exports-finish', differences: [], failed: null }]);
    expect(code).toBe(0);
  });

  test('after one “no” from a returned person the page turns, and still agrees', async () => {
    const page = await (await journey.device()).newPage();
    await page.goto(journey.linkOf(MAYA));
    await page.getByRole('button', { name: 'Review and rejoin' }).click();
    await page.getByRole('button', { name: 'Rejoin and pay £48.00' }).click();
    await journey.letter('back', 'maya@rennickpress.example');
    await journey.amends('due', '--in', '8');
    const letter = await journey.letter('checkin', 'maya@rennickpress.example');
    await page.goto(/https?:\/\/\S+\/check-in\/\S+/.exec(letter.text)![0]);
    const kept = await fetch(journey.place.url + PROOF);
    await page.getByRole('button', { name: /^No,/ }).click();

    const again = { headers: { 'If-None-Match': kept.headers.get('etag')! } };
    expect((await fetch(journey.place.url + PROOF, again)).status).toBe(200);
    const { code, out } = await verify(journey.place.url + PROOF);
    expect(out).toContain('The state: Came back on');
    expect(code).toBe(0);
    const check = await (await fetch(`${journey.place.url}${PROOF}/check.json`)).text();
    expect(check).not.toContain(await journey.personIdOf(MAYA));
    expect(await (await fetch(`${journey.place.url}/changes.atom`)).text()).toContain('Came back on');
  });
});

describe('a liar in between is caught at', () => {
  test('a measurement in the snapshot', async () => {
    expect(await named('/versions/2.json', (body) => body.replace(',0.3,5147', ',0.2,5147'))).toEqual([
      'hash',
      'number',
      'number',
      'series',
    ]);
  });

  test('a measurement in the download', async () => {
    expect(await named('/failed.csv', (body) => body.replace(',0.3,', ',0.2,'))).toEqual(['series']);
  });

  test('a number that is claimed', async () => {
    expect(await named('/check.json', (body) => body.replace('"before": 19.8', '"before": 29.8'))).toEqual(['number']);
  });

  test('a state that is claimed', async () => {
    const alter = (body: string) => body.replace(/"state": "\w+"/, '"state": "not_yet"');
    expect(await named('/check.json', alter)).toEqual(['state']);
  });

  test('the words of an old version', async () => {
    expect(await named('/versions/1.json', (body) => body.replace('Then we lost', 'Then we saved'))).toEqual(['hash']);
  });

  test('a fingerprint', async () => {
    const alter = (body: string) =>
      body.replace(/"hash": "./, (start) => start.slice(0, -1) + (start.endsWith('0') ? '1' : '0'));
    expect(await named('/versions/1.json', alter)).toEqual(['hash', 'hash', 'chain']);
  });

  test('who approved a version', async () => {
    expect(await named('/versions/1.json', (body) => body.replace('Sander de Wit', 'Ruth Abernethy'))).toEqual([
      'version',
    ]);
  });

  test('what the page says', async () => {
    expect(await named('', (body) => body.replaceAll('19.8%', '29.8%'))).toEqual(['page', 'page']);
    expect(await named('', (body) => body.replaceAll('Came back on', 'Came back before'))).toEqual(['page']);
  });

  test('a version that is gone', async () => {
    liar.says((path, answer) => (path.endsWith('/versions/1.json') ? { ...answer, status: 404 } : answer));
    const { code, out } = await verify(liar.url + PROOF);
    expect(out).toContain('DIFFERS  Version 1 is missing: there is no such file.');
    expect(code).toBe(1);
  });
});

describe('what can’t be checked is said, and is not agreement', () => {
  test('an address that is none, or of something else', async () => {
    for (const args of [[], ['exports-finish'], ['ftp://a.example/'], [`${liar.url}/for/x`], [liar.url, liar.url]]) {
      const { code, err } = await verify(...args);
      expect(err).toContain('See: amends verify --help');
      expect(code).toBe(2);
    }
    expect(targetOf('https://a.example/proofs/b-c/versions/3?x#y')).toEqual({
      origin: 'https://a.example',
      proof: 'b-c',
    });
    expect(targetOf('https://a.example/proofs/../b')).toBeNull();
  });

  test('a proof that isn’t there, and a site that isn’t', async () => {
    expect(await verify(`${liar.url}/proofs/nothing`)).toMatchObject({
      code: 2,
      out: expect.stringContaining('Could not be checked. There is no '),
    });
    expect(await verify('http://127.0.0.1:9/')).toMatchObject({ code: 2, err: expect.stringContaining('no answer') });
  });

  test('a redirect to another site is not followed; one on the same site is', async () => {
    let elsewhere = 0;
    const other = createServer((_, response) => {
      elsewhere += 1;
      response.end('{}');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(other.address() as AddressInfo).port}/check.json`;
    const to = (location: string): Lie => {
      return (path, answer) =>
        path === `${PROOF}/check.json` ? { status: 302, headers: { Location: location }, body: '' } : answer;
    };
    liar.says(to(address));
    const { code, out } = await verify(liar.url + PROOF);
    expect(out).toContain('leads to another site');
    expect(code).toBe(2);
    expect(elsewhere).toBe(0);
    liar.says(to(`${PROOF}/check.json?again`));
    expect((await verify(liar.url + PROOF)).code).toBe(0);
    liar.says(to(`${PROOF}/check.json`));
    expect((await verify(liar.url + PROOF)).out).toContain('leads from one address to the next');
    await new Promise((resolve) => other.close(resolve));
  });

  test('an answer without an end, and words that would move the cursor', async () => {
    liar.says((path, answer, response) => {
      if (path !== `${PROOF}/check.json`) return answer;
      const chunk = ' '.repeat(1024 * 1024);
      const more = (): void => {
        if (!response.destroyed) response.write(chunk, () => setImmediate(more));
      };
      more();
      return 'handled';
    });
    const { code, out } = await verify(liar.url + PROOF);
    expect(out).toContain('is larger than 20 MB');
    expect(code).toBe(2);
    liar.says((path, answer) => {
      const body = path.endsWith('check.json')
        ? answer.body.replace('"line": "', '"line": "\\u001b[2J\\u202e')
        : answer.body;
      return { ...answer, body };
    });
    const escaped = await verify(liar.url + PROOF);
    expect(escaped.out).toContain('DIFFERS  The line must be');
    for (const mark of ['\u001b', '\u202e']) expect(escaped.out).not.toContain(mark);
  });
});

describe('what a visitor sees of it', () => {
  test('the proof says how to check it, and leads to every version', async () => {
    const page = await (await journey.device()).newPage();
    await page.goto(journey.place.url + PROOF);
    expect(await textOf(page)).toContain(`npm run amends -- verify ${journey.place.url}${PROOF}`);
    await page.getByRole('link', { name: /^Every version of this page/ }).click();
    const text = await textOf(page);
    expect(text).toContain('There are 2 versions.');
    expect(text).toMatch(
      /Confirmed by Priya Nair Approved by Sander de Wit Why We wrote how long we had known & “why”\./,
    );
    const rows = page.locator('.differences tr');
    expect(await rows.filter({ hasText: 'Removed' }).innerText()).toContain('Then we lost seven more weeks. Two');
    expect(await rows.filter({ hasText: 'Added' }).innerText()).toContain('seven more weeks <knowing it>. Two');

    await page.getByRole('link', { name: 'Read version 1' }).click();
    expect(await textOf(page)).toContain('This is no longer what we say.');
    expect(await textOf(page)).toContain('Then we lost seven more weeks. Two');
    await page.getByRole('link', { name: 'Its snapshot (JSON)' }).click();
    expect(JSON.parse(await page.locator('pre').innerText())).toMatchObject({ version: 1, previousHash: null });
  });

  test('feeds, sitemap and robots name public pages only', async () => {
    const get = async (path: string) => {
      const response = await fetch(journey.place.url + path);
      return { type: response.headers.get('content-type')!, text: await response.text() };
    };
    const home = await get('/');
    expect(home.text).toContain('type="application/atom+xml" href="/changes.atom"');
    const json = await get('/changes.json');
    expect(json.type).toMatch(/^application\/feed\+json/);
    const titles = JSON.parse(json.text).items.map(({ title }: { title: string }) => title);
    expect(titles).toContain('Exports now finish, on Mondays too (version 2)');
    expect((await get('/changes.atom')).text).toContain('known &amp; “why”');
    const { text } = await get('/sitemap.xml');
    const pages = [...text.matchAll(/<loc>([^<]+)<\/loc>/g)].map((match) => match[1]!);
    for (const page of pages) expect((await fetch(page)).status).toBe(200);
    for (const file of [text, json.text, (await get('/robots.txt')).text]) {
      expect(file).not.toMatch(/\/(for|check-in|stop|demo|hooks)\b/);
    }
    const personal = await fetch(journey.linkOf(MAYA));
    expect(await personal.text()).not.toContain('changes.atom');
    expect(personal.headers.get('cache-control')).toBe('private, no-store');
    expect(personal.headers.get('etag')).toBeNull();
  });

  test('with styles and fonts no page is over 150 KB, and none has a script', async () => {
    const { url } = journey.place;
    const fetched = async (path: string) => Buffer.from(await (await fetch(new URL(path, url))).arrayBuffer());
    const home = (await fetched('/')).toString();
    const styles = [...home.matchAll(/<link rel="stylesheet" href="([^"]+)"/g)].map((match) => match[1]!);
    let common = 0;
    for (const style of styles) {
      const css = await fetched(style);
      common += css.byteLength;
      for (const [, font] of css.toString().matchAll(/url\(["']?([^)"']+-latin-wght-normal[^)"']*)["']?\)/g)) {
        common += (await fetched(font!)).byteLength;
      }
    }
    const sitemap = (await fetched('/sitemap.xml')).toString();
    const pages = [...sitemap.matchAll(/<loc>([^<]+)<\/loc>/g)].map((match) => new URL(match[1]!).pathname);
    for (const path of [...pages, '/issues', '/search?q=exports']) {
      const html = await fetched(path);
      expect(html.toString(), path).not.toMatch(/<script/i);
      expect((html.byteLength + common) / 1024, path).toBeLessThanOrEqual(150);
    }
  });

  test('a page that was seen is not sent again until something on it changes', async () => {
    const { place } = journey;
    for (const path of [
      '/',
      PROOF,
      '/issues',
      '/issues/exports-failed',
      '/how-we-count',
      '/privacy',
      `${PROOF}/versions`,
      `${PROOF}/versions/1`,
      `${PROOF}/check.json`,
    ]) {
      const first = await fetch(place.url + path);
      expect(first.headers.get('cache-control')).toMatch(/^public, .*s-maxage=30, stale-while-revalidate=30$/);
      const again = { headers: { 'If-None-Match': first.headers.get('etag')! } };
      expect((await fetch(place.url + path, again)).status).toBe(304);
    }
    const before = await fetch(place.url + PROOF);
    const again = { headers: { 'If-None-Match': before.headers.get('etag')! } };
    await publishAgain('seven more weeks', 'eight more weeks');
    expect((await fetch(place.url + PROOF, again)).status).toBe(200);
    expect((await fetch(`${place.url}/proofs/nowhere`)).headers.get('cache-control')).toBe('no-cache');
  });
});

describe('what is not public yet can be checked by those who are asked about it', () => {
  test('each file that a draft offers is served to its confirmer and at the desk, and to nobody else', async () => {
    const { db, url } = journey.place;
    const now = new Date();
    const documentId = 'exports-again';
    const [written] = await latestVersionsOf(db.read, 'exports-finish', 1);
    const { source, assets } = written!;
    const prefilled = { source: source.replace('Exports now finish', 'Exports finish again'), assets };
    const name = { collection: 'proofs', documentId } as const;
    await db.write((tx) => openDraft(tx, { ...name, by: 'grace', prefilled }, now));
    const who = { name: 'Omar Haddad', address: 'omar@elsewhere.example' };
    must(await db.write((tx) => askConfirmer(tx, { proofId: documentId, by: 'grace', who }, now)));
    // The letter mints the link as it leaves: an earlier one would stop working.
    const letter = await journey.letter('confirm', who.address);
    const link = addressesIn(letter).find((one) => one.includes('/confirm/'))!;
    const { pathname } = new URL(link);
    await until('the sent letter', async () => (await db.read.select().from(confirmations))[0]?.hash);
    const session = await db.write((tx) => beginSession(tx, 'grace', undefined, now));
    const get = (path: string, cookie = '') => fetch(url + path, { redirect: 'manual', headers: { cookie } });

    const files = async (path: string, cookie = '') => {
      const html = await (await get(path, cookie)).text();
      expect(html).toContain('Exports finish again');
      const links = [...html.matchAll(/href="([^"]+)"/g)].map((match) => match[1]!);
      const offered = links.filter((link) => link.endsWith('.csv') || link.includes(documentId));
      for (const link of offered) expect((await get(link, cookie)).status, link).toBe(200);
      return { html, csv: offered.find((link) => link.endsWith('failed.csv') && !link.startsWith('/proofs/'))! };
    };
    const confirmer = await files(pathname);
    const csv = await get(confirmer.csv);
    expect(await csv.text()).toBe(assets['exports-weekly.csv']);
    expect(csv.headers.get('cache-control')).toBe('private, no-store');
    expect((await get(confirmer.csv.replace('failed.csv', 'site.yaml'))).status).toBe(404);
    expect((await get(`/confirm/${'a'.repeat(43)}/failed.csv`)).status).toBe(404);

    const desk = await files(`/staff/drafts/proofs/${documentId}/preview/public`, `amends-staff=${session}`);
    expect(desk.html).toContain('A draft. It would be version 1');
    expect(desk.html).not.toContain('Version 1, published on');
    expect((await get(desk.csv)).status).toBe(303);
  });
});

describe('a measurement that arrived is corrected', () => {
  test('the page and its versions say so, verify names it, and a page that hides it differs', async () => {
    const { db, url } = journey.place;
    const now = new Date();
    const about = { proofId: 'exports-finish', seriesId: 'failed' };
    const sent = [{ on: '2026-11-16', value: 24.5, n: 5000, sourceId: 'w47' }];
    const sender = { sentBy: 'command', now };
    expect(await db.write((tx) => addMeasurements(tx, about, sent, sender))).toMatchObject({ stored: 1 });
    const [newest] = await latestVersionsOf(db.read, 'exports-finish', 1);
    const assets = { 'exports-weekly.csv': `${newest!.assets['exports-weekly.csv']}2026-11-16,1.4,5000\n` };
    const by = { confirmedBy: 'priya', approvedBy: 'sander', reason: 'The “job” ran twice.', now: new Date() };
    const document = { collection: 'proofs', id: 'exports-finish', source: newest!.source, assets } as const;
    expect(await db.write((tx) => publishDocument(tx, { ...document, ...by }))).toMatchObject({ isNew: true });

    const page = await (await journey.device()).newPage();
    const said = '24.5% when it arrived, 1.4% now. By the first value it had come back.';
    await page.goto(url + PROOF);
    expect(await textOf(page)).toContain(said);
    expect(await textOf(page)).toContain('The “job” ran twice.');
    await page.goto(`${url + PROOF}/versions`);
    expect(await textOf(page)).toContain('It corrects what had been measured');
    expect(await textOf(page)).toContain('24.5% before, 1.4% now.');

    const { code, out } = await verify(url + PROOF);
    expect(out).toContain(`CORRECTED  16 November 2026: ${said}`);
    expect(code).toBe(0);
    expect(await named('', (body) => body.replace('24.5% when it arrived', '2.5% when it arrived'))).toEqual([
      'correction',
    ]);
  });
});
