import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { links } from '../../db/schema/invitations.ts';
import { devices } from '../../db/schema/sessions.ts';
import {
  bindDevice,
  type Link,
  mintLink,
  openLink,
  type Person,
  rebindDevice,
  revokePageLinks,
} from '../../src/invitations/links.ts';
import { rememberDevice } from '../../src/sessions/devices.ts';
import { hashSecret, mintSecret } from '../../src/shared/secrets.ts';
import type { FreshDatabase } from '../support/database.ts';
import { castPerson, DAY_MS, later, NOW, seededDatabase } from '../support/seeded.ts';

const FRESH_DAYS = 30;
let db: FreshDatabase;
let maya: Person;
let token: string;
beforeAll(async () => {
  db = await seededDatabase();
  maya = await castPerson(db.read, 'c-maya');
});
afterAll(() => db.cleanup());
beforeEach(async () => {
  token = await mint();
});

function mint(person = maya, purpose: Link['purpose'] = 'page', at = NOW): Promise<string> {
  return db.write((tx) => mintLink(tx, { personId: person.id, purpose, days: 90 }, at));
}

function open(text: string, deviceSecret?: string, at = NOW, purpose: Link['purpose'] = 'page') {
  return openLink(db.read, text, purpose, { deviceSecret, freshDays: FRESH_DAYS }, at);
}

async function bind(text = token, at = NOW): Promise<string> {
  const secret = await db.write(async (tx) => bindDevice(tx, (await open(text, undefined, at))!, at));
  return secret!;
}

test('a fresh link that no device has claimed shows their words', async () => {
  expect(await open(token)).toMatchObject({ person: { id: maya.id }, device: null, trusted: true });
});

test('claimed by a device, it is trusted there and asks for a code anywhere else', async () => {
  const secret = await bind();
  expect(await open(token, secret)).toMatchObject({ trusted: true, device: { personId: maya.id } });
  expect(await open(token)).toMatchObject({ trusted: false, device: null });
  expect(await open(token, mintSecret())).toMatchObject({ trusted: false, device: null });
});

test('an old link is not trusted, on its own device neither, until a code was entered there', async () => {
  const old = later(FRESH_DAYS * DAY_MS);
  const secret = await bind();
  expect(await open(token, secret, later(FRESH_DAYS * DAY_MS - 1))).toMatchObject({ trusted: true });
  expect(await open(token, secret, old)).toMatchObject({ trusted: false });
  expect(await open(await mint(), undefined, old)).toMatchObject({ trusted: false });
  const stepped = await db.write(async (tx) => rebindDevice(tx, (await open(token, secret, old))!, old));
  expect(await open(token, stepped, old)).toMatchObject({ trusted: true });
});

test('a stranger who pressed first loses the page as soon as the person enters a code', async () => {
  const stranger = await bind();
  expect(await open(token, stranger)).toMatchObject({ trusted: true });
  const owner = await db.write(async (tx) => rebindDevice(tx, (await open(token))!, NOW));
  expect(await open(token, owner)).toMatchObject({ trusted: true });
  expect(await open(token, stranger)).toMatchObject({ trusted: false, device: null });
});

test('an employee needs a code always, fresh link or not', async () => {
  const tariq = await castPerson(db.read, 'e-tariq');
  const link = await mint(tariq);
  expect(await open(link)).toMatchObject({ trusted: false });
  const plain = await db.write((tx) => rememberDevice(tx, tariq.id, { steppedUp: false }, NOW));
  expect(await open(link, plain)).toMatchObject({ trusted: false });
  const stepped = await db.write((tx) => rememberDevice(tx, tariq.id, { steppedUp: true }, NOW));
  expect(await open(link, stepped)).toMatchObject({ trusted: true });
});

test('somebody else’s device counts for nothing', async () => {
  const idris = await castPerson(db.read, 'c-idris');
  const theirs = await bind(await mint(idris));
  const ours = await bind();
  expect(await open(token, theirs)).toMatchObject({ trusted: false, device: null });
  expect(await open(token, ours)).toMatchObject({ trusted: true });
});

test('expired, revoked, of another purpose, never minted, nonsense: the same nothing', async () => {
  expect(await open(token, undefined, later(90 * DAY_MS - 1))).not.toBeNull();
  expect(await open(token, undefined, later(90 * DAY_MS))).toBeNull();
  expect(await open(token, undefined, NOW, 'stop')).toBeNull();
  expect(await open(await mint(maya, 'stop'))).toBeNull();
  expect(await open(mintSecret())).toBeNull();
  for (const nonsense of [
    '',
    ' ',
    'x',
    `${token}x`,
    token.slice(1),
    `${token.slice(0, 42)}\0`,
    '../../etc/passwd',
    '%00',
  ])
    expect(await open(nonsense)).toBeNull();
  await db.write((tx) => revokePageLinks(tx, maya.id, NOW));
  expect(await open(token)).toBeNull();
});

test('opening a link a hundred times, by anyone, changes no row', async () => {
  const secret = await bind();
  const before = await everything();
  for (let times = 0; times < 50; times += 1) await Promise.all([open(token, secret), open(token)]);
  expect(await everything()).toEqual(before);
});

async function everything() {
  return Promise.all(['links', 'devices', 'persons'].map((table) => db.read.all(sql.raw(`select * from ${table}`))));
}

test('of fifty first presses at once exactly one binds', async () => {
  const before = await db.read.$count(devices);
  const visit = (await open(token))!;
  const bound = await Promise.all(Array.from({ length: 50 }, () => db.write((tx) => bindDevice(tx, visit, NOW))));
  expect(bound.filter((secret) => secret !== null)).toHaveLength(1);
  expect(await db.read.$count(devices)).toBe(before + 1);
});

test('a device that is theirs already, and a visitor who is not trusted, bind nothing', async () => {
  const secret = await bind();
  const before = await db.read.$count(devices);
  for (const visit of [await open(token, secret), await open(token)]) {
    expect(await db.write((tx) => bindDevice(tx, visit!, NOW))).toBeNull();
  }
  expect(await db.read.$count(devices)).toBe(before);
});

test('a stolen table is of no use: a hash is neither a link nor a cookie', async () => {
  await bind();
  const stolenLinks = await db.read.select({ hash: links.hash }).from(links);
  const stolenDevices = await db.read.select({ hash: devices.hash }).from(devices).where(eq(devices.personId, maya.id));
  for (const { hash } of [...stolenLinks, ...stolenDevices]) {
    for (const encoding of ['base64url', 'hex', 'base64', 'latin1'] as const) {
      const stolen = hash.toString(encoding);
      expect(await open(stolen)).toBeNull();
      expect(await open(token, stolen)).toMatchObject({ device: null, trusted: false });
    }
  }
  expect(stolenDevices.length).toBeGreaterThan(0);
});

test('tokens are 256 random bits, kept only as their hash', async () => {
  expect(Buffer.from(token, 'base64url')).toHaveLength(32);
  expect(await db.read.$count(links, eq(links.hash, hashSecret(token)))).toBe(1);
  const many = new Set(Array.from({ length: 10_000 }, mintSecret));
  expect(many.size).toBe(10_000);
});
