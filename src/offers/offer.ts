import type { Resolved } from '../people/resolve.ts';
import type { Offer } from '../proofs/documents.ts';
import type { IssueWithState } from '../proofs/published.ts';
import type { Day } from '../shared/dates.ts';

/** The offer for people who left this plan, by the plan's name then, whatever its case. With `today`, none that has ended. */
export function offerForPlan<P extends { data: Offer }>(offers: P[], plan: string | null, today?: Day): P | null {
  if (!plan) return null;
  const wanted = plan.trim().toLowerCase();
  const open = offers.filter(({ data }) => !today || !data.ends_on || data.ends_on >= today);
  return open.find((offer) => offer.data.for_plans.some((name) => name.toLowerCase() === wanted)) ?? null;
}

/** What is confirmed today for one complaint of theirs; null: nothing. */
export type ToldAbout = { issueId: string | null; resolved: Resolved | null };

/**
 * The lines of an offer that are true for this person today: the issue holds, and nothing they told us about it is confirmed as
 * less than fully resolved. Without one, there is nothing better to come back to.
 */
export function betterFor(
  offer: Pick<Offer, 'better'>,
  told: readonly ToldAbout[],
  issueOf: ReadonlyMap<string, Pick<IssueWithState, 'state'>>,
): Offer['better'] {
  return offer.better.filter(({ issue }) => {
    const unresolved = told.some(
      (one) => one.issueId === issue && (one.resolved === 'partly' || one.resolved === 'no'),
    );
    return issueOf.get(issue)?.state.state === 'holding' && !unresolved;
  });
}
