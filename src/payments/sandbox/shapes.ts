import type Stripe from 'stripe';
import { mintId } from './store.ts';

// New objects as Stripe 2026-10-28.endive gives them; tsc checks them against the SDK's types.

/** Stripe spells absence out. */
function nulls<K extends string>(...names: K[]): Record<K, null> {
  return Object.fromEntries(names.map((name) => [name, null])) as Record<K, null>;
}

/** The SDK makes a Decimal of it; on the wire it is text. */
const decimal = (amount: number) => String(amount) as unknown as Stripe.Decimal;

export function newCustomer(
  id: string,
  about: { email: string | null; name: string | null; metadata: Stripe.Metadata },
  now: number,
): Stripe.Customer {
  return {
    id,
    object: 'customer',
    ...nulls('address', 'currency', 'default_source', 'description', 'discount', 'phone', 'shipping', 'test_clock'),
    balance: 0,
    created: now,
    delinquent: false,
    email: about.email,
    invoice_prefix: id.replace(/\W|_/g, '').slice(-8).toUpperCase(),
    invoice_settings: nulls('custom_fields', 'default_payment_method', 'footer', 'rendering_options'),
    livemode: false,
    metadata: about.metadata,
    name: about.name,
    next_invoice_sequence: 1,
    preferred_locales: [],
    tax_exempt: 'none',
  };
}

export type CardFace = { brand: string; last4: string; exp_month: number; exp_year: number };

export function newCard(id: string, face: CardFace, customer: string | null, now: number): Stripe.PaymentMethod {
  return {
    id,
    object: 'payment_method',
    allow_redisplay: 'always',
    billing_details: nulls('address', 'email', 'name', 'phone', 'tax_id'),
    card: {
      ...face,
      ...nulls('generated_from', 'networks', 'regulated_status', 'wallet'),
      checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
      country: 'GB',
      display_brand: face.brand,
      funding: 'credit',
      three_d_secure_usage: { supported: true },
    },
    created: now,
    customer,
    customer_account: null,
    livemode: false,
    metadata: {},
    type: 'card',
  };
}

export function newProduct(
  id: string,
  about: { name: string; description: string | null; active: boolean; metadata: Stripe.Metadata },
  now: number,
): Stripe.Product {
  return {
    id,
    object: 'product',
    ...about,
    ...nulls('default_price', 'package_dimensions', 'shippable', 'statement_descriptor', 'tax_code', 'tax_details'),
    created: now,
    images: [],
    livemode: false,
    marketing_features: [],
    type: 'service',
    unit_label: null,
    updated: now,
    url: null,
  };
}

export type PriceTerms = {
  active: boolean;
  currency: string;
  lookup_key: string | null;
  metadata: Stripe.Metadata;
  nickname: string | null;
  product: string;
  recurring: { interval: 'day' | 'week' | 'month' | 'year'; interval_count: number } | null;
  unit_amount: number;
  /** The same price in further currencies, in their minor units. */
  currency_options?: Record<string, number>;
};

export function newPrice(id: string, terms: PriceTerms, now: number): Stripe.Price {
  return {
    id,
    object: 'price',
    active: terms.active,
    currency: terms.currency,
    lookup_key: terms.lookup_key,
    metadata: terms.metadata,
    nickname: terms.nickname,
    product: terms.product,
    unit_amount: terms.unit_amount,
    ...nulls('custom_unit_amount', 'tiers_mode', 'transform_quantity'),
    billing_scheme: 'per_unit',
    created: now,
    livemode: false,
    recurring: terms.recurring && {
      ...terms.recurring,
      meter: null,
      trial_period_days: null,
      usage_type: 'licensed',
    },
    tax_behavior: 'unspecified',
    type: terms.recurring ? 'recurring' : 'one_time',
    unit_amount_decimal: decimal(terms.unit_amount),
    currency_options: Object.fromEntries(
      Object.entries({ ...terms.currency_options, [terms.currency]: terms.unit_amount }).map(([currency, amount]) => [
        currency,
        {
          custom_unit_amount: null,
          tax_behavior: 'unspecified',
          unit_amount: amount,
          unit_amount_decimal: decimal(amount),
        },
      ]),
    ),
  };
}

/** The older way to say price; Stripe still sends both. */
function planOf(price: Stripe.Price): Stripe.Plan {
  return {
    id: price.id,
    object: 'plan',
    ...nulls('meter', 'tiers_mode', 'transform_usage', 'trial_period_days'),
    active: price.active,
    amount: price.unit_amount,
    amount_decimal: price.unit_amount_decimal,
    billing_scheme: 'per_unit',
    created: price.created,
    currency: price.currency,
    interval: price.recurring?.interval ?? 'month',
    interval_count: price.recurring?.interval_count ?? 1,
    livemode: false,
    metadata: price.metadata,
    nickname: price.nickname,
    product: price.product,
    usage_type: 'licensed',
  };
}

export type Line = { price: Stripe.Price; quantity: number };

export function newSubscription(
  about: {
    customer: string;
    card: string | null;
    lines: Line[];
    currency: string;
    taxRates: Stripe.TaxRate[];
    metadata: Stripe.Metadata;
    periodEnd: number;
  },
  now: number,
): Stripe.Subscription {
  const id = mintId('subscription');
  return {
    id,
    object: 'subscription',
    ...nulls(
      'application',
      'application_fee_percent',
      'billing_cycle_anchor_config',
      'billing_thresholds',
      'cancel_at',
    ),
    ...nulls('canceled_at', 'customer_account', 'days_until_due', 'default_source', 'description', 'ended_at'),
    ...nulls('latest_invoice', 'next_pending_invoice_item_invoice', 'on_behalf_of', 'pause_collection', 'schedule'),
    ...nulls('pending_invoice_item_interval', 'pending_setup_intent', 'pending_update', 'test_clock', 'transfer_data'),
    ...nulls('managed_payments', 'trial_end', 'trial_start'),
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor: now,
    billing_mode: { flexible: { proration_discounts: 'included' }, type: 'flexible' },
    billing_schedules: [],
    cancel_at_period_end: false,
    cancellation_details: nulls('comment', 'feedback', 'feedback_option', 'reason'),
    collection_method: 'charge_automatically',
    created: now,
    currency: about.currency,
    customer: about.customer,
    default_payment_method: about.card,
    default_tax_rates: about.taxRates,
    discounts: [],
    invoice_settings: {
      ...nulls('account_tax_ids', 'custom_fields', 'description', 'footer'),
      issuer: { type: 'self' },
    },
    items: {
      object: 'list',
      data: about.lines.map(({ price, quantity }) => ({
        id: mintId('subscription_item'),
        object: 'subscription_item',
        billing_thresholds: null,
        created: now,
        current_period_end: about.periodEnd,
        current_period_start: now,
        current_trial: null,
        discounts: [],
        metadata: {},
        plan: planOf(price),
        price,
        quantity,
        subscription: id,
        tax_rates: [],
      })),
      has_more: false,
      url: `/v1/subscription_items?subscription=${id}`,
    },
    livemode: false,
    metadata: about.metadata,
    payment_settings: {
      ...nulls('payment_method_options', 'payment_method_types'),
      save_default_payment_method: 'off',
    },
    start_date: now,
    status: 'incomplete',
    trial_settings: { end_behavior: { billing_cycle_anchor: null, missing_payment_method: 'create_invoice' } },
  };
}

export type Totals = {
  subtotal: number;
  taxes: { rate: Stripe.TaxRate; amount: number }[];
  total: number;
  startingBalance: number;
  endingBalance: number;
  due: number;
};

/** An invoice of a subscription, finalised and open. */
export function newInvoice(
  about: {
    subscription: Stripe.Subscription;
    customer: Stripe.Customer;
    reason: 'subscription_create' | 'subscription_cycle' | 'subscription_update';
    items: Stripe.InvoiceItem[];
    totals: Totals;
    url: string;
  },
  now: number,
): Stripe.Invoice {
  const { subscription, customer, reason, items, totals, url } = about;
  const id = mintId('invoice');
  const { currency, metadata } = subscription;
  const { subtotal, total, due } = totals;
  return {
    id,
    object: 'invoice',
    ...nulls('account_country', 'account_name', 'account_tax_ids', 'application', 'automatically_finalizes_at'),
    ...nulls('custom_fields', 'customer_account', 'customer_address', 'customer_phone', 'customer_shipping'),
    ...nulls('default_payment_method', 'default_source', 'description', 'due_date', 'footer', 'from_invoice'),
    ...nulls('last_finalization_error', 'latest_revision', 'next_payment_attempt', 'on_behalf_of', 'receipt_number'),
    ...nulls('rendering', 'shipping_cost', 'shipping_details', 'statement_descriptor', 'test_clock'),
    ...nulls('webhooks_delivered_at'),
    amount_due: due,
    amount_overpaid: 0,
    amount_paid: 0,
    amount_remaining: due,
    amount_shipping: 0,
    attempt_count: 0,
    attempted: false,
    auto_advance: true,
    automatic_tax: { ...nulls('disabled_reason', 'liability', 'provider', 'status'), enabled: false },
    billing_reason: reason,
    collection_method: 'charge_automatically',
    created: now,
    currency,
    customer: customer.id,
    customer_email: customer.email,
    customer_name: customer.name ?? null,
    customer_tax_exempt: 'none',
    customer_tax_ids: [],
    default_tax_rates: subscription.default_tax_rates ?? [],
    discounts: [],
    effective_at: now,
    ending_balance: totals.endingBalance,
    hosted_invoice_url: `${url}/i/${id}`,
    invoice_pdf: null,
    issuer: { type: 'self' },
    lines: {
      object: 'list',
      data: [
        ...subscription.items.data.map((item) => newLine(item, id, currency)),
        ...items.map((item) => itemLine(item, id)),
      ],
      has_more: false,
      url: `/v1/invoices/${id}/lines`,
    },
    livemode: false,
    metadata: {},
    number: `${customer.invoice_prefix}-${String(customer.next_invoice_sequence).padStart(4, '0')}`,
    parent: {
      quote_details: null,
      subscription_details: { metadata, subscription: subscription.id },
      type: 'subscription_details',
    },
    payment_settings: nulls('default_mandate', 'payment_method_options', 'payment_method_types'),
    period_end: now,
    period_start: now,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    starting_balance: totals.startingBalance,
    status: 'open',
    status_transitions: { finalized_at: now, ...nulls('marked_uncollectible_at', 'paid_at', 'voided_at') },
    subtotal,
    subtotal_excluding_tax: subtotal,
    total,
    total_discount_amounts: [],
    total_excluding_tax: subtotal,
    total_pretax_credit_amounts: [],
    total_taxes: totals.taxes.map(({ rate, amount }) => ({
      amount,
      tax_behavior: rate.inclusive ? 'inclusive' : 'exclusive',
      tax_rate_details: { tax_rate: rate.id },
      taxability_reason: 'standard_rated',
      taxable_amount: subtotal,
      type: 'tax_rate_details',
    })),
  };
}

/** What one unit of a price costs in this currency, in its minor units. */
export function unitAmount(price: Stripe.Price, currency: string): number | null {
  if (price.currency === currency) return price.unit_amount ?? 0;
  return price.currency_options?.[currency]?.unit_amount ?? null;
}

function itemLine(item: Stripe.InvoiceItem, invoice: string): Stripe.InvoiceLineItem {
  return {
    id: mintId('line_item'),
    object: 'line_item',
    amount: item.amount,
    currency: item.currency,
    description: item.description,
    discount_amounts: [],
    discountable: item.discountable,
    discounts: [],
    invoice,
    livemode: false,
    metadata: {},
    parent: {
      type: 'invoice_item_details',
      invoice_item_details: {
        invoice_item: item.id,
        proration: false,
        proration_details: { credited_items: null },
        subscription: null,
      },
      subscription_item_details: null,
    },
    period: item.period,
    pretax_credit_amounts: [],
    pricing: null,
    quantity: 1,
    quantity_decimal: decimal(1),
    subscription: null,
    subtotal: item.amount,
    taxes: [],
  };
}

export function newInvoiceItem(
  about: { customer: string; amount: number; currency: string; description: string | null },
  now: number,
): Stripe.InvoiceItem {
  return {
    id: mintId('invoiceitem'),
    object: 'invoiceitem',
    ...about,
    ...nulls('customer_account', 'invoice', 'parent', 'pricing', 'test_clock'),
    date: now,
    discountable: true,
    discounts: [],
    livemode: false,
    metadata: {},
    period: { start: now, end: now },
    proration: false,
    quantity: 1,
    quantity_decimal: decimal(1),
    tax_rates: [],
  };
}

export function newTaxRate(
  id: string,
  about: { display_name: string; percentage: number; inclusive: boolean },
  now: number,
): Stripe.TaxRate {
  return {
    id,
    object: 'tax_rate',
    ...about,
    ...nulls('country', 'description', 'flat_amount', 'jurisdiction', 'jurisdiction_level', 'state', 'tax_type'),
    active: true,
    created: now,
    effective_percentage: about.percentage,
    livemode: false,
    metadata: {},
    rate_type: 'percentage',
  };
}

export function newSession(
  about: {
    customer: Stripe.Customer;
    amount: number;
    subtotal: number;
    tax: number;
    currency: string;
    reference: string | null;
    metadata: Stripe.Metadata;
    successUrl: string;
    cancelUrl: string | null;
    expiresAt: number;
    url: string;
  },
  now: number,
): Stripe.Checkout.Session {
  const id = mintId('checkout.session');
  const { customer } = about;
  return {
    id,
    object: 'checkout.session',
    ...nulls('after_expiration', 'allowed_payment_method_types', 'billing_address_collection', 'client_secret'),
    ...nulls('collected_information', 'consent', 'consent_collection', 'currency_conversion', 'customer_account'),
    ...nulls('customer_creation', 'customer_email', 'integration_identifier', 'invoice', 'invoice_creation', 'locale'),
    ...nulls('managed_payments', 'origin_context', 'payment_intent', 'payment_link', 'permissions', 'recovered_from'),
    ...nulls('payment_method_configuration_details', 'payment_method_options', 'saved_payment_method_options'),
    ...nulls('setup_intent', 'shipping_address_collection', 'shipping_cost', 'submit_type', 'subscription'),
    ...nulls('wallet_options'),
    adaptive_pricing: { enabled: false },
    allow_promotion_codes: null,
    amount_subtotal: about.subtotal,
    amount_total: about.amount,
    automatic_tax: { ...nulls('liability', 'provider', 'status'), enabled: false },
    cancel_url: about.cancelUrl,
    client_reference_id: about.reference,
    created: now,
    currency: about.currency,
    custom_fields: [],
    custom_text: nulls('after_submit', 'shipping_address', 'submit', 'terms_of_service_acceptance'),
    customer: customer.id,
    customer_details: {
      ...nulls('address', 'business_name', 'individual_name', 'phone', 'tax_exempt', 'tax_ids'),
      email: customer.email,
      name: customer.name ?? null,
    },
    discounts: [],
    expires_at: about.expiresAt,
    livemode: false,
    metadata: about.metadata,
    mode: 'subscription',
    payment_method_collection: 'always',
    payment_method_types: ['card'],
    payment_status: 'unpaid',
    shipping_options: [],
    status: 'open',
    success_url: about.successUrl,
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: about.tax },
    ui_mode: 'hosted_page',
    url: `${about.url}/c/pay/${id}`,
  };
}

export function newPortalSession(
  customer: string,
  returnUrl: string | null,
  url: string,
  now: number,
): Stripe.BillingPortal.Session {
  const id = mintId('billing_portal.session');
  return {
    id,
    object: 'billing_portal.session',
    ...nulls('customer_account', 'flow', 'locale', 'on_behalf_of'),
    configuration: 'bpc_sandbox',
    created: now,
    customer,
    livemode: false,
    return_url: returnUrl,
    url: `${url}/p/session/${id}`,
  };
}

function newLine(
  item: Stripe.SubscriptionItem,
  invoice: string,
  currency = item.price.currency,
): Stripe.InvoiceLineItem {
  const { price, quantity = 1 } = item;
  const amount = (unitAmount(price, currency) ?? 0) * quantity;
  return {
    id: mintId('line_item'),
    object: 'line_item',
    amount,
    currency,
    description: `${quantity} × ${price.nickname ?? price.lookup_key ?? price.id}`,
    discount_amounts: [],
    discountable: true,
    discounts: [],
    invoice,
    livemode: false,
    metadata: {},
    parent: {
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: null,
        proration: false,
        proration_details: { credited_items: null },
        subscription: item.subscription,
        subscription_item: item.id,
      },
      type: 'subscription_item_details',
    },
    period: { end: item.current_period_end, start: item.current_period_start },
    pretax_credit_amounts: [],
    pricing: {
      price_details: { price: price.id, product: String(price.product) },
      type: 'price_details',
      unit_amount_decimal: price.unit_amount_decimal,
    },
    quantity,
    quantity_decimal: decimal(quantity),
    subscription: item.subscription,
    subtotal: amount,
    taxes: [],
  };
}

export function newInvoicePayment(invoice: Stripe.Invoice, intent: string, now: number): Stripe.InvoicePayment {
  return {
    id: mintId('invoice_payment'),
    object: 'invoice_payment',
    amount_paid: null,
    amount_requested: invoice.amount_due,
    created: now,
    currency: invoice.currency,
    invoice: invoice.id,
    is_default: true,
    livemode: false,
    payment: { payment_intent: intent, type: 'payment_intent' },
    status: 'open',
    status_transitions: nulls('canceled_at', 'paid_at'),
  };
}

export type Due = { amount: number; currency: string; customer: string; description: string };

export function newPaymentIntent(due: Due, now: number): Stripe.PaymentIntent {
  const id = mintId('payment_intent');
  return {
    id,
    object: 'payment_intent',
    ...due,
    ...nulls('allowed_payment_method_types', 'application', 'application_fee_amount', 'automatic_payment_methods'),
    ...nulls('canceled_at', 'cancellation_reason', 'customer_account', 'excluded_payment_method_types', 'source'),
    ...nulls('last_payment_error', 'latest_charge', 'managed_payments', 'next_action', 'on_behalf_of', 'processing'),
    ...nulls('payment_method', 'payment_method_configuration_details', 'payment_method_options', 'payment_record'),
    ...nulls('receipt_email', 'review', 'shipping', 'statement_descriptor', 'statement_descriptor_suffix'),
    ...nulls('transfer_data', 'transfer_group'),
    amount_capturable: 0,
    amount_received: 0,
    capture_method: 'automatic',
    client_secret: `${id}_secret_sandbox`,
    confirmation_method: 'automatic',
    created: now,
    livemode: false,
    metadata: {},
    payment_method_types: ['card'],
    setup_future_usage: 'off_session',
    status: 'requires_payment_method',
  };
}

/** `declineCode` null for a charge that went through. */
export function newCharge(
  intent: Stripe.PaymentIntent,
  due: Due,
  card: string,
  declineCode: string | null,
  now: number,
): Stripe.Charge {
  const paid = declineCode === null;
  return {
    id: mintId('charge'),
    object: 'charge',
    ...due,
    ...nulls('application', 'application_fee', 'application_fee_amount', 'balance_transaction', 'fraud_details'),
    ...nulls('calculated_statement_descriptor', 'failure_balance_transaction', 'on_behalf_of', 'receipt_email'),
    ...nulls('payment_method_details', 'receipt_number', 'receipt_url', 'review', 'shipping', 'source'),
    ...nulls('source_transfer', 'statement_descriptor', 'statement_descriptor_suffix', 'transfer_data'),
    ...nulls('transfer_group'),
    amount_captured: paid ? due.amount : 0,
    amount_refunded: 0,
    billing_details: nulls('address', 'email', 'name', 'phone', 'tax_id'),
    captured: paid,
    created: now,
    disputed: false,
    failure_code: paid ? null : 'card_declined',
    failure_message: paid ? null : 'Your card was declined.',
    livemode: false,
    metadata: {},
    outcome: {
      ...nulls('advice_code', 'network_advice_code', 'network_decline_code'),
      network_status: paid ? 'approved_by_network' : 'declined_by_network',
      reason: declineCode,
      risk_level: 'normal',
      seller_message: paid ? 'Payment complete.' : 'The bank did not give further details with this decline.',
      type: paid ? 'authorized' : 'issuer_declined',
    },
    paid,
    payment_intent: intent.id,
    payment_method: card,
    refunded: false,
    status: paid ? 'succeeded' : 'failed',
  };
}

export function newRefund(
  charge: Stripe.Charge,
  about: { amount: number; metadata: Stripe.Metadata; reason: Stripe.Refund.Reason | null },
  now: number,
): Stripe.Refund {
  return {
    id: mintId('refund'),
    object: 'refund',
    ...about,
    ...nulls(
      'balance_transaction',
      'customer_account',
      'receipt_number',
      'source_transfer_reversal',
      'transfer_reversal',
    ),
    charge: charge.id,
    created: now,
    currency: charge.currency,
    customer: charge.customer,
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    status: 'succeeded',
  };
}
