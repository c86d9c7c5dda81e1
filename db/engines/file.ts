import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { commitsOf } from './commits.ts';
import { bindable, type Engine, type Execute } from './engine.ts';
import { DatabaseError, databaseError } from './errors.ts';

// node:sqlite is synchronous: a statement runs to its end before anything else in this process does. So one connection
// serves every reader, holds no snapshot between statements (the WAL can always be folded back), and SQLite's own busy
// wait would stop the whole process: it is kept to a few milliseconds, and client.ts waits instead, awaited.
const everyConnection = {
  journal_mode: 'wal',
  synchronous: 2, // FULL: a commit is on the disk before it is acknowledged
  foreign_keys: 1,
  secure_delete: 1, // what is erased is overwritten, not only unlinked
  temp_store: 2, // memory
  busy_timeout: 5,
  cache_size: -16_000, // KiB
};

// An import commits every few thousand rows and touches as many pages of an index each time. It is run again when it was cut off, so
// its commits need not be on the disk one by one; and the log is folded back seldom.
const bulkWriter = { synchronous: 1, wal_autocheckpoint: 16_384 };

export async function openFile(path: string, bulk = false): Promise<Engine> {
  // Several processes write this file and fold its WAL back; before 3.51.3 SQLite could lose commits when they did.
  const [major = 0, minor = 0, patch = 0] = (process.versions.sqlite ?? '').split('.').map(Number);
  if (major * 1e6 + minor * 1e3 + patch < 3_051_003) {
    throw new DatabaseError('TOO_OLD', path, `SQLite 3.51.3 is needed, and this Node has ${process.versions.sqlite}`);
  }
  mkdirSync(dirname(path), { recursive: true });
  const writer = connect(path, { ...everyConnection, query_only: 0, mmap_size: 0, ...(bulk ? bulkWriter : {}) });
  let reader: DatabaseSync;
  try {
    reader = connect(path, { ...everyConnection, query_only: 1, mmap_size: bulk ? 0 : 2 ** 30 });
  } catch (error) {
    writer.close();
    throw error;
  }
  return engineOf(writer, reader, bulk);
}

/**
 * A database of this process alone, for what is needed until its work is over. It lies in a temporary file without a name, which is gone
 * when it is closed, and when the process is killed; what fits stays in memory.
 */
export function openScratch(): Engine {
  const alone = connect('', { journal_mode: 'memory', synchronous: 0, foreign_keys: 0, cache_size: -16_000 });
  return engineOf(alone, alone, false);
}

function engineOf(writer: DatabaseSync, reader: DatabaseSync, bulk: boolean): Engine {
  const write = executor(writer);
  const run = (statement: string) => {
    try {
      writer.exec(statement);
    } catch (error) {
      throw databaseError(error, statement, true);
    }
  };

  return {
    read: executor(reader),
    // Only the commits of other connections show, so the one that never writes is asked; one that is alone can't say.
    commits: reader === writer ? () => null : commitsOf(reader),

    async begin() {
      if (writer.isTransaction) writer.exec('ROLLBACK'); // an earlier ROLLBACK failed, say on a bad disk
      writer.exec('BEGIN IMMEDIATE');
      return {
        async execute(sql, params, method) {
          // A full disk makes SQLite roll back by itself. Work that caught that error and went on would write
          // outside of any transaction, so every statement looks first.
          if (!writer.isTransaction) throw new DatabaseError('SQLITE_ABORT_ROLLBACK', sql);
          return write(sql, params, method);
        },
        async commit() {
          writer.exec('COMMIT');
        },
        async rollback() {
          if (writer.isTransaction) writer.exec('ROLLBACK');
        },
      };
    },

    async applyMigration(statements) {
      writer.exec('PRAGMA foreign_keys=OFF'); // has no effect inside a transaction, hence before it
      try {
        writer.exec('BEGIN IMMEDIATE');
        for (const statement of statements) run(statement);
        writer.exec('COMMIT');
      } finally {
        if (writer.isTransaction) writer.exec('ROLLBACK');
        writer.exec('PRAGMA foreign_keys=ON');
      }
    },

    async fold() {
      return writer.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] === 0;
    },

    async close() {
      if (reader !== writer) reader.close();
      if (bulk) writer.exec('PRAGMA wal_checkpoint(PASSIVE)'); // or a page's writer would have all of it to fold back
      writer.close(); // the last one to close folds the WAL into the file
    },
  };
}

function connect(path: string, settings: Record<string, string | number>): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    for (const [name, wanted] of Object.entries(settings)) {
      database.exec(`PRAGMA ${name}=${wanted}`);
      const found = Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
      if (found !== wanted) throw new DatabaseError('SETTING', `PRAGMA ${name}=${wanted}`, `it has ${found}`);
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Statements are prepared once and kept, the most recently used five hundred: preparing costs more than running. */
function executor(database: DatabaseSync): Execute {
  const kept = new Map<string, StatementSync>();

  function prepared(sql: string): StatementSync {
    let statement = kept.get(sql);
    if (statement) {
      kept.delete(sql);
    } else {
      try {
        statement = database.prepare(sql);
      } catch (error) {
        throw databaseError(error, sql, true);
      }
      statement.setReturnArrays(true);
      if (kept.size >= 500) kept.delete(kept.keys().next().value!);
    }
    kept.set(sql, statement);
    return statement;
  }

  return async (sql, params, method) => {
    const statement = prepared(sql);
    const values = bindable(params, sql);
    if (method === 'get') return { rows: statement.get(...values) as unknown as unknown[] };
    if (method !== 'run') return { rows: statement.all(...values) };
    statement.run(...values);
    return { rows: [] };
  };
}
