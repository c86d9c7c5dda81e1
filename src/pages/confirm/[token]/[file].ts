import type { APIRoute } from 'astro';
import { database } from '../../../database.ts';
import { openConfirmation } from '../../../proofs/confirmers.ts';
import { downloadOf } from '../../../proofs/downloads.ts';
import { proofAsWritten } from '../../../staff/confirmers.ts';
import { proofInDraft } from '../../../staff/review.ts';

/* The files behind what somebody is asked to confirm, public or not yet: by their link they may check it. */
export const GET: APIRoute = async ({ params, rewrite }) => {
  const [db, now] = [(await database()).read, new Date()];
  const asked = await openConfirmation(db, params['token']!, now);
  const written = asked && (await proofAsWritten(db, asked.proofId));
  const shown = written && (await proofInDraft(db, written, now));
  const download = shown && downloadOf(shown.proof, params['file']);
  return download ? new Response(download.text, { headers: download.headers }) : rewrite('/404');
};
