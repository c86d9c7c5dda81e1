import { readFile } from 'node:fs/promises';
import type { APIRoute } from 'astro';
import { requireStaff } from '../../../desk.ts';
import { env } from '../../../env.ts';
import type { RefusedRecord } from '../../../people/intake/import.ts';
import { mendHeader, mendLine } from '../../../people/intake/mend.ts';
import { errorsOf, uploadOf } from '../../../staff/uploads.ts';

/** The refused rows of an upload, with the reason in front, to be mended and imported. */
export const ALL: APIRoute = async (context) => {
  const desk = await requireStaff(context, 'import');
  if (desk instanceof Response) return desk;
  const upload = await uploadOf(desk.db.read, context.url.searchParams.get('id') ?? '');
  const kept = upload && (await readFile(errorsOf(env.UPLOADS_DIR, upload), 'utf8').catch(() => null));
  const refused = JSON.parse(kept ?? '[]') as RefusedRecord[];
  if (!refused[0]) return new Response('There are no refused rows here.', { status: 404 });
  return new Response(mendHeader(refused[0]) + refused.map(mendLine).join(''), {
    headers: {
      'Content-Type': 'text/csv; charset=utf-8',
      'Content-Disposition': 'attachment; filename="mend-and-import-again.csv"',
      'Cache-Control': 'private, no-store',
    },
  });
};
