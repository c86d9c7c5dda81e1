import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { and, eq, isNotNull, isNull } from 'drizzle-orm';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { letters } from '../../db/schema/mail.ts';
import { paymentEvents } from '../../db/schema/rejoin.ts';
import { root, stopProcess } from '../../src/cli/processes.ts';
import { writeLetter } from '../../src/invitations/letters.ts';
import { storePaymentEvent } from '../../src/rejoin/complete.ts';
import { startSink } from '../mail/smtp-sink.ts';
import type { FreshDatabase } from '../support/database.ts';
import { castPerson, NOW, seededDatabase } from '../support/seeded.ts';

/* The jobs process itself: when its rounds begin, and how it ends. */

let db: FreshDatabase;
beforeEach(async () => {
  db = await seededDatabase();
});
afterEach(() => db.cleanup());

async function startJobs(more: Record<string, string> = {}): Promise<ChildProcess> {
  const folder = dirname(db.path);
  const alive = join(folder, 'alive');
  const settings = {
    ...{ DATABASE_URL: db.url, LOG_LEVEL: 'silent', BACKUP_DIR: '', HEARTBEAT_FILE: alive },
    ...{ MAILBOX_DIR: join(folder, 'mailbox'), UPLOADS_DIR: join(folder, 'uploads') },
    ...{ ERASURES_FILE: join(folder, 'erasures'), SENDING_FENCE: join(folder, 'sending') },
    ...{ STRIPE_SECRET_KEY: 'sk_test_x', STRIPE_WEBHOOK_SECRET: 'whsec_x', STRIPE_API_BASE: 'http://127.0.0.1:9' },
  };
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'src/jobs/main.ts')], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...settings, ...more },
  });
  onTestFinished(() => stopProcess(child));
  await until(async () => existsSync(alive));
  return child;
}

async function until(come: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 20_000; performance.now() < end; await setTimeout(10)) if (await come()) return;
  throw new Error('It did not come.');
}

test('an event of the provider is applied as soon as it was stored, and not on the next second', async () => {
  await startJobs();
  const apply = async (id: string) => {
    const event = { id, type: 'x', created: NOW.getTime(), subscriptionId: null, checkoutId: null };
    await db.write((tx) => storePaymentEvent(tx, event, NOW));
    const applied = and(eq(paymentEvents.id, id), isNotNull(paymentEvents.appliedAt));
    await until(async () => (await db.read.$count(paymentEvents, applied)) === 1);
  };
  await apply('evt_first');
  const began = performance.now();
  // Each begins when the one before was applied: with a round a second these would take five.
  for (const id of ['evt_1', 'evt_2', 'evt_3', 'evt_4', 'evt_5']) await apply(id);
  expect(performance.now() - began).toBeLessThan(3500);
});

test('told to end, it takes no more letters and leaves none in doubt', async () => {
  const sink = await startSink('--late', '150');
  onTestFinished(sink.close);
  const person = await castPerson(db.read, 'c-maya');
  await db.write(async (tx) => {
    for (let n = 0; n < 90; n += 1) {
      const to = { ...person, email: `n${n}@one.example` };
      await writeLetter(tx, { letter: 'back', cause: `back:${n}`, person: to, sender: 'Priya Nair', slots: {} }, NOW);
    }
  });
  const pace = { MAIL_PER_MINUTE: '1000', MAIL_PER_MINUTE_PER_DOMAIN: '1000', MAIL_CONNECTIONS: '3' };
  const jobs = await startJobs({ SMTP_URL: sink.url, ...pace });
  await until(async () => sink.taken().length > 0);
  await stopProcess(jobs);
  expect([jobs.exitCode, sink.taken().length < 30]).toEqual([0, true]);
  expect(await db.read.$count(letters, isNotNull(letters.sentAt))).toBe(sink.taken().length);
  expect(await db.read.$count(letters, and(isNotNull(letters.handedAt), isNull(letters.sentAt)))).toBe(0);
}, 60_000);
