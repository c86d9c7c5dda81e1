import { eq, like } from 'drizzle-orm';
import fc from 'fast-check';
import type { Db } from '../../db/client.ts';
import { letters } from '../../db/schema/mail.ts';
import { departures } from '../../db/schema/people.ts';
import { rejoins, surpluses } from '../../db/schema/rejoin.ts';
import { type Payments, PaymentsUnavailable } from '../../src/payments/payments.ts';
import type { Sandbox } from '../../src/payments/sandbox/server.ts';
import { onCancelled, onUndone } from '../../src/reactions.ts';
import { beginRejoin } from '../../src/rejoin/begin.ts';
import { cancelRejoin, keepRejoin } from '../../src/rejoin/cancel.ts';
import { ANY_CARD, newestRejoin, type Rejoin } from '../../src/rejoin/check.ts';
import { fetchMissedEvents } from '../../src/rejoin/complete.ts';
import { undoRejoin } from '../../src/rejoin/undo.ts';
import { call, control, paymentsFor } from '../payments/house.ts';
import { castPerson, DAY_MS, NOW, seededDatabase } from '../support/seeded.ts';
import { chargesOf, intentOf, openSandbox, round } from './house.ts';

/*
 * A whole life of returns as a game: presses, pages, banks, refusals, cancellations, months, and whatever goes wrong between us
 * and the provider. After every move everything is allowed to settle, and must stand as the model says it does.
 */

/** What must be so, by the rules alone. */
export type Model = {
  at: 'out' | 'away' | 'in';
  cancelled: boolean;
  /** Days since the return, while in. */
  days: number;
  paid: number;
  /** Of which in this return. */
  paidHere: number;
  refunded: number;
  returns: number;
  departures: number;
};

export type Real = {
  db: Db;
  sandbox: Sandbox;
  /** What the product uses; a bug may be planted in it. */
  payments: Payments;
  clock: { now: Date };
  personId: string;
  /** Pages that the person was ever sent to: none but the open one may take money. */
  pages: string[];
};

type Trouble = 'none' | 'lost reply' | 'lost confirmation' | 'error';

const AMOUNT = 4800;
const SITE = { rejoin: { undo_days: 14 }, time_zone: 'Europe/London' };

async function newLife(plant: (payments: Payments) => Payments = (payments) => payments) {
  const db = await seededDatabase();
  const clock = { now: NOW };
  const { sandbox } = await openSandbox({ now: () => clock.now });
  const personId = (await castPerson(db.read, 'c-maya')).id;
  const model: Model = {
    ...{ at: 'out', cancelled: false, days: 0, paid: 0, paidHere: 0, refunded: 0, returns: 0, departures: 0 },
  };
  const real: Real = { db, sandbox, payments: plant(paymentsFor(sandbox, 0)), clock, personId, pages: [] };
  return {
    model,
    real,
    async close() {
      await sandbox.close();
      await db.cleanup();
    },
  };
}

function pass(real: Real, ms: number): Date {
  real.clock.now = new Date(real.clock.now.getTime() + ms);
  return real.clock.now;
}

async function letTimePass(real: Real, ms: number): Promise<void> {
  pass(real, ms);
  await fetch(`${real.sandbox.url}/_sandbox/clock`, { method: 'POST', body: JSON.stringify({ advance_s: 0 }) });
}

async function cause(real: Real, trouble: Trouble): Promise<void> {
  // A closed connection is tried once more by the SDK whatever it is told, so two replies are lost.
  const post = { method: 'POST', times: 2 };
  if (trouble === 'lost reply')
    await control(real.sandbox, 'POST', 'faults', { kind: 'drop_reply', path: '/v1/subscriptions', ...post });
  if (trouble === 'lost confirmation') {
    await control(real.sandbox, 'POST', 'faults', { kind: 'drop_reply', path: '/v1/payment_intents', ...post });
  }
  if (trouble === 'error') await control(real.sandbox, 'POST', 'faults', { kind: 'error_500', path: '/v1/', ...post });
}

/** Every round that the jobs process would run, until nothing is left to do. */
async function settle(real: Real): Promise<void> {
  await control(real.sandbox, 'DELETE', 'faults');
  for (let turn = 0; turn < 2; turn += 1) {
    const now = pass(real, 6 * 60_000);
    // What was left unfinished is taken up before any event helps: the harder order.
    await round(real.db, real.payments, now);
    await fetchMissedEvents(real.db, real.payments, now);
  }
}

async function orUnavailable<T>(work: Promise<T>): Promise<T | null> {
  return work.catch((error: unknown) => {
    if (error instanceof PaymentsUnavailable) return null;
    throw error;
  });
}

const standing = async (real: Real): Promise<Rejoin> => (await newestRejoin(real.db.read, real.personId))!;

async function press(real: Real, notCard?: string, times = 2, trouble: Trouble = 'none'): Promise<void> {
  const intent = await intentOf(real.db, real.payments, 'c-maya', notCard);
  const now = real.clock.now;
  await cause(real, trouble);
  await Promise.all(
    Array.from({ length: times }, () => orUnavailable(beginRejoin(real.db, real.payments, intent, now))),
  );
}

function comeIn(model: Model): void {
  Object.assign(model, {
    at: 'in',
    cancelled: false,
    days: 0,
    paid: model.paid + 1,
    paidHere: 1,
    returns: model.returns + 1,
  });
}

/** Compares everything that can be seen with the model. Throws what differs. */
async function compare(model: Model, real: Real): Promise<void> {
  await settle(real);
  const { subscriptions, paid, refunded } = await chargesOf(real.sandbox, 'cus_maya');
  const row = await newestRejoin(real.db.read, real.personId);
  const seen = {
    live: subscriptions.filter(({ status }) => status === 'active').length,
    paid: paid.length,
    sums: [...new Set(paid)],
    refunded: refunded.length,
    state: !row ? 'out' : row.state === 'active' ? 'in' : row.state === 'away' ? 'away' : 'out',
    cancelled: row?.state === 'active' && row.cancelledAt !== null,
    receipts: await real.db.read.$count(letters, eq(letters.kind, 'back')),
    departures: await real.db.read.$count(departures, like(departures.externalId, 'sub_%')),
    open: await real.db.read.$count(rejoins, eq(rejoins.state, 'paying')),
    surpluses: await real.db.read.$count(surpluses),
  };
  const expected = {
    live: model.at === 'in' ? 1 : 0,
    paid: model.paid,
    sums: model.paid > 0 ? [AMOUNT] : [],
    refunded: model.refunded,
    state: model.at,
    cancelled: model.at === 'in' && model.cancelled,
    receipts: model.returns,
    departures: model.departures,
    open: 0,
    surpluses: 0,
  };
  if (JSON.stringify(seen) !== JSON.stringify(expected)) {
    throw new Error(`It should be ${JSON.stringify(expected)}\nand it is      ${JSON.stringify(seen)}`);
  }
}

class Move implements fc.AsyncCommand<Model, Real> {
  readonly name: string;
  readonly may: (model: Model) => boolean;
  readonly make: (model: Model, real: Real) => Promise<void>;

  constructor(name: string, may: (model: Model) => boolean, make: (model: Model, real: Real) => Promise<void>) {
    this.name = name;
    this.may = may;
    this.make = make;
  }
  check = (model: Readonly<Model>) => this.may(model);
  async run(model: Model, real: Real): Promise<void> {
    await this.make(model, real);
    await compare(model, real);
  }
  toString = () => this.name;
}

const outside = (model: Model) => model.at !== 'in';
const CARD = { number: '4242 4242 4242 4242', expiry: '11/30', cvc: '123' };
const BANK = { ...CARD, number: '4000 0025 0000 3155' };
const atPage = (url: string, form: Record<string, string>) =>
  fetch(url, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' });

/** “Rejoin and pay” with the saved card, from two tabs at once, while something goes wrong. */
const pressCard = (trouble: Trouble) =>
  new Move(`press(${trouble})`, outside, async (model, real) => {
    // A page that can't be closed just now may still be paid on: nothing else begins then, and their page says so.
    const stuck = model.at === 'away' && trouble === 'error';
    await press(real, undefined, 2, trouble);
    if (!stuck) comeIn(model);
  });
const pressRefused = new Move('press, and the bank says no', outside, async (model, real) => {
  await control(real.sandbox, 'POST', 'faults', { kind: 'decline', times: 1 });
  await press(real, undefined, 1);
  model.at = 'out';
});
const pressAtBank = (answer: 'yes' | 'no') =>
  new Move(`press, the bank asks, ${answer}`, outside, async (model, real) => {
    await control(real.sandbox, 'POST', 'faults', { kind: 'authenticate', times: 1 });
    await press(real, undefined, 1);
    await atPage((await standing(real)).awayUrl!, { answer });
    if (answer === 'yes') comeIn(model);
    else model.at = 'out';
  });
const goToPage = new Move('go to the page', outside, async (model, real) => {
  await press(real, ANY_CARD);
  const { awayUrl } = await standing(real);
  if (!awayUrl) throw new Error('There is no page to go to.');
  real.pages.push(awayUrl);
  model.at = 'away';
});
const payThere = (how: 'card' | 'refused' | 'bank yes' | 'bank no') =>
  new Move(
    `pay there (${how})`,
    (model) => model.at === 'away',
    async (model, real) => {
      const { awayUrl } = await standing(real);
      if (how === 'refused') {
        await atPage(awayUrl!, { ...CARD, number: '4000000000000002' });
        return;
      }
      const reply = await atPage(awayUrl!, how === 'card' ? CARD : BANK);
      if (how !== 'card') {
        await atPage(reply.headers.get('location')!, { answer: how === 'bank yes' ? 'yes' : 'no' });
        if (how === 'bank no') return;
      }
      comeIn(model);
    },
  );
const oldPages = new Move('every page they ever left takes no money', outside, async (model, real) => {
  const open = model.at === 'away' ? (await standing(real)).awayUrl : null;
  for (const page of real.pages) if (page !== open) await atPage(page, CARD);
});
const forgetPage = new Move(
  'a day goes by',
  (model) => model.at === 'away',
  async (model, real) => {
    await letTimePass(real, DAY_MS + 60_000);
    model.at = 'out';
  },
);
const undo = (trouble: Trouble) =>
  new Move(
    `undo(${trouble})`,
    (model) => model.at === 'in' && model.days < 13,
    async (model, real) => {
      await cause(real, trouble);
      await orUnavailable(undoRejoin(real.db, real.payments, await standing(real), SITE, onUndone, real.clock.now));
      Object.assign(model, { at: 'out', cancelled: false, refunded: model.refunded + model.paidHere });
    },
  );
const cancel = new Move(
  'cancel',
  (model) => model.at === 'in' && !model.cancelled,
  async (model, real) => {
    await cancelRejoin(real.db, real.payments, await standing(real), SITE, onCancelled, real.clock.now);
    model.cancelled = true;
  },
);
const keep = new Move(
  'keep',
  (model) => model.at === 'in' && model.cancelled,
  async (model, real) => {
    await keepRejoin(real.db, real.payments, await standing(real));
    model.cancelled = false;
  },
);
const month = new Move(
  'a month goes by',
  (model) => model.at === 'in',
  async (model, real) => {
    await letTimePass(real, 31 * DAY_MS);
    if (model.cancelled) Object.assign(model, { at: 'out', cancelled: false, departures: model.departures + 1 });
    else Object.assign(model, { days: model.days + 31, paid: model.paid + 1, paidHere: model.paidHere + 1 });
  },
);
const endedThere = new Move(
  'somebody ends it at the provider',
  (model) => model.at === 'in',
  async (model, real) => {
    const { subscriptionId } = await standing(real);
    await call(real.sandbox, 'DELETE', `/v1/subscriptions/${subscriptionId}`);
    Object.assign(model, { at: 'out', cancelled: false, departures: model.departures + 1 });
  },
);

export const MOVES = [
  ...(['none', 'lost reply', 'lost confirmation', 'error'] as const).map(pressCard),
  pressRefused,
  ...(['yes', 'no'] as const).map(pressAtBank),
  goToPage,
  goToPage,
  goToPage,
  goToPage,
  ...(['card', 'refused', 'bank yes', 'bank no'] as const).map(payThere),
  oldPages,
  oldPages,
  oldPages,
  forgetPage,
  ...(['none', 'lost reply', 'error'] as const).map(undo),
  cancel,
  keep,
  month,
  endedThere,
].map((move) => fc.constant(move));

/** The moves around the provider's page: leaving it, and trying to pay on one that was left. */
export const PAGE_MOVES = [pressCard('none'), goToPage, oldPages, endedThere].map((move) => fc.constant(move));

/** Plays lives, of these moves. `plant` puts a bug between us and the provider, to show that it would be found. */
export function lives(plant?: (payments: Payments) => Payments, moves = MOVES) {
  return fc.asyncProperty(fc.commands(moves, { maxCommands: 12, size: 'max' }), async (moves) => {
    const life = await newLife(plant);
    try {
      await fc.asyncModelRun(() => ({ model: life.model, real: life.real }), moves);
    } finally {
      await life.close();
    }
  });
}
