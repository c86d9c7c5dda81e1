import { setTimeout } from 'node:timers/promises';

/** How long the last ones are waited for when nothing new begins any more. */
const PATIENCE_MS = 5000;

export type Answers = {
  /** How many were begun. */
  asked: number;
  /** Begun more than 20 ms after their time: this client could not keep up, and the figures say more of it than of the server. */
  late: number;
  /** Neither answered nor failed within five seconds after the last had begun. They count as long as they have waited so far. */
  unanswered: number;
  failed: number;
  /** Milliseconds from the last beginning to the last answer, five thousand at most: how long the queue had become. */
  behind: number;
  /** Milliseconds from when each should have begun to its answer, the shortest first. */
  times: number[];
};

/**
 * Begins `ask` this many times a second at random moments (Poisson), whether or not those before are answered: a server that falls
 * behind is not spared, and waiting counts. What `ask` throws is a failure.
 */
export async function openLoop(rate: number, seconds: number, ask: () => Promise<unknown>): Promise<Answers> {
  const times: number[] = [];
  const open = new Map<number, number>();
  const all: Promise<void>[] = [];
  let [late, failed] = [0, 0];
  const begin = performance.now();
  for (let planned = begin; planned < begin + seconds * 1000; ) {
    planned += (-Math.log(1 - Math.random()) / rate) * 1000;
    const wait = planned - performance.now();
    if (wait > 1) await setTimeout(wait);
    if (performance.now() - planned > 20) late += 1;
    const [id, due] = [all.length, planned];
    open.set(id, due);
    const answered = ask().then(
      () => {
        if (open.delete(id)) times.push(performance.now() - due);
      },
      () => {
        if (open.delete(id)) failed += 1;
      },
    );
    all.push(answered);
  }
  const last = performance.now();
  await Promise.race([Promise.all(all), setTimeout(PATIENCE_MS, null, { ref: false })]);
  const unanswered = open.size;
  const end = performance.now();
  for (const due of open.values()) times.push(end - due);
  open.clear();
  return { asked: all.length, late, unanswered, failed, behind: end - last, times: times.toSorted((a, b) => a - b) };
}

/** Of a sorted list; 0.99 is what ninety-nine of a hundred stay under. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
