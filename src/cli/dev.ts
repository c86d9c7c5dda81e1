import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { openPlace, runningAt } from './place.ts';
import { freePort, root } from './processes.ts';

/* `npm run dev`: the demo's place, with pages that follow every edit on a port of their own. */

const running = await runningAt(join(root, '.data/demo.env'));
if (running) {
  console.error(`The demo is running already, at ${running}. End it there with Ctrl-C first.`);
  process.exit(2);
}
const place = await openPlace({ data: join(root, '.data'), port: 4321, say: (line) => console.log(line) });
const port = await freePort(4400);
const pages = spawn(
  process.execPath,
  [join(root, 'node_modules/astro/bin/astro.mjs'), 'dev', '--host', '127.0.0.1', '--port', String(port)],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...place.settings, AMENDS_URL: `http://127.0.0.1:${port}`, ASTRO_DEV_BACKGROUND: '0' },
  },
);
console.log(`\nPages that follow your edits: http://127.0.0.1:${port}`);
console.log(`The built site, with payments and letters: ${place.url}`);
console.log(`Maya’s page: ${place.links[0]?.url.replace(place.url, `http://127.0.0.1:${port}`)}`);

let ending = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, async () => {
    if (ending) return;
    ending = true;
    pages.kill();
    await place.close();
    process.exit(0);
  });
}
