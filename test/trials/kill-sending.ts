import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { asc, like } from 'drizzle-orm';
import { createTransport } from 'nodemailer';
import { type Db, openDatabase } from '../../db/client.ts';
import { letters } from '../../db/schema/mail.ts';
import { persons } from '../../db/schema/people.ts';
import { root } from '../../src/cli/processes.ts';
import { postLetter } from '../../src/mail/outbox.ts';
import { erasePerson } from '../../src/people/erase.ts';
import { importFile } from '../../src/people/intake/import.ts';
import { NEUTRAL } from '../../src/people/intake/mapping.ts';
import { suppress } from '../../src/people/suppression.ts';
import { type Sink, startSink, takenIn } from '../mail/smtp-sink.ts';
import { must } from '../support/must.ts';
import { NOW, seededDatabase } from '../support/seeded.ts';

/*
 * A process that sends a batch over SMTP is killed with -9 at random moments, and another goes on; the mail server is a process
 * of its own that writes down each letter before it says yes. Each process lives two minutes later than the one before, so that
 * a lease that the dead one held has run out. Then some of the people stop, bounce or are erased, the file they came from is
 * imported again, and everybody is written to once more. Cut off, it goes on with --continue. With --late 100 everything that the
 * mail server says comes 100 ms late, as from far away.
 */

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    letters: { type: 'string', default: '10000' },
    late: { type: 'string', default: '0' },
    continue: { type: 'boolean', default: false },
  },
});
const [wanted, kills] = [Number(values.letters), Number(values.kills)];
/** As in test/mail/send-process.ts. */
const CONNECTIONS = 5;
const folder = join(tmpdir(), 'amends-kill-sending');
const notes = join(folder, 'notes.json');
type Notes = {
  wanted: number;
  minute: number;
  blows: number;
  working: number;
  ms: number;
  /** What the processes that were killed got done, and in how many seconds. */
  sent: number;
  seconds: number;
  sinks: string[];
};

const goesOn = values.continue && existsSync(notes);
const noted: Notes = goesOn
  ? JSON.parse(readFileSync(notes, 'utf8'))
  : { wanted, minute: NOW.getTime(), blows: 0, working: 0, ms: 0, sent: 0, seconds: 0, sinks: [] };
if (!goesOn) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
}
const path = join(folder, 'amends.db');
const people = join(folder, 'people.csv');
const db = goesOn ? await openDatabase(`file:${path}`) : await begin();
const sink = await startSink('--only-envelopes', '--late', values.late);
noted.sinks.push(sink.folder);
keep();

const taken = () => noted.sinks.flatMap(takenIn);
function keep(): void {
  writeFileSync(notes, JSON.stringify(noted));
}

async function begin(): Promise<Db> {
  const seeded = await seededDatabase();
  await seeded.fold();
  writeFileSync(path, readFileSync(seeded.path));
  await seeded.cleanup();
  const rows = Array.from({ length: wanted }, (_, n) => `trial,${n},customer,Sam,p${n}@d${n % 50}.example,2026-06-02`);
  writeFileSync(people, `source,person_id,kind,first_name,email,left_on\n${rows.join('\n')}\n`);
  const fresh = await openDatabase(`file:${path}`);
  await fresh.write((tx) => tx.delete(letters));
  await bring(fresh);
  await writeToEverybody(fresh, 'first', NOW);
  return fresh;
}

async function bring(to: Db): Promise<void> {
  must(await importFile(to, { path: people, mapping: NEUTRAL, now: NOW }));
}

async function writeToEverybody(to: Db, cause: string, at: Date): Promise<number> {
  const everybody = await to.read.select().from(persons).where(like(persons.email, 'p%@d%.example'));
  await to.write(async (tx) => {
    for (const { id, email } of everybody) {
      await postLetter(
        tx,
        {
          cause: `${cause}:${id}`,
          kind: 'came-back',
          personId: id,
          to: email!,
          fromName: 'Priya Nair',
          subject: 'It came back',
          body: 'Your page says what we know today:\n\n{link}\n\nStop our letters: {stopLink}\n',
          mint: { link: 'page', stopLink: 'stop' },
        },
        at,
      );
    }
  });
  return everybody.length;
}

/** Answers whether it came to its end before the blow, and how many letters the server took in its life. */
async function run(killAfter: number | null): Promise<{ done: boolean; sent: number; seconds: number }> {
  noted.minute += 120_000;
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      join(root, 'test/mail/send-process.ts'),
      `file:${path}`,
      sink.url,
      String(noted.minute),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'cache') } },
  );
  let done = false;
  const before = sink.taken().length;
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await new Promise<void>((resolve) => {
    child.stdout.on('data', (text) => {
      if (String(text).includes('done')) done = true;
      resolve();
    });
    child.once('close', () => resolve());
  });
  const began = performance.now();
  if (killAfter !== null) {
    await setTimeout(killAfter);
    child.kill('SIGKILL');
  }
  await ended;
  return { done, sent: sink.taken().length - before, seconds: (performance.now() - began) / 1000 };
}

while (noted.blows < kills) {
  const began = performance.now();
  // So that the blows fall all over the batch, however fast this machine is today.
  const left = noted.wanted - taken().length;
  const rate = noted.seconds > 3 ? noted.sent / noted.seconds : 100;
  const life = await run(Math.random() * Math.min(10_000, (2000 * left) / rate / (kills - noted.blows + 5)));
  if (life.done) break;
  noted.sent += life.sent;
  noted.seconds += life.seconds;
  noted.blows += 1;
  if (life.sent > 0) noted.working += 1;
  noted.ms += performance.now() - began;
  keep();
  if (noted.blows % 10 === 0) console.log(`${noted.blows} kills, ${new Set(taken().map(({ to }) => to)).size} letters`);
}
const rest = await run(null);
const first = await judge();
console.log(
  `${noted.wanted} letters; ${noted.blows} kills in ${Math.round(noted.ms / 1000)} s, ${noted.working} of them after the server had taken letters from that process; load ${loadavg()[0]!.toFixed(1)}`,
);
console.log(`sent ${first.sent}, doubtful ${first.doubtful} (${first.arrived} had arrived)`);
console.log(`skipped ${first.skipped}, sent twice ${first.twice}, said to be sent and never taken ${first.neverTaken}`);

const again = await afterNewImport();
console.log(
  `after a new import of the file ${again.written} were written to once more: ${again.reached} of the ${again.silent} who had stopped, bounced or been erased were reached, and ${again.others} others`,
);
const [alone, peer] = [again.sent / again.seconds, await barely(sink)];
console.log(
  `left alone ${Math.round(alone)} letters/s (before that ${Math.round(rest.sent / rest.seconds)}); nodemailer’s pool with as many connections (${CONNECTIONS}) to the same server, without a database ${Math.round(peer)}; load ${loadavg()[0]!.toFixed(1)}`,
);

const held =
  rest.done &&
  noted.blows >= kills &&
  first.skipped + first.twice + first.neverTaken === 0 &&
  first.doubtful <= noted.blows * CONNECTIONS &&
  first.sent + first.doubtful === noted.wanted &&
  again.reached === 0 &&
  again.others > 0;
await sink.close();
await db.close();
for (const one of [folder, ...noted.sinks]) rmSync(one, { recursive: true, force: true });
console.log(held ? 'It held.' : 'It did not hold.');
process.exitCode = held ? 0 : 1;

async function judge() {
  const times = new Map<string, number>();
  for (const { to } of taken()) times.set(to, (times.get(to) ?? 0) + 1);
  const rows = await db.read.select().from(letters);
  const sent = rows.filter(({ sentAt }) => sentAt !== null);
  const doubtful = rows.filter(({ sentAt, doubtfulAt }) => sentAt === null && doubtfulAt !== null);
  return {
    sent: sent.length,
    doubtful: doubtful.length,
    arrived: doubtful.filter((row) => times.has(row.toAddress)).length,
    skipped: rows.filter((row) => !times.has(row.toAddress) && !doubtful.includes(row)).length,
    twice: [...times.values()].filter((many) => many > 1).length,
    neverTaken: sent.filter((row) => !times.has(row.toAddress)).length,
  };
}

/** Every tenth person goes silent, by one of three ways. */
async function afterNewImport() {
  const at = new Date(noted.minute);
  const all = await db.read.select().from(persons).where(like(persons.email, 'p%@d%.example')).orderBy(asc(persons.id));
  const silent = all.filter((_, n) => n % 10 === 0);
  for (const [n, { id, email }] of silent.entries()) {
    await db.write(async (tx) => {
      if (n % 3 === 2) await erasePerson(tx, id, at);
      else await suppress(tx, email!, n % 3 === 0 ? 'stopped' : 'bounced', at);
    });
  }
  await bring(db);
  const written = await writeToEverybody(db, 'second', at);
  const before = taken().length;
  const life = await run(null);
  const reached = new Set(
    taken()
      .slice(before)
      .map(({ to }) => to),
  );
  const silentReached = silent.filter(({ email }) => reached.has(email!)).length;
  return { ...life, written, silent: silent.length, reached: silentReached, others: reached.size - silentReached };
}

/** The same letters as fast as a library sends them, without any promise: letters a second. */
async function barely({ url }: Sink): Promise<number> {
  const pool = createTransport({
    url,
    pool: true,
    maxConnections: CONNECTIONS,
    maxMessages: Number.POSITIVE_INFINITY,
  } as object);
  const many = Math.min(noted.wanted, 5000);
  const began = performance.now();
  await Promise.all(
    Array.from({ length: many }, (_, n) =>
      pool.sendMail({
        from: 'hello@northline.example',
        to: `bare${n}@d${n % 50}.example`,
        subject: 'It came back',
        text: `Your page says what we know today:\n\nhttps://amends.example/for/${'x'.repeat(43)}\n`,
      }),
    ),
  );
  const seconds = (performance.now() - began) / 1000;
  pool.close();
  return many / seconds;
}
