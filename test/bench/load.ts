import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { openLoop, percentile } from './open-loop.ts';

/*
 * A process that asks addresses of this machine and says how fast they answered. Closed: `connections` ask one after the other. Open:
 * `rate` a second whatever happens. `node load.ts '{"base":"http://127.0.0.1:…","paths":"<file>","seconds":5,"connections":32}'`;
 * prints one line of JSON.
 */

type Order = { base: string; paths: string; seconds: number; connections?: number; rate?: number };

export type Loaded = {
  perSecond: number;
  p50: number;
  p99: number;
  asked: number;
  failed: number;
  late: number;
  unanswered: number;
  behind: number;
};

const { base, paths: file, seconds, connections = 1, rate } = JSON.parse(process.argv[2]!) as Order;
if (new URL(base).hostname !== '127.0.0.1') throw new Error('Load goes to this machine only.');
const paths = readFileSync(file, 'utf8').trim().split('\n');
const agent = new Agent({ keepAlive: true, maxSockets: rate ? 256 : connections });
let next = 0;

function ask(): Promise<void> {
  const path = paths[next++ % paths.length]!;
  return new Promise((resolve, reject) => {
    request(base + path, { agent }, (response) => {
      response.resume().once('end', () => (response.statusCode === 200 ? resolve() : reject(new Error('Not found.'))));
    })
      .once('error', reject)
      .end();
  });
}

const began = performance.now();
const { times, ...counts } = rate ? await openLoop(rate, seconds, ask) : await closedLoop();
const answered = times.length - counts.unanswered;
const loaded: Loaded = {
  perSecond: answered / ((performance.now() - began) / 1000),
  p50: percentile(times, 0.5),
  p99: percentile(times, 0.99),
  ...counts,
};
console.log(JSON.stringify(loaded));
process.exit();

async function closedLoop() {
  const times: number[] = [];
  let failed = 0;
  const worker = async () => {
    for (const until = performance.now() + seconds * 1000; performance.now() < until; ) {
      const asked = performance.now();
      await ask().then(
        () => times.push(performance.now() - asked),
        () => (failed += 1),
      );
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  times.sort((a, b) => a - b);
  return { asked: times.length + failed, failed, late: 0, unanswered: 0, behind: 0, times };
}
