import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { letters } from '../../db/schema/mail.ts';
import { root } from '../../src/cli/processes.ts';
import { postLetter } from '../../src/mail/outbox.ts';
import { startSink } from '../mail/smtp-sink.ts';
import { castPerson, NOW, seededDatabase } from '../support/seeded.ts';

/*
 * A process that sends a batch over SMTP is killed with -9 at random moments, and another goes on; the mail server is a process
 * of its own that writes down each letter before it says yes. Each process lives a minute later than the one before, so that a
 * lease that the dead one held has run out.
 */

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    letters: { type: 'string', default: '10000' },
    within: { type: 'string', default: '600' },
  },
});
const [wanted, kills, within] = [Number(values.letters), Number(values.kills), Number(values.within)];
const db = await seededDatabase();
const sink = await startSink('--only-envelopes');
const maya = await castPerson(db.read, 'c-maya');
await db.write(async (tx) => {
  await tx.delete(letters);
  for (let n = 0; n < wanted; n += 1) {
    await postLetter(
      tx,
      {
        cause: `trial:${n}`,
        kind: 'came-back',
        personId: maya.id,
        to: `p${n}@d${n % 50}.example`,
        fromName: 'Priya Nair',
        subject: 'It came back',
        body: 'Your page says what we know today:\n\n{link}\n\nStop our letters: {stopLink}\n',
        mint: { link: 'page', stopLink: 'stop' },
      },
      NOW,
    );
  }
});

let minute = NOW.getTime();
/** Answers whether it came to its end before the blow, and how many letters the server took in its life. */
async function run(killAfter: number | null): Promise<{ done: boolean; working: boolean }> {
  minute += 120_000;
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      join(root, 'test/mail/send-process.ts'),
      db.url,
      sink.url,
      String(minute),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_COMPILE_CACHE: join(sink.folder, 'cache') } },
  );
  let done = false;
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const before = sink.taken().length;
  await new Promise<void>((resolve) => {
    child.stdout.on('data', (text) => {
      if (String(text).includes('done')) done = true;
      resolve();
    });
    child.once('close', () => resolve());
  });
  if (killAfter !== null) {
    await setTimeout(killAfter);
    child.kill('SIGKILL');
  }
  await ended;
  return { done, working: sink.taken().length > before };
}

const began = performance.now();
let [blows, working] = [0, 0];
while (blows < kills) {
  const life = await run(Math.random() * within);
  if (life.done) break;
  blows += 1;
  if (life.working) working += 1;
}
const last = performance.now();
const beforeLast = sink.taken().length;
const { done } = await run(null);
const rate = (sink.taken().length - beforeLast) / ((performance.now() - last) / 1000);

const taken = new Map<string, number>();
for (const { to } of sink.taken()) taken.set(to, (taken.get(to) ?? 0) + 1);
const rows = await db.read.select().from(letters);
const sent = rows.filter(({ sentAt }) => sentAt !== null);
const doubtful = rows.filter(({ sentAt, doubtfulAt }) => sentAt === null && doubtfulAt !== null);
const skipped = rows.filter((row) => !taken.has(row.toAddress) && !doubtful.includes(row));
const twice = [...taken.values()].filter((times) => times > 1).length;
const neverTaken = sent.filter((row) => !taken.has(row.toAddress)).length;
const arrived = doubtful.filter((row) => taken.has(row.toAddress)).length;

console.log(
  `${wanted} letters; ${blows} kills in ${Math.round((last - began) / 1000)} s, ${working} of them after the server had taken letters from that process; left alone ${Math.round(rate)} letters/s`,
);
console.log(
  `sent ${sent.length}, doubtful ${doubtful.length} (${arrived} had arrived, ${doubtful.length - arrived} had not)`,
);
console.log(`skipped ${skipped.length}, sent twice ${twice}, said to be sent and never taken ${neverTaken}`);
const held =
  done &&
  blows === kills &&
  skipped.length === 0 &&
  twice === 0 &&
  neverTaken === 0 &&
  doubtful.length <= blows &&
  sent.length + doubtful.length === wanted;
await sink.close();
await db.cleanup();
console.log(held ? 'It held.' : 'It did not hold.');
process.exitCode = held ? 0 : 1;
