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
import { castPerson, seededDatabase } from '../support/seeded.ts';

const SCRIPT = fileURLToPath(new URL('./walk-process.ts', import.meta.url));

async function start(url: string, personId: string) {
  const child = spawn(process.execPath, [SCRIPT, url, personId], { stdio: ['pipe', 'pipe', 'inherit'] });
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

test('killed at twelve moments of the way back, nothing that was acknowledged is lost, and nothing is there twice', async () => {
  const fell = new Set<number>();
  for (let blow = 0; blow < 12; blow += 1) {
    const db = await seededDatabase();
    const person = await castPerson(db.read, 'e-tariq');
    const killed = await start(db.url, person.id);
    killed.go();
    // After so many acknowledgements, and a moment into what follows the last one.
    await killed.acknowledged(Math.floor(blow / 2) + 1);
    await setTimeout((blow % 2) * 2);
    killed.kill();
    await killed.ended;
    fell.add(killed.said.length);

    const kept = async () => {
      const offer = (await newestOffer(db.read, person.id))!;
      const week = await weekOf(db.read, offer, 'Europe/London');
      const done = [...week.todo, ...week.different].filter(({ doneOn }) => doneOn !== null);
      return { offer, done: done.map(({ item }) => item.id), sent: await db.read.select().from(letters) };
    };
    const after = await kept();
    for (const said of killed.said.filter((line) => line.startsWith('done '))) {
      expect(after.done).toContain(said.slice('done '.length));
    }
    if (killed.said.includes('accepted')) expect(offerState(after.offer, '2026-11-22')).toBe('accepted');
    // Accepted without its letters, or letters without it: neither is ever there.
    const wholeCopy = after.sent.filter(({ kind }) => ['role-accepted', 'task'].includes(kind)).length;
    expect(wholeCopy).toBe(after.offer.acceptedAt === null ? 0 : 4);

    const again = await start(db.url, person.id);
    again.go();
    await again.ended;
    const end = await kept();
    expect(end.done).toHaveLength(5);
    expect(end.sent.filter(({ kind }) => kind === 'role-accepted')).toHaveLength(1);
    expect(end.sent.filter(({ kind }) => kind === 'task')).toHaveLength(3);
    expect(end.sent.filter(({ kind }) => kind === 'wants-to-talk')).toHaveLength(1);
    expect(await db.read.select().from(talks)).toHaveLength(1);
    await db.cleanup();
  }
  expect(fell.size).toBeGreaterThan(4);
}, 120_000);
