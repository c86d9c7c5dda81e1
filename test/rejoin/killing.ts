import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { and, asc, eq, isNotNull, like } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { checkins } from '../../db/schema/checkins.ts';
import { letters } from '../../db/schema/mail.ts';
import { complaints, departures, persons } from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import type { Payments } from '../../src/payments/payments.ts';
import type { Sandbox } from '../../src/payments/sandbox/server.ts';
import { beginRejoin } from '../../src/rejoin/begin.ts';
import { control } from '../payments/house.ts';
import type { FreshDatabase } from '../support/database.ts';
import { later } from '../support/seeded.ts';
import { chargesOf, intentOf, round } from './house.ts';

const SCRIPT = fileURLToPath(new URL('./begin-process.ts', import.meta.url));
const HOUR = 3_600_000;

/** Where a blow fell, by what our row said then. */
export type Fell =
  | 'before our row'
  | 'before the provider'
  | 'at the provider'
  | 'after the provider'
  | 'when all was done';

/** One person's return, in the end. Right is one of each, and four questions. */
export type Ended = {
  person: string;
  active: number;
  subscriptions: number;
  charges: number;
  receipts: number;
  questions: number;
};

/**
 * Kills a process with -9 at a random moment of a person's return, for one person after the other, then lets the rounds
 * run to the end. `lost` are those who were acknowledged and had no row afterwards.
 */
export async function killReturns(db: FreshDatabase, sandbox: Sandbox, payments: Payments, kills: number) {
  const people = await peopleWithCards(db, sandbox, kills + 1);
  // The first is left alone, to see how long it takes.
  const whole = await start(db, sandbox, people[0]!);
  const began = performance.now();
  whole.go();
  await whole.says('begun');
  const untilBegun = performance.now() - began;
  await whole.says('back');
  const untilBack = performance.now() - began;
  await whole.ended;

  const fell: Fell[] = [];
  const lost: string[] = [];
  for (const [at, person] of people.slice(1).entries()) {
    const child = await start(db, sandbox, person);
    child.go();
    // Most of what can go wrong lies before the answer to the press, so three of four blows fall there.
    await setTimeout(Math.random() * (at % 4 === 3 ? untilBack : untilBegun));
    child.kill();
    await child.ended;
    const [row] = await rowsOf(db, person);
    if (child.said.includes('begun') && !row) lost.push(person);
    fell.push(
      !row
        ? 'before our row'
        : row.state === 'begun'
          ? 'before the provider'
          : row.state === 'active'
            ? 'when all was done'
            : row.subscriptionId
              ? 'after the provider'
              : 'at the provider',
    );
  }

  // Who had no answer presses again, in the same moment in which the jobs take up what was left.
  const now = new Date();
  const again = people.map(async (person) => {
    const [row] = await rowsOf(db, person);
    if (!row) await beginRejoin(db, payments, await intentOf(db, payments, person), now);
  });
  await Promise.all([...again, round(db, payments, later(HOUR, now))]);
  await round(db, payments, later(2 * HOUR, now));
  return {
    untilBegun,
    untilBack,
    fell,
    lost,
    ended: await Promise.all(people.map((person) => endOf(db, sandbox, person))),
  };
}

/** People of the cast's file who get a customer and a card at the provider. */
async function peopleWithCards(db: Db, sandbox: Sandbox, count: number): Promise<string[]> {
  const found = await db.read
    .selectDistinct({ id: persons.id, externalId: persons.externalId })
    .from(persons)
    .innerJoin(departures, and(eq(departures.personId, persons.id), eq(departures.planOrRole, 'Team')))
    .innerJoin(complaints, and(eq(complaints.personId, persons.id), isNotNull(complaints.issueId)))
    .where(like(persons.externalId, 'p-%'))
    .orderBy(asc(persons.externalId))
    .limit(count);
  if (found.length < count) throw new Error(`The cast's file has ${found.length} such people, not ${count}.`);
  const card = { brand: 'visa', last4: '4242', exp_month: 1, exp_year: 2031 };
  const customers = found.map(({ externalId }) => ({
    id: customerOf(externalId),
    email: `${externalId}@example.org`,
    name: externalId,
    payment_methods: [card],
  }));
  await control(sandbox, 'POST', 'fixtures', { customers });
  await db.write(async (tx) => {
    for (const { id, externalId } of found)
      await tx
        .update(persons)
        .set({ billingId: customerOf(externalId) })
        .where(eq(persons.id, id));
  });
  return found.map(({ externalId }) => externalId);
}

const customerOf = (externalId: string) => `cus_${externalId.replace('-', '')}`;

async function start(db: FreshDatabase, sandbox: Sandbox, person: string) {
  const child = spawn(process.execPath, [SCRIPT, db.url, sandbox.url, person], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const said: string[] = [];
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => said.push(line));
  const ended = once(child, 'close');
  await once(lines, 'line');
  const says = async (line: string) => {
    while (!said.includes(line))
      await Promise.race([once(lines, 'line'), ended.then(() => Promise.reject(new Error('It ended early.')))]);
  };
  return { said, says, ended, go: () => child.stdin.write('go\n'), kill: () => child.kill('SIGKILL') };
}

function rowsOf(db: Db, person: string) {
  return db.read
    .select({ id: rejoins.id, state: rejoins.state, subscriptionId: rejoins.subscriptionId })
    .from(rejoins)
    .innerJoin(persons, and(eq(persons.id, rejoins.personId), eq(persons.externalId, person)));
}

async function endOf(db: Db, sandbox: Sandbox, person: string): Promise<Ended> {
  const rows = await rowsOf(db, person);
  const { subscriptions, paid, refunded } = await chargesOf(sandbox, customerOf(person));
  const id = rows[0]?.id ?? '';
  return {
    person,
    active: rows.filter(({ state }) => state === 'active').length,
    subscriptions: subscriptions.length,
    charges: paid.length + refunded.length,
    receipts: await db.read.$count(letters, eq(letters.cause, `back:${id}`)),
    questions: await db.read.$count(checkins, eq(checkins.rejoinId, id)),
  };
}
