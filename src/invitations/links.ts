import { and, eq, gt, isNull } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { links } from '../../db/schema/invitations.ts';
import { persons } from '../../db/schema/people.ts';
import { type Device, deviceOf, forgetUnproven, rememberDevice } from '../sessions/devices.ts';
import { hashSecret, looksLikeSecret, mintSecret } from '../shared/secrets.ts';

export type Link = typeof links.$inferSelect;
export type Person = typeof persons.$inferSelect;

const DAY_MS = 86_400_000;

export type MintLink = {
  personId: string;
  purpose: Link['purpose'];
  checkinId?: string;
  letterId?: string;
  /** Days until it stops working. */
  days: number;
};

/** Mints a personal link; answers its token, which is in no table and can't be read back. */
export async function mintLink(tx: Tx, link: MintLink, now: Date): Promise<string> {
  const token = mintSecret();
  await tx.insert(links).values({
    hash: hashSecret(token),
    personId: link.personId,
    purpose: link.purpose,
    checkinId: link.checkinId ?? null,
    letterId: link.letterId ?? null,
    mintedAt: now.getTime(),
    expiresAt: now.getTime() + link.days * DAY_MS,
  });
  return token;
}

/** Revokes what an earlier try at sending this letter minted. */
export async function revokeLinksOfLetter(tx: Tx, letterId: string, now: Date): Promise<void> {
  await tx
    .update(links)
    .set({ revokedAt: now.getTime() })
    .where(and(eq(links.letterId, letterId), isNull(links.revokedAt)));
}

/** The person's page answers to no older link any more. */
export async function revokePageLinks(tx: Tx, personId: string, now: Date): Promise<void> {
  await tx
    .update(links)
    .set({ revokedAt: now.getTime() })
    .where(and(eq(links.personId, personId), eq(links.purpose, 'page'), isNull(links.revokedAt)));
}

/** What one visitor may do with one link, right now. */
/** Employees type a code again after twelve hours. */
const EMPLOYEE_CODE_MS = 12 * 3_600_000;

export type Visit = {
  link: Link;
  person: Person;
  device: Device | null;
  /** Their own words are shown and paying needs no code. */
  trusted: boolean;
};

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
  const [found] = await reader
    .select({ link: links, person: persons })
    .from(links)
    .innerJoin(persons, eq(persons.id, links.personId))
    .where(
      and(
        eq(links.hash, hashSecret(token)),
        eq(links.purpose, purpose),
        gt(links.expiresAt, now.getTime()),
        isNull(links.revokedAt),
      ),
    );
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
