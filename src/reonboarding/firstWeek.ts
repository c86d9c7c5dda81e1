import type { Reonboarding } from '../proofs/documents.ts';
import { addDays, addMonths, type Day } from '../shared/dates.ts';

/*
 * What a first week back consists of. Only what is new for the role, changed since they left or has expired is asked; the rest
 * is carried over, with the rule that allows it.
 */

export type Item = { id: string; data: Reonboarding };

/** What a person had finished, under the name that the HR system gave it, and when. */
export type Finished = { kind: string; finishedOn: Day; note?: string | null };

export type Return = {
  /** The role’s id. */
  role: string;
  country: string;
  startOn: Day;
};

export type Because = 'new' | 'expired' | 'changed' | 'no rule';

/** `finishedOn`: when they last did it; null for what they never did. `endedOn`: the last day on which that was good. */
export type Todo<I> = {
  item: I;
  because: Because;
  finishedOn: Day | null;
  endedOn: Day | null;
  note: string | null;
  dueOn: Day;
};
export type Waiting<I> = { item: I; dueOn: Day };
/** `until`: the last day on which it is good; null: until it changes. */
export type Carried<I> = { item: I; finishedOn: Day; until: Day | null; basis: string | null };

export type FirstWeek<I> = {
  todo: Todo<I>[];
  waiting: Waiting<I>[];
  carried: Carried<I>[];
  different: Waiting<I>[];
};

/** Each item that applies stands in exactly one of the four, in the order given. */
export function firstWeekOf<I extends Item>(
  items: readonly I[],
  finished: readonly Finished[],
  { role, country, startOn }: Return,
): FirstWeek<I> {
  const latest = new Map<string, Finished>();
  for (const one of finished) {
    const known = latest.get(one.kind);
    if (!known || known.finishedOn < one.finishedOn) latest.set(one.kind, one);
  }
  const week: FirstWeek<I> = { todo: [], waiting: [], carried: [], different: [] };
  for (const item of items) {
    const { data } = item;
    if (data.roles && !data.roles.includes(role)) continue;
    if (data.countries && !data.countries.includes(country)) continue;
    const dueOn = addDays(startOn, data.due_days);
    if (data.ask === 'wait') week.waiting.push({ item, dueOn });
    else if (data.ask === 'difference') week.different.push({ item, dueOn });
    else {
      const before = latest.get(data.finished_as ?? item.id) ?? null;
      const carried = before && carriedOver(item, before, { country, startOn });
      if (carried && 'until' in carried) week.carried.push(carried);
      else {
        const { because, endedOn } = carried ?? { because: 'new' as const, endedOn: null };
        const note = before?.note ?? null;
        week.todo.push({ item, because, finishedOn: before?.finishedOn ?? null, endedOn, note, dueOn });
      }
    }
  }
  return week;
}

function carriedOver<I extends Item>(
  item: I,
  { finishedOn }: Finished,
  { country, startOn }: Pick<Return, 'country' | 'startOn'>,
): Carried<I> | { because: Because; endedOn: Day | null } {
  const { lasts, changed_on } = item.data;
  const rule = lasts?.find((one) => one.country === country);
  if (lasts && !rule) return { because: 'no rule', endedOn: null };
  const until = rule ? addMonths(finishedOn, rule.months) : null;
  if (until !== null && until < startOn) return { because: 'expired', endedOn: until };
  if (changed_on !== undefined && changed_on > finishedOn) return { because: 'changed', endedOn: null };
  return { item, finishedOn, until, basis: rule?.basis ?? null };
}
