import type { APIRoute } from 'astro';
import { publicJson } from '../../../../caching.ts';
import { database } from '../../../../database.ts';
import { publishedSite } from '../../../../proofs/published.ts';
import { versionFileOf } from '../../../../proofs/served.ts';
import { versionNumber, versionOf } from '../../../../proofs/versions.ts';

/* One version as it was published: all that its fingerprint covers, and who stood for it. */
export const GET: APIRoute = async ({ params, request, rewrite }) => {
  const db = (await database()).read;
  const number = versionNumber(params['n']);
  const version = number === null ? null : await versionOf(db, params['id']!, number);
  if (!version) return rewrite('/404');
  return publicJson(request, versionFileOf(version, await publishedSite(db)));
};
