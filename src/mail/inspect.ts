import { createPublicKey } from 'node:crypto';
import { count, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { letters } from '../../db/schema/mail.ts';
import { counted } from '../shared/words.ts';
import { compose, isAddress, type Sender } from './compose.ts';
import { fencedBecause } from './fence.ts';

/** One thing that was looked at. Where it is not `ok`, `sentence` says what to do; a `note` can’t be looked at from here. */
export type Finding = { about: string; verdict: 'ok' | 'note' | 'warning' | 'wrong'; sentence: string };

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
  sayWhatToPublish(looked, say);
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

/** What other servers ask the names of the sender’s domain before they believe a letter. Nothing is asked here, over no network. */
function sayWhatToPublish({ url, sender }: Looked, say: Say): void {
  let known: Sender;
  try {
    known = sender();
  } catch {
    return;
  }
  const domain = known.from.slice(known.from.lastIndexOf('@') + 1);
  const host = url === '' ? 'your mail server' : new URL(url).hostname;
  const note = (about: string, sentence: string) => say(about, 'note', sentence);
  note(
    'SPF',
    `Say in the names of ${domain} who sends for it, as a TXT record: “v=spf1 include:<what your mail service tells you> -all”, or “v=spf1 a:${host} -all” if that machine sends itself. One such record only.`,
  );
  const record = known.dkim && dkimRecord(known.dkim.privateKey);
  if (known.dkim && record) {
    const { domainName, keySelector } = known.dkim;
    note(
      'DKIM',
      `Publish the public half of the key, as a TXT record at ${keySelector}._domainkey.${domainName}: “${record}”.`,
    );
    const aligned = domain === domainName || domain.endsWith(`.${domainName}`);
    if (!aligned)
      say(
        'DKIM',
        'warning',
        `The signature is for ${domainName}, and letters come from ${domain}: DMARC wants them to be the same.`,
      );
  } else {
    note(
      'DKIM',
      `Letters have to be signed for ${domain}: by your mail service, which tells you what to publish, or here (DKIM_…).`,
    );
  }
  note(
    'DMARC',
    `Say what becomes of letters that are neither, as a TXT record at _dmarc.${domain}: “v=DMARC1; p=none; rua=mailto:<an address that reads reports>”. After some quiet weeks make it p=quarantine, then p=reject. Gmail and Yahoo take no bulk mail without it.`,
  );
  note(
    'PTR',
    'The address from which letters go out needs a name (PTR) that leads back to the same address. Whoever gives you the address sets it; a mail service has done so.',
  );
  note(
    'what comes back',
    `Letters that can’t be delivered, and complaints, come to ${known.from}. Let your mail server pipe that address into “amends bounce”, and sign up for feedback loops with it; answers of people go to ${known.replyTo}.`,
  );
  if (known.from === known.replyTo)
    say(
      'what comes back',
      'warning',
      'Answers of people go to the same address. Set MAIL_FROM to one of its own, so that it can be piped and nobody’s answer is lost.',
    );
}

/** The TXT record that belongs to a private key (RFC 6376, RFC 8463), or null for a key that signs nothing. */
export function dkimRecord(privateKey: string): string | null {
  try {
    const key = createPublicKey(privateKey);
    const der = key.export({ type: 'spki', format: 'der' });
    if (key.asymmetricKeyType === 'ed25519') return `v=DKIM1; k=ed25519; p=${der.subarray(-32).toString('base64')}`;
    return key.asymmetricKeyType === 'rsa' ? `v=DKIM1; k=rsa; p=${der.toString('base64')}` : null;
  } catch {
    return null;
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
