import type { APIRoute } from 'astro';
import { publicJson } from '../caching.ts';
import { feedNow } from '../feed.ts';
import { jsonFeed } from '../proofs/feeds.ts';

export const GET: APIRoute = async ({ request }) =>
  publicJson(request, jsonFeed(await feedNow(new Date())), 'application/feed+json');
