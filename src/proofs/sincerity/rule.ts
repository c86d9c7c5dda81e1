import type { TextlintKernelOptions } from '@textlint/kernel';

/** Where a passage stands. `title` is an issue's, in the words of the people who had it. `plain` is prose without demands of its own: letters, pages, offers, questions. */
export type Slot = 'title' | 'headline' | 'line' | 'lede' | 'wrong' | 'changed' | 'evidence' | 'still' | 'plain';

export type Severity = 'error' | 'warning';

type KernelRule = NonNullable<TextlintKernelOptions['rules']>[number]['rule'];
export type Reporter = Extract<KernelRule, (...args: never[]) => unknown>;
export type Context = Parameters<Reporter>[0];

export type Rule = {
  id: string;
  name: string;
  /** Null where the rule doesn't apply. */
  severity(slot: Slot): Severity | null;
  check: Reporter;
};
