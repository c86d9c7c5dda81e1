import { and, count, eq, gt, isNull, sql } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { prepared } from '../../db/prepared.ts';
import { links } from '../../db/schema/invitations.ts';
import { persons } from '../../db/schema/people.ts';
import { type Device, deviceOf, forgetDevices, forgetUnproven, rememberDevice } from '../sessions/devices.ts';
import { DAY_MS } from '../shared/dates.ts';
import { hashSecret, looksLikeSecret, mintSecret } from '../shared/secrets.ts';

export type Link = typeof links.$inferSelect;
export type Person = typeof persons.$inferSelect;

export type MintLink = {
  personId: string;
  purpose: Link['purpose'];
  checkinId?: string;
  letterId?: string;
  batchId?: string;
  /** Days until it stops working. */
  days: number;
};

/** Mints a personal link; answers its token, which is in no table and can't be read back. */
export async function mintLink(tx: Tx, link: MintLink, now: Date): Promise<string> {
  const token = mintSecret();
  await tx.insert(links).values(rowOf(token, link, now));
  return token;
}

/** One link for each of these few hundred people, in one statement; answers the tokens in their order. */
export async function mintTogether(
  tx: Tx,
  personIds: readonly string[],
  { purpose, batchId, days }: { purpose: 'page' | 'stop'; batchId: string | null; days: number },
  now: Date,
): Promise<string[]> {
  const tokens = personIds.map(() => mintSecret());
  const rows = tokens.map((token, at) => [hashSecret(token).toString('hex'), personIds[at]]);
  await tx.run(sql`
    insert into links (hash, person_id, purpose, batch_id, minted_at, expires_at)
    select unhex(value ->> 0), value ->> 1, ${purpose}, ${batchId}, ${now.getTime()}, ${now.getTime() + days * DAY_MS}
    from json_each(${JSON.stringify(rows)})`);
  return tokens;
}

function rowOf(token: string, link: MintLink, now: Date): typeof links.$inferInsert {
  return {
    hash: hashSecret(token),
    personId: link.personId,
    purpose: link.purpose,
    checkinId: link.checkinId ?? null,
    letterId: link.letterId ?? null,
    batchId: link.batchId ?? null,
    mintedAt: now.getTime(),
    expiresAt: now.getTime() + link.days * DAY_MS,
  };
}

const PAY_LINK_DAYS = 14;

/** A link for whoever pays in the person's place; the one before it stops working. */
export async function mintPayLink(tx: Tx, personId: string, now: Date): Promise<string> {
  await tx
    .update(links)
    .set({ revokedAt: now.getTime() })
    .where(and(eq(links.personId, personId), eq(links.purpose, 'pay'), isNull(links.revokedAt)));
  return mintLink(tx, { personId, purpose: 'pay', days: PAY_LINK_DAYS }, now);
}

/** Which links: the one with this token, all that were minted together, all of one person, or those of one letter. */
export type WhichLinks = { token: string } | { batchId: string } | { personId: string } | { letterId: string };

/**
 * From this moment on these links answer nobody; nothing keeps them in memory. Answers how many there were. One of a person
 * takes their devices with it: who held the link must not stay in by a cookie.
 */
export async function revokeLinks(tx: Tx, which: WhichLinks, now: Date): Promise<number> {
  const these =
    'token' in which
      ? eq(links.hash, hashSecret(which.token))
      : 'batchId' in which
        ? eq(links.batchId, which.batchId)
        : 'letterId' in which
          ? eq(links.letterId, which.letterId)
          : eq(links.personId, which.personId);
  const [revoked] = await tx
    .select({ count: count() })
    .from(links)
    .where(and(these, isNull(links.revokedAt)));
  await tx
    .update(links)
    .set({ revokedAt: now.getTime() })
    .where(and(these, isNull(links.revokedAt)));
  if ('personId' in which) await forgetDevices(tx, which.personId);
  return revoked!.count;
}

/** The person's page answers to no older link any more. */
export async function revokePageLinks(tx: Tx, personId: string, now: Date): Promise<void> {
  await tx
    .update(links)
    .set({ revokedAt: now.getTime() })
    .where(and(eq(links.personId, personId), eq(links.purpose, 'page'), isNull(links.revokedAt)));
}

/** Employees type a code again after twelve hours. */
const EMPLOYEE_CODE_MS = 12 * 3_600_000;

/** What one visitor may do with one link, right now. */
export type Visit = {
  link: Link;
  person: Person;
  device: Device | null;
  /** Their own words are shown and paying needs no code. */
  trusted: boolean;
};

const standing = prepared((reader) =>
  reader
    .select({ link: links, person: persons })
    .from(links)
    .innerJoin(persons, eq(persons.id, links.personId))
    .where(
      and(
        eq(links.hash, sql.placeholder('hash')),
        eq(links.purpose, sql.placeholder('purpose')),
        gt(links.expiresAt, sql.placeholder('now')),
        isNull(links.revokedAt),
      ),
    ),
);

/**
 * Opens a link without changing anything: reading only, however often, by whomever. Null for a link that is unknown,
 * expired or revoked: the three look the same from outside.
 *
 * A link is trusted while it is fresh and no device has claimed it, or on the person's own device. An old link, or one
 * that was claimed elsewhere, asks for a mailed code. Employees always do.
 */
export async function openLink(
  reader: Reader,
  token: string,
  purpose: Link['purpose'],
  visitor: { deviceSecret: string | undefined; freshDays: number },
  now: Date,
): Promise<Visit | null> {
  if (!looksLikeSecret(token)) return null;
  const [found] = await standing(reader, { hash: hashSecret(token), purpose, now: now.getTime() });
  if (!found) return null;
  const known = await deviceOf(reader, visitor.deviceSecret, now);
  const device = known?.personId === found.person.id ? known : null;
  const fresh = now.getTime() < found.link.mintedAt + visitor.freshDays * DAY_MS;
  const trusted =
    found.person.kind === 'employee'
      ? (device?.steppedUpAt ?? 0) > now.getTime() - EMPLOYEE_CODE_MS
      : device
        ? fresh || device.steppedUpAt !== null
        : fresh && found.link.boundAt === null;
  return { ...found, device, trusted };
}

/**
 * The first press on a fresh link makes this device the person's own; answers the cookie's secret. Null when there is
 * nothing to bind: it is their device already, or another one was first. Of many presses at once, one binds.
 */
export async function bindDevice(tx: Tx, visit: Visit, now: Date): Promise<string | null> {
  if (visit.device || !visit.trusted) return null;
  const claimed = await tx
    .update(links)
    .set({ boundAt: now.getTime() })
    .where(and(eq(links.hash, visit.link.hash), isNull(links.boundAt)))
    .returning({ hash: links.hash });
  return claimed.length === 1 ? rememberDevice(tx, visit.person.id, { steppedUp: false }, now) : null;
}

/** After a mailed code: this device is the person's own from now on, and one that never entered a code no longer is. */
export async function rebindDevice(tx: Tx, visit: Visit, now: Date): Promise<string> {
  await forgetUnproven(tx, visit.person.id);
  await tx.update(links).set({ boundAt: now.getTime() }).where(eq(links.hash, visit.link.hash));
  return rememberDevice(tx, visit.person.id, { steppedUp: true }, now);
}

/** Whose link this was, although it works no more: for sending a new one to the same address. */
export async function personOfDeadLink(reader: Reader, token: string): Promise<Person | null> {
  if (!looksLikeSecret(token)) return null;
  const [found] = await reader
    .select({ person: persons, revokedAt: links.revokedAt })
    .from(links)
    .innerJoin(persons, eq(persons.id, links.personId))
    .where(eq(links.hash, hashSecret(token)));
  return found?.person ?? null;
}
