import type { MiddlewareHandler } from 'astro';
import { noRoomBecause } from './away.ts';

declare global {
  namespace App {
    interface Locals {
      /** Writes down that this request failed, without anything a person wrote. Absent under `npm run dev`. */
      failed?: (error: unknown) => void;
      /** This process was asked to end and sends nobody away yet: /readyz says so to whoever balances. */
      leaving?: boolean;
      /** What is said when nothing can be saved for a while: the error page has it from here, and is then a 503. */
      away?: string;
    }
  }
}

/** What was sent is no form: cut off on its way, or made by hand. */
class Unreadable extends Error {}

/**
 * A page is whole before the first byte of it leaves: what breaks half-way is then a 500 with our own page, and not a 200 that
 * stops in the middle. Astro would also write the error to the log as it is, with what a person typed.
 */
export const onRequest: MiddlewareHandler = async ({ locals, request }, next) => {
  const read = request.formData.bind(request);
  request.formData = () => read().catch((cause) => Promise.reject(new Unreadable('no form', { cause })));
  try {
    const response = await next();
    const page = response.body && response.headers.get('content-type')?.startsWith('text/html');
    return page ? new Response(await response.arrayBuffer(), response) : response;
  } catch (error) {
    // Nothing of ours broke, and nobody has to look after it.
    if (error instanceof Unreadable) {
      return new Response('What was sent could not be read, so nothing was changed. Go back and send it once more.\n', {
        status: 400,
        headers: { 'Content-Type': 'text/plain; charset=utf-8' },
      });
    }
    if (!locals.failed) throw error;
    locals.failed(error);
    const away = noRoomBecause(error);
    if (away) locals.away = away;
    return new Response(null, { status: 500 });
  }
};
