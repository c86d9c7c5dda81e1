import { desc, eq } from 'drizzle-orm';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BRONAGH, DEVIKA, MAYA } from '../../db/cast.ts';
import { checkins } from '../../db/schema/checkins.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { addDays, dayOf, longDay } from '../../src/shared/dates.ts';
import { addressesIn, headingOf, type Journey, openJourney, textOf, until } from '../support/place.ts';

const MAYA_AT = 'maya@rennickpress.example';
const ISSUE = '/issues/exports-failed';
const PROOF = '/proofs/exports-finish';

let journey: Journey;
/** Maya's own browser. Script is off: nothing on her way needs it. */
let hers: BrowserContext;
let page: Page;
/** Anyone else's. */
let public_: Page;

beforeAll(async () => {
  journey = await openJourney('maya-comes-back');
  hers = await journey.device();
  page = await hers.newPage();
  public_ = await (await journey.device()).newPage();
});
afterAll(() => journey?.close());

const newestRejoin = async () => {
  const id = await journey.personIdOf(MAYA);
  const [row] = await journey.place.db.read
    .select()
    .from(rejoins)
    .where(eq(rejoins.personId, id))
    .orderBy(desc(rejoins.begunAt));
  return row;
};

const publicText = async (path: string) => {
  await public_.goto(journey.place.url + path);
  return textOf(public_);
};

/** The row of the home page that is about her exports. */
const rowOnHome = async () => {
  await public_.goto(`${journey.place.url}/`);
  const row = public_
    .locator('main li')
    .filter({ has: public_.locator(`a[href^="${ISSUE}"], a[href^="${PROOF}"]`) })
    .first();
  return (await row.innerText()).replace(/\s+/g, ' ');
};

const fixedOnHome = async () => {
  await public_.goto(`${journey.place.url}/`);
  return public_.locator('section[aria-labelledby="holding"] li').count();
};

describe('Maya comes back, says no, and goes again', { timeout: 60_000 }, () => {
  let holdingBefore = 0;

  test('From her link to “You are back”: two presses, nothing typed, three pages, and never said too early', async () => {
    holdingBefore = await fixedOnHome();
    expect(await rowOnHome()).toContain('Fixed and holding');

    const loads: string[] = [];
    page.on('framenavigated', (frame) => {
      if (frame === page.mainFrame()) loads.push(new URL(frame.url()).pathname.replace(/\/for\/[^/]+/, ''));
    });
    await page.goto(journey.linkOf(MAYA));
    expect(await textOf(page)).toContain(
      'You told us four things. Two are fixed. One is being watched. One is not fixed.',
    );
    expect(await textOf(page)).toContain("this isn't me");

    let presses = 0;
    const press = async (name: string | RegExp) => {
      presses += 1;
      await page.getByRole('button', { name }).click();
    };
    await press('Review and rejoin');
    expect(await headingOf(page)).toBe('Check and rejoin');
    expect(await page.locator('input:not([type=hidden]), textarea, select').count()).toBe(0);
    expect(await textOf(page)).toContain('£48.00');

    // The provider takes a second, as a real one may. In the meantime somebody looks at the result, again and again.
    await fetch(`${journey.place.sandboxUrl}/_sandbox/faults`, {
      method: 'POST',
      body: JSON.stringify({ kind: 'delay', method: 'POST', path: '/v1/subscriptions', ms: 1000 }),
    });
    const looks: { said: boolean; activeThen: boolean }[] = [];
    let pressed = true;
    const looking = (async () => {
      const resultAddress = `${journey.linkOf(MAYA)}/back`;
      while (pressed) {
        const said = (await (await hers.request.get(resultAddress)).text()).includes('You are back');
        looks.push({ said, activeThen: (await newestRejoin())?.state === 'active' });
        await new Promise((go) => setTimeout(go, 50));
      }
    })();
    await press('Rejoin and pay £48.00');
    pressed = false;
    await looking;

    expect(await headingOf(page)).toBe('You are back, Maya');
    expect({ presses, loads }).toEqual({ presses: 2, loads: ['', '/rejoin', '/back'] });
    expect(looks.filter(({ said, activeThen }) => said && !activeThen)).toEqual([]);
    expect(looks.filter(({ activeThen }) => !activeThen).length).toBeGreaterThan(5);
    expect(await newestRejoin()).toMatchObject({ state: 'active', amount: 4800, currency: 'gbp', seats: 5 });
    const subscriptions = await journey.stripe<{ status: string }>('subscriptions?customer=cus_maya&status=all');
    expect(subscriptions.map(({ status }) => status)).toEqual(['active']);
  });

  test('Her receipt is in the mailbox, with the way to undo it', async () => {
    const receipt = await journey.letter('back', MAYA_AT);
    expect(receipt.subject).toBe('You are back: receipt for £48.00');
    expect(receipt.text).toContain(`Until ${longDay(addDays(dayOf(new Date()), 14))}`);
    await public_.goto(`${journey.place.url}/demo/mailbox`);
    expect(await textOf(public_)).toContain('You are back: receipt for £48.00');
  });

  test('After a week one question comes; opening it answers nothing; “No, it is not fixed” turns every public page within a minute', async () => {
    const { code, out } = await journey.amends('due', '--in', '8', '--json');
    expect({ code, ...JSON.parse(out) }).toMatchObject({ code: 0, asked: 1 });
    const question = await journey.letter('checkin', MAYA_AT);
    expect(question.text).toContain('Third Monday running');
    const address = addressesIn(question).find((one) => one.includes('/check-in/'))!;

    await page.goto(address);
    await page.reload();
    expect(await headingOf(page)).toBe(question.subject);
    const answers = () => journey.place.db.read.select({ answer: checkins.answer }).from(checkins);
    expect((await answers()).filter(({ answer }) => answer !== null)).toEqual([]);

    const gateFor = async (personId: string) =>
      JSON.parse((await journey.amends('gate', 'cast', personId, '--json')).out);
    expect((await gateFor(BRONAGH.personId)).refusals.map(({ code }: { code: string }) => code)).not.toContain(
      'not-holding',
    );

    await page.getByRole('button', { name: 'No, it is not fixed' }).click();
    const pressedAt = performance.now();
    expect(await textOf(page)).toContain('Reopened today');
    expect(await textOf(page)).toMatch(/Priya Nair answers you by \d+ \w+ \d{4}/);

    const today = longDay(dayOf(new Date(), 'Europe/London'));
    await until('the public pages’ turn', async () => (await rowOnHome()).includes(`Came back on ${today}`), 60);
    for (const path of [ISSUE, PROOF]) {
      const text = await publicText(path);
      expect(text, path).toContain(`Came back on ${today}`);
      expect(text, path).not.toContain('Fixed and holding');
    }
    const seconds = (performance.now() - pressedAt) / 1000;
    expect(seconds).toBeLessThan(60);
    console.log(`The public pages turned ${seconds.toFixed(1)} s after the press.`);
    expect(await rowOnHome()).not.toContain('Fixed and holding');
    expect(await fixedOnHome()).toBe(holdingBefore - 1);

    const gate = await gateFor(BRONAGH.personId);
    expect(gate.mayInvite).toBe(false);
    expect(gate.refusals.map(({ code }: { code: string }) => code)).toContain('not-holding');
  });

  test('Others who left for the same reason are told to wait, and the owner is told to answer', async () => {
    const theirs = await (await journey.device()).newPage();
    for (const member of [BRONAGH, DEVIKA]) {
      await theirs.goto(journey.linkOf(member));
      const text = await textOf(theirs);
      expect(text).toContain('came back');
      expect(text).not.toContain('Review and rejoin');
      expect(await theirs.locator('#offer ~ .actions button, .actions button').first().innerText()).toBe(
        'Tell me when it is fixed',
      );
    }
    const alert = await journey.letter('owner-alert', 'priya.nair@northline.example');
    expect(alert.subject).toMatch(/^A no: /);
    expect(alert.text).not.toContain('Maya');
    expect(alert.text).not.toContain('Third Monday');
  });

  test('Within 14 days she undoes it in two presses: everything is refunded, nothing is asked any more, and a letter says so', async () => {
    await page.goto(`${journey.linkOf(MAYA)}/back`);
    await page.getByRole('link', { name: 'Undo my return' }).click();
    await page.getByRole('button', { name: 'Undo, and refund £48.00' }).click();
    expect(await headingOf(page)).toBe('Your return is undone');
    expect(await newestRejoin()).toMatchObject({ state: 'undone', refundedAmount: 4800 });

    const [subscription] = await journey.stripe<{ status: string }>('subscriptions?customer=cus_maya&status=all');
    expect(subscription?.status).toBe('canceled');
    const refunds = (await journey.asked()).filter(({ method, path }) => method === 'POST' && path === '/v1/refunds');
    expect(refunds.map(({ status }) => status)).toEqual([200]);
    const planned = await journey.place.db.read.select().from(checkins);
    expect(planned.filter(({ askedAt, cancelledAt }) => askedAt === null && cancelledAt === null)).toEqual([]);
    const letter = await journey.letter('undone', MAYA_AT);
    expect(letter.subject).toBe('Undone: £48.00 is on its way back');
    expect((await journey.amends('due', '--in', '40', '--json')).out).toContain('"asked":0');
  });
});
