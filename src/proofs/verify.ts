import { z } from 'zod';
import { type Day, daysBetween, isDay, longDay } from '../shared/dates.ts';
import { counted, listed } from '../shared/words.ts';
import { type Link, measurementHash, NOTHING } from './arrived.ts';
import { versionHash } from './chain.ts';
import { problemsOf } from './check.ts';
import { parseDocument } from './content.ts';
import { type Correction, correctionsIn } from './corrections.ts';
import { nameOf, plainSchemas, type Site } from './documents.ts';
import { formatValue, type Point, type SeriesSummary } from './evidence.ts';
import type { PublishedProof } from './published.ts';
import { answersLimitReachedOn, type NoAnswer, type State, stateOfProof, stateWords } from './state.ts';
import { namesOf, type ProofVersion, readVersion, snapshotsOf, type VersionRead } from './versions.ts';

/*
 * A proof checked from outside: what a site serves about it (check.json and its versions) against what follows from that. Both
 * sides of it are here, what is served and how it is judged, so that they can't drift apart.
 *
 * What is served about the people who returned is one day, or none: the day on which their “no” answers reached the limit.
 * The page has said that day already, in its state. It is all that the state needs. Single answers, their days and their number stay
 * inside: a person who said no last Tuesday would be found by whoever knows of it.
 */

const day = z.string().refine(isDay, 'is no date.');
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const { holding, reopen } = plainSchemas.site.shape;

/** One published version, as a site serves it. */
export const versionFile = z.strictObject({
  collection: z.literal('proofs'),
  id: z.string(),
  version: z.number().int().positive(),
  source: z.string(),
  assets: z.record(z.string(), z.string()),
  hash,
  previousHash: hash.nullable(),
  publishedAt: z.iso.datetime(),
  confirmedBy: z.string().nullable(),
  approvedBy: z.string(),
  reason: z.string().nullable(),
});
export type VersionFile = z.output<typeof versionFile>;

const summaryOfSeries = z.strictObject({
  id: z.string(),
  title: z.string(),
  unit: z.string(),
  currency: z.string().optional(),
  how: z.string(),
  before: z.number().nullable(),
  after: z.number().nullable(),
  latest: z.strictObject({ on: z.string(), value: z.number(), n: z.number().optional() }).nullable(),
  points: z.strictObject({ before: z.number(), after: z.number() }),
  n: z.strictObject({ before: z.number(), after: z.number() }),
  nOf: z.string(),
  weeks: z.number(),
  limit: z.number(),
});

/** What a site says follows from the newest version, and what it takes beside it to recompute that. */
export const checkFile = z.strictObject({
  format: z.literal('amends-check-1'),
  proof: z.string(),
  /** The day for which the state was computed. */
  computedOn: day,
  thresholds: z.strictObject({
    holding: holding.unwrap(),
    reopen: z.strictObject({ no_answers: reopen.unwrap().shape.no_answers.unwrap().max(10_000) }),
  }),
  /** Names of the owner and of those who made the changes, by short id: none of them may be the confirmer. */
  people: z.record(z.string(), z.string()),
  /** The day on which “no” answers of people who returned reached the limit; null while they have not. */
  noAnswersReachedLimitOn: day.nullable(),
  versions: z
    .array(
      z.strictObject({
        version: z.number().int().positive().max(10_000),
        hash,
        publishedAt: z.iso.datetime(),
        confirmedBy: z.string().nullable(),
        approvedBy: z.string(),
        reason: z.string().nullable(),
      }),
    )
    .min(1)
    .max(10_000),
  /** Measurements that arrived since, series by series, each in the order of its chain (arrived.ts). */
  arrived: z
    .array(
      z.strictObject({
        series: z.string(),
        on: day,
        value: z.number(),
        n: z.number().int().positive().optional(),
        receivedAt: z.iso.datetime(),
        previousHash: hash,
        hash,
      }),
    )
    .max(50_000),
  claims: z.strictObject({
    headline: z.string(),
    line: z.string(),
    lede: z.string(),
    series: z.array(summaryOfSeries),
    state: z.strictObject({
      state: z.enum(['not_yet', 'watching', 'holding', 'came_back']),
      words: z.string(),
      since: z.string().nullable(),
      why: z.array(z.string()),
      weeks: z.number(),
      measured: z.boolean(),
      verified: z.boolean(),
      /** The measurement beyond its limit, where one brought it back. */
      crossing: z.strictObject({ series: z.string(), title: z.string(), on: z.string(), value: z.number() }).nullable(),
    }),
  }),
});
export type CheckFile = z.output<typeof checkFile>;

type Claimed = { headline: string; line: string; lede: string; summaries: readonly SeriesSummary[] };

function claimsOf({ headline, line, lede, summaries }: Claimed, state: State): CheckFile['claims'] {
  const { state: name, since, why, weeks, measured, verified, crossing } = state;
  return {
    headline,
    line,
    lede,
    series: JSON.parse(JSON.stringify(summaries)),
    state: {
      state: name,
      words: stateWords(state),
      since,
      why,
      weeks,
      measured,
      verified,
      crossing: crossing && 'series' in crossing ? crossing : null,
    },
  };
}

export function versionFileOf(version: ProofVersion, site: Pick<Site, 'people'>): VersionFile {
  const { id, source, assets, hash, previousHash, reason } = version;
  const publishedAt = new Date(version.publishedAt).toISOString();
  return {
    collection: 'proofs',
    id,
    version: version.version,
    source,
    assets,
    hash,
    previousHash,
    publishedAt,
    ...namesOf(version, site),
    reason,
  };
}

export function checkFileOf(
  proof: PublishedProof,
  state: State,
  versions: readonly Omit<ProofVersion, 'source' | 'assets'>[],
  arrived: readonly (Link & { hash: string })[],
  noAnswers: ReadonlyMap<string, readonly NoAnswer[]>,
  { site, today }: { site: Site; today: Day },
): CheckFile {
  const { owner, changes } = proof.data;
  const ours = new Set([owner, ...changes.map(({ by }) => by)]);
  return {
    format: 'amends-check-1',
    proof: proof.id,
    computedOn: today,
    thresholds: { holding: site.holding, reopen: { no_answers: site.reopen.no_answers } },
    people: Object.fromEntries([...ours].map((id) => [id, nameOf(id, site)])),
    noAnswersReachedLimitOn: answersLimitReachedOn(proof, noAnswers, { site, today }),
    versions: versions.map((one) => ({
      version: one.version,
      hash: one.hash,
      publishedAt: new Date(one.publishedAt).toISOString(),
      ...namesOf(one, site),
      reason: one.reason,
    })),
    arrived: arrived.map(({ proof: _, ...link }) => link),
    claims: claimsOf(proof, state),
  };
}

/** What doesn’t agree. `what` is for programs, `sentence` for people. */
export type Difference = {
  what:
    | 'version'
    | 'hash'
    | 'chain'
    | 'source'
    | 'measurement'
    | 'number'
    | 'state'
    | 'claim'
    | 'series'
    | 'page'
    | 'correction'
    | 'date';
  sentence: string;
};

/** What a site served: each version by its number, with the sentence that says why where one can’t be read. */
export type Served = {
  check: CheckFile;
  versions: ReadonlyMap<number, VersionFile | { unreadable: string }>;
  /** The downloads of the proof’s page by their name in the address; null where there is none. */
  files?: ReadonlyMap<string, string | null>;
  /** The proof’s page. */
  html?: string;
};

export type Verdict = {
  /** Empty: all agrees. */
  differences: Difference[];
  /** What was recomputed. */
  agreed: string[];
  /** What a version says otherwise than it arrived. It was declared, so it is no difference; nobody should miss it. */
  corrected: string[];
};

/** Everything that differs, what was recomputed, and what was corrected. */
export function verifyProof(id: string, served: Served, now: Date): Verdict {
  const { check, versions } = served;
  const differences: Difference[] = [];
  const agreed: string[] = [];
  const differs = (what: Difference['what'], sentence: string) => differences.push({ what, sentence });

  if (check.proof !== id) differs('claim', `check.json is about “${check.proof}”, not about “${id}”.`);
  const numbers = check.versions.map(({ version }) => version);
  const newest = Math.max(...numbers);
  for (let number = 1; number <= newest; number += 1) {
    if (!numbers.includes(number)) differs('version', `Version ${number} is missing from the list in check.json.`);
  }
  if (new Set(numbers).size < numbers.length) differs('version', 'check.json lists a version twice.');

  let before: VersionFile | null = null;
  for (const listed of check.versions.toSorted((a, b) => a.version - b.version)) {
    const name = `Version ${listed.version}`;
    const file = versions.get(listed.version);
    if (!file || 'unreadable' in file) {
      differs('version', `${name} is missing: ${file?.unreadable ?? 'it was not served.'}`);
      before = null;
      continue;
    }
    differences.push(...wrongWithVersion(id, listed, file, before));
    if (Date.parse(file.publishedAt) > now.getTime() + 600_000) {
      differs('date', `${name} says that it was published at ${file.publishedAt}, which has not been yet.`);
    }
    before = file;
  }
  if (differences.length === 0) agreed.push(chainWords(check));
  const wrong = wrongWithArrived(check, now);
  differences.push(...wrong);
  if (wrong.length === 0 && check.arrived.length > 0) agreed.push(arrivedWords(check));

  const last = versions.get(newest);
  if (!last || 'unreadable' in last) return { differences, agreed, corrected: [] };
  try {
    const corrections = correctionsServed(served);
    const follows = whatFollows(last, served, corrections, now);
    return {
      differences: [...differences, ...follows.differences],
      agreed: [...agreed, ...follows.agreed],
      corrected: corrections.map((one) => correctionWords(one, check)),
    };
  } catch (error) {
    // A currency that is none, a number beyond all bounds: no proof that was published through our rules comes here.
    differs('source', `Nothing can be computed from version ${newest}: ${(error as Error).message}`);
    return { differences, agreed, corrected: [] };
  }
}

function correctionsServed({ check, versions }: Served): Correction[] {
  if (check.arrived.length === 0) return [];
  const read = [...versions.values()].flatMap((one) => ('unreadable' in one ? [] : [one]));
  return correctionsIn(snapshotsOf(read.toSorted((a, b) => a.version - b.version)), pointsOf(check));
}

function correctionWords({ sentence, version }: Correction, { versions }: CheckFile): string {
  const made = versions.find((one) => one.version === version);
  const on = made ? ` on ${longDay(made.publishedAt.slice(0, 10))}` : '';
  return `${sentence} Version ${version} says so${on}: “${made?.reason ?? 'no reason given'}”`;
}

/** What follows from the newest version, against what is claimed, offered and shown. */
function whatFollows(last: VersionFile, { check, files, html }: Served, corrections: Correction[], now: Date) {
  const differences: Difference[] = [];
  const agreed: string[] = [];
  const differs = (what: Difference['what'], sentence: string) => differences.push({ what, sentence });
  const name = `Version ${last.version}`;
  const { problems } = parseDocument('proofs', last.id, last.source, last.assets);
  const read = readVersion(last, pointsOf(check));
  if (!read) {
    differs('source', `${name} can’t be read, so nothing follows from it: ${problems[0]?.sentence}`);
    return { differences, agreed };
  }
  const { data } = read.document;
  for (const problem of [...problems, ...brokenRules(read, check)]) {
    differs('source', `${name} breaks a rule that it must keep (${problem.rule}): ${problem.sentence}`);
  }

  const far = Math.abs(daysBetween(check.computedOn, now.toISOString().slice(0, 10)));
  if (far > 1) differs('date', `check.json was computed for ${longDay(check.computedOn)}. It should be for today.`);
  const reached = check.noAnswersReachedLimitOn;
  if (reached !== null && (reached < data.changed_on || reached > check.computedOn)) {
    differs(
      'state',
      `The “no” answers can’t have reached the limit on ${longDay(reached)}: that is not between the change and today.`,
    );
  }
  const computed = claimsOf(read, stateFrom(read, check));
  const wrong = wrongClaims(computed, check.claims);
  differences.push(...wrong);
  if (!wrong.some(({ what }) => what === 'number')) agreed.push(...read.summaries.map(summaryWords));
  if (!wrong.some(({ what }) => what === 'state')) agreed.push(`The state: ${computed.state.words}.`);

  for (const [file, text] of files ?? []) {
    const series = data.series.find((one) => file === `${one.id}.csv`);
    const published = read.assets[series?.file ?? file];
    if (text === null) differs('series', `${file} can’t be downloaded.`);
    else if (text !== published) {
      const since = published === last.assets[series?.file ?? file] ? '' : ' with what arrived since';
      differs('series', `${file}, as the page offers it, is not what version ${last.version} contains${since}.`);
    }
  }
  if (html !== undefined) {
    differences.push(...wrongOnPage(html, computed, [last.hash, ...newestArrived(check).values()]));
    differences.push(...hiddenOnPage(html, corrections, check));
  }
  return { differences, agreed };
}

type Listed = CheckFile['versions'][number];

function wrongWithVersion(id: string, listed: Listed, file: VersionFile, before: VersionFile | null): Difference[] {
  const name = `Version ${listed.version}`;
  const wrong: Difference[] = [];
  const differs = (what: Difference['what'], sentence: string) => wrong.push({ what, sentence });
  if (file.id !== id || file.version !== listed.version) {
    differs('version', `${name} says that it is version ${file.version} of “${file.id}”.`);
  }
  const computed = versionHash({ ...file });
  if (computed !== file.hash) {
    differs(
      'hash',
      `${name} was changed after it was published: its fingerprint is ${computed}, it claims ${file.hash}.`,
    );
  }
  if (file.hash !== listed.hash) {
    differs('hash', `${name} carries the fingerprint ${file.hash}, check.json lists ${listed.hash}.`);
  }
  if (listed.version === 1 && file.previousHash !== null)
    differs('chain', `${name} claims that there was one before it.`);
  if (listed.version > 1 && file.previousHash === null) differs('chain', `${name} names no version before it.`);
  if (before && file.previousHash !== null && file.previousHash !== before.hash) {
    differs(
      'chain',
      `${name} doesn’t follow version ${before.version}: it names ${file.previousHash} as the one before.`,
    );
  }
  if (before && file.publishedAt < before.publishedAt) {
    differs('date', `${name} says that it was published before version ${before.version}.`);
  }
  for (const [field, words] of [
    ['publishedAt', 'when it was published'],
    ['confirmedBy', 'who confirmed it'],
    ['approvedBy', 'who approved it'],
    ['reason', 'why it was published'],
  ] as const) {
    if (file[field] !== listed[field]) {
      differs('version', `${name} and check.json disagree about ${words}: “${file[field]}” and “${listed[field]}”.`);
    }
  }
  if (file.confirmedBy !== null && file.confirmedBy === file.approvedBy) {
    differs('version', `${name} was confirmed and approved by the same person, ${file.approvedBy}.`);
  }
  return wrong;
}

/** What is wrong with the chains of what arrived since: changed, missing, out of order, or not yet possible. */
function wrongWithArrived({ proof, arrived }: CheckFile, now: Date): Difference[] {
  const wrong: Difference[] = [];
  const newest = new Map<string, CheckFile['arrived'][number]>();
  const days = new Set<string>();
  for (const link of arrived) {
    const { series, on, receivedAt, previousHash, hash } = link;
    const name = `The measurement of ${longDay(on)} that arrived for “${series}”`;
    const differs = (sentence: string) => wrong.push({ what: 'measurement', sentence: `${name} ${sentence}` });
    const before = newest.get(series);
    const computed = measurementHash({ proof, ...link });
    if (computed !== hash) {
      differs(`was changed after it arrived: its fingerprint is ${computed}, it claims ${hash}.`);
    }
    if (!before && previousHash !== NOTHING) differs('names one before it, and none is listed: something is missing.');
    if (before && previousHash !== before.hash) {
      differs(`doesn’t follow that of ${longDay(before.on)}: it names ${previousHash} as the one before.`);
    }
    if (days.has(`${series} ${on}`)) differs('is listed twice.');
    if (before && receivedAt < before.receivedAt) differs(`says that it arrived before that of ${longDay(before.on)}.`);
    const late = Date.parse(receivedAt) > now.getTime() + 600_000;
    if (late) differs(`says that it arrived at ${receivedAt}, which has not been yet.`);
    if (daysBetween(receivedAt.slice(0, 10), on) > 1) differs(`says that it arrived at ${receivedAt}, before its day.`);
    newest.set(series, link);
    days.add(`${series} ${on}`);
  }
  return wrong;
}

function pointsOf({ arrived }: CheckFile): Record<string, Point[]> {
  type Listed = CheckFile['arrived'][number];
  const pointOf = ({ on, value, n }: Listed): Point => ({ on, value, ...(n === undefined ? {} : { n }) });
  return Object.fromEntries(
    [...Map.groupBy(arrived, ({ series }) => series)].map(([series, its]) => [series, its.map(pointOf)]),
  );
}

/** The fingerprint of the newest measurement that arrived, by series. */
export function newestArrived({ arrived }: Pick<CheckFile, 'arrived'>): Map<string, string> {
  return new Map(arrived.map(({ series, hash }) => [series, hash]));
}

function arrivedWords({ arrived }: CheckFile): string {
  if (arrived.length === 1) return 'One measurement that arrived since, with the fingerprint it claims.';
  return `${counted(arrived.length, 'measurement')} that arrived since, each with the fingerprint it claims and each following the one before.`;
}

/** The rules about evidence. How something is worded is for its authors, and may be judged differently later. */
const OF_EVIDENCE = new Set(['series', 'hash', 'S202', 'S203']);

function brokenRules({ document, points }: VersionRead, { people }: CheckFile) {
  const site = { people: Object.fromEntries(Object.entries(people).map(([id, name]) => [id, { name }])) };
  const others = { site, issues: new Set(document.data.issues), notes: new Map() };
  // What was typed had to agree with what was known when it was published. What is measured must be possible, whenever it came.
  return [
    ...problemsOf({ ...document, points }, others).filter(({ rule }) => rule === 'series'),
    ...problemsOf(document, others).filter(({ rule }) => rule !== 'series' && OF_EVIDENCE.has(rule)),
  ];
}

/** The state that follows from a version, the thresholds, the names and the one day. */
function stateFrom({ document, points }: VersionRead, check: CheckFile): State {
  const { thresholds, noAnswersReachedLimitOn: on } = check;
  const people = Object.fromEntries(Object.entries(check.people).map(([id, name]) => [id, { name, role: '' }]));
  const limit = thresholds.reopen.no_answers;
  const site = { holding: thresholds.holding, reopen: { no_answers: limit, answer_working_days: 2 }, people };
  const answers = on === null ? [] : Array.from({ length: limit }, (_, index) => ({ on, personId: String(index) }));
  const facts = { ...document, points };
  return stateOfProof(facts, new Map([[document.data.issues[0]!, answers]]), { site, today: check.computedOn });
}

function wrongClaims(computed: CheckFile['claims'], claimed: CheckFile['claims']): Difference[] {
  const wrong: Difference[] = [];
  for (const field of ['headline', 'line', 'lede'] as const) {
    if (computed[field] === claimed[field]) continue;
    wrong.push({
      what: 'claim',
      sentence: `The ${field} must be “${computed[field]}”, it claims “${claimed[field]}”.`,
    });
  }
  const count = Math.max(computed.series.length, claimed.series.length);
  for (let index = 0; index < count; index += 1) {
    const [ours, theirs] = [computed.series[index], claimed.series[index]];
    const name = ours?.title ?? theirs?.title ?? '';
    for (const { path, is, says } of leavesThatDiffer(ours, theirs)) {
      const which = SERIES_WORDS[path] ?? path;
      wrong.push({ what: 'number', sentence: `${name}: ${which} is ${is} by the data, the claim is ${says}.` });
    }
  }
  for (const { path, is, says } of leavesThatDiffer(computed.state, claimed.state)) {
    const which = path === 'words' ? 'its words' : path;
    wrong.push({ what: 'state', sentence: `The state: ${which} must be ${is}, the claim is ${says}.` });
  }
  return wrong;
}

const SERIES_WORDS: Record<string, string> = {
  before: 'the number before the change',
  after: 'the number after the change',
  'latest.value': 'the latest measurement',
  'latest.on': 'the day of the latest measurement',
  'points.before': 'the number of measurements before the change',
  'points.after': 'the number of measurements after the change',
  'n.before': 'the number of cases before the change',
  'n.after': 'the number of cases after the change',
  weeks: 'the number of weeks measured',
  limit: 'the limit at which it reopens',
};

type Leaf = { path: string; is: string; says: string };

function leavesThatDiffer(is: unknown, says: unknown, path = ''): Leaf[] {
  const inside = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
  if (inside(is) && inside(says)) {
    return [...new Set([...Object.keys(is), ...Object.keys(says)])].flatMap((key) =>
      leavesThatDiffer(is[key], says[key], path === '' ? key : `${path}.${key}`),
    );
  }
  if (Object.is(is, says)) return [];
  const said = (value: unknown) => (value === undefined ? 'missing' : JSON.stringify(value));
  return [{ path, is: said(is), says: said(says) }];
}

/** What the page itself must say, wherever on it. */
function wrongOnPage(
  html: string,
  { headline, lede, series, state }: CheckFile['claims'],
  fingerprints: string[],
): Difference[] {
  const text = wordsOf(html);
  const wrong: Difference[] = [];
  const must = (what: string, words: string) => {
    const there = text.includes(plain(words));
    if (!there) wrong.push({ what: 'page', sentence: `The page doesn’t show ${what} that follows: “${words}”.` });
  };
  must('the state', state.words);
  must('the headline', headline);
  must('the lede', lede);
  for (const hash of fingerprints) must('the fingerprint', hash);
  for (const { title, unit, currency, before, after } of series) {
    const said = (value: number) => formatValue(unit as SeriesSummary['unit'], value, currency);
    if (before !== null) must(`the number before the change (${title})`, said(before));
    if (after !== null) must(`the number after the change (${title})`, said(after));
  }
  return wrong;
}

/** A correction that the page keeps to itself, or whose reason it does. */
function hiddenOnPage(html: string, corrections: Correction[], { versions }: CheckFile): Difference[] {
  const text = wordsOf(html);
  return corrections.flatMap(({ sentence, version }): Difference[] => {
    const reason = versions.find((one) => one.version === version)?.reason ?? '';
    if (text.includes(plain(sentence)) && text.includes(plain(reason))) return [];
    const hidden = `The page hides a correction of version ${version}: “${sentence}”${reason && ` It was published because “${reason}”`}`;
    return [{ what: 'correction', sentence: hidden }];
  });
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

/** What can be read on a page, without its marks; comparable with `plain`. */
function wordsOf(html: string): string {
  // By pieces: patterns that search for an end would take for ever on a page made to have none.
  const pieces = html.slice(Math.max(0, html.indexOf('<body'))).split('<');
  const text = pieces
    .map((piece, index) => (index === 0 ? piece : piece.slice(piece.indexOf('>') + 1)))
    .join(' ')
    .replace(/&(?:#(\d{1,6})|#x([0-9a-f]{1,5})|(\w+));/gi, (all, decimal, hex, name) => {
      if (name) return ENTITIES[name] ?? all;
      return String.fromCodePoint(decimal ? Number(decimal) : Number.parseInt(hex, 16));
    });
  return plain(text);
}

function plain(text: string): string {
  return text.replace(/[“”]/g, '"').replace(/[‘’]/g, "'").replace(/\s+/g, ' ').trim();
}

function chainWords({ versions }: CheckFile): string {
  if (versions.length === 1) return 'One version, with the fingerprint it claims.';
  return `${counted(versions.length, 'version')}, each with the fingerprint it claims and each following the one before.`;
}

function summaryWords(summary: SeriesSummary): string {
  const { title, unit, currency, before, after, points } = summary;
  const said = (value: number | null, count: number, when: string) =>
    value === null
      ? `nothing ${when}`
      : `${formatValue(unit, value, currency)} ${when} (${counted(count, 'measurement')})`;
  return `${title}: ${listed([said(before, points.before, 'before'), said(after, points.after, 'after')])}.`;
}
