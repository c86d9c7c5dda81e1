import type { APIRoute } from 'astro';
import { startAgain } from '../../../people/suppression.ts';
import { bindVisitor, openedOnly, ownPage, seeOther } from '../../../visit.ts';

/** “Write to me again” after a stop. Only the person takes it back: a stranger with an old link can't. */
export const POST: APIRoute = async (context) => {
  const own = await ownPage(context);
  if (own instanceof Response) return own;
  const { db, visit, path } = own;
  await bindVisitor(context, own);
  const address = visit.person.email;
  if (address) await db.write((tx) => startAgain(tx, address));
  return seeOther(path);
};

export const ALL = openedOnly;
