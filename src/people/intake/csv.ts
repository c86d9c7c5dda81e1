import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse/sync';
import type { Encoding } from './file.ts';

/** One record, with the line of the file that it begins on as an editor counts, or why it can't be taken apart. */
export type CsvRecord =
  | { line: number; cells: string[]; bytes: number }
  | { line: number; cells: string[]; sentence: string; bytes: number };

export type Separator = ',' | ';' | '\t' | '|';

/**
 * How a cell begins that a spreadsheet runs: in the wide signs of East Asian keyboards too, and behind white space. An apostrophe in
 * front keeps it from that; those that stood there already are counted along, so that taking one off gives back what was.
 */
const RUNS = /^'*(?:[\t\r\n]|\s*[=+\-@＝＋－＠])/u;

export const guarded = (cell: string) => (RUNS.test(cell) ? `'${cell}` : cell);

export const unguarded = (cell: string) => (cell.startsWith("'") && RUNS.test(cell) ? cell.slice(1) : cell);

/** A cell as we write it. Quoted also where it holds another separator: a spreadsheet may split at all of them, and run the rest. */
export function quoted(cell: string): string {
  const safe = guarded(cell);
  return /[",;|\t\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** More than this in one record is a quote that was never closed, not somebody's words. */
const LONGEST_RECORD = 256 * 1024;
const MOST_LINES = 4000;
const BATCH = 250;

/** The separator that the header uses most, outside quotes. */
function separatorOf(header: string): Separator {
  const bare = header.replace(/"(?:[^"]|"")*"/g, '');
  const counts = ([',', ';', '\t', '|'] as const).map((mark) => [mark, bare.split(mark).length] as const);
  return counts.reduce((most, next) => (next[1] > most[1] ? next : most))[0];
}

/**
 * Every record of the file in order, some hundreds at a time; empty lines are none. `bytes` is how far the file has been read. A
 * record that breaks the rules of CSV costs its first line only: reading goes on with the next, so that a quote left open can't
 * swallow what follows it.
 */
export async function* csvPages(
  path: string,
  { encoding = 'utf-8', separator }: { encoding?: Encoding; separator?: Separator } = {},
): AsyncGenerator<CsvRecord[]> {
  let lines: string[] = [];
  let at = 0;
  let line = 0;
  let mark = separator;
  let page: CsvRecord[] = [];
  let quoted: { line: number; lines: string[] }[] = [];

  /** Takes all records that the lines read so far hold; a record that may go on in the next ones waits, unless these are the last. */
  function take(bytes: number, last: boolean): void {
    while (at < lines.length) {
      const first = lines[at]!;
      if (first.trim() === '') {
        at += 1;
        line += 1;
        continue;
      }
      if (!first.includes('"')) {
        mark ??= separatorOf(first);
        settle(bytes);
        at += 1;
        line += 1;
        page.push({ line, cells: first.split(mark), bytes });
        continue;
      }
      const found = closing(lines, at);
      const end = found === 'further' && last ? null : found;
      if (end === 'further') return;
      const whole = typeof end === 'number' ? lines.slice(at, end + 1) : [first];
      mark ??= separatorOf(textOf(whole));
      if (end === null || (whole.length > 1 && !isSound(textOf(whole), mark))) {
        settle(bytes);
        at += 1;
        line += 1;
        page.push({ line, ...broken(first, mark), bytes, sentence: end === null ? OPEN_QUOTE : STRAY_QUOTE });
        continue;
      }
      quoted.push({ line: line + 1, lines: whole });
      at += whole.length;
      line += whole.length;
      if (quoted.length === BATCH) settle(bytes);
    }
  }

  /** Quoted records are taken apart together, for speed, before the next one without a quote. */
  function settle(bytes: number): void {
    if (quoted.length === 0) return;
    page.push(...parsed(quoted, mark ?? ',', bytes));
    quoted = [];
  }

  for await (const chunk of linesOf(path, encoding)) {
    lines = at < lines.length ? [...lines.slice(at), ...chunk.lines] : chunk.lines;
    at = 0;
    take(chunk.bytes, chunk.last);
    settle(chunk.bytes);
    yield page;
    page = [];
  }
}

/** The same, one record at a time. */
export async function* recordsOf(
  path: string,
  options?: { encoding?: Encoding; separator?: Separator },
): AsyncGenerator<CsvRecord> {
  for await (const page of csvPages(path, options)) yield* page;
}

/** Where the record that begins at this line ends. Null when nothing closes its quote within reason. */
function closing(lines: string[], from: number): number | 'further' | null {
  let open = false;
  let size = 0;
  for (let at = from; at < lines.length; at += 1) {
    if (size >= LONGEST_RECORD || at - from >= MOST_LINES) return null;
    if (quotes(lines[at]!) % 2 === 1) open = !open;
    if (!open) return at;
    size += lines[at]!.length;
  }
  return 'further';
}

const OPEN_QUOTE = 'A quote is opened on this line and never closed.';
const STRAY_QUOTE =
  'A quote stands inside a cell of this line. Put quotes around the whole cell and write the inner one twice.';

/** The cells of a record that breaks the rules, as well as they can be told apart. */
function broken(text: string, mark: Separator = ','): { cells: string[] } {
  return { cells: text.split(mark) };
}

function textOf(lines: string[]): string {
  return lines.length === 1 ? lines[0]! : lines.join('\n');
}

function parsed(batch: { line: number; lines: string[] }[], mark: Separator, bytes: number): CsvRecord[] {
  const texts = batch.map((record) => textOf(record.lines));
  const together = split(texts.join('\n'), mark);
  if (together?.length === batch.length) return together.map((cells, at) => ({ line: batch[at]!.line, cells, bytes }));
  return batch.map(({ line }, at) => {
    const text = texts[at]!;
    const cells = split(text, mark)?.[0];
    return cells ? { line, cells, bytes } : { line, ...broken(text, mark), bytes, sentence: STRAY_QUOTE };
  });
}

function isSound(text: string, mark: Separator): boolean {
  return split(text, mark)?.length === 1;
}

function split(text: string, mark: Separator): string[][] | null {
  try {
    return parse(text, { delimiter: mark, record_delimiter: '\n', relax_column_count: true });
  } catch {
    return null;
  }
}

function quotes(text: string): number {
  let count = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) count += 1;
  return count;
}

type Lines = { lines: string[]; bytes: number; last: boolean };

/** Lines end in CRLF, LF or, in files from old Macs, CR; a byte order mark is taken off. */
export async function* linesOf(path: string, encoding: Encoding): AsyncGenerator<Lines> {
  const decoder = new TextDecoder(encoding);
  let rest = '';
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    rest += decoder.decode(chunk, { stream: true });
    // A CR at the very end may be half of a CRLF: it waits for the next chunk.
    const held = rest.endsWith('\r') ? '\r' : '';
    const text = held ? rest.slice(0, -1) : rest;
    const lines = text.includes('\r') ? text.split(/\r\n|\n|\r/) : text.split('\n');
    rest = lines.pop()! + held;
    yield { lines, bytes, last: false };
  }
  const last = (rest + decoder.decode()).replace(/\r$/, '');
  yield { lines: last === '' ? [] : [last], bytes, last: true };
}
