import { count, gt, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { letters } from '../../db/schema/mail.ts';

/** Letters a minute, in all and to one domain. */
export type Pace = { perMinute: number; perDomain: number };

/** How many more letters may leave now, in all and to one domain. */
export type Room = { all: number; to: (address: string) => number; fullDomains: string[] };

/**
 * What this minute has room for, in the transaction that hands over the next few. Counted from the rows that were handed over in the
 * last minute, so that it holds for several processes and across a restart.
 */
export async function roomNow(reader: Reader, pace: Pace, now: Date): Promise<Room> {
  const handed = await reader
    .select({ domain: DOMAIN, many: count() })
    .from(letters)
    .where(gt(letters.handedAt, now.getTime() - 60_000))
    .groupBy(sql`1`);
  const counts = new Map(handed.map(({ domain, many }) => [domain, many]));
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
