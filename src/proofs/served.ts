import { z } from 'zod';
import { type Day, isDay } from '../shared/dates.ts';
import type { Link } from './arrived.ts';
import { nameOf, plainSchemas, type Site } from './documents.ts';
import type { SeriesSummary } from './evidence.ts';
import type { PublishedProof } from './published.ts';
import { answersLimitReachedOn, type NoAnswer, type State, stateWords } from './state.ts';
import { namesOf, type ProofVersion } from './versions.ts';

/*
 * What a site serves about a proof, so that anyone can check it: check.json and its versions. verify.ts judges them by the same claims.
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

/** What a site claims of a proof, from what was read of it. */
export function claimsOf({ headline, line, lede, summaries }: Claimed, state: State): CheckFile['claims'] {
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

/** The fingerprint of the newest measurement that arrived, by series. */
export function newestArrived({ arrived }: Pick<CheckFile, 'arrived'>): Map<string, string> {
  return new Map(arrived.map(({ series, hash }) => [series, hash]));
}
