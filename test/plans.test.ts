import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { brotliCompressSync } from 'node:zlib';
import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CAST, type CastMember, IDRIS, MAYA, TARIQ, WALTER } from '../db/cast.ts';
import { checkins } from '../db/schema/checkins.ts';
import { persons } from '../db/schema/people.ts';
import { freePort, root, startProcess, stopProcess, untilAnswers } from '../src/cli/processes.ts';
import { mintLink } from '../src/invitations/links.ts';
import { rememberDevice } from '../src/sessions/devices.ts';
import { beginSession } from '../src/sessions/staff.ts';
import { comeBack } from './checkins/returned.ts';
import { openSandbox } from './rejoin/house.ts';
import type { FreshDatabase } from './support/database.ts';
import { buildOnce } from './support/place.ts';
import { scansOf, statementsIn } from './support/plans.ts';
import { castPerson, DAY_MS, later, seededDatabase } from './support/seeded.ts';

/*
 * What a page costs, as far as it is the same on every machine. What it asks the database is looked at by SQLite itself: on the way of a
 * request no table that grows with people is read from its beginning to its end.
 */

let db: FreshDatabase;
let server: ReturnType<typeof startProcess>;
let url: string;
let statements: string;
let sandbox: Awaited<ReturnType<typeof openSandbox>>['sandbox'];

beforeAll(async () => {
  await buildOnce();
  db = await seededDatabase();
  statements = `${db.path}.statements`;
  writeFileSync(statements, '');
  ({ sandbox } = await openSandbox());
  const port = await freePort(25_400);
  url = `http://127.0.0.1:${port}`;
  server = startProcess('src/server.ts', [], {
    DATABASE_URL: db.url,
    AMENDS_URL: url,
    PORT: String(port),
    LOG_LEVEL: 'silent',
    STRIPE_API_BASE: sandbox.url,
    NODE_OPTIONS: `--import=${join(root, 'test/support/statements.ts')}`,
    STATEMENTS: statements,
  });
  await untilAnswers(url, server);
});
afterAll(async () => {
  await stopProcess(server);
  await sandbox?.close();
  await db?.cleanup();
});

async function linkOf({ personId }: CastMember, purpose: 'page' | 'stop' = 'page'): Promise<string> {
  const { id } = await castPerson(db.read, personId);
  return db.write((tx) => mintLink(tx, { personId: id, purpose, days: 90 }, new Date()));
}

/** The cookie of a browser on which this person has typed a code. */
async function deviceOf({ personId }: CastMember): Promise<string> {
  const { id } = await castPerson(db.read, personId);
  const secret = await db.write((tx) => rememberDevice(tx, id, { steppedUp: true }, new Date()));
  return `amends-device=${secret}`;
}

/** A question that Idris was asked a week after his return. */
async function questionOf(): Promise<string> {
  const now = new Date();
  const { id, personId } = await comeBack(db, IDRIS.personId, later(-8 * DAY_MS, now));
  const [checkin] = await db.read.select().from(checkins).where(eq(checkins.rejoinId, id)).orderBy(checkins.day);
  const link = { personId, purpose: 'checkin' as const, checkinId: checkin!.id, days: 90 };
  return db.write((tx) => mintLink(tx, link, now));
}

async function look(path: string, cookie?: string): Promise<Buffer> {
  const answer = await fetch(url + path, { headers: cookie ? { cookie } : {}, redirect: 'manual' });
  const body = Buffer.from(await answer.arrayBuffer());
  expect([path, answer.status]).toEqual([path, 200]);
  return body;
}

const asked = () => statementsIn(statements);
const scans = () => scansOf(db.path, asked());

test('another name hides no table that is read whole, and a small one may be', () => {
  const looks = [
    'select 1 from persons p where p.first_name = ?',
    'select 1 from "staff" "s" join "persons" as "p" on "p"."last_name" = "s"."name"',
    'with them as (select person_id from talks) select 1 from them',
    'select 1 from staff s, published_versions',
    'select 1 from persons p where p.id = ?',
    'select 1 from (select distinct name from staff) persons_of',
  ];
  expect(scansOf(db.path, looks).map((line) => line.slice(0, line.indexOf(':')))).toEqual([
    'SCAN p',
    'SEARCH p USING AUTOMATIC COVERING INDEX (last_name=?)',
    'SCAN talks USING COVERING INDEX sqlite_autoindex_talks_1',
  ]);
});

test('every personal page of the cast', async () => {
  for (const member of CAST) await look(`/for/${await linkOf(member)}`);
  expect(scans()).toEqual([]);
});

test('every public page', async () => {
  const [issue, proof] = ['/issues/exports-failed', '/proofs/exports-finish'];
  const more = ['/versions', '/versions/1', '/versions/1.json', '/check.json', '/failed.csv'].map((end) => proof + end);
  const lists = ['/', '/issues', '/issues?state=holding', '/search?q=exports', '/how-we-count', '/privacy'];
  const files = ['/changes.json', '/changes.atom', '/sitemap.xml', '/robots.txt'];
  for (const path of [...lists, issue, proof, ...more, ...files]) await look(path);
  expect(scans()).toEqual([]);
});

test('No page weighs more than this', async () => {
  const br = (bytes: Buffer) => brotliCompressSync(bytes).length;
  for (const [path, most] of [
    ['/', 6],
    ['/issues/exports-failed', 6],
    ['/proofs/exports-finish', 6],
    [`/for/${await linkOf(MAYA)}`, 4],
  ] as const) {
    const html = await look(path);
    expect([path, br(html) <= most * 1024, html.includes('<script')]).toEqual([path, true, false]);
  }
  // Nobody but colleagues at the desk is sent a script at all.
  const assets = join(root, 'dist/client/_astro');
  const sum = (end: string) =>
    readdirSync(assets)
      .filter((name) => name.endsWith(end))
      .reduce((bytes, name) => bytes + br(readFileSync(join(assets, name))), 0);
  expect(sum('.css')).toBeLessThanOrEqual(8 * 1024);
  expect(sum('.js')).toBeLessThanOrEqual(64 * 1024);
});

// How often each may ask once everything is as it was, how often after somebody wrote something, and what the browser brings along.
type Asking = [what: string, path: string, again: number, afterWrite: number, cookie?: string];

test('No page of a visitor asks the database more often than this', async () => {
  const [maya, tariq] = [`/for/${await linkOf(MAYA)}`, `/for/${await linkOf(TARIQ)}`];
  const [mayas, tariqs] = [await deviceOf(MAYA), await deviceOf(TARIQ)];
  const pages: Asking[] = [
    ['home', '/', 0, 12],
    ['the list of issues', '/issues', 1, 10],
    ['an issue', '/issues/exports-failed', 1, 10],
    ['a proof', '/proofs/exports-finish', 0, 15],
    ['versions', '/proofs/exports-finish/versions', 0, 7],
    ['a search', '/search?q=exports', 8, 10],
    ['a personal page', maya, 13, 21],
    ['the same on their device', maya, 13, 22, mayas],
    ['check and rejoin', `${maya}/rejoin`, 9, 12, mayas],
    ['an employee before the code', tariq, 3, 5],
    ['an employee after it', `${tariq}/role`, 26, 27, tariqs],
    ['a question', `/check-in/${await questionOf()}`, 8, 15],
    ['what is held', `${maya}/yours`, 39, 41, mayas],
    ['a stop link', `/stop/${await linkOf(MAYA, 'stop')}`, 3, 5],
  ];
  expect(await tooOften(pages)).toEqual([]);
  expect(String(await look(`${maya}/rejoin`, mayas))).toContain('Rejoin and pay');
  expect(scans()).toEqual([]);
});

// The record is read whole, and so are the lists of a desk: their plans are not looked at.
test('Nor does the desk', async () => {
  const session = await db.write((tx) => beginSession(tx, 'sander', undefined, new Date()));
  const desk = `amends-staff=${session}`;
  const pages: Asking[] = [
    ['coverage', '/staff', 18, 18, desk],
    ['the gate', '/staff/gate', 36, 44, desk],
    ['the record', '/staff/log', 10, 15, desk],
  ];
  expect(await tooOften(pages)).toEqual([]);
});

async function tooOften(pages: Asking[]): Promise<string[]> {
  const counted: Record<string, [again: number, afterWrite: number]> = {};
  for (const [what, path, again, , cookie] of pages) {
    const times = async () => {
      const from = asked().length;
      await look(path, cookie);
      return asked().length - from;
    };
    // A page is kept a moment after it was sent.
    let seen = await times();
    for (const until = performance.now() + 2000; seen > again && performance.now() < until; await setTimeout(50)) {
      seen = await times();
    }
    await somethingWritten();
    counted[what] = [seen, await times()];
  }
  console.log('Statements, again and after a write:', counted);
  return pages.flatMap(([what, , again, afterWrite]) => {
    const [seen, after] = counted[what]!;
    return seen > again || after > afterWrite ? `${what}: ${seen}, and ${after} after a write` : [];
  });
}

async function somethingWritten(): Promise<void> {
  const walter = eq(persons.externalId, WALTER.personId);
  await db.write((tx) =>
    tx
      .update(persons)
      .set({ createdAt: sql`${persons.createdAt} + 1` })
      .where(walter),
  );
}
