import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../src/cli/processes.ts';

export type Taken = { to: string; line: string; from: { address: string }; id: string; raw: string; dsn?: unknown };

export type Sink = { url: string; port: number; folder: string; taken: () => Taken[]; close: () => Promise<void> };

/** Starts a mail server in a process and a folder of its own. */
export async function startSink(...flags: string[]): Promise<Sink> {
  const folder = mkdtempSync(join(tmpdir(), 'amends-smtp-'));
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(root, 'test/mail/smtp-process.ts'), folder, ...flags],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const port = await new Promise<number>((resolve) => child.stdout.once('data', (text) => resolve(Number(text))));
  return {
    port,
    url: `smtp://127.0.0.1:${port}`,
    folder,
    taken: () => takenIn(folder),
    close: () =>
      new Promise((resolve) => {
        child.once('exit', () => {
          rmSync(folder, { recursive: true, force: true });
          resolve();
        });
        child.kill('SIGKILL');
      }),
  };
}

/** What the mail server of this folder has taken, while it runs or after it ended. */
export function takenIn(folder: string): Taken[] {
  return readFileSync(join(folder, 'letters.jsonl'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Taken);
}
