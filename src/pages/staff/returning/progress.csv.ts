import type { APIRoute } from 'astro';
import { requireStaff } from '../../../desk.ts';
import { csvOf, progressRows, returningPeople } from '../../../staff/returning.ts';

/** Every step of everyone who comes back, for a spreadsheet or the HR system. */
export const ALL: APIRoute = async (context) => {
  const desk = await requireStaff(context, 'see returning colleagues');
  if (desk instanceof Response) return desk;
  const rows = progressRows(await returningPeople(desk.db.read, desk.site, desk.now));
  return new Response(csvOf(rows), {
    headers: {
      'Content-Type': 'text/csv; charset=utf-8',
      'Content-Disposition': 'attachment; filename="first-weeks.csv"',
    },
  });
};
