import { readFileSync } from 'node:fs';
import { env } from '../env.ts';
import type { Sender } from './compose.ts';

/** Whom letters come from, as it is set; `replyTo` is the organisation's own address for answers. */
export function mailSender(replyTo: string): Sender {
  const { MAIL_FROM, DKIM_DOMAIN, DKIM_SELECTOR, DKIM_KEY_FILE } = env;
  const from = { from: MAIL_FROM || replyTo, replyTo };
  if (!DKIM_KEY_FILE) return from;
  const privateKey = readFileSync(DKIM_KEY_FILE, 'utf8');
  return { ...from, dkim: { domainName: DKIM_DOMAIN, keySelector: DKIM_SELECTOR, privateKey } };
}
