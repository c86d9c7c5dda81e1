import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { letters } from '../../db/schema/mail.ts';
import { audit } from '../../db/schema/staff.ts';
import { writeLetter } from '../../src/invitations/letters.ts';
import { suppress } from '../../src/people/suppression.ts';
import { sentenceOf } from '../../src/staff/log.ts';
import { becauseWords, itArrived, kindWords, sendAgain, sendingPage } from '../../src/staff/sending.ts';
import { deliver } from '../mail/post.ts';
import type { FreshDatabase } from '../support/database.ts';
import { castPerson, later, NOW, seededDatabase } from '../support/seeded.ts';

let db: FreshDatabase;
beforeEach(async () => {
  db = await seededDatabase();
  await db.write((tx) => tx.delete(letters));
});
afterEach(() => db.cleanup());

async function doubtful(cause: string, who = 'c-maya'): Promise<string> {
  const person = await castPerson(db.read, who);
  await db.write((tx) => writeLetter(tx, { letter: 'back', cause, person, sender: 'Priya Nair', slots: {} }, NOW));
  const at = NOW.getTime();
  const said = '451 4.3.0 <maya@rennickpress.example> try later';
  const [row] = await db.write((tx) =>
    tx
      .update(letters)
      .set({ handedAt: at, doubtfulAt: at + 1, serverSaid: said })
      .where(eq(letters.cause, cause))
      .returning({ id: letters.id }),
  );
  return row!.id;
}

test('a letter in doubt is shown without its text, its address or its links', async () => {
  const id = await doubtful('back:1');
  await doubtful('back:2', 'e-tariq');
  const page = await sendingPage(db.read);
  expect(page.doubtful).toEqual([
    expect.objectContaining({ id, kind: 'back', to: 'm•••@rennickpress.example', said: '451 4.3.0 <…> try later' }),
    expect.objectContaining({ to: 'a former colleague' }),
  ]);
  expect(JSON.stringify(page)).not.toMatch(/maya@|\/for\/|\{link\}/);
  expect(page.kinds).toEqual([{ kind: 'back', sent: 0, waiting: 0, doubtful: 2, held: 0, cameBack: 0 }]);
});

test('“it did arrive” makes it a sent one, under a name in the log; a second press is told so', async () => {
  const id = await doubtful('back:1');
  expect(await db.write((tx) => itArrived(tx, 'mei', id, later(5)))).toEqual({ kind: 'back' });
  const [row] = await db.read.select().from(letters);
  expect(row).toMatchObject({ sentAt: NOW.getTime(), doubtfulAt: null });
  expect(await db.write((tx) => itArrived(tx, 'mei', id, later(6)))).toMatchObject({ code: 'not-doubtful' });
  expect(await db.write((tx) => sendAgain(tx, 'mei', id, later(6)))).toMatchObject({ code: 'not-doubtful' });
  const [entry, ...more] = (await db.read.select().from(audit)).filter(({ subject }) => subject.startsWith('letters:'));
  expect(more).toEqual([]);
  const names = new Map([['mei', 'Mei-Lin Tan']]);
  expect(sentenceOf(entry!, names)).toBe('Mei-Lin Tan said that a letter in doubt did arrive (kind: back).');
});

test('“send again” sends that one, and no other', async () => {
  const [id, other] = [await doubtful('back:1'), await doubtful('back:2')];
  await db.write((tx) => sendAgain(tx, 'mei', id, later(5)));
  expect(await deliver(db, later(6)), 'it counts for its minute still').toEqual([]);
  expect((await deliver(db, later(60_000))).map((letter) => letter.id)).toEqual([id]);
  expect((await sendingPage(db.read)).doubtful.map((one) => one.id)).toEqual([other]);
});

test('who is written to no more is counted by the reason, and every held letter says why', async () => {
  await db.write(async (tx) => {
    await suppress(tx, 'a@one.example', 'bounced', NOW);
    await suppress(tx, 'b@one.example', 'complained', NOW);
    await suppress(tx, 'c@one.example', 'complained', NOW);
  });
  const { silent } = await sendingPage(db.read);
  expect(silent.find(({ reason }) => reason === 'complained')).toEqual({ reason: 'complained', addresses: 2 });
  expect(silent.find(({ reason }) => reason === 'bounced')).toEqual({ reason: 'bounced', addresses: 1 });
  expect(becauseWords('too-late')).toMatch(/waited too long/);
  expect(becauseWords('not-holding')).toBe('The gate said no when it was about to leave: not holding.');
  expect([kindWords('back'), kindWords('owner-alert')]).toEqual(['Receipt of a return', 'Owner alert']);
});
