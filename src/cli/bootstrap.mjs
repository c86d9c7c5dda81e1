// Runs on whatever Node is on the path (20 or newer): installs what the lock file names, if that is not done yet, and
// hands over to the Node that the project brings. Plain JavaScript without dependencies, because nothing else is there.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
/** npm keeps what it fetched in the home folder; where that is read-only it needs another place. */
function writable(folder) {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

const [verb = 'help', ...args] = process.argv.slice(2);

const entry = {
  demo: 'demo.ts',
  dev: 'dev.ts',
  test: 'test.ts',
  amends: 'main.ts',
  trials: 'trials.ts',
  bench: '../../test/bench/bench.ts',
}[verb];
if (!entry) {
  console.error(
    'Use: npm run demo, npm run dev, npm test, npm run amends -- <verb>, npm run trials -- <name>, npm run bench.',
  );
  process.exit(2);
}

const installed = join(root, 'node_modules/.package-lock.json');
const lock = join(root, 'package-lock.json');
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
  console.error('Installing what Amends needs. The first time takes a minute or two …');
  const npm = process.env.npm_execpath;
  const install = (command, ...before) =>
    spawnSync(command, [...before, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: writable(homedir()) ? process.env : { ...process.env, npm_config_cache: join(tmpdir(), 'amends-npm-cache') },
    });
  let done = npm ? install(process.execPath, npm) : install('npm');
  if (done.status !== 0 && /^npm\/[1-9]\./.test(process.env.npm_config_user_agent ?? '')) {
    console.error('This npm is old, and may have stopped in the middle. Trying once more with a newer one …');
    done = install('npx', '--yes', 'npm@11');
  }
  if (done.status !== 0) {
    console.error('The packages could not be installed. Is the package registry reachable from here?');
    process.exit(2);
  }
}

const packaged = join(root, 'node_modules/node/bin/node');
if (!existsSync(packaged) && Number(process.versions.node.split('.')[0]) < 24) {
  console.error(
    `Amends needs Node 24. This is Node ${process.versions.node}, and the packaged one is missing: delete node_modules and try again.`,
  );
  process.exit(2);
}
const node = existsSync(packaged) ? packaged : process.execPath;
// Commands see the demo while it is there, unless .env names another place.
const demo = join(root, '.data/demo.env');
const seesDemo = verb === 'amends' && existsSync(demo) && !existsSync(join(root, '.env'));
// An import of a million rows leaves much behind, and V8 would take another 150 MB before it began to clear it away.
const frugal = verb === 'amends' ? ['--max-semi-space-size=8'] : [];
const flags = ['--disable-warning=ExperimentalWarning', ...frugal, ...(seesDemo ? [`--env-file=${demo}`] : [])];
const child = spawn(node, [...flags, join(root, 'src/cli', entry), ...args], {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    PATH: `${join(root, 'node_modules/node/bin')}:${join(root, 'node_modules/.bin')}:${process.env.PATH}`,
    ASTRO_TELEMETRY_DISABLED: '1',
    // What Node has compiled once it needn’t compile for the next command.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, 'node_modules/.cache/compiled'),
  },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
