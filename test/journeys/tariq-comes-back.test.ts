import { eq } from 'drizzle-orm';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { JOANNA, TARIQ } from '../../db/cast.ts';
import { letters } from '../../db/schema/mail.ts';
import { complaints, persons } from '../../db/schema/people.ts';
import { roleOffers } from '../../db/schema/reonboarding.ts';
import { mintLink, openLink, rebindDevice } from '../../src/invitations/links.ts';
import { addressesIn, dumpOf, type Journey, openJourney, textOf, until } from '../support/place.ts';

/*
 * Two people who worked here find their way back, or don't: on a phone, by keyboard alone, without script. And somebody who
 * has only their link finds nothing.
 */

let journey: Journey;
let page: Page;
const ADDRESS = 'tariq.mahmood@post.example';

beforeAll(async () => {
  journey = await openJourney('tariq-comes-back');
});
afterAll(() => journey?.close());

const heading = () => page.locator('h1').innerText();
const at = () => new URL(page.url()).pathname.replace(/^\/for\/[^/]+/, '');

async function phone(): Promise<void> {
  await page?.context().close();
  page = await (await journey.device({ viewport: { width: 360, height: 740 } })).newPage();
}

/** Moves on by Tab until what has the focus is called so. */
async function tabTo(name: string | RegExp): Promise<void> {
  const fits = (text: string) => (typeof name === 'string' ? text === name : name.test(text));
  for (let steps = 0; steps < 80; steps += 1) {
    await page.keyboard.press('Tab');
    const focused = page.locator(':focus');
    if ((await focused.count()) === 0) continue;
    const id = await focused.getAttribute('id');
    const label = id ? page.locator(`label[for="${id}"]`) : null;
    const said = label && (await label.count()) > 0 ? await label.innerText() : await focused.innerText();
    if (fits(said.trim().replace(/\s+/g, ' '))) return;
  }
  throw new Error(`Tab never came to “${name}”.`);
}

async function enter(name: string | RegExp): Promise<void> {
  await tabTo(name);
  await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
}

/** From the link to the page, by the code that was mailed. */
async function byCode(link: string, address: string): Promise<void> {
  await page.goto(link);
  const before = await journey.letters();
  await enter('Send me a code');
  const letter = await journey.letter('code', address, before);
  await tabTo('Six-digit code');
  await page.keyboard.type(/\d{6}/.exec(letter.text)![0]);
  await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
}

async function noOverflow(): Promise<void> {
  expect(await page.evaluate(() => document.documentElement.scrollWidth), at()).toBeLessThanOrEqual(360);
}

describe('Tariq, by keyboard, on a phone, without script', { timeout: 120_000 }, () => {
  test('he types a code and reads why he left, in his words, and what became of it', async () => {
    await phone();
    await byCode(journey.linkOf(TARIQ), ADDRESS);
    expect(await heading()).toBe('You told us one thing. It is fixed.');
    const text = await textOf(page);
    expect(text).toContain('I mind finding out on a Thursday');
    expect(text).toContain('You left on 30 January 2026, as Support Adviser.');
    expect(text).toContain('Is this why you left?');
    await noOverflow();
    await enter('Yes');
    expect(await textOf(page)).toContain('You told us that we have this right.');
  });

  test('the role, then and now: manager, pay, where it leads; talking and “No thanks” look the same', async () => {
    await enter(/^The role, then and now/);
    const text = await textOf(page);
    for (const said of [
      'Fixed 21 days ahead',
      'Mei-Lin Tan, since 16 February 2026',
      '£27,400 to £31,800',
      'Senior Support Adviser',
      'Tomasz Wieczorek decides by',
      'The week between Christmas and New Year has no rule of its own yet',
    ]) {
      expect(text).toContain(said);
    }
    await noOverflow();
    const looks = await page.locator('.choices button').evaluateAll((buttons) =>
      buttons.map((button) => {
        const { color, backgroundColor, borderColor, fontSize, height } = getComputedStyle(button);
        return [color, backgroundColor, borderColor, fontSize, height].join();
      }),
    );
    expect(looks).toHaveLength(2);
    expect(new Set(looks).size).toBe(1);
    await enter('Talk to Mei-Lin Tan');
    expect(await textOf(page)).toContain('You asked to talk. Mei-Lin Tan writes to you within two working days.');
    const told = await journey.letter('wants-to-talk', 'mei-lin.tan@northline.example');
    expect(told.text).not.toMatch(/Tariq|Mahmood|shift/);
  });

  test('the offer: the whole text with its fingerprint; his name and one press accept it, and a copy comes', async () => {
    await enter('Read the offer that is ready for you');
    expect(await heading()).toBe('Check and accept');
    await noOverflow();
    await enter(/^The whole text/);
    expect(await textOf(page)).toContain('There is no payment for signing');
    await noOverflow();
    await enter('Back');
    await tabTo('Your name, as you sign');
    await page.keyboard.type('Tariq Mahmood');
    await enter('Accept this offer');
    expect(await heading()).toBe('You accepted this offer');
    const copy = await journey.letter('role-accepted', ADDRESS);
    const [offer] = await journey.place.db.read.select().from(roleOffers);
    expect(copy.text).toContain(offer!.termsHash);
    expect(offer).toMatchObject({ acceptedName: 'Tariq Mahmood', acceptedHash: offer!.termsHash });
  });

  test('the first week: four things to do, eight carried over with why and until when, three wait on us by name', async () => {
    await enter('Your first week back');
    const text = await textOf(page);
    expect(text).toContain('You have four things to do. We carried over eight.');
    expect(text).toContain('Fire safety Finished on 10 September 2024. Good until 10 September 2027.');
    expect(text).toContain('Our fire risk assessment of 2024 sets three years');
    expect(text).toContain('Good until it changes.');
    expect(text).toMatch(/Your first four weeks of rota Mei-Lin Tan, by \d+ \w+ \d{4}\./);
    await noOverflow();
  });

  test('he does all four: two to read, two facts in one press, and then what is different', async () => {
    for (const title of ['How we handle members’ data', 'The rules of the rota']) {
      await enter(title);
      expect(await textOf(page)).toMatch(/Changed on \d+ June 2026/);
      await noOverflow();
      await enter('I have read this');
    }
    expect(await textOf(page)).toContain('You have two things to do.');
    await enter('Whom we call in an emergency');
    expect(await heading()).toBe('Is all of this still right?');
    expect(await textOf(page)).toContain('a raised screen, a chair with arms');
    await noOverflow();
    await enter(/^Change Whom we call/);
    expect(await textOf(page)).toContain('Check in People Desk');
    await enter('Back');
    await enter('Whom we call in an emergency');
    await enter('All still right');
    expect(await textOf(page)).toContain('Nothing is left for you to do. We carried over eight.');
    await enter('Four things that catch people who come back');
    await enter('I have read what is different');
    expect(await textOf(page)).toMatch(/Read on \d+/);
  });

  test('a colleague’s task has a link of its own; opening it does nothing, and one press reaches his page', async () => {
    const task = await journey.letter('task', 'mei-lin.tan@northline.example');
    const [link] = addressesIn(task).filter((address) => address.includes('/task/'));
    expect(task.text).not.toMatch(/Tariq|Mahmood/);
    const before = await dumpOf(journey.place);
    for (const method of ['GET', 'HEAD']) expect((await fetch(link!, { method })).status).toBe(200);
    expect(await dumpOf(journey.place)).toEqual(before);
    const back = page.url();
    await page.goto(link!);
    expect(await textOf(page)).toContain('For Tariq Mahmood, who starts as Support Adviser');
    await noOverflow();
    await enter('It is done');
    expect(await textOf(page)).toContain('Their page says so.');
    await page.goto(back);
    expect(await textOf(page)).toMatch(/Your first four weeks of rota Mei-Lin Tan did it on/);
  });

  test('before his first day, deleting everything waits: the page says so before he presses, and leads to taking it back', async () => {
    await page.goto(`${journey.linkOf(TARIQ)}/erase`);
    const text = await textOf(page);
    expect(text).toContain('You accepted our offer, and are expected on');
    expect(text).toContain('What stays is the fingerprint of the text and the time');
    expect(await page.getByRole('button', { name: 'Delete everything about me' }).count()).toBe(0);
    await noOverflow();
    await enter('What you accepted, and how to take it back');
    expect(await heading()).toBe('You accepted this offer');
  });

  test('he takes it back in one press, as easily as he accepted', async () => {
    await page.goto(`${journey.linkOf(TARIQ)}/accept`);
    await enter('Take my acceptance back');
    expect(await heading()).toBe('You took your acceptance back');
    await journey.letter('role-withdrawn', ADDRESS);
    await page.goto(`${journey.linkOf(TARIQ)}/first-week`);
    expect(at()).toBe('');
  });
});

describe('Joanna, whose next step is not decided', { timeout: 60_000 }, () => {
  test('she reads that it isn’t, is offered nothing, and may say no', async () => {
    await phone();
    await byCode(journey.linkOf(JOANNA), 'joanna.brzezicka@post.example');
    expect(await heading()).toBe('You told us one thing. It is not fixed.');
    expect(await textOf(page)).toContain('Nothing about why you left has held long enough');
    await noOverflow();
    await enter(/^The role, then and now/);
    expect(await textOf(page)).toContain('The next step is not decided.');
    await page.goto(`${journey.linkOf(JOANNA)}/accept`);
    expect(at()).toBe('/role');
    await enter('No thanks');
    expect(await textOf(page)).toContain('You said “No thanks”.');
  });

  test('she can’t be invited', async () => {
    const { out } = await journey.amends('gate', 'cast', 'e-joanna', '--json');
    expect(JSON.parse(out)).toMatchObject({ mayInvite: false });
  });
});

describe('Everyone else who worked here, each by a link of their own', { timeout: 240_000 }, () => {
  test('reads what HR released and nothing else: nothing said in confidence, without a name, or about somebody else', async () => {
    const { db, url } = journey.place;
    const told = await db.read
      .select({ person: persons, complaint: complaints })
      .from(complaints)
      .innerJoin(persons, eq(persons.id, complaints.personId))
      .where(eq(persons.kind, 'employee'));
    const named = [TARIQ.personId, JOANNA.personId];
    const rest = told.filter(({ person }) => !named.includes(person.externalId));
    // Of those whose words may be released, HR releases one that names somebody else, and one that doesn’t.
    const open = rest.filter(({ complaint }) => complaint.confidentiality === 'open' && complaint.words);
    const [plain, naming] = [open[0]!, open[1]!];
    await db.write(async (tx) => {
      await tx
        .update(complaints)
        .set({ namesOthers: true, note: 'A note of ours.' })
        .where(eq(complaints.id, naming.complaint.id));
      for (const { complaint } of [plain, naming]) {
        const released = { releasedAt: 0, releasedBy: 'ruth' };
        await tx.update(complaints).set(released).where(eq(complaints.id, complaint.id));
      }
    });
    const secret = rest.filter(({ complaint }) => complaint.confidentiality !== 'open');
    expect(new Set(secret.map(({ complaint }) => complaint.confidentiality)).size).toBe(2);
    const looked = new Set<string>();
    for (const { person, complaint } of rest) {
      const token = await db.write((tx) => mintLink(tx, { personId: person.id, purpose: 'page', days: 1 }, new Date()));
      // A code was typed on this device: that walk is Tariq’s and Joanna’s.
      const visit = (await openLink(db.read, token, 'page', { deviceSecret: undefined, freshDays: 30 }, new Date()))!;
      const device = await db.write((tx) => rebindDevice(tx, visit, new Date()));
      const headers = { Cookie: `amends-device=${device}` };
      for (const path of ['', '/role', '/accept', '/terms', '/first-week', '/question']) {
        const reply = await fetch(`${url}/for/${token}${path}`, { headers });
        const text = (await reply.text()).replaceAll('&#39;', "'").replaceAll('&quot;', '"');
        const first = new URL(reply.url).pathname === `/for/${token}`;
        const who = `${person.externalId}${path}`;
        expect(reply.status, who).toBe(200);
        const shown = first && complaint.id === plain.complaint.id;
        if (complaint.words) expect(text.includes(complaint.words.slice(0, 40)), who).toBe(shown);
        expect(text.includes('A note of ours.'), who).toBe(first && complaint.id === naming.complaint.id);
        if (complaint.note) expect(text, who).not.toContain(complaint.note.slice(0, 40));
      }
      // One of each kind on a phone, too.
      const kind = [complaint.confidentiality, complaint.id === naming.complaint.id].join();
      if (looked.has(kind)) continue;
      looked.add(kind);
      await phone();
      await page.context().addCookies([{ name: 'amends-device', value: device, url }]);
      for (const path of ['', '/role']) {
        await page.goto(`${url}/for/${token}${path}`);
        expect(await heading()).not.toBe('Is it you?');
        await noOverflow();
      }
    }
    expect(looked.size).toBe(4);
  });
});

describe('A crawler with a stolen link and no code', { timeout: 60_000 }, () => {
  const PAGES = [
    ...['', '/employee', '/role', '/accept', '/terms', '/first-week', '/first-week/data-policy', '/first-week/facts'],
    ...['/question', '/code', '/code?sent', '/why', '/talk', '/rejoin', '/back', '/undo', '/cancel', '/yours', '/left'],
  ];
  const SECRET =
    /Tariq|Mahmood|Joanna|Brzezicka|post\.example|nurse|Thursday|[Ss]hift|[Rr]ota|Adviser|Analyst|Mei-Lin|next step|January|offer is|told us (one|two)|fixed/;

  test('learns that the link exists, and nothing else, by any page or press', async () => {
    for (const member of [TARIQ, JOANNA]) {
      const link = journey.linkOf(member);
      const before = await dumpOf(journey.place);
      for (const path of PAGES) {
        for (const method of ['GET', 'HEAD']) {
          const reply = await fetch(link + path, { method, redirect: 'manual' });
          const location = reply.headers.get('location') ?? '';
          expect([200, 303, 404], path).toContain(reply.status);
          expect(await reply.text(), path).not.toMatch(SECRET);
          expect(location, path).not.toMatch(SECRET);
        }
      }
      expect(await dumpOf(journey.place)).toEqual(before);
      const presses: [string, Record<string, string>][] = [
        ['/accept', { press: 'accept', name: 'A Crawler' }],
        ['/accept', { press: 'take-back' }],
        ['/accept', { press: 'no' }],
        ['/talk', { answer: 'talk' }],
        ['/talk', { answer: 'no' }],
        ['/no-thanks', {}],
        ['/first-week/data-policy', {}],
        ['/first-week/facts', { item: 'screen-and-chair' }],
        ['/question', { answer: 'no' }],
        ['/why', { right: 'yes' }],
        ['/erase', {}],
        ['/correct', { firstName: 'X' }],
        ['/open', {}],
        ['/rejoin', {}],
      ];
      for (const [path, fields] of presses) {
        const reply = await fetch(link + path, {
          method: 'POST',
          redirect: 'manual',
          body: new URLSearchParams(fields),
          headers: { Origin: journey.place.url },
        });
        expect([303, 404], path).toContain(reply.status);
        expect(await reply.text()).not.toMatch(SECRET);
      }
      expect(await dumpOf(journey.place)).toEqual(before);
    }
  });

  test('reads the same first page whoever the link belongs to', async () => {
    const bodies = await Promise.all(
      [TARIQ, JOANNA].map(async (member) => {
        const link = journey.linkOf(member);
        return (await (await fetch(link)).text()).replaceAll(new URL(link).pathname, '');
      }),
    );
    expect(new Set(bodies).size).toBe(1);
  });
});

test('no letter that left names a complaint', async () => {
  await until('quiet', async () => {
    const unsent = await journey.place.db.read.select().from(letters).where(eq(letters.personId, ''));
    return unsent.length === 0;
  });
  for (const { to, subject, text } of await journey.letters()) {
    if (to.endsWith('@post.example')) expect(subject + text).not.toMatch(/nurse|Thursday|My shifts|next step was/);
  }
});
