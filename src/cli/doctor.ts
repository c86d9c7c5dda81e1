import { parseArgs } from 'node:util';
import type { Db } from '../../db/client.ts';
import { database } from '../database.ts';
import { env, isLoopback } from '../env.ts';
import { waitsAsRestored } from '../mail/fence.ts';
import { type Finding, inspectMail } from '../mail/inspect.ts';
import { mailSender } from '../mail/sender.ts';
import { openSmtp } from '../mail/smtp.ts';
import { hasEnded } from '../offers/offer.ts';
import { type Expected, inspectStripe } from '../payments/inspect.ts';
import { publishedOffers, publishedSite, siteOrNull } from '../proofs/published.ts';
import { dayOf } from '../shared/dates.ts';
import { inspectPlace } from './place-check.ts';
import type { Verb } from './verb.ts';

export const doctor: Verb = {
  name: 'doctor',
  summary: 'Say what is wrong with settings, folders, jobs, backups, payments and letters, and what to do.',
  help: `Use: amends doctor [place|stripe|mail] [--json]

place (or nothing): looks at the address, the keys, the folders, the disk, the jobs process, the backups, the proxies, the
web process, the content, Node, and whether this database is a restored copy or has nothing in it yet. stripe: looks at the
key, the webhook secret and endpoint, the API version, and whether every published offer costs at Stripe what it says here.
mail: looks at the mail server, the sender, the signature, whether this database is the one that sends, and what became of
every letter. Like every command it opens the database, and brings it up to this version; else it changes nothing, and sends
nothing.

Exit code: 0 all is well, 1 something has to be done first, 2 called wrongly.`,
  async run(args, io) {
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { json: { type: 'boolean' } } });
    const [what = 'place'] = positionals;
    const look = { place: lookAtPlace, stripe: lookAtStripe, mail: lookAtMail }[what];
    if (positionals.length > 1 || !look) {
      io.err(this.help);
      return 2;
    }
    let db: Db | null = null;
    let broken: Finding | null = null;
    try {
      db = await database();
    } catch (error) {
      // It says what is wrong itself: newer than the code, no leave to write, no server.
      const sentence = error instanceof Error ? error.message : String(error);
      broken = { about: 'database', verdict: 'wrong', sentence: `It can’t be opened. ${sentence}` };
    }
    try {
      const findings = [...(broken ? [broken] : []), ...(db ? await look(db) : await inspectPlace(env, new Date()))];
      const subject = { place: 'This place is', stripe: 'Payments are', mail: 'Letters are' }[what];
      const ready = findings.every(({ verdict }) => verdict !== 'wrong');
      if (values.json) io.out(JSON.stringify({ ready, findings }));
      else {
        for (const { about, verdict, sentence } of findings) io.out(`${verdict.padEnd(8)} ${about}: ${sentence}`);
        io.out('');
        io.out(ready ? `${subject} ready.` : `${subject} not ready: see what is wrong above.`);
      }
      return ready ? 0 : 1;
    } finally {
      await db?.close();
    }
  },
};

async function lookAtPlace(db: Db): Promise<Finding[]> {
  const found = await inspectPlace(env, new Date());
  if (!(await siteOrNull(db.read))) {
    const sentence = 'Nothing is in it yet, and every page says so. Begin: amends example --remove --help.';
    found.push({ about: 'this database', verdict: isLoopback() ? 'warning' : 'wrong', sentence });
  }
  if (await waitsAsRestored(db.read)) {
    const sentence =
      'It was brought back from a backup, and neither sends nor pays. When it is the one that goes on: amends due --send-from-here.';
    found.push({ about: 'this database', verdict: 'wrong', sentence });
  } else found.push({ about: 'database', verdict: 'ok', sentence: 'It opens, and is at this version.' });
  return found;
}

async function lookAtStripe(db: Db) {
  const { time_zone } = await publishedSite(db.read);
  const today = dayOf(new Date(), time_zone);
  // One that is over asks nobody to pay.
  const open = (await publishedOffers(db.read)).filter(({ data }) => !hasEnded(data, today));
  const offers = open.flatMap(({ id, data }): Expected[] => {
    const { lookup_key: lookupKey, interval, amount, currency, amounts } = data;
    return [{ currency, amount }, ...amounts].map((price) => ({ id, lookupKey, interval, ...price }));
  });
  const options = {
    secretKey: env.STRIPE_SECRET_KEY,
    webhookSecret: env.STRIPE_WEBHOOK_SECRET,
    siteUrl: env.AMENDS_URL,
    ...(env.STRIPE_API_BASE ? { apiBase: env.STRIPE_API_BASE } : {}),
  };
  return inspectStripe(options, offers);
}

async function lookAtMail(db: Db) {
  const { reply_to } = await publishedSite(db.read);
  const looked = {
    url: env.SMTP_URL,
    siteUrl: env.AMENDS_URL,
    fence: env.SENDING_FENCE,
    sender: () => mailSender(reply_to),
    greet: () => openSmtp(env.SMTP_URL).greet(),
  };
  return inspectMail(db.read, looked, new Date());
}
