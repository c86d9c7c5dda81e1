import type { Db } from '../../db/client.ts';
import { noAnswersByIssue } from '../checkins/answers.ts';
import { askDueCheckins } from '../checkins/schedule.ts';
import { tellWaiting } from '../checkins/tell.ts';
import { env } from '../env.ts';
import { heldBecause, mintFor } from '../invitations/letters.ts';
import { deliverDueLetters } from '../mail/delivery.ts';
import { mailboxTransport } from '../mail/mailbox.ts';
import type { Payments } from '../payments/payments.ts';
import { issueStates } from '../proofs/published.ts';
import { onEnded, onRejoined, onUndone } from '../reactions.ts';
import { resumeRejoins } from '../rejoin/begin.ts';
import { applyPaymentEvents, healRejoins } from '../rejoin/complete.ts';
import { resumeUndos } from '../rejoin/undo.ts';
import { mintTaskLink } from '../reonboarding/steps.ts';
import { forgetEndedSessions } from '../sessions/staff.ts';
import { forEachOne } from '../shared/each.ts';
import { publishDueDrafts } from '../staff/approval.ts';

/*
 * Everything that happens without a press. Each round is safe to run at any time, twice, or in two processes at once.
 */

export const letters = (db: Db, now: Date) =>
  deliverDueLetters(
    db,
    {
      transport: mailboxTransport(env.MAILBOX_DIR),
      heldBecause,
      mint: mintFor(env.AMENDS_URL, { task: async (tx, id) => `/task/${await mintTaskLink(tx, id)}` }),
    },
    now,
  );

export const payments = (db: Db, provider: Payments, now: Date) =>
  applyPaymentEvents(db, provider, { onRejoined, onEnded }, now);

export async function unfinished(db: Db, provider: Payments, now: Date): Promise<number> {
  let done = 0;
  const rounds = [
    () => resumeRejoins(db, provider, now),
    () => healRejoins(db, provider, { onRejoined, onEnded }, now),
    () => resumeUndos(db, provider, onUndone, now),
  ];
  await forEachOne(rounds, async (round) => {
    done += await round();
  });
  return done;
}

export async function questions(db: Db, now: Date): Promise<number> {
  const issues = await issueStates(db.read, await noAnswersByIssue(db.read), now);
  return askDueCheckins(db, issues, now);
}

export async function promises(db: Db, now: Date): Promise<number> {
  const issues = await issueStates(db.read, await noAnswersByIssue(db.read), now);
  return tellWaiting(db, issues, env.AMENDS_URL, now);
}

export const scheduled = (db: Db, now: Date) => publishDueDrafts(db, now);

export const sessions = (db: Db, now: Date) => db.write((tx) => forgetEndedSessions(tx, now));
