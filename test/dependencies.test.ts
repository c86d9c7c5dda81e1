import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../src/cli/processes.ts';

/* The earliest version of a package that is not known to be open to an attack, and which attack that was. */
const FLOORS: [name: string, floor: string, because: string][] = [
  ['astro', '7.2.8', 'GHSA-26w7-cxv4-gfx2: a picture that runs code; and thirteen earlier ones'],
  ['@astrojs/node', '11.0.2', 'a redirect that leads to another site; GHSA-qq67-mvv5-fw3g, CVE-2026-29772'],
  ['sharp', '0.35.4', 'GHSA-26w7-cxv4-gfx2, in libheif'],
  ['drizzle-orm', '0.45.2', 'CVE-2026-39356: SQL by way of an identifier'],
  ['nodemailer', '9.0.1', 'GHSA-268h-hp4c-crq3: headers by way of a line break'],
  ['devalue', '5.8.1', 'CVE-2026-22774, CVE-2026-22775, GHSA-77vg-94rm-hx3p'],
];

const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, { version: string; resolved?: string; integrity?: string; link?: boolean }>;
};

const numbers = (version: string) => version.split('-')[0]!.split('.').map(Number);

function isBelow(version: string, floor: string): boolean {
  const [a, b] = [numbers(version), numbers(floor)];
  const at = b.findIndex((part, i) => part !== a[i]);
  return at >= 0 && a[at]! < b[at]!;
}

test('versions are compared as versions', () => {
  expect(isBelow('0.9.30', '0.35.4')).toBe(true);
  expect(isBelow('7.2.7', '7.2.8')).toBe(true);
  expect(isBelow('7.10.0', '7.2.8')).toBe(false);
  expect(isBelow('7.2.8', '7.2.8')).toBe(false);
});

test.each(FLOORS)('every copy of %s is %s or later: %s', (name, floor) => {
  const copies = Object.entries(packages).filter(([path]) => path.endsWith(`node_modules/${name}`));
  expect(copies.length).toBeGreaterThan(0);
  expect(copies.filter(([, { version }]) => isBelow(version, floor))).toEqual([]);
});

test('every package is the one whose fingerprint the lock file holds', () => {
  const loose = Object.entries(packages).filter(([path, one]) => path !== '' && !one.link && !one.integrity);
  expect(loose.map(([path]) => path)).toEqual([]);
});
