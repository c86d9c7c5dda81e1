import { openDatabase } from '../../db/client.ts';
import { noAnswersByIssue } from '../../src/checkins/answers.ts';
import { askDueCheckins } from '../../src/checkins/schedule.ts';
import { mintFor } from '../../src/invitations/letters.ts';
import { deliverDueLetters } from '../../src/mail/delivery.ts';
import { mailboxTransport } from '../../src/mail/mailbox.ts';
import { issueStates } from '../../src/proofs/published.ts';
import { heldAtSending } from '../../src/reactions.ts';

/* `node ask-process.ts <database> <mailbox> <now>`: asks what is due and sends the letters, as the jobs process does. */

const [url, mailbox, at] = process.argv.slice(2);
const now = new Date(Number(at));
const db = await openDatabase(url!);
const issues = await issueStates(db.read, await noAnswersByIssue(db.read), now);
console.log('ready');
await askDueCheckins(db, issues, now);
const delivery = {
  transport: mailboxTransport(mailbox!),
  heldBecause: heldAtSending,
  mint: mintFor('https://amends.example'),
};
await deliverDueLetters(db, delivery, now, 1000);
await db.close();
console.log('done');
