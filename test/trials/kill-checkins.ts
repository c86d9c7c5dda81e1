import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { and, eq, isNotNull, like } from 'drizzle-orm';
import { checkins } from '../../db/schema/checkins.ts';
import { letters } from '../../db/schema/mail.ts';
import { persons } from '../../db/schema/people.ts';
import { root } from '../../src/cli/processes.ts';
import { readMailbox } from '../../src/mail/mailbox.ts';
import { comeBack } from '../checkins/returned.ts';
import { DAY_MS, later, NOW, seededDatabase } from '../support/seeded.ts';

/* A process that asks the due questions and sends their letters is killed with -9 at random moments; then it runs to its end. */

const { values } = parseArgs({ options: { kills: { type: 'string', default: '50' } } });
const db = await seededDatabase();
const mailbox = mkdtempSync(join(tmpdir(), 'amends-kill-checkins-'));
const people = await db.read
  .select({ id: persons.externalId })
  .from(persons)
  .where(and(eq(persons.kind, 'customer'), like(persons.externalId, 'p-%')));
for (const { id } of people) await comeBack(db, id, NOW);
await db.write((tx) => tx.update(letters).set({ sentAt: NOW.getTime() }));
const planned = await db.read.$count(checkins, eq(checkins.day, 7));

let minute = later(7 * DAY_MS).getTime();
/** Each process lives a minute later than the one before, so that a lease the dead one held has run out. */
async function run(killAfter: number | null): Promise<boolean> {
  minute += 61_000;
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      join(root, 'test/checkins/ask-process.ts'),
      db.url,
      mailbox,
      String(minute),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let done = false;
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await new Promise<void>((resolve) =>
    child.stdout.on('data', (text) => {
      if (String(text).includes('done')) done = true;
      resolve();
    }),
  );
  if (killAfter !== null) {
    await setTimeout(killAfter);
    child.kill('SIGKILL');
  }
  await ended;
  return done;
}

let blows = 0;
for (let tries = 0; blows < Number(values.kills) && tries < 3 * Number(values.kills); tries += 1) {
  const ended = await run(Math.random() * 25);
  if (ended) break;
  blows += 1;
}
await run(null);

const asked = await db.read.select().from(checkins).where(isNotNull(checkins.askedAt));
const written = await db.read.select().from(letters).where(eq(letters.kind, 'checkin'));
const mail = (await readMailbox(mailbox)).filter(({ kind }) => kind === 'checkin');
const twice = written.length - new Set(written.map(({ cause }) => cause)).size;
const lost = asked.filter(
  ({ id }) => !written.some(({ cause, sentAt }) => cause === `checkin:${id}` && sentAt !== null),
).length;
const unasked = (await db.read.select().from(checkins).where(eq(checkins.day, 7))).filter(
  ({ askedAt, cancelledAt }) => !askedAt && !cancelledAt,
).length;
console.log(
  `${planned} questions due, ${blows} kills. Asked ${asked.length}; passed over because it is known to have come back: ${planned - asked.length - unasked}.`,
);
console.log(
  `Asked without a letter that left: ${lost}. Two letters for one question: ${twice}. Letters in the mailbox: ${mail.length}, to ${new Set(mail.map(({ to }) => to)).size} people. Left over: ${unasked}.`,
);
await db.cleanup();
rmSync(mailbox, { recursive: true });
process.exitCode = lost + twice + unasked === 0 && mail.length === asked.length && blows > 0 ? 0 : 1;
