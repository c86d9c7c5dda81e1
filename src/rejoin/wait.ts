import { eq } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { rejoins } from '../../db/schema/rejoin.ts';

/**
 * Gives the payment provider's own word a few seconds to arrive, so that most people never see a waiting page. Who has just
 * come back from the bank or from Stripe is waited for too (`returned`).
 */
export async function waitUntilSettled(
  db: Db,
  rejoinId: string,
  { longest = 4000, returned = false } = {},
): Promise<void> {
  const unsettled = returned ? ['begun', 'paying', 'away'] : ['begun', 'paying'];
  const began = performance.now();
  for (let waited = 0; waited < longest; waited = performance.now() - began) {
    const [rejoin] = await db.read.select({ state: rejoins.state }).from(rejoins).where(eq(rejoins.id, rejoinId));
    if (rejoin && !unsettled.includes(rejoin.state)) return;
    // Ever more seldom: whoever is answered soon isn’t kept, and many who wait long don’t keep the pages of others.
    await new Promise((go) => setTimeout(go, Math.max(40, waited / 5)));
  }
}
