import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { parseEnv } from 'node:util';
import { z } from 'zod';

/*
 * The one reader of the environment, and the one table of settings: `amends settings` and src/docs/settings.md are written
 * from it. A setting that can't be used, that contradicts another or that nobody knows stops the process with a sentence.
 */

export type Setting<Kind extends z.ZodType = z.ZodType> = {
  /** What its text has to be. */
  kind: Kind;
  meaning: string;
  /** As it would be written in the environment; empty: not set. */
  default: string;
  example: string;
  /** Who has to think of it. */
  for: string;
  /** Never shown, not even by `amends settings`. */
  secret?: true;
};

const setting = <Kind extends z.ZodType>(one: Setting<Kind>): Setting<Kind> => one;

const address = (protocol: RegExp) => z.union([z.literal(''), z.url({ protocol })]);
const list = z.string().transform((text) => text.split(',').flatMap((one) => one.trim() || []));
const count = z.coerce.number().int().min(1);

const EVERYONE = 'everyone but on their own machine';
const LETTERS = 'who sends letters';
const MONEY = 'who takes payments';

export const SETTINGS = {
  AMENDS_URL: setting({
    kind: z
      .url('Write it whole, as https://changes.harbour.example')
      .refine(
        (url) => !URL.canParse(url) || new URL(url).pathname === '/',
        'Write it without a path, as https://changes.harbour.example',
      )
      .transform((url) => url.replace(/\/$/, '')),
    meaning:
      'The address people reach this site at. Every link in every letter begins with it; the `Host` header never does.',
    default: 'http://127.0.0.1:4321',
    example: 'https://changes.harbour.example',
    for: EVERYONE,
  }),
  HOST: setting({
    kind: z.string(),
    meaning: 'The address of this machine that the web process listens at.',
    default: '127.0.0.1',
    example: '0.0.0.0',
    for: 'who runs it in a container',
  }),
  PORT: setting({
    kind: z.coerce.number().int().min(1).max(65535),
    meaning: 'The port that the web process listens at.',
    default: '4321',
    example: '8080',
    for: 'who has another use for 4321',
  }),
  TRUSTED_PROXIES: setting({
    kind: list.refine(
      (all) => all.every(isNetwork),
      'Write addresses or networks, separated by commas: 127.0.0.1,10.0.0.0/8',
    ),
    meaning: 'Addresses or networks of your own proxies. Only they may say, in `X-Forwarded-For`, who the visitor is.',
    default: '',
    example: '127.0.0.1,10.0.0.0/8',
    for: 'who runs it behind a proxy',
  }),
  LEAVING_SECONDS: setting({
    kind: z.coerce.number().min(0).max(8),
    meaning:
      'For how long the web process goes on answering once it was asked to end, while `/readyz` says 503: longer than whoever balances takes to notice. 8 at most.',
    default: '0',
    example: '5',
    for: 'who runs several web processes',
  }),
  DATABASE_URL: setting({
    kind: z.string(),
    meaning: 'Where the database is: `file:<path>`, or the address of a libSQL server.',
    default: 'file:.data/amends.db',
    example: 'libsql://amends-harbour.turso.io',
    for: 'everyone',
  }),
  DATABASE_TOKEN: setting({
    kind: z.string(),
    meaning: 'The token of the libSQL server.',
    default: '',
    example: 'eyJhbGciOi…',
    for: 'who uses a libSQL server',
    secret: true,
  }),
  SUPPRESSION_KEY: setting({
    kind: z.string().min(16),
    meaning:
      'The key of the fingerprints by which stopped and erased people are known again. Keep it: another one forgets them all.',
    default: 'only-for-this-machine',
    example: '32 or more random characters',
    for: EVERYONE,
    secret: true,
  }),
  CONTENT_DIR: setting({
    kind: z.string(),
    meaning: 'The folder that documents, the mappings of imports and the rules of triage are read from.',
    default: 'content',
    example: '/srv/amends/content',
    for: 'who keeps their documents elsewhere',
  }),
  UPLOADS_DIR: setting({
    kind: z.string(),
    meaning: 'Where files that were uploaded at the desk lie until they are imported.',
    default: '.data/uploads',
    example: '/var/lib/amends/uploads',
    for: 'who installs it as a service',
  }),
  MAILBOX_DIR: setting({
    kind: z.string(),
    meaning:
      'Where letters are put while no mail server is set: one file a letter, shown at `/demo/mailbox` to this machine only.',
    default: '.data/mailbox',
    example: '/var/lib/amends/mailbox',
    for: 'who installs it as a service',
  }),
  SMTP_URL: setting({
    kind: address(/^smtps?$/),
    meaning:
      'The mail server: `smtps://user:password@host:465` or `smtp://…:587`; encrypted or not used, except on this machine or with `?ignoreTLS=true`. Empty: letters are put into `MAILBOX_DIR`, and nothing leaves.',
    default: '',
    example: 'smtps://amends:password@mail.harbour.example:465',
    for: LETTERS,
    secret: true,
  }),
  MAIL_FROM: setting({
    kind: z.union([z.literal(''), z.email()]),
    meaning:
      'The organisation’s address that letters come from, behind the name of whoever signs. Empty: `reply_to` of `site.yaml`.',
    default: '',
    example: 'answers@harbour.example',
    for: LETTERS,
  }),
  MAIL_PER_MINUTE: setting({
    kind: count,
    meaning: 'How many letters leave in a minute, in all.',
    default: '120',
    example: '600',
    for: LETTERS,
  }),
  MAIL_PER_MINUTE_PER_DOMAIN: setting({
    kind: count,
    meaning: 'How many letters leave in a minute to one domain.',
    default: '30',
    example: '60',
    for: LETTERS,
  }),
  MAIL_CONNECTIONS: setting({
    kind: count.max(50),
    meaning:
      'How many letters are with the mail server at the same time, each over a connection of its own. So many, at most, are in doubt after a crash.',
    default: '5',
    example: '3',
    for: LETTERS,
  }),
  MAIL_TOO_LATE_HOURS: setting({
    kind: z.coerce.number().min(1),
    meaning: 'A letter that waited longer than this is held, unless it is a receipt.',
    default: '24',
    example: '12',
    for: LETTERS,
  }),
  QUIET_HOURS: setting({
    kind: z
      .string()
      .regex(/^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/, 'Write two times: 20:00-08:00')
      .transform((hours) => ({ from: hours.slice(0, 5), to: hours.slice(6) })),
    meaning: 'When letters that can wait do, where the person lives. `00:00-00:00` is never.',
    default: '20:00-08:00',
    example: '19:00-09:00',
    for: LETTERS,
  }),
  SENDING_FENCE: setting({
    kind: z.string(),
    meaning:
      'The file that counts with the database which letters were sent, so that a restored copy sends none. Keep it out of backups.',
    default: '.data/sending.json',
    example: '/var/lib/amends/sending.json',
    for: LETTERS,
  }),
  ERASURES_FILE: setting({
    kind: z.string(),
    meaning:
      'Keyed fingerprints of who was erased or said stop, so that a backup brings nobody back. Keep it for good, and out of backups.',
    default: '.data/erasures.ndjson',
    example: '/var/lib/amends/erasures.ndjson',
    for: 'who makes backups',
  }),
  BACKUP_DIR: setting({
    kind: z.string(),
    meaning: 'Where the jobs process puts backups, best on another disk. Empty: it makes none.',
    default: '',
    example: '/mnt/backups/amends',
    for: 'who makes backups',
  }),
  BACKUP_RECIPIENTS: setting({
    kind: list.refine(
      (all) => all.every((one) => /^age1[a-z0-9]+$/.test(one)),
      'Write public keys that begin with age1',
    ),
    meaning:
      'Public keys of those who can read backups, separated by commas: `amends backup --new-key` makes a pair. Needed with `BACKUP_DIR`.',
    default: '',
    example: 'age1yourpublickey,age1publickeyofacolleague',
    for: 'who makes backups',
  }),
  BACKUP_EVERY_MINUTES: setting({
    kind: count.max(1440),
    meaning:
      'After how many minutes another backup is made, when something was written since the last one. What can be lost is so much, a minute until that is looked at, and the making.',
    default: '15',
    example: '60',
    for: 'who makes backups',
  }),
  BACKUP_KEEP_DAYS: setting({
    kind: count.max(35),
    meaning: 'Days for which backups are kept. People are told 35 at most.',
    default: '30',
    example: '14',
    for: 'who makes backups',
  }),
  HEARTBEAT_FILE: setting({
    kind: z.string(),
    meaning: 'The file by which the web process and `doctor` see that the jobs process lives.',
    default: '.data/jobs-alive',
    example: '/var/lib/amends/jobs-alive',
    for: 'who installs it as a service',
  }),
  DKIM_DOMAIN: setting({
    kind: z.string(),
    meaning: 'With the two below, or none of the three: letters are then signed for this domain.',
    default: '',
    example: 'harbour.example',
    for: LETTERS,
  }),
  DKIM_SELECTOR: setting({
    kind: z.string(),
    meaning: 'Under which name the public key stands in the domain’s DNS.',
    default: '',
    example: 'amends2026',
    for: LETTERS,
  }),
  DKIM_KEY_FILE: setting({
    kind: z.string(),
    meaning: 'The file that holds the private key in PEM.',
    default: '',
    example: '/etc/amends/dkim.pem',
    for: LETTERS,
  }),
  STRIPE_SECRET_KEY: setting({
    kind: z.string(),
    meaning: 'Your key at Stripe. The default is the sandbox’s.',
    default: 'sk_test_sandbox',
    example: 'sk_live_…',
    for: MONEY,
    secret: true,
  }),
  STRIPE_WEBHOOK_SECRET: setting({
    kind: z.string(),
    meaning: 'What Stripe signs its events to `<AMENDS_URL>/hooks/stripe` with. The default is the sandbox’s.',
    default: 'whsec_sandbox',
    example: 'whsec_…',
    for: MONEY,
    secret: true,
  }),
  STRIPE_API_BASE: setting({
    kind: address(/^https?$/),
    meaning: 'Set only to talk to the sandbox process; empty means Stripe itself.',
    default: '',
    example: 'http://127.0.0.1:4421',
    for: 'the demo',
  }),
  LOG_LEVEL: setting({
    kind: z.enum(['silent', 'error', 'warn', 'info', 'debug']),
    meaning: 'How much is written to standard output: one JSON object a line, without words or addresses of people.',
    default: 'info',
    example: 'warn',
    for: 'who pays for the storage of logs',
  }),
};

type Name = keyof typeof SETTINGS;
export type Env = { [One in Name]: z.output<(typeof SETTINGS)[One]['kind']> };

const NAMES = Object.keys(SETTINGS) as Name[];

/** Reads every setting out of `given`; an empty one is one that is not set. Throws one sentence for all that is wrong. `file` is what .env says. */
export function readSettings(given: NodeJS.ProcessEnv, file: NodeJS.Dict<string> = {}): Env {
  const wrong = [
    ...Object.keys(file).flatMap((name) => (name in SETTINGS ? [] : [unknown(name, '.env names ')])),
    // Of all that stands in an environment, only what is nearly one of ours can be told to be a slip.
    ...Object.keys(given).flatMap((name) =>
      name in SETTINGS || name in file || !name.includes('_') || !nearest(name) ? [] : [unknown(name, '')],
    ),
  ];
  const read: Record<string, unknown> = {};
  for (const name of NAMES) {
    const one = SETTINGS[name].kind.safeParse(given[name] || SETTINGS[name].default);
    if (one.success) read[name] = one.data;
    else wrong.push(...one.error.issues.map(({ message }) => `${name}: ${message}`));
  }
  if (wrong.length > 0) throw new Error(`The settings can't be used. ${wrong.join('; ').replace(/[^?]$/, '$&.')}`);
  const env = read as Env;
  const contradiction = contradictionIn(env);
  if (contradiction) throw new Error(contradiction);
  return env;
}

function unknown(name: string, where: string): string {
  const meant = nearest(name);
  return `${where}${name}, which is no setting${meant ? `. Is ${meant} meant?` : '. See: amends settings'}`;
}

function contradictionIn(env: Env): string | null {
  const live = env.STRIPE_SECRET_KEY !== SETTINGS.STRIPE_SECRET_KEY.default;
  if (env.STRIPE_API_BASE !== '' && env.STRIPE_SECRET_KEY.startsWith('sk_live_')) {
    return 'STRIPE_API_BASE points at the sandbox, but STRIPE_SECRET_KEY is a live key. Remove one of them.';
  }
  if (live && env.STRIPE_API_BASE === '' && env.STRIPE_WEBHOOK_SECRET === SETTINGS.STRIPE_WEBHOOK_SECRET.default) {
    return 'STRIPE_SECRET_KEY is your own, but STRIPE_WEBHOOK_SECRET is still the sandbox’s, which everybody knows. Set the one Stripe shows beside your endpoint.';
  }
  if (new Set([env.DKIM_DOMAIN, env.DKIM_SELECTOR, env.DKIM_KEY_FILE].map(Boolean)).size > 1) {
    return 'DKIM_DOMAIN, DKIM_SELECTOR and DKIM_KEY_FILE are set together, or none of them is.';
  }
  if (env.BACKUP_DIR !== '' && env.BACKUP_RECIPIENTS.length === 0) {
    return 'BACKUP_DIR is set, but nobody could read the backups. Make a key with `BACKUP_DIR= amends backup --new-key`, and set BACKUP_RECIPIENTS.';
  }
  if (env.DATABASE_TOKEN !== '' && env.DATABASE_URL.startsWith('file:')) {
    return 'DATABASE_TOKEN is for a server, but DATABASE_URL is a file. Remove one of them.';
  }
  if (env.SUPPRESSION_KEY === SETTINGS.SUPPRESSION_KEY.default && !isLoopback(env.AMENDS_URL)) {
    return 'SUPPRESSION_KEY is not set. Set it to 32 or more random characters, and keep it: it is how people who were erased stay erased.';
  }
  return null;
}

/** The setting that differs in one or two letters. */
function nearest(name: string): Name | undefined {
  return NAMES.find((known) => !(name in SETTINGS) && isNear(name.toUpperCase(), known));
}

function isNear(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 2) return false;
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]! <= 2;
}

function isNetwork(text: string): boolean {
  const [address = '', bits] = text.split('/');
  const longest = { 4: 32, 6: 128 }[isIP(address)];
  return longest !== undefined && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= longest));
}

function readEnv(): Env {
  try {
    const file = existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {};
    // What the environment says already wins over the file.
    if (existsSync('.env')) process.loadEnvFile('.env');
    return readSettings(process.env, file);
  } catch (error) {
    const unreadable = (error as NodeJS.ErrnoException).code === 'EACCES';
    const sentence = 'This user may not read .env. As root: chown root:amends .env && chmod 0640 .env';
    console.error(unreadable ? sentence : (error as Error).message);
    process.exit(2);
  }
}

export const env = readEnv();

// React looks at this when it is first read: unset, it would show pages of the desk by its slower development build.
process.env['NODE_ENV'] ??= 'production';

/** True when systemd holds the port (.deploy/amends-web.socket) and gave it to this process, as file descriptor 3. */
export const portHandedOver = process.env['LISTEN_PID'] === String(process.pid) && process.env['LISTEN_FDS'] === '1';

/** True when this site is only reached from the machine it runs on. */
export function isLoopback(url: string = env.AMENDS_URL): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname);
}
