/* What can be said of counts: shares with their uncertainty, and how long people stayed. Pure; shares run from 0 to 1. */

/** The standard normal quantile at 97.5 %: two-sided intervals of 95 %. */
const Z = 1.959963984540054;

export type Interval = { low: number; high: number };
export type Share = { people: number; of: number };

/** Wilson’s score interval of one share (J. Am. Stat. Assoc. 22, 1927, 209–212). `of` is at least 1. */
export function wilson({ people, of }: Share): Interval {
  const share = people / of;
  const middle = share + Z ** 2 / (2 * of);
  const reach = Z * Math.sqrt((share * (1 - share)) / of + Z ** 2 / (4 * of ** 2));
  const scale = 1 + Z ** 2 / of;
  return { low: Math.max(0, (middle - reach) / scale), high: Math.min(1, (middle + reach) / scale) };
}

/**
 * The difference of two independent shares, `a` less `b`, with the hybrid score interval: Newcombe, Statistics in Medicine 17, 1998,
 * 873–890, method 10. It holds for few people and for shares near 0, where the usual one does not.
 */
export function difference(a: Share, b: Share): { difference: number } & Interval {
  const [x, y] = [a.people / a.of, b.people / b.of];
  const [of_a, of_b] = [wilson(a), wilson(b)];
  return {
    difference: x - y,
    low: x - y - Math.hypot(x - of_a.low, of_b.high - y),
    high: x - y + Math.hypot(of_a.high - x, y - of_b.low),
  };
}

/** How many stayed so many days: `ended` left then, the others were last seen then. */
export type Stay = { days: number; ended: boolean; people: number };
export type Step = {
  /** From this day on. */
  day: number;
  /** Of those who came back, the share still here. */
  share: number;
  /** How many were watched up to this day. */
  atRisk: number;
};

/**
 * Who is still here so many days after the return, also while many have not been back for long: Kaplan and Meier, J. Am. Stat. Assoc. 53,
 * 1958, 457–481. Begins with day 0; one step for each day on which somebody left.
 */
export function survival(stays: readonly Stay[]): Step[] {
  const days = [...new Set(stays.filter(({ ended }) => ended).map(({ days }) => days))].toSorted((a, b) => a - b);
  const people = (fits: (stay: Stay) => boolean) =>
    stays.reduce((sum, stay) => sum + (fits(stay) ? stay.people : 0), 0);
  const steps: Step[] = [{ day: 0, share: 1, atRisk: people(() => true) }];
  for (const day of days) {
    const atRisk = people((stay) => stay.days >= day);
    const left = people((stay) => stay.ended && stay.days === day);
    steps.push({ day, share: steps.at(-1)!.share * (1 - left / atRisk), atRisk });
  }
  return steps;
}

/** How many were watched for at least so many days. */
export function atRiskOn(stays: readonly Stay[], day: number): number {
  return stays.reduce((sum, stay) => sum + (stay.days >= day ? stay.people : 0), 0);
}

/** The middle one of values that are given with how often each occurs; null of none. */
export function median(values: readonly { value: number; people: number }[]): number | null {
  const sorted = values.toSorted((a, b) => a.value - b.value);
  const all = sorted.reduce((sum, { people }) => sum + people, 0);
  if (all === 0) return null;
  const at = (place: number) => {
    let passed = 0;
    for (const { value, people } of sorted) {
      passed += people;
      if (passed > place) return value;
    }
    return sorted.at(-1)!.value;
  };
  return (at(Math.floor((all - 1) / 2)) + at(Math.floor(all / 2))) / 2;
}
