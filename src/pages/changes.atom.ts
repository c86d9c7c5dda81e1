import type { APIRoute } from 'astro';
import { publicFile } from '../caching.ts';
import { feedNow } from '../feed.ts';
import { atomFeed } from '../proofs/feeds.ts';

export const GET: APIRoute = async ({ request }) =>
  publicFile(request, atomFeed(await feedNow(new Date())), { 'Content-Type': 'application/atom+xml; charset=utf-8' });
