import type { APIRoute } from 'astro';
import * as z from 'zod';
import { database } from '../../database.ts';
import { idIn, kindOf, type Report, withoutAddresses } from '../../mail/reports.ts';
import { noteReport } from '../../people/bounces.ts';
import { keyBySecret } from '../../sessions/keys.ts';

/*
 * Where a mail service reports what came back: one report, or a list that is written down whole or not at all. Each is about the
 * letter whose Message-ID it names, never about an address. Sending the same again changes nothing.
 */

const about = {
  /** The service’s own id of this report. */
  event: z.string().min(1).max(200),
  message_id: z.string().max(300),
  said: z.string().max(2000).default(''),
};
const report = z.discriminatedUnion('kind', [
  z.strictObject({
    ...about,
    kind: z.literal('bounce'),
    status: z.string().refine((status) => kindOf(status) !== null),
  }),
  z.strictObject({ ...about, kind: z.literal('complaint') }),
]);
const body = z.union([report.transform((one) => [one]), z.array(report).min(1).max(1000)]);

export const POST: APIRoute = async ({ request }) => {
  const now = new Date();
  const db = await database();
  const secret = /^Bearer +(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? '';
  const key = await keyBySecret(db.read, 'bounces', secret);
  if (!key) return answer(401, { sentence: 'This key does not work here.' }, { 'WWW-Authenticate': 'Bearer' });
  const read = body.safeParse(await request.json().catch(() => undefined));
  if (!read.success) {
    const sentence =
      'Send JSON: {"event": "your id", "message_id": "<…>", "kind": "bounce", "status": "5.1.1", "said": "…"}, or "kind": "complaint" without a status; one, or a list of 1 to 1,000.';
    return answer(400, { sentence });
  }
  const counts = { noted: 0, silenced: 0, already: 0, unknown: 0 };
  await db.write(async (tx) => {
    for (const one of read.data) {
      const letterId = idIn(one.message_id);
      const kind: Report['kind'] = one.kind === 'complaint' ? 'complaint' : kindOf(one.status)!;
      const said = withoutAddresses(one.said);
      const noted = letterId
        ? await noteReport(tx, { letterId, kind, said, id: `hook:${key.id}:${one.event}` }, now)
        : 'unknown';
      counts[noted] += 1;
    }
  });
  return answer(200, counts);
};

function answer(status: number, what: object, headers: Record<string, string> = {}): Response {
  const head = { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store', ...headers };
  return new Response(`${JSON.stringify(what)}\n`, { status, headers: head });
}
