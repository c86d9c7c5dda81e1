import type { APIRoute } from 'astro';
import { publicFile } from '../caching.ts';
import { siteUrl } from '../feed.ts';

/*
 * Nothing is disallowed, on purpose. Personal pages answer `noindex`, which a crawler that is kept away never reads: it may then list
 * the bare address, and that address is the secret. Naming their paths here would also tell where to look.
 */
export const GET: APIRoute = ({ request }) =>
  publicFile(request, `User-agent: *\nAllow: /\n\nSitemap: ${siteUrl()}/sitemap.xml\n`, {
    'Content-Type': 'text/plain; charset=utf-8',
  });
