import type { TextlintKernelOptions } from '@textlint/kernel';

/** Where a passage stands. `plain` is prose without demands of its own: letters, pages, offers, questions. */
export type Slot = 'headline' | 'line' | 'lede' | 'wrong' | 'changed' | 'evidence' | 'still' | 'plain';

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
