import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, relative, sep } from 'node:path';
import { namesTag } from './caching.ts';

/*
 * The built styles, fonts and scripts, from memory: there are few, and a build under a running site takes them off the disk. No library (sirv,
 * serve-static) keeps them there; sirv streams each one, and one that is gone ends the process.
 */

const TYPES: { [extension: string]: string } = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
};

/** Answers a GET or HEAD for a file in `folder` as it was when this was called, and says whether it did. */
export function filesIn(folder: string): (request: IncomingMessage, response: ServerResponse, path: string) => boolean {
  const files = new Map<string, { bytes: Buffer; type: string; tag: string }>();
  for (const file of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const path = join(file.parentPath, file.name);
    const bytes = readFileSync(path);
    const type = TYPES[extname(file.name)] ?? 'application/octet-stream';
    const tag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
    files.set(`/${relative(folder, path).split(sep).join('/')}`, { bytes, type, tag });
  }
  return (request, response, path) => {
    const file = request.method === 'GET' || request.method === 'HEAD' ? files.get(path) : undefined;
    if (!file) return false;
    if (path.startsWith('/_astro/')) response.setHeader('Cache-Control', 'public, max-age=31536000, immutable');
    response.setHeader('ETag', file.tag);
    if (namesTag(request.headers['if-none-match'], file.tag)) {
      response.writeHead(304).end();
      return true;
    }
    response.writeHead(200, { 'Content-Type': file.type, 'Content-Length': file.bytes.length });
    response.end(request.method === 'HEAD' ? undefined : file.bytes);
    return true;
  };
}
