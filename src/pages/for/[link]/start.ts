import type { APIRoute } from 'astro';
import { startAgain } from '../../../people/suppression.ts';
import { bindVisitor, seeOther, visitorOf } from '../../../visit.ts';

/** “Write to me again” after a stop. Only the person takes it back: a stranger with an old link can't. */
export const POST: APIRoute = async (context) => {
  const visitor = await visitorOf(context, 'page');
  if (!visitor) return seeOther(`/for/${context.params['link']}`);
  const { db, visit, token } = visitor;
  if (!visit.trusted) return seeOther(`/for/${token}/code`);
  await bindVisitor(context, visitor);
  const address = visit.person.email;
  if (address) await db.write((tx) => startAgain(tx, address));
  return seeOther(`/for/${token}`);
};

/** Opened rather than pressed: nothing happens. Without this, Astro would write the address, secret and all, to its log. */
export const ALL: APIRoute = ({ params }) => seeOther(`/for/${params['link']}`);
