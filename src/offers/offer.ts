import type { Offer } from '../proofs/documents.ts';
import type { Day } from '../shared/dates.ts';

/** The offer for people who left this plan, by the plan's name then, whatever its case. With `today`, none that has ended. */
export function offerForPlan<P extends { data: Offer }>(offers: P[], plan: string | null, today?: Day): P | null {
  if (!plan) return null;
  const wanted = plan.trim().toLowerCase();
  const open = offers.filter(({ data }) => !today || !data.ends_on || data.ends_on >= today);
  return open.find((offer) => offer.data.for_plans.some((name) => name.toLowerCase() === wanted)) ?? null;
}
