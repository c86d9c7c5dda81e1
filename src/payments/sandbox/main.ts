import { parseArgs } from 'node:util';
import { env } from '../../env.ts';
import { startSandbox } from './server.ts';

const USAGE =
  'node src/payments/sandbox/main.ts --port N --data <file.db|:memory:> --webhook-url URL --webhook-secret whsec_… [--quiet]';

try {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      data: { type: 'string' },
      'webhook-url': { type: 'string' },
      'webhook-secret': { type: 'string' },
      quiet: { type: 'boolean', default: false },
    },
  });
  const port = Number(values.port);
  if (!values.port || !Number.isInteger(port) || !values.data) throw new Error(`Usage: ${USAGE}`);
  const webhookUrl = values['webhook-url'];
  const webhookSecret = values['webhook-secret'];
  const sandbox = await startSandbox({
    port,
    data: values.data,
    beside: env.STRIPE_SECRET_KEY,
    ...(webhookUrl ? { webhookUrl } : {}),
    ...(webhookSecret ? { webhookSecret } : {}),
    ...(values.quiet ? {} : { log: (line: string) => console.log(line) }),
  });
  console.log(`Stripe sandbox listening on ${sandbox.url}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => void sandbox.close());
  }
} catch (error) {
  const inUse = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
  const message = error instanceof Error ? error.message : String(error);
  console.error(inUse ? 'The Stripe sandbox cannot start: its port is taken.' : message);
  process.exitCode = 1;
}
