import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { inspectPlace } from '../../src/cli/place-check.ts';
import { root } from '../../src/cli/processes.ts';
import { type Env, env } from '../../src/env.ts';

let folder: string;
let good: Env;
const NOW = new Date();
const KEY = 'kJ8sd9f7s6d5f4g3h2j1k0l9z8x7c6v5';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'amends-doctor-'));
  for (const name of ['uploads', 'backups']) mkdirSync(join(folder, name));
  const heartbeat = join(folder, 'alive');
  writeFileSync(heartbeat, '');
  const stamp = new Date(NOW.getTime() - 600_000).toISOString().replace(/[:.]/g, '');
  writeFileSync(join(folder, 'backups', `amends-${stamp}.tar.gz.age`), 'x');
  good = {
    ...env,
    ...{ DATABASE_URL: `file:${join(folder, 'amends.db')}`, AMENDS_URL: 'https://amends.example', PORT: 28_999 },
    ...{ CONTENT_DIR: join(root, 'content'), UPLOADS_DIR: join(folder, 'uploads'), HEARTBEAT_FILE: heartbeat },
    ...{ SENDING_FENCE: join(folder, 'fence'), ERASURES_FILE: join(folder, 'erasures'), SUPPRESSION_KEY: KEY },
    ...{ BACKUP_DIR: join(folder, 'backups'), TRUSTED_PROXIES: ['10.0.0.1'], STRIPE_API_BASE: '' },
    SMTP_URL: 'smtps://mail.example',
    STRIPE_SECRET_KEY: 'sk_live_x',
  };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The content check has tests of its own, and takes a second. */
const quick = async (dir: string) => ({
  problems: dir.endsWith('bad') ? [{ file: 'issues/x.md', line: 1, rule: 'title', sentence: 'It has no title.' }] : [],
});
const wrongIn = async (settings: Partial<Env>) =>
  (await inspectPlace({ ...good, ...settings }, NOW, quick)).filter(({ verdict }) => verdict !== 'ok');

test('a place that is set up has nothing wrong; what is left are hints', async () => {
  const left = await wrongIn({});
  expect(left.filter(({ verdict }) => verdict === 'wrong')).toEqual([]);
  expect(left.map(({ about }) => about).sort()).toEqual(['backups', 'web']);
});

test.each<[string, Partial<Env> | (() => Partial<Env>), string, RegExp]>([
  ['http', { AMENDS_URL: 'http://amends.example' }, 'address', /Set it to https/],
  ['a path', { AMENDS_URL: 'https://example.org/amends' }, 'address', /host of its own/],
  ['open to all', { HOST: '0.0.0.0' }, 'address', /past your proxy/],
  ['a guessable key', { SUPPRESSION_KEY: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }, 'SUPPRESSION_KEY', /guessed/],
  ['another key', () => note('{"key":"0000000000000000"}\n'), 'SUPPRESSION_KEY', /Set the old one again/],
  ['the sandbox', { STRIPE_API_BASE: 'http://127.0.0.1:1' }, 'payments', /nobody is charged/],
  ['no key of Stripe', { STRIPE_SECRET_KEY: 'sk_test_sandbox' }, 'payments', /no customer can come back/],
  ['no mail', { SMTP_URL: '' }, 'letters', /doctor mail/],
  ['no content', () => ({ CONTENT_DIR: join(folder, 'nowhere') }), 'CONTENT_DIR', /not there/],
  ['bad content', () => badContent(), 'content', /amends check/],
  ['no place to write', () => ({ UPLOADS_DIR: join(folder, 'alive', 'uploads') }), 'UPLOADS_DIR', /can’t be written/],
  ['no place to say that it lives', () => under('HEARTBEAT_FILE'), 'HEARTBEAT_FILE', /can’t be written/],
  ['no place for letters', () => ({ ...under('MAILBOX_DIR'), SMTP_URL: '' }), 'MAILBOX_DIR', /can’t be written/],
  ['no jobs', () => ({ HEARTBEAT_FILE: join(folder, 'never') }), 'jobs', /npm start/],
  ['jobs that died', () => seen(-3_600), 'jobs', /60 minutes ago/],
  ['a clock that went back', () => seen(3_600), 'clock', /NTP/],
  ['no backups', { BACKUP_DIR: '' }, 'backups', /--new-key/],
  ['none yet', () => ({ BACKUP_DIR: join(folder, 'uploads') }), 'backups', /amends backup/],
  ['an old one', () => oldBackup(), 'backups', /more than a day/],
  ['everybody is a proxy', { TRUSTED_PROXIES: ['0.0.0.0/0'] }, 'TRUSTED_PROXIES', /nearly everybody/],
  ['no proxy', { TRUSTED_PROXIES: [] }, 'TRUSTED_PROXIES', /set the proxy/],
])('%s is said, with what to do', async (_, settings, about, sentence) => {
  const found = await wrongIn(typeof settings === 'function' ? settings() : settings);
  expect(found).toContainEqual(expect.objectContaining({ about, sentence: expect.stringMatching(sentence) }));
});

test('a port that somebody else has is said', async () => {
  const other = createServer((_, response) => response.end('hello'));
  await new Promise<void>((resolve) => other.listen(28_998, '127.0.0.1', resolve));
  const found = await wrongIn({ PORT: 28_998 });
  other.closeAllConnections();
  await new Promise((closed) => other.close(closed));
  expect(found).toContainEqual(
    expect.objectContaining({ about: 'web', sentence: expect.stringMatching(/Something else/) }),
  );
});

test.skipIf(process.getuid?.() !== 0)(
  'what root made in the folder of another user is said, with the command that mends it',
  async () => {
    chownSync(folder, 12_345, 12_345);
    const hint = expect.objectContaining({ about: 'rights', sentence: expect.stringMatching(/You are root/) });
    for (const name of ['alive', 'uploads']) chownSync(join(folder, name), 12_345, 12_345);
    expect(await wrongIn({})).toContainEqual(hint);
    writeFileSync(join(folder, 'amends.db'), '');
    const found = await wrongIn({});
    const sentence = expect.stringContaining(`chown --reference=${folder} ${join(folder, 'amends.db')}`);
    expect(found).toContainEqual({ about: 'rights', verdict: 'wrong', sentence });
  },
);

test('the command says so too, with an exit code and as JSON; a database it may not open is a sentence', () => {
  writeFileSync(join(folder, 'file'), '');
  const run = (settings: Record<string, string>) =>
    spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', 'src/cli/main.ts', 'doctor', '--json'], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, HEARTBEAT_FILE: join(folder, 'alive'), PORT: '28999', ...settings },
    });
  const here = run({ DATABASE_URL: good.DATABASE_URL, ERASURES_FILE: good.ERASURES_FILE });
  expect([here.status, here.stderr]).toEqual([0, '']);
  expect(JSON.parse(here.stdout)).toMatchObject({ ready: true });
  const broken = run({ DATABASE_URL: `file:${join(folder, 'file', 'x.db')}` });
  expect(broken.status).toBe(1);
  const [first] = JSON.parse(broken.stdout).findings;
  expect(first).toMatchObject({ about: 'database', verdict: 'wrong' });
}, 120_000);

function under(setting: 'HEARTBEAT_FILE' | 'MAILBOX_DIR'): Partial<Env> {
  return { [setting]: join(folder, 'alive', 'one', 'two') };
}

function note(text: string): Partial<Env> {
  writeFileSync(join(folder, 'erasures'), text);
  return {};
}

function seen(seconds: number): Partial<Env> {
  const at = new Date(NOW.getTime() + seconds * 1000);
  utimesSync(join(folder, 'alive'), at, at);
  return {};
}

function badContent(): Partial<Env> {
  mkdirSync(join(folder, 'bad'));
  return { CONTENT_DIR: join(folder, 'bad') };
}

function oldBackup(): Partial<Env> {
  const old = join(folder, 'old');
  mkdirSync(old);
  writeFileSync(join(old, 'amends-2020-01-01T000000000Z.tar.gz.age'), 'x');
  return { BACKUP_DIR: old };
}
