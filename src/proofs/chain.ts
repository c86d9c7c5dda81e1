import { createHash } from 'node:crypto';
import type { Collection } from './documents.ts';

/** What a version's hash covers. */
export type Version = {
  collection: Collection;
  id: string;
  version: number;
  source: string;
  assets: Record<string, string>;
  /** The hash of the version before; null for the first. */
  previousHash: string | null;
};

/**
 * SHA-256 in hex over the UTF-8 of this JSON, without spaces, keys sorted by code unit at every level:
 * {"assets":{…},"collection":…,"id":…,"previousHash":…,"source":…,"version":…}.
 */
export function versionHash(version: Version): string {
  const { collection, id, version: number, source, assets, previousHash } = version;
  const canonical = JSON.stringify({ assets: sorted(assets), collection, id, previousHash, source, version: number });
  return createHash('sha256').update(canonical, 'utf8').digest('hex');
}

export function sameContent(a: Pick<Version, 'source' | 'assets'>, b: Pick<Version, 'source' | 'assets'>): boolean {
  return a.source === b.source && JSON.stringify(sorted(a.assets)) === JSON.stringify(sorted(b.assets));
}

function sorted(assets: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(assets).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
