import { Cron } from 'croner';
import pino from 'pino';
import { billing } from '../billing.ts';
import { database } from '../database.ts';
import { env } from '../env.ts';
import * as rounds from './rounds.ts';

/* The jobs process: name → cadence → round. A round that is still running is not started again. */

const log = pino({ level: env.LOG_LEVEL, base: { process: 'jobs' } });
const db = await database();
let ending = false;

const schedule: [name: string, cadence: string, round: (now: Date) => Promise<number>][] = [
  ['payments', '* * * * * *', (now) => rounds.payments(db, billing(), now)],
  ['letters', '* * * * * *', (now) => rounds.letters(db, now, () => !ending)],
  ['unfinished', '*/10 * * * * *', (now) => rounds.unfinished(db, billing(), now)],
  ['missed', '0 */5 * * * *', (now) => rounds.missed(db, billing(), now)],
  ['promises', '*/20 * * * * *', (now) => rounds.promises(db, now)],
  ['uploads', '*/2 * * * * *', (now) => rounds.uploads(db, now)],
  ['choices', '*/2 * * * * *', (now) => rounds.choices(db, now)],
  ['outcomes', '40 * * * * *', (now) => rounds.outcomes(db, now)],
  ['proposals', '*/15 * * * * *', (now) => rounds.proposals(db, now)],
  ['scheduled', '*/5 * * * * *', (now) => rounds.scheduled(db, now)],
  ['questions', '0 * * * * *', (now) => rounds.questions(db, now)],
  ['counts', '*/20 * * * * *', (now) => rounds.counts(db, now)],
  ['sessions', '0 0 * * * *', (now) => rounds.sessions(db, now)],
  ['tasks', '45 * * * * *', (now) => rounds.tasks(db, now)],
  ['batches', '50 0 * * * *', (now) => rounds.batches(db, now)],
  ['late', '15 * * * * *', (now) => rounds.late(db, now)],
  ['erasures', '*/10 * * * * *', (now) => rounds.erasures(db, now)],
  ['backups', '20 * * * * *', (now) => rounds.backups(now)],
  ['heartbeat', '*/10 * * * * *', async (now) => rounds.heartbeat(now)],
  ['retention', '30 17 * * * *', (now) => rounds.retention(db, now)],
];

const failing = new Set<string>();
const running = schedule.map(
  ([name, cadence, round]) =>
    new Cron(cadence, { name, protect: true }, async () => {
      try {
        const done = await round(new Date());
        failing.delete(name);
        if (done > 0) log.info({ round: name, done });
      } catch (error) {
        failing.add(name);
        // Only the kind of failure: messages may hold what a person wrote.
        log.error({ round: name, error: error instanceof Error ? error.name : 'unknown' });
      }
    }),
);
rounds.heartbeat(new Date());
log.info('jobs started');

/*
 * Whoever pressed “Rejoin and pay” waits for the provider’s event, so one that was stored is applied at once. On a server nobody says
 * when something was committed, and during an outage every commit would ask the provider again: then there is the cadence.
 */
const payments = running.find(({ name }) => name === 'payments')!;
let seen = commitsNow();
const soon = setInterval(() => {
  // `trigger` doesn’t ask whether it is running.
  if (payments.isBusy() || failing.has('payments')) return;
  const commits = commitsNow();
  if (commits === null || commits === seen) return;
  seen = commits;
  void payments.trigger();
}, 50);

function commitsNow(): number | null {
  try {
    return db.read.commits?.() ?? null;
  } catch {
    return null; // the file is locked; asked again in a moment
  }
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, async () => {
    ending = true;
    clearInterval(soon);
    for (const cron of running) cron.stop();
    const busy = () => running.some((cron) => cron.isBusy());
    for (let waited = 0; busy() && waited < 10_000; waited += 50) await new Promise((go) => setTimeout(go, 50));
    await db.close();
    process.exit(0);
  });
}
