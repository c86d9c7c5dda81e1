import { Cron } from 'croner';
import pino from 'pino';
import { billing } from '../billing.ts';
import { database } from '../database.ts';
import { env } from '../env.ts';
import * as rounds from './rounds.ts';

/* The jobs process: name → cadence → round. A round that is still running is not started again. */

const log = pino({ level: env.LOG_LEVEL, base: { process: 'jobs' } });
const db = await database();

const schedule: [name: string, cadence: string, round: (now: Date) => Promise<number>][] = [
  ['payments', '* * * * * *', (now) => rounds.payments(db, billing(), now)],
  ['letters', '* * * * * *', (now) => rounds.letters(db, now)],
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

const running = schedule.map(
  ([name, cadence, round]) =>
    new Cron(cadence, { name, protect: true }, async () => {
      try {
        const done = await round(new Date());
        if (done > 0) log.info({ round: name, done });
      } catch (error) {
        // Only the kind of failure: messages may hold what a person wrote.
        log.error({ round: name, error: error instanceof Error ? error.name : 'unknown' });
      }
    }),
);
rounds.heartbeat(new Date());
log.info('jobs started');

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, async () => {
    for (const cron of running) cron.stop();
    const busy = () => running.some((cron) => cron.isBusy());
    for (let waited = 0; busy() && waited < 10_000; waited += 50) await new Promise((go) => setTimeout(go, 50));
    await db.close();
    process.exit(0);
  });
}
