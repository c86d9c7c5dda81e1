/*
 * What changed from one text to the next, line by line: the longest lines common to both stay, everything else was added or
 * removed.
 */

export type DifferenceLine = { kind: 'same' | 'added' | 'removed'; text: string };

/** Lines to show, and how many unchanged ones are left out between them. */
export type DifferencePart = DifferenceLine | { kind: 'skipped'; count: number };

/** Beyond this many comparisons all that lies between the common beginning and end is shown as replaced. */
const LIMIT = 4_000_000;

export function differenceOf(before: string, after: string): DifferenceLine[] {
  const [a, b] = [linesOf(before), linesOf(after)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const mark = (kind: DifferenceLine['kind'], lines: string[]) => lines.map((text) => ({ kind, text }));
  return [
    ...mark('same', a.slice(0, start)),
    ...between(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...mark('same', a.slice(a.length - end)),
  ];
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

function between(a: string[], b: string[]): DifferenceLine[] {
  const removed = (text: string): DifferenceLine => ({ kind: 'removed', text });
  const added = (text: string): DifferenceLine => ({ kind: 'added', text });
  if (a.length * b.length > LIMIT) return [...a.map(removed), ...b.map(added)];
  // common[i][j]: the length of the longest common lines of a from i and b from j.
  const width = b.length + 1;
  const common = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      common[i * width + j] =
        a[i] === b[j]
          ? common[(i + 1) * width + j + 1]! + 1
          : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
    }
  }
  const lines: DifferenceLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: 'same', text: a[i]! });
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && common[(i + 1) * width + j]! >= common[i * width + j + 1]!)) {
      lines.push(removed(a[i]!));
      i += 1;
    } else {
      lines.push(added(b[j]!));
      j += 1;
    }
  }
  return lines;
}

/** Keeps `around` unchanged lines on either side of a change and counts the rest. Empty when nothing changed. */
export function withoutTheSame(lines: readonly DifferenceLine[], around = 0): DifferencePart[] {
  const near = lines.map(() => false);
  for (const [index, { kind }] of lines.entries()) {
    if (kind !== 'same') near.fill(true, Math.max(0, index - around), index + around + 1);
  }
  if (!near.includes(true)) return [];
  const parts: DifferencePart[] = [];
  for (const [index, line] of lines.entries()) {
    const last = parts.at(-1);
    if (near[index]) parts.push(line);
    else if (last?.kind === 'skipped') last.count += 1;
    else parts.push({ kind: 'skipped', count: 1 });
  }
  return parts;
}

/** A document as published: its text, and the files beside it by name. */
type Content = { source: string; assets: Record<string, string> };

/** One entry for each file that differs; the text itself is called `textName`. */
export function differencesOf(
  before: Content,
  after: Content,
  textName: string,
): { file: string; added: number; removed: number; parts: DifferencePart[] }[] {
  const names = [...new Set([...Object.keys(before.assets), ...Object.keys(after.assets)])].toSorted();
  const pairs = [
    { file: textName, a: before.source, b: after.source },
    ...names.map((file) => ({ file, a: before.assets[file] ?? '', b: after.assets[file] ?? '' })),
  ];
  return pairs
    .filter(({ a, b }) => a !== b)
    .map(({ file, a, b }) => {
      const lines = differenceOf(a, b);
      const count = (kind: string) => lines.filter((line) => line.kind === kind).length;
      return { file, added: count('added'), removed: count('removed'), parts: withoutTheSame(lines) };
    });
}
