import type Stripe from 'stripe';
import { type Refusal, refuse } from '../shared/refusal.ts';
import type { PaymentEvent } from './payments.ts';
import { idOf } from './reading.ts';

const TOLERANCE_S = 300;

export function verifyWebhook(
  stripe: Stripe,
  secret: string,
  rawBody: string,
  signatureHeader: string | null,
  now: Date,
): PaymentEvent | Refusal {
  const badSignature = refuse('bad-signature', 'This message was not signed by our payment provider.');
  const wrongTime = refuse('wrong-time', 'This message is more than five minutes from our clock.');
  if (!signatureHeader) return badSignature;
  let event: Stripe.Event;
  try {
    // The SDK's own window (0 switches it off) lets messages from the future through; ours is below.
    event = stripe.webhooks.constructEvent(rawBody, signatureHeader, secret, 0);
  } catch {
    return badSignature;
  }
  const time = signatureHeader.split(',').findLast((part) => part.startsWith('t='));
  const signedAt = Number.parseInt(time?.slice(2) ?? '', 10);
  if (!(Math.abs(now.getTime() / 1000 - signedAt) <= TOLERANCE_S)) return wrongTime;
  return narrowed(event);
}

function narrowed(event: Stripe.Event): PaymentEvent {
  return { id: event.id, type: event.type, ...aboutOf(event), created: event.created * 1000 };
}

const ACTED_ON = [
  'checkout.session.completed',
  'checkout.session.expired',
  'customer.subscription.updated',
  'customer.subscription.deleted',
  'invoice.paid',
  'invoice.payment_failed',
];

export async function eventsSince(stripe: Stripe, since: Date): Promise<PaymentEvent[]> {
  const found: PaymentEvent[] = [];
  const created = { gte: Math.floor(since.getTime() / 1000) };
  for await (const event of stripe.events.list({ created, types: ACTED_ON, limit: 100 })) found.push(narrowed(event));
  return found.reverse();
}

/** Types that we don't know point at nothing, and so have no effect. */
function aboutOf(event: Stripe.Event): Pick<PaymentEvent, 'subscriptionId' | 'checkoutId'> {
  const about = event.data.object;
  if ('object' in about) {
    if (about.object === 'subscription') return { subscriptionId: about.id, checkoutId: null };
    if (about.object === 'checkout.session') return { subscriptionId: idOf(about.subscription), checkoutId: about.id };
    if (about.object === 'invoice') {
      return { subscriptionId: idOf(about.parent?.subscription_details?.subscription ?? null), checkoutId: null };
    }
  }
  return { subscriptionId: null, checkoutId: null };
}
