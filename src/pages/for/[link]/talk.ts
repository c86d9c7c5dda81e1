import type { APIRoute } from 'astro';
import { historyOf } from '../../../people/diagnosis.ts';
import { onDeclined, onTalk } from '../../../reactions.ts';
import { askToTalk, declineOffer, roleFor } from '../../../reonboarding/offer.ts';
import { employeeOf, openedOnly, seeOther } from '../../../visit.ts';

/** “Talk to …” and “No thanks”: one press each, of the same weight. */
export const POST: APIRoute = async (context) => {
  const own = await employeeOf(context);
  if (own instanceof Response) return own;
  const { db, visit, now, path } = own;
  const answer = (await context.request.formData()).get('answer');
  const history = await historyOf(db.read, visit.person.id);
  const role = await roleFor(db.read, history?.departure?.planOrRole ?? null);
  if (answer === 'no') await db.write((tx) => declineOffer(tx, visit.person.id, onDeclined, now));
  else if (answer === 'talk' && role && !history?.neverContact) {
    const about = { personId: visit.person.id, roleId: role.id };
    await db.write(async (tx) => {
      if (await askToTalk(tx, about.personId, about.roleId, now)) await onTalk(tx, about, now);
    });
  }
  return seeOther(`${path}/role#talk`);
};

export const ALL = openedOnly;
