import { type ChildProcess, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { and, eq } from 'drizzle-orm';
import { CAST, type CastMember, SANDBOX_FIXTURES } from '../../db/cast.ts';
import { type Db, openDatabase } from '../../db/client.ts';
import { migrate } from '../../db/migrate.ts';
import { departures, persons } from '../../db/schema/people.ts';
import { seedExample } from '../../db/seed.ts';
import { mintLink } from '../invitations/links.ts';
import { neverContactOf } from '../people/diagnosis.ts';
import { freePort, root, startProcess, stopProcess, untilAnswers } from './processes.ts';

/* A living place on this machine: database, sandbox, site and jobs. The demo opens one, and so does each journey test. */

export type Place = {
  url: string;
  /** Settings under which another command sees the same place. */
  settings: Record<string, string>;
  /** One for each of the cast; none once the example is removed. */
  links: { member: CastMember; url: string }[];
  sandboxUrl: string;
  db: Db;
  /** Settles when one of the processes ends by itself; says which. */
  ended: Promise<string>;
  close(): Promise<void>;
};

export async function openPlace(options: {
  data: string;
  port: number;
  say?: (line: string) => void;
  settings?: Record<string, string>;
  /** Without jobs, a test says itself when their rounds run. */
  jobs?: boolean;
  /** An open file for what the processes write. */
  log?: number;
}): Promise<Place> {
  const { data, say = () => {} } = options;
  mkdirSync(data, { recursive: true });
  buildSite(say);

  const port = await freePort(options.port);
  const sandboxPort = await freePort(port + 100);
  const url = `http://127.0.0.1:${port}`;
  const sandboxUrl = `http://127.0.0.1:${sandboxPort}`;
  const databaseUrl = `file:${join(data, 'amends.db')}`;
  const settings = {
    DATABASE_URL: databaseUrl,
    AMENDS_URL: url,
    HOST: '127.0.0.1',
    PORT: String(port),
    CONTENT_DIR: join(root, 'content'),
    MAILBOX_DIR: join(data, 'mailbox'),
    UPLOADS_DIR: join(data, 'uploads'),
    ERASURES_FILE: join(data, 'erasures.ndjson'),
    HEARTBEAT_FILE: join(data, 'jobs-alive'),
    BACKUP_DIR: '',
    // Whatever this machine is set to: nothing of the demo leaves it.
    SMTP_URL: '',
    STRIPE_API_BASE: sandboxUrl,
    STRIPE_SECRET_KEY: 'sk_test_sandbox',
    STRIPE_WEBHOOK_SECRET: 'whsec_sandbox',
    LOG_LEVEL: 'warn',
    ...options.settings,
  };

  // Commands run beside this place find it by these; what the environment says wins.
  writeFileSync(
    join(data, 'demo.env'),
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );

  say('Opening the database …');
  const db = await openDatabase(databaseUrl);
  await migrate(db);
  const now = new Date();
  const example = await seedExample(db, settings.CONTENT_DIR, now);

  say('Starting the payment sandbox, the site and the jobs …');
  const sandbox = startProcess(
    'src/payments/sandbox/main.ts',
    [
      ...['--port', String(sandboxPort), '--data', join(data, 'sandbox.db'), '--quiet'],
      ...['--webhook-url', `${url}/hooks/stripe`, '--webhook-secret', settings.STRIPE_WEBHOOK_SECRET],
    ],
    {},
    options.log,
  );
  const children: [name: string, child: ChildProcess][] = [['The payment sandbox', sandbox]];
  const close = async () => {
    await Promise.all(children.map(([, child]) => stopProcess(child)));
    await db.close();
  };
  try {
    await untilAnswers(`${sandboxUrl}/_sandbox/health`, sandbox);
    if (example) {
      await fetch(`${sandboxUrl}/_sandbox/fixtures`, { method: 'POST', body: JSON.stringify(SANDBOX_FIXTURES) });
    }
    const site = startProcess('src/server.ts', [], settings, options.log);
    children.push(['The site', site]);
    if (options.jobs !== false)
      children.push(['The jobs process', startProcess('src/jobs/main.ts', [], settings, options.log)]);
    await untilAnswers(url, site);
  } catch (error) {
    await close();
    throw error;
  }
  const ended = Promise.race(
    children.map(([name, child]) => new Promise<string>((resolve) => child.once('exit', () => resolve(name)))),
  );
  const links = example ? await mintForCast(db, url, now) : [];
  return { url, settings, sandboxUrl, db, links, ended, close };
}

/**
 * Fresh links for the named people: the database only holds hashes, so the old ones can't be shown again. Nobody gets
 * one who must never be written to.
 */
async function mintForCast(db: Db, url: string, now: Date): Promise<Place['links']> {
  return db.write(async (tx) => {
    const links: Place['links'] = [];
    for (const member of CAST) {
      const [person] = await tx
        .select({ id: persons.id })
        .from(persons)
        .where(and(eq(persons.source, member.source), eq(persons.externalId, member.personId)));
      if (!person) throw new Error(`${member.name} is not in db/cast.csv.`);
      const left = await tx
        .select({ neverContact: departures.neverContact })
        .from(departures)
        .where(eq(departures.personId, person.id));
      if (neverContactOf(left)) continue;
      const token = await mintLink(tx, { personId: person.id, purpose: 'page', days: 90 }, now);
      links.push({ member, url: `${url}/for/${token}` });
    }
    return links;
  });
}

/** Builds the site unless what stands in dist was built from exactly these files. */
export function buildSite(say: (line: string) => void): void {
  const stamp = join(root, 'dist/built-from');
  const sources = fingerprint(['src', 'content', 'db', 'astro.config.mjs', 'package-lock.json', 'tsconfig.json']);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return;
  say('Building the site …');
  const built = spawnSync(process.execPath, [join(root, 'node_modules/astro/bin/astro.mjs'), 'build'], {
    cwd: root,
    encoding: 'utf8',
    // A test runner says `test`, and a browser would get the libraries' slow halves.
    env: { ...process.env, NODE_ENV: 'production', ASTRO_TELEMETRY_DISABLED: '1' },
  });
  if (built.status !== 0) throw new Error(`The site could not be built:\n${built.stdout}\n${built.stderr}`);
  writeFileSync(stamp, sources);
}

function fingerprint(paths: string[]): string {
  const hash = createHash('sha256');
  const add = (path: string) => {
    const full = join(root, path);
    if (path === 'src/docs') return;
    if (statSync(full).isDirectory()) for (const name of readdirSync(full).sort()) add(join(path, name));
    else hash.update(path).update(readFileSync(full));
  };
  for (const path of paths) add(path);
  return hash.digest('hex');
}

export function bold(text: string): string {
  return process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text;
}

/** The address of a place that uses this data now: two at once would share one payment sandbox's file. */
export async function runningAt(settings: string): Promise<string | null> {
  const url = existsSync(settings) && /^AMENDS_URL=(.+)$/m.exec(readFileSync(settings, 'utf8'))?.[1];
  if (!url) return null;
  const answered = await fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    (response) => response.headers.has('content-security-policy'),
    () => false,
  );
  return answered ? url : null;
}
