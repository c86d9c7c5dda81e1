import type { APIRoute } from 'astro';
import { decline } from '../../../landing/press.ts';
import { onDeclined } from '../../../reactions.ts';
import { declineOffer } from '../../../reonboarding/offer.ts';
import { bindVisitor, seeOther, visitorOf } from '../../../visit.ts';

/** “No thanks”: as easy as yes. A stranger with an old or forwarded link can't say it for the person. */
export const POST: APIRoute = async (context) => {
  const visitor = await visitorOf(context, 'page');
  if (!visitor) return seeOther(`/for/${context.params['link']}`);
  const { db, visit, now, token } = visitor;
  if (!visit.trusted) return seeOther(`/for/${token}/code`);
  await bindVisitor(context, visitor);
  await db.write((tx) =>
    visit.person.kind === 'employee'
      ? declineOffer(tx, visit.person.id, onDeclined, now)
      : decline(tx, visit.person.id, now),
  );
  return seeOther(`/for/${token}`);
};

/** Opened rather than pressed: nothing happens. Without this, Astro would write the address, secret and all, to its log. */
export const ALL: APIRoute = ({ params }) => seeOther(`/for/${params['link']}`);
