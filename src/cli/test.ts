import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildSite } from './place.ts';
import { root } from './processes.ts';

/*
 * `npm test`: everything that CI runs, in order. Format and lint, content, the build (which checks content once more),
 * types, then every test, in a real browser too. Ends with one plain line: `N passed, N failed`.
 * With arguments it only runs those tests: `npm test -- test/journeys`.
 */

const args = process.argv.slice(2);
const report = join(root, '.data/test-report.json');
let failedSteps = 0;
let passedSteps = 0;

async function step(name: string, run: () => boolean | Promise<boolean>): Promise<void> {
  const began = performance.now();
  const ok = await run();
  if (ok) passedSteps += 1;
  else failedSteps += 1;
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
}

async function tool(bin: string, ...toolArgs: string[]): Promise<boolean> {
  const run = spawn(join(root, 'node_modules/.bin', bin), toolArgs, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [run.stdout, run.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  const status = await new Promise((ended) => run.once('close', ended));
  if (status !== 0) console.log(said);
  return status === 0;
}

function built(): boolean {
  try {
    buildSite(console.log);
    return true;
  } catch (error) {
    console.log(error instanceof Error ? error.message : error);
    return false;
  }
}

if (args.length === 0) {
  await step('format and lint', () => tool('biome', 'check', '.'));
  await step('build, with the content checked', built);
  await Promise.all([
    step('types of pages', () => tool('astro', 'check', '--minimumSeverity', 'warning')),
    step('types of everything else', () => tool('tsc', '--noEmit')),
  ]);
} else {
  await step('build, with the content checked', built);
}

rmSync(report, { force: true });
const tests = spawnSync(
  join(root, 'node_modules/.bin/vitest'),
  ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...args],
  { cwd: root, stdio: 'inherit' },
);

let passed = 0;
let failed = 0;
let skipped = 0;
try {
  const counts = JSON.parse(readFileSync(report, 'utf8'));
  passed = counts.numPassedTests;
  failed = counts.numFailedTests;
  skipped = counts.numPendingTests;
  // A file that could not even be read holds tests that did not run: that is a failure too.
  if (failed === 0 && tests.status !== 0) failed = 1;
} catch {
  console.log('The tests did not run.');
  failed = 1;
}
console.log('');
console.log(
  `${passed + passedSteps} passed, ${failed + failedSteps} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
);
process.exitCode = failed + failedSteps > 0 ? 1 : 0;
