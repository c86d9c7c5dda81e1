import type { APIRoute } from 'astro';
import { bindVisitor, seeOther, visitorOf } from '../../../visit.ts';

/** “Review and rejoin”: the first press makes this device the person's own. Nothing is bought here. */
export const POST: APIRoute = async (context) => {
  const visitor = await visitorOf(context, 'page');
  if (!visitor) return seeOther(`/for/${context.params['link']}`);
  await bindVisitor(context, visitor);
  return seeOther(`/for/${visitor.token}/rejoin`);
};

/** Opened rather than pressed: nothing happens. Without this, Astro would write the address, secret and all, to its log. */
export const ALL: APIRoute = ({ params }) => seeOther(`/for/${params['link']}`);
