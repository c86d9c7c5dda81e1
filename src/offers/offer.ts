import type { Resolved } from '../people/resolve.ts';
import type { Offer, Role } from '../proofs/documents.ts';
import type { IssueWithState } from '../proofs/published.ts';
import type { Day } from '../shared/dates.ts';

/**
 * The offer for people who left this plan, by the plan's name then, whatever its case: one that is open today, otherwise none. When
 * it has ended, `endedOffer` says so.
 */
export function offerForPlan<P extends { data: Offer }>(offers: P[], plan: string | null, today?: Day): P | null {
  return forPlan(offers, plan).find(({ data }) => !today || !hasEnded(data, today)) ?? null;
}

/** The offer for this plan that ended last, if one has. */
export function endedOffer<P extends { data: Offer }>(offers: P[], plan: string | null, today: Day): P | null {
  const ended = forPlan(offers, plan).filter(({ data }) => hasEnded(data, today));
  return ended.toSorted((a, b) => (a.data.ends_on! < b.data.ends_on! ? 1 : -1))[0] ?? null;
}

function forPlan<P extends { data: Offer }>(offers: P[], plan: string | null): P[] {
  const wanted = plan?.trim().toLowerCase();
  return offers.filter(({ data }) => data.for_plans.some((name) => name.toLowerCase() === wanted));
}

export function hasEnded(offer: Offer, today: Day): boolean {
  return offer.ends_on !== undefined && offer.ends_on < today;
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

/** The role for people who left this one, by its name then, whatever its case. */
export function roleForLeft<R extends { data: Role }>(roles: readonly R[], left: string | null): R | null {
  const wanted = left?.trim().toLowerCase();
  return roles.find(({ data }) => data.for_roles.some((name) => name.trim().toLowerCase() === wanted)) ?? null;
}
