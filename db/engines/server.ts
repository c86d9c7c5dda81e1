import { createClient, type ResultSet } from '@libsql/client/http';
import { bindable, type Engine, type Method } from './engine.ts';
import { DatabaseError } from './errors.ts';

/** A libSQL server over HTTP. A write costs a round trip for BEGIN, one for each statement and one for COMMIT. */
export async function openServer(url: string, authToken: string | undefined): Promise<Engine> {
  const config = authToken === undefined ? { url } : { url, authToken };
  // Two clients, because reconnect() cuts off whatever its client is doing: reads must not suffer from a busy writer.
  const reader = createClient(config);
  const writer = createClient(config);

  return {
    async read(sql, params, method) {
      return rows(await reader.execute(sql, bindable(params, sql)), method);
    },

    commits: () => null,

    async begin() {
      // The client sends BEGIN IMMEDIATE together with the first statement. We send one of our own, so that BUSY shows
      // here, before any work has run, and the work never has to run twice. It also checks the connection.
      const transaction = await writer.transaction('write');
      try {
        const foreignKeys = await transaction.execute('PRAGMA foreign_keys');
        const on = foreignKeys.rows[0]?.[0];
        if (on !== 1) throw new DatabaseError('SETTING', 'PRAGMA foreign_keys', `the server has ${on}`);
      } catch (error) {
        transaction.close(); // the server rolls back whatever a closed stream began
        await writer.reconnect();
        throw error;
      }
      return {
        execute: async (sql, params, method) =>
          rows(await transaction.execute({ sql, args: bindable(params, sql) }), method),
        // When the network loses the answer to COMMIT, this throws although the rows may have been saved.
        commit: () => transaction.commit(),
        rollback: () => transaction.rollback(),
      };
    },

    async applyMigration(statements) {
      await writer.migrate([...statements]);
    },

    async fold() {
      return true; // a server looks after its own log
    },

    async close() {
      reader.close();
      writer.close();
    },
  };
}

function rows(result: ResultSet, method: Method) {
  const found = method === 'get' ? result.rows.slice(0, 1) : method === 'run' ? [] : result.rows;
  const values = found.map((row) =>
    result.columns.map((_, index) => (row[index] instanceof ArrayBuffer ? new Uint8Array(row[index]) : row[index])),
  );
  return { rows: method === 'get' ? (values[0] as unknown[]) : values };
}
