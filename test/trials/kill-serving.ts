import { spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { isNotNull } from 'drizzle-orm';
import { openDatabase } from '../../db/client.ts';
import { inspectDatabase } from '../../db/engines/copy.ts';
import { persons } from '../../db/schema/people.ts';
import { paymentEvents } from '../../db/schema/rejoin.ts';
import { freePort, startProcess, stopProcess, untilAnswers } from '../../src/cli/processes.ts';
import { mintLink } from '../../src/invitations/links.ts';
import { buildOnce } from '../support/place.ts';
import { seededDatabase } from '../support/seeded.ts';

/*
 * The real web process under load, killed with -9 again and again: signed events and people's presses. Whatever was
 * answered with success must be there in the end. Then, with strace, how often the disk is told to keep what was committed. What is
 * done is noted, so that a trial that was cut off or did not hold goes on where it was; `--fresh` begins again.
 */

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '200' }, fresh: { type: 'boolean', default: false } },
});
const kills = Number(values.kills);
const folder = join(tmpdir(), 'amends-kill-serving');
if (values.fresh) rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const [path, acknowledged, plan] = ['amends.db', 'acknowledged', 'plan.json'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];
const began = performance.now();
await buildOnce();

if (!existsSync(plan)) {
  const db = await seededDatabase();
  const people = await db.read.select({ id: persons.id }).from(persons);
  const links = await db.write(async (tx) => {
    const made: [string, string][] = [];
    for (const { id } of people)
      made.push([id, await mintLink(tx, { personId: id, purpose: 'page', days: 90 }, new Date())]);
    return made;
  });
  await db.fold();
  copyFileSync(db.path, path);
  await db.cleanup();
  writeFileSync(acknowledged, '');
  writeFileSync(plan, JSON.stringify({ links }));
}
const { links } = JSON.parse(readFileSync(plan, 'utf8')) as { links: [string, string][] };
const lines = () => readFileSync(acknowledged, 'utf8').split('\n').filter(Boolean);

const port = await freePort(26_000);
const url = `http://127.0.0.1:${port}`;
const settings = {
  ...{ DATABASE_URL: `file:${path}`, AMENDS_URL: url, HOST: '127.0.0.1', PORT: String(port), LOG_LEVEL: 'silent' },
  ...{ MAILBOX_DIR: folder, STRIPE_SECRET_KEY: 'sk_test_x', STRIPE_WEBHOOK_SECRET: 'whsec_trial' },
  STRIPE_API_BASE: 'http://127.0.0.1:9',
};

let sent = Date.now();
let nextLink = lines().filter((line) => line.startsWith('press ')).length;
/** Each answers the name of what it asked for, when that was acknowledged. */
const asks = [
  async () => {
    sent += 1;
    const id = `evt_${sent}`;
    const object = { id: `sub_${id}`, object: 'subscription' };
    const type = 'customer.subscription.updated';
    const body = JSON.stringify({ id, object: 'event', type, created: 1, data: { object } });
    const time = Math.floor(Date.now() / 1000);
    const signature = createHmac('sha256', 'whsec_trial').update(`${time}.${body}`).digest('hex');
    const headers = { 'content-type': 'application/json', 'stripe-signature': `t=${time},v1=${signature}` };
    const { status } = await fetch(`${url}/hooks/stripe`, { method: 'POST', headers, body });
    return status === 200 ? `event ${id}` : null;
  },
  async () => {
    const [person, link] = links[nextLink] ?? [];
    nextLink += 1;
    if (!link) return null;
    const headers = { origin: url, 'content-type': 'application/x-www-form-urlencoded' };
    const reply = await fetch(`${url}/for/${link}/no-thanks`, {
      method: 'POST',
      headers,
      body: '',
      redirect: 'manual',
    });
    // An employee is led to a code first, and nothing was asked for.
    return reply.status === 303 && !reply.headers.get('location')?.endsWith('/code') ? `press ${person}` : null;
  },
];

async function load(until: { over: boolean }, ask: () => Promise<string | null>, pause: number): Promise<void> {
  while (!until.over) {
    const done = await ask().catch(() => null);
    if (done) appendFileSync(acknowledged, `${done}\n`);
    await setTimeout(pause);
  }
}

const life = () => lines().filter((line) => line === 'kill').length;
for (let done = life(); done < kills; done += 1) {
  const site = startProcess('src/server.ts', [], settings);
  await untilAnswers(`${url}/healthz`, site);
  // The first request loads what the others need: the blow falls on a process that is at work.
  await asks[0]!();
  const until = { over: false };
  const loads = [load(until, asks[0]!, 0), load(until, asks[0]!, 0), load(until, asks[1]!, 400)];
  await setTimeout(50 + Math.random() * 600);
  const gone = once(site, 'exit');
  site.kill('SIGKILL');
  await gone;
  until.over = true;
  await Promise.all(loads);
  appendFileSync(acknowledged, 'kill\n');
  if ((done + 1) % 20 === 0) console.log(`${done + 1} kills, ${lines().length - done - 1} acknowledged …`);
}

const all = lines();
const db = await openDatabase(`file:${path}`);
const kept = new Set<string>();
for (const { id } of await db.read.select({ id: paymentEvents.id }).from(paymentEvents)) kept.add(`event ${id}`);
for (const { id } of await db.read.select({ id: persons.id }).from(persons).where(isNotNull(persons.declinedAt)))
  kept.add(`press ${id}`);
await db.close();
const asked = all.filter((line) => line !== 'kill');
const lost = asked.filter((line) => !kept.has(line));
const { sound } = inspectDatabase(path);
const of = (kind: string) => asked.filter((line) => line.startsWith(kind)).length;
console.log(
  `${life()} kills; acknowledged ${asked.length} (${of('event')} events, ${of('press')} presses); lost ${lost.length}; integrity and references ${sound ? 'ok' : 'NOT OK'}; ${Math.round((performance.now() - began) / 1000)} s in this run.`,
);

const perCommit = await fsyncs();
if (perCommit !== null) console.log(`fsync per acknowledged commit, by strace: ${perCommit.toFixed(2)}.`);
const held =
  lost.length === 0 &&
  sound &&
  kills > 0 &&
  life() >= kills &&
  // Of a process that acknowledged nothing, nothing can be lost.
  asked.length >= kills &&
  (perCommit === null || perCommit >= 1);
console.log(held ? 'It held.' : 'It did not hold.');
// What held is gone, so that the next run deals blows of its own; what did not stays to be looked at, until `--fresh`.
if (held) rmSync(folder, { recursive: true });
process.exitCode = held ? 0 : 1;

async function fsyncs(): Promise<number | null> {
  if (spawnSync('strace', ['-V']).status !== 0) {
    console.log('strace is not here, so fsync was not counted: a killed process alone cannot show what a disk keeps.');
    return null;
  }
  const trace = join(folder, 'trace');
  const site = startProcess('src/server.ts', [], settings);
  await untilAnswers(`${url}/healthz`, site);
  const watched = ['-f', '-e', 'trace=fsync,fdatasync', '-o', trace, '-p', String(site.pid)];
  const watcher = spawn('strace', watched, { stdio: 'ignore' });
  await setTimeout(1500);
  await asks[0]!();
  const count = () => readFileSync(trace, 'utf8').match(/f(?:data)?sync\(/g)?.length ?? 0;
  const before = count();
  let commits = 0;
  for (let n = 0; n < 100; n += 1) if (await asks[0]!()) commits += 1;
  await setTimeout(200);
  const after = count();
  await stopProcess(site);
  watcher.kill('SIGKILL');
  return (after - before) / commits;
}
