import type { APIRoute } from 'astro';
import { requireStaff } from '../../../desk.ts';
import { exportProgress } from '../../../staff/returning.ts';
import { seeOther } from '../../../visit.ts';

/** Every step of everyone who comes back, for a spreadsheet or the HR system. It takes a press, and the press is written down. */
export const POST: APIRoute = async (context) => {
  const desk = await requireStaff(context, 'see returning colleagues');
  if (desk instanceof Response) return desk;
  const { db, site, staff, now } = desk;
  const rows = await db.write((tx) => exportProgress(tx, { by: staff.id, as: 'json' }, site, now));
  return Response.json(rows, { headers: { 'Content-Disposition': 'attachment; filename="first-weeks.json"' } });
};

/** Opened rather than pressed: nothing leaves. */
export const ALL: APIRoute = async (context) => {
  const desk = await requireStaff(context, 'see returning colleagues');
  return desk instanceof Response ? desk : seeOther('/staff/returning');
};
