import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../../src/cli/processes.ts';
import { growth, imports, layer, minting } from './database.ts';
import { due } from './due.ts';
import { type Bench, count, type Figure, watchOthers } from './figures.ts';
import { rendering, sending } from './letters.ts';
import { build, firstPage, latencies, memory, personalPages, proofs, weights } from './pages.ts';
import { returns } from './returns.ts';
import { closeAll } from './serving.ts';

/*
 * `npm run bench`: what is slow, beside what it could cost at most. Each figure stands beside a limit that was measured in the same run,
 * taken in turns with it, because these machines are shared; a target is a ratio wherever one makes sense.
 */

const ALL: Record<string, (bench: Bench) => Promise<Figure[]>> = {
  B1: proofs,
  B2: personalPages,
  B3: latencies,
  B4: growth,
  B5: layer,
  B6: imports,
  B8: minting,
  B9: rendering,
  B10: sending,
  B11: returns,
  B12: due,
  B13: weights,
  B15: memory,
  B16: firstPage,
  B17: build,
};

const HELP = `Use: npm run bench [-- --quick] [-- --only B1,B5] [-- --people 100000] [-- --json]

Measures pages, database, import, links, letters and returns, each beside a limit taken in the same run.

  --quick    less of everything: one to three minutes instead of six
  --only     these alone: ${Object.keys(ALL).join(', ')}
  --people   how many are in the database (100,000; with --quick 10,000)
  --json     one line of JSON on standard output, and the table on standard error

What came out also goes to .data/bench.json. Ends with 0 whatever the figures are, and with 1 when one could not be
measured: they are for reading, on a quiet machine. What CI holds
fast (bytes, query plans, how often a page asks the database) stands in test/plans.test.ts.`;

/** Others took more of the processors than this: the times say as much of them as of us. */
const BUSY = 0.06;

const { only, ...options } = understood();
const bench: Bench = { ...options, folder: mkdtempSync(join(tmpdir(), 'amends-bench-')) };
const say = options.json ? console.error : console.log;
const figures: Figure[] = [];
const began = performance.now();
const loadBefore = loadavg()[0]!;
say(
  `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, load ${loadBefore.toFixed(1)}; ${count(bench.people)} people.`,
);
try {
  for (const id of only) {
    const others = watchOthers();
    try {
      const found = await ALL[id]!(bench);
      const share = others();
      for (const one of found) {
        const figure = one.exact ? one : { ...one, others: share };
        figures.push(figure);
        show(figure);
      }
    } catch (error) {
      process.exitCode = 1;
      say(`\n${id.padEnd(4)} could not be measured: ${error instanceof Error ? error.message : error}`);
    }
  }
} finally {
  await closeAll();
  rmSync(bench.folder, { recursive: true, force: true });
}

const busy = figures.filter(({ others }) => (others ?? 0) > BUSY);
const missed = figures.filter(({ reached }) => reached === false);
say(
  `${figures.length} figures in ${Math.round((performance.now() - began) / 1000)} s, ${missed.length} missed. ${
    busy.length > 0
      ? `The machine was busy with other things during ${busy.length} of them: measure again when it is quiet.`
      : 'The machine was quiet.'
  }`,
);
say(
  'B7 (pages during an import of a million) is a trial: npm run trials -- import-million. B14 needs Lighthouse: see test/bench/README.md.',
);
const { model } = cpus()[0]!;
const machine = { cpus: cpus().length, model, node: process.version, loadBefore, loadAfter: loadavg()[0] };
const result = JSON.stringify({
  at: new Date().toISOString(),
  machine,
  people: bench.people,
  quick: bench.quick,
  figures,
});
mkdirSync(join(root, '.data'), { recursive: true });
writeFileSync(join(root, '.data/bench.json'), `${result}\n`);
if (options.json) console.log(result);

function show({ id, what, figure, limit, ratio, target, reached, others }: Figure): void {
  const verdict = reached === null ? '' : reached ? 'reached' : 'MISSED';
  say(`\n${id.padEnd(4)} ${verdict.padEnd(8)} ${what}`);
  say(`              ${figure}`);
  if (limit) say(`              beside ${limit}${ratio === undefined ? '' : `; ratio ${ratio.toFixed(2)}`}`);
  const meanwhile = (others ?? 0) > BUSY ? `; others took ${Math.round(others! * 100)} % of the processors` : '';
  say(`              wanted: ${target}${meanwhile}`);
}

/** What was asked for. A wrong option ends with a sentence. */
function understood() {
  const wrong = (sentence: string): never => {
    console.error(`${sentence}\n\n${HELP}`);
    process.exit(2);
  };
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        people: { type: 'string' },
        only: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false, short: 'h' },
      },
    });
    if (values.help) {
      console.log(HELP);
      process.exit(0);
    }
    const { quick, json } = values;
    const only = values.only?.toUpperCase().split(',') ?? Object.keys(ALL);
    const unknown = only.find((id) => !(id in ALL));
    if (unknown !== undefined) wrong(`There is no figure “${unknown}” here.`);
    const people = Number(values.people ?? (quick ? 10_000 : 100_000));
    if (!Number.isInteger(people) || people < 1000) wrong('--people is a whole number, 1000 or more.');
    return { only, quick, json, people, rounds: quick ? 2 : 5, seconds: quick ? 2 : 5 };
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error));
  }
}
