/*
 * Writes stripe.json.gz: a JSON Schema of Stripe's own types, as the installed SDK has them, for every request and object that
 * the sandbox knows. Run it after the SDK has moved, where the generator is installed:
 *
 *   npm install --no-save ts-json-schema-generator@2.9.0 && node test/payments/schema/generate.mjs
 */
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(process.env.GENERATOR_AT ? join(process.env.GENERATOR_AT, 'x.js') : import.meta.url);
const { createGenerator, ExposeNodeParser } = require('ts-json-schema-generator');

const stripe = join(here, '../../../node_modules/stripe');
const work = mkdtempSync(join(tmpdir(), 'stripe-types-'));
cpSync(join(stripe, 'esm'), join(work, 'esm'), { recursive: true, filter: (path) => !/\.js(\.map)?$/.test(path) });
// Every list of words is closed: a word that Stripe does not have is a mistake here, while the SDK leaves it open.
edit('esm/shared.d.ts', (text) => text.replace(/export type OtherString = .*;/, 'export type OtherString = never;'));
// On the wire a decimal is text.
writeFileSync(
  join(work, 'esm/Decimal.d.ts'),
  'export type Decimal = string;\nexport declare const Decimal: unknown;\n',
);

function edit(file, change) {
  writeFileSync(join(work, file), change(readFileSync(join(work, file), 'utf8')));
}

/** Objects by their `object`, and requests by method and route of the sandbox. */
const TYPES = {
  'billing_portal.session': 'Stripe.BillingPortal.Session',
  'checkout.session': 'Stripe.Checkout.Session',
  charge: 'Stripe.Charge',
  customer: 'Stripe.Customer',
  invoice: 'Stripe.Invoice',
  invoice_payment: 'Stripe.InvoicePayment',
  invoiceitem: 'Stripe.InvoiceItem',
  payment_intent: 'Stripe.PaymentIntent',
  payment_method: 'Stripe.PaymentMethod',
  price: 'Stripe.Price',
  product: 'Stripe.Product',
  refund: 'Stripe.Refund',
  subscription: 'Stripe.Subscription',
  tax_rate: 'Stripe.TaxRate',
  'POST /v1/billing_portal/sessions': 'Stripe.BillingPortal.SessionCreateParams',
  'POST /v1/checkout/sessions': 'Stripe.Checkout.SessionCreateParams',
  'POST /v1/checkout/sessions/:id/expire': 'Stripe.Checkout.SessionExpireParams',
  'POST /v1/customers': 'Stripe.CustomerCreateParams',
  'POST /v1/customers/:id': 'Stripe.CustomerUpdateParams',
  'POST /v1/invoiceitems': 'Stripe.InvoiceItemCreateParams',
  'POST /v1/invoices/:id/pay': 'Stripe.InvoicePayParams',
  'POST /v1/invoices/:id/void': 'Stripe.InvoiceVoidInvoiceParams',
  'POST /v1/invoices/create_preview': 'Stripe.InvoiceCreatePreviewParams',
  'POST /v1/payment_intents/:id/confirm': 'Stripe.PaymentIntentConfirmParams',
  'POST /v1/payment_methods/:id/attach': 'Stripe.PaymentMethodAttachParams',
  'POST /v1/prices': 'Stripe.PriceCreateParams',
  'POST /v1/products': 'Stripe.ProductCreateParams',
  'POST /v1/refunds': 'Stripe.RefundCreateParams',
  'POST /v1/subscriptions': 'Stripe.SubscriptionCreateParams',
  'POST /v1/subscriptions/:id': 'Stripe.SubscriptionUpdateParams',
  'POST /v1/subscriptions/:id/resume': 'Stripe.SubscriptionResumeParams',
  'DELETE /v1/subscriptions/:id': 'Stripe.SubscriptionCancelParams',
  'GET /v1/charges': 'Stripe.ChargeListParams',
  'GET /v1/checkout/sessions': 'Stripe.Checkout.SessionListParams',
  'GET /v1/customers': 'Stripe.CustomerListParams',
  'GET /v1/events': 'Stripe.EventListParams',
  'GET /v1/invoices': 'Stripe.InvoiceListParams',
  'GET /v1/payment_intents': 'Stripe.PaymentIntentListParams',
  'GET /v1/prices': 'Stripe.PriceListParams',
  'GET /v1/products': 'Stripe.ProductListParams',
  'GET /v1/refunds': 'Stripe.RefundListParams',
  'GET /v1/subscriptions': 'Stripe.SubscriptionListParams',
};

const names = Object.keys(TYPES).map((_, index) => `T${index}`);
const fields = Object.values(TYPES).map((type, index) => `  ${names[index]}: ${type};`);
writeFileSync(
  join(work, 'all.ts'),
  `import Stripe from './esm/stripe.esm.node.js';\nexport interface All {\n${fields.join('\n')}\n}\n`,
);
const options = {
  module: 'nodenext',
  moduleResolution: 'nodenext',
  target: 'es2022',
  strict: true,
  skipLibCheck: true,
};
writeFileSync(join(work, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['all.ts'] }));

// Two files have a `Session`, and many a `Status`: the file is part of the name.
const plain = ExposeNodeParser.prototype.getDefinitionName;
ExposeNodeParser.prototype.getDefinitionName = function named(node, context) {
  return `${relative(work, node.getSourceFile().fileName)}:${plain.call(this, node, context)}`;
};
const schema = createGenerator({
  path: join(work, 'all.ts'),
  tsconfig: join(work, 'tsconfig.json'),
  type: 'All',
  skipTypeCheck: true,
  expose: 'all',
  jsDoc: 'none',
  additionalProperties: false,
  topRef: false,
}).createSchema('All');

const { definitions, properties } = schema;
const roots = Object.fromEntries(Object.keys(TYPES).map((name, index) => [name, properties[names[index]]]));
const version = readFileSync(join(stripe, 'VERSION'), 'utf8').trim();
// Short names: nobody reads them.
const short = new Map(
  Object.keys(definitions).map((name, index) => [
    `#/definitions/${encodeURIComponent(name)}`,
    `#/definitions/${index}`,
  ]),
);
const text = JSON.stringify(
  { version, roots, definitions: Object.fromEntries(Object.values(definitions).map((one, index) => [index, one])) },
  (key, value) =>
    key === '$ref'
      ? (short.get(value) ??
        short.get(`#/definitions/${encodeURIComponent(decodeURIComponent(value.slice(14)))}`) ??
        value)
      : value,
);
writeFileSync(join(here, 'stripe.json.gz'), gzipSync(text, { level: 9 }));
console.log(
  `${Object.keys(definitions).length} definitions of stripe ${version}, ${Math.round(text.length / 1024)} KB before packing.`,
);
