import { closeSync, openSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { persons } from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { openPlace, type Place } from '../../src/cli/place.ts';
import type { Person } from '../../src/invitations/links.ts';
import type { Payments } from '../../src/payments/payments.ts';
import { openPayments } from '../../src/payments/stripe.ts';
import { beginRejoin } from '../../src/rejoin/begin.ts';
import { checkForPerson } from '../../src/rejoin/check.ts';
import { rememberDevice } from '../../src/sessions/devices.ts';
import { dayOf } from '../../src/shared/dates.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { mintBatch } from '../support/links.ts';
import { seededDatabase } from '../support/seeded.ts';
import { type Bench, count, type Figure, inTurns, median, ms, perSecond } from './figures.ts';
import { openLoop, percentile } from './open-loop.ts';
import { addPeople } from './people.ts';

/*
 * Coming back: the check page and the press, against a whole place of site, jobs and payment sandbox; and how often the part of it that
 * is ours alone commits.
 */

export async function returns(bench: Bench): Promise<Figure[]> {
  const log = openSync(join(bench.folder, 'log'), 'a');
  const settings = { LOG_LEVEL: 'silent' };
  const place = await openPlace({ data: join(bench.folder, 'place'), port: 26_700, settings, log });
  try {
    const committed = await commits(bench, place);
    // More than will come, whatever chance says.
    const people = await customers(place.db, place.sandboxUrl, 100 + 80 * bench.seconds);
    return [committed, await walks(bench, place, 5, people), await walks(bench, place, 50, people)];
  } finally {
    await place.close();
    closeSync(log);
  }
}

/** Each opens “Check and rejoin” on their own device, and presses. The press is answered when the provider’s word has come, or after 4 s. */
async function walks(bench: Bench, { db, url }: Place, rate: number, people: Person[]): Promise<Figure> {
  const ids = people.splice(0, 40 + Math.ceil(rate * bench.seconds * 1.3)).map(({ id }) => id);
  const { tokens } = await mintBatch(db, ids, new Date());
  const devices = await db.write(async (tx) => {
    const secrets: string[] = [];
    for (const id of ids) secrets.push(await rememberDevice(tx, id, { steppedUp: true }, new Date()));
    return secrets;
  });
  const [looks, presses]: [number[], number[]] = [[], []];
  let next = 0;
  const { asked, failed, late, unanswered } = await openLoop(rate, bench.seconds, async () => {
    const at = next++;
    const [path, cookie] = [`${url}/for/${tokens[at]}/rejoin`, `amends-device=${devices[at]}`];
    const began = performance.now();
    const page = await ask(path, cookie);
    const looked = performance.now();
    looks.push(looked - began);
    const shown = [...page.body.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
    if (page.status !== 200 || shown.length === 0) throw new Error('There was nothing to press.');
    const pressed = await ask(path, cookie, new URLSearchParams(shown.map(([, name, value]) => [name!, value!])));
    presses.push(performance.now() - looked);
    if (pressed.status !== 303) throw new Error('The press was refused.');
  });
  const back = await db.read.$count(rejoins, and(eq(rejoins.state, 'active'), inArray(rejoins.personId, ids)));
  for (const times of [looks, presses]) times.sort((a, b) => a - b);
  const of = (times: number[]) =>
    times.length === 0 ? 'none answered' : `p50 ${ms(percentile(times, 0.5))}, p99 ${ms(percentile(times, 0.99))}`;
  const rest = [
    `${failed} failed`,
    `${unanswered} not done within 5 s`,
    ...(late > asked / 100 ? [`${late} begun late by the client`] : []),
  ];
  return {
    id: 'B11',
    what: `check page and press, ${rate} a second whatever happens, until the provider has said “paid”`,
    figure: `page ${of(looks)}; press ${of(presses)}; of ${asked} people ${presses.length} pressed, ${back} were back by then; ${rest.join(', ')}`,
    target: 'press p99 at most 25 ms, nobody failed or kept waiting',
    reached: percentile(presses, 0.99) <= 25 && failed + unanswered === 0,
  };
}

/** Presses with a provider that says yes at once, beside a driver that commits one row after the other on the same disk. */
async function commits(bench: Bench, { sandboxUrl, settings }: Place): Promise<Figure> {
  const db = await seededDatabase();
  const share = 50;
  const people = await customers(db, sandboxUrl, share * bench.rounds);
  let made = 0;
  const counting: Db = {
    ...db,
    write(work) {
      made += 1;
      return db.write(work);
    },
  };
  const sandbox = openPayments({
    secretKey: settings['STRIPE_SECRET_KEY']!,
    webhookSecret: settings['STRIPE_WEBHOOK_SECRET']!,
    apiBase: sandboxUrl,
  });
  const yes: Payments = {
    ...sandbox,
    payBySavedCard: async ({ rejoinId }) => ({ subscriptionId: `sub_${rejoinId}`, paid: true, awayUrl: null }),
  };
  const now = new Date();
  // What is shown is what is pressed: one check does for everybody.
  const { check } = await checkForPerson(db.read, sandbox, people[0]!, dayOf(now, 'Europe/London'));
  if (isRefusal(check)) throw new Error(check.sentence);

  const bare = new DatabaseSync(join(bench.folder, 'commits.db'));
  bare.exec('pragma journal_mode = wal; pragma synchronous = full; create table t (id integer primary key, text)');
  const insert = bare.prepare('insert into t (text) values (?)');
  const [ours, theirs] = await inTurns(
    bench,
    async (round) => {
      made = 0;
      const presses = await perSecond(share, async () => {
        for (const { id, billingId } of people.slice(round * share, (round + 1) * share)) {
          await beginRejoin(counting, yes, { personId: id, billingId: billingId!, seen: check.shown, check }, now);
        }
      });
      return (presses * made) / share;
    },
    () =>
      perSecond(500, () => {
        for (let at = 0; at < 500; at += 1) insert.run('A row of a few words, as small as they come.');
      }),
  );
  bare.close();
  await db.cleanup();
  const ratio = median(ours) / median(theirs);
  return {
    id: 'B11',
    what: 'commits of presses, the provider answering at once',
    figure: `${count(median(ours))}/s`,
    limit: `${count(median(theirs))}/s: one row each, by the driver, WAL and FULL`,
    ratio,
    target: 'at least 0.20',
    reached: ratio >= 0.2,
  };
}

/** Made-up people who each have a customer and a card at the sandbox. */
async function customers(db: Db, sandboxUrl: string, many: number): Promise<Person[]> {
  await addPeople(db, many, new Date());
  const those = eq(persons.source, 'bench');
  await db.write((tx) => tx.update(persons).set({ billingId: sql`'cus_' || external_id` }).where(those));
  const people = await db.read.select().from(persons).where(those);
  const card = { brand: 'visa', last4: '4242', exp_month: 1, exp_year: 2031 };
  const list = people.map(({ billingId, email }) => ({ id: billingId, email, name: 'Sam', payment_methods: [card] }));
  const answer = await fetch(`${sandboxUrl}/_sandbox/fixtures`, {
    method: 'POST',
    body: JSON.stringify({ customers: list }),
  });
  if (!answer.ok) throw new Error('The payment sandbox did not take the customers.');
  return people;
}

const agent = new Agent({ keepAlive: true });

function ask(url: string, cookie: string, form?: URLSearchParams): Promise<{ status: number; body: string }> {
  const headers = {
    cookie,
    ...(form && { 'content-type': 'application/x-www-form-urlencoded', origin: new URL(url).origin }),
  };
  return new Promise((resolve, reject) => {
    request(url, { agent, method: form ? 'POST' : 'GET', headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    })
      .once('error', reject)
      .end(form?.toString());
  });
}
