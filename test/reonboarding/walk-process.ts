// What the kill test starts: `walk-process.ts <database> <person id>`. It says 'ready', waits for a line, and walks the whole way
// back to work, press by press; it says what was acknowledged.
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { openDatabase } from '../../db/client.ts';
import { onAccepted, onTalk } from '../../src/reactions.ts';
import { acceptOffer, askToTalk, newestOffer } from '../../src/reonboarding/offer.ts';
import { finishOwn, weekOf } from '../../src/reonboarding/steps.ts';
import { isRefusal } from '../../src/shared/refusal.ts';

const [database = '', personId = ''] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);
const TODAY = '2026-11-22';
const ZONE = 'Europe/London';
const now = new Date('2026-11-22T10:00:00Z');

const db = await openDatabase(database);
say('ready');
await once(process.stdin, 'data');

const offer = (await newestOffer(db.read, personId))!;
await db.write(async (tx) => {
  const about = { personId, roleId: offer.roleId };
  if (await askToTalk(tx, personId, offer.roleId, now)) await onTalk(tx, about, now);
});
say('asked');
const pressed = { personId, offerId: offer.id, name: 'Tariq Mahmood', hash: offer.termsHash };
const accepted = await db.write((tx) => acceptOffer(tx, pressed, onAccepted, TODAY, now));
say(isRefusal(accepted) ? accepted.code : 'accepted');
const week = await weekOf(db.read, offer, ZONE);
for (const { item } of [...week.todo, ...week.different]) {
  await db.write((tx) => finishOwn(tx, offer, [item.id], ZONE, now));
  say(`done ${item.id}`);
}
await db.close();
process.exit();
