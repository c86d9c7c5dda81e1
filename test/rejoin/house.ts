import { setTimeout } from 'node:timers/promises';
import { eq } from 'drizzle-orm';
import { SANDBOX_FIXTURES } from '../../db/cast.ts';
import type { Db } from '../../db/client.ts';
import { persons } from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import type { Person } from '../../src/invitations/links.ts';
import { offerForPlan } from '../../src/offers/offer.ts';
import type { Payments } from '../../src/payments/payments.ts';
import type { Sandbox, SandboxOptions } from '../../src/payments/sandbox/server.ts';
import { historyOf } from '../../src/people/diagnosis.ts';
import { publishedOffers } from '../../src/proofs/published.ts';
import { onEnded, onLeft, onRejoined, onSurplus, onUndone } from '../../src/reactions.ts';
import { closeForgotten } from '../../src/rejoin/away.ts';
import { resumeRejoins } from '../../src/rejoin/begin.ts';
import { checkRejoin, ourProducts, type Rejoin, type RejoinCheck, type Shown } from '../../src/rejoin/check.ts';
import { applyPaymentEvents, healRejoins } from '../../src/rejoin/complete.ts';
import { returnSurpluses } from '../../src/rejoin/surplus.ts';
import { resumeUndos } from '../../src/rejoin/undo.ts';
import { call, control, openHouse } from '../payments/house.ts';
import { must } from '../support/must.ts';
import { castPerson } from '../support/seeded.ts';

/** The real sandbox over HTTP, with the demo's products and customers in it. */
export async function openSandbox(options: Partial<SandboxOptions> = {}) {
  const house = await openHouse(options);
  await control(house.sandbox, 'POST', 'fixtures', SANDBOX_FIXTURES);
  return house;
}

export type Intent = { personId: string; billingId: string; seen: Shown; check: RejoinCheck };

/** What “Check and rejoin” shows a person, and so what the form of their press carries. */
export async function intentOf(db: Db, payments: Payments, externalId: string, notCard?: string): Promise<Intent> {
  const person = await castPerson(db.read, externalId);
  const check = must(await checkFor(db, payments, person, notCard));
  return { personId: person.id, billingId: person.billingId!, seen: check.shown, check };
}

export async function checkFor(db: Db, payments: Payments, person: Person, notCard?: string) {
  const history = await historyOf(db.read, person.id);
  const offer = offerForPlan(await publishedOffers(db.read), history!.departure!.planOrRole);
  const ours = await ourProducts(db.read, payments);
  return checkRejoin(payments, person, offer!, history!.departure!.seats ?? 1, { ours, notCard });
}

export const reactions = { onRejoined, onEnded, onLeft };

/** One round of the jobs process, letters left out. */
export async function round(db: Db, payments: Payments, now: Date): Promise<void> {
  await applyPaymentEvents(db, payments, reactions, now);
  await resumeRejoins(db, payments, now);
  await healRejoins(db, payments, reactions, now);
  await resumeUndos(db, payments, onUndone, now);
  await returnSurpluses(db, payments, onSurplus, now);
  await closeForgotten(db, payments, now);
}

export async function rejoinOf(db: Db, externalId: string): Promise<Rejoin> {
  const rows = await db.read
    .select({ rejoin: rejoins })
    .from(rejoins)
    .innerJoin(persons, eq(persons.id, rejoins.personId))
    .where(eq(persons.externalId, externalId));
  if (rows.length !== 1) throw new Error(`${externalId} has ${rows.length} rows.`);
  return rows[0]!.rejoin;
}

export type Charges = { subscriptions: { id: string; status: string }[]; paid: number[]; refunded: number[] };

/** What the provider has of a customer: every subscription, and each amount that was paid or given back. */
export async function chargesOf(sandbox: Sandbox, customer: string): Promise<Charges> {
  const listed = async (path: string, form: Record<string, string>) =>
    (await call(sandbox, 'GET', path, form)).body.data as Record<string, unknown>[];
  const subscriptions = await listed('/v1/subscriptions', { customer, status: 'all' });
  const intents = await listed('/v1/payment_intents', { customer });
  const paid = intents.filter(({ status }) => status === 'succeeded');
  const refunds = await Promise.all(paid.map(({ id }) => listed('/v1/refunds', { payment_intent: String(id) })));
  return {
    // One that expired before its first payment never was.
    subscriptions: subscriptions
      .filter(({ status }) => status !== 'incomplete_expired')
      .map(({ id, status }) => ({ id: String(id), status: String(status) })),
    paid: paid.map(({ amount }) => Number(amount)),
    refunded: refunds.flat().map(({ amount }) => Number(amount)),
  };
}

/** Waits in small steps until something is so; for what other processes do. */
export async function until(so: () => boolean | Promise<boolean>, longest = 5_000): Promise<void> {
  const end = performance.now() + longest;
  while (!(await so())) {
    if (performance.now() > end) throw new Error('It did not come about in time.');
    await setTimeout(20);
  }
}
