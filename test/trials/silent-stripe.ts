import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { INES } from '../../db/cast.ts';
import { openPlace } from '../../src/cli/place.ts';

/* A whole place whose payment provider takes every call and answers none: what a visitor waits, and what becomes of the wish. */

const data = mkdtempSync(join(tmpdir(), 'amends-silent-'));
const place = await openPlace({ data, port: 24_200, say: console.log });
const fault = (body: object) =>
  fetch(`${place.sandboxUrl}/_sandbox/faults`, { method: 'POST', body: JSON.stringify(body) });
const origin = { Origin: place.url };
const link = place.links.find(({ member }) => member.key === INES.key)!.url;
let failed = false;

async function timed(what: string, limit: number, work: () => Promise<Response>): Promise<Response> {
  const began = performance.now();
  const reply = await work();
  const ms = performance.now() - began;
  console.log(`${what}: ${ms.toFixed(0)} ms (limit ${limit}), status ${reply.status}.`);
  if (ms > limit) failed = true;
  return reply;
}

const opened = await fetch(`${link}/open`, {
  method: 'POST',
  headers: origin,
  redirect: 'manual',
  body: new URLSearchParams(),
});
const cookie = opened.headers
  .getSetCookie()
  .map((one) => one.split(';')[0])
  .join('; ');
const check = await (await fetch(`${link}/rejoin`, { headers: { cookie } })).text();
const fields = new URLSearchParams(
  [...check.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [name!, value!]),
);

// Only reads are answered at first: the press meets a provider that has gone silent.
await fault({ kind: 'delay', ms: 60_000, times: 100_000, method: 'POST', path: '/v1/subscriptions' });
await timed('The press, with a silent provider', 6_000, () =>
  fetch(`${link}/rejoin`, { method: 'POST', headers: { ...origin, cookie }, body: fields, redirect: 'manual' }),
);
await fault({ kind: 'delay', ms: 60_000, times: 100_000 });
const times: number[] = [];
for (let turn = 0; turn < 300; turn += 1) {
  const began = performance.now();
  const reply = await fetch(link, { headers: { cookie } });
  await reply.text();
  times.push(performance.now() - began);
}
times.sort((a, b) => a - b);
console.log(
  `Her page, 300 times, meanwhile: median ${times[150]!.toFixed(1)} ms, p99 ${times[297]!.toFixed(1)} ms (limit 300).`,
);
if (times[297]! > 300) failed = true;
await timed('“Check and rejoin” of somebody else', 6_000, async () => {
  const other = place.links.find(({ member }) => member.key === 'maya')!.url;
  const bound = await fetch(`${other}/open`, {
    method: 'POST',
    headers: origin,
    redirect: 'manual',
    body: new URLSearchParams(),
  });
  const own = bound.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ');
  return fetch(`${other}/rejoin`, { headers: { cookie: own } });
});

await fetch(`${place.sandboxUrl}/_sandbox/faults`, { method: 'DELETE' });
const again = performance.now();
let back = false;
while (!back && performance.now() - again < 120_000) {
  back = (await (await fetch(`${link}/back`, { headers: { cookie } })).text()).includes('You are back');
  await new Promise((go) => setTimeout(go, 500));
}
console.log(
  `The provider answers again: ${back ? `back ${((performance.now() - again) / 1000).toFixed(0)} s later, without another press` : 'not back after two minutes'}.`,
);
const reply = await fetch(`${place.sandboxUrl}/v1/subscriptions?customer=cus_ines&status=all`, {
  headers: { Authorization: 'Bearer sk_test_sandbox' },
});
const made = (await reply.json()).data.filter(({ status }: { status: string }) => status === 'active').length;
console.log(`Subscriptions that run: ${made}.`);
await place.close();
rmSync(data, { recursive: true, force: true });
process.exitCode = failed || !back || made !== 1 ? 1 : 0;
