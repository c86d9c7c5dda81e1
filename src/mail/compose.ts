import { createTransport } from 'nodemailer';
import type { Outgoing } from './delivery.ts';
import { htmlOf } from './html.ts';
import { BY_HAND } from './kinds.ts';

export type Sender = {
  /** The organisation's address, in front of which the named sender's name stands. */
  from: string;
  replyTo: string;
  dkim?: { domainName: string; keySelector: string; privateKey: string };
};

/** RFC 8058 wants both signed; nodemailer's own list has only the first. */
const SIGNED =
  'From:Sender:Reply-To:Subject:Date:Message-ID:To:MIME-Version:Content-Type:Content-Transfer-Encoding:List-Unsubscribe:List-Unsubscribe-Post:Auto-Submitted';

/**
 * The letter as it goes over the line: plain text, and the same words as HTML; one recipient, the same Message-ID for the same letter however often it is
 * tried. Null when its address is none. Nothing in a letter can begin a header: what isn't one line is made one.
 */
export async function compose(letter: Outgoing, sender: Sender): Promise<Buffer | null> {
  if (!isAddress(letter.to) || !isAddress(sender.from)) return null;
  const stop = letter.stopLink && isLink(letter.stopLink) ? letter.stopLink : null;
  const headers: Record<string, string> = {};
  if (!BY_HAND.includes(letter.kind)) headers['Auto-Submitted'] = 'auto-generated';
  if (stop) headers['List-Unsubscribe'] = `<${stop}>`;
  // One press without a page may only go to https.
  if (stop?.startsWith('https:')) headers['List-Unsubscribe-Post'] = 'List-Unsubscribe=One-Click';
  const { dkim } = sender;
  const replyTo = letter.replyTo ?? sender.replyTo;
  const composer = createTransport({
    streamTransport: true,
    buffer: true,
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(dkim ? { dkim: { ...dkim, headerFieldNames: SIGNED } } : {}),
  });
  const { message } = await composer.sendMail({
    from: { name: oneLine(letter.fromName), address: sender.from },
    ...(isAddress(replyTo) ? { replyTo: { name: oneLine(letter.fromName), address: replyTo } } : {}),
    to: { name: '', address: letter.to },
    subject: oneLine(letter.subject),
    messageId: messageIdOf(letter.id, sender.from),
    date: new Date(letter.sentAt),
    text: letter.text,
    html: await htmlOf(letter),
    headers,
  });
  return message as Buffer;
}

function messageIdOf(letterId: string, from: string): string {
  return `<${letterId.replace(/[^\w.-]/g, '')}@${from.slice(from.lastIndexOf('@') + 1)}>`;
}

/** One address, and nothing that a mail server or a header could take for more. */
export function isAddress(text: string): boolean {
  return text.length <= 254 && /^[^\s\p{C}@<>()[\]\\,;:"]+@[^\s\p{C}@<>()[\]\\,;:"]+$/u.test(text);
}

function isLink(text: string): boolean {
  return /^https?:\/\/[\x21-\x3b\x3d\x3f-\x7e]+$/.test(text);
}

/** Line breaks and other control characters become a space. */
function oneLine(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
}
