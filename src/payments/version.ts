import type Stripe from 'stripe';

/** The version of Stripe's API that this code was written against; the SDK's types are of the same version. */
export const API_VERSION: Stripe.StripeConfig['apiVersion'] & string = '2026-10-28.endive';
