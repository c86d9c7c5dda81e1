import { and, eq, gt, isNull, lte, or } from 'drizzle-orm';
import { type Adapter, type DatabaseSession, Lucia, TimeSpan } from 'lucia';
import type { Db, Reader, Tx } from '../../db/client.ts';
import { staff, staffSessions } from '../../db/schema/staff.ts';
import { hashSecret, looksLikeSecret, mintSecret } from '../shared/secrets.ts';

/*
 * The signed-in browsers of staff, on Lucia. Threats: a stolen table (only hashes are kept, and a hash in a cookie is
 * hashed again), an unlocked screen (half an hour without a page ends it), a stolen cookie (twelve hours end it whatever
 * happens), a cookie planted before signing in (each signing-in has a new one). Lucia reads the clock itself.
 */

const IDLE_MS = 30 * 60_000;
const WHOLE_MS = 12 * 3_600_000;

declare module 'lucia' {
  interface Register {
    Lucia: ReturnType<typeof luciaOn>;
    DatabaseSessionAttributes: { createdAt: Date; endsAt: Date };
    DatabaseUserAttributes: Omit<typeof staff.$inferSelect, 'id'>;
  }
}

export type SignedIn = { staff: typeof staff.$inferSelect; at: Date };

/** Whom this cookie signs in, or null: unknown, run out, or they left. Each page gives another half an hour. */
export async function signedIn(db: Db, secret: string | undefined, now: Date): Promise<SignedIn | null> {
  if (!secret || !looksLikeSecret(secret)) return null;
  const adapter = adapterOn(db.read, (work) => db.write(work));
  const { session, user } = await luciaOn(adapter).validateSession(secret);
  if (!session) return null;
  // Lucia renews in the second half of the time only; half an hour is meant from the last page. One write a minute is enough.
  const expiresAt = now.getTime() + IDLE_MS;
  if (expiresAt - session.expiresAt.getTime() > 60_000) {
    await adapter.updateSessionExpiration(secret, new Date(expiresAt));
  }
  return { staff: user, at: session.createdAt };
}

/** Signs a member of staff in and answers the secret for the cookie. What this browser had before ends. */
export async function beginSession(tx: Tx, staffId: string, former: string | undefined, now: Date): Promise<string> {
  const lucia = luciaOn(adapterWithin(tx));
  if (former && looksLikeSecret(former)) await lucia.invalidateSession(former);
  const sessionId = mintSecret();
  const times = { createdAt: now, endsAt: new Date(now.getTime() + WHOLE_MS) };
  await lucia.createSession(staffId, times, { sessionId });
  return sessionId;
}

export async function endSession(tx: Tx, secret: string): Promise<void> {
  if (looksLikeSecret(secret)) await luciaOn(adapterWithin(tx)).invalidateSession(secret);
}

/** Signs a member of staff out everywhere. */
export async function endSessionsOf(tx: Tx, staffId: string): Promise<void> {
  await luciaOn(adapterWithin(tx)).invalidateUserSessions(staffId);
}

/** Forgets what has run out; answers how many. */
export async function forgetEndedSessions(tx: Tx, now: Date): Promise<number> {
  const ended = await tx.delete(staffSessions).where(hasEnded(now)).returning({ staffId: staffSessions.staffId });
  return ended.length;
}

function hasEnded(now: Date) {
  return or(lte(staffSessions.expiresAt, now.getTime()), lte(staffSessions.endsAt, now.getTime()));
}

function luciaOn(adapter: Adapter) {
  return new Lucia(adapter, {
    sessionExpiresIn: new TimeSpan(IDLE_MS, 'ms'),
    getSessionAttributes: ({ createdAt }) => ({ createdAt }),
    getUserAttributes: (user) => user,
  });
}

const adapterWithin = (tx: Tx) => adapterOn(tx, (work) => work(tx));

/**
 * What Lucia calls a session's id is the secret in the cookie: hashed on the way in. On the way out it is the id that was
 * asked with, never the stored hash; Lucia would write that back, hashed twice, and everyone would be signed out.
 */
function adapterOn(reader: Reader, write: (work: (tx: Tx) => Promise<unknown>) => Promise<unknown>): Adapter {
  const is = (id: string) => eq(staffSessions.hash, hashSecret(id));
  return {
    async getSessionAndUser(id) {
      const [found] = await reader
        .select()
        .from(staffSessions)
        .innerJoin(staff, eq(staff.id, staffSessions.staffId))
        .where(and(is(id), isNull(staff.leftAt), gt(staffSessions.endsAt, Date.now())));
      if (!found) return [null, null];
      const { staff: user, staff_sessions: session } = found;
      return [sessionOf(id, session), { id: user.id, attributes: user }];
    },
    async getUserSessions() {
      throw new Error('Only hashes of sessions are kept: end all of a person’s sessions instead.');
    },
    async setSession({ id, userId, expiresAt, attributes }) {
      await write((tx) =>
        tx.insert(staffSessions).values({
          hash: hashSecret(id),
          staffId: userId,
          createdAt: attributes.createdAt.getTime(),
          expiresAt: expiresAt.getTime(),
          endsAt: attributes.endsAt.getTime(),
        }),
      );
    },
    async updateSessionExpiration(id, expiresAt) {
      await write((tx) => tx.update(staffSessions).set({ expiresAt: expiresAt.getTime() }).where(is(id)));
    },
    async deleteSession(id) {
      await write((tx) => tx.delete(staffSessions).where(is(id)));
    },
    async deleteUserSessions(userId) {
      await write((tx) => tx.delete(staffSessions).where(eq(staffSessions.staffId, userId)));
    },
    async deleteExpiredSessions() {
      await write((tx) => tx.delete(staffSessions).where(hasEnded(new Date())));
    },
  };
}

function sessionOf(id: string, row: typeof staffSessions.$inferSelect): DatabaseSession {
  return {
    id,
    userId: row.staffId,
    expiresAt: new Date(row.expiresAt),
    attributes: { createdAt: new Date(row.createdAt), endsAt: new Date(row.endsAt) },
  };
}
