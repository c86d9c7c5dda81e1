import type { APIRoute } from 'astro';
import { z } from 'zod';
import { database } from '../../../database.ts';
import { addMeasurements } from '../../../proofs/measurements.ts';
import { onMeasured } from '../../../reactions.ts';
import { keyBySecret } from '../../../sessions/keys.ts';
import { isRefusal } from '../../../shared/refusal.ts';
import { counted } from '../../../shared/words.ts';

/*
 * Where systems send measurements: one, or a list that is stored whole or not at all, with the key of the proof. Sending the same
 * again changes nothing, so whoever got no answer sends once more.
 */

const measurement = z.strictObject({
  date: z.string().max(40),
  value: z.number(),
  n: z.number().optional(),
  /** The sender's own id of it; the date where it has none. */
  source: z.string().max(200).optional(),
});
const body = z.union([measurement.transform((one) => [one]), z.array(measurement).min(1).max(1000)]);

const PER_MINUTE = 60;
const sent = new Map<string, { since: number; count: number }>();

/** Seconds until this key may send again; 0: now. Each process counts for itself. */
function tooSoon(keyId: string, now: Date): number {
  const since = now.getTime();
  const window = sent.get(keyId);
  if (!window || since - window.since >= 60_000) {
    sent.set(keyId, { since, count: 1 });
    return 0;
  }
  window.count += 1;
  return window.count > PER_MINUTE ? Math.ceil((window.since + 60_000 - since) / 1000) : 0;
}

export const POST: APIRoute = async ({ params, request }) => {
  const now = new Date();
  const db = await database();
  const secret = /^Bearer +(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? '';
  const key = await keyBySecret(db.read, 'measurements', secret);
  if (!key) return answer(401, 'This key does not work here.', {}, { 'WWW-Authenticate': 'Bearer' });
  const wait = tooSoon(key.id, now);
  if (wait > 0) {
    const sentence = `More than ${PER_MINUTE} requests in a minute. Send several measurements as a list.`;
    return answer(429, sentence, {}, { 'Retry-After': String(wait) });
  }
  const about = { proofId: params['proof']!, seriesId: params['series']! };
  if (key.proofId !== about.proofId) return answer(403, `This key is for the proof “${key.proofId}”.`);
  const read = body.safeParse(await request.json().catch(() => undefined));
  if (!read.success) {
    const sentence =
      'Send JSON: {"date": "2026-11-22", "value": 0.3, "n": 5000, "source": "your id"}, or a list of 1 to 1,000.';
    return answer(400, sentence);
  }
  const incoming = read.data.map(({ date, value, n, source }) => ({ on: date, value, n, sourceId: source ?? date }));
  const added = await db.write(async (tx) => {
    const result = await addMeasurements(tx, about, incoming, { sentBy: `key:${key.id}`, now });
    if (!isRefusal(result)) await onMeasured(tx, { ...about, days: result.days }, now);
    return result;
  });
  if (isRefusal(added)) {
    const { code, sentence, bad } = added;
    if (bad.length === 0) return answer(404, sentence, { code });
    return answer(422, `Nothing was stored. ${sentence}`, { code, rows: bad });
  }
  const { stored, already } = added;
  return answer(200, `${counted(stored, 'measurement')} stored, ${already} known already.`, { stored, already });
};

function answer(status: number, sentence: string, more: object = {}, headers: Record<string, string> = {}): Response {
  const head = { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store', ...headers };
  return new Response(`${JSON.stringify({ sentence, ...more })}\n`, { status, headers: head });
}
