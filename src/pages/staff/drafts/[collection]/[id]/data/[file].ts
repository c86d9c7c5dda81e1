import type { APIRoute } from 'astro';
import { requireStaff } from '../../../../../../desk.ts';
import { downloadOf } from '../../../../../../proofs/downloads.ts';
import { draftOf } from '../../../../../../staff/drafts.ts';
import { proofInDraft } from '../../../../../../staff/review.ts';

/* The files of a draft, as its page will offer them. */
export const ALL: APIRoute = async (context) => {
  const desk = await requireStaff(context, 'look');
  if (desk instanceof Response) return desk;
  const { collection, id, file } = context.params;
  const draft = collection === 'proofs' ? await draftOf(desk.db.read, { collection: 'proofs', documentId: id! }) : null;
  const shown = draft && (await proofInDraft(desk.db.read, draft, desk.now));
  const download = shown && downloadOf(shown.proof, file);
  return download ? new Response(download.text, { headers: download.headers }) : context.rewrite('/404');
};
