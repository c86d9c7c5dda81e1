import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { eq } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { databaseFile } from '../../db/engines/commits.ts';
import { persons } from '../../db/schema/people.ts';
import { backupsIn, lastWritten } from '../backups/backup.ts';
import { ERASURES, erasureMark, noteErasures } from '../backups/erased.ts';
import { issuesNow } from '../checkins/answers.ts';
import { closeBatches } from '../checkins/batches.ts';
import { tellMissed } from '../checkins/promises.ts';
import { passOnLate } from '../checkins/reopen.ts';
import { askDueCheckins } from '../checkins/schedule.ts';
import { tellWaiting } from '../checkins/tell.ts';
import { startProcess } from '../cli/processes.ts';
import { bulkDatabase } from '../database.ts';
import { env } from '../env.ts';
import { mintFor } from '../invitations/letters.ts';
import { answersTo } from '../invitations/sign.ts';
import { deliverDueLetters } from '../mail/delivery.ts';
import { waitsAsRestored } from '../mail/fence.ts';
import { forgetLetters, mailboxTransport } from '../mail/mailbox.ts';
import type { Letter } from '../mail/outbox.ts';
import { quietUntil } from '../mail/quiet.ts';
import { mailSender } from '../mail/sender.ts';
import { openSmtp } from '../mail/smtp.ts';
import type { Payments } from '../payments/payments.ts';
import { countDaily } from '../people/counts.ts';
import { foldErasures } from '../people/erase.ts';
import { mappingNamed, mappingsFitting } from '../people/intake/mappings.ts';
import { payMakeGoods } from '../people/make-good.ts';
import { keepOnlyWhatWeMay } from '../people/retention.ts';
import { rulesIn } from '../people/rules.ts';
import { suppress } from '../people/suppression.ts';
import { propose } from '../people/triage.ts';
import { publishedIssues, publishedSite } from '../proofs/published.ts';
import {
  heldAtSending,
  onBatchClosed,
  onEnded,
  onLate,
  onLeft,
  onMissed,
  onRejoined,
  onSurplus,
  onUndone,
} from '../reactions.ts';
import { closeForgotten } from '../rejoin/away.ts';
import { resumeRejoins } from '../rejoin/begin.ts';
import { applyPaymentEvents, fetchMissedEvents, healRejoins } from '../rejoin/complete.ts';
import { returnSurpluses } from '../rejoin/surplus.ts';
import { resumeUndos } from '../rejoin/undo.ts';
import { writeTask } from '../reonboarding/letters.ts';
import { mintTaskLink, overdueSteps } from '../reonboarding/steps.ts';
import { forgetEndedSessions } from '../sessions/staff.ts';
import { dayOf, zoneOr } from '../shared/dates.ts';
import { forEachOne } from '../shared/each.ts';
import { isRefusal } from '../shared/refusal.ts';
import { publishDueDrafts } from '../staff/approval.ts';
import { workOnChoosings } from '../staff/choosing.ts';
import { recountOutcomes } from '../staff/outcomes.ts';
import { remind } from '../staff/returning.ts';
import { workOnUploads } from '../staff/uploads.ts';

/*
 * Everything that happens without a press. Each round is safe to run at any time, twice, or in two processes at once.
 */

/**
 * Over SMTP where a mail server is set; else into the folder. `now` is when it begins; the clock runs on from there. It ends early,
 * with no letter under way, once `goOn` says false.
 */
export async function letters(db: Db, now: Date, goOn = () => true): Promise<number> {
  const mint = mintFor(env.AMENDS_URL, { task: async (tx, id) => `/task/${await mintTaskLink(tx, id)}` });
  const clock = clockFrom(now);
  if (env.SMTP_URL === '') {
    const transport = mailboxTransport(env.MAILBOX_DIR);
    return deliverDueLetters(db, { transport, heldBecause: heldAtSending, mint, answersTo, goOn }, clock);
  }
  const site = await publishedSite(db.read);
  const smtp = openSmtp(env.SMTP_URL);
  try {
    return await deliverDueLetters(
      db,
      {
        transport: smtp.transport(mailSender(site.reply_to)),
        heldBecause: heldAtSending,
        mint,
        answersTo,
        goOn,
        server: {
          pace: { perMinute: env.MAIL_PER_MINUTE, perDomain: env.MAIL_PER_MINUTE_PER_DOMAIN },
          fence: env.SENDING_FENCE,
          connections: env.MAIL_CONNECTIONS,
          tooLateAfter: env.MAIL_TOO_LATE_HOURS * 3_600_000,
          quietUntil: async (tx, letter, at) =>
            quietUntil(at, env.QUIET_HOURS, await zoneOf(tx, letter, site.time_zone)),
          onBounced: (tx, letter, at) => suppress(tx, letter.toAddress, 'bounced', at),
        },
      },
      clock,
    );
  } finally {
    smtp.close();
  }
}

function clockFrom(now: Date): () => Date {
  const began = performance.now();
  return () => new Date(now.getTime() + Math.floor(performance.now() - began));
}

async function zoneOf(tx: Tx, letter: Letter, otherwise: string): Promise<string> {
  if (!letter.personId) return otherwise;
  const [person] = await tx.select({ zone: persons.timeZone }).from(persons).where(eq(persons.id, letter.personId));
  return zoneOr(person?.zone ?? null, otherwise);
}

const reactions = { onRejoined, onEnded, onLeft };

export const payments = (db: Db, provider: Payments, now: Date) => applyPaymentEvents(db, provider, reactions, now);

export async function unfinished(db: Db, provider: Payments, now: Date): Promise<number> {
  if (await waitsAsRestored(db.read)) return 0;
  let done = 0;
  const rounds = [
    () => resumeRejoins(db, provider, now),
    () => healRejoins(db, provider, reactions, now),
    () => resumeUndos(db, provider, onUndone, now),
    () => returnSurpluses(db, provider, onSurplus, now),
    () => closeForgotten(db, provider, now),
    () => payMakeGoods(db, provider, now),
  ];
  await forEachOne(rounds, async (round) => {
    done += await round();
  });
  return done;
}

/** What an event that never came would have told us. */
export const missed = (db: Db, provider: Payments, now: Date) => fetchMissedEvents(db, provider, now);

export async function questions(db: Db, now: Date): Promise<number> {
  const issues = await issuesNow(db.read, now);
  return askDueCheckins(db, issues, now);
}

/** Answers of people who work here, as far as they may become public by now. */
export async function batches(db: Db, now: Date): Promise<number> {
  const issues = await issuesNow(db.read, now);
  return closeBatches(db, issues, onBatchClosed, now);
}

export async function promises(db: Db, now: Date): Promise<number> {
  const issues = await issuesNow(db.read, now);
  return tellWaiting(db, issues, env.AMENDS_URL, now);
}

/** Everyone who told us anything is counted on the first round of a day, and never in between but after an import. */
export const counts = async (db: Db, now: Date) =>
  (await countDaily(db, now, (await publishedSite(db.read)).time_zone)) ? 1 : 0;

const MAPPINGS = join(env.CONTENT_DIR, 'mappings');

/** What was uploaded at the desk: a look first, then, after a press, the import. */
export const uploads = (db: Db, now: Date) =>
  workOnUploads(
    db,
    bulkDatabase,
    env.UPLOADS_DIR,
    {
      named: (name) => mappingNamed(MAPPINGS, name),
      fitting: async (path) => (await mappingsFitting(MAPPINGS, path)).map(({ mapping }) => mapping.name),
    },
    now,
  );

/** Complaints without an issue: what each is probably about. */
export async function proposals(db: Db, now: Date): Promise<number> {
  const rules = await rulesIn(env.CONTENT_DIR);
  if (isRefusal(rules)) throw new Error(rules.sentence);
  const issues = await publishedIssues(db.read);
  const words = issues.map(({ id, data }) => ({ label: id, text: `${data.title}. ${data.summary}` }));
  return propose(db, rules, words, now);
}

/** Choices of so many people that no press could wait for the gate. */
export const choices = (db: Db, now: Date) => workOnChoosings(db, now);

/** What outreach achieved, where it takes too long to count while a page is waited for. */
export const outcomes = (db: Db, now: Date) => recountOutcomes(db, now);

export const scheduled = (db: Db, now: Date) => publishDueDrafts(db, now);

export const sessions = (db: Db, now: Date) => db.write((tx) => forgetEndedSessions(tx, now));

let noted = '';

/** Finishes what an erasure left to do: it is written down outside the database, and the bytes leave the file and its log. */
export async function erasures(db: Db, now: Date): Promise<number> {
  const mark = await erasureMark(db.read);
  if (mark !== noted) {
    await noteErasures(db.read, env.ERASURES_FILE);
    if (env.BACKUP_DIR) await noteErasures(db.read, join(env.BACKUP_DIR, ERASURES));
    noted = mark;
  }
  return foldErasures(db, now);
}

/**
 * A backup when one is due and something was written since the last one, in a process of its own: copying a large database would keep
 * everything else here waiting.
 */
export async function backups(now: Date): Promise<number> {
  const database = databaseFile(env.DATABASE_URL);
  if (env.BACKUP_DIR === '' || database === null) return 0;
  const last = backupsIn(env.BACKUP_DIR)[0]?.at ?? 0;
  const due = now.getTime() - last >= env.BACKUP_EVERY_MINUTES * 60_000;
  if (!due || lastWritten(database) < last) return 0;
  const child = startProcess('src/cli/main.ts', ['backup', '--json'], {});
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error('The backup was not made.');
  return 1;
}

/** Says to whoever looks that this process lives. */
export function heartbeat(now: Date): number {
  mkdirSync(dirname(env.HEARTBEAT_FILE), { recursive: true });
  writeFileSync(env.HEARTBEAT_FILE, now.toISOString());
  return 0;
}

export async function retention(db: Db, now: Date): Promise<number> {
  const { people, letterIds } = await keepOnlyWhatWeMay(db, now);
  await forgetLetters(env.MAILBOX_DIR, letterIds);
  return people + letterIds.length;
}

/** What somebody here owed a returned person, and is late with. */
export const late = async (db: Db, now: Date) =>
  (await passOnLate(db, onLate, now)) + (await tellMissed(db, onMissed, now));

/** A colleague whose task for a returning person is late is reminded of it, once; afterwards it is for HR to say. */
export async function tasks(db: Db, now: Date): Promise<number> {
  const site = await publishedSite(db.read);
  const late = await overdueSteps(db.read, dayOf(now, site.time_zone));
  const unsaid = late.filter(({ step }) => step.owner !== null && step.remindedAt === null);
  await forEachOne(unsaid, ({ step }) =>
    db.write((tx) =>
      remind(tx, step.id, null, (t, offer, about, again) => writeTask(t, offer, about, site, now, again), site, now),
    ),
  );
  return unsaid.length;
}
