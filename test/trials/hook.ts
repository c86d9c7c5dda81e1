import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { inArray } from 'drizzle-orm';
import { openDatabase } from '../../db/client.ts';
import { paymentEvents } from '../../db/schema/rejoin.ts';
import { buildSite } from '../../src/cli/place.ts';
import { freePort, startProcess, untilAnswers } from '../../src/cli/processes.ts';
import { seededDatabase } from '../support/seeded.ts';

/*
 * The web process takes signed events over HTTP and is killed with -9 again and again. Every event that was acknowledged must
 * be there afterwards, and an acknowledgement must be fast.
 */

const { values } = parseArgs({
  options: { events: { type: 'string', default: '1000' }, kills: { type: 'string', default: '20' } },
});
const [wanted, kills] = [Number(values.events), Number(values.kills)];
buildSite(console.log);
const db = await seededDatabase();
const folder = mkdtempSync(join(tmpdir(), 'amends-hook-'));
const port = await freePort(24_000);
const url = `http://127.0.0.1:${port}`;
const settings = {
  ...{ DATABASE_URL: db.url, AMENDS_URL: url, HOST: '127.0.0.1', PORT: String(port), LOG_LEVEL: 'error' },
  ...{
    MAILBOX_DIR: folder,
    STRIPE_SECRET_KEY: 'sk_test_x',
    STRIPE_WEBHOOK_SECRET: 'whsec_trial',
    STRIPE_API_BASE: 'http://127.0.0.1:9',
  },
};

const acknowledged: string[] = [];
const took: number[] = [];
let sent = 0;
async function send(): Promise<boolean> {
  sent += 1;
  const id = `evt_${sent}`;
  const object = { id: `sub_${sent}`, object: 'subscription' };
  const body = JSON.stringify({
    id,
    object: 'event',
    type: 'customer.subscription.updated',
    created: 1,
    data: { object },
  });
  const time = Math.floor(Date.now() / 1000);
  const signature = createHmac('sha256', 'whsec_trial').update(`${time}.${body}`).digest('hex');
  const began = performance.now();
  try {
    const reply = await fetch(`${url}/hooks/stripe`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'stripe-signature': `t=${time},v1=${signature}` },
      body,
    });
    if (reply.status !== 200) return false;
    took.push(performance.now() - began);
    acknowledged.push(id);
    return true;
  } catch {
    return false;
  }
}

for (let life = 0; life < kills; life += 1) {
  const site = startProcess('src/server.ts', [], settings);
  await untilAnswers(`${url}/robots.txt`, site);
  await send();
  took.pop();
  const gone = new Promise((resolve) => site.once('exit', resolve));
  const share = Math.ceil((wanted - acknowledged.length) / (kills - life));
  // Four at a time, as a provider sends them; the blow falls while they are under way.
  const until = acknowledged.length + share;
  const senders = Array.from({ length: 4 }, async () => {
    while (acknowledged.length < until && (await send()));
  });
  while (acknowledged.length < until - 2 && site.exitCode === null) await new Promise((go) => setTimeout(go, 1));
  site.kill('SIGKILL');
  await Promise.all(senders);
  await gone;
}

// Speed is asked of a process that has been up for a moment, not of one that has just been killed.
const killed = took.splice(0);
const site = startProcess('src/server.ts', [], settings);
await untilAnswers(`${url}/robots.txt`, site);
for (let warm = 0; warm < 200; warm += 1) await send();
took.splice(0);
const last = acknowledged.length + wanted;
await Promise.all(
  Array.from({ length: 4 }, async () => {
    while (acknowledged.length < last && (await send()));
  }),
);
const ended = new Promise((resolve) => site.once('exit', resolve));
site.kill('SIGKILL');
await ended;

const after = await openDatabase(db.url);
let kept = 0;
for (let from = 0; from < acknowledged.length; from += 500) {
  kept += await after.read.$count(paymentEvents, inArray(paymentEvents.id, acknowledged.slice(from, from + 500)));
}
await after.close();
await db.cleanup();
rmSync(folder, { recursive: true, force: true });
const at = (times: number[], share: number) =>
  times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))]!.toFixed(1);
console.log(
  `${acknowledged.length} events acknowledged, ${kills + 1} kills; lost after the acknowledgement: ${acknowledged.length - kept}.`,
);
console.log(`Acknowledged, four at a time: median ${at(took, 0.5)} ms, p99 ${at(took, 0.99)} ms.`);
console.log(`In the first moments after a start: median ${at(killed, 0.5)} ms, p99 ${at(killed, 0.99)} ms.`);
process.exitCode = kept === acknowledged.length && Number(at(took, 0.99)) < 100 ? 0 : 1;
