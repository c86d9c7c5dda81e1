import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/* The map of the house, as README draws it. Imports only point backwards along a person's way; a guard, not a proof. */

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Who may import whom: the row of a file, and its place in the journey. */
const ROWS: [pattern: RegExp, row: number][] = [
  [/^src\/shared\/|^src\/env\.ts$/, 1],
  [/^db\/(schema|engines)\/|^db\/(client|kept|prepared|bulk|migrate|drizzle\.config)\.ts$/, 2],
  [/^src\/(mail|payments|sessions)\//, 3],
  [/^src\/ui\//, 1.5],
  [/^src\/(proofs|people|offers|invitations|rejoin|reonboarding|checkins|landing|staff)\//, 4],
  [/^src\/reactions\.ts$/, 5],
  [
    /^src\/(server|files|away|database|billing|erasing|limits|visit|desk|caching|keeping|feed|astro-check|content\.config|middleware)\.ts$|^src\/(jobs|cli|backups)\/|^db\/(cast|seed)\.ts$/,
    6,
  ],
  [/^src\/pages\//, 7],
];

const JOURNEY = ['proofs', 'people', 'offers', 'invitations', 'rejoin', 'reonboarding', 'checkins', 'landing', 'staff'];

function rowOf(file: string): number | undefined {
  return ROWS.find(([pattern]) => pattern.test(file))?.[1];
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder)).flatMap((name) => {
    const path = `${folder}/${name}`;
    if (statSync(join(root, path)).isDirectory()) return name === 'migrations' ? [] : filesBelow(path);
    return /\.(tsx?|astro|mjs)$/.test(name) ? [path] : [];
  });
}

type Import = { from: string; to: string; typesOnly: boolean };

function importsOf(file: string): Import[] {
  const source = readFileSync(join(root, file), 'utf8');
  const found = source.matchAll(/import\s+(type\s+)?(?:[\w*\s{},$]+?\s+from\s+)?'([^']+)'|import\('([^']+)'\)/g);
  return [...found].map((match) => ({ from: file, to: match[2] ?? match[3]!, typesOnly: match[1] !== undefined }));
}

function targetOf({ from, to }: Import): string {
  return to.startsWith('.') ? relative(root, resolve(root, dirname(from), to)) : to;
}

const files = [...filesBelow('src'), ...filesBelow('db')];
const imports = files.flatMap(importsOf);

test('every file stands where the map says', () => {
  expect(files.filter((file) => rowOf(file) === undefined && !file.endsWith('.mjs'))).toEqual([]);
});

/**
 * What opens a connection, and where it leads: nowhere that a visitor, a document or an import names. `stripe` has one importer, who
 * takes the address from the environment.
 */
const CONNECTS: { [file: string]: string } = {
  'src/cli/verify.ts': 'the address that an operator types, on their own machine',
  'src/cli/processes.ts': 'the processes that it started',
  'src/cli/place.ts': 'the processes that it started',
  'src/cli/place-check.ts': 'the web process of this site, at HOST and PORT',
  'src/payments/sandbox/webhooks.ts': 'the site beside the stand-in',
  'src/mail/compose.ts': 'nowhere: it only writes a letter down',
  'src/mail/smtp.ts': 'the mail server, by the environment',
  'db/engines/server.ts': 'the database server, by the environment',
  'src/staff/looks/live.tsx': 'this site, from a browser',
};
const CALLS =
  /\bfetch\s*\(|globalThis\.fetch|=\s*fetch\b|\bhttps?\.(?:get|request)|\bnet\.(?:connect|createConnection)|XMLHttpRequest|WebSocket|EventSource|sendBeacon|infer(?:Remote)?Size|createTransport|new SMTPConnection/;
const PACKAGES =
  /^(?:node:)?(?:https|http2|tls|dns|dgram)(?:\/|$)|^(?:undici|axios|got|node-fetch|ky|ws)$|^@libsql\/client\/(?:http|web)$|^@libsql\/client$/;
/** Of these only a server, or a list of addresses, is taken. */
const PARTS = [
  ...['BlockList', 'createServer', 'isIP', 'isIPv4', 'AddressInfo'],
  ...['IncomingMessage', 'Server', 'ServerResponse', 'STATUS_CODES'],
];
/** Taken whole, and late: nobody sees which parts. */
const LATE = /(?:import|require|getBuiltinModule)\(\s*['"](?:node:)?(?:http|net)['"]/;

function connects(source: string): boolean {
  const code = source.replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, '');
  const parts = [...code.matchAll(/import (?:type )?([^;]*?) from 'node:(?:net|http)'/g)].flatMap(([, taken = '']) =>
    taken.split(/[{},\s]+|\btype\b/).filter(Boolean),
  );
  const packages = [...code.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map((match) => match[1]!);
  return (
    CALLS.test(code) ||
    LATE.test(code) ||
    parts.some((part) => !PARTS.includes(part)) ||
    packages.some((name) => PACKAGES.test(name))
  );
}

test('nothing fetches an address that somebody typed: who opens a connection is listed, with where it leads', () => {
  const found = files.filter((file) => connects(readFileSync(join(root, file), 'utf8')));
  expect(found.toSorted()).toEqual(Object.keys(CONNECTS).toSorted());
});

test.each([
  ['a look whether a source answers', 'const reply = await fetch(change.source.href);'],
  ['by another name', 'const get = globalThis.fetch;'],
  ['with the older means', "import { get } from 'node:https';"],
  ['with a bare socket', "import { connect } from 'node:net';"],
  ['with a package', "import { request } from 'undici';"],
  ['with a late import', "const { get } = await import('node:http');"],
  ['for the size of a picture elsewhere', 'const { width } = await inferRemoteSize(src);'],
])('and a new one is found: %s', (_, source) => {
  expect(connects(source)).toBe(true);
});

test('imports only point backwards along the journey', () => {
  const wrong = imports.filter((one) => {
    const to = targetOf(one);
    const [rowFrom, rowTo] = [rowOf(one.from), rowOf(to)];
    if (!to.startsWith('src/') && !to.startsWith('db/')) return false;
    if (rowFrom === undefined || rowTo === undefined) return false;
    if (rowTo > rowFrom) return true;
    const [folderFrom, folderTo] = [one.from.split('/')[1]!, to.split('/')[1]!];
    if (rowFrom === 3 && rowTo === 3) return folderFrom !== folderTo;
    if (rowFrom === 4 && rowTo === 4) return JOURNEY.indexOf(folderTo) > JOURNEY.indexOf(folderFrom);
    return rowTo === 7;
  });
  expect(wrong.map((one) => `${one.from} imports ${targetOf(one)}`)).toEqual([]);
});

test('each guarded package has one importer', () => {
  const homes: Record<string, RegExp> = {
    lucia: /^src\/sessions\//,
    stripe: /^src\/payments\//,
    nodemailer: /^src\/mail\//,
    'node:sqlite': /^db\/engines\/|^src\/payments\/sandbox\//,
    '@libsql/client': /^db\/engines\//,
  };
  const strays = imports.filter((one) => {
    const home = Object.entries(homes).find(([name]) => one.to === name || one.to.startsWith(`${name}/`))?.[1];
    return home !== undefined && !home.test(one.from);
  });
  expect(strays.map((one) => `${one.from} imports ${one.to}`)).toEqual([]);
});

test('only the edge knows Astro, so that every rule runs under plain Node', () => {
  const strays = imports.filter(
    (one) => one.from.endsWith('.ts') && /^astro(:|$)/.test(one.to) && !one.typesOnly && rowOf(one.from)! < 6,
  );
  expect(strays.map((one) => `${one.from} imports ${one.to}`)).toEqual([]);
});

test('only env.ts reads the environment', () => {
  const readers = files.filter(
    (file) =>
      /process\.env/.test(readFileSync(join(root, file), 'utf8')) &&
      !/^src\/env\.ts$|^src\/cli\/|^db\/drizzle\.config\.ts$/.test(file),
  );
  expect(readers).toEqual([]);
});

test('looks that stand with a domain do not reach for the database or the outside', () => {
  const wrong = imports.filter(
    (one) =>
      one.from.endsWith('.astro') &&
      !one.from.startsWith('src/pages/') &&
      !one.typesOnly &&
      /^(db\/|src\/(payments|mail|env|database|billing))/.test(targetOf(one)),
  );
  expect(wrong.map((one) => `${one.from} imports ${targetOf(one)}`)).toEqual([]);
});

test('a page asks, decides and shows: GET pages hold no write', () => {
  const pages = files.filter((file) => file.startsWith('src/pages/'));
  const writers = pages.filter((file) => {
    const source = readFileSync(join(root, file), 'utf8');
    return /\.write\(/.test(source) && !/method === 'POST'|export const POST/.test(source);
  });
  expect(writers).toEqual([]);
});
