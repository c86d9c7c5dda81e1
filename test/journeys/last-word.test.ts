import { readFileSync } from 'node:fs';
import { eq, isNotNull } from 'drizzle-orm';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ANNEKE, BRONAGH, type CastMember, DEVIKA, IDRIS, ILARIA, INES, LUCAS, MAYA, NIALL } from '../../db/cast.ts';
import { checkins, reopenings } from '../../db/schema/checkins.ts';
import { holds } from '../../db/schema/invitations.ts';
import { complaints, erasures, persons, suppressions } from '../../db/schema/people.ts';
import { answerReopening } from '../../src/checkins/reopen.ts';
import { mintLink, revokeLinks } from '../../src/invitations/links.ts';
import { mintSecret } from '../../src/shared/secrets.ts';
import { addressesIn, headingOf, type Journey, openJourney, textOf, until } from '../support/place.ts';

/* Links that behave, and what a person may do with what is held about them. Script is off in every browser here. */

let journey: Journey;
beforeAll(async () => {
  // The tests stand behind a proxy of their own: the last address in X-Forwarded-For is what it saw.
  journey = await openJourney('last-word', { TRUSTED_PROXIES: '127.0.0.1' });
});
afterAll(() => journey?.close());

const press = (page: Page, name: string | RegExp) =>
  page
    .getByRole('button', { name, exact: typeof name === 'string' })
    .first()
    .click();

async function typeCode(page: Page, address: string): Promise<void> {
  const before = await journey.letters();
  await press(page, /Send me a code/);
  const letter = await journey.letter('code', address, before);
  await page.getByLabel('Six-digit code').fill(/\d{6}/.exec(letter.subject)![0]);
  await press(page, /Go on|Show my page/);
}

/** How often a text stands in the files of the database. */
function bytes(text: string): number {
  const file = journey.place.settings['DATABASE_URL']!.slice('file:'.length);
  return [file, `${file}-wal`].reduce(
    (sum, path) => sum + readFileSync(path).toString('latin1').split(text).length - 1,
    0,
  );
}

describe('What is held about a person', { timeout: 60_000 }, () => {
  test('to see it takes a code, once on a device; the page and the download have the same', async () => {
    const page = await journey.open(DEVIKA, '/yours');
    expect(await headingOf(page)).toBe('Is it you?');
    await typeCode(page, 'devika@saltmarsh-theatre.example');
    expect(await headingOf(page)).toBe('Everything we hold about you');
    const text = await textOf(page);
    for (const said of [
      'devika@saltmarsh-theatre.example',
      'cus_devika',
      'I’m tired rather',
      '29 May 2026',
      'Box office report',
    ])
      expect(text.replaceAll("I'm", 'I’m')).toContain(said);
    expect(text).not.toMatch(/[0-9a-f]{64}|undefined|\[object/);

    const reply = await page.context().request.get(`${journey.linkOf(DEVIKA)}/yours.json`);
    expect(reply.headers()['content-disposition']).toContain('attachment');
    expect(reply.headers()['cache-control']).toContain('no-store');
    const { held } = (await reply.json()) as { held: { table: string; rows: Record<string, unknown>[] }[] };
    expect(held.map(({ table }) => table)).toEqual(
      expect.arrayContaining(['persons', 'complaints', 'departures', 'signals', 'links']),
    );
    expect(held[0]!.rows[0]).toMatchObject({ email: 'devika@saltmarsh-theatre.example' });
    const other = await fetch(`${journey.linkOf(DEVIKA)}/yours.json`, { redirect: 'manual' });
    expect(other.status, 'without the code, from elsewhere').toBe(303);
  });

  test('a name is corrected at once, words after somebody has read it, an address after a code to the new one', async () => {
    const page = await journey.open(LUCAS, '/correct');
    await typeCode(page, 'lucas@portobello-futsal.example');
    await page.getByLabel('First name').fill('Luca');
    await press(page, 'Correct the name');
    expect(await textOf(page)).toContain('Your name is corrected.');
    await page.getByText('This is not right').first().click();
    await page.getByLabel('What is wrong with it').first().fill('It was Sheila who promised it.');
    await page.locator('details[open]').getByRole('button', { name: 'Send' }).click();
    expect(await textOf(page)).toContain('Somebody here reads it before we write to you again.');
    const alert = await journey.letter('owner-correction', 'tomasz.wieczorek@northline.example');
    expect(alert.text).not.toMatch(/Sheila|Luca/);

    await page.getByLabel('New address').fill('luca@futsal');
    await press(page, 'Send a code there');
    expect(await textOf(page)).toContain('There is a problem');
    await page.getByLabel('New address').fill('luca@futsal.example');
    await press(page, 'Send a code there');
    const letter = await journey.letter('new-address', 'luca@futsal.example');
    const email = async () =>
      (await journey.place.db.read.select().from(persons).where(eq(persons.externalId, 'c-lucas')))[0]!.email;
    expect(await email()).toBe('lucas@portobello-futsal.example');
    await page.getByLabel('Six-digit code').fill(/\d{6}/.exec(letter.subject)![0]);
    await press(page, 'Take the new address');
    expect(await email()).toBe('luca@futsal.example');
    await journey.letter('address-changed', 'lucas@portobello-futsal.example');
  });

  test('deleting takes a code of this quarter of an hour; then nothing is left but a dead link, in under a minute', async () => {
    const page = await journey.open(BRONAGH, '/erase');
    expect(await headingOf(page), 'a fresh link is not enough').toBe('Is it you?');
    expect(bytes('treasurer@lagansiderowing.example')).toBeGreaterThan(0);
    await typeCode(page, 'treasurer@lagansiderowing.example');
    expect(await headingOf(page)).toBe('Delete everything about you');
    const began = performance.now();
    await press(page, 'Delete everything about me');
    expect(await headingOf(page)).toBe('It is deleted');
    await until(
      'the bytes to be gone',
      async () => bytes('treasurer@lagansiderowing.example') === 0 && bytes('cus_bronagh') === 0,
    );
    const seconds = (performance.now() - began) / 1000;
    console.log(`Erased, bytes and all, ${seconds.toFixed(1)} s after the press.`);
    expect(seconds).toBeLessThan(60);
    expect(bytes('as solved as it was on Tuesday')).toBe(0);
    expect((await journey.letters()).some(({ to }) => to === 'treasurer@lagansiderowing.example')).toBe(false);
    expect(await journey.place.db.read.$count(erasures, isNotNull(erasures.foldedAt))).toBe(1);
    await page.goto(journey.linkOf(BRONAGH));
    expect(await headingOf(page)).toBe('This link no longer works');
    expect(await textOf(await openPath('/proofs/exports-finish'))).not.toContain('boatload of parents');
  });

  test('who pays is told to end that first', async () => {
    const page = await journey.open(MAYA);
    await press(page, 'Review and rejoin');
    await press(page, /^Rejoin and pay/);
    await until('her return', async () => (await page.title()).startsWith('You are back'));
    await page.goto(`${journey.linkOf(MAYA)}/erase`);
    await typeCode(page, 'maya@rennickpress.example');
    await press(page, 'Delete everything about me');
    expect(await textOf(page)).toContain('Undo or cancel it first, then delete everything.');
    expect(await journey.place.db.read.$count(persons, eq(persons.externalId, 'c-maya'))).toBe(1);
  });

  test('by command: shown, exported, erased', async () => {
    expect((await journey.amends('person', 'show', 'cast', 'p-030')).out).toContain('What you told us');
    expect(JSON.parse((await journey.amends('person', 'export', 'cast', 'p-030')).out).held[0].rows[0].externalId).toBe(
      'p-030',
    );
    expect((await journey.amends('person', 'erase', 'cast', 'p-030')).out).toContain('Nothing was erased.');
    const erased = await journey.amends('person', 'erase', 'cast', 'p-030', '--yes');
    expect(erased).toMatchObject({ code: 0, out: expect.stringMatching(/Erased 1 record/) });
    expect((await journey.amends('person', 'show', 'cast', 'p-030')).code).toBe(1);
  });
});

const openPath = async (path: string) => {
  const page = await (await journey.device()).newPage();
  await page.goto(journey.place.url + path);
  return page;
};

describe('States of a page', { timeout: 60_000 }, () => {
  test('Niall stopped our letters: his page says since when, and starts them again', async () => {
    const page = await journey.open(NIALL);
    expect(await textOf(page)).toMatch(
      /You stopped our messages on \d+ \w+ \d{4}\. We will not write\. This page stays yours\./,
    );
    expect(await page.getByRole('button', { name: 'Stop all messages' }).count()).toBe(0);
    await press(page, 'Start them again');
    expect(await textOf(page)).not.toContain('You stopped our messages');
    expect(await journey.place.db.read.$count(suppressions, eq(suppressions.reason, 'stopped'))).toBe(0);
  });

  test('Ilaria’s offer ended: why, what there is today, and whom to ask', async () => {
    const text = await textOf(await journey.open(ILARIA));
    expect(text).toContain('The offer for Club ended on 30 September 2026. Club became part of Team');
    expect(text).toContain('Ask for what you were offered');
    expect(text).toContain('The Team plan, 4 seats');
    expect(text).toContain('When you left: Club, 4 seats, £36.00 a month');
  });

  test('Anneke’s came back, Idris’s is not fixed: waiting comes first, and it is never called fixed', async () => {
    for (const member of [ANNEKE, IDRIS]) {
      const page = await journey.open(member);
      const buttons = await page.locator('#offer ~ .actions button, .actions button').allInnerTexts();
      expect(buttons[0]).toBe('Tell me when it is fixed');
      expect(await textOf(page)).toContain('We would wait, in your place.');
    }
  });

  test('Maya’s page: where it began to break and where we missed it; Inês’s: what changed while she was away', async () => {
    const maya = await textOf(await openPath(`/for/${await freshLink(MAYA)}`));
    for (const said of [
      'Where it began to break It began 23 March 2026 Your first message',
      '1 of 2 requests waited more than two days for an answer, 4 days at the longest. One got none.',
      '21 days in January 2026, 4 days in May 2026',
      'It did not work when you needed it.',
    ]) {
      expect(maya).toContain(said);
    }
    const ines = await textOf(await journey.open(INES));
    expect(ines).toContain('While you were away');
    expect(ines).toContain('Exports now finish');
    expect(ines, 'what she told us about stands above, and not here').not.toContain('Sixty days’ notice');
  });

  async function freshLink(member: CastMember): Promise<string> {
    const personId = await journey.personIdOf(member);
    return journey.place.db.write((tx) => mintLink(tx, { personId, purpose: 'page', days: 90 }, new Date()));
  }

  test('one person’s page never holds another’s words: every link of the cast against every open complaint', async () => {
    const all = await journey.place.db.read.select().from(complaints);
    for (const { member, url } of journey.place.links.filter(({ member }) => member.key !== 'bronagh')) {
      const page = await (await journey.device()).newPage();
      await page.goto(url);
      const text = await page.content();
      const personId = await journey.personIdOf(member);
      for (const other of all.filter((one) => one.personId !== personId && (one.words?.length ?? 0) > 30)) {
        expect(text.includes(other.words!), `${member.key} reads ${other.ref}`).toBe(false);
      }
      await page.context().close();
    }
  });
});

describe('A “no”, to its end', { timeout: 90_000 }, () => {
  test('the owner answers, the person alone settles it', async () => {
    const { db } = journey.place;
    await journey.amends('due', '--in', '8');
    const question = await journey.letter('checkin', 'maya@rennickpress.example');
    const address = addressesIn(question).find((one) => one.includes('/check-in/'))!;
    const page = await (await journey.device()).newPage();
    await page.goto(address);
    await press(page, 'No, it is not fixed');
    expect(await textOf(page)).toContain('It stays open until you say that it is settled.');
    const [reopening] = await db.read.select().from(reopenings);
    expect(await db.read.$count(holds)).toBe(1);
    const words =
      'You were right. The worker ran out of memory on your report; it has twice as much since this morning.';
    await db.write((tx) => answerReopening(tx, { reopeningId: reopening!.id, by: 'priya', words }, new Date()));
    const answer = await journey.letter('owner-answer', 'maya@rennickpress.example');
    expect(answer.text).toContain('You were right.');
    await page.goto(address);
    expect(await textOf(page)).toContain('You were right.');
    await press(page, 'No, it is not');
    expect(await textOf(page)).toContain('owes you another answer');
    await db.write((tx) =>
      answerReopening(tx, { reopeningId: reopening!.id, by: 'priya', words: `${words} Now three times.` }, new Date()),
    );
    await page.goto(address);
    await press(page, 'Yes, it is settled');
    expect(await textOf(page)).toContain('You said no, and later that it is settled.');
    expect(await db.read.$count(reopenings, isNotNull(reopenings.settledAt))).toBe(1);
    expect(await db.read.$count(checkins, eq(checkins.answer, 'no'))).toBe(1);
  });
});

describe('Links', { timeout: 120_000 }, () => {
  const get = async (token: string, from = '203.0.113.7') => {
    const began = performance.now();
    const reply = await fetch(`${journey.place.url}/for/${token}`, { headers: { 'X-Forwarded-For': from } });
    const text = await reply.text();
    return { status: reply.status, text: text.replaceAll(token, ''), ms: performance.now() - began };
  };
  const mint = async (days = 90) => {
    const { db } = journey.place;
    const personId = await journey.personIdOf(INES);
    return db.write((tx) => mintLink(tx, { personId, purpose: 'page', days }, new Date()));
  };

  test('unknown, expired and revoked are one page, one status, and as fast as each other', async () => {
    const { db } = journey.place;
    const revoked = await mint();
    await db.write((tx) => revokeLinks(tx, { token: revoked }, new Date()));
    const tokens = { unknown: mintSecret(), expired: await mint(0), revoked, nonsense: 'nonsense' };
    const answers = await Promise.all(Object.values(tokens).map((token, at) => get(token, `203.0.113.${at}`)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);

    const times: Record<string, number[]> = { unknown: [], expired: [], revoked: [] };
    for (let round = 0; round < 60; round += 1) {
      // Another visitor each time: this is about the clock and not about the limit.
      for (const name of Object.keys(times)) {
        const { ms } = await get(tokens[name as keyof typeof tokens], `198.51.100.${round}`);
        times[name]!.push(ms);
      }
    }
    const medians = Object.values(times).map((all) => all.toSorted((a, b) => a - b)[30]!);
    const gap = Math.max(...medians) - Math.min(...medians);
    console.log(
      `Dead links, median ms: ${Object.keys(times)
        .map((name, at) => `${name} ${medians[at]!.toFixed(1)}`)
        .join(', ')}; gap ${gap.toFixed(2)}.`,
    );
    expect(gap).toBeLessThan(5);
  });

  test('“Send a new link” answers the same, whether there is anyone to send it to or not', async () => {
    const revoked = await mint();
    await journey.place.db.write((tx) => revokeLinks(tx, { token: revoked }, new Date()));
    const ask = async (token: string) => {
      const reply = await fetch(`${journey.place.url}/for/${token}/new-link`, {
        method: 'POST',
        headers: { Origin: journey.place.url, 'X-Forwarded-For': '203.0.113.50' },
        body: new URLSearchParams(),
        redirect: 'manual',
      });
      return { status: reply.status, text: (await reply.text()).replaceAll(token, '') };
    };
    expect(await ask(revoked)).toEqual(await ask(mintSecret()));
    await journey.letter('new-link', 'ines@carvalhoceramica.example');
  });

  test('revoked by command: one, and all of a person; each at once', async () => {
    const one = await mint();
    expect((await get(one)).status).toBe(200);
    expect((await journey.amends('link', '--revoke', `${journey.place.url}/for/${one}`)).out).toContain(
      '1 link revoked.',
    );
    expect((await get(one, '203.0.113.60')).status).toBe(404);
    const [a, b] = [await mint(), await mint()];
    expect((await journey.amends('link', '--revoke', 'cast', 'c-ines')).code).toBe(0);
    expect([(await get(a, '203.0.113.61')).status, (await get(b, '203.0.113.62')).status]).toEqual([404, 404]);
    expect((await journey.amends('link', '--revoke', 'nonsense')).code).toBe(1);
  });

  test('twenty dead links a minute from one visitor, then 429; a thousand made-up addresses in front get nobody past', async () => {
    const from = '192.0.2.99';
    const statuses: number[] = [];
    for (let tries = 0; tries < 25; tries += 1) statuses.push((await get(mintSecret(), from)).status);
    expect(statuses.filter((status) => status === 404)).toHaveLength(20);
    expect(statuses.at(-1)).toBe(429);
    let past = 0;
    for (let spoofs = 0; spoofs < 1000; spoofs += 50) {
      const some = Array.from({ length: 50 }, (_, at) => get(mintSecret(), `10.${spoofs % 255}.${at}.1, ${from}`));
      past += (await Promise.all(some)).filter(({ status }) => status !== 429).length;
    }
    console.log(`1,000 made-up X-Forwarded-For in front of the true one: ${past} got past.`);
    expect(past).toBe(0);
    expect((await get(mintSecret(), '192.0.2.98')).status, 'another visitor is not held up').toBe(404);
  });

  test('a hostile Host appears in no page and in no letter', async () => {
    const reply = await fetch(journey.linkOf(IDRIS), {
      headers: { Host: 'evil.example', 'X-Forwarded-Host': 'evil.example' },
    });
    expect(await reply.text()).not.toContain('evil.example');
    for (const letter of await journey.letters()) {
      expect(letter.text).not.toContain('evil.example');
      for (const address of addressesIn(letter)) expect(address.startsWith(journey.place.url)).toBe(true);
    }
  });
});
