import type { APIRoute } from 'astro';
import { decline } from '../../../landing/press.ts';
import { onDeclined } from '../../../reactions.ts';
import { declineOffer } from '../../../reonboarding/offer.ts';
import { bindVisitor, openedOnly, ownPage, seeOther } from '../../../visit.ts';

/** “No thanks”: as easy as yes. A stranger with an old or forwarded link can't say it for the person. */
export const POST: APIRoute = async (context) => {
  const own = await ownPage(context);
  if (own instanceof Response) return own;
  const { db, visit, now, path } = own;
  await bindVisitor(context, own);
  await db.write((tx) =>
    visit.person.kind === 'employee'
      ? declineOffer(tx, visit.person.id, onDeclined, now)
      : decline(tx, visit.person.id, now),
  );
  return seeOther(path);
};

export const ALL = openedOnly;
