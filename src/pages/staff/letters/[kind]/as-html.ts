import type { APIRoute } from 'astro';
import { requireStaff } from '../../../../desk.ts';
import { htmlOf } from '../../../../mail/html.ts';
import { previews } from '../../../../staff/previews.ts';

/* One letter of the example as a mail program shows it. */
export const ALL: APIRoute = async (context) => {
  const desk = await requireStaff(context, 'look');
  if (desk instanceof Response) return desk;
  const letter = (await previews(desk.db.read)).find(({ id }) => id === context.params['kind']);
  if (!letter) return context.rewrite('/404');
  return new Response(await htmlOf(letter), { headers: { 'Content-Type': 'text/html; charset=utf-8' } });
};
