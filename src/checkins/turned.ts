import type { Tx } from '../../db/client.ts';
import type { Series } from '../proofs/documents.ts';
import type { Point } from '../proofs/evidence.ts';
import {
  circumstancesOf,
  issueStates,
  issueWithState,
  type PublishedProof,
  publishedProof,
  publishedSite,
} from '../proofs/published.ts';
import { isBeyond, type NoAnswer, stateOfIssue } from '../proofs/state.ts';
import { type Day, dayOf } from '../shared/dates.ts';
import { noAnswersByIssue } from './answers.ts';

/* Whether something new is what makes an issue come back: it is told once, when it turns. */

export type Turned = { issueId: string; since: Day };

/** By “no” answers: it has come back by all that are known, and had not by those that `before` leaves of them. */
export async function turnedByAnswers(
  tx: Tx,
  issueId: string,
  before: (known: readonly NoAnswer[]) => NoAnswer[],
  now: Date,
): Promise<Turned | null> {
  const known = (await noAnswersByIssue(tx)).get(issueId) ?? [];
  const stateBy = async (given: readonly NoAnswer[]) =>
    (await issueWithState(tx, issueId, new Map([[issueId, given]]), now))?.state;
  const state = await stateBy(known);
  if (state?.state !== 'came_back' || (await stateBy(before(known)))?.state === 'came_back') return null;
  return { issueId, since: state.since ?? dayOf(now, (await publishedSite(tx)).time_zone) };
}

/** Which measurements were just stored: of one series, on these days. */
export type Measured = { proofId: string; seriesId: string; days: readonly Day[] };
/** The first of them that lies beyond the limit. */
export type Crossing = { proofId: string; series: Series; crossed: Point };

/** By measurements: every issue that they make come back. */
export async function turnedByMeasurements(
  tx: Tx,
  { proofId, seriesId, days }: Measured,
  now: Date,
): Promise<(Turned & { crossing: Crossing })[]> {
  const proof = await publishedProof(tx, proofId);
  const series = proof?.data.series.find(({ id }) => id === seriesId);
  if (!series || days.length === 0) return [];
  const isNew = new Set(days);
  const crossed = (proof?.points[seriesId] ?? []).find(({ on, value }) => isNew.has(on) && isBeyond(series, value));
  if (!crossed) return [];
  const [site, noAnswers] = await Promise.all([publishedSite(tx), noAnswersByIssue(tx)]);
  const circumstances = circumstancesOf(site, now);
  const states = await issueStates(tx, noAnswers, now);
  return states.flatMap(({ issue, state, proofs }) => {
    if (state.state !== 'came_back' || !proofs.some((one) => one.proof.id === proofId)) return [];
    const before = proofs.map((one) => (one.proof.id === proofId ? without(one.proof, seriesId, isNew) : one.proof));
    const was = stateOfIssue(before, noAnswers.get(issue.id) ?? [], circumstances);
    if (was.state === 'came_back') return [];
    const since = state.since ?? dayOf(now, site.time_zone);
    return [{ issueId: issue.id, since, crossing: { proofId, series, crossed } }];
  });
}

function without(proof: PublishedProof, seriesId: string, days: ReadonlySet<Day>): PublishedProof {
  const points = (proof.points[seriesId] ?? []).filter(({ on }) => !days.has(on));
  return { ...proof, points: { ...proof.points, [seriesId]: points } };
}
