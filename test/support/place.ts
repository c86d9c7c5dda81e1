import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq, sql } from 'drizzle-orm';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright';
import type { CastMember } from '../../db/cast.ts';
import { complaints, persons } from '../../db/schema/people.ts';
import { staff } from '../../db/schema/staff.ts';
import { buildSite, openPlace, type Place } from '../../src/cli/place.ts';
import { root } from '../../src/cli/processes.ts';
import type { Outgoing } from '../../src/mail/delivery.ts';
import { readMailbox } from '../../src/mail/mailbox.ts';
import type { LoggedRequest } from '../../src/payments/sandbox/server.ts';
import { beginSession } from '../../src/sessions/staff.ts';
import { openBrowser } from './browser.ts';

/*
 * A whole place for one file of journeys: database, sandbox, site and jobs in a folder that goes with it, and a browser. Each
 * file has two hundred ports of its own, so that files run side by side.
 */
export const PORTS = {
  'maya-comes-back': 21_000,
  'opening-is-harmless': 21_200,
  'other-ways': 21_400,
  'everyone-can-use-it': 21_600,
  sceptic: 22_000,
  'not-alone': 22_200,
  'desk-writes': 22_400,
  'it-is-measured': 22_600,
  'who-may-do-what': 22_800,
  'intake-at-the-desk': 24_000,
  'tariq-comes-back': 23_600,
  'last-word': 23_000,
  'ways-to-pay': 23_200,
  'desk-answers': 23_400,
  'grace-writes': 24_400,
  'chosen-and-taken-back': 24_200,
  'nothing-runs': 24_800,
};

export type Journey = {
  place: Place;
  browser: Browser;
  /** The personal link of a named customer. */
  linkOf(member: CastMember): string;
  personIdOf(member: CastMember): Promise<string>;
  /** A device of its own; script is off unless asked for, because every page must work without. */
  device(options?: BrowserContextOptions): Promise<BrowserContext>;
  /** A named customer's own page, or one below it, on a device of its own. */
  open(member: CastMember, path?: string): Promise<Page>;
  /** A device on which a colleague is signed in, by their short id. */
  colleague(id: string, options?: BrowserContextOptions): Promise<BrowserContext>;
  letters(): Promise<Outgoing[]>;
  /** Waits for a letter of this kind to this address that is not among `before`. */
  letter(kind: string, to: string, before?: Outgoing[]): Promise<Outgoing>;
  /** What the payment sandbox was asked. */
  asked(): Promise<LoggedRequest[]>;
  /** Reads the sandbox as the provider's dashboard would: `subscriptions?customer=cus_maya&status=all`. */
  stripe<T>(path: string): Promise<T[]>;
  /** `amends <verb> …` beside this place. */
  amends(...args: string[]): Promise<{ code: number; out: string }>;
  close(): Promise<void>;
};

export async function openJourney(file: keyof typeof PORTS, settings: Record<string, string> = {}): Promise<Journey> {
  await buildOnce();
  const data = mkdtempSync(join(tmpdir(), `amends-${file}-`));
  const logFile = join(data, 'log');
  const log = openSync(logFile, 'a');
  const all = { LOG_LEVEL: 'debug', ...settings };
  const opened = await Promise.allSettled([openPlace({ data, port: PORTS[file], settings: all, log }), openBrowser()]);
  const [place, browser] = opened.map((one) => (one.status === 'fulfilled' ? one.value : null)) as [Place, Browser];
  const close = async () => {
    await browser?.close();
    const told = place ? await secretsOf(place) : [];
    await place?.close();
    closeSync(log);
    const written = readFileSync(logFile, 'utf8');
    rmSync(data, { recursive: true, force: true });
    expectNobodyIn(written, told);
  };
  for (const one of opened) {
    if (one.status === 'rejected') {
      await close();
      throw one.reason;
    }
  }
  const device = async (options: BrowserContextOptions = {}) => {
    const context = await browser.newContext({ javaScriptEnabled: false, locale: 'en-GB', ...options });
    context.setDefaultTimeout(10_000);
    return context;
  };
  const linkOf = (member: CastMember) => {
    const found = place.links.find((link) => link.member.key === member.key);
    if (!found) throw new Error(`${member.name} has no link here.`);
    return found.url;
  };
  const letters = () => readMailbox(place.settings['MAILBOX_DIR']!);

  return {
    place,
    browser,
    close,
    letters,
    linkOf,
    async personIdOf(member) {
      const rows = await place.db.read
        .select({ id: persons.id })
        .from(persons)
        .where(eq(persons.externalId, member.personId));
      return rows[0]!.id;
    },
    device,
    async open(member, path = '') {
      const page = await (await device()).newPage();
      await page.goto(linkOf(member) + path);
      return page;
    },
    async colleague(id, options) {
      const value = await place.db.write((tx) => beginSession(tx, id, undefined, new Date()));
      const context = await device(options);
      await context.addCookies([{ name: 'amends-staff', value, url: place.url, httpOnly: true, sameSite: 'Lax' }]);
      return context;
    },
    letter: (kind, to, before = []) =>
      until(`the letter “${kind}” to ${to}`, async () =>
        (await letters()).find(
          (letter) => letter.kind === kind && letter.to === to && !before.some(({ id }) => id === letter.id),
        ),
      ),
    asked: async () => (await (await fetch(`${place.sandboxUrl}/_sandbox/requests`)).json()).data,
    stripe: async (path) => {
      const headers = { Authorization: `Bearer ${place.settings['STRIPE_SECRET_KEY']}` };
      return (await (await fetch(`${place.sandboxUrl}/v1/${path}`, { headers })).json()).data;
    },
    amends: (...args) => run(args, place.settings),
  };
}

/** What people are called, where they are written to, what they said, and what opens their pages: no log may hold any of it. */
async function secretsOf(place: Place): Promise<string[]> {
  const { read } = place.db;
  const letters = await readMailbox(place.settings['MAILBOX_DIR']!);
  const [people, workers, told] = await Promise.all([
    read.select({ last: persons.lastName, email: persons.email }).from(persons),
    read.select({ name: staff.name, address: staff.address }).from(staff),
    read.select({ words: complaints.words }).from(complaints),
  ]);
  return [
    ...people.flatMap(({ last, email }) => [last, email]),
    ...workers.flatMap(({ name, address }) => [name, address]),
    ...told.map(({ words }) => words?.slice(0, 24)),
    ...letters.flatMap(({ to, text }) => [to, ...(text.match(/[A-Za-z0-9_-]{43}/g) ?? [])]),
    ...place.links.flatMap(({ url, member }) => [url.slice(-43), member.name]),
  ].filter((one): one is string => !!one && one.length > 4);
}

/** Throws naming the first line of a log that tells something of somebody. */
export function expectNobodyIn(log: string, secrets: string[]): void {
  for (const line of log.split('\n')) {
    const found = secrets.find((secret) => line.includes(secret)) ?? /[^\s"@]+@[\w-]+\.\w+/.exec(line)?.[0];
    if (found) throw new Error(`The log holds “${found}”: ${line}`);
  }
}

/**
 * Two files that begin together must not both build into dist. A port is a lock that a dead process lets go of: who is second
 * waits, and then finds everything built.
 */
export async function buildOnce(): Promise<void> {
  const lock = createServer();
  await until(
    'the built site',
    () =>
      new Promise<boolean>((resolve) => {
        lock.once('error', () => resolve(false));
        lock.listen(20_999, '127.0.0.1', () => resolve(true));
      }),
    100,
  );
  try {
    buildSite(() => {});
  } finally {
    await new Promise((closed) => lock.close(closed));
  }
}

function run(args: string[], settings: Record<string, string>): Promise<{ code: number; out: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', join(root, 'src/cli/main.ts'), ...args],
      { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...settings } },
    );
    let out = '';
    const read = (chunk: Buffer) => {
      out += chunk.toString();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, out }));
  });
}

/** Asks again and again until there is an answer. Throws naming what never came. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | null | false>,
  seconds = 20,
): Promise<T> {
  const end = performance.now() + seconds * 1000;
  do {
    const answer = await ask();
    if (answer) return answer;
    await new Promise((go) => setTimeout(go, 100));
  } while (performance.now() < end);
  throw new Error(`${what} did not come within ${seconds} seconds.`);
}

/** Every address of this site in a letter. */
export function addressesIn(letter: Outgoing): string[] {
  return letter.text.match(/https?:\/\/\S+/g) ?? [];
}

/** What a visitor reads, in one line. */
export async function textOf(page: Page): Promise<string> {
  return (await page.locator('main').innerText()).replace(/\s+/g, ' ');
}

export const headingOf = (page: Page) => page.getByRole('heading', { level: 1 }).innerText();

/** Every row of every table, hashed: two dumps are equal when nothing at all was written between them. */
export async function dumpOf(place: Place): Promise<Record<string, string[]>> {
  const tables = await place.db.read.all<[string]>(
    sql`select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name`,
  );
  const dump: Record<string, string[]> = {};
  for (const [table] of tables) {
    const rows = await place.db.read.all<unknown[]>(sql.raw(`select * from "${table}"`));
    dump[table] = rows.map((row) => hashOf(row)).sort();
  }
  return dump;
}

function hashOf(row: unknown[]): string {
  const plain = row.map((value) => (value instanceof ArrayBuffer ? Buffer.from(value).toString('hex') : value));
  return createHash('sha256').update(JSON.stringify(plain)).digest('hex');
}
