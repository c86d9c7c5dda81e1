import { isCollection, isScalar } from 'yaml';
import type { Judgement } from '../proofs/check.ts';
import { type Problem, splitSource } from '../proofs/content.ts';
import { type State, stateWords } from '../proofs/state.ts';
import type { WrittenDocument } from './draft.ts';
import { placeProblems } from './placed.ts';
import { pairsIn } from './yaml.ts';

/* The twelve things that a proof consists of, and what the rules say about each. Other documents have one: all of it. */

export type Verdict = 'pass' | 'warn' | 'fail' | 'empty';

export type Slot = {
  title: string;
  verdict: Verdict;
  /** What is there or follows, where nothing is wrong and it isn't seen on the form. */
  note: string | null;
  findings: { rule: string; sentence: string /** Where the form has it. */; at: string; verdict: Verdict }[];
  /** The field to go to; null for what is computed. */
  at: string | null;
};

const SLOTS: { title: string; keys: string[] }[] = [
  { title: 'Headline', keys: ['headline', 'line'] },
  { title: 'State, and when it was last checked', keys: [] },
  { title: 'First paragraph and dates', keys: ['lede', 'started_on', 'known_on', 'changed_on'] },
  { title: 'What went wrong', keys: ['body'] },
  { title: 'What people told us', keys: ['voices', 'no_voice_because'] },
  { title: 'What we changed', keys: ['changes', 'pictures'] },
  { title: 'Evidence', keys: ['series', 'verified', ''] },
  { title: 'Who answers for it', keys: ['owner', 'issues'] },
  { title: 'Who confirmed it', keys: ['confirmer'] },
  { title: 'What is still not right', keys: ['still_not_right'] },
  { title: 'What would reopen it', keys: ['review_on'] },
  { title: 'Is it fixed for you?', keys: [] },
];

/** Those that a writer fills in and that no proof does without. */
const REQUIRED = [0, 2, 3, 5, 6, 7, 9, 10];

/** What stands in a proof, however unfinished it is: the keys of its fields that hold something, and `body`. */
function keysWritten(draft: WrittenDocument): Set<string> {
  const filled = pairsIn(draft).filter(({ value }) =>
    isCollection(value) ? value.items.length > 0 : isScalar(value) && value.value,
  );
  const body = splitSource('index.md', draft.source)?.body ? ['body'] : [];
  return new Set([...filled.map(({ key }) => String(key)), ...body]);
}

/** `state` is what the page would say once published; null while the draft can't be read. */
export function slotsOf(draft: WrittenDocument, { problems, warnings }: Judgement, state: State | null): Slot[] {
  const placed = [...place(draft, problems, 'fail'), ...place(draft, warnings, 'warn')];
  if (draft.collection !== 'proofs') return [slot('The document', '', placed, null)];
  const written = keysWritten(draft);
  return SLOTS.map(({ title, keys }, index) => {
    const its = placed.filter((one) => slotFor(one.at, one.rule) === index);
    if (index === 1)
      return slot(
        title,
        null,
        its,
        state ? `Computed: ${stateWords(state)}. ${state.why.join(' ')}` : 'Computed once the rest can be read.',
      );
    if (index === 11)
      return slot(
        title,
        null,
        its,
        'Three equal answers: yes, no, not sure yet. They stand on the page by themselves.',
      );
    const made = slot(title, keys[0]!, its, null);
    if (made.verdict === 'pass' && REQUIRED.includes(index) && !keys.some((key) => written.has(key))) {
      return { ...made, verdict: 'empty' };
    }
    if (index === 8 && made.verdict === 'pass' && !/^confirmer:/m.test(draft.source)) {
      return {
        ...made,
        verdict: 'warn',
        note: 'Nobody independent has confirmed it yet. It can be published, and is being watched, not fixed, until somebody has.',
      };
    }
    return made;
  });
}

function place(draft: WrittenDocument, found: readonly Problem[], verdict: Verdict): Slot['findings'] {
  return placeProblems(draft, found).map(({ rule, sentence, at }) => ({ rule, sentence, at, verdict }));
}

function slotFor(at: string, rule: string): number {
  if (rule === 'S208') return 10;
  const key = at.split('.')[0]!;
  const index = SLOTS.findIndex(({ keys }) => keys.includes(key));
  return index === -1 ? 6 : index;
}

function slot(title: string, at: string | null, findings: Slot['findings'], note: string | null): Slot {
  const verdict = findings.some((one) => one.verdict === 'fail') ? 'fail' : findings.length > 0 ? 'warn' : 'pass';
  return { title, verdict, findings, at, note: findings.length > 0 ? null : note };
}
