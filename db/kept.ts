import type { Reader } from './client.ts';

/*
 * What every page asks alike (what is published, who said no) is the same until somebody writes. It is read once, and then
 * kept for as long as nothing was committed, by whichever process.
 */

type Answers = { commits: number; since: number; of: Map<string, Promise<unknown>> };

const MINUTE_MS = 60_000;

/**
 * `look`, asked anew only after a commit: within a transaction, and on a server, each time. Days pass without a commit, so a
 * `Date` counts by the minute, and nothing is kept for longer than one. What it answers is shared: it must not be changed.
 */
export function kept<Args extends (string | Date)[], T>(
  look: (reader: Reader, ...args: Args) => Promise<T>,
): (reader: Reader, ...args: Args) => Promise<T> {
  const answers = new WeakMap<Reader, Answers>();
  return (reader, ...args) => {
    const commits = reader.commits?.() ?? null;
    if (commits === null) return look(reader, ...args);
    const now = performance.now();
    let known = answers.get(reader);
    if (known?.commits !== commits || now - known.since > MINUTE_MS) {
      known = { commits, since: now, of: new Map() };
      answers.set(reader, known);
    }
    const { of } = known;
    const key = args.map((one) => (typeof one === 'string' ? one : Math.floor(one.getTime() / MINUTE_MS))).join('\n');
    let answer = of.get(key) as Promise<T> | undefined;
    if (!answer) {
      answer = look(reader, ...args);
      of.set(key, answer);
      answer.catch(() => of.delete(key));
    }
    return answer;
  };
}
