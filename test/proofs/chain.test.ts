import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { sameContent, type Version, versionHash } from '../../src/proofs/chain.ts';

const version: Version = {
  collection: 'proofs',
  id: 'exports-finish',
  version: 2,
  source: 'It’s fixed.\n',
  assets: { 'b.csv': 'date,value\n', 'a.csv': '' },
  previousHash: '00ff',
};

test('the hash is that of the JSON which the method names', () => {
  const json =
    '{"assets":{"a.csv":"","b.csv":"date,value\\n"},"collection":"proofs","id":"exports-finish",' +
    '"previousHash":"00ff","source":"It’s fixed.\\n","version":2}';
  expect(versionHash(version)).toBe(createHash('sha256').update(json, 'utf8').digest('hex'));
});

test('everything that a version says changes its hash, the order of its files does not', () => {
  const others: Version[] = [
    { ...version, collection: 'pages' },
    { ...version, id: 'other' },
    { ...version, version: 3 },
    { ...version, source: '' },
    { ...version, assets: { 'a.csv': '' } },
    { ...version, previousHash: null },
  ];
  expect(new Set([version, ...others].map(versionHash)).size).toBe(7);
  const turned = { ...version, assets: { 'a.csv': '', 'b.csv': 'date,value\n' } };
  expect(versionHash(turned)).toBe(versionHash(version));
  expect(sameContent(turned, version)).toBe(true);
  expect(sameContent({ ...turned, source: '' }, version)).toBe(false);
});
