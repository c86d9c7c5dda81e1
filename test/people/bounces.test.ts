import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bounces, letters } from '../../db/schema/mail.ts';
import { env } from '../../src/env.ts';
import { writeLetter } from '../../src/invitations/letters.ts';
import type { Person } from '../../src/invitations/links.ts';
import { requestCode } from '../../src/invitations/renew.ts';
import type { Report } from '../../src/mail/reports.ts';
import { POST } from '../../src/pages/hooks/mail.ts';
import { noteReport } from '../../src/people/bounces.ts';
import { erasePerson } from '../../src/people/erase.ts';
import { everythingAbout } from '../../src/people/export.ts';
import { suppressionOf } from '../../src/people/suppression.ts';
import { mintKey, revokeKey } from '../../src/sessions/keys.ts';
import { deliver } from '../mail/post.ts';
import type { FreshDatabase } from '../support/database.ts';
import { must } from '../support/must.ts';
import { castPerson, DAY_MS, later, NOW, seededDatabase } from '../support/seeded.ts';

let db: FreshDatabase;
let maya: Person;
beforeEach(async () => {
  db = await seededDatabase();
  maya = await castPerson(db.read, 'c-maya');
});
afterEach(() => db.cleanup());

/** A letter to Maya that has left; answers its id. */
async function sent(cause: string, letter: 'fixed' | 'back' | 'came-back' = 'fixed', at = NOW): Promise<string> {
  await db.write((tx) => writeLetter(tx, { letter, cause, person: maya, sender: 'Priya Nair', slots: {} }, at));
  const [row] = await db.write((tx) =>
    tx
      .update(letters)
      .set({ handedAt: at.getTime(), sentAt: at.getTime() })
      .where(eq(letters.cause, cause))
      .returning({ id: letters.id }),
  );
  return row!.id;
}

const report = (letterId: string, kind: Report['kind'] = 'hard', id = `message:${letterId}:${kind}`): Report => ({
  letterId,
  kind,
  said: '550 5.1.1 User unknown',
  id,
});
const note = (one: Report, at = NOW) => db.write((tx) => noteReport(tx, one, at));
const reason = async () => (await suppressionOf(db.read, maya.email!))?.reason ?? null;
const rowOf = async (id: string) => (await db.read.select().from(letters).where(eq(letters.id, id)))[0]!;

test('no such mailbox: never written to again, except codes, requested links and receipts', async () => {
  const id = await sent('fixed:1');
  expect(await note(report(id))).toBe('silenced');
  expect(await reason()).toBe('bounced');
  expect((await rowOf(id)).bouncedAt).toBe(NOW.getTime());
  for (const letter of ['fixed', 'back', 'came-back'] as const) {
    const more = { letter, cause: `${letter}:more`, person: maya, sender: 'Priya Nair', slots: {} };
    await db.write((tx) => writeLetter(tx, more, NOW));
  }
  await db.write((tx) => requestCode(tx, maya, NOW));
  expect((await deliver(db, later(1))).map(({ kind }) => kind).toSorted()).toEqual(['back', 'code']);
});

test('the same report counts once; the first day stands', async () => {
  const id = await sent('fixed:1');
  expect(await note(report(id, 'soft'))).toBe('noted');
  expect(await note(report(id, 'soft'), later(DAY_MS))).toBe('already');
  expect((await rowOf(id)).bouncedAt).toBe(NOW.getTime());
  expect(await db.read.$count(bounces)).toBe(1);
});

test('not this time: three different letters within thirty days, however often one of them is reported', async () => {
  const [a, b, c, d] = [await sent('fixed:a'), await sent('fixed:b'), await sent('fixed:c'), await sent('fixed:d')];
  await note(report(a!, 'soft', '1'));
  await note(report(a!, 'soft', '2'));
  expect(await note(report(b!, 'soft', '3'))).toBe('noted');
  // The first two are too long ago by then.
  expect(await note(report(c!, 'soft', '4'), later(31 * DAY_MS))).toBe('noted');
  expect(await reason()).toBeNull();
  await note(report(d!, 'soft', '5'), later(32 * DAY_MS));
  expect(await note(report(a!, 'soft', '6'), later(33 * DAY_MS))).toBe('silenced');
  expect(await reason()).toBe('bounced');
});

test('a complaint stops everything at once', async () => {
  expect(await note(report(await sent('fixed:1'), 'complaint'))).toBe('silenced');
  expect(await reason()).toBe('complained');
});

test('a report about no letter of ours, or about one that never left, changes nothing', async () => {
  expect(await note(report('019aa000-0000-7000-8000-000000000009'))).toBe('unknown');
  const id = await sent('fixed:1');
  await db.write((tx) => tx.update(letters).set({ handedAt: null, sentAt: null }));
  expect(await note(report(id))).toBe('unknown');
  expect(await reason()).toBeNull();
});

test('what came back had left: a letter in doubt is none any more', async () => {
  const id = await sent('back:1', 'back');
  await db.write((tx) => tx.update(letters).set({ sentAt: null, doubtfulAt: NOW.getTime() }));
  await note(report(id, 'soft'), later(DAY_MS));
  expect(await rowOf(id)).toMatchObject({ sentAt: NOW.getTime(), doubtfulAt: null });
});

test('what came back is in the person’s export, and goes with them', async () => {
  await note(report(await sent('fixed:1')));
  expect(JSON.stringify(await everythingAbout(db.read, maya.id))).toContain('550 5.1.1 User unknown');
  await db.write((tx) => erasePerson(tx, maya.id, NOW));
  expect(await db.read.$count(bounces)).toBe(0);
});

test('a mail service reports with a key: one or many, the same twice once, and nobody without a key', async () => {
  env.DATABASE_URL = db.url;
  const made = async (purpose: 'bounces' | 'measurements') => {
    const asked = { purpose, proofId: null, label: 'Our mail service', createdBy: null };
    return must(await db.write((tx) => mintKey(tx, asked, NOW)));
  };
  const minted = await made('bounces');
  const send = async (body: unknown, key = minted.key) => {
    const headers = { authorization: `Bearer ${key}` };
    const request = new Request('https://amends.example/hooks/mail', {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    const answer = await POST({ request } as Parameters<typeof POST>[0]);
    return [answer.status, await answer.json()];
  };
  const id = await sent('fixed:1');
  const message_id = `<${id}@northline.example>`;
  const hard = { event: 'e1', message_id, kind: 'bounce', status: '5.1.1', said: 'maya@rennickpress.example unknown' };
  expect((await send(hard, 'A'.repeat(43)))[0]).toBe(401);
  expect((await send(hard, (await made('measurements')).key))[0], 'a key for measurements').toBe(401);
  expect((await send({ ...hard, status: '2.0.0' }))[0]).toBe(400);
  expect((await send({ ...hard, address: maya.email }))[0], 'an address is not asked for').toBe(400);
  expect(await reason()).toBeNull();
  const none = { noted: 0, silenced: 0, already: 0, unknown: 0 };
  expect(await send([hard, hard, { ...hard, event: 'e2', message_id: '<x@y.example>' }])).toEqual([
    200,
    { ...none, silenced: 1, already: 1, unknown: 1 },
  ]);
  expect(await send({ event: 'e3', message_id, kind: 'complaint' })).toEqual([200, { ...none, silenced: 1 }]);
  expect((await db.read.select().from(bounces)).map(({ said }) => said)).toEqual(['… unknown', '']);
  await db.write((tx) => revokeKey(tx, 'bounces', minted.id, NOW));
  expect((await send(hard))[0]).toBe(401);
});
