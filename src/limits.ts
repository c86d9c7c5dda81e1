import { BlockList, isIP, isIPv4 } from 'node:net';

/* How often one visitor may be wrong. Pure: time and the visitor's address are handed in. */

/**
 * Who is asking, as an address. `forwarded` (X-Forwarded-For) is believed only from a proxy of ours, and read from the right: what
 * our own proxy saw stands there, and whatever a visitor made up stands to the left of it.
 */
export function visitorAddress(socket: string, forwarded: string | undefined, trusted: BlockList): string {
  let address = plain(socket);
  for (const hop of (forwarded?.split(',') ?? []).reverse()) {
    const before = plain(hop.trim());
    if (!isTrusted(address, trusted) || !isIP(before)) return address;
    address = before;
  }
  return address;
}

function isTrusted(address: string, trusted: BlockList): boolean {
  return isIP(address) !== 0 && trusted.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

function plain(address: string): string {
  return address.startsWith('::ffff:') && isIPv4(address.slice(7)) ? address.slice(7) : address;
}

/** Addresses and networks: `127.0.0.1`, `10.0.0.0/8`, `fd00::/8`. */
export function networks(list: readonly string[]): BlockList {
  const networks = new BlockList();
  for (const one of list) {
    const [address = '', bits] = one.split('/');
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    if (bits === undefined) networks.addAddress(address, family);
    else networks.addSubnet(address, Number(bits), family);
  }
  return networks;
}

/** One household or one machine: an IPv4 address, or the /64 that an IPv6 visitor can choose addresses from. */
export function bucketOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter(Boolean);
  const after = tail?.split(':').filter(Boolean) ?? [];
  const full =
    tail === undefined
      ? groups
      : [...groups, ...Array(Math.max(0, 8 - groups.length - after.length)).fill('0'), ...after];
  return full
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, '').toLowerCase())
    .join(':');
}

export type Limit = {
  /** Seconds until this one may ask again, or null when it may now. */
  blockedFor(who: string, now: Date): number | null;
  /** One more mistake by this one. */
  count(who: string, now: Date): void;
};

/**
 * `most` mistakes in a minute; then a pause until the minute is over. Keeps a hundred thousand visitors at most and forgets the
 * longest known first, so that it can't be filled up.
 */
export function mistakesPerMinute(most: number, windowMs = 60_000, keep = 100_000): Limit {
  const seen = new Map<string, { since: number; mistakes: number }>();
  const current = (who: string, now: Date) => {
    const known = seen.get(who);
    return known && known.since + windowMs > now.getTime() ? known : undefined;
  };
  return {
    blockedFor(who, now) {
      const known = current(who, now);
      if (!known || known.mistakes < most) return null;
      return Math.ceil((known.since + windowMs - now.getTime()) / 1000);
    },
    count(who, now) {
      const known = current(who, now) ?? { since: now.getTime(), mistakes: 0 };
      known.mistakes += 1;
      seen.delete(who);
      seen.set(who, known);
      if (seen.size > keep) seen.delete(seen.keys().next().value!);
    },
  };
}
