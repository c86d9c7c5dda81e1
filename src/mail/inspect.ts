import { count, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { letters } from '../../db/schema/mail.ts';
import { counted } from '../shared/words.ts';
import { compose, isAddress, type Sender } from './compose.ts';
import { fencedBecause } from './fence.ts';

/** One thing that was looked at. Where it is not `ok`, `sentence` says what to do. */
export type Finding = { about: string; verdict: 'ok' | 'warning' | 'wrong'; sentence: string };

export type Looked = {
  /** Empty when no mail server is set. */
  url: string;
  siteUrl: string;
  fence: string;
  /** Throws when the key file can't be read. */
  sender: () => Sender;
  greet: () => Promise<string | null>;
};

/** Looks at everything that has to be right before a letter leaves. Sends none. */
export async function inspectMail(reader: Reader, looked: Looked, now: Date): Promise<Finding[]> {
  const found: Finding[] = [];
  const say = (about: string, verdict: Finding['verdict'], sentence: string) =>
    found.push({ about, verdict, sentence });
  if (looked.url === '') {
    say('mail server', 'wrong', 'SMTP_URL is not set, so letters are put into MAILBOX_DIR and nothing leaves.');
  } else {
    const wrong = await looked.greet();
    if (wrong) say('mail server', 'wrong', `It can’t be used: ${wrong}`);
    else say('mail server', 'ok', 'It answers, and takes the name and password that are set.');
    const fenced = await fencedBecause(reader, looked.fence);
    if (fenced) say('this database', 'wrong', fenced);
    else say('this database', 'ok', 'It is the one that sends.');
  }
  if (!looked.siteUrl.startsWith('https:')) {
    say('stop link', 'warning', 'AMENDS_URL is not https, so mail programs can’t offer to stop letters in one press.');
  }
  await lookAtSender(looked, now, say);
  await lookAtLetters(reader, say);
  return found;
}

type Say = (about: string, verdict: Finding['verdict'], sentence: string) => void;

async function lookAtSender({ sender }: Looked, now: Date, say: Say): Promise<void> {
  try {
    const known = sender();
    if (!isAddress(known.from)) {
      return say('sender', 'wrong', `“${known.from}” is no address. Set MAIL_FROM, or reply_to in site.yaml.`);
    }
    const trial = {
      id: 'doctor',
      to: known.from,
      fromName: '',
      subject: '',
      text: '',
      sentAt: now.getTime(),
      kind: '',
    };
    const signed = (await compose(trial, known))?.toString().includes('DKIM-Signature:');
    say('sender', 'ok', `Letters come from ${known.from}; answers go to ${known.replyTo}.`);
    if (!known.dkim)
      say('signature', 'warning', 'Letters are not signed here (DKIM_…). Your mail server has to do it.');
    else if (signed) say('signature', 'ok', `Letters are signed for ${known.dkim.domainName}.`);
    else say('signature', 'wrong', 'The key in DKIM_KEY_FILE signs nothing. It has to be a private key in PEM.');
  } catch (error) {
    say('signature', 'wrong', `DKIM_KEY_FILE can’t be used: ${error instanceof Error ? error.message : error}`);
  }
}

async function lookAtLetters(reader: Reader, say: Say): Promise<void> {
  const state = sql<string>`case when ${letters.sentAt} is not null then 'sent'
    when ${letters.heldBecause} is not null then ${letters.heldBecause}
    when ${letters.doubtfulAt} is not null then 'doubtful' else 'waiting' end`;
  const rows = await reader
    .select({ state, letters: count(), said: sql<string | null>`max(${letters.serverSaid})` })
    .from(letters)
    .groupBy(sql`1`);
  for (const { state: what, letters: many, said } of rows) {
    const answer = said ? ` The server said, for one: ${said}` : '';
    if (what === 'sent') say('sent', 'ok', `${counted(many, 'letter')}.`);
    else if (what === 'waiting') say('waiting', said ? 'warning' : 'ok', `${counted(many, 'letter')}.${answer}`);
    else if (what === 'doubtful') {
      say(
        'doubtful',
        'warning',
        `${counted(many, 'letter')} may have left or not. Ask your mail server, then: amends due --resend-doubtful.${answer}`,
      );
    } else say(`held, ${what}`, what === 'refused' ? 'warning' : 'ok', `${counted(many, 'letter')}.${answer}`);
  }
}
