import { Readable } from 'node:stream';
import type { APIRoute } from 'astro';
import { askAgain, requireStaff } from '../../../desk.ts';
import { env } from '../../../env.ts';
import { isRefusal } from '../../../shared/refusal.ts';
import { fileOf, linkFile } from '../../../staff/choosing.ts';
import { seeOther } from '../../../visit.ts';

/** The links of a batch, minted as they are taken. A press alone does that. */
export const POST: APIRoute = async (context) => {
  const desk = await requireStaff(context, 'choose');
  if (desk instanceof Response) return desk;
  const stale = askAgain(context, desk);
  if (stale) return stale;
  const id = String((await context.request.formData()).get('id') ?? '');
  const batch = await fileOf(desk.db.read, desk.staff, id);
  if (isRefusal(batch)) return new Response(batch.sentence, { status: 422 });
  const file = linkFile(desk.db, desk.staff, batch.id, env.AMENDS_URL, desk.now);
  return new Response(Readable.toWeb(Readable.from(encoded(file))) as ReadableStream, {
    headers: {
      'Content-Type': 'text/csv; charset=utf-8',
      'Content-Disposition': `attachment; filename="links-${batch.id}.csv"`,
      'Cache-Control': 'private, no-store',
    },
  });
};

async function* encoded(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for await (const line of lines) yield encoder.encode(line);
}

/** Opened rather than pressed: nothing happens. */
export const ALL: APIRoute = async (context) => {
  const desk = await requireStaff(context, 'choose');
  return desk instanceof Response ? desk : seeOther('/staff/batches');
};
