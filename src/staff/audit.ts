import { createHash } from 'node:crypto';
import { asc, desc, gt } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { audit } from '../../db/schema/staff.ts';

export type Entry = typeof audit.$inferSelect;

export type Deed = {
  /** Null: a command on the machine itself, or a job. */
  by: string | null;
  /** What was done, as a verb in the past: `saved`, `confirmed`, `published`, `signed in`. */
  action: string;
  /** `<kind>:<id>`, for example `proofs:exports-finish`. */
  subject: string;
  /** Never a person's words, name or address. */
  detail?: Entry['detail'];
};

/** Writes down what somebody did, in the transaction in which they did it. */
export async function record(tx: Tx, { by, action, subject, detail = {} }: Deed, now: Date): Promise<void> {
  const [last] = await tx.select().from(audit).orderBy(desc(audit.number)).limit(1);
  const previousHash = last?.hash ?? null;
  const entry = {
    number: (last?.number ?? 0) + 1,
    at: now.getTime(),
    staffId: by,
    action,
    subject,
    detail,
    previousHash,
  };
  await tx.insert(audit).values({ ...entry, hash: entryHash(entry) });
}

/** SHA-256 in hex over this JSON: [number, at, staffId, action, subject, detail with its keys sorted, previousHash]. */
function entryHash({ number, at, staffId, action, subject, detail, previousHash }: Omit<Entry, 'hash'>): string {
  const sorted = Object.fromEntries(Object.entries(detail).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const canonical = JSON.stringify([number, at, staffId, action, subject, sorted, previousHash]);
  return createHash('sha256').update(canonical, 'utf8').digest('hex');
}

/**
 * The first entry that was changed or put in, or that follows one which is gone; null when the record is whole. That its last
 * entries are gone can't be seen from those before: for that, keep the last hash somewhere else.
 */
export async function firstBrokenEntry(reader: Reader): Promise<number | null> {
  let previous: { number: number; hash: string } | null = null;
  for (;;) {
    const page: Entry[] = await reader
      .select()
      .from(audit)
      .where(previous ? gt(audit.number, previous.number) : undefined)
      .orderBy(asc(audit.number))
      .limit(1000);
    if (page.length === 0) return null;
    for (const entry of page) {
      const follows = entry.number === (previous?.number ?? 0) + 1 && entry.previousHash === (previous?.hash ?? null);
      if (!follows || entry.hash !== entryHash(entry)) return entry.number;
      previous = entry;
    }
  }
}
