/* When the database can't be written to or reached for a while, or has nothing in it yet: what is said then, and to whom as JSON. */

const CODES =
  /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|BUSY|ABORT_ROLLBACK)|^E(NOSPC|DQUOT|ROFS|FBIG|CONNREFUSED|CONNRESET|TIMEDOUT)$/;

/** What to say when this error means that there is no room, no database or no place yet; null for any other. */
export function noRoomBecause(error: unknown): string | null {
  const { code } = (error ?? {}) as { code?: unknown };
  if (code === 'NOT_BEGUN') return 'Nothing has been published here yet. Please come back later.';
  if (typeof code !== 'string' || !CODES.test(code)) return null;
  return 'Nothing can be saved at this moment, so nothing was changed. Please try again in a few minutes.';
}

/** Programs, which get the sentence as JSON. */
export function wantsJson(request: Request): boolean {
  const { pathname } = new URL(request.url);
  if (pathname.endsWith('.json') || /^\/(measurements|hooks)\//.test(pathname)) return true;
  return /^application\/json\b/.test(request.headers.get('accept') ?? '');
}
