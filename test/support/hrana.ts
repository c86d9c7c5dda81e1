import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite';

// A stand-in for a libSQL server: Hrana 2 over HTTP with JSON, as @libsql/client speaks it, on a real SQLite file. No
// libSQL server can be installed from a package registry. Errors carry the codes and the wording that the server has.

type Value = { type: string; value?: string | number; base64?: string };
type Statement = { sql?: string; sql_id?: number; args?: Value[]; named_args?: { name: string; value: Value }[] };
type Condition = { type: string; step?: number; cond?: Condition; conds?: Condition[] };
type Request = {
  type: string;
  stmt?: Statement;
  batch?: { steps: { stmt: Statement; condition?: Condition }[] };
} & Statement;
type Stream = { database: DatabaseSync; texts: Map<number, string>; lastUsed: number; refuses(sql: string): void };

export interface HranaDouble {
  url: string;
  /** Forgets every stream, as a server does that was restarted: what they had begun is rolled back. */
  forgetStreams(): void;
  /** Answers SQLITE_BUSY to the next statement that begins like this. */
  refuseNext(sql: string): void;
  close(): Promise<void>;
}

/** Serves the database at `path` on the loopback. A stream that is silent for `idle` milliseconds is rolled back. */
export async function startHrana(
  path: string,
  options: { authToken?: string; idle?: number; foreignKeys?: boolean } = {},
): Promise<HranaDouble> {
  const streams = new Map<string, Stream>();
  const idle = options.idle ?? 5_000;
  const sweep = setInterval(() => drop((stream) => performance.now() - stream.lastUsed > idle), idle / 4);
  const keeper = new DatabaseSync(path);
  keeper.exec('PRAGMA journal_mode=WAL');
  let refused: string | undefined;

  function drop(which: (stream: Stream) => boolean) {
    for (const [baton, stream] of streams) {
      if (!which(stream)) continue;
      stream.database.close();
      streams.delete(baton);
    }
  }

  function refuses(sql: string) {
    if (refused === undefined || !sql.startsWith(refused)) return;
    refused = undefined;
    throw Object.assign(new Error('database is locked'), { errcode: 5 });
  }

  function pipeline(body: { baton?: string; requests: Request[] }) {
    let stream: Stream | undefined;
    if (body.baton) {
      stream = streams.get(body.baton);
      streams.delete(body.baton);
      if (!stream)
        return { status: 400, body: { message: 'The stream has expired due to inactivity', code: 'STREAM_EXPIRED' } };
    }
    stream ??= { database: open(path, options.foreignKeys ?? true), texts: new Map(), lastUsed: 0, refuses };
    let closed = false;
    const results = body.requests.map((request) => {
      if (request.type === 'close') closed = true;
      try {
        return { type: 'ok', response: { type: request.type, ...respond(stream, request) } };
      } catch (error) {
        return { type: 'error', error: serverError(error) };
      }
    });
    if (closed) {
      stream.database.close();
      return { status: 200, body: { baton: null, base_url: null, results } };
    }
    const baton = randomUUID();
    stream.lastUsed = performance.now();
    streams.set(baton, stream);
    return { status: 200, body: { baton, base_url: null, results } };
  }

  const server = createServer(async (request, response) => {
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const body = await read(request);
    if (options.authToken && request.headers.authorization !== `Bearer ${options.authToken}`) {
      return answer(401, { message: 'Unauthorized', code: 'AUTH_JWT_INVALID' });
    }
    if (request.method !== 'POST' || request.url !== '/v2/pipeline') return answer(404, { message: 'Not found' });
    const { status, body: found } = pipeline(JSON.parse(body));
    return answer(status, found);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    forgetStreams: () => drop(() => true),
    refuseNext(sql) {
      refused = sql;
    },
    async close() {
      clearInterval(sweep);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      drop(() => true);
      keeper.close();
    },
  };
}

function open(path: string, enableForeignKeyConstraints: boolean): DatabaseSync {
  const settings = { timeout: 0, readBigInts: true, returnArrays: true, enableForeignKeyConstraints };
  const database = new DatabaseSync(path, settings);
  database.exec('PRAGMA synchronous=FULL');
  return database;
}

function respond(stream: Stream, request: Request): object {
  switch (request.type) {
    case 'execute':
      return { result: execute(stream, request.stmt!) };
    case 'batch':
      return { result: batch(stream, request.batch!.steps) };
    case 'sequence':
      stream.database.exec(text(stream, request));
      return {};
    case 'store_sql':
      stream.texts.set(request.sql_id!, request.sql!);
      return {};
    case 'close_sql':
      stream.texts.delete(request.sql_id!);
      return {};
    case 'get_autocommit':
      return { is_autocommit: !stream.database.isTransaction };
    case 'close':
      return {};
    default:
      throw new Error(`The double does not know the request ${request.type}.`);
  }
}

const text = (stream: Stream, { sql, sql_id }: { sql?: string; sql_id?: number }) => sql ?? stream.texts.get(sql_id!)!;

function execute(stream: Stream, statement: Statement) {
  const sql = text(stream, statement);
  stream.refuses(sql);
  const prepared = stream.database.prepare(sql);
  const args = (statement.args ?? []).map(fromHrana);
  const named = Object.fromEntries((statement.named_args ?? []).map(({ name, value }) => [name, fromHrana(value)]));
  const cols = prepared.columns().map(({ name, type }) => ({ name, decltype: type }));
  if (cols.length > 0) {
    const rows = prepared.all(named, ...args) as unknown as SQLOutputValue[][];
    return { cols, rows: rows.map((row) => row.map(toHrana)), affected_row_count: 0, last_insert_rowid: null };
  }
  const { changes, lastInsertRowid } = prepared.run(named, ...args);
  return { cols, rows: [], affected_row_count: Number(changes), last_insert_rowid: String(lastInsertRowid) };
}

function batch(stream: Stream, steps: { stmt: Statement; condition?: Condition }[]) {
  const results: (object | null)[] = [];
  const errors: (object | null)[] = [];
  const holds = (condition: Condition): boolean => {
    switch (condition.type) {
      case 'ok':
        return results[condition.step!] !== null;
      case 'error':
        return errors[condition.step!] !== null;
      case 'not':
        return !holds(condition.cond!);
      case 'and':
        return condition.conds!.every(holds);
      case 'or':
        return condition.conds!.some(holds);
      default:
        return !stream.database.isTransaction; // is_autocommit
    }
  };
  for (const { stmt, condition } of steps) {
    let result: object | null = null;
    let error: object | null = null;
    try {
      if (!condition || holds(condition)) result = execute(stream, stmt);
    } catch (thrown) {
      error = serverError(thrown);
    }
    results.push(result);
    errors.push(error);
  }
  return { step_results: results, step_errors: errors };
}

function fromHrana(value: Value): SQLInputValue {
  if (value.type === 'null') return null;
  if (value.type === 'integer') return BigInt(value.value!);
  if (value.type === 'blob') return Buffer.from(value.base64!, 'base64');
  return value.value as string | number;
}

function toHrana(value: SQLOutputValue): Value {
  if (value === null) return { type: 'null' };
  if (typeof value === 'bigint') return { type: 'integer', value: String(value) };
  if (typeof value === 'number') return { type: 'float', value };
  if (typeof value === 'string') return { type: 'text', value };
  return { type: 'blob', base64: Buffer.from(value).toString('base64') };
}

/** The server's code is SQLite's primary one; which constraint it was stands in the message only. */
function serverError(error: unknown) {
  const { errcode, message } = error as { errcode?: number; message: string };
  const code = { 5: 'SQLITE_BUSY', 19: 'SQLITE_CONSTRAINT' }[(errcode ?? 1) & 255] ?? 'SQLITE_ERROR';
  return { message: `SQLite error: ${message}`, code };
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
