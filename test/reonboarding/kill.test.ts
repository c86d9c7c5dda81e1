import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { letters } from '../../db/schema/mail.ts';
import { talks } from '../../db/schema/reonboarding.ts';
import { newestOffer, offerState } from '../../src/reonboarding/offer.ts';
import { weekOf } from '../../src/reonboarding/steps.ts';
import type { FreshDatabase } from '../support/database.ts';
import { castPerson, seededDatabase } from '../support/seeded.ts';
import { walk } from './walk.ts';

const SCRIPT = fileURLToPath(new URL('./walk-process.ts', import.meta.url));

async function start(personId: string, urls: string[]) {
  const child = spawn(process.execPath, [SCRIPT, personId, ...urls], { stdio: ['pipe', 'pipe', 'inherit'] });
  const said: string[] = [];
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => said.push(line));
  const ended = once(child, 'close');
  await once(lines, 'line');
  const acknowledged = async (count: number) => {
    while (said.length <= count) await Promise.race([once(lines, 'line'), ended]);
  };
  return { said, acknowledged, ended, go: () => child.stdin.write('go\n'), kill: () => child.kill('SIGKILL') };
}

/** After so many acknowledgements of three walks, and a moment into what follows the last one. */
const BLOWS = [1, 6, 11, 17];

test('killed at twelve moments of the way back, nothing that was acknowledged is lost, and nothing is there twice', async () => {
  const fell = new Set<number>();
  const rounds = await Promise.all(
    BLOWS.map(async (blow, nth) => {
      const places = await Promise.all([1, 2, 3].map(() => seededDatabase()));
      const personId = (await castPerson(places[0]!.read, 'e-tariq')).id;
      const process = await start(
        personId,
        places.map(({ url }) => url),
      );
      return { blow, pause: (nth % 2) * 2, places, personId, process };
    }),
  );
  for (const { blow, pause, places, personId, process } of rounds) {
    process.go();
    await process.acknowledged(blow);
    await setTimeout(pause);
    process.kill();
    await process.ended;
    for (const [at, db] of places.entries()) {
      const said = process.said.flatMap((line) => (line.startsWith(`${at} `) ? [line.slice(2)] : []));
      fell.add(said.length);
      await check(db, personId, said);
    }
  }
  expect(fell.size).toBeGreaterThan(4);
}, 120_000);

async function check(db: FreshDatabase, personId: string, said: string[]): Promise<void> {
  const kept = async () => {
    const offer = (await newestOffer(db.read, personId))!;
    const week = await weekOf(db.read, offer, 'Europe/London');
    const done = [...week.todo, ...week.different].filter(({ doneOn }) => doneOn !== null);
    return { offer, done: done.map(({ item }) => item.id), sent: await db.read.select().from(letters) };
  };
  const after = await kept();
  for (const line of said.filter((one) => one.startsWith('done '))) {
    expect(after.done).toContain(line.slice('done '.length));
  }
  if (said.includes('accepted')) expect(offerState(after.offer, '2026-11-22')).toBe('accepted');
  if (said.includes('asked')) expect(await db.read.select().from(talks)).toHaveLength(1);
  // Accepted without its letters, or letters without it: neither is ever there.
  const wholeCopy = after.sent.filter(({ kind }) => ['role-accepted', 'task', 'offer-answered'].includes(kind)).length;
  expect(wholeCopy).toBe(after.offer.acceptedAt === null ? 0 : 5);

  await walk(db, personId, () => {});
  const end = await kept();
  expect(end.done).toHaveLength(5);
  expect(end.sent.filter(({ kind }) => kind === 'role-accepted')).toHaveLength(1);
  expect(end.sent.filter(({ kind }) => kind === 'task')).toHaveLength(3);
  expect(end.sent.filter(({ kind }) => kind === 'wants-to-talk')).toHaveLength(1);
  expect(await db.read.select().from(talks)).toHaveLength(1);
  await db.cleanup();
}
