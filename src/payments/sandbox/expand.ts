import type Stripe from 'stripe';
import { invalid } from './errors.ts';
import { type Params, several } from './params.ts';
import { listOf } from './route.ts';
import type { Kind, Store } from './store.ts';

type Json = Record<string, unknown>;

/** Properties that hold the id of another object, and so can be asked for whole. */
const REFERENCES: Record<string, Kind> = {
  charge: 'charge',
  customer: 'customer',
  default_payment_method: 'payment_method',
  invoice: 'invoice',
  latest_charge: 'charge',
  latest_invoice: 'invoice',
  payment_intent: 'payment_intent',
  payment_method: 'payment_method',
  product: 'product',
  subscription: 'subscription',
};

/** Lists that an object carries only when asked. */
const INCLUDED: Record<string, (store: Store, owner: Json) => Stripe.ApiList<unknown>> = {
  'charge.refunds': (store, { id }) =>
    listOf(`/v1/charges/${id}/refunds`, store.list('refund', { charge: String(id) })),
  'customer.subscriptions': (store, { id }) =>
    listOf(
      `/v1/customers/${id}/subscriptions`,
      store.list('subscription', { customer: String(id), status: { not: 'canceled' } }),
    ),
  'invoice.payments': (store, { id }) =>
    listOf(`/v1/invoice_payments?invoice=${id}`, store.list('invoice_payment', { invoice: String(id) })),
};

/** Replaces ids by objects along every path of `expand`, in place. */
export function expand(store: Store, reply: object, params: Params): void {
  for (const path of several(params, 'expand').map(String)) {
    const steps = path.split('.');
    if (steps.length > 4)
      throw invalid(`You cannot expand more than 4 levels of a property: ${path}`, { param: 'expand' });
    expandAlong(store, reply as Json, steps, path);
  }
}

function expandAlong(store: Store, holder: Json, [step, ...rest]: string[], path: string): void {
  if (!step) return;
  const kind = REFERENCES[step];
  const include = INCLUDED[`${holder['object']}.${step}`];
  const value = holder[step];
  if (value === null) return;
  if (typeof value === 'string' && kind) holder[step] = store.need(kind, value);
  else if (value === undefined && include) holder[step] = include(store, holder);
  else if (typeof value === 'string' || value === undefined) {
    throw invalid(`This property cannot be expanded (${path}).`, { param: 'expand' });
  }

  const reached = holder[step];
  for (const next of Array.isArray(reached) ? reached : [reached]) {
    if (typeof next === 'object' && next !== null) expandAlong(store, next as Json, rest, path);
  }
}
