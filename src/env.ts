import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { z } from 'zod';

function isNetwork(text: string): boolean {
  const [address = '', bits] = text.split('/');
  const longest = { 4: 32, 6: 128 }[isIP(address)];
  return longest !== undefined && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= longest));
}

/*
 * The one reader of the environment. Every setting has a sentence; a wrong one stops the process at start with it.
 */
const settings = z.object({
  /** `file:<path>` for an embedded database, `libsql://…` or `https://…` for a server. */
  DATABASE_URL: z.string().default('file:.data/amends.db'),
  DATABASE_TOKEN: z.string().optional(),
  /** The address people reach this site at. Every link in every letter begins with it; the Host header never does. */
  AMENDS_URL: z.url().default('http://127.0.0.1:4321'),
  HOST: z.string().default('127.0.0.1'),
  PORT: z.coerce.number().int().min(1).max(65535).default(4321),
  CONTENT_DIR: z.string().default('content'),
  /** Where letters are put while no mail server is set: one file a letter, shown at /demo/mailbox to this machine only. */
  MAILBOX_DIR: z.string().default('.data/mailbox'),
  /** Where files that were uploaded at the desk lie until they are imported. */
  UPLOADS_DIR: z.string().default('.data/uploads'),
  /** `smtps://user:password@host:465` or `smtp://…:587`. Empty: letters are put into MAILBOX_DIR, and nothing leaves. */
  SMTP_URL: z.union([z.literal(''), z.url({ protocol: /^smtps?$/ })]).default(''),
  /** The organisation's address that letters come from, behind the name of whoever signs. Empty: `reply_to` of site.yaml. */
  MAIL_FROM: z.union([z.literal(''), z.email()]).default(''),
  /** Letters a minute, in all and to one domain. */
  MAIL_PER_MINUTE: z.coerce.number().int().min(1).default(120),
  MAIL_PER_MINUTE_PER_DOMAIN: z.coerce.number().int().min(1).default(30),
  /** A letter that waited longer than this is held, unless it is a receipt. */
  MAIL_TOO_LATE_HOURS: z.coerce.number().min(1).default(24),
  /** When letters that can wait do, where the person lives. `00:00-00:00` is never. */
  QUIET_HOURS: z
    .string()
    .regex(/^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/, 'Write two times: 20:00-08:00')
    .default('20:00-08:00')
    .transform((hours) => ({ from: hours.slice(0, 5), to: hours.slice(6) })),
  /** The file that counts with the database which letters were sent, so that a restored copy sends none. Keep it out of backups. */
  SENDING_FENCE: z.string().default('.data/sending.json'),
  /** Keyed fingerprints of who was erased or said stop, so that a backup brings nobody back. Keep it out of backups, and for good. */
  ERASURES_FILE: z.string().default('.data/erasures.ndjson'),
  /** Where backups are put, best on another disk. Empty: the jobs process makes none. */
  BACKUP_DIR: z.string().default(''),
  /** Public keys (`age1…`, separated by commas) of those who can read backups: `amends backup --new-key` makes a pair. */
  BACKUP_RECIPIENTS: z
    .string()
    .default('')
    .transform((list) => list.split(',').flatMap((one) => one.trim() || []))
    .refine((list) => list.every((one) => /^age1[a-z0-9]+$/.test(one)), 'Write public keys that begin with age1'),
  /** How often a backup is made when something was written since the last one, in minutes: at most so much is lost. */
  BACKUP_EVERY_MINUTES: z.coerce.number().int().min(1).max(1440).default(15),
  /** Days for which backups are kept. People are told 35 at most. */
  BACKUP_KEEP_DAYS: z.coerce.number().int().min(1).max(35).default(30),
  /** The file by which the web process and `doctor` see that the jobs process lives. */
  HEARTBEAT_FILE: z.string().default('.data/jobs-alive'),
  /** All three, or none: letters are then signed. The file holds the private key in PEM. */
  DKIM_DOMAIN: z.string().default(''),
  DKIM_SELECTOR: z.string().default(''),
  DKIM_KEY_FILE: z.string().default(''),
  STRIPE_SECRET_KEY: z.string().default('sk_test_sandbox'),
  STRIPE_WEBHOOK_SECRET: z.string().default('whsec_sandbox'),
  /** Set only to talk to the sandbox process; empty means Stripe itself. */
  STRIPE_API_BASE: z.union([z.literal(''), z.url()]).default(''),
  /** The key of the hashes by which stopped and erased people are known again. Keep it: another one forgets them all. */
  SUPPRESSION_KEY: z.string().min(16).default('only-for-this-machine'),
  /** Proxies in front of this process, as addresses or networks: `127.0.0.1,10.0.0.0/8`. Only they may say who the visitor is. */
  TRUSTED_PROXIES: z
    .string()
    .default('')
    .transform((list) => list.split(',').flatMap((one) => one.trim() || []))
    .refine((list) => list.every(isNetwork), 'Write addresses or networks, separated by commas: 127.0.0.1,10.0.0.0/8'),
  LOG_LEVEL: z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info'),
});

export type Env = z.output<typeof settings>;

function readEnv(): Env {
  // What the environment says already wins over the file.
  if (existsSync('.env')) process.loadEnvFile('.env');
  const read = settings.safeParse(process.env);
  if (!read.success) {
    const wrong = read.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`The settings can't be used. ${wrong.join('; ')}.`);
  }
  if (read.data.STRIPE_API_BASE !== '' && read.data.STRIPE_SECRET_KEY.startsWith('sk_live_')) {
    throw new Error('STRIPE_API_BASE points at the sandbox, but STRIPE_SECRET_KEY is a live key. Remove one of them.');
  }
  const { DKIM_DOMAIN, DKIM_SELECTOR, DKIM_KEY_FILE } = read.data;
  if (new Set([DKIM_DOMAIN, DKIM_SELECTOR, DKIM_KEY_FILE].map(Boolean)).size > 1) {
    throw new Error('DKIM_DOMAIN, DKIM_SELECTOR and DKIM_KEY_FILE are set together, or none of them is.');
  }
  if (read.data.BACKUP_DIR !== '' && read.data.BACKUP_RECIPIENTS.length === 0) {
    throw new Error(
      'BACKUP_DIR is set, but nobody could read the backups. Make a key with `BACKUP_DIR= npm run amends -- backup --new-key`, and set BACKUP_RECIPIENTS.',
    );
  }
  if (read.data.SUPPRESSION_KEY === 'only-for-this-machine' && !isLoopback(read.data.AMENDS_URL)) {
    throw new Error(
      'SUPPRESSION_KEY is not set. Set it to 32 or more random characters, and keep it: it is how people who were erased stay erased.',
    );
  }
  return read.data;
}

export const env = readEnv();

/** True when this site is only reached from the machine it runs on. */
export function isLoopback(url: string = env.AMENDS_URL): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname);
}
