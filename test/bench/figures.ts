import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/* What a figure is, and how two are taken in turns, because these machines are shared. */

export type Figure = {
  id: string;
  what: string;
  figure: string;
  /** The same without our code, measured in the same run. */
  limit?: string;
  /** Of the two. */
  ratio?: number;
  target: string;
  /** Null: there was nothing to compare with. */
  reached: boolean | null;
  /** The same on every machine, however busy. */
  exact?: true;
  /** What others took of the processors meanwhile, 0 to 1; null where it can't be said. */
  others?: number | null;
};

export type Bench = {
  quick: boolean;
  rounds: number;
  /** How long one load lasts. */
  seconds: number;
  people: number;
  /** Goes when the bench ends. */
  folder: string;
};

export const median = (list: readonly number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]!;
export const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
export const count = (value: number) => Math.round(value).toLocaleString('en-GB');

/** Both in turns, as many times as there are rounds. */
export async function inTurns<A, B>(
  { rounds }: Bench,
  ours: (round: number) => A | Promise<A>,
  theirs: (round: number) => B | Promise<B>,
): Promise<[A[], B[]]> {
  const [mine, limit]: [A[], B[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    mine.push(await ours(round));
    limit.push(await theirs(round));
  }
  return [mine, limit];
}

/** How many times this is done in a second. */
export async function perSecond(many: number, work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return many / ((performance.now() - began) / 1000);
}

/** Starts to watch the processors; what it answers says how much of them others have taken since. */
export function watchOthers(): () => number | null {
  const before = processors();
  return () => {
    const after = processors();
    if (!before || !after) return null;
    const ticks = (after.at - before.at) * 0.1 * cpus().length;
    return Math.max(0, (after.busy - before.busy - (after.own - before.own)) / ticks);
  };
}

/** In hundredths of a second: what the machine did, and what of it this process and those it started did. Linux only. */
function processors(): { at: number; busy: number; own: number } | null {
  try {
    const [, user, nice, system, , , irq, soft, steal] = readFileSync('/proc/stat', 'utf8')
      .split('\n')[0]!
      .split(/\s+/);
    const busy = [user, nice, system, irq, soft, steal].reduce((sum, one) => sum + Number(one), 0);
    const all = readdirSync('/proc').flatMap((pid) => (/^\d+$/.test(pid) ? (processOf(pid) ?? []) : []));
    const ours = new Set([process.pid]);
    // A process comes after the one that started it, or nearly: twice is enough.
    for (const _ of [1, 2]) for (const { pid, parent } of all) if (ours.has(parent)) ours.add(pid);
    const own = all.filter(({ pid }) => ours.has(pid)).reduce((sum, { ticks }) => sum + ticks, 0);
    return { at: performance.now(), busy, own };
  } catch {
    return null;
  }
}

function processOf(pid: string) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    // Its own time, and that of those it started and outlived.
    const ticks = fields.slice(11, 15).reduce((sum, one) => sum + Number(one), 0);
    return { pid: Number(pid), parent: Number(fields[1]), ticks };
  } catch {
    return null;
  }
}
