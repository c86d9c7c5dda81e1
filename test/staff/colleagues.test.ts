import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { letters } from '../../db/schema/mail.ts';
import { audit, staffSessions } from '../../db/schema/staff.ts';
import { publishedSite } from '../../src/proofs/published.ts';
import { beginSession } from '../../src/sessions/staff.ts';
import { MAY, may } from '../../src/staff/access.ts';
import { addColleague, changeRoles, colleagues, colleaguesWho, endAccess } from '../../src/staff/colleagues.ts';
import type { FreshDatabase } from '../support/database.ts';
import { NOW, seededDatabase } from '../support/seeded.ts';

let db: FreshDatabase;
beforeEach(async () => {
  db = await seededDatabase();
});
afterEach(() => db.cleanup());

const NEW = { name: 'Amal Osei', title: 'Communications', address: ' Amal.Osei@Northline.example', roles: ['writer'] };
const add = (colleague: Partial<typeof NEW> & { id?: string } = {}) =>
  db.write((tx) => addColleague(tx, 'sander', { ...NEW, ...colleague }, NOW));
const roles = (id: string, ...wanted: string[]) => db.write((tx) => changeRoles(tx, 'sander', id, wanted, NOW));
const end = (id: string) => db.write((tx) => endAccess(tx, 'sander', id, NOW));
const member = async (id: string) => (await colleagues(db.read)).find((one) => one.id === id);
const deeds = async () => (await db.read.select().from(audit)).filter(({ staffId }) => staffId === 'sander');

describe('adding', () => {
  test('gives a short id and a place, in small letters, and writes it down', async () => {
    expect(await add()).toMatchObject({ id: 'amal', address: 'amal.osei@northline.example', addedBy: 'sander' });
    expect(await deeds()).toMatchObject([{ action: 'added', subject: 'staff:amal', detail: { roles: 'writer' } }]);
    expect(JSON.stringify(await deeds())).not.toMatch(/osei|northline/i);
  });

  test('a name that goes into letters is one line', async () => {
    expect(await add({ name: 'Amal\r\nOsei', title: 'Head of\n Support' })).toMatchObject({
      name: 'Amal Osei',
      title: 'Head of Support',
    });
  });

  test('two of one name have two ids', async () => {
    expect(await add({ name: 'Grace Hall', address: 'g@northline.example' })).toMatchObject({ id: 'grace-hall' });
    expect(await add({ name: 'Grace Hall', address: 'h@northline.example' })).toMatchObject({ id: 'grace-hall-2' });
    expect(await add({ name: 'Øystein Åse', address: 'o@northline.example' })).toMatchObject({
      id: expect.stringMatching(/^[a-z][a-z0-9-]*$/),
    });
  });

  test('somebody whom documents name already keeps their short id, and nobody else gets it', async () => {
    expect(await add({ name: 'Yusuf Khan', address: 'y@northline.example' })).toMatchObject({ id: 'yusuf-khan' });
    expect(await add({ id: 'yusuf' })).toMatchObject({ refused: true, code: 'id' });
    const { name } = (await publishedSite(db.read)).people['yusuf']!;
    expect(await add({ name, address: 'yu@northline.example' })).toMatchObject({ id: 'yusuf' });
  });

  test.each([
    ['a team', { name: 'Support Team' }, 'name'],
    ['one name only', { name: 'Amal' }, 'name'],
    ['no title', { title: ' ' }, 'title'],
    ['half an address', { address: 'amal@' }, 'address'],
    ['an address with a line in it', { address: 'a@b.example\nBcc: c@d.example' }, 'address'],
    ['an address that somebody has', { address: 'GRACE.adeyemi@northline.example' }, 'address'],
    ['an id that somebody has', { id: 'grace' }, 'id'],
    ['an id that no document could name', { id: 'Amal Osei' }, 'id'],
    ['no role', { roles: [] }, 'roles'],
    ['a role that does not exist', { roles: ['king'] }, 'roles'],
  ])('refuses %s, in a sentence, and writes nothing', async (_what, wrong, code) => {
    const before = await colleagues(db.read);
    const refused = await add(wrong);
    expect(refused).toMatchObject({ refused: true, code, sentence: expect.stringMatching(/\.$/) });
    expect(await colleagues(db.read)).toEqual(before);
    expect(await deeds()).toEqual([]);
  });
});

test('whoever publishes or decides over places hears of each that was given, and nobody else', async () => {
  const told = async () =>
    (await db.read.select().from(letters).where(eq(letters.kind, 'place-changed'))).map(
      ({ toAddress, body }) => `${toAddress.split('.')[0]}: ${/\n(.* may now act as .*)\n/.exec(body)![1]}`,
    );
  await add();
  expect(await told()).toEqual(['ruth: Amal Osei may now act as writer.']);
  await roles('amal', 'writer', 'approver');
  await roles('amal', 'writer', 'approver');
  expect((await told()).slice(1)).toEqual(['ruth: Amal Osei may now act as writer and approver.']);
  await db.write((tx) => addColleague(tx, null, { ...NEW, name: 'By Command', address: 'c@northline.example' }, NOW));
  expect(await told()).toHaveLength(2);
});

describe('roles and leaving', () => {
  test('roles change, and from what to what is written down', async () => {
    expect(await roles('grace', 'owner', 'writer')).toBe(true);
    expect((await member('grace'))!.roles).toEqual(['writer', 'owner']);
    expect(await deeds()).toMatchObject([{ action: 'changed roles', detail: { from: 'writer', to: 'writer, owner' } }]);
    await roles('grace', 'writer', 'owner');
    expect(await deeds()).toHaveLength(1);
  });

  test('ending access ends every session in the same moment', async () => {
    await db.write((tx) => beginSession(tx, 'grace', undefined, NOW));
    expect(await end('grace')).toBe(true);
    expect(await db.read.select().from(staffSessions)).toEqual([]);
    expect((await member('grace'))!.leftAt).toBe(NOW.getTime());
    expect(await colleaguesWho(db.read, 'write')).not.toContainEqual(expect.objectContaining({ id: 'grace' }));
    expect(await end('grace')).toBe(true);
    expect(await deeds()).toHaveLength(1);
  });

  test('whoever left is let back in by giving them roles again', async () => {
    await end('grace');
    expect(await add({ address: 'grace.adeyemi@northline.example' })).toMatchObject({
      sentence: 'Grace Adeyemi had that address and left. Give them roles again instead.',
    });
    expect(await roles('grace', 'writer')).toBe(true);
    expect((await member('grace'))!.leftAt).toBeNull();
    expect((await deeds()).map(({ action }) => action)).toEqual(['ended access', 'let back in']);
  });

  test('the last admin stays: neither their role nor their access can be taken', async () => {
    for (const refused of [await end('sander'), await roles('sander', 'approver')])
      expect(refused).toMatchObject({
        code: 'last-admin',
        sentence: 'Sander de Wit is the only admin left. Make somebody else an admin first.',
      });
    await roles('ruth', 'admin');
    expect(await roles('sander', 'approver')).toBe(true);
    expect(await end('ruth')).toMatchObject({ code: 'last-admin' });
  });

  test('an admin who left is not counted as one', async () => {
    await roles('ruth', 'admin');
    await end('ruth');
    expect(await end('sander')).toMatchObject({ code: 'last-admin' });
  });

  test('nobody of that id is refused', async () => {
    for (const refused of [await end('nobody'), await roles('nobody', 'writer')])
      expect(refused).toMatchObject({ code: 'unknown' });
  });
});

describe('who may be named on a page', () => {
  test('everyone with a place at the desk; site.yaml says it first', async () => {
    await add();
    const { people } = await publishedSite(db.read);
    expect(people['amal']).toEqual({
      name: 'Amal Osei',
      role: 'Communications',
      address: 'amal.osei@northline.example',
    });
    expect(people['yusuf']!.name).toBe('Yusuf Demir');
    await db.write((tx) => addColleague(tx, null, { ...NEW, id: 'yusuf', address: 'y@northline.example' }, NOW));
    expect((await publishedSite(db.read)).people['yusuf']!.name).toBe('Yusuf Demir');
  });

  test('also who left, but no alert goes to them', async () => {
    await add();
    await end('amal');
    expect((await publishedSite(db.read)).people['amal']).toEqual({ name: 'Amal Osei', role: 'Communications' });
  });

  test('what one request is shown is not changed for the next', async () => {
    const before = Object.keys((await publishedSite(db.read)).people);
    await add();
    await publishedSite(db.read);
    expect(Object.keys((await publishedSite(db.read)).people)).toEqual([...before, 'amal']);
  });
});

test('each role may do what it is for, and nobody may do everything', () => {
  for (const role of ['writer', 'owner', 'approver', 'hr', 'operator', 'admin'] as const) {
    const can = (Object.keys(MAY) as (keyof typeof MAY)[]).filter((doing) => may([role], doing));
    expect(can).toContain('look');
    expect(can.length).toBeLessThan(Object.keys(MAY).length);
  }
  expect(may(['writer', 'owner'], 'approve')).toBe(false);
  expect(may(['approver', 'admin'], 'write')).toBe(false);
  expect(may([], 'look')).toBe(false);
});
