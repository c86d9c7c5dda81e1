import type { APIRoute } from 'astro';
import { billing } from '../../billing.ts';
import { database } from '../../database.ts';
import { storePaymentEvent } from '../../rejoin/complete.ts';
import { isRefusal } from '../../shared/refusal.ts';

/** Verify, keep once, answer. What the event is about is read again by the jobs process. Unknown events are kept politely. */
export const POST: APIRoute = async ({ request }) => {
  const now = new Date();
  const event = billing().verifyWebhook(await request.text(), request.headers.get('stripe-signature'), now);
  if (isRefusal(event)) return new Response(`${event.sentence}\n`, { status: 400 });
  const db = await database();
  await db.write((tx) => storePaymentEvent(tx, event, now));
  return new Response('Thank you.\n');
};
