import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { expect, test } from 'vitest';
import { root } from '../src/cli/processes.ts';
import { settingsFile, settingsPage } from '../src/cli/settings.ts';
import { readSettings, SETTINGS } from '../src/env.ts';

test('what is documented is what is read', () => {
  expect(readFileSync(join(root, 'src/docs/settings.md'), 'utf8')).toBe(settingsPage());
});

test('nothing set is a place on this machine', () => {
  expect(readSettings({})).toMatchObject({ AMENDS_URL: 'http://127.0.0.1:4321', PORT: 4321, TRUSTED_PROXIES: [] });
});

test('every example can be used, alone or with what it needs', () => {
  const together = Object.fromEntries(Object.entries(SETTINGS).map(([name, { example }]) => [name, example]));
  expect(() => readSettings({ ...together, STRIPE_API_BASE: '' })).not.toThrow();
  expect(readSettings({ AMENDS_URL: 'http://127.0.0.1:80/' }).AMENDS_URL).toBe('http://127.0.0.1:80');
});

const PUBLIC = { AMENDS_URL: 'https://changes.harbour.example', SUPPRESSION_KEY: 'x'.repeat(32) };

test.each([
  ['a word for a number', { PORT: 'eighty' }, 'PORT: '],
  ['no address', { AMENDS_URL: 'harbour' }, 'AMENDS_URL: '],
  ['an address with a path', { AMENDS_URL: 'https://harbour.example/changes' }, 'without a path'],
  ['no network', { TRUSTED_PROXIES: '10.0.0.0/33' }, 'TRUSTED_PROXIES: Write addresses or networks'],
  ['times that are none', { QUIET_HOURS: '8pm-8am' }, 'QUIET_HOURS: Write two times: 20:00-08:00'],
  ['a slip of the key', { SMTP_URI: 'smtp://x' }, 'SMTP_URI, which is no setting. Is SMTP_URL meant?'],
  ['two things at once', { PORT: '0', LOG_LEVEL: 'loud' }, 'LOG_LEVEL: '],
  ['a live key and the sandbox', { STRIPE_SECRET_KEY: 'sk_live_1', STRIPE_API_BASE: 'http://x' }, 'Remove one of them'],
  ['a key and a webhook secret that everybody knows', { STRIPE_SECRET_KEY: 'sk_test_1' }, 'STRIPE_WEBHOOK_SECRET'],
  ['half a signature', { DKIM_DOMAIN: 'harbour.example' }, 'are set together'],
  ['a token for a file', { DATABASE_TOKEN: 'x' }, 'DATABASE_URL is a file'],
  ['a public place without a key of its own', { AMENDS_URL: PUBLIC.AMENDS_URL }, 'SUPPRESSION_KEY is not set'],
])('%s is refused in a sentence', (_, given, sentence) => {
  expect(() => readSettings(given)).toThrow(sentence);
});

test('what else stands in an environment is nobody’s business', () => {
  expect(
    readSettings({ ...PUBLIC, PATH: '/bin', MAIL: '/var/mail/x', STRIPE_CLI_KEY: 'x', XDG_DATA_DIRS: 'x' }),
  ).toEqual(readSettings(PUBLIC));
});

test('.env holds settings only, and a process stops at start with the sentence and nothing else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'amends-env-'));
  writeFileSync(join(folder, '.env'), 'AMENDS_URL=http://127.0.0.1:4000\nSMPT_PASSWORD=hunter2\n');
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'src/cli/main.ts'), 'settings'], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1' },
  });
  rmSync(folder, { recursive: true });
  expect(status).toBe(2);
  expect(stderr.trim()).toBe(
    "The settings can't be used. .env names SMPT_PASSWORD, which is no setting. See: amends settings.",
  );
});

test('the file to begin with names every setting and sets none', () => {
  expect(parseEnv(settingsFile())).toEqual({});
  const uncommented = parseEnv(settingsFile().replaceAll(/^#(?=[A-Z_]+=)/gm, ''));
  expect(Object.keys(uncommented).sort()).toEqual(Object.keys(SETTINGS).sort());
});
