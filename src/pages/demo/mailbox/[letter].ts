import type { APIRoute } from 'astro';
import { env } from '../../../env.ts';
import { htmlOf } from '../../../mail/html.ts';
import { readMailbox } from '../../../mail/mailbox.ts';
import { showsMailbox } from '../../../visit.ts';

/* One letter of the mailbox as a mail program shows it. */
export const GET: APIRoute = async (context) => {
  if (!showsMailbox(context)) return context.rewrite('/404');
  const letter = (await readMailbox(env.MAILBOX_DIR)).find(({ id }) => id === context.params['letter']);
  if (!letter) return context.rewrite('/404');
  return new Response(await htmlOf(letter), { headers: { 'Content-Type': 'text/html; charset=utf-8' } });
};
