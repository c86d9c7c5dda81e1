import { type Day, daysBetween, longDay } from '../../shared/dates.ts';
import { capitalise, counted, countWord, grouped, listed } from '../../shared/words.ts';
import type { Issue, Proof, Series, Site } from '../documents.ts';
import { formatValue, type SeriesSummary } from '../evidence.ts';
import type { State, StateName } from '../state.ts';

/* What public pages say about states, people and dates. Computed, never typed. */

export type Tone = 'holding' | 'watching' | 'not-yet' | 'came-back';

export const TONES: Record<StateName, Tone> = {
  holding: 'holding',
  watching: 'watching',
  not_yet: 'not-yet',
  came_back: 'came-back',
};

/** The order in which the public page speaks of them: what went wrong again comes first. */
export const SECTIONS: { state: StateName; title: string; one: string; many: string }[] = [
  { state: 'came_back', title: 'Came back', one: 'came back', many: 'came back' },
  { state: 'holding', title: 'Fixed and holding', one: 'is fixed and holding', many: 'are fixed and holding' },
  { state: 'watching', title: 'Changed, being watched', one: 'is being watched', many: 'are being watched' },
  { state: 'not_yet', title: 'Not fixed yet', one: 'is not fixed', many: 'are not fixed' },
];

/** `We count eight separate problems. Four are fixed and holding. One is being watched. Two are not fixed. One came back.` */
export function countSentence(states: readonly StateName[]): string {
  const total = states.length;
  if (total === 0) return 'We have not published any problem yet.';
  const opening = total === 1 ? 'We count one problem.' : `We count ${countWord(total)} separate problems.`;
  const inOrder = [...SECTIONS.slice(1), SECTIONS[0]!];
  const parts = inOrder.flatMap(({ state, one, many }) => {
    const count = states.filter((each) => each === state).length;
    if (count === 0) return [];
    if (count === total && total > 1) return [`${total === 2 ? 'Both' : 'All'} ${many}.`];
    return [total === 1 ? `It ${one}.` : `${capitalise(countWord(count))} ${count === 1 ? one : many}.`];
  });
  return [opening, ...parts].join(' ');
}

/** What may be said of a number of people: rounded down to tens by `publicCount`, null where it is too small to be said. */
export type SayablePeople = { customers: number | null; employees: number | null };

/**
 * `At least 60 customers and 20 employees told us.` Below the floor: `Fewer than 10 customers told us.` Null: nobody was
 * brought in at all, for anything, and then nobody can be told from the few.
 */
export function peopleSentence(
  people: SayablePeople | null,
  affects: Issue['affects'],
  floor: Site['count_floor'],
  ending = 'told us.',
): string {
  if (people === null) return 'Nobody has been counted yet.';
  const said = [
    ...(people.customers === null ? [] : [counted(people.customers, 'customer')]),
    ...(people.employees === null ? [] : [counted(people.employees, 'employee')]),
  ];
  if (said.length > 0) return `At least ${listed(said)} ${ending}`;
  const small = [
    ...(affects.includes('customer') ? [`${floor.customer} customers`] : []),
    ...(affects.includes('employee') ? [`${floor.employee} employees`] : []),
  ];
  return `Fewer than ${small.join(' or ')} ${ending}`;
}

/** `Next update: 8 December 2026`, `Update late by 3 days`, `No date yet`. */
export function updateWords(nextUpdate: Day | undefined, today: Day): string {
  if (nextUpdate === undefined) return 'No date yet';
  const late = daysBetween(nextUpdate, today);
  return late > 0 ? `Update late by ${counted(late, 'day')}` : `Next update: ${longDay(nextUpdate)}`;
}

/** `Four problems found.` `120 problems found; here are the first 30.` `Nothing found.` */
export function searchSentence(found: number, shown: number): string {
  if (found === 0) return 'Nothing found.';
  const all = `${capitalise(countWord(found))} ${found === 1 ? 'problem' : 'problems'} found`;
  return found > shown ? `${all}; here are the first ${shown}.` : `${all}.`;
}

/** What brought it back, in one line; null when it did not come back. */
export function cameBackLine(state: State, summaries: readonly SeriesSummary[]): string | null {
  const { crossing } = state;
  if (!crossing) return null;
  if ('noAnswers' in crossing) return 'People who came back told us that it is not fixed for them.';
  const summary = summaries.find(({ id }) => id === crossing.series);
  if (!summary) return null;
  const said = (value: number) => formatValue(summary.unit, value, summary.currency);
  const first = `${crossing.title}: ${said(crossing.value)} on ${longDay(crossing.on)}. Our limit is ${said(summary.limit)}.`;
  const { latest } = summary;
  return latest && latest.on > crossing.on ? `${first} It was ${said(latest.value)} on ${longDay(latest.on)}.` : first;
}

/** The first few words of a change that stand out, without their stars: what the chart says at the day of the change. */
export function strongStart(what: string): string {
  return (/^\*\*(.+?)\*\*/.exec(what)?.[1] ?? what.split('. ')[0]!).replace(/\.$/, '');
}

/** `above 2%`, `below 75%`. */
export function limitWords({ better, unit, reopen_limit, currency }: Series): string {
  return `${better === 'lower' ? 'above' : 'below'} ${formatValue(unit, reopen_limit, currency)}`;
}

const DAY_OF_MONTH =
  /\b(\d{1,2}) (January|February|March|April|May|June|July|August|September|October|November|December)\b/g;

/**
 * What we wrote, as a book has it: curly apostrophes and quotation marks, and a day on the same line as its month. Never for a
 * person’s own words.
 */
export function typeset(text: string): string {
  return text
    .replace(DAY_OF_MONTH, '$1\u00a0$2')
    .replace(/(^|[\s([–])"/g, '$1“')
    .replaceAll('"', '”')
    .replace(/(^|[\s([–“])'/g, '$1‘')
    .replaceAll("'", '’');
}

/** `One measurement above 2% reopens this. So does one “no” from a person who came back. …` */
export function reopenSentences(series: readonly Series[], noAnswers: number, reviewOn: Day): string {
  const sentences = series.map((one) => {
    const opening = series.length === 1 ? 'One' : `“${one.title}”: one`;
    return `${opening} measurement ${limitWords(one)} reopens this.`;
  });
  const people =
    noAnswers === 1
      ? 'one “no” from a person who came back'
      : `a “no” from ${countWord(noAnswers)} people who came back`;
  sentences.push(
    series.length > 0 ? `So does ${people}.` : `${capitalise(people)} reopens this.`,
    `We look at it again on ${longDay(reviewOn)}, whatever happens.`,
  );
  return sentences.join(' ');
}

/** `120 asked, 74 answered: 66 yes, 8 not.` */
export function reaskWords({ asked, answered, yes }: NonNullable<NonNullable<Proof['verified']>['reask']>): string {
  return `${grouped(asked)} asked, ${grouped(answered)} answered: ${grouped(yes)} yes, ${grouped(answered - yes)} not`;
}

/** People who came back, by their latest answer; rounded down to tens, and below the floor no number is said. */
export function tallyWords(
  tally: { asked: number; yes: number; no: number; notSure: number },
  floor: number,
): string | null {
  if (tally.asked === 0) return null;
  if (tally.asked < floor) return `Fewer than ${floor} people who came back have been asked`;
  const said = (count: number) => (count < floor ? `fewer than ${floor}` : `at least ${Math.floor(count / 10) * 10}`);
  return `At least ${Math.floor(tally.asked / 10) * 10} asked: ${said(tally.yes)} yes, ${said(tally.no)} no, ${said(tally.notSure)} not sure`;
}

/** Where we missed it, from the dates alone: `It went on for 5 days before we knew, and for 86 days more before we changed it.` */
export function missedSentence({
  started_on,
  known_on,
  changed_on,
}: Pick<Proof, 'started_on' | 'known_on' | 'changed_on'>): string {
  const unknown = daysBetween(started_on, known_on);
  const known = daysBetween(known_on, changed_on);
  const first =
    unknown === 0 ? 'We knew on the day it began' : `It went on for ${counted(unknown, 'day')} before we knew`;
  if (known === 0) return `${first}, and we changed it on the day we knew.`;
  return `${first}, and it went on for ${counted(known, 'day')}${unknown === 0 ? '' : ' more'} before we changed it.`;
}
