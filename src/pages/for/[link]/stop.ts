import type { APIRoute } from 'astro';
import { suppress } from '../../../people/suppression.ts';
import { openedOnly, seeOther, visitorOf } from '../../../visit.ts';

/** “Stop all messages”: one press, no “are you sure”, from any device. */
export const POST: APIRoute = async (context) => {
  const visitor = await visitorOf(context, 'page');
  if (!visitor) return seeOther(`/for/${context.params['link']}`);
  const { db, visit, now, token } = visitor;
  const address = visit.person.email;
  if (address) await db.write((tx) => suppress(tx, address, 'stopped', now));
  return seeOther(`/for/${token}`);
};

export const ALL = openedOnly;
