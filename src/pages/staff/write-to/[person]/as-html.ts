import type { APIRoute } from 'astro';
import { requireStaff } from '../../../../desk.ts';
import { FILLER } from '../../../../invitations/invitation.ts';
import { htmlOf } from '../../../../mail/html.ts';
import { isRefusal } from '../../../../shared/refusal.ts';
import { letterPage } from '../../../../staff/writing.ts';

/* The letter as a mail program shows it. Its links are not made before it leaves. */
export const ALL: APIRoute = async (context) => {
  const desk = await requireStaff(context, 'sign');
  if (desk instanceof Response) return desk;
  const { db, staff, now } = desk;
  const batchId = context.url.searchParams.get('batch') || null;
  const page = await letterPage(db.read, staff, { personId: context.params['person']!, batchId }, now);
  if (isRefusal(page)) return new Response(page.sentence, { status: 404 });
  const { subject, body } = page.read.invitation;
  const text = body
    .replace(FILLER, '[A sentence of your own]')
    .replace(/\{(link|stopLink)\}/g, '(made as the letter leaves)');
  const html = await htmlOf({ subject, text, kind: 'invitation' });
  return new Response(html, { headers: { 'Content-Type': 'text/html; charset=utf-8' } });
};
