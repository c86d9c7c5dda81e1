/**
 * A statement that the database refused. Drivers and Drizzle put the parameters, which are people's addresses and
 * words, into their errors; this one carries the statement with its `?`, a code and the name of the constraint only.
 */
export class DatabaseError extends Error {
  /** `SQLITE_BUSY`, `SQLITE_CONSTRAINT_UNIQUE`, …, or the code of the network or of Node. */
  readonly code: string;
  readonly sql: string;
  /** What a constraint names: `person.email`, or `a.x, a.y` when it spans columns. */
  readonly constraint: string | undefined;

  constructor(code: string, sql: string, detail?: string) {
    super(`The database refused (${code}${detail ? `: ${detail}` : ''}): ${sql.slice(0, 400)}`);
    this.name = 'DatabaseError';
    this.code = code;
    this.sql = sql;
    this.constraint = code.startsWith('SQLITE_CONSTRAINT') ? detail : undefined;
  }
}

const primaryCodes: Record<number, string> = {
  1: 'ERROR',
  5: 'BUSY',
  6: 'LOCKED',
  8: 'READONLY',
  10: 'IOERR',
  11: 'CORRUPT',
  13: 'FULL',
  14: 'CANTOPEN',
  19: 'CONSTRAINT',
  26: 'NOTADB',
};

/**
 * Any driver's error as a DatabaseError. The driver's own message and cause are dropped on purpose, unless nothing was
 * bound to the statement yet (`unbound`): then they can only be about the statement itself.
 */
export function databaseError(error: unknown, sql: string, unbound = false): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const thrown = error as { code?: string; errcode?: number; message?: string; cause?: { code?: string } };
  const constraint = /(UNIQUE|NOT NULL|CHECK|FOREIGN KEY) constraint failed(?:: ([\w., ']+))?/.exec(
    thrown.message ?? '',
  );
  if (constraint?.[1]) {
    return new DatabaseError(`SQLITE_CONSTRAINT_${constraint[1].replace(' ', '')}`, sql, constraint[2]);
  }
  if (thrown.errcode === undefined) return new DatabaseError(thrown.code ?? thrown.cause?.code ?? 'UNKNOWN', sql);
  const code = `SQLITE_${primaryCodes[thrown.errcode & 255] ?? thrown.errcode}`;
  return new DatabaseError(code, sql, unbound ? thrown.message : undefined);
}

export const isBusy = (error: unknown): boolean =>
  error instanceof DatabaseError && error.code.startsWith('SQLITE_BUSY');

/** Whether a row was refused because another one holds its key. `constraint` narrows it: 'person.email'. */
export const isUniqueViolation = (error: unknown, constraint?: string): boolean =>
  error instanceof DatabaseError &&
  error.code === 'SQLITE_CONSTRAINT_UNIQUE' &&
  (constraint === undefined || error.constraint === constraint);
