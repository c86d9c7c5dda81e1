import type { Db } from '../db/client.ts';
import { env } from './env.ts';
import { forgetLetters } from './mail/mailbox.ts';
import { type Erased, erasePerson, foldErasures } from './people/erase.ts';
import { isRefusal, type Refusal } from './shared/refusal.ts';

/**
 * Erases a person here and now: rows, letters that lie outside the database, and the bytes. When another process keeps the log
 * busy the jobs process does the last part, within the minute.
 */
export async function eraseEverywhere(db: Db, personId: string, now: Date): Promise<Erased | Refusal> {
  const erased = await db.write((tx) => erasePerson(tx, personId, now));
  if (isRefusal(erased)) return erased;
  await forgetLetters(env.MAILBOX_DIR, erased.letterIds);
  await foldErasures(db, now);
  return erased;
}
