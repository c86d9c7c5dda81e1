import { openDatabase } from '../../db/client.ts';
import { heldBecause, mintFor } from '../../src/invitations/letters.ts';
import { deliverDueLetters } from '../../src/mail/delivery.ts';
import { openSmtp } from '../../src/mail/smtp.ts';

/* `node send-process.ts <database> <smtp url> <now>`: sends what is due, as the jobs process does, without a pace. */

const [url, smtpUrl, at] = process.argv.slice(2);
const db = await openDatabase(url!);
const smtp = openSmtp(smtpUrl!);
const ahead = Number(at) - Date.now();
console.log('ready');
const sent = await deliverDueLetters(
  db,
  {
    transport: smtp.transport({ from: 'hello@northline.example', replyTo: 'answers@northline.example' }),
    heldBecause,
    mint: mintFor('https://amends.example'),
    server: {
      pace: { perMinute: 1_000_000, perDomain: 1_000_000 },
      fence: `${url!.slice('file:'.length)}.sending`,
      connections: 5,
      tooLateAfter: 7 * 86_400_000,
      quietUntil: async () => null,
      onBounced: async () => {},
    },
  },
  () => new Date(Date.now() + ahead),
  1_000_000,
);
smtp.close();
await db.close();
console.log(`done ${sent}`);
