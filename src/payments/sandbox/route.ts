import type Stripe from 'stripe';
import { API_VERSION } from '../version.ts';
import type { Failed } from './errors.ts';
import { flag, type Params, several, text, whole } from './params.ts';
import { type Filters, type Kind, mintId, type Page, type Store } from './store.ts';

/** One request, inside its transaction. `now` is in seconds; `ids` are the named parts of the address. */
export type Call = {
  store: Store;
  now: number;
  ids: Record<string, string>;
  params: Params;
  requestId: string;
  idempotencyKey: string | null;
  /** The sandbox's own address, for the pages it has. */
  url: string;
  /** What the switchboard says about the next attempt at a bank: a decline code, or null. Asking uses it up. */
  forced(): string | null;
  /** False when there is nobody to tell: events are then kept but not queued. */
  deliver: boolean;
};

export type Route = {
  method: 'GET' | 'POST' | 'DELETE';
  /** `/v1/customers/:customer/payment_methods` */
  path: string;
  /** Parameters this sandbox understands besides `expand`; others are refused rather than quietly ignored. */
  accepts: string[];
  /** Throws `Refused` before anything is carried out; returns `Failed` for what was carried out and failed. */
  answer(call: Call): object | Failed;
};

/** An event keeps the object as it was at that moment. */
export function emit(call: Call, type: Stripe.Event['type'], object: object, previous?: object): void {
  const event = {
    id: mintId('event'),
    object: 'event' as const,
    api_version: API_VERSION,
    created: call.now,
    data: { object: structuredClone(object), ...(previous ? { previous_attributes: previous } : {}) },
    livemode: false,
    pending_webhooks: call.deliver ? 1 : 0,
    request: { id: call.requestId, idempotency_key: call.idempotencyKey },
    type,
  };
  call.store.put(event);
  if (call.deliver) call.store.queueDelivery(event.id);
}

export function listOf<T>(url: string, { data, has_more }: { data: T[]; has_more: boolean }): Stripe.ApiList<T> {
  return { object: 'list', data, has_more, url };
}

export const PAGE_PARAMS = ['limit', 'starting_after', 'ending_before'];

export function pageOf(params: Params): Page {
  return {
    limit: whole(params, 'limit'),
    starting_after: text(params, 'starting_after'),
    ending_before: text(params, 'ending_before'),
  };
}

export function readRoute(path: string, kind: Kind): Route {
  return { method: 'GET', path: `${path}/:id`, accepts: [], answer: ({ store, ids }) => store.need(kind, ids['id']!) };
}

/** `filters` says which property each parameter compares; a name ending in `[]` takes several values, `?` yes or no. */
export function listRoute(
  path: string,
  kind: Kind,
  filters: Record<string, string>,
  fixed?: (call: Call) => Filters,
): Route {
  const bare = (name: string) => name.replace(/\[\]$|\?$/, '');
  return {
    method: 'GET',
    path,
    accepts: [...PAGE_PARAMS, ...Object.keys(filters).map(bare)],
    answer(call) {
      const wanted: Filters = {};
      for (const [name, property] of Object.entries(filters)) {
        if (name.endsWith('[]')) {
          const values = several(call.params, bare(name)).map(String);
          if (values.length > 0) wanted[property] = values;
        } else {
          const value = name.endsWith('?') ? flag(call.params, bare(name)) : text(call.params, name);
          if (value !== undefined) wanted[property] = value;
        }
      }
      const url = path.replace(/:(\w+)/g, (_, name: string) => call.ids[name]!);
      return listOf(url, call.store.list(kind, { ...wanted, ...fixed?.(call) }, pageOf(call.params)));
    },
  };
}
