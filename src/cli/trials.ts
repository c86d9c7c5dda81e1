import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './processes.ts';

/*
 * `npm run trials -- <name>`: a long experiment, alone, because it measures. Each is a program in test/trials that prints
 * its figures and ends with 1 when what it tries did not hold.
 */

const folder = join(root, 'test/trials');
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length))
  .toSorted();

const help = `Use: npm run trials -- <name> [options of the trial]

Runs one trial alone. What each tries, and what came out, stands in test/trials/README.md.

There are:
${names.map((name) => `  ${name}`).join('\n')}`;

const [name, ...args] = process.argv.slice(2);
if (name === undefined || name === '--help' || name === '-h') {
  console.log(help);
} else if (!names.includes(name)) {
  console.error(`There is no trial “${name}”.\n\n${help}`);
  process.exitCode = 2;
} else {
  const trial = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(folder, `${name}.ts`), ...args],
    {
      cwd: root,
      stdio: 'inherit',
    },
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => trial.kill(signal));
  trial.once('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}
