import { isNull } from 'drizzle-orm';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MAYA, TARIQ } from '../../db/cast.ts';
import { letters } from '../../db/schema/mail.ts';
import { paymentEvents } from '../../db/schema/rejoin.ts';
import { staffSessions } from '../../db/schema/staff.ts';
import { countDaily } from '../../src/people/counts.ts';
import { publishedSite } from '../../src/proofs/published.ts';
import { beginSession } from '../../src/sessions/staff.ts';
import { askConfirmer } from '../../src/staff/confirmers.ts';
import { must } from '../support/must.ts';
import { addressesIn, dumpOf, type Journey, openJourney, textOf, until } from '../support/place.ts';
import { startSite } from '../support/site.ts';

/*
 * Mail scanners, link previews and curious colleagues open everything, many times, with script on. None of it may change a row
 * here or write a thing at the payment provider.
 */

const RIGHTS = ['/yours', '/yours.json', '/correct', '/erase', '/left', '/code?for=erase'];

let journey: Journey;
/** Every address that a person was ever given: their page, the question, the stop link. */
let addresses: string[] = [];

beforeAll(async () => {
  journey = await openJourney('opening-is-harmless');
  const page = await (await journey.device()).newPage();
  await page.goto(journey.linkOf(MAYA));
  await page.getByRole('button', { name: 'Review and rejoin' }).click();
  await page.getByRole('button', { name: 'Rejoin and pay £48.00' }).click();
  await page.context().close();
  const receipt = await journey.letter('back', 'maya@rennickpress.example');
  await journey.amends('due', '--in', '8');
  const question = await journey.letter('checkin', 'maya@rennickpress.example');
  const { db } = journey.place;
  const who = { name: 'Odile Marchetti', address: 'odile@elsewhere.example' };
  must(await db.write((tx) => askConfirmer(tx, { proofId: 'exports-finish', by: 'grace', who }, new Date())));
  const confirm = await journey.letter('confirm', who.address);
  await acceptedOffer('tariq.mahmood@post.example');
  await journey.letter('task', 'ruth.abernethy@northline.example');
  const letters = [receipt, question, confirm, ...(await journey.letters())];
  addresses = [
    ...new Set([...journey.place.links.map(({ url }) => url), ...letters.flatMap((letter) => addressesIn(letter))]),
  ];
  await settled();
});
afterAll(() => journey?.close());

/** He accepts what he was offered, so that colleagues get their tasks by letter, and HR one that leads to the desk. */
async function acceptedOffer(address: string): Promise<void> {
  const page = await (await journey.device()).newPage();
  await page.goto(journey.linkOf(TARIQ));
  await page.getByRole('button', { name: 'Send me a code' }).click();
  const code = /\d{6}/.exec((await journey.letter('code', address)).text)![0];
  await page.getByLabel('Six-digit code').fill(code);
  await page.getByRole('button', { name: 'Show my page' }).click();
  await page.goto(`${journey.linkOf(TARIQ)}/accept`);
  await page.getByLabel('Your name, as you sign').fill(TARIQ.name);
  await page.getByRole('button', { name: 'Accept this offer' }).click();
  await page.context().close();
}

/** Nothing is under way any more that the opening could be blamed for. */
async function settled(): Promise<void> {
  const { db } = journey.place;
  await until('quiet', async () => {
    const unsent = await db.read.select({ id: letters.id }).from(letters).where(isNull(letters.sentAt));
    const unread = await db.read
      .select({ id: paymentEvents.id })
      .from(paymentEvents)
      .where(isNull(paymentEvents.appliedAt));
    return unsent.length === 0 && unread.length === 0;
  });
  // What the jobs process would count today, whatever is opened, is counted.
  await countDaily(db, new Date(), (await publishedSite(db.read)).time_zone);
}

/** A preview of an invoice is asked for by POST, and leaves nothing behind. */
function writes({ method, path }: { method: string; path: string }): boolean {
  return method !== 'GET' && path !== '/v1/invoices/create_preview';
}

/** Runs something that must change nothing, and says what it changed. */
async function unchanged(run: () => Promise<void>, but: string[] = []): Promise<void> {
  const rows = async () =>
    Object.fromEntries(Object.entries(await dumpOf(journey.place)).filter(([table]) => !but.includes(table)));
  const before = await rows();
  const askedBefore = (await journey.asked()).length;
  const mail = (await journey.letters()).length;
  await run();
  expect(await rows()).toEqual(before);
  expect((await journey.asked()).slice(askedBefore).filter(writes)).toEqual([]);
  expect((await journey.letters()).length).toBe(mail);
}

/** Several at a time, as a scanner does; answers the statuses that came, each once. */
async function many(url: string, method: 'GET' | 'HEAD', times: number): Promise<number[]> {
  const statuses = new Set<number>();
  for (let done = 0; done < times; done += 10) {
    const batch = Array.from({ length: Math.min(10, times - done) }, async () => {
      const reply = await fetch(url, { method, redirect: 'manual' });
      await reply.arrayBuffer();
      statuses.add(reply.status);
    });
    await Promise.all(batch);
  }
  return [...statuses];
}

/** Moves the pointer over all there is, as a person who reads does, and presses nothing. */
async function hoverOverEverything(page: Page): Promise<void> {
  for (const target of await page.locator('a, button, summary, input, textarea, label').all()) {
    const box = await target.boundingBox();
    if (!box) continue;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  }
  await page.mouse.wheel(0, 10_000);
}

describe('Opening a link is harmless, however often and by whatever', { timeout: 90_000 }, () => {
  test('The addresses are those of everyone, and of every letter', () => {
    const kinds = addresses.map((address) => new URL(address).pathname.split('/')[1]);
    expect(kinds.filter((kind) => kind === 'for').length).toBeGreaterThanOrEqual(10);
    expect(kinds.filter((kind) => kind === 'check-in').length).toBe(1);
    expect(kinds.filter((kind) => kind === 'stop').length).toBeGreaterThanOrEqual(2);
    for (const kind of ['confirm', 'task']) expect(kinds).toContain(kind);
    expect(new Set(addresses).size).toBe(addresses.length);
  });

  test('A hundred GETs and a hundred HEADs of each change nothing', async () => {
    await unchanged(async () => {
      for (const address of addresses) {
        // Whoever isn't signed in at the desk is sent to sign in.
        const status = new URL(address).pathname.startsWith('/staff') ? 303 : 200;
        expect(await many(address, 'GET', 100), address).toEqual([status]);
        expect(await many(address, 'HEAD', 100), address).toEqual([status]);
      }
    });
  });

  test('The pages behind them, and the addresses that only take a press, change nothing when they are merely opened', async () => {
    await unchanged(async () => {
      for (const address of addresses.filter((one) => one.includes('/for/'))) {
        for (const page of [
          '/rejoin',
          '/back',
          '/undo',
          '/cancel',
          '/code',
          '/code?sent',
          '/why',
          '/new-link',
          '/employee',
          '/role',
          '/accept',
          '/terms',
          '/first-week',
          '/first-week/facts',
          '/first-week/rota-rules',
          '/first-week/emergency-contact',
          '/first-week/what-is-different',
          '/question',
          ...RIGHTS,
          '/payer',
          '/rejoin?another',
        ]) {
          for (const status of await many(address + page, 'GET', 3)) expect([200, 303, 404], page).toContain(status);
        }
        for (const press of ['/open', '/stop', '/start', '/tell-me', '/no-thanks', '/portal', '/talk']) {
          for (const query of ['', '?issue=exports-failed&right=yes&answer=no']) {
            for (const method of ['GET', 'HEAD'] as const) {
              for (const status of await many(address + press + query, method, 2)) {
                expect([303, 404, 405], press).toContain(status);
              }
            }
          }
        }
      }
      const question = addresses.find((one) => one.includes('/check-in/'))!;
      expect(await many(`${question}?answer=no`, 'GET', 10)).toEqual([200]);
      const stop = addresses.find((one) => one.includes('/stop/'))!;
      expect(await many(`${stop}?List-Unsubscribe=One-Click`, 'GET', 10)).toEqual([200]);
    });
  });

  test('What is behind the other links, and what everyone can read, changes nothing', async () => {
    await unchanged(async () => {
      const confirm = addresses.find((one) => one.includes('/confirm/'))!;
      const task = addresses.find((one) => one.includes('/task/'))!;
      const pages = [
        '/',
        '/search?q=export',
        '/issues',
        '/issues/exports-failed',
        '/proofs/exports-finish',
        '/privacy',
      ];
      const more = ['/versions', '/versions/1', '/versions/1.json', '/check.json'].map(
        (one) => `/proofs/exports-finish${one}`,
      );
      const open = [...pages, ...more, '/how-we-count', '/changes.atom', '/returned', '/pay/nothing'];
      const pressed = ['?answer=yes&shownAs=X&how=Looked+at+it', '?answer=name+back', '/failed.csv'];
      for (const one of [
        ...pressed.map((query) => confirm + query),
        `${task}?press=done`,
        ...open.map((path) => journey.place.url + path),
      ]) {
        for (const method of ['GET', 'HEAD'] as const) {
          for (const status of await many(one, method, 3)) expect([200, 303, 404], one).toContain(status);
        }
      }
    });
  });

  test('Nor does the desk, read by somebody who is signed in there: but for when they were last seen', async () => {
    const { db, url } = journey.place;
    const secrets = await Promise.all(
      ['priya', 'sander', 'ruth', 'grace'].map((id) => db.write((tx) => beginSession(tx, id, undefined, new Date()))),
    );
    const draft = '/staff/drafts/proofs/exports-finish';
    const pages = [
      '',
      '/answers',
      '/gate',
      '/gate?press=late&id=x',
      '/resolutions/exports-failed',
      '/resolutions/exports-failed?all&resolved=fully',
      '/triage',
      '/people',
      '/log',
      '/measuring',
      '/import',
      '/import?press=undo&id=x',
      '/returning',
      '/returning/x',
      '/guide',
      '/drafts',
      '/not-yours?doing=hold',
      '/too-large',
      '/sign-in',
      '/sign-in/code',
      '/sign-out',
    ];
    const drafts = [
      '',
      '/review',
      '/review?press=publish',
      '/confirmer',
      '/confirmer?press=out',
      '/check',
      '/discard',
      '/picture',
      '/preview/public',
      '/preview/person',
      '/data/failed.csv',
    ];
    const wrong: string[] = [];
    await unchanged(async () => {
      for (const secret of secrets) {
        for (const path of [...pages.map((one) => `/staff${one}`), ...drafts.map((one) => draft + one)]) {
          for (const method of ['GET', 'HEAD']) {
            const reply = await fetch(url + path, {
              method,
              redirect: 'manual',
              headers: { Cookie: `amends-staff=${secret}` },
            });
            await reply.arrayBuffer();
            if (reply.status >= 500) wrong.push(`${method} ${path}: ${reply.status}`);
          }
        }
      }
    }, ['staff_sessions']);
    expect(wrong).toEqual([]);
    expect(await db.read.$count(staffSessions)).toBeGreaterThanOrEqual(secrets.length);
  });

  test('A real browser with script on, hovering over all there is and unfolding all that unfolds, changes nothing', async () => {
    await unchanged(async () => {
      const context = await journey.device({ javaScriptEnabled: true });
      const page = await context.newPage();
      for (const address of addresses) {
        await page.goto(address, { waitUntil: 'load' });
        await hoverOverEverything(page);
      }
      const fresh = journey.place.links.find(({ member }) => member.key === 'ines')!.url;
      await page.goto(`${fresh}/why`);
      await hoverOverEverything(page);
      expect(await context.cookies()).toEqual([]);
      await context.close();
    });
  });

  test('No link reaches a log, whichever address is opened and however much is logged', async () => {
    const site = await startSite(Number(journey.place.settings['PORT']) + 1, {
      ...journey.place.settings,
      LOG_LEVEL: 'debug',
    });
    try {
      for (const address of addresses) {
        const { pathname } = new URL(address);
        for (const more of ['', '/', '/open', '/stop', '/tell-me', '/no-thanks', '/rejoin', '/nothing', '?answer=no']) {
          for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
            const origin = journey.place.url;
            await fetch(`http://127.0.0.1:${site.port}${pathname}${more}`, {
              method,
              headers: { origin },
              redirect: 'manual',
            });
          }
        }
      }
    } finally {
      await site.stop();
    }
    const log = site.log();
    expect(log.length).toBeGreaterThan(1000);
    expect(log, 'no address either').not.toMatch(/[\w.]+@[\w-]+\.\w/);
    // What opens a page by itself. The number of a person, in an address of the desk, opens nothing.
    const links = addresses.flatMap((address) => address.match(/[\w-]{43}/) ?? []);
    expect(links.length).toBeGreaterThan(10);
    for (const link of links) expect(log).not.toContain(link);
  });

  test('After all that, every link still works and the question is still hers to answer', async () => {
    const page = await (await journey.device()).newPage();
    for (const { member, url } of journey.place.links.filter(({ member }) => member.key !== 'maya')) {
      await page.goto(url);
      expect(await page.getByText('So that nobody else reads what you told us').count(), member.key).toBe(0);
    }
    await page.goto(addresses.find((one) => one.includes('/check-in/'))!);
    await page.getByRole('button', { name: 'Yes', exact: true }).click();
    expect(await textOf(page)).toContain('Recorded: yes.');
  });
});
