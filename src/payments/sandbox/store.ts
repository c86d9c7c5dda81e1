import { randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import type Stripe from 'stripe';
import { invalid, missing } from './errors.ts';

/** The objects kept, by the name in their `object` field. */
export type Kinds = {
  'billing_portal.session': Stripe.BillingPortal.Session;
  'checkout.session': Stripe.Checkout.Session;
  charge: Stripe.Charge;
  customer: Stripe.Customer;
  event: Stripe.Event;
  invoice: Stripe.Invoice;
  invoice_payment: Stripe.InvoicePayment;
  invoiceitem: Stripe.InvoiceItem;
  payment_intent: Stripe.PaymentIntent;
  payment_method: Stripe.PaymentMethod;
  price: Stripe.Price;
  product: Stripe.Product;
  refund: Stripe.Refund;
  subscription: Stripe.Subscription;
  tax_rate: Stripe.TaxRate;
};
export type Kind = keyof Kinds;

const PREFIXES: Record<Kind | 'subscription_item' | 'line_item' | 'request', string> = {
  'billing_portal.session': 'bps',
  charge: 'ch',
  'checkout.session': 'cs_test',
  customer: 'cus',
  event: 'evt',
  invoice: 'in',
  invoice_payment: 'inpay',
  invoiceitem: 'ii',
  line_item: 'il',
  payment_intent: 'pi',
  payment_method: 'pm',
  price: 'price',
  product: 'prod',
  refund: 're',
  request: 'req',
  subscription: 'sub',
  subscription_item: 'si',
  tax_rate: 'txr',
};

export function mintId(kind: keyof typeof PREFIXES): string {
  return `${PREFIXES[kind]}_${randomBytes(12).toString('hex')}`;
}

/** Which property (a path such as `customer` or `payment.payment_intent`) must have which value, one of which, not that one, or at least that. */
export type Filters = Record<string, string | boolean | string[] | { not: string } | { from: number } | undefined>;
export type Page = {
  limit?: number | undefined;
  starting_after?: string | undefined;
  ending_before?: string | undefined;
};
export type StoredReply = { method: string; path: string; fingerprint: string; status: number; body: string };
export type Delivery = { eventId: string; attempts: number; body: string };

export type Store = ReturnType<typeof openStore>;

const SCHEMA = `
  pragma journal_mode = wal;
  pragma synchronous = normal;
  create table if not exists objects (seq integer primary key autoincrement, id text not null unique, kind text not null, body text not null);
  create index if not exists objects_kind on objects (kind, seq);
  create index if not exists objects_customer on objects (kind, json_extract(body, '$.customer'), seq);
  create table if not exists declining_cards (id text primary key, decline_code text not null);
  create table if not exists notes (name text primary key, body text not null);
  create table if not exists replies (key text primary key, method text not null, path text not null, fingerprint text not null, status integer not null, body text not null, stored_at integer not null);
  create table if not exists deliveries (event_id text primary key, attempts integer not null, due_at integer not null, delivered_at integer);
  create index if not exists deliveries_due on deliveries (due_at) where delivered_at is null;
`;

/** Every call is synchronous: a request is one transaction that nothing can interleave with. */
export function openStore(file: string) {
  const db = new DatabaseSync(file);
  db.exec(SCHEMA);

  const putObject = db.prepare(
    'insert into objects (id, kind, body) values (?, ?, ?) on conflict (id) do update set body = excluded.body',
  );
  const getObject = db.prepare('select body from objects where kind = ? and id = ?');

  function get<K extends Kind>(kind: K, id: string): Kinds[K] | undefined {
    const row = getObject.get(kind, id);
    return row ? JSON.parse(String(row['body'])) : undefined;
  }

  /** Newest first. */
  function list<K extends Kind>(
    kind: K,
    filters: Filters = {},
    page: Page = {},
  ): { data: Kinds[K][]; has_more: boolean } {
    const where = ['kind = ?'];
    const values: (string | number)[] = [kind];
    for (const [path, wanted] of Object.entries(filters)) {
      if (wanted === undefined) continue;
      const field = `json_extract(body, '$.${path}')`;
      if (Array.isArray(wanted)) {
        where.push(`${field} in (${wanted.map(() => '?').join(', ')})`);
        values.push(...wanted);
      } else if (typeof wanted === 'object' && 'from' in wanted) {
        where.push(`${field} >= ?`);
        values.push(wanted.from);
      } else if (typeof wanted === 'object') {
        where.push(`${field} is not ?`);
        values.push(wanted.not);
      } else {
        where.push(`${field} = ?`);
        values.push(typeof wanted === 'boolean' ? Number(wanted) : wanted);
      }
    }
    const cursor = page.starting_after ?? page.ending_before;
    if (cursor) {
      if (!get(kind, cursor))
        throw missing(kind, cursor, page.starting_after ? 'starting_after' : 'ending_before', 400);
      where.push(`seq ${page.starting_after ? '<' : '>'} (select seq from objects where id = ?)`);
      values.push(cursor);
    }
    const limit = page.limit ?? 10;
    if (limit < 1 || limit > 100) throw invalid('Invalid limit: must be between 1 and 100', { param: 'limit' });
    const backwards = !page.starting_after && page.ending_before;
    const rows = db
      .prepare(
        `select body from objects where ${where.join(' and ')} order by seq ${backwards ? 'asc' : 'desc'} limit ?`,
      )
      .all(...values, limit + 1);
    const data = rows.slice(0, limit).map((row): Kinds[K] => JSON.parse(String(row['body'])));
    return { data: backwards ? data.reverse() : data, has_more: rows.length > limit };
  }

  return {
    get,
    list,
    put<T extends { id: string; object: Kind }>(object: T): T {
      putObject.run(object.id, object.object, JSON.stringify(object));
      return object;
    },
    need<K extends Kind>(kind: K, id: string, param?: string): Kinds[K] {
      const found = get(kind, id);
      if (!found) throw missing(kind, id, param, param ? 400 : 404);
      return found;
    },

    /** Why a bank refuses this card; undefined for a card that works. `authentication_required`: it asks the person. */
    declineCode(cardId: string): string | undefined {
      const row = db.prepare('select decline_code from declining_cards where id = ?').get(cardId);
      return row ? String(row['decline_code']) : undefined;
    },
    setDeclineCode(cardId: string, code: string | undefined): void {
      db.prepare('delete from declining_cards where id = ?').run(cardId);
      if (code) db.prepare('insert into declining_cards values (?, ?)').run(cardId, code);
    },

    /** What a page must remember that no object of Stripe's holds. */
    note(name: string, value: unknown): void {
      db.prepare('insert into notes values (?, ?) on conflict (name) do update set body = excluded.body').run(
        name,
        JSON.stringify(value),
      );
    },
    noted<T>(name: string): T | undefined {
      const row = db.prepare('select body from notes where name = ?').get(name);
      return row ? JSON.parse(String(row['body'])) : undefined;
    },

    reply(key: string): StoredReply | undefined {
      return db.prepare('select method, path, fingerprint, status, body from replies where key = ?').get(key) as
        | StoredReply
        | undefined;
    },
    keepReply(key: string, reply: StoredReply, storedAt: number): void {
      const { method, path, fingerprint, status, body } = reply;
      db.prepare('insert into replies values (?, ?, ?, ?, ?, ?, ?)').run(
        key,
        method,
        path,
        fingerprint,
        status,
        body,
        storedAt,
      );
    },
    forgetReplies(storedBefore: number): void {
      db.prepare('delete from replies where stored_at < ?').run(storedBefore);
    },

    queueDelivery(eventId: string): void {
      db.prepare('insert into deliveries values (?, 0, 0, null)').run(eventId);
    },
    dueDeliveries(nowMs: number): Delivery[] {
      return db
        .prepare(
          `select event_id as eventId, attempts, body from deliveries join objects on objects.id = event_id
           where delivered_at is null and due_at <= ? order by objects.seq limit 20`,
        )
        .all(nowMs) as Delivery[];
    },
    nextDeliveryAt(): number | undefined {
      const row = db.prepare('select min(due_at) as due from deliveries where delivered_at is null').get();
      return typeof row?.['due'] === 'number' ? row['due'] : undefined;
    },
    markDelivered(eventId: string, atMs: number): void {
      db.prepare('update deliveries set delivered_at = ?, attempts = attempts + 1 where event_id = ?').run(
        atMs,
        eventId,
      );
    },
    retryDelivery(eventId: string, dueAtMs: number): void {
      db.prepare('update deliveries set due_at = ?, attempts = attempts + 1 where event_id = ?').run(dueAtMs, eventId);
    },

    inTransaction<T>(work: () => T): T {
      db.exec('begin immediate');
      try {
        const result = work();
        db.exec('commit');
        return result;
      } catch (error) {
        db.exec('rollback');
        throw error;
      }
    },
    reset(): void {
      db.exec(
        'delete from objects; delete from declining_cards; delete from notes; delete from replies; delete from deliveries;',
      );
    },
    close(): void {
      db.close();
    },
  };
}
