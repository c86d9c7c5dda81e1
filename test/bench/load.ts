import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';

/*
 * A process that asks addresses of this machine and says how fast they answered. Closed: `connections` ask one after the other. Open: a new
 * request every now and then (Poisson, `rate` a second) whether or not the last is answered, so that waiting is counted.
 * `node load.ts '{"base":"http://127.0.0.1:…","paths":"<file>","seconds":5,"connections":32}'`; prints one line of JSON.
 */

type Order = { base: string; paths: string; seconds: number; connections?: number; rate?: number; encoding?: string };

const order = JSON.parse(process.argv[2]!) as Order;
if (new URL(order.base).hostname !== '127.0.0.1') throw new Error('Load goes to this machine only.');
const paths = readFileSync(order.paths, 'utf8').trim().split('\n');
const agent = new Agent({ keepAlive: true, maxSockets: order.connections ?? 256 });
const times: number[] = [];
let errors = 0;
let at = 0;

function ask(asked = performance.now()): Promise<void> {
  const path = paths[at++ % paths.length]!;
  return new Promise((resolve) => {
    const failed = () => {
      errors += 1;
      resolve();
    };
    const headers = { 'accept-encoding': order.encoding ?? 'identity' };
    request(order.base + path, { agent, headers }, (response) => {
      response.resume().once('end', () => {
        if (response.statusCode === 200) times.push(performance.now() - asked);
        else errors += 1;
        resolve();
      });
    })
      .once('error', failed)
      .end();
  });
}

const until = performance.now() + order.seconds * 1000;
if (order.rate) {
  const open: Promise<void>[] = [];
  let next = performance.now();
  while (next < until) {
    next += (-Math.log(1 - Math.random()) / order.rate) * 1000;
    const wait = next - performance.now();
    if (wait > 1) await new Promise((go) => setTimeout(go, wait));
    open.push(ask(Math.max(next, performance.now() - 1000)));
  }
  await Promise.all(open);
} else {
  const worker = async () => {
    while (performance.now() < until) await ask();
  };
  await Promise.all(Array.from({ length: order.connections ?? 1 }, worker));
}
agent.destroy();
times.sort((a, b) => a - b);
const percentile = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? null;
console.log(
  JSON.stringify({ perSecond: times.length / order.seconds, p50: percentile(0.5), p99: percentile(0.99), errors }),
);
