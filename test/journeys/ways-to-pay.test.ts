import { eq } from 'drizzle-orm';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ANNEKE, BRONAGH, type CastMember, DEVIKA, GARETH, INES, LUCAS, SUNNIVA } from '../../db/cast.ts';
import { makeGoods } from '../../db/schema/makegoods.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import type { Fixtures } from '../../src/payments/sandbox/control.ts';
import { dumpOf, headingOf, type Journey, openJourney, textOf, until } from '../support/place.ts';

/* Every way in that is not a saved card at once: Checkout, a refused card, the bank's page, somebody else, a plan still held. */

let journey: Journey;
beforeAll(async () => {
  journey = await openJourney('ways-to-pay');
});
afterAll(() => journey?.close());

/** Counts what a person does after their link is open: presses of buttons and links, boxes filled, pages loaded. */
type Walk = { page: Page; presses: number; typed: number; pages: number };

async function walk(member: CastMember): Promise<Walk> {
  const page = await (await journey.device()).newPage();
  const one: Walk = { page, presses: 0, typed: 0, pages: 0 };
  await page.goto(journey.linkOf(member));
  one.pages += 1;
  return one;
}
async function press(one: Walk, name: string | RegExp, role: 'button' | 'link' = 'button'): Promise<void> {
  await one.page
    .getByRole(role, { name, exact: typeof name === 'string' })
    .first()
    .click();
  one.presses += 1;
  one.pages += 1;
}
async function type(one: Walk, label: RegExp, text: string): Promise<void> {
  await one.page.getByLabel(label).fill(text);
  one.typed += 1;
}
const heading = ({ page }: Walk) => headingOf(page);
const rowsOf = async (member: CastMember) =>
  journey.place.db.read
    .select()
    .from(rejoins)
    .where(eq(rejoins.personId, await journey.personIdOf(member)));
const paidBy = async (member: CastMember) =>
  (await journey.stripe<{ amount_paid: number }>(`invoices?customer=cus_${member.key}&status=paid`)).map(
    ({ amount_paid }) => amount_paid,
  );
const liveOf = async (member: CastMember) =>
  (await journey.stripe<{ status: string }>(`subscriptions?customer=cus_${member.key}&status=all`)).filter(
    ({ status }) => status === 'active',
  );
const fixtures = (body: Fixtures) =>
  fetch(`${journey.place.sandboxUrl}/_sandbox/fixtures`, { method: 'POST', body: JSON.stringify(body) });

describe('Ways to pay', { timeout: 60_000 }, () => {
  test('Bronagh has no card: Stripe’s page, a refused card that clears nothing, a good one, and back', async () => {
    const one = await walk(BRONAGH);
    await press(one, 'Review and rejoin');
    expect(await textOf(one.page)).toContain('A card, a wallet or Link, on Stripe’s page');
    await press(one, 'Go to Stripe and pay £28.80');
    expect(one.page.url()).toContain('/c/pay/cs_test_');
    expect(one.page.url()).not.toContain(journey.linkOf(BRONAGH).split('/for/')[1]);
    expect(await heading(one)).toBe('Pay £28.80');
    expect(await one.page.locator('main').innerText()).toContain('treasurer@lagansiderowing.example');

    await type(one, /Card number/, '4000 0000 0000 0002');
    await type(one, /Expiry/, '11/30');
    await type(one, /Security code/, '123');
    await press(one, 'Pay £28.80');
    expect(await one.page.getByRole('alert').innerText()).toContain('Your card was declined.');
    expect(await one.page.getByLabel(/Card number/).inputValue()).toBe('4000 0000 0000 0002');
    expect(await paidBy(BRONAGH)).toEqual([]);
    expect(await rowsOf(BRONAGH)).toMatchObject([{ state: 'away' }]);

    await one.page.getByLabel(/Card number/).fill('4242 4242 4242 4242');
    await press(one, 'Pay £28.80');
    expect(await heading(one)).toBe('You are back, Bronagh');
    expect(await textOf(one.page)).toContain('Paid £28.80, Visa ending 4242.');
    expect(one.typed, 'only the card').toBe(3);
    expect(await paidBy(BRONAGH)).toEqual([2880]);
    expect(await rowsOf(BRONAGH)).toMatchObject([{ state: 'active', attempt: 1, cardLabel: 'Visa ending 4242' }]);
    await journey.letter('back', 'treasurer@lagansiderowing.example');
  });

  test('Devika’s bank says no; the button then leads to Stripe, where a wallet pays without a word typed', async () => {
    const one = await walk(DEVIKA);
    await press(one, 'Review and rejoin');
    await press(one, 'Rejoin and pay £38.40');
    expect(await one.page.locator('.error-summary:focus').innerText()).toContain(
      'Your bank said no to Visa ending 0341. You have not been charged.',
    );
    expect(await textOf(one.page)).toContain('Team, 4 seats');
    await press(one, 'Go to Stripe and pay £38.40');
    await press(one, 'Pay with a wallet or Link');
    expect(await heading(one)).toBe('You are back, Devika');
    expect(one.typed).toBe(0);
    expect(await paidBy(DEVIKA)).toEqual([3840]);
    expect(await rowsOf(DEVIKA)).toMatchObject([{ state: 'active', attempt: 2 }]);
  });

  test('Lucas’s bank asks him: a no there charges nothing, a yes brings him back', async () => {
    const one = await walk(LUCAS);
    await press(one, 'Review and rejoin');
    await press(one, 'Rejoin and pay £28.80');
    expect(await heading(one)).toBe('Your bank asks: pay £28.80?');
    expect(await paidBy(LUCAS)).toEqual([]);
    await press(one, 'No');
    expect(await heading(one)).toBe('You have not been charged');
    expect(await textOf(one.page)).toContain('Your bank did not confirm the payment with Visa ending 3184.');
    expect(await liveOf(LUCAS)).toEqual([]);

    await press(one, 'Check and try again', 'link');
    await press(one, 'Try Visa ending 3184 once more', 'link');
    await press(one, 'Rejoin and pay £28.80');
    await press(one, 'Yes, it is me');
    expect(await heading(one)).toBe('You are back, Lucas');
    expect(await paidBy(LUCAS)).toEqual([2880]);
    expect((await liveOf(LUCAS)).length).toBe(1);
  });

  test('With a saved card and a bank that agrees it stays two presses, nothing typed, three pages', async () => {
    const one = await walk(INES);
    await press(one, 'Review and rejoin');
    await press(one, 'Rejoin and pay £8.00');
    expect(await heading(one)).toBe('You are back, Inês');
    expect({ ...one, page: 0 }).toEqual({ page: 0, presses: 2, typed: 0, pages: 3 });
  });

  test('Sunniva goes to Stripe, turns round, and pays with her saved card instead: one subscription, one payment', async () => {
    const one = await walk(SUNNIVA);
    await press(one, /Review and rejoin|Rejoin all the same/);
    await press(one, 'Change the card', 'link');
    await press(one, /^Go to Stripe/);
    await press(one, 'Go back without paying', 'link');
    expect(await heading(one)).toBe('Check and rejoin');
    await one.page.goto(`${journey.linkOf(SUNNIVA)}/back`);
    expect(await heading(one)).toBe('You have not paid yet');
    await press(one, 'Check once more, or pay in another way', 'link');
    await press(one, /^Rejoin and pay/);
    expect(await heading(one)).toBe('You are back, Sunniva');
    expect(await paidBy(SUNNIVA)).toEqual([2900]);
    const sessions = await journey.stripe<{ status: string }>('checkout/sessions?customer=cus_sunniva');
    expect(sessions.map(({ status }) => status)).toEqual(['expired']);

    await press(one, 'Cancel my plan', 'link');
    const before = one.presses;
    await press(one, 'Cancel my plan');
    expect(await textOf(one.page)).toContain('You cancelled. Nothing more is charged.');
    expect(one.presses - before + 1).toBe(2);
    await journey.letter('cancelled', 'post@hauglandfoto.example');
    await press(one, 'Keep my plan after all');
    expect(await heading(one)).toBe('You are back, Sunniva');
    await press(one, 'Cards and receipts at Stripe');
    expect(await heading(one)).toBe('Your billing');
    await press(one, 'Back to your page', 'link');
    expect(await heading(one)).toBe('You are back, Sunniva');

    await press(one, 'Undo my return', 'link');
    await press(one, /^Undo, and refund/);
    expect(await heading(one)).toBe('Your return is undone');
    expect(await liveOf(SUNNIVA)).toEqual([]);
  });

  test('Anneke’s plan was to end with its month: coming back takes that back, and nothing is charged today', async () => {
    await fixtures({
      subscriptions: [
        {
          id: 'sub_anneke',
          customer: 'cus_anneke',
          items: [{ price: 'price_northline_solo_month' }],
          state: 'cancelling',
        },
      ],
    });
    const before = await paidBy(ANNEKE);
    const one = await walk(ANNEKE);
    await press(one, 'Rejoin all the same');
    expect(await textOf(one.page)).toContain('Today Nothing');
    await press(one, 'Rejoin and pay nothing today');
    expect(await heading(one)).toBe('You are back, Anneke');
    expect(await paidBy(ANNEKE)).toEqual(before);
    expect(await liveOf(ANNEKE)).toMatchObject([{ id: 'sub_anneke', cancel_at_period_end: false }]);
    await journey.letter('kept', 'anneke@visserdance.example');
  });

  test('Somebody else pays for Gareth: their link shows the sum and none of his words, and pays by their own card', async () => {
    const gareth = await journey.personIdOf(GARETH);
    await journey.place.db.write((tx) =>
      tx.insert(makeGoods).values({
        ...{
          id: 'mg_1',
          personId: gareth,
          reason: 'Our export lost your June peal records.',
          amount: 1150,
          currency: 'gbp',
        },
        ...{ decidedBy: 'owen', decidedAt: Date.now(), stuckBecause: 'by hand' },
      }),
    );
    const one = await walk(GARETH);
    expect(await textOf(one.page)).toContain('What we owed you');
    expect(await textOf(one.page)).toContain('£11.50 Our export lost your June peal records.');
    const words = await one.page.locator('blockquote').first().innerText();
    await press(one, /Review and rejoin|Rejoin all the same/);
    await press(one, 'Somebody else pays for us', 'link');
    await press(one, 'Make the link');
    const address = await one.page.getByLabel('Send them this address').inputValue();

    const payer = await (await journey.device()).newPage();
    const dump = await dumpOf(journey.place);
    await payer.goto(address);
    expect(await dumpOf(journey.place), 'opening it changes nothing').toEqual(dump);
    const shown = await textOf(payer);
    expect(shown).toContain('Pay for Gareth Pugh-Ellis');
    expect(shown).not.toContain(words.slice(0, 30));
    expect(shown).not.toContain('brecon');
    for (const path of ['', '/rejoin', '/back']) {
      const reply = await fetch(address.replace('/pay/', '/for/') + path, { redirect: 'manual' });
      expect(reply.status, 'it opens none of his pages').toBe(404);
    }
    await payer.getByRole('button', { name: /^Go to Stripe and pay/ }).click();
    await payer.getByRole('button', { name: 'Pay with a wallet or Link' }).click();
    await until('the payment', async () => (await payer.title()).startsWith('This is paid'));
    expect((await liveOf(GARETH)).length).toBe(1);
    await one.page.goto(journey.linkOf(GARETH));
    expect(await heading(one)).toMatch(/^You came back on/);
  });

  test('Who comes back from Stripe on a device that we don’t know is told where to look, and sees nobody’s page', async () => {
    const page = await (await journey.device()).newPage();
    await page.goto(`${journey.place.url}/returned?payment_intent=pi_1&redirect_status=succeeded`);
    expect(await headingOf(page)).toBe('You can close this page');
  });
});
