import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { drizzle, type SqliteRemoteDatabase } from 'drizzle-orm/sqlite-proxy';
import { databaseFile } from './engines/commits.ts';
import type { Engine, Execute } from './engines/engine.ts';
import { databaseError, isBusy } from './engines/errors.ts';

export { DatabaseError, isUniqueViolation } from './engines/errors.ts';

type Handle = SqliteRemoteDatabase;

/**
 * What a look at the database needs; a Tx is one too. Raw queries (`all`, `get`, `values` with sql`…`) give each row as
 * an array of column values in the order of the statement, on every engine; `get` gives undefined when there is none:
 * `const rows = await db.read.all<[string, number]>(sql`select kind, count(*) from persons group by kind`)`.
 * A blob is a Uint8Array there, and a Buffer in Drizzle's own columns. An integer beyond 2^53 throws.
 */
export type Reader = Pick<
  Handle,
  'select' | 'selectDistinct' | 'all' | 'get' | 'values' | 'with' | '$with' | '$count'
> & {
  /** Another number after every commit, of any process; null where that can't be said, on a server. Absent in a transaction. */
  commits?: () => number | null;
};

/** The handle inside `write`. Raw `run` gives no counts: use `returning`. */
export type Tx = Omit<Handle, 'transaction' | 'batch'>;

export interface Db {
  /** Sees committed data only, also from inside a `write`: there, read through its tx. */
  read: Reader;
  /**
   * Runs `work` in one transaction that holds the write lock, after the writes that were asked for earlier. Commits
   * when it returns, rolls everything back when it throws. `work` runs once at most. Await only database calls inside:
   * a network call there would stop every other writer. Throws a DatabaseError with SQLITE_BUSY when another process
   * keeps the lock for longer than `patience`; nothing was written then.
   */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** For db/migrate.ts only: all statements or none, with foreign keys off. */
  applyMigration(statements: readonly string[]): Promise<void>;
  /**
   * Brings what was written into the file and empties its log. What was deleted before is then in neither: it was
   * overwritten where it stood. False when other processes were in the way for longer than `patience`.
   */
  fold(): Promise<boolean>;
  /** Lets the writes that were asked for finish, refuses new ones, and closes. */
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** For a server. May also be in the URL. */
  authToken?: string | undefined;
  /** How long to wait for another process's write lock, in milliseconds. */
  patience?: number;
  /**
   * For work that can be run again from the beginning, such as an import: a commit may be lost when the power fails (never when the
   * process is killed).
   */
  bulk?: boolean;
}

/**
 * Opens `file:path` (relative to where the process runs; made when missing) or a libSQL server: `libsql:`, `https:`,
 * `http:`. Whoever opens it closes it.
 */
export async function openDatabase(url: string, options: DatabaseOptions = {}): Promise<Db> {
  const patience = options.patience ?? 10_000;
  const open = await opener(url, options);
  return databaseOn(await patiently(open, url.startsWith('file:') ? `opening ${url}` : 'opening', patience), patience);
}

/**
 * A database of this process alone, with these tables of another one as they stand there and nothing in them. Its file has no name and
 * is gone with the process; no table refers to another. Whoever opens it closes it.
 */
export async function openScratch(like: Reader, tables: readonly string[]): Promise<Db> {
  const { openScratch } = await import('./engines/file.ts');
  const made = await like.all<[string]>(
    sql`select sql from sqlite_master where sql is not null and tbl_name in (select value from json_each(${JSON.stringify(tables)})) order by type desc`,
  );
  const engine = openScratch();
  const transaction = await engine.begin();
  for (const [statement] of made) await transaction.execute(statement, [], 'run');
  await transaction.commit();
  return databaseOn(engine, 0);
}

function databaseOn(engine: Engine, patience: number): Db {
  // Writers of this process queue up here and take the lock one after the other: two of them on one connection would
  // share a transaction, on two connections they would wait for each other inside SQLite. Writers of other processes
  // are met with patience, below.
  let queue: Promise<unknown> = Promise.resolve();
  const writing = new AsyncLocalStorage<{ open: boolean; execute: Execute }>();
  let closed = false;

  // One handle for every transaction, because making one costs more than a statement: which transaction a query belongs to
  // is known from where it was asked.
  const tx = handle(async (sql, params, method) => {
    const scope = writing.getStore();
    // A query that nobody awaited must not slip into the next transaction, or in between two.
    if (!scope?.open) throw new Error('This tx is over: a query came after its db.write had ended.');
    try {
      return await scope.execute(sql, params, method);
    } catch (error) {
      throw databaseError(error, sql);
    }
  });

  function inTurn<T>(task: () => Promise<T>): Promise<T> {
    if (closed) throw new Error('This database was closed.');
    if (writing.getStore()?.open) {
      throw new Error('db.write was called inside db.write and would wait for itself: hand the tx on instead.');
    }
    const turn = queue.then(task);
    // Every step of a write on a file is synchronous: without this pause a long queue would run in one go, and neither
    // requests nor the other process would get a word in.
    const pause = () => setImmediate();
    queue = turn.then(pause, pause);
    return turn;
  }

  async function transact<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const transaction = await patiently(() => engine.begin(), 'BEGIN IMMEDIATE', patience);
    const scope = { open: true, execute: transaction.execute };
    try {
      // Awaited within: a query that `work` hands back is asked only when somebody waits for it.
      const result = await writing.run(scope, async () => await work(tx));
      scope.open = false;
      await transaction.commit().catch((error) => {
        throw databaseError(error, 'COMMIT');
      });
      return result;
    } catch (error) {
      scope.open = false;
      await transaction.rollback().catch(() => {}); // the first error is the one to tell; begin() looks after the rest
      throw error;
    }
  }

  return {
    read: Object.assign(
      handle((sql, params, method) => patiently(() => engine.read(sql, params, method), sql, patience)),
      { commits: engine.commits },
    ),
    write: async (work) => inTurn(() => transact(work)),
    applyMigration: async (statements) =>
      inTurn(() => patiently(() => engine.applyMigration(statements), 'migration', patience)),
    fold: async () =>
      inTurn(async () => {
        for (const giveUpAt = performance.now() + patience; performance.now() < giveUpAt; ) {
          if (await engine.fold()) return true;
          await setTimeout(5 + Math.random() * 20);
        }
        return false;
      }),
    async close() {
      if (closed) return;
      if (writing.getStore()?.open) throw new Error('The database cannot be closed inside db.write.');
      closed = true;
      await queue;
      await engine.close();
    },
  };
}

async function opener(url: string, { authToken, bulk = false }: DatabaseOptions): Promise<() => Promise<Engine>> {
  const path = databaseFile(url);
  if (path !== null) {
    if (/^file:(:.*)?$/.test(url)) throw new Error('The database needs a file; it cannot live in memory.');
    const { openFile } = await import('./engines/file.ts');
    return () => openFile(path, bulk);
  }
  if (/^(libsql|https?):\/\//.test(url)) {
    const { openServer } = await import('./engines/server.ts');
    return () => openServer(url, authToken);
  }
  throw new Error('The address of the database must begin with file:, libsql:, https: or http:.');
}

/**
 * Tries until it works, as long as what stops it is another process's lock. The waiting is awaited, random (so that two
 * processes don't keep meeting) and short. `attempt` must leave nothing behind when it fails with BUSY.
 */
async function patiently<T>(attempt: () => Promise<T>, sql: string, patience: number): Promise<T> {
  let giveUpAt: number | undefined;
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (thrown) {
      const error = databaseError(thrown, sql);
      giveUpAt ??= performance.now() + patience;
      if (!isBusy(error) || performance.now() > giveUpAt) throw error;
      await setTimeout(1 + Math.random() * Math.min(50, 2 ** tries));
    }
  }
}

const executors = new WeakMap<object, Execute>();

/** One statement as it stands, prepared once a text: for rows by the thousand, where building SQL would cost more than running it. */
export async function runStatement(tx: Tx, sql: string, params: unknown[]): Promise<void> {
  await executors.get(tx)!(sql, params, 'run');
}

function handle(execute: Execute): Handle {
  // Drizzle reads `casing` only from the third argument; nothing here sends batches.
  const noBatches = () => Promise.reject(new Error('Batches are not used: see write.'));
  const database = drizzle(execute, noBatches, { casing: 'snake_case' });
  // Drizzle wraps every failure in an error whose message holds the parameters. Its session is not public, but it is the
  // only place where that can be turned off; the conformance test notices when an upgrade undoes this.
  const { session } = database as unknown as { session: { prepareQuery(...args: unknown[]): object } };
  const prepareQuery = session.prepareQuery.bind(session);
  const unwrapped = { queryWithCache: (_sql: string, _params: unknown[], query: () => Promise<unknown>) => query() };
  session.prepareQuery = (...args) => Object.assign(prepareQuery(...args), unwrapped);
  executors.set(database, execute);
  return database;
}
