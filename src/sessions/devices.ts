import { and, eq, gt, isNull } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { devices } from '../../db/schema/sessions.ts';
import { DAY_MS } from '../shared/dates.ts';
import { hashSecret, looksLikeSecret, mintSecret } from '../shared/secrets.ts';

export type Device = typeof devices.$inferSelect;

export const DEVICE_DAYS = 90;

/** The device that this cookie names, if it still stands. Reading it changes nothing. */
export async function deviceOf(reader: Reader, secret: string | undefined, now: Date): Promise<Device | null> {
  if (!secret || !looksLikeSecret(secret)) return null;
  const [device] = await reader
    .select()
    .from(devices)
    .where(and(eq(devices.hash, hashSecret(secret)), gt(devices.expiresAt, now.getTime())));
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
