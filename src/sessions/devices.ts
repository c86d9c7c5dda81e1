import { and, eq, gt, isNull, sql } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { prepared } from '../../db/prepared.ts';
import { devices } from '../../db/schema/sessions.ts';
import { DAY_MS } from '../shared/dates.ts';
import { hashSecret, looksLikeSecret, mintSecret } from '../shared/secrets.ts';

export type Device = typeof devices.$inferSelect;

export const DEVICE_DAYS = 90;

const standing = prepared((reader) =>
  reader
    .select()
    .from(devices)
    .where(and(eq(devices.hash, sql.placeholder('hash')), gt(devices.expiresAt, sql.placeholder('now')))),
);

/** The device that this cookie names, if it still stands. Reading it changes nothing. */
export async function deviceOf(reader: Reader, secret: string | undefined, now: Date): Promise<Device | null> {
  if (!secret || !looksLikeSecret(secret)) return null;
  const [device] = await standing(reader, { hash: hashSecret(secret), now: now.getTime() });
  return device ?? null;
}

/** Remembers this device for one person; answers the secret for its cookie. A stolen row can't be turned into one. */
export async function rememberDevice(
  tx: Tx,
  personId: string,
  options: { steppedUp: boolean },
  now: Date,
): Promise<string> {
  const secret = mintSecret();
  await tx.insert(devices).values({
    hash: hashSecret(secret),
    personId,
    createdAt: now.getTime(),
    expiresAt: now.getTime() + DEVICE_DAYS * DAY_MS,
    steppedUpAt: options.steppedUp ? now.getTime() : null,
  });
  return secret;
}

/** Forgets the person's devices that only ever pressed first: one of them may be a stranger's with a forwarded letter. */
export async function forgetUnproven(tx: Tx, personId: string): Promise<void> {
  await tx.delete(devices).where(and(eq(devices.personId, personId), isNull(devices.steppedUpAt)));
}

/** Forgets every device of the person. */
export async function forgetDevices(tx: Tx, personId: string): Promise<void> {
  await tx.delete(devices).where(eq(devices.personId, personId));
}
