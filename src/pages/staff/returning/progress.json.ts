import type { APIRoute } from 'astro';
import { requireStaff } from '../../../desk.ts';
import { progressRows, returningPeople } from '../../../staff/returning.ts';

/** Every step of everyone who comes back, for a spreadsheet or the HR system. */
export const ALL: APIRoute = async (context) => {
  const desk = await requireStaff(context, 'see returning colleagues');
  if (desk instanceof Response) return desk;
  const rows = progressRows(await returningPeople(desk.db.read, desk.site, desk.now));
  return Response.json(rows, { headers: { 'Content-Disposition': 'attachment; filename="first-weeks.json"' } });
};
