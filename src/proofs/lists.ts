import type { IssueWithState } from './published.ts';
import type { StateName } from './state.ts';

/* In which order problems are listed, and how many at once: a page stays small however much is published. */

/** So many of each state stand on the home page, and so many on a page of all of them. */
export const ON_HOME = 20;
const ON_PAGE = 50;

/** Those in this state. The latest first; of what is not fixed, the update that is longest overdue first and what has no date last. */
export function inState(issues: readonly IssueWithState[], state: StateName): IssueWithState[] {
  const due = ({ issue }: IssueWithState) => issue.data.next_update ?? '9999';
  return issues
    .filter((one) => one.state.state === state)
    .toSorted(
      (a, b) =>
        (state === 'not_yet'
          ? due(a).localeCompare(due(b))
          : (b.state.since ?? '').localeCompare(a.state.since ?? '')) || a.issue.id.localeCompare(b.issue.id),
    );
}

/** One page of a list; null for a page that isn't there. The first is there even when it is empty. */
export function pageOf<T>(rows: readonly T[], page: number): { rows: T[]; page: number; pages: number } | null {
  const pages = Math.max(1, Math.ceil(rows.length / ON_PAGE));
  if (!Number.isInteger(page) || page < 1 || page > pages) return null;
  return { rows: rows.slice((page - 1) * ON_PAGE, page * ON_PAGE), page, pages };
}
