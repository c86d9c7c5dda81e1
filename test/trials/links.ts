import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { persons } from '../../db/schema/people.ts';
import { openLink, revokeLinks } from '../../src/invitations/links.ts';
import { freshDatabase } from '../support/database.ts';
import { mintBatch } from '../support/links.ts';

/*
 * Mints links for very many people, a page link and a stop link each, as a batch’s file does once the gate was asked, with the event loop
 * watched; then revokes a hundred thousand page links as one batch.
 */

const { values } = parseArgs({ options: { links: { type: 'string', default: '1000000' } } });
const many = Number(values.links);
const now = new Date();
const db = await freshDatabase();
const ids = Array.from({ length: 1000 }, (_, at) => `p-${at}`);
await db.write((tx) =>
  tx
    .insert(persons)
    .values(
      ids.map((id) => ({ id, kind: 'customer' as const, source: 'trial', externalId: id, facts: {}, createdAt: 0 })),
    ),
);

const lag = monitorEventLoopDelay({ resolution: 1 });
lag.enable();
let began = performance.now();
const cpu = process.cpuUsage();
await mintBatch(
  db,
  Array.from({ length: Math.ceil(many / 2) }, (_, at) => ids[at % ids.length]!),
  now,
  { stops: true },
);
const minted = (performance.now() - began) / 1000;
lag.disable();
const { user, system } = process.cpuUsage(cpu);
// What the monitor reports includes the millisecond that it sleeps by itself.
const p99 = lag.percentile(99) / 1e6 - 1;
console.log(
  `${many} links, a page link and a stop link for each person, minted in ${minted.toFixed(1)} s, ${((user + system) / 1e6).toFixed(1)} s of them on the processor; the loop’s lag: 99 of 100 within ${p99.toFixed(1)} ms, at most ${(lag.max / 1e6 - 1).toFixed(0)} ms.`,
);

const hundred = Math.min(100_000, many);
const { batchId, tokens } = await mintBatch(
  db,
  Array.from({ length: hundred }, (_, at) => ids[at % ids.length]!),
  now,
  { stops: true },
);
const visitor = { deviceSecret: undefined, freshDays: 30 };
const works = async (token: string) => (await openLink(db.read, token, 'page', visitor, now)) !== null;
const before = await works(tokens[0]!);
began = performance.now();
const revoked = await db.write((tx) => revokeLinks(tx, { batchId }, now));
const dead = !(await works(tokens[0]!)) && !(await works(tokens.at(-1)!));
const took = (performance.now() - began) / 1000;
console.log(`A batch of ${revoked} revoked, the first and the last dead, after ${took.toFixed(2)} s.`);
await db.cleanup();
process.exitCode = before && dead && minted <= 60 && p99 < 50 && took <= 1 ? 0 : 1;
