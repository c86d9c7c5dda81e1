import type Stripe from 'stripe';
import { invalid } from './errors.ts';
import { flag, mergedMetadata, nested, oneOf, type Params, required, text, whole } from './params.ts';
import { type Call, listRoute, type Route, readRoute } from './route.ts';
import { newPrice, newProduct } from './shapes.ts';
import { mintId } from './store.ts';

const INTERVALS = ['day', 'week', 'month', 'year'] as const;

function createProduct({ store, params, now }: Call): Stripe.Product {
  const id = text(params, 'id') ?? mintId('product');
  if (store.get('product', id))
    throw invalid('Product already exists.', { code: 'resource_already_exists', param: 'id' });
  const about = {
    name: required(params, 'name'),
    description: text(params, 'description') ?? null,
    active: flag(params, 'active') ?? true,
    metadata: mergedMetadata(params),
  };
  return store.put(newProduct(id, about, now));
}

function createPrice({ store, params, now }: Call): Stripe.Price {
  const lookupKey = text(params, 'lookup_key') ?? null;
  if (lookupKey && store.list('price', { lookup_key: lookupKey, active: true }).data.length > 0) {
    throw invalid(`A price already uses that lookup key: ${lookupKey}`, { param: 'lookup_key' });
  }
  const recurring = nested(params, 'recurring');
  const amount = whole(params, 'unit_amount');
  if (amount === undefined || amount < 0)
    throw invalid('Missing required param: unit_amount.', { param: 'unit_amount' });
  const terms = {
    active: flag(params, 'active') ?? true,
    currency: required(params, 'currency').toLowerCase(),
    lookup_key: lookupKey,
    metadata: mergedMetadata(params),
    nickname: text(params, 'nickname') ?? null,
    product: store.need('product', required(params, 'product'), 'product').id,
    recurring: recurring
      ? {
          interval: oneOf(recurring, 'interval', INTERVALS) ?? 'month',
          interval_count: whole(recurring, 'interval_count') ?? 1,
        }
      : null,
    unit_amount: amount,
    currency_options: Object.fromEntries(
      Object.entries(nested(params, 'currency_options') ?? {}).map(([currency, option]) => [
        currency,
        whole(option as Params, 'unit_amount') ?? 0,
      ]),
    ),
  };
  return store.put(newPrice(mintId('price'), terms, now));
}

export const catalogueRoutes: Route[] = [
  {
    method: 'POST',
    path: '/v1/products',
    accepts: ['id', 'name', 'description', 'active', 'metadata'],
    answer: createProduct,
  },
  readRoute('/v1/products', 'product'),
  listRoute('/v1/products', 'product', { 'active?': 'active', 'ids[]': 'id' }),
  {
    method: 'POST',
    path: '/v1/prices',
    accepts: [
      'active',
      'currency',
      'currency_options',
      'lookup_key',
      'metadata',
      'nickname',
      'product',
      'recurring',
      'unit_amount',
    ],
    answer: createPrice,
  },
  readRoute('/v1/prices', 'price'),
  listRoute('/v1/prices', 'price', { 'active?': 'active', 'lookup_keys[]': 'lookup_key', product: 'product' }),
];
