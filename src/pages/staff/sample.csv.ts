import type { APIRoute } from 'astro';
import { requireStaff } from '../../desk.ts';
import { SAMPLE_CSV } from '../../people/intake/sample.ts';

/** A file to try the import with. */
export const ALL: APIRoute = async (context) => {
  const desk = await requireStaff(context, 'look');
  if (desk instanceof Response) return desk;
  return new Response(SAMPLE_CSV, {
    headers: {
      'Content-Type': 'text/csv; charset=utf-8',
      'Content-Disposition': 'attachment; filename="amends-sample.csv"',
    },
  });
};
