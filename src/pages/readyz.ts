import { statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { APIRoute } from 'astro';
import { sql } from 'drizzle-orm';
import { databaseFile } from '../../db/engines/commits.ts';
import { database } from '../database.ts';
import { env } from '../env.ts';

/*
 * Whether this process should be sent people: it was not asked to end, the database answers and is at this code's migrations, and there
 * is room to write. For whoever balances load, so it names nothing. A jobs process that isn't seen is said, but sends nobody away: pages
 * work without it.
 */

const ROOM = 50 * 1024 * 1024;
const LATE_MS = 60_000;

export const GET: APIRoute = async ({ locals }) => {
  const found = { database: await asked(), disk: await room(), jobs: jobs(Date.now()) };
  const ready = !locals.leaving && found.database === 'ok' && found.disk !== 'full';
  const headers = { 'Cache-Control': 'no-store', ...(ready ? {} : { 'Retry-After': '10' }) };
  return Response.json({ ready, ...found }, { status: ready ? 200 : 503, headers });
};

async function asked(): Promise<'ok' | 'away'> {
  try {
    // Opening it applies the migrations, or throws when it is newer than this code.
    await (await database()).read.get(sql`select count(*) from applied_migrations`);
    return 'ok';
  } catch {
    return 'away';
  }
}

async function room(): Promise<'ok' | 'full' | 'not known'> {
  const file = databaseFile(env.DATABASE_URL);
  if (file === null) return 'not known';
  const { bavail, bsize } = await statfs(dirname(file));
  return bavail * bsize > ROOM ? 'ok' : 'full';
}

function jobs(now: number): 'ok' | 'not seen' {
  try {
    return now - statSync(env.HEARTBEAT_FILE).mtimeMs < LATE_MS ? 'ok' : 'not seen';
  } catch {
    return 'not seen';
  }
}
