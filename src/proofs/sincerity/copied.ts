import { wordsOf } from './text.ts';

/* S111: a note that shares a third of its runs of five words with another was not written for the people it is about. */

/** “What went wrong” of every proof, by its id. */
export type Notes = ReadonlyMap<string, string>;

const RUN = 5;
const MOST_SHARED = 0.35;
/** Two short notes can agree by chance. */
const FEWEST_RUNS = 20;

function runsOf(text: string): Set<string> {
  const words = wordsOf(text.toLowerCase()).map((word) => word.replace(/[^\p{L}\p{N}]/gu, ''));
  return new Set(words.slice(RUN - 1).map((_, index) => words.slice(index, index + RUN).join(' ')));
}

/** Which notes use a run, so that checking a thousand notes doesn't compare each with each. */
const indexes = new WeakMap<Notes, Map<string, string[]>>();

function indexOf(notes: Notes): Map<string, string[]> {
  const known = indexes.get(notes);
  if (known) return known;
  const index = new Map<string, string[]>();
  for (const [id, text] of notes) {
    for (const run of runsOf(text)) index.set(run, [...(index.get(run) ?? []), id]);
  }
  indexes.set(notes, index);
  return index;
}

/** The note of `notes` that `text` copies most, and the share of its runs that stand there too; null below the limit. */
export function copiedFrom(id: string, text: string, notes: Notes): { id: string; share: number } | null {
  const runs = runsOf(text);
  if (runs.size < FEWEST_RUNS) return null;
  const index = indexOf(notes);
  const shared = new Map<string, number>();
  for (const run of runs) {
    for (const other of index.get(run) ?? []) if (other !== id) shared.set(other, (shared.get(other) ?? 0) + 1);
  }
  const [most] = [...shared].toSorted((a, b) => b[1] - a[1]);
  if (!most) return null;
  const share = most[1] / runs.size;
  return share >= MOST_SHARED ? { id: most[0], share } : null;
}
