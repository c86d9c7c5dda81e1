import type Stripe from 'stripe';
import { Failed, invalid } from './errors.ts';
import { mergedMetadata, nested, required, text, whole } from './params.ts';
import { type Call, emit, listRoute, type Route, readRoute } from './route.ts';
import { type CardFace, newCard, newCustomer } from './shapes.ts';
import { mintId } from './store.ts';

/** Stripe's own test cards, by the token that stands for them. */
const TEST_CARDS: Record<string, CardFace & { declineCode?: string; refusedAtOnce?: true }> = {
  pm_card_amex: { brand: 'amex', last4: '8431', exp_month: 12, exp_year: 2034 },
  pm_card_chargeCustomerFail: { ...visa('0341'), declineCode: 'generic_decline' },
  pm_card_chargeDeclined: { ...visa('0002'), declineCode: 'generic_decline', refusedAtOnce: true },
  pm_card_mastercard: { brand: 'mastercard', last4: '4444', exp_month: 12, exp_year: 2034 },
  pm_card_authenticationRequired: { ...visa('3184'), declineCode: 'authentication_required' },
  pm_card_visa: visa('4242'),
  pm_card_visa_debit: visa('5556'),
};

function visa(last4: string): CardFace {
  return { brand: 'visa', last4, exp_month: 12, exp_year: 2034 };
}

function attach(call: Call): Stripe.PaymentMethod | Failed {
  const customer = call.store.need('customer', required(call.params, 'customer'), 'customer');
  return attachTo(call, customer.id, call.ids['id']!);
}

function attachTo(call: Call, customerId: string, id: string): Stripe.PaymentMethod | Failed {
  const { store, now } = call;
  const test = TEST_CARDS[id];
  if (test) {
    const { declineCode, refusedAtOnce, ...face } = test;
    if (refusedAtOnce) return new Failed(402, declined(declineCode!));
    const card = store.put(newCard(mintId('payment_method'), face, customerId, now));
    store.setDeclineCode(card.id, declineCode);
    return card;
  }
  const card = store.need('payment_method', id);
  if (card.customer && card.customer !== customerId) {
    throw invalid('The payment method you provided has already been attached to a customer.');
  }
  return store.put({ ...card, customer: customerId });
}

export function declined(declineCode: string, charge?: string): Failed['error'] {
  return {
    type: 'card_error',
    code: 'card_declined',
    decline_code: declineCode,
    message: 'Your card was declined.',
    ...(charge ? { charge } : {}),
  };
}

/** A card may be used for a customer only when it is attached to that customer. */
export function cardOf(call: Call, customer: string, id: string, param: string): Stripe.PaymentMethod {
  const card = call.store.get('payment_method', id);
  if (card && card.customer === customer) return card;
  throw invalid(
    `The customer does not have a payment method with the ID ${id}. The payment method must be attached to the customer.`,
    { code: 'resource_missing', param },
  );
}

export const peopleRoutes: Route[] = [
  {
    method: 'POST',
    path: '/v1/customers',
    accepts: ['description', 'email', 'invoice_settings', 'metadata', 'name', 'payment_method'],
    answer(call) {
      const { store, params, now } = call;
      const about = {
        email: text(params, 'email') ?? null,
        name: text(params, 'name') ?? null,
        metadata: mergedMetadata(params),
      };
      const made = newCustomer(mintId('customer'), about, now);
      const customer = store.put({ ...made, description: text(params, 'description') ?? null });
      const given = text(params, 'payment_method');
      const card = given ? attachTo(call, customer.id, given) : null;
      if (card instanceof Failed) return card;
      if (card)
        store.put({ ...customer, invoice_settings: { ...customer.invoice_settings, default_payment_method: card.id } });
      emit(call, 'customer.created', customer);
      return store.need('customer', customer.id);
    },
  },
  {
    method: 'POST',
    path: '/v1/customers/:id',
    accepts: ['balance', 'email', 'name', 'metadata', 'invoice_settings'],
    answer(call) {
      const { store, params } = call;
      const customer = store.need('customer', call.ids['id']!);
      const card = text(nested(params, 'invoice_settings') ?? {}, 'default_payment_method');
      if (card) cardOf(call, customer.id, card, 'invoice_settings[default_payment_method]');
      const updated = store.put({
        ...customer,
        balance: whole(params, 'balance') ?? customer.balance,
        email: text(params, 'email') ?? customer.email,
        name: text(params, 'name') ?? customer.name ?? null,
        metadata: mergedMetadata(params, customer.metadata),
        invoice_settings: { ...customer.invoice_settings, ...(card ? { default_payment_method: card } : {}) },
      });
      emit(call, 'customer.updated', updated);
      return updated;
    },
  },
  readRoute('/v1/customers', 'customer'),
  listRoute('/v1/customers', 'customer', { email: 'email' }),
  listRoute('/v1/customers/:customer/payment_methods', 'payment_method', { type: 'type' }, ({ store, ids }) => ({
    customer: store.need('customer', ids['customer']!).id,
  })),
  {
    method: 'GET',
    path: '/v1/customers/:customer/payment_methods/:id',
    accepts: [],
    answer: (call) => cardOf(call, call.ids['customer']!, call.ids['id']!, 'payment_method'),
  },
  listRoute('/v1/payment_methods', 'payment_method', { customer: 'customer', type: 'type' }),
  readRoute('/v1/payment_methods', 'payment_method'),
  { method: 'POST', path: '/v1/payment_methods/:id/attach', accepts: ['customer'], answer: attach },
];
