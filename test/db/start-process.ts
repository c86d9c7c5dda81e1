import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Starts test/db/another-process.ts and waits until it has opened the database; `go()` lets it begin. */
export async function startProcess(...args: string[]) {
  const script = fileURLToPath(new URL('./another-process.ts', import.meta.url));
  const child = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const lines: string[] = [];
  let errors = '';
  let arrived = () => {};
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const reading = createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    arrived();
  });
  const ended = Promise.all([once(child, 'exit'), once(reading, 'close')]);
  ended.then(() => arrived());

  /** Waits until it has said that many lines after 'ready'. */
  async function said(count: number) {
    while (lines.length < count + 1) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`The other process ended early: ${errors}`);
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
  }

  await said(0);
  return {
    said,
    lines: () => lines.slice(1),
    go: () => child.stdin.write('go\n'),
    /** Waits for its end; throws what it complained about. */
    async end() {
      const [[code]] = await ended;
      if (code !== 0) throw new Error(`The other process failed: ${errors}`);
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
