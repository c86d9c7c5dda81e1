import { addDays, type Day, daysBetween } from '../shared/dates.ts';

/* When a relationship began to break, and where we missed it: read from the traces of one person, never from a guess. */

export type Trace = { kind: 'ticket' | 'usage' | 'survey' | 'plan'; happenedOn: Day; value: number | null };
export type Said = { saidOn: Day | null };

export type Sign = {
  day: Day;
  by: 'words' | 'unanswered' | 'slow answer' | 'falling use' | 'silence';
  /** Says what was seen, with its numbers. */
  sentence: string;
};

/** Minutes until our first answer that count as having let somebody wait. */
const SLOW = 24 * 60;
/** Use has fallen when a stretch of four weeks holds less than half of the mean of the three stretches before it, and no later one more. */
const STRETCH = 28;
const SILENT_DAYS = 60;

/**
 * Every sign between joining and leaving, the earliest first: the first is where it began to break. Those other than words are where we could
 * have noticed by ourselves.
 */
export function signsOf(
  traces: readonly Trace[],
  said: readonly Said[],
  { joinedOn, leftOn }: { joinedOn: Day | null; leftOn: Day | null },
): Sign[] {
  const from = joinedOn ?? '0000-00-00';
  const to = leftOn ?? '9999-12-31';
  const inside = traces.filter(({ happenedOn }) => happenedOn >= from && happenedOn <= to);
  const signs: Sign[] = [];
  const first = said.flatMap(({ saidOn }) => (saidOn && saidOn >= from && saidOn <= to ? [saidOn] : [])).toSorted()[0];
  if (first) signs.push({ day: first, by: 'words', sentence: 'They told us.' });
  const tickets = inside.filter(({ kind }) => kind === 'ticket').toSorted(byDay);
  const unanswered = tickets.find(({ value }) => value === null);
  if (unanswered)
    signs.push({ day: unanswered.happenedOn, by: 'unanswered', sentence: 'We never answered a message.' });
  const slow = tickets.find(({ value }) => value !== null && value >= SLOW);
  if (slow) {
    const hours = Math.round(slow.value! / 60);
    signs.push({ day: slow.happenedOn, by: 'slow answer', sentence: `Our first answer took ${hours} hours.` });
  }
  const fell = fallingUse(
    inside.filter(({ kind }) => kind === 'usage'),
    leftOn,
  );
  if (fell) signs.push(fell);
  const silent = silence(inside.filter(({ kind }) => kind !== 'plan').toSorted(byDay), leftOn);
  if (silent) signs.push(silent);
  return signs.toSorted((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : 0));
}

function byDay(a: Trace, b: Trace): number {
  return a.happenedOn < b.happenedOn ? -1 : a.happenedOn > b.happenedOn ? 1 : 0;
}

/** The first day of the stretch from which on use stayed below half of what it had been. Counted back from the day they left. */
function fallingUse(usage: readonly Trace[], leftOn: Day | null): Sign | null {
  const end = leftOn ?? usage.toSorted(byDay).at(-1)?.happenedOn;
  if (!end || usage.length < 8) return null;
  const stretches = new Map<number, number>();
  for (const { happenedOn, value } of usage) {
    const back = Math.floor(daysBetween(happenedOn, end) / STRETCH);
    stretches.set(back, (stretches.get(back) ?? 0) + (value ?? 0));
  }
  const longest = Math.max(...stretches.keys());
  const use = (back: number) => stretches.get(back) ?? 0;
  let found: { back: number; now: number; before: number } | null = null;
  for (let back = longest - 3; back >= 0 && !found; back -= 1) {
    const before = (use(back + 1) + use(back + 2) + use(back + 3)) / 3;
    const stayedLow = Array.from({ length: back + 1 }, (_, later) => use(later)).every((now) => now < before / 2);
    if (stayedLow) found = { back, now: use(back), before };
  }
  if (!found) return null;
  const day = addDays(end, -(found.back + 1) * STRETCH + 1);
  const part = Math.round((found.now / found.before) * 100);
  return {
    day,
    by: 'falling use',
    sentence: `In four weeks their use fell to ${part} % of what it had been, and stayed low.`,
  };
}

/** Somebody who was there, three times at least, and was then seen no more for two months before leaving. */
function silence(traces: readonly Trace[], leftOn: Day | null): Sign | null {
  const last = traces.at(-1);
  if (!leftOn || !last || traces.length < 3) return null;
  const days = daysBetween(last.happenedOn, leftOn);
  if (days < SILENT_DAYS) return null;
  return {
    day: addDays(last.happenedOn, 1),
    by: 'silence',
    sentence: `Nothing from them for the ${days} days before they left.`,
  };
}
