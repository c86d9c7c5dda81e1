import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** Starts one of our own programs under the Node that runs this one. What it writes goes where ours does, or into an open file. */
export function startProcess(
  file: string,
  args: string[],
  settings: Record<string, string>,
  log: number | 'inherit' = 'inherit',
): ChildProcess {
  // V8 would take another hundred megabytes before it cleared anything away, and then pause for longer.
  const flags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=8'];
  return spawn(process.execPath, [...flags, join(root, file), ...args], {
    cwd: root,
    stdio: ['ignore', log, log],
    env: { ...process.env, ...settings },
  });
}

/** Ends a process we started and waits until it is gone; it has 25 seconds to finish what it does. */
export function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const late = setTimeout(() => child.kill('SIGKILL'), 25_000);
    child.once('exit', () => {
      clearTimeout(late);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

/** The first port from `wanted` on that nobody on this machine listens at. */
export async function freePort(wanted: number): Promise<number> {
  for (let port = wanted; port < wanted + 100; port += 1) {
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new Error(`No port from ${wanted} to ${wanted + 99} is free on this machine.`);
}

/** Waits until an address answers. Throws a sentence when the process behind it ended or took too long. */
export async function untilAnswers(url: string, child: ChildProcess, seconds = 30): Promise<void> {
  const until = Date.now() + seconds * 1000;
  while (Date.now() < until) {
    if (child.exitCode !== null) throw new Error(`The process for ${url} ended at once, with code ${child.exitCode}.`);
    const answered = await fetch(url, { redirect: 'manual' }).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await new Promise((go) => setTimeout(go, 100));
  }
  throw new Error(`Nothing answered at ${url} within ${seconds} seconds.`);
}
