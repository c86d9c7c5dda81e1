import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import { freePort, root, stopProcess, untilAnswers } from '../../src/cli/processes.ts';

export type Answer = { status: number; headers: IncomingHttpHeaders; body: string };

export type Site = {
  child: ChildProcess;
  port: number;
  /** What pages of this site say they come from. */
  origin: string;
  /** By Node's own client: it sends the path as it is given, and any header. */
  ask(method: string, path: string, headers?: Record<string, string>, body?: string): Promise<Answer>;
  /** All that the process wrote, to either stream. */
  log(): string;
  /** Bytes of memory the process holds now, and the most it held since it started, or since this was last asked. */
  memory(): { now: number; most: number };
  stop(): Promise<void>;
};

/** The web process alone, for tests of what it does with requests that no browser sends. */
export async function startSite(wantedPort: number, settings: Record<string, string>): Promise<Site> {
  const port = await freePort(wantedPort);
  const origin = settings['AMENDS_URL'] ?? `http://127.0.0.1:${port}`;
  const given = { AMENDS_URL: origin, HOST: '127.0.0.1', LOG_LEVEL: 'debug', ...settings, PORT: String(port) };
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'src/server.ts')], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...given },
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      log += chunk;
    });
  }
  await untilAnswers(`http://127.0.0.1:${port}`, child);
  return {
    child,
    port,
    origin,
    log: () => log,
    memory() {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)![1]) * 1024;
      // The kernel forgets the most when it is told 5 here.
      writeFileSync(`/proc/${child.pid}/clear_refs`, '5');
      return { now: bytes('VmRSS'), most: bytes('VmHWM') };
    },
    stop: () => stopProcess(child),
    ask: (method, path, headers = {}, body = '') =>
      new Promise((resolve, reject) => {
        const unsaid = method === 'GET' || method === 'HEAD' || headers['transfer-encoding'];
        const length = unsaid ? {} : { 'content-length': String(Buffer.byteLength(body)) };
        const options = { host: '127.0.0.1', port, method, path, headers: { ...length, ...headers } };
        const asked = request(options, (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk) => {
            text += chunk;
          });
          response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body: text }));
        });
        asked.on('error', reject);
        asked.end(body);
      }),
  };
}
