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
