import type { Db } from '../../db/client.ts';
import { onAccepted, onTalk } from '../../src/reactions.ts';
import { acceptOffer, askToTalk, newestOffer } from '../../src/reonboarding/offer.ts';
import { finishOwn, weekOf } from '../../src/reonboarding/steps.ts';
import { isRefusal } from '../../src/shared/refusal.ts';

const ZONE = 'Europe/London';

/** The whole way back to work of one person, press by press; says what was acknowledged. */
export async function walk(db: Db, personId: string, say: (line: string) => void): Promise<void> {
  const now = new Date('2026-11-22T10:00:00Z');
  const offer = (await newestOffer(db.read, personId))!;
  await db.write(async (tx) => {
    const about = { personId, roleId: offer.roleId };
    if (await askToTalk(tx, personId, offer.roleId, now)) await onTalk(tx, about, now);
  });
  say('asked');
  const pressed = { personId, offerId: offer.id, name: 'Tariq Mahmood', hash: offer.termsHash };
  const accepted = await db.write((tx) => acceptOffer(tx, pressed, onAccepted, '2026-11-22', now));
  say(isRefusal(accepted) ? accepted.code : 'accepted');
  const week = await weekOf(db.read, offer, ZONE);
  for (const { item } of [...week.todo, ...week.different]) {
    await db.write((tx) => finishOwn(tx, offer, [item.id], ZONE, now));
    say(`done ${item.id}`);
  }
}
