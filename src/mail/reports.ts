import { createHash } from 'node:crypto';
import PostalMime from 'postal-mime';

/** What the other side says about one letter of ours. */
export type Report = {
  letterId: string;
  /** `hard`: no such mailbox. `soft`: not this time. `complaint`: it was reported as unwanted. */
  kind: 'hard' | 'soft' | 'complaint';
  /** In its words, without any address. */
  said: string;
  /** The same for the same report, however often it comes. */
  id: string;
};

/**
 * Reads a message that came to the address that our letters come from: a report that one was not delivered (RFC 3464), or that it
 * was unwanted (RFC 5965). It is about the letter whose id it carries, as the envelope's or as the Message-ID of what it returns;
 * an address in it counts for nothing. Null when it is no such report: an answer, a notice of absence, one that is still tried.
 */
export async function readReport(raw: Buffer): Promise<Report | null> {
  const { attachments } = await PostalMime.parse(raw, { attachmentEncoding: 'arraybuffer' });
  const partOf = (...types: string[]) => {
    const found = attachments.find(({ mimeType }) => types.includes(mimeType));
    return found ? Buffer.from(found.content as ArrayBuffer).toString('utf8') : null;
  };
  const status = partOf('message/delivery-status', 'message/global-delivery-status');
  const feedback = partOf('message/feedback-report');
  const returned = partOf('message/rfc822', 'text/rfc822-headers', 'message/global', 'message/global-headers') ?? '';
  const [about = new Map<string, string>(), ...recipients] = blocksOf(status ?? '');
  const letterId = idIn(about.get('original-envelope-id')) ?? idIn(blocksOf(returned)[0]?.get('message-id'));
  if (letterId === null) return null;
  const judged = feedback !== null ? judgeFeedback(blocksOf(feedback)[0]) : judgeRecipients(recipients);
  const id = `message:${createHash('sha256').update(raw).digest('base64url')}`;
  return judged && { letterId, ...judged, said: withoutAddresses(judged.said), id };
}

type Block = Map<string, string>;
type Judged = Pick<Report, 'kind' | 'said'> | null;

function judgeFeedback(block: Block | undefined): Judged {
  const type = block?.get('feedback-type')?.toLowerCase() ?? '';
  // Others say that a signature failed, or that it was no spam after all.
  if (!['abuse', 'fraud', 'opt-out'].includes(type)) return null;
  return { kind: 'complaint', said: `Reported as ${type}.` };
}

/** Our letters have one recipient, whom a list or a forward may have made several of: one that is gone for good counts. */
function judgeRecipients(recipients: readonly Block[]): Judged {
  const failed = recipients.flatMap((block) => {
    if (block.get('action')?.toLowerCase() !== 'failed') return [];
    const diagnostic = block.get('diagnostic-code') ?? '';
    const plain = block.get('status') ?? '';
    // Some servers say 5.0.0 and the reason only behind it.
    const status = /^[45]\.0\.0/.test(plain) ? (/\b[45]\.\d{1,3}\.\d{1,3}\b/.exec(diagnostic)?.[0] ?? plain) : plain;
    const kind = kindOf(status);
    return kind ? [{ kind, said: diagnostic || status }] : [];
  });
  return failed.find(({ kind }) => kind === 'hard') ?? failed[0] ?? null;
}

/**
 * What a status (RFC 3463) means for the mailbox; null for one that is neither. A full mailbox, a letter that was too large and a
 * server that does not trust us are refused “for good” as well, and say nothing about whether there is somebody to write to.
 */
export function kindOf(status: string): 'hard' | 'soft' | null {
  if (/^5\.(2\.[23]|3\.4|[67]\.\d)/.test(status) || /^4\.\d/.test(status)) return 'soft';
  return /^5\.\d/.test(status) ? 'hard' : null;
}

/** The id of a letter of ours, as an envelope or a Message-ID carries it. */
export function idIn(text: string | undefined): string | null {
  return /^<?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:@[^\s<>]+>?)?$/.exec(text?.trim() ?? '')?.[1] ?? null;
}

export function withoutAddresses(text: string): string {
  return text
    .replace(/[^\s<>;,:"()]+@[^\s<>;,:"()]+/g, '…')
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, 300);
}

/** Fields in groups that an empty line divides; of two with one name the first counts. */
function blocksOf(text: string): Block[] {
  const unfolded = text.replace(/\r\n/g, '\n').replace(/\n[ \t]+/g, ' ');
  return unfolded.split(/\n{2,}/).flatMap((group) => {
    const block: Block = new Map();
    for (const line of group.split('\n')) {
      const [, name, value] = /^([\w-]+):\s*(.*)$/.exec(line) ?? [];
      if (name && !block.has(name.toLowerCase())) block.set(name.toLowerCase(), value!.trim());
    }
    return block.size > 0 ? [block] : [];
  });
}
