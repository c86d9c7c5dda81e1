import type { Db } from '../../db/client.ts';
import { noAnswersByIssue } from '../checkins/answers.ts';
import { askDueCheckins } from '../checkins/schedule.ts';
import { tellWaiting } from '../checkins/tell.ts';
import { env } from '../env.ts';
import { heldBecause, mintFor } from '../invitations/letters.ts';
import { deliverDueLetters } from '../mail/delivery.ts';
import { mailboxTransport } from '../mail/mailbox.ts';
import type { Payments } from '../payments/payments.ts';
import { payMakeGoods } from '../people/make-good.ts';
import { issueStates } from '../proofs/published.ts';
import { onEnded, onLeft, onRejoined, onSurplus, onUndone } from '../reactions.ts';
import { closeForgotten } from '../rejoin/away.ts';
import { resumeRejoins } from '../rejoin/begin.ts';
import { applyPaymentEvents, fetchMissedEvents, healRejoins } from '../rejoin/complete.ts';
import { returnSurpluses } from '../rejoin/surplus.ts';
import { resumeUndos } from '../rejoin/undo.ts';
import { forEachOne } from '../shared/each.ts';

/*
 * Everything that happens without a press. Each round is safe to run at any time, twice, or in two processes at once.
 */

export const letters = (db: Db, now: Date) =>
  deliverDueLetters(
    db,
    { transport: mailboxTransport(env.MAILBOX_DIR), heldBecause, mint: mintFor(env.AMENDS_URL) },
    now,
  );

const reactions = { onRejoined, onEnded, onLeft };

export const payments = (db: Db, provider: Payments, now: Date) => applyPaymentEvents(db, provider, reactions, now);

export async function unfinished(db: Db, provider: Payments, now: Date): Promise<number> {
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
  const issues = await issueStates(db.read, await noAnswersByIssue(db.read), now);
  return askDueCheckins(db, issues, now);
}

export async function promises(db: Db, now: Date): Promise<number> {
  const issues = await issueStates(db.read, await noAnswersByIssue(db.read), now);
  return tellWaiting(db, issues, env.AMENDS_URL, now);
}
