import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildSite } from '../../src/cli/place.ts';
import { freePort, root, startProcess, stopProcess, untilAnswers } from '../../src/cli/processes.ts';
import type { FreshDatabase } from '../support/database.ts';
import { seededDatabase } from '../support/seeded.ts';
import { type Bench, count, inTurns, median, ms } from './figures.ts';
import type { Loaded } from './load.ts';
import { addPeople } from './people.ts';

/* The built site with many people in it, what it is compared with, and the load that both are put under. */

export const PROOF = '/proofs/exports-finish';

export type Site = {
  db: FreshDatabase;
  tokens: string[];
  url: string;
  /** The addresses of some thousand personal pages. */
  pages: string[];
  /** Where a process without our code serves the same proof at /file, and people at the same addresses. */
  limit: string;
};

const children: ChildProcess[] = [];
let opened: Promise<Site> | undefined;

/** One for all figures, made when the first asks for it. */
export function openSite(bench: Bench): Promise<Site> {
  opened ??= makeSite(bench);
  return opened;
}

export async function closeAll(): Promise<void> {
  for (const child of children) await stopProcess(child);
  await (await opened?.catch(() => null))?.db.cleanup();
}

async function makeSite({ people, folder }: Bench): Promise<Site> {
  buildSite(() => {});
  const db = await seededDatabase();
  const tokens = await addPeople(db, people, new Date());
  const { url } = await serve(db);
  const file = join(folder, 'proof.html');
  writeFileSync(file, await (await fetch(url + PROOF)).text());
  return { db, tokens, url, pages: pagesOf(tokens), limit: await serveBare(db, file) };
}

/** Scattered, so that neighbours in the database are not asked for together. */
export function pagesOf(tokens: readonly string[]): string[] {
  return Array.from(
    { length: Math.min(tokens.length, 5000) },
    (_, at) => `/for/${tokens[(at * 7919) % tokens.length]}`,
  );
}

/** Starts the site on this database and waits until `path` is a page. */
export async function serve(db: FreshDatabase, path = '/robots.txt'): Promise<{ url: string; child: ChildProcess }> {
  const port = await freePort(26_000);
  const url = `http://127.0.0.1:${port}`;
  const child = startProcess('src/server.ts', [], {
    DATABASE_URL: db.url,
    AMENDS_URL: url,
    PORT: String(port),
    LOG_LEVEL: 'silent',
  });
  children.push(child);
  await untilPage(url + path, child);
  return { url, child };
}

async function untilPage(url: string, child: ChildProcess): Promise<void> {
  for (const until = performance.now() + 30_000; performance.now() < until && child.exitCode === null; ) {
    const answer = await fetch(url).catch(() => null);
    await answer?.arrayBuffer();
    if (answer?.ok) return;
    await new Promise((go) => setTimeout(go, 3));
  }
  throw new Error(`The site did not come to answer at ${url}.`);
}

async function serveBare(db: FreshDatabase, file: string): Promise<string> {
  const port = await freePort(26_500);
  const child = spawn(process.execPath, [join(root, 'test/bench/raw.ts'), String(port), db.path, file], {
    stdio: 'inherit',
  });
  children.push(child);
  await untilAnswers(`http://127.0.0.1:${port}/file`, child);
  return `http://127.0.0.1:${port}`;
}

/** One load, from a process of its own. A figure of pages that failed would be a figure of nothing: then it throws. */
export async function load(
  { folder, seconds }: Bench,
  base: string,
  paths: string[],
  how: { connections?: number; rate?: number },
): Promise<Loaded> {
  const file = join(folder, 'paths');
  writeFileSync(file, paths.join('\n'));
  const order = JSON.stringify({ base, paths: file, seconds, ...how });
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'test/bench/load.ts'), order]);
  const loaded = JSON.parse(stdout) as Loaded;
  if (loaded.failed > 0) throw new Error(`${loaded.failed} of ${loaded.asked} requests to ${base} failed.`);
  return loaded;
}

type Load = [base: string, paths: string[], how: { connections?: number; rate?: number }];

/** Both in turns: medians of rates and times, sums of counts. */
export async function loadInTurns(bench: Bench, ours: Load, theirs: Load): Promise<[Loaded, Loaded]> {
  const [mine, limit] = await inTurns(
    bench,
    () => load(bench, ...ours),
    () => load(bench, ...theirs),
  );
  return [together(mine), together(limit)];
}

function together(loads: Loaded[]): Loaded {
  const middle = (of: keyof Loaded) => median(loads.map((one) => one[of]));
  const sum = (of: keyof Loaded) => loads.reduce((all, one) => all + one[of], 0);
  return {
    perSecond: middle('perSecond'),
    p50: middle('p50'),
    p99: middle('p99'),
    asked: sum('asked'),
    failed: sum('failed'),
    late: sum('late'),
    unanswered: sum('unanswered'),
    behind: middle('behind'),
  };
}

export function latency({
  p50,
  p99,
  asked,
  late,
  unanswered,
}: Omit<Loaded, 'perSecond' | 'failed' | 'behind'>): string {
  const more = [
    unanswered > 0 ? `${count(unanswered)} of ${count(asked)} not answered within 5 s` : [],
    late > asked / 100 ? `${count(late)} of ${count(asked)} sent late by the client` : [],
  ].flat();
  return [`p50 ${ms(p50)}, p99 ${ms(p99)}`, ...more].join('; ');
}

/** What a process has in memory that is in no file, in MB. */
export function memoryOf(child: ChildProcess): number {
  return Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024;
}
