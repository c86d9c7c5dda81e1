import { and, asc, desc, eq, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { publishedVersions } from '../../db/schema/proofs.ts';
import { type Link, withArrived } from './arrived.ts';
import { filledClaims } from './claims.ts';
import { type ParsedDocument, parseDocument } from './content.ts';
import { type Changed, type Correction, correctionsIn, type Snapshot } from './corrections.ts';
import { type Collection, nameOf, type Site } from './documents.ts';
import { type Point, pointOf, type SeriesSummary, summariseProof } from './evidence.ts';

/* Every version of a document, and of a proof above all, that was ever published, as it was. Nothing here is changed or taken away, only added to. */

export type ProofVersion = {
  id: string;
  version: number;
  source: string;
  assets: Record<string, string>;
  hash: string;
  previousHash: string | null;
  confirmedBy: string | null;
  approvedBy: string;
  reason: string | null;
  /** Milliseconds. */
  publishedAt: number;
};

const COLUMNS = {
  id: publishedVersions.documentId,
  version: publishedVersions.version,
  source: publishedVersions.source,
  assets: publishedVersions.assets,
  hash: publishedVersions.hash,
  previousHash: publishedVersions.previousHash,
  confirmedBy: publishedVersions.confirmedBy,
  approvedBy: publishedVersions.approvedBy,
  reason: publishedVersions.reason,
  publishedAt: publishedVersions.publishedAt,
};
const { source: _, assets: __, ...LIGHT } = COLUMNS;

/** The newest version of a document, as it stands in its row; null when it was never published. */
export async function liveVersion(
  reader: Reader,
  { collection, documentId }: { collection: Collection; documentId: string },
): Promise<typeof publishedVersions.$inferSelect | null> {
  const [live] = await reader
    .select()
    .from(publishedVersions)
    .where(and(eq(publishedVersions.collection, collection), eq(publishedVersions.documentId, documentId)))
    .orderBy(desc(publishedVersions.version))
    .limit(1);
  return live ?? null;
}

const ofProof = (id: string) => and(eq(publishedVersions.collection, 'proofs'), eq(publishedVersions.documentId, id));

/** All of them without their content, oldest first. */
export async function versionsOf(db: Reader, id: string): Promise<Omit<ProofVersion, 'source' | 'assets'>[]> {
  return db.select(LIGHT).from(publishedVersions).where(ofProof(id)).orderBy(asc(publishedVersions.version));
}

export async function versionOf(db: Reader, id: string, version: number): Promise<ProofVersion | null> {
  const where = and(ofProof(id), eq(publishedVersions.version, version));
  const [found] = await db.select(COLUMNS).from(publishedVersions).where(where);
  return found ?? null;
}

/** The newest `count` versions with their content, newest first. */
export async function latestVersionsOf(db: Reader, id: string, count: number): Promise<ProofVersion[]> {
  const { version } = publishedVersions;
  return db.select(COLUMNS).from(publishedVersions).where(ofProof(id)).orderBy(desc(version)).limit(count);
}

/** What was published last, of all proofs, newest first. */
export async function latestVersions(db: Reader, count: number): Promise<ProofVersion[]> {
  // Row ids are in the order of time: this walks their index backwards and reads no more rows than it must.
  const { collection, id } = publishedVersions;
  const rows = db.select(COLUMNS).from(publishedVersions).where(sql`${collection} = 'proofs'`);
  return (await rows.orderBy(desc(id)).limit(count)).toSorted((a, b) => b.publishedAt - a.publishedAt);
}

export type VersionRead = {
  /** As published. */
  document: ParsedDocument<'proofs'>;
  /** With what arrived since. */
  points: Record<string, Point[]>;
  assets: Record<string, string>;
  summaries: SeriesSummary[];
  headline: string;
  line: string;
  lede: string;
};

/**
 * A version as a reader saw it, its numbers from its own measurements and from those, by series, that had arrived by then. Null
 * when today’s rules can’t read it any more.
 */
export function readVersion(
  { id, source, assets }: Pick<ProofVersion, 'id' | 'source' | 'assets'>,
  arrived: Record<string, readonly Point[]> = {},
): VersionRead | null {
  const { document } = parseDocument('proofs', id, source, assets);
  if (!document) return null;
  const all = withArrived(document, arrived);
  const summaries = summariseProof(document.data, all.points);
  return { document, ...all, summaries, ...filledClaims(document.data, summaries) };
}

/** What of a published proof reads otherwise than it arrived, and the version that corrected it. Most have nothing to look up. */
export async function correctionsOf(
  db: Reader,
  { id, corrected }: { id: string; corrected: readonly Changed[] },
): Promise<(Correction & Pick<ProofVersion, 'publishedAt' | 'reason'>)[]> {
  if (corrected.length === 0) return [];
  const all = (await latestVersionsOf(db, id, 10_000)).toReversed();
  return correctionsIn(snapshotsOf(all), arrivedIn(corrected)).map((one) => {
    const { publishedAt, reason } = all.find(({ version }) => version === one.version)!;
    return { ...one, publishedAt, reason };
  });
}

/** As they arrived, by series. */
function arrivedIn(corrected: readonly Changed[]): Record<string, Point[]> {
  const bySeries = Map.groupBy(corrected, ({ series }) => series);
  return Object.fromEntries([...bySeries].map(([series, its]) => [series, its.map(({ was }) => was)]));
}

/** What a version says otherwise than was public just before it, of what had arrived: a sentence each. */
export function correctedBetween(
  before: Pick<ProofVersion, 'id' | 'version' | 'source' | 'assets'>,
  after: Pick<ProofVersion, 'id' | 'version' | 'source' | 'assets'>,
  links: readonly Pick<Link, 'series' | 'on' | 'value' | 'n'>[],
): string[] {
  const [a, b] = [snapshotsOf([before])[0], snapshotsOf([after])[0]];
  if (!a || !b) return [];
  // As it was public before: what arrived, unless an earlier version had corrected it already.
  const known = links.map(({ series, ...link }) => ({
    series,
    point: a.points[series]?.find((point) => point.on === link.on) ?? pointOf(link),
  }));
  const arrived = Map.groupBy(
    known.filter(({ series }) => a.data.series.some(({ id }) => id === series)),
    ({ series }) => series,
  );
  const was = Object.fromEntries([...arrived].map(([series, its]) => [series, its.map(({ point }) => point)]));
  return correctionsIn([a, b], was, 'before').map(({ sentence }) => sentence);
}

/** Those that today’s rules can read. */
export function snapshotsOf(
  versions: readonly Pick<ProofVersion, 'id' | 'version' | 'source' | 'assets'>[],
): Snapshot[] {
  return versions.flatMap(({ id, version, source, assets }) => {
    const { document } = parseDocument('proofs', id, source, assets);
    return document ? [{ version, data: document.data, points: document.points }] : [];
  });
}

/** Who confirmed and approved it, by the name that site.yaml gives them. */
export function namesOf(
  { confirmedBy, approvedBy }: Pick<ProofVersion, 'confirmedBy' | 'approvedBy'>,
  site: Pick<Site, 'people'>,
) {
  return { confirmedBy: confirmedBy && nameOf(confirmedBy, site), approvedBy: nameOf(approvedBy, site) };
}

/** The number in an address; null for anything but a plain one. */
export function versionNumber(text: string | undefined): number | null {
  return text !== undefined && /^[1-9]\d{0,5}$/.test(text) ? Number(text) : null;
}
