import type { Day } from '../shared/dates.ts';
import { daysBetween } from '../shared/dates.ts';
import type { Gap, History } from './diagnosis.ts';

/** Two days: a first answer later than this was one that kept somebody waiting. */
const LATE_MINUTES = 2 * 24 * 60;

/** What somebody who had looked at their history would have seen before they left. What it doesn't tell is null. */
export type Missed = {
  began: NonNullable<History['beganToBreak']> | null;
  /** How often they told us, and over how many days, before they left. */
  told: { times: number; days: number } | null;
  /** Of their requests, those whose first answer took more than two days or never came. */
  answers: { requests: number; late: number; never: number; longestDays: number } | null;
  /** Their use fell by half or more: the most in a month, and the last one. */
  use: { most: number; mostOn: Day; last: number; lastOn: Day } | null;
  /** Days between their last word and the day they left: they had given up telling us. */
  silentDays: number | null;
  /** Days for which we had known of the cause when they left; null when we did not know it by then. */
  knewDays: number | null;
  gap: Gap | null;
};

/** Pure: from their history, and from the day on which we knew of what made them leave. */
export function missedOf(
  history: Pick<History, 'told' | 'traces' | 'departure' | 'beganToBreak' | 'main'>,
  knownOn: Day | null,
): Missed {
  const leftOn = history.departure?.precision === 'day' ? history.departure.leftOn : null;
  const before = history.told.flatMap(({ complaint: { saidOn } }) =>
    saidOn && (!leftOn || saidOn <= leftOn) ? [saidOn] : [],
  );
  const [first, last] = [before[0], before.at(-1)];
  const tickets = history.traces.filter(({ kind }) => kind === 'ticket');
  const late = tickets.filter(({ value }) => value !== null && value > LATE_MINUTES);
  const never = tickets.filter(({ value }) => value === null);
  const use = history.traces.filter(({ kind, value }) => kind === 'usage' && value !== null);
  const most = use.reduce((a, b) => (b.value! > (a?.value ?? -1) ? b : a), use[0]);
  const lastUse = use.at(-1);
  const fell = most && lastUse && most.happenedOn < lastUse.happenedOn && lastUse.value! <= most.value! / 2;
  const silent = last && leftOn ? daysBetween(last, leftOn) : 0;
  const knew = knownOn && leftOn ? daysBetween(knownOn, leftOn) : 0;
  return {
    began: history.beganToBreak,
    told: first && last && leftOn ? { times: before.length, days: daysBetween(first, leftOn) } : null,
    answers:
      late.length + never.length === 0
        ? null
        : {
            requests: tickets.length,
            late: late.length,
            never: never.length,
            longestDays: Math.floor(Math.max(0, ...late.map(({ value }) => value!)) / 1440),
          },
    use: fell ? { most: most.value!, mostOn: most.happenedOn, last: lastUse.value!, lastOn: lastUse.happenedOn } : null,
    silentDays: silent >= 14 ? silent : null,
    knewDays: knew > 0 ? knew : null,
    gap: history.main?.confidentiality === 'open' ? (history.main.gap ?? null) : null,
  };
}
