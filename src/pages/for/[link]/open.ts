import type { APIRoute } from 'astro';
import { bindVisitor, openedOnly, seeOther, visitorOf } from '../../../visit.ts';

/** “Review and rejoin”: the first press makes this device the person's own. Nothing is bought here. */
export const POST: APIRoute = async (context) => {
  const visitor = await visitorOf(context, 'page');
  if (!visitor) return seeOther(`/for/${context.params['link']}`);
  await bindVisitor(context, visitor);
  return seeOther(`/for/${visitor.token}/rejoin`);
};

export const ALL = openedOnly;
