import { copyFileSync, existsSync, mkdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { eq, isNull, sql } from 'drizzle-orm';
import PostalMime from 'postal-mime';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { type Db, openDatabase } from '../../db/client.ts';
import { letters } from '../../db/schema/mail.ts';
import { mintFor, writeLetter } from '../../src/invitations/letters.ts';
import type { Person } from '../../src/invitations/links.ts';
import {
  type Delivery,
  deliverDueLetters,
  type Outcome,
  type Outgoing,
  resendDoubtful,
  URGENT,
} from '../../src/mail/delivery.ts';
import { sendFromHere, writeFence } from '../../src/mail/fence.ts';
import { inspectMail } from '../../src/mail/inspect.ts';
import { quietUntil } from '../../src/mail/quiet.ts';
import { openSmtp } from '../../src/mail/smtp.ts';
import { suppress, suppressionOf } from '../../src/people/suppression.ts';
import { heldAtSending } from '../../src/reactions.ts';
import type { FreshDatabase } from '../support/database.ts';
import { castPerson, later, NOW, seededDatabase } from '../support/seeded.ts';
import { SITE_URL } from './post.ts';
import { type Sink, startSink } from './smtp-sink.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SENDER = { from: 'hello@northline.example', replyTo: 'answers@northline.example' };

let db: FreshDatabase;
let maya: Person;
let sink: Sink;
let fence: string;
beforeAll(async () => {
  sink = await startSink();
});
afterAll(() => sink.close());
beforeEach(async () => {
  db = await seededDatabase();
  maya = await castPerson(db.read, 'c-maya');
  fence = `${db.path}.sending`;
});
afterEach(() => db.cleanup());

function write(cause: string, to = 'maya@rennickpress.example', letter: 'back' | 'fixed' = 'back', at = NOW) {
  const person = { ...maya, email: to };
  return db.write((tx) => writeLetter(tx, { letter, cause, person, sender: 'Priya Nair', slots: {} }, at));
}

type Options = { url?: string; limit?: number; from?: Db } & Partial<NonNullable<Delivery['server']>>;

async function send(now: Date | (() => Date) = NOW, { url, limit, from, ...server }: Options = {}) {
  const smtp = openSmtp(url ?? sink.url);
  const before = sink.taken().length;
  try {
    const delivery = {
      transport: smtp.transport(SENDER),
      heldBecause: heldAtSending,
      mint: mintFor(SITE_URL),
      server: {
        pace: { perMinute: 1000, perDomain: 1000 },
        fence,
        connections: 5,
        tooLateAfter: 24 * HOUR,
        quietUntil: async () => null,
        onBounced: (tx: Parameters<typeof suppress>[0], letter: { toAddress: string }, at: Date) =>
          suppress(tx, letter.toAddress, 'bounced', at),
        ...server,
      },
    };
    await deliverDueLetters(from ?? db, delivery, now, limit);
  } finally {
    smtp.close();
  }
  return sink.taken().slice(before);
}

async function row(cause: string) {
  const [found] = await db.read.select().from(letters).where(eq(letters.cause, cause));
  return found!;
}

test('a letter arrives as its person should see it: text, the same as HTML, a name they know, a way to answer and a way to stop', async () => {
  await write('back:r1');
  const [taken, ...more] = await send();
  expect(more).toEqual([]);
  expect(taken!.from.address).toBe(SENDER.from);
  const letter = await PostalMime.parse(taken!.raw);
  expect(letter.from).toMatchObject({ name: 'Priya Nair', address: SENDER.from });
  expect(letter.replyTo).toMatchObject([{ address: SENDER.replyTo }]);
  expect(letter.to).toMatchObject([{ address: 'maya@rennickpress.example' }]);
  expect(letter.html).toContain('<p ');
  expect(letter.html).not.toMatch(/<img|url\(|pixel/);
  expect(letter.attachments).toEqual([]);
  const headers = new Map(letter.headers.map(({ key, value }) => [key, value]));
  const { id } = await row('back:r1');
  expect(headers.get('message-id')).toBe(`<${id}@northline.example>`);
  expect(headers.get('auto-submitted')).toBe('auto-generated');
  expect(headers.get('list-unsubscribe-post')).toBe('List-Unsubscribe=One-Click');
  // A report about it carries our id, and no copy of its text.
  expect(taken!.dsn).toEqual({ ret: 'HDRS', envid: id });
  const stop = /^<(https:\/\/amends\.example\/stop\/[\w-]{43})>$/.exec(headers.get('list-unsubscribe')!)?.[1];
  expect(letter.text).toContain(stop);
  expect(letter.text).not.toMatch(/<img|pixel/);
  expect(await row('back:r1')).toMatchObject({ sentAt: NOW.getTime(), doubtfulAt: null, heldBecause: null });
});

test('a “later” waits twice as long each time, under the same Message-ID, and lets others by', async () => {
  await write('back:busy', 'busy@one.example');
  await write('back:fine', 'fine@two.example', 'back', later(1));
  expect((await send(later(1))).map(({ to }) => to)).toEqual(['fine@two.example']);
  let at = 1;
  for (const minutes of [1, 2, 4, 8, 16, 32, 60, 60]) {
    const waiting = await row('back:busy');
    expect(waiting).toMatchObject({ sentAt: null, heldBecause: null, serverSaid: '451 4.7.1 Come back later' });
    expect(waiting.notBefore - NOW.getTime() - at).toBe(minutes * MINUTE);
    at += minutes * MINUTE;
    await send(later(at));
  }
});

test('an unknown mailbox is never written to again; any other refusal holds one letter, with what was said', async () => {
  for (const name of ['gone', 'plainly', 'blocked', 'full', 'spam']) await write(`back:${name}`, `${name}@one.example`);
  await write('back:last', 'last@one.example');
  expect((await send()).map(({ to }) => to)).toEqual(['last@one.example']);
  const because = async (name: string) => (await row(`back:${name}`)).heldBecause;
  const reason = async (name: string) => (await suppressionOf(db.read, `${name}@one.example`))?.reason ?? null;
  for (const name of ['gone', 'plainly'])
    expect([await because(name), await reason(name)]).toEqual(['bounced', 'bounced']);
  for (const name of ['blocked', 'full', 'spam'])
    expect([await because(name), await reason(name)]).toEqual(['refused', null]);
  expect((await row('back:spam')).serverSaid).toBe('554 5.6.0 We think this is spam');
  expect(await send(later(HOUR)), 'held is for good').toEqual([]);
});

test('an address that is none, or would be two, is held and reaches nobody', async () => {
  const wrong = [
    'no address',
    'a@x.example, b@x.example',
    'a@x.example>\r\nBcc: b@x.example',
    '<a@x.example>',
    '@',
    '',
  ];
  for (const [at, to] of wrong.entries()) {
    await write(`back:${at}`);
    await db.write((tx) =>
      tx
        .update(letters)
        .set({ toAddress: to })
        .where(eq(letters.cause, `back:${at}`)),
    );
  }
  expect(await send()).toEqual([]);
  for (const at of wrong.keys()) expect((await row(`back:${at}`)).heldBecause).toBe('no-address');
});

test('a server that can’t be reached, or doesn’t know us, holds nothing, and only a few ask it in a round', async () => {
  for (const n of [0, 1, 2, 3]) await write(`back:${n}`, `n${n}@one.example`);
  for (const url of ['smtp://127.0.0.1:1', sink.url.replace('//', '//amends:wrong@')]) {
    await db.write((tx) => tx.update(letters).set({ notBefore: NOW.getTime(), attempts: 0 }));
    expect(await send(later(2), { url, connections: 2 })).toEqual([]);
    const rows = await db.read.select().from(letters);
    for (const { heldBecause, doubtfulAt, sentAt } of rows) expect(heldBecause ?? doubtfulAt ?? sentAt).toBeNull();
    expect(rows.map(({ attempts }) => attempts).toSorted()).toEqual([0, 0, 1, 1]);
  }
  expect(await send(later(HOUR), { url: sink.url.replace('//', '//amends:right@') })).toHaveLength(4);
});

test('a line that breaks after the text is in doubt: not sent again, until somebody says so', async () => {
  await write('back:drops', 'drops@one.example');
  await write('back:next', 'next@one.example', 'back', later(1));
  expect(await send(later(1), { connections: 1 })).toHaveLength(1);
  expect(await row('back:drops')).toMatchObject({ sentAt: null, doubtfulAt: NOW.getTime() + 1 });
  expect(await send(later(2)), 'a server that breaks off is left alone for a minute').toEqual([]);
  expect((await send(later(2 * MINUTE))).map(({ to }) => to)).toEqual(['next@one.example']);
  expect(await send(later(HOUR))).toEqual([]);
  expect(await db.write((tx) => resendDoubtful(tx, later(HOUR)))).toBe(1);
  const [again] = await send(later(HOUR));
  const tries = sink.taken().filter(({ to }) => to === 'drops@one.example');
  expect(tries.map(({ id }) => id)).toEqual([again!.id, again!.id]);
});

test('a process that died with a letter at the server leaves one in doubt; one that died before it leaves none', async () => {
  await write('back:before', 'before@one.example');
  const dead = { leasedUntil: NOW.getTime() + MINUTE, attempts: 1 };
  await db.write((tx) => tx.update(letters).set(dead));
  await write('back:at', 'at@one.example');
  await db.write((tx) =>
    tx
      .update(letters)
      .set({ ...dead, handedAt: NOW.getTime() })
      .where(eq(letters.cause, 'back:at')),
  );
  expect(await send(later(MINUTE)), 'while the lease runs it may still be alive').toEqual([]);
  expect((await send(later(MINUTE + 1))).map(({ to }) => to)).toEqual(['before@one.example']);
  expect(await row('back:at')).toMatchObject({ sentAt: null, doubtfulAt: NOW.getTime() + MINUTE + 1 });
});

/** Everything but a mail server; each letter is handed to `transport`. */
function delivering(transport: Delivery['transport'], server: Partial<NonNullable<Delivery['server']>> = {}): Delivery {
  return {
    ...{ heldBecause: heldAtSending, mint: mintFor(SITE_URL), transport },
    server: {
      pace: { perMinute: 1000, perDomain: 1000 },
      fence,
      connections: 5,
      tooLateAfter: 24 * HOUR,
      quietUntil: async () => null,
      onBounced: async () => {},
      ...server,
    },
  };
}

test('a slow round never lets another process have its letters: their lease begins when they do', async () => {
  for (const n of [1, 2, 3, 4, 5]) await write(`back:${n}`, `n${n}@one.example`);
  let at = NOW.getTime();
  const leases: number[] = [];
  const slow = async (letter: Outgoing) => {
    const began = at;
    const [mine] = await db.read.select().from(letters).where(eq(letters.id, letter.id));
    leases.push(mine!.leasedUntil! - began);
    await setTimeout(5);
    at = began + 50_000;
  };
  await deliverDueLetters(db, delivering(slow, { connections: 2 }), () => new Date(at));
  expect(leases).toEqual([MINUTE, MINUTE, MINUTE, MINUTE, MINUTE]);
});

test('as many letters as may be are under way at a time, over as many lines, with one commit for them', async () => {
  for (let n = 0; n < 12; n += 1) await write(`back:${n}`, `n${n}@one.example`);
  let [now, most, commits] = [0, 0, 0];
  const counted: Db = { ...db, write: (work) => db.write(work).finally(() => (commits += 1)) };
  const smtp = openSmtp(sink.url);
  const give = smtp.transport(SENDER);
  const transport = async (letter: Outgoing) => {
    now += 1;
    most = Math.max(most, now);
    return give(letter).finally(() => (now -= 1));
  };
  const before = sink.taken().length;
  expect(await deliverDueLetters(counted, delivering(transport, { connections: 4 }), NOW)).toBe(12);
  smtp.close();
  const taken = sink.taken().slice(before);
  expect([taken.length, new Set(taken.map(({ line }) => line)).size, most]).toEqual([12, 4, 4]);
  // Whether there is work, three times four letters, and what became of the last four.
  expect(commits).toBe(1 + 3 + 1);
});

test('a process that dies leaves in doubt what was under way, and nothing else', async () => {
  for (let n = 0; n < 9; n += 1) await write(`back:${n}`, `n${n}@one.example`, 'back', later(n));
  let given = 0;
  let dead = false;
  const dies: Db = { ...db, write: (work) => (dead ? Promise.reject(new Error('killed')) : db.write(work)) };
  const transport = async () => {
    given += 1;
    if (given > 3) dead = true;
  };
  const dying = deliverDueLetters(dies, delivering(transport, { connections: 3 }), later(10));
  await expect(dying).rejects.toThrow('killed');
  expect(await send(later(10), { limit: 2 }), 'others go on at once with what nobody had').toHaveLength(2);
  expect(await send(later(MINUTE + 11))).toHaveLength(1);
  const rows = await db.read.select().from(letters).orderBy(letters.cause);
  const state = rows.map(({ sentAt, doubtfulAt }) => (sentAt !== null ? 'sent' : doubtfulAt !== null ? 'doubt' : '-'));
  expect(state).toEqual(['sent', 'sent', 'sent', 'doubt', 'doubt', 'doubt', 'sent', 'sent', 'sent']);
  expect(await send(later(HOUR))).toEqual([]);
});

test('a server that breaks off for one letter gets no more of them; what became of the others beside it is known', async () => {
  for (let n = 0; n < 8; n += 1) await write(`back:${n}`, `n${n}@one.example`, 'back', later(n));
  const answers: Record<string, Outcome> = {
    'n1@one.example': { left: 'unknown', said: 'Connection closed' },
    'n2@one.example': { left: 'later', said: '451', stop: false },
    'n3@one.example': { left: 'never', said: '550 5.1.1', because: 'bounced' },
  };
  const transport = async ({ to }: Outgoing) => answers[to] ?? { left: 'yes' as const };
  expect(await deliverDueLetters(db, delivering(transport, { connections: 4 }), later(10))).toBe(1);
  const rows = await db.read.select().from(letters).orderBy(letters.cause);
  expect(rows.map(({ sentAt }) => sentAt !== null)).toEqual([true, ...Array(7).fill(false)]);
  expect(rows.map(({ doubtfulAt }) => doubtfulAt !== null)).toEqual([false, true, ...Array(6).fill(false)]);
  expect(rows.map(({ heldBecause }) => heldBecause).filter(Boolean)).toEqual(['bounced']);
  expect(rows.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
  expect(await send(later(11))).toEqual([]);
});

test('when the count of letters can’t be written, nobody is given one, none is in doubt, and all leave once it can', async () => {
  for (let n = 0; n < 6; n += 1) await write(`back:${n}`, `n${n}@one.example`);
  const inTheWay = `${fence}.${process.pid}.part`;
  mkdirSync(inTheWay);
  for (const n of [0, 1, 2]) await expect(send(later(n)), 'the first ever').rejects.toThrow('EISDIR');
  rmdirSync(inTheWay);
  expect(await send(later(3), { limit: 1 })).toHaveLength(1);
  mkdirSync(inTheWay);
  for (const n of [4, 5, 6]) await expect(send(later(n))).rejects.toThrow('EISDIR');
  const rows = await db.read.select().from(letters).where(isNull(letters.sentAt));
  for (const one of rows) expect(one).toMatchObject({ attempts: 0, handedAt: null, leasedUntil: null });
  rmdirSync(inTheWay);
  expect(await send(later(2 * MINUTE))).toHaveLength(5);
});

test('a letter that can’t be made comes again later, and is never thought to have left', async () => {
  for (const n of [0, 1, 2]) await write(`back:${n}`, `n${n}@one.example`, 'back', later(n));
  const smtp = openSmtp(sink.url);
  const give = smtp.transport(SENDER);
  const transport = (letter: Outgoing) =>
    give(letter.to.startsWith('n1') ? { ...letter, text: null as unknown as string } : letter);
  expect(await deliverDueLetters(db, delivering(transport, { connections: 1 }), later(10))).toBe(2);
  smtp.close();
  expect(await row('back:1')).toMatchObject({
    sentAt: null,
    leasedUntil: null,
    notBefore: NOW.getTime() + 10 + MINUTE,
  });
  expect((await send(later(2 * MINUTE))).map(({ to }) => to)).toEqual(['n1@one.example']);
});

test('told not to go on, it takes no more letters and writes down what became of those under way', async () => {
  for (let n = 0; n < 9; n += 1) await write(`back:${n}`, `n${n}@one.example`, 'back', later(n));
  let given = 0;
  const transport = async () => {
    given += 1;
  };
  const delivery = { ...delivering(transport, { connections: 3 }), goOn: () => given < 4 };
  expect(await deliverDueLetters(db, delivery, later(10))).toBe(6);
  const rows = await db.read.select().from(letters).orderBy(letters.cause);
  expect(rows.map(({ sentAt }) => sentAt !== null)).toEqual([...Array(6).fill(true), ...Array(3).fill(false)]);
  for (const one of rows.slice(6)) expect(one).toMatchObject({ attempts: 0, handedAt: null, leasedUntil: null });
});

test('what became of one letter can’t be written down: that one is in doubt, those beside it are not, and the round ends', async () => {
  for (let n = 0; n < 6; n += 1) await write(`back:${n}`, `n${n}@one.example`, 'back', later(n));
  const bounced: Outcome = { left: 'never', said: '550 5.1.1', because: 'bounced' };
  const transport = async ({ to }: Outgoing) => (to.startsWith('n1') ? bounced : { left: 'yes' as const });
  const onBounced = async () => {
    throw new Error('the list is full');
  };
  const round = deliverDueLetters(db, delivering(transport, { connections: 3, onBounced }), later(10));
  await expect(round).rejects.toThrow('the list is full');
  const rows = await db.read.select().from(letters).orderBy(letters.cause);
  expect(rows.map(({ sentAt }) => sentAt !== null)).toEqual([true, false, true, false, false, false]);
  expect(rows.map(({ handedAt }) => handedAt !== null)).toEqual([true, true, true, false, false, false]);
  expect(await send(later(MINUTE + 11))).toHaveLength(3);
  expect(await row('back:1')).toMatchObject({ doubtfulAt: NOW.getTime() + MINUTE + 11, heldBecause: null });
});

test('a line that comes when nobody waits for it any more carries no letter', async () => {
  const far = await startSink('--late', '100');
  onTestFinished(far.close);
  await write('back:1');
  const smtp = openSmtp(far.url, 150);
  expect(await deliverDueLetters(db, delivering(smtp.transport(SENDER)), NOW)).toBe(0);
  expect(await row('back:1')).toMatchObject({ sentAt: null, doubtfulAt: null, notBefore: NOW.getTime() + MINUTE });
  await setTimeout(1000);
  smtp.close();
  expect(far.taken()).toEqual([]);
});

test('what is sent once more still counts for the minute in which it left', async () => {
  for (let n = 0; n < 4; n += 1) await write(`back:${n}`, `n${n}@one.example`, 'back', later(n));
  const breaks = async (): Promise<Outcome> => ({ left: 'unknown', said: 'Connection closed' });
  const pace = { perMinute: 2, perDomain: 2 };
  await deliverDueLetters(db, delivering(breaks, { connections: 2, pace }), later(10));
  expect(await db.write((tx) => resendDoubtful(tx, later(1000)))).toBe(2);
  expect(await send(later(1001), { pace })).toEqual([]);
  expect(await send(later(MINUTE + 9), { pace })).toEqual([]);
  const taken = await send(later(MINUTE + 10), { pace });
  expect(taken.map(({ to }) => to).toSorted()).toEqual(['n2@one.example', 'n3@one.example']);
  expect(await send(later(2 * MINUTE + 10), { pace })).toHaveLength(2);
});

test('a code is found by an index of its own, however many other letters wait', async () => {
  const plan = await db.read.all<[number, number, number, string]>(
    sql`explain query plan select id from letters where sent_at is null and held_because is null and doubtful_at is null and not_before <= 1 and ${URGENT} order by not_before limit 5`,
  );
  expect(plan.map(([, , , detail]) => detail).join()).toContain('USING INDEX letters_urgent');
});

test('no minute sees more than its letters, in all or to one domain; codes and receipts go first', async () => {
  for (let n = 0; n < 10; n += 1) await write(`fixed:${n}`, `a${n}@one.example`, 'fixed', later(n - 100));
  for (let n = 0; n < 3; n += 1) await write(`back:${n}`, `b${n}@two.example`);
  const pace = { perMinute: 5, perDomain: 3 };
  // Side by side, so they may arrive in another order than they left.
  expect((await send(NOW, { pace })).map(({ to }) => to).toSorted()).toEqual([
    ...['a0@one.example', 'a1@one.example'],
    ...['b0@two.example', 'b1@two.example', 'b2@two.example'],
  ]);
  expect(await send(later(MINUTE - 1), { pace })).toEqual([]);
  expect(await send(later(MINUTE), { pace })).toHaveLength(3);
  expect(await send(later(MINUTE), { pace })).toEqual([]);
  expect(await send(later(2 * MINUTE), { pace })).toHaveLength(3);
});

test('whenever one looks, the last minute saw no more than its letters: two processes, a clock that runs, letters that come meanwhile', async () => {
  const pace = { perMinute: 20, perDomain: 8 };
  const handed: { at: number; domain: string }[] = [];
  let at = NOW.getTime();
  let random = 7;
  const chance = () => {
    random = (random * 48_271) % 2_147_483_647;
    return random / 2_147_483_647;
  };
  const other = await openDatabase(db.url);
  const delivery = {
    heldBecause: heldAtSending,
    mint: async (_tx: unknown, { toAddress }: { toAddress: string }, now: Date) => {
      handed.push({ at: now.getTime(), domain: toAddress.split('@')[1]! });
      return {};
    },
    transport: async () => {
      at += Math.floor(chance() * 2500);
      return chance() < 0.1 ? ({ left: 'later', said: '451', stop: false } as const) : undefined;
    },
    server: {
      ...{ pace, fence, connections: 5, tooLateAfter: 24 * HOUR },
      quietUntil: async () => null,
      onBounced: async () => {},
    },
  };
  const clock = () => new Date(at);
  for (let round = 0; round < 40; round += 1) {
    const domain = ['one', 'two', 'three'][round % 3];
    for (let n = 0; round < 20 && n < 5; n += 1)
      await write(`back:${round}-${n}`, `p${n}@${domain}.example`, 'back', clock());
    await Promise.all([deliverDueLetters(db, delivery, clock), deliverDueLetters(other, delivery, clock)]);
    at += 10_000;
  }
  await other.close();
  expect(handed.length).toBeGreaterThan(100);
  const most = (times: number[]) =>
    Math.max(...times.map((end) => times.filter((time) => time <= end && time > end - MINUTE).length));
  expect(most(handed.map((one) => one.at))).toBe(pace.perMinute);
  for (const domain of ['one.example', 'two.example', 'three.example'])
    expect(most(handed.filter((one) => one.domain === domain).map((one) => one.at))).toBeLessThanOrEqual(
      pace.perDomain,
    );
});

test('a letter that waited for more than a day is held; a receipt never is', async () => {
  await write('fixed:w', 'a@one.example', 'fixed');
  await write('back:r', 'b@one.example');
  expect((await send(later(24 * HOUR + 1))).map(({ to }) => to)).toEqual(['b@one.example']);
  expect((await row('fixed:w')).heldBecause).toBe('too-late');
});

test('what can wait keeps out of the night where the person lives; a receipt does not', async () => {
  await write('fixed:w', 'a@one.example', 'fixed');
  await write('back:r', 'b@one.example');
  const auckland = async () => quietUntil(NOW, { from: '20:00', to: '08:00' }, 'Pacific/Auckland');
  expect((await send(NOW, { quietUntil: auckland })).map(({ to }) => to)).toEqual(['b@one.example']);
  // 10:00 in London is 23:00 in Auckland; eight in the morning there is 19:00 here.
  expect((await row('fixed:w')).notBefore).toBe(Date.parse('2026-11-22T19:00:00Z'));
});

test('quiet hours go by the clock on the wall', () => {
  const night = { from: '20:00', to: '08:00' };
  const until = (at: string, zone = 'Europe/London', hours = night) =>
    quietUntil(new Date(at), hours, zone)?.toISOString() ?? null;
  expect(until('2026-11-22T19:59:00Z')).toBe(null);
  expect(until('2026-11-22T20:00:00Z')).toBe('2026-11-23T08:00:00.000Z');
  expect(until('2026-11-23T07:59:00Z')).toBe('2026-11-23T08:00:00.000Z');
  expect(until('2026-11-23T08:00:00Z')).toBe(null);
  // The night in which clocks go forward is an hour shorter.
  expect(until('2026-03-28T22:00:00Z')).toBe('2026-03-29T07:00:00.000Z');
  expect(until('2026-11-22T12:30:00Z', 'UTC', { from: '12:00', to: '14:00' })).toBe('2026-11-22T14:00:00.000Z');
  expect(until('2026-11-22T12:30:00Z', 'UTC', { from: '00:00', to: '00:00' })).toBe(null);
});

test('a copy that was brought back sends nothing, whether in place or elsewhere, until somebody says that it is the one', async () => {
  await write('back:0', 'a0@one.example');
  await send();
  for (let n = 1; n < 4; n += 1) await write(`back:${n}`, `a${n}@one.example`);
  await db.fold();
  const backup = join(sink.folder, 'backup.db');
  copyFileSync(db.path, backup);
  expect(await send(later(1))).toHaveLength(3);

  const copy = await openDatabase(`file:${backup}`);
  await expect(send(later(2), { from: copy })).rejects.toThrow(/older than the last letter/);
  await expect(send(later(2), { from: copy, fence: `${backup}.sending` })).rejects.toThrow(/is not here/);
  const mail = { url: '', siteUrl: SITE_URL, fence, sender: () => SENDER, greet: async () => null };
  const found = await inspectMail(copy.read, { ...mail, url: sink.url }, later(2));
  expect(found.find(({ about }) => about === 'this database')!.verdict).toBe('wrong');

  const { doubtful, count } = await copy.write((tx) => sendFromHere(tx, later(3)));
  writeFence(fence, count);
  expect(doubtful).toBe(3);
  expect(await send(later(4), { from: copy }), 'what the other one may have sent is not sent again').toEqual([]);
  await write('back:5');
  await expect(send(later(5)), 'and the other one is the copy now').rejects.toThrow(/Another database/);
  await copy.close();
});

test('a crash between the row and the file leaves a database that may send', async () => {
  await write('back:1');
  await send();
  copyFileSync(fence, `${fence}.before`);
  await write('back:2');
  await send(later(1));
  copyFileSync(`${fence}.before`, fence);
  await write('back:3');
  expect(await send(later(2))).toHaveLength(1);
  expect(existsSync(fence)).toBe(true);
  rmSync(fence);
  await write('back:4');
  await expect(send(later(3))).rejects.toThrow(/is not here/);
});

test('two processes at once send each letter once', async () => {
  for (let n = 0; n < 30; n += 1) await write(`back:${n}`, `a${n}@one.example`);
  const other = await openDatabase(db.url);
  const before = sink.taken().length;
  await Promise.all([send(), send(NOW, { from: other }), send(NOW, { from: other })]);
  await other.close();
  const ids = sink
    .taken()
    .slice(before)
    .map(({ id }) => id);
  expect([ids.length, new Set(ids).size]).toEqual([30, 30]);
});

test('the doctor says what became of every letter, and sends none', async () => {
  await write('back:fine', 'fine@one.example');
  await write('back:gone', 'gone@one.example');
  await write('back:drops', 'drops@one.example', 'back', later(1));
  await send(later(1));
  await write('back:waits', 'waits@one.example', 'back', later(2));
  const before = sink.taken().length;
  const looked = { url: sink.url, siteUrl: SITE_URL, fence, sender: () => SENDER };
  const found = await inspectMail(db.read, { ...looked, greet: openSmtp(sink.url).greet }, later(3));
  expect(found.map(({ about, verdict }) => `${verdict} ${about}`).toSorted()).toEqual([
    'note DKIM',
    'note DMARC',
    'note PTR',
    'note SPF',
    'note what comes back',
    'ok held, bounced',
    'ok mail server',
    'ok sender',
    'ok sent',
    'ok this database',
    'ok waiting',
    'warning doubtful',
    'warning signature',
  ]);
  const wrong = await inspectMail(db.read, { ...looked, greet: openSmtp('smtp://127.0.0.1:1').greet }, later(3));
  expect(wrong.find(({ about }) => about === 'mail server')).toMatchObject({ verdict: 'wrong' });
  await setTimeout(50);
  expect(sink.taken()).toHaveLength(before);
});
