import type { Reonboarding } from '../proofs/documents.ts';
import { type Day, longDay } from '../shared/dates.ts';
import { capitalise, counted, countWord } from '../shared/words.ts';
import type { Todo } from './firstWeek.ts';

/* What a first week says, computed. */

/** `You have four things to do. We carried over eight.` */
export function weekSentence(open: number, carried: number): string {
  const yours = open === 0 ? 'Nothing is left for you to do.' : `You have ${things(open, 'thing')} to do.`;
  return carried === 0 ? yours : `${yours} We carried over ${countWord(carried)}.`;
}

const things = (count: number, one: string) =>
  count > 10 ? counted(count, one) : `${countWord(count)} ${one}${count === 1 ? '' : 's'}`;

/** Why something is asked of them, in a sentence. */
export function whyAsked(
  data: Pick<Reonboarding, 'changed' | 'changed_on'>,
  { because, finishedOn, endedOn }: Pick<Todo<unknown>, 'because' | 'finishedOn' | 'endedOn'>,
): string {
  const did = finishedOn ? `You last did this on ${longDay(finishedOn)}` : '';
  switch (because) {
    case 'new':
      return 'It is new for you.';
    case 'expired':
      return `${did}, and that was good until ${longDay(endedOn!)}.`;
    case 'changed':
      return `${did}. Changed on ${longDay(data.changed_on!)}: ${data.changed}`;
    case 'no rule':
      return `${did}. We have no rule for how long that lasts where you work, so we ask again.`;
  }
}

/** `Check in People Desk`. */
export function whereTo(data: Pick<Reonboarding, 'system'>): string {
  return capitalise(`check in ${data.system ?? 'the system it is kept in'}`);
}

/** `Ruth Abernethy, by 6 January 2027.` */
export function waitingSentence(
  owner: string,
  { dueOn, doneOn }: { dueOn: Day; doneOn: Day | null },
  today: Day,
): string {
  if (doneOn !== null) return `${owner} did it on ${longDay(doneOn)}.`;
  const by = `${owner}, by ${longDay(dueOn)}.`;
  return dueOn < today ? `${by} It is late, and that is on us.` : by;
}
