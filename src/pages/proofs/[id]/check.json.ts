import type { APIRoute } from 'astro';
import { publicJson } from '../../../caching.ts';
import { noAnswersByIssue } from '../../../checkins/answers.ts';
import { database } from '../../../database.ts';
import { measurementsOf } from '../../../proofs/measurements.ts';
import { circumstancesOf, proofWithState, publishedSite } from '../../../proofs/published.ts';
import { checkFileOf } from '../../../proofs/served.ts';
import { versionsOf } from '../../../proofs/versions.ts';

/* What we claim about a proof, and what it takes beside its versions to recompute that. */
export const GET: APIRoute = async ({ params, request, rewrite }) => {
  const now = new Date();
  const db = (await database()).read;
  const id = params['id']!;
  const [site, noAnswers] = await Promise.all([publishedSite(db), noAnswersByIssue(db)]);
  const [found, versions, arrived] = await Promise.all([
    proofWithState(db, id, noAnswers, now),
    versionsOf(db, id),
    measurementsOf(db, id),
  ]);
  if (!found) return rewrite('/404');
  const { today } = circumstancesOf(site, now);
  return publicJson(request, checkFileOf(found.proof, found.state, versions, arrived, noAnswers, { site, today }));
};
