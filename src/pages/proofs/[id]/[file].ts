import type { APIRoute } from 'astro';
import { publicFile } from '../../../caching.ts';
import { database } from '../../../database.ts';
import { publishedProof } from '../../../proofs/published.ts';

/*
 * A series by its id, with what arrived since; until something has, byte for byte as published. Or the document behind a change, always
 * as published, so that its fingerprint can be taken again.
 */
export const GET: APIRoute = async ({ params, request, rewrite }) => {
  const proof = await publishedProof((await database()).read, params['id']!);
  const series = proof?.data.series.find(({ id }) => params['file'] === `${id}.csv`);
  const document = proof?.data.verified?.file === params['file'] ? params['file'] : undefined;
  const name = series?.file ?? document;
  const text = name === undefined ? undefined : proof?.assets[name];
  if (!proof || text === undefined) return rewrite('/404');
  return publicFile(request, text, {
    'Content-Type': series ? 'text/csv; charset=utf-8; header=present' : 'text/plain; charset=utf-8',
    'Content-Disposition': series ? `attachment; filename="${proof.id}-${series.id}.csv"` : 'inline',
  });
};
