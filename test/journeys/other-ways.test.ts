import { eq } from 'drizzle-orm';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ANNEKE,
  CARL,
  type CastMember,
  DEVIKA,
  FRANCES,
  GARETH,
  HANNAH,
  IDRIS,
  INES,
  LUCAS,
  MAYA,
  PETRA,
  SANDBOX_FIXTURES,
  STOPPED,
  SUNNIVA,
  WALTER,
} from '../../db/cast.ts';
import { corrections, persons, suppressions, waits } from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { mintLink, revokePageLinks } from '../../src/invitations/links.ts';
import { mintSecret } from '../../src/shared/secrets.ts';
import { addressesIn, dumpOf, headingOf, type Journey, openJourney, textOf, until } from '../support/place.ts';

/* Everybody who does not walk Maya's way. Script is off in every browser here. */

let journey: Journey;
beforeAll(async () => {
  journey = await openJourney('other-ways');
});
afterAll(() => journey?.close());

const press = (page: Page, name: string | RegExp) =>
  page.getByRole('button', { name, exact: typeof name === 'string' }).click();
const rejoinsOf = async (member: CastMember) =>
  journey.place.db.read
    .select()
    .from(rejoins)
    .where(eq(rejoins.personId, await journey.personIdOf(member)));
const subscriptionsOf = (member: CastMember) =>
  journey.stripe<{ status: string; cancel_at_period_end: boolean }>(
    `subscriptions?customer=cus_${member.key}&status=all`,
  );
const chargesOf = (member: CastMember) =>
  journey.stripe<{ status: string; amount_paid: number }>(`invoices?customer=cus_${member.key}&status=paid`);

describe('Paying', { timeout: 60_000 }, () => {
  test('Devika’s bank says no: one focused sentence, nothing charged, and the next try with a good card works', async () => {
    const page = await journey.open(DEVIKA);
    await press(page, 'Review and rejoin');
    await press(page, 'Rejoin and pay £38.40');
    expect(await page.title()).toMatch(/^Error: /);
    const summary = page.locator('.error-summary:focus');
    expect(await summary.innerText()).toContain('Your bank said no to Visa ending 0341. You have not been charged.');
    expect(await chargesOf(DEVIKA)).toEqual([]);
    expect((await subscriptionsOf(DEVIKA)).filter(({ status }) => status === 'active')).toEqual([]);
    expect(await rejoinsOf(DEVIKA)).toMatchObject([{ state: 'declined', attempt: 1 }]);

    await page.goto(`${journey.linkOf(DEVIKA)}/back`);
    expect(await headingOf(page)).toBe('You have not been charged');
    await page.getByRole('link', { name: 'Check and try again' }).click();
    await page.getByRole('link', { name: 'Try Visa ending 0341 once more' }).click();
    const customers = SANDBOX_FIXTURES.customers
      .filter(({ id }) => id === 'cus_devika')
      .map((one) => ({ ...one, payment_methods: one.payment_methods.map((card) => ({ ...card, behaviour: 'ok' })) }));
    await fetch(`${journey.place.sandboxUrl}/_sandbox/fixtures`, {
      method: 'POST',
      body: JSON.stringify({ customers }),
    });
    await press(page, 'Rejoin and pay £38.40');
    expect(await headingOf(page)).toBe('You are back, Devika');
    expect((await chargesOf(DEVIKA)).map((invoice) => invoice.amount_paid)).toEqual([3840]);
    expect(await rejoinsOf(DEVIKA)).toMatchObject([{ state: 'active', attempt: 2 }]);
  });

  test('Sunniva presses twenty times from three tabs at once: one subscription, one charge, one row', async () => {
    const context = await journey.device();
    const tabs = await Promise.all([1, 2, 3].map(() => context.newPage()));
    await tabs[0]!.goto(journey.linkOf(SUNNIVA));
    await press(tabs[0]!, 'Review and rejoin');
    await Promise.all(tabs.map((tab) => tab.goto(`${journey.linkOf(SUNNIVA)}/rejoin`)));
    const fields = await tabs[0]!
      .locator('main form input[type=hidden]')
      .evaluateAll((inputs) =>
        Object.fromEntries(inputs.map((input) => [input.getAttribute('name')!, input.getAttribute('value')!])),
      );
    const again = () =>
      context.request.post(`${journey.linkOf(SUNNIVA)}/rejoin`, {
        form: fields,
        headers: { Origin: journey.place.url },
      });
    const answers = await Promise.all([
      ...tabs.map((tab) => press(tab, /^Rejoin and pay/)),
      ...Array.from({ length: 17 }, again),
    ]);
    for (const answer of answers) if (answer) expect(answer.status()).toBe(200);
    for (const tab of tabs) await until('her return', async () => (await headingOf(tab)) === 'You are back, Sunniva');
    expect(await rejoinsOf(SUNNIVA)).toMatchObject([{ state: 'active', attempt: 1 }]);
    expect((await subscriptionsOf(SUNNIVA)).map(({ status }) => status)).toEqual(['active']);
    expect((await chargesOf(SUNNIVA)).length).toBe(1);
    const starts = (await journey.asked()).filter(
      ({ method, path, params }) =>
        method === 'POST' && path === '/v1/subscriptions' && params['customer'] === 'cus_sunniva',
    );
    expect(starts.length).toBe(1);
    const receipts = (await journey.letters()).filter(({ kind, to }) => kind === 'back' && to.startsWith('post@'));
    expect(receipts.length).toBeLessThanOrEqual(1);
  });

  test('Inês comes back by keyboard alone, and cancels by no more presses than that took', async () => {
    const page = await journey.open(INES);
    const goTo = async (name: string) => {
      for (let steps = 0; steps < 60; steps += 1) {
        await page.keyboard.press('Tab');
        const focused = page.locator(':focus');
        if ((await focused.count()) > 0 && (await focused.innerText()).trim() === name) return;
      }
      throw new Error(`Tab never came to “${name}”.`);
    };
    const enter = async (name: string) => {
      await goTo(name);
      await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
    };
    await enter('Review and rejoin');
    await enter('Rejoin and pay £8.00');
    expect(await headingOf(page)).toBe('You are back, Inês');

    await enter('Cancel my plan');
    await enter('Cancel my plan');
    expect(await textOf(page)).toContain('You cancelled. Nothing more is charged.');
    expect(await subscriptionsOf(INES)).toMatchObject([{ status: 'active', cancel_at_period_end: true }]);
  });
});

describe('What the page says to whom', { timeout: 60_000 }, () => {
  test('What made Idris leave is not fixed: the first thing to press is “Tell me when it is fixed”, and once is enough', async () => {
    const page = await journey.open(IDRIS);
    const button = page.locator('.actions button').first();
    expect(await button.innerText()).toBe('Tell me when it is fixed');
    expect(await page.getByRole('button', { name: 'Review and rejoin' }).count()).toBe(0);
    expect(await page.locator('.actions button', { hasText: 'Rejoin all the same' }).getAttribute('class')).toBe(
      'button-link',
    );
    expect(await textOf(page)).toContain('We would wait, in your place.');
    await button.click();
    expect(await textOf(page)).toContain('We will write to you once, when it is fixed.');
    const again = { form: { issue: 'large-files-slow' }, headers: { Origin: journey.place.url } };
    await page.request.post(`${journey.linkOf(IDRIS)}/tell-me`, again);
    const asked = await journey.place.db.read.select().from(waits);
    expect(asked.map(({ issueId }) => issueId)).toEqual(['large-files-slow']);
  });

  test('Lucas’s words name two of our people, so he sees our note, called that', async () => {
    const text = await textOf(await journey.open(LUCAS));
    expect(text).not.toMatch(/Colin|Baptiste|Sheila|Doyle/);
    expect(text).toContain('Two of our advisers closed it within a week');
    expect(text).toContain('Your message names someone else, so we show our note.');
    expect(text).toContain('Our note, not your words.');
  });

  test('Hannah spoke in confidence: nothing of it is on the page', async () => {
    const page = await journey.open(HANNAH);
    const html = await page.content();
    expect(html).not.toMatch(/refuge|who could see|say more in writing/i);
    expect(await textOf(page)).toContain('What you told us in confidence counts, and is not shown, not even here.');
  });

  test('Those who must never be written to, or spoke in confidence alone, have no link at all', () => {
    const linked = journey.place.links.map(({ member }) => member.key);
    for (const member of [WALTER, PETRA, FRANCES, CARL]) expect(linked).not.toContain(member.key);
  });
});

describe('Whose link it is', { timeout: 60_000 }, () => {
  test('A forwarded link shows Anneke’s words and terms to nobody else; a mailed code makes a second device hers', async () => {
    const first = await journey.open(ANNEKE);
    expect(await textOf(first)).toContain('Your history, in your words');
    const words = await first.locator('blockquote').first().innerText();
    await press(first, 'Rejoin all the same');
    expect(await headingOf(first)).toBe('Check and rejoin');

    const second = await journey.open(ANNEKE);
    const shown = await textOf(second);
    expect(shown).not.toContain(words);
    for (const own of ['Anneke', 'For you:', 'When you left', 'a month']) expect(shown).not.toContain(own);
    expect(await second.locator('blockquote').count()).toBe(0);
    for (const path of ['/rejoin', '/back', '/undo', '/why', '/cancel']) {
      await second.goto(journey.linkOf(ANNEKE) + path);
      expect(new URL(second.url()).pathname, path).toMatch(/\/code$/);
    }
    await second.goto(journey.linkOf(ANNEKE));
    await press(second, 'Rejoin all the same');
    expect(await headingOf(second)).toBe('Is it you?');
    expect(await textOf(second)).not.toContain('anneke@visserdance.example');

    await press(second, 'Send me a code');
    const letter = await journey.letter('code', 'anneke@visserdance.example');
    const code = letter.subject.match(/\d{6}/)![0];
    await second.getByLabel('Six-digit code').fill(code === '000000' ? '111111' : '000000');
    await press(second, 'Go on');
    expect(await second.title()).toMatch(/^Error: /);
    expect(await second.locator('.error-summary:focus').innerText()).toContain('That code does not match.');
    expect(await second.locator('blockquote').count()).toBe(0);
    await second.getByLabel('Six-digit code').fill(`${code.slice(0, 3)} ${code.slice(3)}`);
    await press(second, 'Go on');
    expect(await headingOf(second), 'the code leads on to where they wanted').toBe('Check and rejoin');
    await second.goto(journey.linkOf(ANNEKE));
    expect(await textOf(second)).toContain(words);
    await second.goto(`${journey.linkOf(ANNEKE)}/code?for=rejoin`);
    expect(await headingOf(second), 'and is not asked for twice').toBe('Check and rejoin');

    // The same code a second time, on a third device, is worth nothing.
    const third = await journey.open(ANNEKE, '/code?sent');
    await third.getByLabel('Six-digit code').fill(code);
    await press(third, 'Show my page');
    expect(await third.locator('.error-summary').innerText()).toContain('That code no longer works.');
  });

  test('A link that never was, one that ran out and one that was revoked are one page, byte for byte', async () => {
    const { db, url } = journey.place;
    const personId = await journey.personIdOf(GARETH);
    const now = new Date();
    const expired = await db.write((tx) => mintLink(tx, { personId, purpose: 'page', days: -1 }, now));
    const revoked = await db.write(async (tx) => {
      const [other] = await tx.select({ id: persons.id }).from(persons).where(eq(persons.externalId, PETRA.personId));
      const token = await mintLink(tx, { personId: other!.id, purpose: 'page', days: 90 }, now);
      await revokePageLinks(tx, other!.id, now);
      return token;
    });
    const unknown = mintSecret();
    const pages = [];
    for (const token of [unknown, expired, revoked]) {
      for (const kind of ['for', 'check-in', 'stop']) {
        const reply = await fetch(`${url}/${kind}/${token}`);
        const headers = [...reply.headers].filter(([name]) => name !== 'date' && name !== 'x-request-id');
        pages.push({ status: reply.status, headers, body: (await reply.text()).replaceAll(token, 'TOKEN') });
      }
    }
    expect(pages[0]!.status).toBe(404);
    expect(pages[0]!.body).toContain('This link no longer works');
    for (const page of pages) expect(page).toEqual(pages[0]);

    // “Send a new link”: the same answer, and a letter only where there is somebody to write to.
    const answers = [];
    for (const token of [unknown, expired]) {
      const page = await (await journey.device()).newPage();
      await page.goto(`${url}/for/${token}`);
      await press(page, 'Send a new link');
      answers.push((await page.content()).replaceAll(token, 'TOKEN'));
    }
    expect(answers[0]).toContain('If this link was ours, a new one is on its way');
    expect(answers[1]).toBe(answers[0]);
    const letter = await journey.letter('new-link', 'gareth@brecon-ringers.example');
    expect((await journey.letters()).filter(({ kind }) => kind === 'new-link').length).toBe(1);
    const page = await (await journey.device()).newPage();
    await page.goto(addressesIn(letter).find((address) => address.includes('/for/'))!);
    expect(await textOf(page)).toContain('For Gareth P.');
    expect((await page.goto(journey.linkOf(GARETH)))!.status(), 'the older link').toBe(404);
  });
});

describe('Saying something back', { timeout: 60_000 }, () => {
  test('“Not quite”: an empty box is refused in a focused sentence; filled, it is kept and answered', async () => {
    const page = await journey.open(MAYA);
    await press(page, 'Not quite');
    expect(await headingOf(page)).toBe('What was it, then?');
    await press(page, 'Send');
    expect(await page.title()).toMatch(/^Error: /);
    expect(await page.locator('.error-summary:focus').innerText()).toContain('Write at least a few words');
    expect(await journey.place.db.read.select().from(corrections)).toEqual([]);
    await page.getByLabel('Why you left').fill('It was the silence, more than the exports.');
    await press(page, 'Send');
    expect(await textOf(page)).toContain('You told us that we have this wrong.');
    expect(await journey.place.db.read.select().from(corrections)).toMatchObject([
      { right: false, words: 'It was the silence, more than the exports.', reviewedAt: null },
    ]);
    const gate = JSON.parse((await journey.amends('gate', 'cast', MAYA.personId, '--json')).out);
    expect(gate.mayInvite).toBe(false);
  });

  test('“No thanks” is one press, and the page stays hers', async () => {
    const page = await journey.open(HANNAH);
    await press(page, 'No thanks');
    expect(await textOf(page)).toContain('You said “No thanks”. We won’t invite you again. This page stays yours.');
    expect(await page.getByRole('button', { name: 'No thanks' }).count()).toBe(0);
  });

  test('Stopping is one press on the page, and one POST without a browser from a mail program; a GET never does it', async () => {
    // One of the cast had stopped our letters before.
    const stopped = async () => (await journey.place.db.read.select().from(suppressions)).length - STOPPED.length;
    const page = await journey.open(LUCAS);
    await press(page, 'Stop all messages');
    expect(await textOf(page)).toMatch(/You stopped our messages on .+ We will not write\. This page stays yours\./);
    expect(await stopped()).toBe(1);

    const receipt = await journey.letter('back', 'devika@saltmarsh-theatre.example');
    const address = addressesIn(receipt).find((one) => one.includes('/stop/'))!;
    await page.goto(address);
    expect(await headingOf(page)).toBe('Stop our letters');
    expect(await stopped()).toBe(1);
    const began = performance.now();
    const reply = await fetch(address, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: 'List-Unsubscribe=One-Click',
      redirect: 'manual',
    });
    expect(reply.status).toBe(200);
    expect(await stopped()).toBe(2);
    const ms = Math.round(performance.now() - began);
    console.log(`One press in a mail program, without a cookie: 200, and on the list after ${ms} ms.`);
    expect(ms).toBeLessThan(1000);
    await page.reload();
    expect(await headingOf(page)).toBe('We won’t write to you any more');
  });

  test('A form sent from another site, or from nowhere, is refused and changes nothing', async () => {
    const before = await dumpOf(journey.place);
    const forms = [
      '/open',
      '/rejoin',
      '/tell-me',
      '/no-thanks',
      '/stop',
      '/start',
      '/correct',
      '/erase',
      '/left',
      '/why',
      '/code',
      '/undo',
      '/cancel',
      '/payer',
      '/portal',
      '/new-link',
    ];
    for (const origin of ['https://elsewhere.example', 'null', 'http://127.0.0.1:1', undefined]) {
      for (const form of forms) {
        const reply = await fetch(journey.linkOf(MAYA) + form, {
          method: 'POST',
          headers: origin ? { Origin: origin } : {},
          body: new URLSearchParams({ issue: 'large-files-slow', right: 'yes', send: 'yes' }),
          redirect: 'manual',
        });
        expect(reply.status, `${form} from ${origin}`).toBe(403);
        expect(await reply.text()).toContain('nothing was changed');
      }
    }
    expect(await dumpOf(journey.place)).toEqual(before);
  });
});
