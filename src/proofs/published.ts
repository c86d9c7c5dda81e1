import { asc, inArray, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { kept } from '../../db/kept.ts';
import { publishedVersions } from '../../db/schema/proofs.ts';
import { staff } from '../../db/schema/staff.ts';
import { dayOf } from '../shared/dates.ts';
import { withArrived } from './arrived.ts';
import { filledClaims } from './claims.ts';
import { type ParsedDocument, parseDocument } from './content.ts';
import { type Changed, changedPoints } from './corrections.ts';
import type { Collection, Site } from './documents.ts';
import { type Point, pointOf, type SeriesSummary, summariseProof } from './evidence.ts';
import type { Others } from './rules.ts';
import { type Circumstances, type NoAnswer, type State, stateOfIssue, stateOfProof } from './state.ts';

/*
 * The one reader of what is published. Pages, the gate and letters see the newest version of each document and nothing else.
 * What is read here is shared by every request of this process: don't change it.
 */

/** A published document: `data` (its fields), `body` (its Markdown), and which version it is. */
export type PublishedDocument<C extends Collection> = Omit<
  Extract<ParsedDocument, { collection: C }>,
  'lineOf' | 'bodyLine'
> & {
  version: number;
  hash: string;
  /** Milliseconds. */
  publishedAt: number;
  /** One a series, in the order of the document; empty for anything but a proof. */
  summaries: SeriesSummary[];
};
/**
 * `headline`, `line` and `lede` have their numbers in; `data` has them as written, with placeholders. Measurements that arrived
 * since are in `points`, in the CSV among `assets` and in all that is computed; `arrived` says what they are.
 */
export type PublishedProof = PublishedDocument<'proofs'> & {
  headline: string;
  line: string;
  lede: string;
  /** Of each series that something arrived for: how many, and the hash of the newest. */
  arrived: { series: string; count: number; newest: string }[];
  /** What arrived and reads otherwise in this version. */
  corrected: Changed[];
};
export type PublishedIssue = PublishedDocument<'issues'>;
export type PublishedOffer = PublishedDocument<'offers'>;
export type PublishedRole = PublishedDocument<'roles'>;
export type PublishedItem = PublishedDocument<'reonboarding'>;

type Newest = { rowId: string; documentId: string; version: number; hash: string; publishedAt: number };

/**
 * The newest version of each document of a collection: steps from document to document along the index, so that it costs
 * what there are documents, however many versions each has.
 */
export function newestOfAll(collection: Collection) {
  return sql`
    with recursive ids(id) as (
      select (select min(document_id) from published_versions where collection = ${collection})
      union all
      select (select min(document_id) from published_versions where collection = ${collection} and document_id > ids.id)
      from ids where ids.id is not null
    )
    select v.id, v.document_id, v.version, v.hash, v.published_at
    from ids
    cross join published_versions v
    where ids.id is not null and v.collection = ${collection} and v.document_id = ids.id
      and v.version = (select max(version) from published_versions where collection = ${collection} and document_id = ids.id)`;
}

export function newestOf(collection: Collection, id: string) {
  return sql`
    select id, document_id, version, hash, published_at from published_versions
    where collection = ${collection} and document_id = ${id} order by version desc limit 1`;
}

/** Parsed documents by hash. A version never changes, so it is read and parsed once; the least recently used go first. */
const parsed = new Map<string, PublishedDocument<Collection>>();
const KEEP = 5_000;

async function documentsOf<C extends Collection>(
  db: Reader,
  collection: C,
  query: ReturnType<typeof newestOf>,
): Promise<PublishedDocument<C>[]> {
  const rows = await db.all<[string, string, number, string, number]>(query);
  const newest = rows.map(([rowId, documentId, version, hash, publishedAt]): Newest => {
    return { rowId, documentId, version, hash, publishedAt };
  });
  const keyOf = ({ hash, publishedAt }: Newest) => `${hash} ${publishedAt}`;
  // Held here as well: while this waits, and where there are more than are kept, those from `parsed` may be pushed out.
  const known = new Map(newest.map((one) => [one.rowId, parsed.get(keyOf(one))]));
  const missing = newest.filter((one) => !known.get(one.rowId));
  const sources = new Map<string, { source: string; assets: Record<string, string> }>();
  if (missing.length > 0) {
    const { id, source, assets } = publishedVersions;
    const ids = sql`(select value from json_each(${JSON.stringify(missing.map((one) => one.rowId))}))`;
    const read = await db.select({ id, source, assets }).from(publishedVersions).where(inArray(id, ids));
    for (const row of read) sources.set(row.id, row);
  }
  const documents: PublishedDocument<C>[] = [];
  for (const one of newest) {
    const key = keyOf(one);
    const document = known.get(one.rowId) ?? parsed.get(key) ?? parse(collection, one, sources.get(one.rowId)!);
    parsed.delete(key);
    parsed.set(key, document);
    if (parsed.size > KEEP) parsed.delete(parsed.keys().next().value!);
    documents.push(document as unknown as PublishedDocument<C>);
    // The first page after a start parses everything there is: others are answered in between.
    if (!known.get(one.rowId) && documents.length % 25 === 0) await new Promise((go) => setImmediate(go));
  }
  return documents;
}

function parse(
  collection: Collection,
  { documentId, version, hash, publishedAt }: Newest,
  { source, assets }: { source: string; assets: Record<string, string> },
): PublishedDocument<Collection> {
  const { document, problems } = parseDocument(collection, documentId, source, assets);
  if (!document) {
    throw new Error(`Version ${version} of ${collection}/${documentId} can’t be read: ${problems[0]?.sentence}`);
  }
  const { lineOf: _, bodyLine: __, ...rest } = document;
  const summaries = document.collection === 'proofs' ? summariseProof(document.data, document.points) : [];
  const shared = { ...rest, version, hash, publishedAt, summaries };
  if (document.collection !== 'proofs') return shared as PublishedDocument<Collection>;
  const proof = { ...shared, ...filledClaims(document.data, summaries), arrived: [], corrected: [] };
  return proof as unknown as PublishedDocument<Collection>;
}

/** What arrived for one proof; another object when something new has. */
type Arrivals = { points: Record<string, readonly Point[]>; arrived: PublishedProof['arrived'] };
/** What arrived for every proof, as far as it has been read: up to the row `last`, whose id is `id`. */
type Read = { last: number; id: string; of: ReadonlyMap<string, Arrivals> };
type Row = [
  rowId: number,
  id: string,
  proof: string,
  series: string,
  on: string,
  value: number,
  n: number | null,
  hash: string,
];

const NOTHING_READ: Read = { last: 0, id: '', of: new Map() };
let read = NOTHING_READ;

/** Everything that arrived: reads what is newer than what was read before, in one query. */
async function arrivals(db: Reader): Promise<Read['of']> {
  const before = read;
  const rows = await db.all<Row>(sql`
    select rowid, id, proof_id, series_id, measured_on, value, n, hash from measurements
    where rowid >= ${before.last} order by rowid`);
  if (before.last > 0 && rows.shift()?.[1] !== before.id) {
    // The row that was read last isn't there: it was rolled back, or this is another database. Everything again.
    read = NOTHING_READ;
    return arrivals(db);
  }
  const [newest] = rows.slice(-1);
  if (!newest) return before.of;
  const of = new Map(before.of);
  for (const [proof, its] of Map.groupBy(rows, (row) => row[2])) of.set(proof, added(of.get(proof), its));
  // Never changed in place: another request may be reading the one before, or have got further meanwhile.
  read = { last: newest[0], id: newest[1], of };
  return of;
}

function added(before: Arrivals | undefined, rows: Row[]): Arrivals {
  const points = { ...before?.points };
  const arrived = new Map(before?.arrived.map((one) => [one.series, one]));
  for (const [series, its] of Map.groupBy(rows, (row) => row[3])) {
    const newer = its.map(([, , , , on, value, n]) => pointOf({ on, value, n }));
    points[series] = [...(points[series] ?? []), ...newer];
    arrived.set(series, { series, count: points[series].length, newest: its.at(-1)![7] });
  }
  return { points, arrived: [...arrived.values()] };
}

/** A version with what arrived since, by the version; made again when more has. */
const completed = new WeakMap<PublishedDocument<'proofs'>, { from: Arrivals; proof: PublishedProof }>();

function withMeasurements(version: PublishedProof, from: Arrivals | undefined): PublishedProof {
  if (!from) return version;
  const known = completed.get(version);
  if (known?.from === from) return known.proof;
  const { points, assets } = withArrived(version, from.points);
  const summaries = summariseProof(version.data, points);
  const texts = filledClaims(version.data, summaries);
  const corrected = changedPoints(from.points, points);
  const proof = { ...version, points, assets, summaries, ...texts, arrived: from.arrived, corrected };
  completed.set(version, { from, proof });
  return proof;
}

async function proofsOf(db: Reader, query: ReturnType<typeof newestOf>): Promise<PublishedProof[]> {
  const versions = (await documentsOf(db, 'proofs', query)) as PublishedProof[];
  const since = await arrivals(db);
  return versions.map((version) => withMeasurements(version, since.get(version.id)));
}

const everyDocument = kept((db, collection: Collection) => documentsOf(db, collection, newestOfAll(collection)));

async function all<C extends Collection>(db: Reader, collection: C): Promise<PublishedDocument<C>[]> {
  return (await everyDocument(db, collection)) as unknown as PublishedDocument<C>[];
}

async function one<C extends Collection>(db: Reader, collection: C, id: string): Promise<PublishedDocument<C> | null> {
  const [document] = await documentsOf(db, collection, newestOf(collection, id));
  return document ?? null;
}

export const publishedProofs = kept((db) => proofsOf(db, newestOfAll('proofs')));

export async function publishedProof(db: Reader, id: string): Promise<PublishedProof | null> {
  const [proof] = await proofsOf(db, newestOf('proofs', id));
  return proof ?? null;
}

export const publishedIssues = (db: Reader) => all(db, 'issues');
export const publishedIssue = (db: Reader, id: string) => one(db, 'issues', id);
export const publishedOffers = (db: Reader) => all(db, 'offers');
export const publishedOffer = (db: Reader, id: string) => one(db, 'offers', id);
export const publishedRoles = (db: Reader) => all(db, 'roles');
export const publishedRole = (db: Reader, id: string) => one(db, 'roles', id);
/** What a first week is made of. */
export const publishedItems = (db: Reader) => all(db, 'reonboarding');
/** The question for each issue that has one. */
export const publishedCheckins = (db: Reader) => all(db, 'checkins');
export const publishedPage = (db: Reader, id: string) => one(db, 'pages', id);
export const publishedLetters = (db: Reader) => all(db, 'letters');
export const publishedLetter = (db: Reader, id: string) => one(db, 'letters', id);

/**
 * Who we are, and the thresholds. Whoever has, or had, a place at the desk may be named too; what site.yaml says of them
 * counts first. Throws before anything was published: nothing can be shown then.
 */
export async function publishedSite(db: Reader): Promise<Site> {
  const site = await siteOrNull(db);
  if (!site)
    throw Object.assign(new Error('Nothing has been published yet: site.yaml comes first.'), { code: 'NOT_BEGUN' });
  return site;
}

/** Null: nothing has been published, not even what this place is called. */
export const siteOrNull = kept(async (db): Promise<Site | null> => {
  const { id, name, title, address, leftAt } = staff;
  const [site, members] = await Promise.all([
    one(db, 'site', 'site'),
    db.select({ id, name, title, address, leftAt }).from(staff).orderBy(asc(staff.addedAt), asc(staff.id)),
  ]);
  if (!site) return null;
  const people = { ...site.data.people };
  // No alert is sent to somebody who left: it goes to the address that answers letters.
  for (const { id, name, title, address, leftAt } of members) {
    people[id] ??= { name, role: title, ...(leftAt === null && { address }) };
  }
  return { ...site.data, people };
});

/** What the rules may know when a document of `collection` is published: what was published before it. */
export async function publishedOthers(db: Reader, collection: Collection): Promise<Others> {
  const [site, issues, proofs] = await Promise.all([
    siteOrNull(db),
    db.all<[string, string]>(newestOfAll('issues')),
    collection === 'proofs' ? publishedProofs(db) : [],
  ]);
  return {
    site,
    issues: new Set(issues.map(([, documentId]) => documentId)),
    notes: new Map(proofs.map(({ id, body }) => [id, body])),
  };
}

/** The “no” answers about each issue, by its id. They come from check-ins, which this folder doesn't know. */
export type NoAnswers = ReadonlyMap<string, readonly NoAnswer[]>;

export type ProofWithState = { proof: PublishedProof; state: State };
export type IssueWithState = { issue: PublishedIssue; state: State; proofs: ProofWithState[] };

/** Every issue with its state and the proofs for it. A constant number of queries, whatever there is. */
export async function issueStates(db: Reader, noAnswers: NoAnswers, now: Date): Promise<IssueWithState[]> {
  const [site, issues, proofs] = await Promise.all([publishedSite(db), publishedIssues(db), publishedProofs(db)]);
  const circumstances = circumstancesOf(site, now);
  const judged = proofs.map((proof) => ({ proof, state: stateOfProof(proof, noAnswers, circumstances) }));
  const proofsOf = Map.groupBy(
    judged.flatMap((one) => one.proof.data.issues.map((issue) => ({ issue, one }))),
    ({ issue }) => issue,
  );
  return issues.map((issue) => {
    const its = (proofsOf.get(issue.id) ?? []).map(({ one }) => one);
    const facts = its.map(({ proof }) => proof);
    return { issue, state: stateOfIssue(facts, noAnswers.get(issue.id) ?? [], circumstances), proofs: its };
  });
}

export async function issueWithState(
  db: Reader,
  id: string,
  noAnswers: NoAnswers,
  now: Date,
): Promise<IssueWithState | null> {
  return (await issueStates(db, noAnswers, now)).find(({ issue }) => issue.id === id) ?? null;
}

export async function proofWithState(
  db: Reader,
  id: string,
  noAnswers: NoAnswers,
  now: Date,
): Promise<ProofWithState | null> {
  const [site, proof] = await Promise.all([publishedSite(db), publishedProof(db, id)]);
  return proof && { proof, state: stateOfProof(proof, noAnswers, circumstancesOf(site, now)) };
}

export function circumstancesOf(site: Site, now: Date): Circumstances {
  return { site, today: dayOf(now, site.time_zone) };
}
