import { env } from '../env.ts';
import { startProcess, stopProcess } from './processes.ts';

/* `npm start`: the web process and the jobs process together. If one ends, so does the other. */

const children = [startProcess('src/server.ts', [], {}), startProcess('src/jobs/main.ts', [], {})];
let ending = false;

async function end(code: number): Promise<void> {
  if (ending) return;
  ending = true;
  await Promise.all(children.map(stopProcess));
  process.exit(code);
}

for (const child of children) child.once('exit', (code) => void end(code ?? 1));
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void end(0));
console.log(`Amends is starting at ${env.AMENDS_URL}.`);
