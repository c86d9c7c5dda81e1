import { createHash } from 'node:crypto';

/*
 * How long a public page may be kept, by whom. A proxy may show it for half a minute and, while it asks for a new one, for
 * half a minute more: together the minute that is promised. A browser asks each time, and is told when it has it already.
 * Personal pages never come here.
 */

const FOR_EVERYONE = 'public, max-age=0, s-maxage=30, stale-while-revalidate=30';

declare const __BUILD__: string;
const build = typeof __BUILD__ === 'undefined' ? '' : __BUILD__;

type Page = { request: Request; response: { headers: Headers } };

/**
 * Marks a page by what it shows: everything that can change on it must be in `shown`, also a quote that can be withdrawn; and nothing that can't be seen. Answers
 * the 304 to send instead when the visitor has the same page; null: go on and show it.
 */
export function keptAlready({ request, response }: Page, shown: unknown): Response | null {
  // How many people said no is never shown, so it may not move the mark either.
  const seen = JSON.stringify(shown, (key, value) => (key === 'noAnswers' ? undefined : value));
  const etag = etagOf(build + seen);
  response.headers.set('Cache-Control', FOR_EVERYONE);
  response.headers.set('ETag', etag);
  return isKept(request, etag) ? notModified(etag) : null;
}

/** A public file, marked by its content. */
export function publicFile(request: Request, body: string, headers: Record<string, string>): Response {
  const etag = etagOf(body);
  if (isKept(request, etag)) return notModified(etag);
  return new Response(body, { headers: { ...headers, 'Cache-Control': FOR_EVERYONE, ETag: etag } });
}

export function publicJson(request: Request, content: unknown, type = 'application/json'): Response {
  return publicFile(request, `${JSON.stringify(content, null, 2)}\n`, { 'Content-Type': `${type}; charset=utf-8` });
}

/** Weak: compressed on its way it is still the same. */
function etagOf(text: string): string {
  return `W/"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`;
}

/** Whether what stands in `If-None-Match` is this one, compared weakly (RFC 9110, 13.1.2). */
export function namesTag(ifNoneMatch: string | null | undefined, etag: string): boolean {
  if (ifNoneMatch == null) return false;
  const bare = (tag: string) => tag.trim().replace(/^W\//, '');
  return ifNoneMatch.trim() === '*' || ifNoneMatch.split(',').some((tag) => bare(tag) === bare(etag));
}

const isKept = (request: Request, etag: string) => namesTag(request.headers.get('if-none-match'), etag);

function notModified(etag: string): Response {
  return new Response(null, { status: 304, headers: { 'Cache-Control': FOR_EVERYONE, ETag: etag } });
}
