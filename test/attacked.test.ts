import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { letters } from '../db/schema/mail.ts';
import { staff } from '../db/schema/staff.ts';
import { root } from '../src/cli/processes.ts';
import { mintLink } from '../src/invitations/links.ts';
import { withoutWords } from '../src/server.ts';
import { beginSession } from '../src/sessions/staff.ts';
import { type FreshDatabase, freshDatabase } from './support/database.ts';
import { buildOnce, expectNobodyIn } from './support/place.ts';
import { castPerson, NOW, seededDatabase } from './support/seeded.ts';
import { type Answer, type Site, startSite } from './support/site.ts';

/* The web process under https and in trouble: what it answers, what it keeps in memory and what it writes down. */

const MAYA_AT = 'maya@rennickpress.example';
const GRACE_AT = 'grace.adeyemi@northline.example';
const NOBODY = 'A'.repeat(43);

let db: FreshDatabase;
let site: Site;
let token: string;
/** Opened first and asked about last: a visitor who sends one header, and then nothing more. */
let slow: { closed: Promise<number>; said: () => string };

beforeAll(async () => {
  await buildOnce();
  db = await seededDatabase();
  const maya = await castPerson(db.read, 'c-maya');
  token = await db.write((tx) => mintLink(tx, { personId: maya.id, purpose: 'page', days: 9000 }, NOW));
  site = await startSite(24_400, {
    DATABASE_URL: db.url,
    AMENDS_URL: 'https://changes.harbour.example',
    SUPPRESSION_KEY: 'for-the-length-of-this-test',
    TRUSTED_PROXIES: '127.0.0.1',
    // On a large machine Node would put off clearing up, and nobody could tell what is kept from what is rubbish.
    NODE_OPTIONS: '--max-old-space-size=120',
  });
  const socket = connect(site.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  const since = performance.now();
  let said = '';
  socket.on('data', (chunk) => {
    said += chunk;
  });
  slow = { said: () => said, closed: once(socket, 'close').then(() => performance.now() - since) };
});
afterAll(async () => {
  await site?.stop();
  await db?.cleanup();
});

const form = (more: Record<string, string> = {}) => ({
  origin: site.origin,
  'content-type': 'application/x-www-form-urlencoded',
  ...more,
});

function expectEveryHeader({ status, headers }: Answer, path = '/'): void {
  const policy = headers['content-security-policy'];
  expect([path, status, policy]).toEqual([
    path,
    status,
    expect.stringMatching(/default-src 'none'.*base-uri 'none'.*frame-ancestors 'none'/),
  ]);
  // A letter as HTML brings its own looks; nothing else does.
  if (!path.endsWith('/as-html') && !path.startsWith('/demo/mailbox/'))
    expect([path, policy]).toEqual([path, expect.not.stringMatching(/unsafe|\*(?!\.stripe\.com)/)]);
  expect(headers).toMatchObject({
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'strict-origin',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': expect.stringContaining('payment=()'),
    'cache-control': expect.any(String),
    'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
  expect(headers['x-powered-by']).toBeUndefined();
}

test('under https every answer carries every header: pages, files, redirects, refusals, hooks', async () => {
  const asset = `/_astro/${readdirSync(join(root, 'dist/client/_astro'))[0]}`;
  const far = { 'x-forwarded-for': '203.0.113.99' };
  for (let wrong = 0; wrong < 20; wrong += 1) await site.ask('GET', `/for/${NOBODY}`, far);
  const { headers } = await site.ask('GET', '/changes.atom');
  const answers: [number, Promise<Answer>][] = [
    [200, site.ask('GET', '/')],
    [200, site.ask('HEAD', '/proofs/exports-finish')],
    [200, site.ask('GET', asset)],
    [200, site.ask('GET', `/for/${token}`)],
    [200, site.ask('GET', '/robots.txt')],
    [304, site.ask('GET', '/changes.atom', { 'if-none-match': headers.etag! })],
    [303, site.ask('GET', '/staff')],
    [303, site.ask('POST', '/staff/sign-in', form(), `address=${GRACE_AT}`)],
    [422, site.ask('POST', '/staff/sign-in', form(), 'address=nobody')],
    [400, site.ask('POST', '/hooks/stripe', {}, '{}')],
    [401, site.ask('POST', '/measurements/exports-finish/failed', { 'content-type': 'application/json' }, '[]')],
    [403, site.ask('POST', '/staff/sign-in', { 'content-type': 'text/plain' }, 'address=x')],
    [404, site.ask('GET', '/nothing-here')],
    [405, site.ask('OPTIONS', '/')],
    [411, site.ask('POST', `/for/${token}/rejoin`, form({ 'transfer-encoding': 'chunked' }), 'x')],
    [413, site.ask('POST', `/for/${token}/rejoin`, form(), 'x'.repeat(64 * 1024 + 1))],
    [303, site.ask('POST', '/staff/people', form(), 'x'.repeat(64 * 1024 + 1))],
    [429, site.ask('GET', `/for/${NOBODY}`, far)],
  ];
  for (const [status, answering] of answers) {
    const answer = await answering;
    expect(answer.status).toBe(status);
    expectEveryHeader(answer);
  }
});

const PAGES = readdirSync(join(root, 'src/pages'), { recursive: true, encoding: 'utf8' }).filter((name) =>
  /\.(astro|ts)$/.test(name),
);
/** Under which address a page answers. */
const pathOf = (page: string, link: string, other: string) =>
  `/${page
    .replace(/(\/index)?\.(astro|ts)$/, '')
    .replace(/^index$/, '')
    .replaceAll(/\[(link|token)\]/g, link)
    .replaceAll(/\[[^\]]+\]/g, other)}`;

test('a walk over every page there is: whatever it answers, from wherever, carries every header', {
  timeout: 120_000,
}, async () => {
  const seen = new Map<number, number>();
  for (const [at, page] of PAGES.entries()) {
    for (const [link, other] of [
      [token, 'exports-finish'],
      [NOBODY, 'nothing'],
    ] as const) {
      const path = pathOf(page, link, other);
      // Each from somewhere else, or there would soon be nothing but 429.
      const from = { 'x-forwarded-for': `198.51.100.${at}` };
      const ways: Promise<Answer>[] = [
        site.ask('GET', path, from),
        site.ask('GET', path, { ...from, 'accept-encoding': 'br' }),
        site.ask('GET', path, { ...from, 'if-none-match': '*' }),
        site.ask('HEAD', path, from),
        site.ask('DELETE', path, from),
        site.ask('POST', path, from, 'a=b'),
        site.ask('POST', path, form({ ...from, 'transfer-encoding': 'chunked' }), 'a=b'),
        ...(link === NOBODY ? [site.ask('POST', path, form(from), 'a=b')] : []),
      ];
      for (const answer of await Promise.all(ways)) {
        expectEveryHeader(answer, path);
        // That page is there to be shown when something broke.
        expect([path, answer.status === 500 && path !== '/500']).toEqual([path, false]);
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
      }
    }
  }
  expect([...seen.keys()]).toEqual(expect.arrayContaining([200, 303, 304, 400, 401, 403, 404, 405, 411]));
});

test.each([
  ['no request at all', 'NONSENSE\r\n\r\n', 400],
  [
    'two lengths that contradict each other',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n',
    400,
  ],
  ['headers without an end', `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ['a request to nobody', 'GET / HTTP/1.1\r\n\r\n', 400],
  [
    'one that expects what nobody promised',
    'GET / HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\nConnection: close\r\n\r\n',
    200,
  ],
  [
    'a change to another protocol',
    'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n',
    200,
  ],
  ['nonsense after an answer', 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nNONSENSE\r\n\r\n', 400],
])('%s: every header', async (_, text, status) => {
  const answers = await raw(text);
  expect(answers.at(-1)!.status).toBe(status);
  for (const answer of answers) expectEveryHeader(answer);
});

/** Sends these very bytes, and reads what comes back until the connection is closed. */
async function raw(text: string): Promise<Answer[]> {
  const socket = connect(site.port, '127.0.0.1').setEncoding('utf8');
  let said = '';
  socket.on('data', (chunk) => {
    said += chunk;
  });
  socket.write(text);
  await once(socket, 'close');
  return answersIn(said);
}

function answersIn(said: string): Answer[] {
  return said.split(/(?=HTTP\/1\.1 \d)/).map((one) => {
    const [head = '', body = ''] = one.split('\r\n\r\n');
    const [first = '', ...lines] = head.split('\r\n');
    const headers = lines.map((line) => [line.split(': ', 1)[0]!.toLowerCase(), line.replace(/^.*?: /, '')]);
    return { status: Number(first.split(' ')[1]), headers: Object.fromEntries(headers), body };
  });
}

test('under https each cookie is one that no other host and no plain connection can set or read', async () => {
  const { id } = await castPerson(db.read, 'c-ines');
  const theirs = await db.write((tx) => mintLink(tx, { personId: id, purpose: 'page', days: 9000 }, new Date()));
  const answers = [
    await site.ask('POST', `/for/${theirs}/open`, form()),
    await site.ask('POST', '/staff/sign-in', form(), `address=${GRACE_AT}`),
  ];
  const cookies = answers.flatMap(({ headers }) => headers['set-cookie'] ?? []);
  const [colleague] = await db.read.select().from(staff).where(eq(staff.address, GRACE_AT));
  const secret = await db.write((tx) => beginSession(tx, colleague!.id, undefined, new Date()));
  const out = await site.ask('POST', '/staff/sign-out', form({ cookie: `__Host-amends-staff=${secret}` }));
  expect((await site.ask('GET', '/staff', { cookie: `amends-staff=${secret}` })).status).toBe(303);
  cookies.push(...(out.headers['set-cookie'] ?? []));
  expect(cookies.map((one) => one.split('=', 1)[0])).toEqual([
    '__Host-amends',
    '__Host-amends-asked',
    '__Host-amends-staff',
  ]);
  for (const one of cookies) {
    const attributes = one.split('; ').slice(1);
    expect(attributes).toEqual(expect.arrayContaining(['Path=/', 'HttpOnly', 'Secure', 'SameSite=Lax']));
    expect(one).not.toMatch(/Domain=/i);
  }
});

test('every address that takes a press refuses one from elsewhere, whatever it says it is', async () => {
  const pressed = PAGES.filter((name) =>
    /'POST'|const (POST|ALL)\b/.test(readFileSync(join(root, 'src/pages', name), 'utf8')),
  );
  const paths = pressed.map((name) => pathOf(name, token, 'x'));
  const own = paths.filter((path) => /^\/(hooks|stop|measurements)\//.test(path));
  expect(paths.length).toBeGreaterThan(35);
  expect(own).toHaveLength(4);

  const types = [
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain',
    'application/json',
    'application/octet-stream',
    '',
  ];
  const origins = [undefined, 'null', 'https://evil.example', 'http://changes.harbour.example'];
  const before = site.log().length;
  let refused = 0;
  for (const path of paths.filter((one) => !own.includes(one))) {
    for (const type of types) {
      const asked = origins.map((origin) =>
        site.ask('POST', path, { ...(type && { 'content-type': type }), ...(origin && { origin }) }, 'a=b'),
      );
      for (const { status } of await Promise.all(asked)) {
        expect([path, type, status]).toEqual([path, type, 403]);
        refused += 1;
      }
    }
  }
  expect(refused).toBe((paths.length - own.length) * types.length * origins.length);
  // Refused ahead of the pages: none of them broke or looked at anything.
  expect(site.log().slice(before)).not.toContain('"error"');
  // What has a proof of its own instead of a page behind it is asked for that.
  for (const path of own) expect((await site.ask('POST', path, {}, 'a=b')).status).not.toBe(403);
});

test('what is no form is a 400 wherever one is read, and nothing that broke', { timeout: 60_000 }, async () => {
  const ines = await castPerson(db.read, 'c-ines');
  const link = await db.write((tx) => mintLink(tx, { personId: ines.id, purpose: 'page', days: 9000 }, NOW));
  const reading = PAGES.filter((page) =>
    /request\.formData\(|await pressed\(/.test(readFileSync(join(root, 'src/pages', page), 'utf8')),
  );
  const before = site.log().length;
  const seen = new Set<number>();
  for (const path of reading.map((page) => pathOf(page, link, 'exports-finish'))) {
    for (const type of [
      'application/json',
      'text/plain',
      'multipart/form-data',
      'multipart/form-data; boundary=x',
      '',
    ]) {
      const { status, body } = await site.ask('POST', path, { origin: site.origin, 'content-type': type }, '{"a');
      expect([path, type, status < 500]).toEqual([path, type, true]);
      if (status === 400) expect(body).toContain('nothing was changed');
      seen.add(status);
    }
  }
  expect(reading.length).toBeGreaterThan(30);
  expect([...seen]).toContain(400);
  expect(site.log().slice(before)).not.toContain('"level":50');
});

test('a foreign Host reaches no page, feed, file, redirect or letter', async () => {
  const foreign = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' };
  for (const path of [
    ...['/', '/changes.atom', '/changes.json', '/sitemap.xml', '/robots.txt', '/search?q=export', '/privacy'],
    ...['/proofs/exports-finish/check.json', '/proofs/exports-finish/versions/1.json', '/issues', '/nothing'],
    ...[`/for/${token}`, `/for/${token}/yours`, '/staff', '/staff/sign-in', '//evil.example/%2f..', '/\\evil.example'],
  ]) {
    const { body, headers } = await site.ask('GET', path, foreign);
    const { location = '', ...others } = headers;
    expect(body.replaceAll(path, '') + JSON.stringify(others)).not.toContain('evil.example');
    expect(location).not.toMatch(/^(https?:)?[\\/]{2}/);
  }
  await site.ask('POST', '/staff/sign-in', form(foreign), `address=${GRACE_AT}`);
  await site.ask('POST', `/for/${token}/why`, form(foreign), 'answer=yes');
  const written = await db.read.select().from(letters);
  expect(written.length).toBeGreaterThan(0);
  expect(JSON.stringify(written)).not.toContain('evil.example');
});

/** Other spellings of one address, each of which shows the same page. */
const spellings = (path: string) => [
  path.replace('/for', '/%66or'),
  path.replace('/for', '/%2566or'),
  `/x/..${path}`,
  `/x/%2e%2e${path}`,
  `/${path}`,
  path.replace('/for', '/\\for'),
  `${path}/`,
  `${path.slice(0, -1)}%${path.charCodeAt(path.length - 1).toString(16)}`,
];

test('a personal page is kept by nobody, found by no search and not written down, however its address is spelled', async () => {
  const before = site.log().length;
  for (const [at, path] of spellings(`/for/${token}`).entries()) {
    const { status, headers } = await site.ask('GET', path, { 'x-forwarded-for': `192.0.2.${at}` });
    expect([path, status, headers['cache-control'], headers['x-robots-tag']]).toEqual([
      path,
      200,
      'private, no-store',
      'noindex, noarchive',
    ]);
  }
  await expect.poll(() => site.log().slice(before).split('"/for/:link"').length).toBe(9);
  expect(site.log().slice(before)).not.toContain(token.slice(0, -1));
});

test('a wrong link is counted however its address is spelled, and so is one to a task or to what somebody may confirm', async () => {
  const others = [`/for/${NOBODY}/first-week/facts`, `/task/${NOBODY}`, `/confirm/${NOBODY}`];
  const wrong = [...spellings(`/for/${NOBODY}`), ...others];
  for (const [at, path] of wrong.entries()) {
    const from = { 'x-forwarded-for': `203.0.113.${at}` };
    for (let times = 0; times < 20; times += 1) await site.ask('GET', path, from);
    expect([path, (await site.ask('GET', `/for/${token}`, from)).status]).toEqual([path, 429]);
    expect([path, (await site.ask('GET', path, from)).status]).toEqual([path, 429]);
  }
});

test('a Host that brings a path of its own makes no other page, which would then be kept under this address', async () => {
  const home = await site.ask('GET', '/');
  expect((await site.ask('GET', '/?new', { host: 'x/issues?' })).body).toBe(home.body);
  expect((await site.ask('GET', `/${token}`, { host: 'x/for' })).status).toBe(404);
});

test('two hundred bodies that are too long, and a hundred that just fit, take less than 50 MB at any moment', async () => {
  const long = 'x'.repeat(300 * 1024);
  const just = `address=${'x'.repeat(64 * 1024 - 8)}`;
  /** With what so many were answered. Who still writes when the refusal comes may see a reset before it: the log says it was sent. */
  const fiftyAtOnce = async (ask: () => Promise<Answer>) => {
    const from = site.log().length;
    const seen = Array.from({ length: 50 }, () =>
      ask().then(
        ({ status }) => status,
        ({ code }) => code as string,
      ),
    );
    for (const one of await Promise.all(seen)) expect([413, 422, 'ECONNRESET', 'EPIPE']).toContain(one);
    const sent = () =>
      site
        .log()
        .slice(from)
        .matchAll(/"status":(\d+)/g);
    await expect.poll(() => [...sent()].length, { timeout: 5000 }).toBe(50);
    return new Set([...sent()].map(([, status]) => Number(status)));
  };
  const attack = async () => [
    ...(await fiftyAtOnce(() => site.ask('POST', `/for/${token}/rejoin`, form(), long))),
    ...(await fiftyAtOnce(() => site.ask('POST', '/hooks/stripe', {}, long))),
    ...(await fiftyAtOnce(() => site.ask('POST', '/staff/sign-in', form(), just))),
  ];
  // Whatever was asked before stands in the log by then.
  const { headers } = await site.ask('GET', '/');
  await expect.poll(site.log).toContain(headers['x-request-id']);
  // What a process takes for its first requests, it takes once.
  expect(await attack()).toEqual([413, 413, 422]);
  const { now } = site.memory();
  for (let at = 0; at < 2; at += 1) expect(await attack()).toEqual([413, 413, 422]);
  expect((site.memory().most - now) / 1024 / 1024).toBeLessThan(50);
});

test('a place where nothing has been published says so, and is not broken', async () => {
  const empty = await freshDatabase();
  const begun = await startSite(24_500, { DATABASE_URL: empty.url });
  try {
    for (const path of ['/', `/for/${NOBODY}`, '/staff/sign-in']) {
      const { status, headers, body } = await begun.ask('GET', path);
      expect([path, status, headers['retry-after']]).toEqual([path, 503, '60']);
      expect(body).toContain('Nothing has been published here yet');
    }
  } finally {
    await begun.stop();
    await empty.cleanup();
  }
});

describe('when the database breaks', () => {
  test('the answer is a 500 with our own page, in which nothing stands of what was asked or of what broke', async () => {
    await db.write((tx) => tx.run(sql`alter table staff rename to staff_gone`));
    const asked = [
      await site.ask('POST', '/staff/sign-in', form(), `address=${GRACE_AT}`),
      await site.ask('GET', '/staff', { cookie: `__Host-amends-staff=${token}` }),
    ];
    await db.write((tx) => tx.run(sql`alter table staff_gone rename to staff`));
    await db.write((tx) => tx.run(sql`alter table persons rename to persons_gone`));
    asked.push(await site.ask('GET', `/for/${token}?to=${MAYA_AT}`));
    await db.write((tx) => tx.run(sql`alter table persons_gone rename to persons`));
    for (const answer of asked) {
      expect(answer.status).toBe(500);
      expectEveryHeader(answer);
      expect(answer.body).toContain('Something broke on our side');
      expect(answer.body).not.toMatch(/at file|node_modules|\.ts:|\.mjs|sqlite|select|staff_gone/i);
      expect(answer.body).not.toMatch(/grace|maya/i);
    }
    for (const { headers } of asked) {
      const id = headers['x-request-id'] as string;
      const lines = () =>
        site
          .log()
          .split('\n')
          .flatMap((line) => (line.includes(id) ? JSON.parse(line) : []));
      await expect.poll(lines).toMatchObject([
        { level: 50, error: 'DatabaseError', at: expect.arrayContaining([expect.stringContaining('at ')]) },
        { level: 30, status: 500 },
      ]);
    }
    expect((await site.ask('GET', `/for/${token}`)).status).toBe(200);
  });

  test('of an error only its kind and its place are written down', () => {
    const error = new Error(`no such person: ${MAYA_AT}\n    ${MAYA_AT}`);
    error.name = 'LookupError';
    expect(withoutWords(error)).toMatchObject({ error: 'LookupError', at: expect.any(Array) });
    expect(JSON.stringify(withoutWords(error))).not.toContain('maya');
    expect(withoutWords(MAYA_AT)).toEqual({ error: 'unknown' });
  });
});

test('every line of the log is one object, with the id of its request, and holds nobody', () => {
  const lines = site.log().trim().split('\n');
  expect(lines.length).toBeGreaterThan(1000);
  for (const line of lines) {
    const one = JSON.parse(line);
    expect([line, one.process]).toEqual([line, 'web']);
    // What has words is about the process: that it listens, that it read every page.
    if (one.msg === undefined) expect(one.request).toMatch(/^[0-9a-f-]{36}$/);
  }
  for (const word of [token, MAYA_AT, GRACE_AT, 'rennickpress', 'address=']) expect(site.log()).not.toContain(word);
});

test('a log that tells of somebody is noticed, wherever a journey ends', () => {
  const line = (path: string) => `{"level":30,"request":"0199","path":"${path}","status":200}\n`;
  expect(() => expectNobodyIn(line('/for/:link'), ['Rennick', token])).not.toThrow();
  for (const path of [`/for/${token}`, '/search/Rennick', '/x/someone@else.example'])
    expect(() => expectNobodyIn(line('/') + line(path), ['Rennick', token])).toThrow(path);
});

test('who sends a request too slowly is let go, within fifteen seconds, with every header', {
  timeout: 30_000,
}, async () => {
  expect(await slow.closed).toBeLessThan(15_000);
  const [answer] = answersIn(slow.said());
  expect(answer!.status).toBe(408);
  expectEveryHeader(answer!);
});
