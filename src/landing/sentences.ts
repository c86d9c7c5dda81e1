import type { Gap } from '../people/diagnosis.ts';
import type { Missed } from '../people/missed.ts';
import type { StateName } from '../proofs/state.ts';
import { type Day, daysBetween, longDay } from '../shared/dates.ts';
import { capitalise, counted, countWord } from '../shared/words.ts';

/**
 * What became of one complaint, for the person who made it. Only `fixed` counts as fixed: the issue holds, and somebody
 * has confirmed that it is resolved fully for this complaint.
 */
export type Outcome = 'fixed' | 'partly' | 'watching' | 'not_fixed' | 'came_back';

export function outcomeOf(
  state: StateName | null,
  resolved: 'fully' | 'partly' | 'no' | null,
  reopenedForThem: boolean,
): Outcome {
  if (reopenedForThem || state === 'came_back') return 'came_back';
  if (state === null || state === 'not_yet' || resolved === 'no') return 'not_fixed';
  if (state === 'watching' || resolved === null) return 'watching';
  return resolved === 'fully' ? 'fixed' : 'partly';
}

/** Their main complaint first; then what needs saying most. */
export const OUTCOME_ORDER: Outcome[] = ['came_back', 'not_fixed', 'watching', 'partly', 'fixed'];

const COUNTED: [Outcome, string, string][] = [
  ['fixed', 'is fixed', 'are fixed'],
  ['partly', 'is partly fixed', 'are partly fixed'],
  ['watching', 'is being watched', 'are being watched'],
  ['came_back', 'came back', 'came back'],
  ['not_fixed', 'is not fixed', 'are not fixed'],
];

const NONE_FIXED: Record<number, string> = { 2: 'Neither is fixed.', 3: 'None is fixed.' };

/** “You told us four things. Two are fixed. One is being watched. One is not fixed.” Computed, never typed. */
export function headline(outcomes: Outcome[], inConfidence = 0): string {
  const total = outcomes.length;
  if (total === 0) {
    return inConfidence > 0 ? 'You told us something in confidence.' : 'We have nothing on record that you told us.';
  }
  const told = `You told us ${total === 1 ? 'one thing' : `${countWord(total)} things`}.`;
  const parts = COUNTED.flatMap(([outcome, one, many]) => {
    const count = outcomes.filter((each) => each === outcome).length;
    if (count === 0) return [];
    if (total === 1) return [`It ${one}.`];
    if (count === total)
      return [outcome === 'not_fixed' ? NONE_FIXED[Math.min(total, 3)]! : `${total === 2 ? 'Both' : 'All'} ${many}.`];
    return [`${capitalise(countWord(count))} ${count === 1 ? one : many}.`];
  });
  return [told, ...parts].join(' ');
}

export type LedeFacts = {
  plan: string | null;
  leftOn: Day | null;
  precision: 'day' | 'month' | 'year' | null;
  firstSaidOn: Day | null;
  mainSaidOn: Day | null;
  weKnewOn: Day | null;
};

/** When they left, how long they had been telling us, and how long before us they knew. A sentence without its fact is left out. */
export function lede(facts: LedeFacts): string {
  const sentences: string[] = [];
  const plan = facts.plan ? ` the ${facts.plan} plan` : '';
  if (facts.leftOn && facts.precision === 'day') {
    const left = `You left${plan} on ${longDay(facts.leftOn)}`;
    const days = facts.firstSaidOn ? daysBetween(facts.firstSaidOn, facts.leftOn) : 0;
    sentences.push(days > 0 ? `${left}, ${counted(days, 'day')} after you first told us.` : `${left}.`);
  } else if (facts.leftOn) {
    sentences.push(`You left${plan} in ${facts.leftOn.slice(0, 4)}.`);
  }
  if (facts.mainSaidOn && facts.weKnewOn) {
    const ahead = daysBetween(facts.mainSaidOn, facts.weKnewOn);
    if (ahead > 0) sentences.push(`You told us what was wrong ${counted(ahead, 'day')} before we knew it ourselves.`);
  }
  return sentences.join(' ');
}

const HURT: Record<Gap, string> = {
  value: 'You paid for more than you got.',
  trust: 'We were not straight with you.',
  experience: 'It did not work when you needed it.',
  growth: 'There was nowhere to go from here.',
};

const month = (day: Day) =>
  new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', month: 'long', year: 'numeric' }).format(
    Date.parse(`${day}T00:00:00Z`),
  );

/** Where it began to break, and where we could have seen it: one row for each thing that their history tells. */
export function missedRows(missed: Missed): { label: string; value: string; note?: string }[] {
  const { began, told, answers, use, silentDays, knewDays, gap } = missed;
  const rows: { label: string; value: string; note?: string }[] = [];
  if (began) {
    rows.push({
      label: 'It began',
      value: longDay(began.day),
      note: began.by === 'words' ? 'Your first message' : 'Your first request for help',
    });
  }
  if (told && told.times > 1) {
    rows.push({
      label: 'You told us',
      value: counted(told.times, 'time'),
      note: `Over ${counted(told.days, 'day')} before you left`,
    });
  }
  if (answers) {
    const parts = [
      answers.late > 0 &&
        `${answers.late} of ${counted(answers.requests, 'request')} waited more than two days for an answer, ${counted(answers.longestDays, 'day')} at the longest.`,
      answers.never > 0 && `${capitalise(countWord(answers.never))} got none.`,
    ].filter(Boolean);
    rows.push({ label: 'We missed it', value: parts.join(' ') });
  }
  if (use) {
    rows.push({
      label: 'You used it less',
      value: `${counted(use.most, 'day')} in ${month(use.mostOn)}, ${counted(use.last, 'day')} in ${month(use.lastOn)}`,
      note: 'Nobody here asked why',
    });
  }
  if (silentDays) rows.push({ label: 'Your last word to us', value: `${counted(silentDays, 'day')} before you left` });
  if (knewDays) rows.push({ label: 'We knew', value: `For ${counted(knewDays, 'day')} when you left` });
  if (gap) rows.push({ label: 'Why it hurt', value: HURT[gap] });
  return rows;
}
