import { env } from './env.ts';
import type { Payments } from './payments/payments.ts';
import { openPayments } from './payments/stripe.ts';

let opened: Payments | undefined;

/** This process's payment provider: Stripe, or the sandbox when the settings point there. One code path for both. */
export function billing(): Payments {
  opened ??= openPayments({
    secretKey: env.STRIPE_SECRET_KEY,
    webhookSecret: env.STRIPE_WEBHOOK_SECRET,
    ...(env.STRIPE_API_BASE ? { apiBase: env.STRIPE_API_BASE } : {}),
  });
  return opened;
}
