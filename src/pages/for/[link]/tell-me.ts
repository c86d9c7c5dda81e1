import type { APIRoute } from 'astro';
import { askToBeTold } from '../../../landing/press.ts';
import { publishedIssue } from '../../../proofs/published.ts';
import { bindVisitor, openedOnly, seeOther, visitorOf } from '../../../visit.ts';

/** “Tell me when it is fixed”. A press is enough, from any device: all that can come of it is one letter to the person. */
export const POST: APIRoute = async (context) => {
  const visitor = await visitorOf(context, 'page');
  if (!visitor) return seeOther(`/for/${context.params['link']}`);
  const { db, visit, now, token } = visitor;
  const issueId = String((await context.request.formData()).get('issue') ?? '');
  if (await publishedIssue(db.read, issueId)) {
    await bindVisitor(context, visitor);
    await db.write((tx) => askToBeTold(tx, visit.person.id, issueId, now));
  }
  return seeOther(`/for/${token}#each`);
};

export const ALL = openedOnly;
