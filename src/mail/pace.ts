import { gt } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { letters } from '../../db/schema/mail.ts';

/** Letters a minute, in all and to one domain. */
export type Pace = { perMinute: number; perDomain: number };

/**
 * Which domains have had their share of the last minute; null when no letter at all may leave now. Counted from the rows, so
 * that it holds for several processes and across a restart.
 */
export async function fullDomains(reader: Reader, pace: Pace, now: Date): Promise<string[] | null> {
  const recent = await reader
    .select({ to: letters.toAddress })
    .from(letters)
    .where(gt(letters.handedAt, now.getTime() - 60_000));
  if (recent.length >= pace.perMinute) return null;
  const counts = new Map<string, number>();
  for (const { to } of recent) counts.set(domainOf(to), (counts.get(domainOf(to)) ?? 0) + 1);
  return [...counts].flatMap(([domain, count]) => (count >= pace.perDomain ? [domain] : []));
}

/** As the query of the next letter reckons it: what follows the first @. */
function domainOf(address: string): string {
  return address.slice(address.indexOf('@') + 1).toLowerCase();
}

/** 1, 2, 4 … minutes, an hour at most. */
export function waitAfter(attempts: number): number {
  return Math.min(60, 2 ** Math.min(attempts - 1, 6)) * 60_000;
}
