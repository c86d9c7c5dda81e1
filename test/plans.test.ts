import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CAST } from '../db/cast.ts';
import { freePort, root, startProcess, stopProcess, untilAnswers } from '../src/cli/processes.ts';
import { mintLink } from '../src/invitations/links.ts';
import type { FreshDatabase } from './support/database.ts';
import { buildOnce } from './support/place.ts';
import { castPerson, seededDatabase } from './support/seeded.ts';

/*
 * What a request asks the database, looked at by SQLite itself: on the way of a request no table that grows with people is read from
 * its beginning to its end.
 */

const GROWS =
  /\b(persons|departures|complaints|links|devices|codes|letters|checkins|rejoins|waits|signals|resolutions|corrections|suggestions|promises|reopenings|payment_events|audit|measurements|chosen)\b/;

let db: FreshDatabase;
let server: ReturnType<typeof startProcess>;
let url: string;
let statements: string;

beforeAll(async () => {
  await buildOnce();
  db = await seededDatabase();
  statements = `${db.path}.statements`;
  writeFileSync(statements, '');
  const port = await freePort(25_400);
  url = `http://127.0.0.1:${port}`;
  server = startProcess('src/server.ts', [], {
    DATABASE_URL: db.url,
    AMENDS_URL: url,
    PORT: String(port),
    LOG_LEVEL: 'silent',
    NODE_OPTIONS: `--import=${join(root, 'test/support/statements.ts')}`,
    STATEMENTS: statements,
  });
  await untilAnswers(url, server);
});
afterAll(async () => {
  await stopProcess(server);
  await db?.cleanup();
});

/** The scans of growing tables in all that these pages ask. A statement is prepared once, so each page shows what it adds. */
async function scansOf(paths: string[], headers: Record<string, string> = {}): Promise<string[]> {
  for (const path of paths) {
    const answer = await fetch(url + path, { headers, redirect: 'manual' });
    await answer.arrayBuffer();
    expect([path, answer.status < 400]).toEqual([path, true]);
  }
  const asked = readFileSync(statements, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as string);
  const looks = [...new Set(asked)].filter((sql) => /^\s*(select|with)\b/i.test(sql));
  expect(looks.length).toBeGreaterThan(10);
  const own = new DatabaseSync(db.path, { readOnly: true });
  const found = looks.flatMap((sql) =>
    own
      .prepare(`explain query plan ${sql}`)
      .all()
      .map(({ detail }) => String(detail))
      .filter((detail) => /^SCAN /.test(detail) && GROWS.test(detail))
      .map((detail) => `${detail}: ${sql}`),
  );
  own.close();
  return found;
}

test('every personal page of the cast', async () => {
  const now = new Date();
  const paths: string[] = [];
  for (const { personId } of CAST) {
    const { id } = await castPerson(db.read, personId);
    const token = await db.write((tx) => mintLink(tx, { personId: id, purpose: 'page', days: 90 }, now));
    paths.push(`/for/${token}`);
  }
  expect(await scansOf(paths)).toEqual([]);
});

test('every public page', async () => {
  const [issue, proof] = ['/issues/exports-failed', '/proofs/exports-finish'];
  const more = ['/versions', '/versions/1', '/versions/1.json', '/check.json', '/failed.csv'].map((end) => proof + end);
  const lists = ['/', '/issues', '/issues?state=holding', '/search?q=exports', '/how-we-count', '/privacy'];
  const files = ['/changes.json', '/changes.atom', '/sitemap.xml', '/robots.txt'];
  expect(await scansOf([...lists, issue, proof, ...more, ...files])).toEqual([]);
});
