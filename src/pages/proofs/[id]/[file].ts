import type { APIRoute } from 'astro';
import { publicFile } from '../../../caching.ts';
import { database } from '../../../database.ts';
import { downloadOf } from '../../../proofs/downloads.ts';
import { publishedProof } from '../../../proofs/published.ts';

/*
 * A series by its id, with what arrived since; until something has, byte for byte as published. Or the document behind a change, always
 * as published, so that its fingerprint can be taken again.
 */
export const GET: APIRoute = async ({ params, request, rewrite }) => {
  const proof = await publishedProof((await database()).read, params['id']!);
  const download = proof && downloadOf(proof, params['file']);
  return download ? publicFile(request, download.text, download.headers) : rewrite('/404');
};
