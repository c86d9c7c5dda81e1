import type { APIRoute } from 'astro';
import { everythingAbout } from '../../../people/export.ts';
import { ownPage } from '../../../visit.ts';

/** The same as the page, every column of it, for a machine: one object a kind of thing, with its rows. */
export const GET: APIRoute = async (context) => {
  const own = await ownPage(context, 'code', 'yours');
  if (own instanceof Response) return own;
  const { db, site, now, visit } = own;
  const everything = {
    what: `Everything that ${site.organisation} holds about you`,
    at: now.toISOString(),
    held: await everythingAbout(db.read, visit.person.id),
  };
  return new Response(`${JSON.stringify(everything, null, 2)}\n`, {
    headers: {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Disposition': 'attachment; filename="everything-we-hold-about-you.json"',
    },
  });
};
