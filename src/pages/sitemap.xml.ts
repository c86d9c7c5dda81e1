import type { APIRoute } from 'astro';
import { publicFile } from '../caching.ts';
import { database } from '../database.ts';
import { siteUrl } from '../feed.ts';
import { sitemap } from '../proofs/feeds.ts';
import { publishedIssues, publishedProofs } from '../proofs/published.ts';

/* Public pages only. `amends verify` learns from here which proofs there are. */
export const GET: APIRoute = async ({ request }) => {
  const db = (await database()).read;
  const [issues, proofs] = await Promise.all([publishedIssues(db), publishedProofs(db)]);
  const url = siteUrl();
  const pages = [
    ...['/', '/how-we-count', '/privacy'].map((path) => ({ url: url + path })),
    ...issues.map(({ id, publishedAt }) => ({ url: `${url}/issues/${id}`, at: new Date(publishedAt) })),
    ...proofs.flatMap(({ id, publishedAt: at }) => [
      { url: `${url}/proofs/${id}`, at: new Date(at) },
      { url: `${url}/proofs/${id}/versions`, at: new Date(at) },
    ]),
  ];
  return publicFile(request, sitemap(pages), { 'Content-Type': 'application/xml; charset=utf-8' });
};
