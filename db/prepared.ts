import type { Reader } from './client.ts';

type Values = Record<string, unknown>;
type Query = PromiseLike<unknown> & { prepare(): { execute(values: Values): Promise<unknown> } };

/**
 * A query that every personal page asks, its SQL built once: building it costs several times what running it does. Its values
 * are `sql.placeholder`s and go to the database as they are given, past the column's own encoding.
 */
export function prepared<Q extends Query>(
  build: (reader: Reader) => Q,
): (reader: Reader, values: Values) => Promise<Awaited<Q>> {
  const built = new WeakMap<Reader, ReturnType<Q['prepare']>>();
  return (reader, values) => {
    let query = built.get(reader);
    if (!query) {
      query = build(reader).prepare() as ReturnType<Q['prepare']>;
      built.set(reader, query);
    }
    return query.execute(values) as Promise<Awaited<Q>>;
  };
}
