import { setImmediate } from 'node:timers/promises';
import type { Db } from '../../db/client.ts';
import { A_PAGE } from '../../src/invitations/choose.ts';
import { mintTogether } from '../../src/invitations/links.ts';
import { newId } from '../../src/shared/ids.ts';

/**
 * Links of one batch for these people, as the file of a batch is made (linksOf): some people a transaction, a breath in between.
 * Only the gate is not asked. Page links alone, or a stop link beside each; answers the tokens of the pages in their order.
 */
export async function mintBatch(
  db: Db,
  personIds: readonly string[],
  now: Date,
  { stops = false } = {},
): Promise<{ batchId: string; tokens: string[] }> {
  const batchId = newId();
  const page = { purpose: 'page', batchId, days: 90 } as const;
  const stop = { purpose: 'stop', batchId: null, days: 90 } as const;
  const tokens: string[] = [];
  for (let from = 0; from < personIds.length; from += A_PAGE) {
    const these = personIds.slice(from, from + A_PAGE);
    const minted = await db.write(async (tx) => {
      const pages = await mintTogether(tx, these, page, now);
      if (stops) await mintTogether(tx, these, stop, now);
      return pages;
    });
    tokens.push(...minted);
    await setImmediate();
  }
  return { batchId, tokens };
}
