import { parseArgs } from 'node:util';
import { count, eq } from 'drizzle-orm';
import { departures, persons } from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { PaymentsUnavailable } from '../../src/payments/payments.ts';
import { beginRejoin } from '../../src/rejoin/begin.ts';
import { newId } from '../../src/shared/ids.ts';
import { call, control, paymentsFor } from '../payments/house.ts';
import { intentOf, openSandbox, round } from '../rejoin/house.ts';
import { later, NOW, seededDatabase } from '../support/seeded.ts';

/*
 * Returns of many people, in each of which the provider carries a request out and its answer is lost: the start, the charge,
 * or both. Our side tries nothing again by itself; only the rounds do.
 */

const { values } = parseArgs({ options: { returns: { type: 'string', default: '1000' } } });
const returns = Number(values.returns);
const db = await seededDatabase();
const { sandbox } = await openSandbox({ now: () => NOW });
const payments = paymentsFor(sandbox, 0);
const began = performance.now();
const people = Array.from({ length: returns }, (_, at) => `t-${at}`);
await db.write(async (tx) => {
  for (const externalId of people) {
    const id = newId();
    const at = NOW.getTime();
    const billingId = `cus_${externalId.replace('-', '')}`;
    await tx
      .insert(persons)
      .values({ id, kind: 'customer', source: 'cast', externalId, billingId, facts: {}, createdAt: at });
    await tx
      .insert(departures)
      .values({ id: newId(), personId: id, externalId: 'd', planOrRole: 'Solo', seats: 1, facts: {}, createdAt: at });
  }
});
for (let from = 0; from < returns; from += 100) {
  const customers = people.slice(from, from + 100).map((externalId) => ({
    ...{ id: `cus_${externalId.replace('-', '')}`, email: `${externalId}@example.org`, name: externalId },
    payment_methods: [{ brand: 'visa', last4: '4242', exp_month: 1, exp_year: 2031 }],
  }));
  await control(sandbox, 'POST', 'fixtures', { customers });
}

const PLACES = ['/v1/subscriptions', '/v1/payment_intents'];
let lost = 0;
let unknown = 0;
for (const [at, person] of people.entries()) {
  const intent = await intentOf(db, payments, person);
  const paths = at % 3 === 2 ? PLACES : [PLACES[at % 3]!];
  // Two each: the SDK asks once more by itself when a connection closes.
  for (const path of paths)
    await control(sandbox, 'POST', 'faults', { kind: 'drop_reply', method: 'POST', path, times: 2 });
  lost += 1;
  await beginRejoin(db, payments, intent, NOW).catch((error: unknown) => {
    if (!(error instanceof PaymentsUnavailable)) throw error;
    unknown += 1;
  });
  // The charge's fault may still wait for the next try: that one loses its answer too.
  await round(db, payments, later(60_000)).catch((error: unknown) => {
    if (!(error instanceof PaymentsUnavailable)) throw error;
  });
  await control(sandbox, 'DELETE', 'faults');
}
for (let turn = 2; turn < 6; turn += 1) await round(db, payments, later(turn * 100_000));

const states = await db.read.select({ state: rejoins.state, n: count() }).from(rejoins).groupBy(rejoins.state);
let doubles = 0;
let missing = 0;
for (const person of people) {
  const customer = `cus_${person.replace('-', '')}`;
  const subscriptions = await call(sandbox, 'GET', '/v1/subscriptions', { customer, status: 'all' });
  const intents = await call(sandbox, 'GET', '/v1/payment_intents', { customer });
  const paid = intents.body.data.filter(({ status }: { status: string }) => status === 'succeeded').length;
  if (subscriptions.body.data.length > 1 || paid > 1) doubles += 1;
  if (paid < 1) missing += 1;
}
const active = await db.read.$count(rejoins, eq(rejoins.state, 'active'));
await sandbox.close();
await db.cleanup();
console.log(
  `${returns} returns in ${((performance.now() - began) / 1000).toFixed(0)} s; in ${lost} an answer was lost after it was carried out, ${unknown} pressed without an outcome.`,
);
console.log(`Doubles: ${doubles}. Not charged: ${missing}. Active in the end: ${active} (${JSON.stringify(states)}).`);
process.exitCode = doubles === 0 && missing === 0 && active === returns ? 0 : 1;
