import { accessSync, constants, existsSync, type Stats, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { databaseFile } from '../../db/engines/commits.ts';
import { backupsIn } from '../backups/backup.ts';
import { sameKey } from '../backups/erased.ts';
import { type Env, isLoopback, SETTINGS } from '../env.ts';
import type { Finding } from '../mail/inspect.ts';
import { checkContent, problemLine } from '../proofs/check.ts';
import type { Problem } from '../proofs/content.ts';
import { counted } from '../shared/words.ts';
import { root } from './processes.ts';

/*
 * What a stranger gets wrong about the place where Amends runs. Changes nothing; `doctor` opens the database beside it, which brings that up
 * to date. Every sentence says what to do.
 */

const GB = 1024 ** 3;

export async function inspectPlace(
  env: Env,
  now: Date,
  check: (dir: string) => Promise<{ problems: Problem[] }> = checkContent,
): Promise<Finding[]> {
  const found: Finding[] = [];
  const say = (about: string, verdict: Finding['verdict'], sentence: string) =>
    found.push({ about, verdict, sentence });
  lookAtAddress(env, say);
  lookAtKeys(env, say);
  await lookAtFolders(env, say);
  lookAtJobs(env, now, say);
  lookAtBackups(env, now, say);
  lookAtProxies(env, say);
  await lookAtPort(env, say);
  const problems = await check(env.CONTENT_DIR).then(
    (found) => found.problems,
    () => null,
  );
  if (problems === null) say('content', 'wrong', `${resolve(env.CONTENT_DIR)} can’t be read by this user.`);
  else if (problems.length === 0) say('content', 'ok', 'Everything that is written in CONTENT_DIR can be published.');
  else
    say(
      'content',
      'wrong',
      `${counted(problems.length, 'problem')}, for one: ${problemLine(problems[0]!)} See all: amends check.`,
    );
  const [major = 0] = process.versions.node.split('.').map(Number);
  if (major >= 24) say('Node', 'ok', `Node ${process.versions.node}.`);
  else
    say(
      'Node',
      'wrong',
      `This is Node ${process.versions.node}, and 24 is needed. Start it by npm, which brings its own.`,
    );
  return found;
}

type Say = (about: string, verdict: Finding['verdict'], sentence: string) => void;

function lookAtAddress({ AMENDS_URL, HOST }: Env, say: Say): void {
  const { protocol, pathname, search, hostname } = new URL(AMENDS_URL);
  if (isLoopback(AMENDS_URL)) {
    say(
      'address',
      'warning',
      'AMENDS_URL is this machine’s own. Links in letters work for nobody else: set the address that people type.',
    );
  } else if (protocol !== 'https:') {
    say(
      'address',
      'wrong',
      'AMENDS_URL is http, so personal links travel in the open. Set it to https, with a proxy that has a certificate.',
    );
  } else say('address', 'ok', `Links begin with ${AMENDS_URL}.`);
  if (pathname !== '/' || search !== '') {
    say(
      'address',
      'wrong',
      `AMENDS_URL has a path (${pathname}${search}). Amends needs a host of its own: https://${hostname}.`,
    );
  }
  if (AMENDS_URL.endsWith('/'))
    say('address', 'warning', 'AMENDS_URL ends with a slash. Leave it out, or links have two.');
  if (!isLoopback(AMENDS_URL) && !isLoopback(`http://${HOST.includes(':') ? `[${HOST}]` : HOST}`)) {
    say(
      'address',
      'warning',
      `HOST is ${HOST}: whoever reaches this machine goes past your proxy. Set 127.0.0.1 when the proxy runs here too; only in a container is this right.`,
    );
  }
}

function lookAtKeys(env: Env, say: Say): void {
  const { AMENDS_URL, SUPPRESSION_KEY, ERASURES_FILE, STRIPE_API_BASE, STRIPE_SECRET_KEY, SMTP_URL } = env;
  if (SUPPRESSION_KEY === 'only-for-this-machine') {
    say(
      'SUPPRESSION_KEY',
      'warning',
      'It is not set, which is refused anywhere but on this machine. Set 32 or more random characters, and keep them.',
    );
  } else if (SUPPRESSION_KEY.length < 32 || new Set(SUPPRESSION_KEY).size < 8) {
    say(
      'SUPPRESSION_KEY',
      'warning',
      'It can be guessed. It must be 32 or more random characters; but changing it forgets everyone who was erased.',
    );
  } else say('SUPPRESSION_KEY', 'ok', 'It is set.');
  if (sameKey(ERASURES_FILE) === false) {
    say(
      'SUPPRESSION_KEY',
      'wrong',
      `It is not the one that ${ERASURES_FILE} was written under, so whoever was erased or said stop is known no more. Set the old one again.`,
    );
  }
  if (!isLoopback(AMENDS_URL)) {
    if (STRIPE_API_BASE !== '')
      say('payments', 'wrong', 'STRIPE_API_BASE points at the sandbox: nobody is charged. Leave it empty.');
    else if (STRIPE_SECRET_KEY === SETTINGS.STRIPE_SECRET_KEY.default)
      say(
        'payments',
        'warning',
        'STRIPE_SECRET_KEY is not set, so no customer can come back. Set it, then: amends doctor stripe.',
      );
    if (SMTP_URL === '')
      say('letters', 'wrong', 'SMTP_URL is not set, so no letter leaves. Set it, then: amends doctor mail.');
  }
}

async function lookAtFolders(env: Env, say: Say): Promise<void> {
  const file = databaseFile(env.DATABASE_URL);
  const folders: [string, string][] = [
    ['UPLOADS_DIR', env.UPLOADS_DIR],
    ...(env.SMTP_URL === '' ? [['MAILBOX_DIR', env.MAILBOX_DIR] as [string, string]] : []),
    ['SENDING_FENCE', dirname(env.SENDING_FENCE)],
    ['ERASURES_FILE', dirname(env.ERASURES_FILE)],
    ['HEARTBEAT_FILE', dirname(env.HEARTBEAT_FILE)],
    ...(file ? [['DATABASE_URL', dirname(file)] as [string, string]] : []),
    ...(env.BACKUP_DIR ? [['BACKUP_DIR', env.BACKUP_DIR] as [string, string]] : []),
  ];
  for (const [setting, folder] of folders) {
    if (!isWritable(folder)) {
      say(
        setting,
        'wrong',
        `${resolve(folder)} can’t be written to by this user. Make it, and give it to the user that runs Amends.`,
      );
    }
  }
  if (!existsSync(env.CONTENT_DIR)) say('CONTENT_DIR', 'wrong', `${resolve(env.CONTENT_DIR)} is not there.`);
  lookAtRights(env, file, say);
  if (file === null) {
    say('database', 'ok', 'It is on a server, which makes its own backups.');
    return;
  }
  const place = nearest(dirname(file));
  const { bavail, bsize } = await statfs(place);
  const size = existsSync(file) ? statSync(file).size : 0;
  const free = bavail * bsize;
  const sentence = `${(free / GB).toFixed(1)} GB are free where the database is (${(size / GB).toFixed(2)} GB).`;
  // A backup copies the database beside it first.
  if (free < Math.max(GB / 2, size * 1.5))
    say('disk', 'wrong', `${sentence} A backup needs half as much again as the database. Make room.`);
  else say('disk', 'ok', sentence);
}

/** Whoever runs a command as root leaves files that the services can't write: it is seen by who owns what. */
function lookAtRights(env: Env, file: string | null, say: Say): void {
  const data = file ?? env.SENDING_FENCE;
  const owner = statOf(dirname(data))?.uid;
  const ours = [env.SENDING_FENCE, env.ERASURES_FILE, env.HEARTBEAT_FILE, env.UPLOADS_DIR, env.MAILBOX_DIR];
  const written = [...(file ? [file, `${file}-wal`, `${file}-shm`] : []), ...ours].map((one) => resolve(one));
  const strange = written.filter((one) => owner !== undefined && (statOf(one)?.uid ?? owner) !== owner);
  if (strange.length > 0) {
    const them = strange.join(', ');
    const sentence = `${them}: not of the user that ${dirname(resolve(data))} belongs to. As root: chown --reference=${dirname(resolve(data))} ${strange.join(' ')}`;
    say('rights', 'wrong', sentence);
  } else if (process.getuid?.() === 0 && owner !== undefined && owner !== 0) {
    say(
      'rights',
      'warning',
      `You are root, and ${dirname(resolve(data))} belongs to another user, who can’t write what you make. Use their rights: operators.md has a command for it.`,
    );
  }
  const mode = statOf('.env')?.mode ?? 0;
  if ((mode & 0o004) !== 0 && !isLoopback(env.AMENDS_URL)) {
    say('rights', 'wrong', `Everyone on this machine may read ${resolve('.env')}, where the keys are: chmod o= .env`);
  }
}

/** Undefined: it is not there, or in a folder that this user may not look into. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function lookAtJobs({ HEARTBEAT_FILE }: Env, now: Date, say: Say): void {
  const seen = existsSync(HEARTBEAT_FILE) ? statSync(HEARTBEAT_FILE).mtimeMs : null;
  const seconds = seen === null ? null : Math.round((now.getTime() - seen) / 1000);
  if (seconds !== null && seconds < -60) {
    say(
      'clock',
      'wrong',
      'The clock went back since the jobs process last ran. Set it by NTP: links, codes and letters go by it.',
    );
  } else if (seconds !== null && seconds < 60) say('jobs', 'ok', `The jobs process was seen ${seconds} s ago.`);
  else
    say(
      'jobs',
      'wrong',
      `The jobs process ${seconds === null ? 'was never seen' : `was last seen ${Math.round(seconds / 60)} minutes ago`}: no letters, payments or backups without it. Start it: systemctl start amends-jobs, or npm start for both processes.`,
    );
}

function lookAtBackups(env: Env, now: Date, say: Say): void {
  if (databaseFile(env.DATABASE_URL) === null) return;
  if (env.BACKUP_DIR === '') {
    const verdict = isLoopback(env.AMENDS_URL) ? 'warning' : 'wrong';
    say('backups', verdict, 'BACKUP_DIR is not set, so there are none. Make a key: amends backup --new-key.');
    return;
  }
  const [newest] = backupsIn(env.BACKUP_DIR);
  if (!newest) {
    say('backups', 'wrong', `There is none in ${env.BACKUP_DIR} yet. Make one: amends backup.`);
    return;
  }
  const hours = (now.getTime() - newest.at) / 3_600_000;
  const made = `The newest was made ${new Date(newest.at).toISOString()}`;
  // On a quiet site nothing is written, and no backup is made, for hours.
  if (hours > 26)
    say('backups', 'wrong', `${made}, more than a day ago. Look for “backups” in the log of the jobs process.`);
  else say('backups', 'ok', `${made}. Try your key on it: amends restore ${newest.path} --key KEYFILE --check.`);
  if (!newest.encrypted)
    say('backups', 'warning', 'The newest is not encrypted: whoever has the file has everything about everyone.');
  if (statSync(env.BACKUP_DIR).dev === statSync(nearest(dirname(databaseFile(env.DATABASE_URL)!))).dev) {
    say(
      'backups',
      'warning',
      'They lie on the same disk as the database, and are lost with it. Put BACKUP_DIR elsewhere, or copy it away.',
    );
  }
}

function lookAtProxies({ AMENDS_URL, TRUSTED_PROXIES }: Env, say: Say): void {
  const wide = TRUSTED_PROXIES.filter((one) => {
    const [address = '', bits] = one.split('/');
    return bits !== undefined && Number(bits) < (address.includes(':') ? 32 : 8);
  });
  if (wide.length > 0) {
    say(
      'TRUSTED_PROXIES',
      'wrong',
      `${wide.join(', ')} is nearly everybody: anyone could say who the visitor is. Name your own proxies only.`,
    );
  } else if (TRUSTED_PROXIES.length === 0 && !isLoopback(AMENDS_URL)) {
    say(
      'TRUSTED_PROXIES',
      'warning',
      'It is empty. Behind a proxy all visitors look like one, and twenty mistyped links a minute stop everybody: set the proxy’s address.',
    );
  } else
    say(
      'TRUSTED_PROXIES',
      'ok',
      TRUSTED_PROXIES.length === 0 ? 'There is no proxy.' : `${TRUSTED_PROXIES.join(', ')}.`,
    );
}

/** Whether the port is ours, free, or somebody else’s. */
async function lookAtPort({ AMENDS_URL, HOST, PORT }: Env, say: Say): Promise<void> {
  const free = await new Promise<boolean>((done) => {
    const probe = createServer();
    probe.once('error', () => done(false));
    probe.listen(PORT, HOST, () => probe.close(() => done(true)));
  });
  const notBuilt = existsSync(join(root, 'dist/server/entry.mjs')) ? null : 'The site is not built yet: npm run build.';
  if (free) {
    const start = notBuilt ?? 'Start it: systemctl start amends-web, or npm start for both processes.';
    return say('web', 'warning', `Nothing listens at ${HOST}:${PORT}: the web process does not run. ${start}`);
  }
  const host = HOST === '0.0.0.0' ? '127.0.0.1' : HOST === '::' ? '[::1]' : HOST.includes(':') ? `[${HOST}]` : HOST;
  const answer = await asked(`http://${host}:${PORT}/readyz`);
  const said = (await answer?.json().catch(() => null)) as { ready?: boolean } | null;
  if (answer === null) {
    const log = notBuilt ?? 'Its log says why: journalctl -u amends-web';
    return say('web', 'wrong', `Port ${PORT} is open, and nothing answers there within five seconds. ${log}`);
  }
  if (typeof said?.ready !== 'boolean') {
    return say('web', 'wrong', `Something else listens at port ${PORT}. Stop it, or set PORT.`);
  }
  if (!said.ready) return say('web', 'wrong', `The web process answers, but is not ready: ${JSON.stringify(said)}`);
  say('web', 'ok', 'The web process answers and is ready.');
  if (isLoopback(AMENDS_URL)) return;
  const outside = await (await asked(new URL('/healthz', AMENDS_URL).href))?.text().catch(() => '');
  if (outside?.startsWith('This process is alive')) say('address', 'ok', `${AMENDS_URL} leads here.`);
  else
    say(
      'address',
      'warning',
      `${AMENDS_URL} does not lead here, as seen from this machine. Look at its DNS, the proxy and the certificate.`,
    );
}

const asked = (url: string) => fetch(url, { signal: AbortSignal.timeout(5000) }).catch(() => null);

function isWritable(folder: string): boolean {
  try {
    accessSync(nearest(folder), constants.W_OK);
    return statSync(nearest(folder)).isDirectory();
  } catch {
    return false;
  }
}

/** The folder, or the one in which it would be made. */
function nearest(folder: string): string {
  const full = resolve(folder);
  return existsSync(full) || dirname(full) === full ? full : nearest(dirname(full));
}
