import type { Offer } from '../proofs/documents.ts';

/** The offer for people who left this plan: matched by the plan's name then, whatever its case. */
export function offerForPlan<P extends { data: Offer }>(offers: P[], plan: string | null): P | null {
  if (!plan) return null;
  const wanted = plan.trim().toLowerCase();
  return offers.find((offer) => offer.data.for_plans.some((name) => name.toLowerCase() === wanted)) ?? null;
}
