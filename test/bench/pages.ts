import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { root, stopProcess } from '../../src/cli/processes.ts';
import { type Bench, count, type Figure, inTurns, median, ms } from './figures.ts';
import { latency, load, loadInTurns, memoryOf, openSite, PROOF, serve } from './serving.ts';

/* Pages as visitors get them: how many, how soon, how heavy; and the process that makes them. */

const AT_ONCE = { connections: 32 };

export async function proofs(bench: Bench): Promise<Figure[]> {
  const { url, limit } = await openSite(bench);
  const [ours, theirs] = await loadInTurns(bench, [url, [PROOF], AT_ONCE], [limit, ['/file'], AT_ONCE]);
  const ratio = ours.perSecond / theirs.perSecond;
  return [
    {
      id: 'B1',
      what: 'a proof, 32 at a time',
      figure: `${count(ours.perSecond)}/s, p99 ${ms(ours.p99)}`,
      limit: `${count(theirs.perSecond)}/s: the same bytes from memory`,
      ratio,
      target: 'at least 0.50',
      reached: ratio >= 0.5,
    },
  ];
}

export async function personalPages(bench: Bench): Promise<Figure[]> {
  const { url, limit, pages } = await openSite(bench);
  const [ours, theirs] = await loadInTurns(bench, [url, pages, AT_ONCE], [limit, pages, AT_ONCE]);
  const ratio = ours.perSecond / theirs.perSecond;
  return [
    {
      id: 'B2',
      what: 'personal pages, 32 at a time',
      figure: `${count(ours.perSecond)}/s, p99 ${ms(ours.p99)}`,
      limit: `${count(theirs.perSecond)}/s: three statements and a template`,
      ratio,
      target: 'at least 0.30',
      reached: ratio >= 0.3,
    },
  ];
}

/** Not at a higher rate once one was too much for the site, or for this client: a queue that only grows says nothing new. */
export async function latencies(bench: Bench): Promise<Figure[]> {
  const { url, limit, pages } = await openSite(bench);
  const found: Figure[] = [];
  for (const [rate, half, most] of [
    [100, 1, 10],
    [300, 1, 10],
    [1000, 50, 50],
  ] as const) {
    const [ours, theirs] = await loadInTurns(bench, [url, pages, { rate }], [limit, pages, { rate }]);
    const full = ours.behind > 500 || ours.unanswered > 0;
    found.push({
      id: 'B3',
      what: `personal pages, ${rate} a second whatever happens${full ? ', which is more than it carries' : ''}`,
      figure: latency(ours),
      limit: latency(theirs),
      ratio: ours.p99 / theirs.p99,
      target: `p50 at most ${half} ms, p99 at most ${most} ms and 5 × the limit’s`,
      reached: ours.p50 <= half && ours.p99 <= most && ours.p99 <= 5 * theirs.p99,
    });
    if (full || ours.late > ours.asked / 100) break;
  }
  return found;
}

/** Bytes are exact: two machines find the same, but for a few of the random link in a personal page. */
export async function weights(bench: Bench): Promise<Figure[]> {
  const { url, pages } = await openSite(bench);
  const found: Figure[] = [];
  const weigh = (what: string, text: string, most: number) => {
    const br = brotliCompressSync(text).length;
    const scripts = text.match(/<script/g)?.length ?? 0;
    found.push({
      id: 'B13',
      what,
      figure: `${count(Buffer.byteLength(text))} bytes, ${count(br)} as br, ${scripts} scripts`,
      target: `at most ${count(most)} as br, no script`,
      reached: br <= most && scripts === 0,
      exact: true,
    });
  };
  const html = await (await fetch(url + PROOF)).text();
  weigh('a proof, HTML', html, 6 * 1024);
  weigh('a personal page, HTML', await (await fetch(url + pages[0]!)).text(), 4 * 1024);
  const sheets = [...html.matchAll(/<link rel="stylesheet" href="([^"]+)"/g)].map(([, path]) => path!);
  const styles = await Promise.all(sheets.map(async (path) => (await fetch(url + path)).text()));
  weigh('the style sheet of both, fetched once', styles.join(''), 3 * 1024);
  return found;
}

export async function memory(bench: Bench): Promise<Figure[]> {
  const { db, pages } = await openSite(bench);
  const { url, child } = await serve(db, pages[0]);
  const idle = memoryOf(child);
  await load(bench, url, pages, AT_ONCE);
  const loaded = memoryOf(child);
  await stopProcess(child);
  return [
    {
      id: 'B15',
      what: 'memory of the web process that is in no file (RssAnon)',
      figure: `${count(idle)} MB after one page, ${count(loaded)} MB after ${bench.seconds} s of personal pages`,
      target: 'at most 110 and 256 MB',
      reached: idle <= 110 && loaded <= 256,
    },
  ];
}

export async function firstPage(bench: Bench): Promise<Figure[]> {
  const { db, pages } = await openSite(bench);
  const [ours, bare] = await inTurns(
    bench,
    async (round) => {
      const began = performance.now();
      const { child } = await serve(db, pages[round]);
      const took = performance.now() - began;
      await stopProcess(child);
      return took;
    },
    () => {
      const began = performance.now();
      spawnSync(process.execPath, ['-e', '0']);
      return performance.now() - began;
    },
  );
  return [
    {
      id: 'B16',
      what: 'from starting the process to the first personal page',
      figure: ms(median(ours)),
      limit: `${ms(median(bare))}: node alone`,
      target: 'at most 350 ms',
      reached: median(ours) <= 350,
    },
  ];
}

export async function build({ folder }: Bench): Promise<Figure[]> {
  const began = performance.now();
  const astro = join(root, 'node_modules/astro/bin/astro.mjs');
  const built = spawnSync(process.execPath, [astro, 'build', '--outDir', join(folder, 'dist')], {
    cwd: root,
    env: { ...process.env, NODE_ENV: 'production', ASTRO_TELEMETRY_DISABLED: '1' },
  });
  if (built.status !== 0) throw new Error(`The site could not be built:\n${built.stderr}`);
  const took = performance.now() - began;
  return [
    {
      id: 'B17',
      what: 'the build; it does not grow with proofs, which are read when asked for',
      figure: ms(took),
      target: 'at most 8,000 ms',
      reached: took <= 8000,
    },
  ];
}
