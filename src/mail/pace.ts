import { and, count, gt, isNull, type SQL, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { letters } from '../../db/schema/mail.ts';

/** Letters a minute, in all and to one domain. */
export type Pace = { perMinute: number; perDomain: number };

/** How many more letters may leave now, in all and to one domain. */
export type Room = { all: number; to: (address: string) => number; fullDomains: string[] };

/**
 * What this minute has room for. Counted from the rows, so that it holds for several processes and across a restart: those that were
 * handed over in the last minute, and those that somebody has leased and is about to hand over.
 */
export async function roomNow(reader: Reader, pace: Pace, now: Date): Promise<Room> {
  const at = now.getTime();
  const of = (which: SQL) =>
    reader.select({ domain: DOMAIN, many: count() }).from(letters).where(which).groupBy(sql`1`);
  const [handed, leased] = await Promise.all([
    of(gt(letters.handedAt, at - 60_000)),
    of(and(gt(letters.leasedUntil, at), isNull(letters.handedAt))!),
  ]);
  const counts = new Map<string, number>();
  for (const { domain, many } of [...handed, ...leased]) counts.set(domain, (counts.get(domain) ?? 0) + many);
  return {
    all: pace.perMinute - [...counts.values()].reduce((sum, many) => sum + many, 0),
    to: (address) => pace.perDomain - (counts.get(domainOf(address)) ?? 0),
    fullDomains: [...counts].flatMap(([domain, many]) => (many >= pace.perDomain ? [domain] : [])),
  };
}

/** What follows the first @. */
export const DOMAIN = sql<string>`lower(substr(${letters.toAddress}, instr(${letters.toAddress}, '@') + 1))`;

/** As the query reckons it. */
export function domainOf(address: string): string {
  return address.slice(address.indexOf('@') + 1).toLowerCase();
}

/** 1, 2, 4 … minutes, an hour at most. */
export function waitAfter(attempts: number): number {
  return Math.min(60, 2 ** Math.min(attempts - 1, 6)) * 60_000;
}
