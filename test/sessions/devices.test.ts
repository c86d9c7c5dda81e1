import { afterAll, beforeAll, expect, test } from 'vitest';
import { devices } from '../../db/schema/sessions.ts';
import type { Person } from '../../src/invitations/links.ts';
import { DEVICE_DAYS, deviceOf, rememberDevice } from '../../src/sessions/devices.ts';
import type { FreshDatabase } from '../support/database.ts';
import { castPerson, DAY_MS, later, NOW, seededDatabase } from '../support/seeded.ts';

let db: FreshDatabase;
let maya: Person;
beforeAll(async () => {
  db = await seededDatabase();
  maya = await castPerson(db.read, 'c-maya');
});
afterAll(() => db.cleanup());

const remember = (steppedUp = false) => db.write((tx) => rememberDevice(tx, maya.id, { steppedUp }, NOW));

test('a device is known for ninety days and not a moment longer', async () => {
  const secret = await remember();
  expect(await deviceOf(db.read, secret, later(DEVICE_DAYS * DAY_MS - 1))).toMatchObject({ personId: maya.id });
  expect(await deviceOf(db.read, secret, later(DEVICE_DAYS * DAY_MS))).toBeNull();
});

test('looking does not lengthen its life', async () => {
  const secret = await remember();
  const before = await db.read.select().from(devices);
  await deviceOf(db.read, secret, later(60 * DAY_MS));
  expect(await db.read.select().from(devices)).toEqual(before);
});

test('whether a code was entered on it is kept with it', async () => {
  expect(await deviceOf(db.read, await remember(true), NOW)).toMatchObject({ steppedUpAt: NOW.getTime() });
  expect(await deviceOf(db.read, await remember(false), NOW)).toMatchObject({ steppedUpAt: null });
});

test('no cookie, an empty one and an invented one name no device', async () => {
  for (const cookie of [undefined, '', 'x', 'a'.repeat(43), `${await remember()} `]) {
    expect(await deviceOf(db.read, cookie, NOW)).toBeNull();
  }
});

test('a stolen row logs in nobody', async () => {
  for (let times = 0; times < 100; times += 1) await remember(true);
  for (const { hash } of await db.read.select().from(devices)) {
    for (const encoding of ['base64url', 'hex', 'base64', 'latin1'] as const)
      expect(await deviceOf(db.read, hash.toString(encoding), NOW)).toBeNull();
  }
});
