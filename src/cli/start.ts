import { env } from '../env.ts';
import { startProcess, stopProcess } from './processes.ts';

/* `npm start`: the web process and the jobs process together. If one ends, so does the other. */

if (env.STRIPE_API_BASE === '' && env.STRIPE_SECRET_KEY === 'sk_test_sandbox') {
  console.error(
    'No payment provider is set. Set STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET in .env, or try everything without a key: npm run demo.',
  );
  process.exit(2);
}

const children = [startProcess('src/server.ts', [], {}), startProcess('src/jobs/main.ts', [], {})];
let ending = false;

async function end(code: number): Promise<void> {
  if (ending) return;
  ending = true;
  await Promise.all(children.map(stopProcess));
  process.exit(code);
}

for (const child of children) child.once('exit', (code) => void end(code ?? 1));
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(0));
console.log(`Amends is starting at ${env.AMENDS_URL}.`);
