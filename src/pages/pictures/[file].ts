import type { APIRoute } from 'astro';
import { database } from '../../database.ts';
import { pictureOf } from '../../proofs/pictures.ts';

export const GET: APIRoute = async ({ params, rewrite }) => {
  const sha256 = /^([0-9a-f]{64})\.webp$/.exec(params['file'] ?? '')?.[1];
  const picture = sha256 && (await pictureOf((await database()).read, sha256));
  if (!picture) return rewrite('/404');
  const headers = { 'Content-Type': picture.mediaType, 'Cache-Control': 'public, max-age=31536000, immutable' };
  return new Response(new Uint8Array(picture.bytes), { headers });
};
