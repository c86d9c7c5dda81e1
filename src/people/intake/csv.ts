import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse/sync';

/** One record, with the line of the file that it begins on as an editor counts, or why it can't be taken apart. */
export type CsvRecord =
  | { line: number; cells: string[]; bytes: number }
  | { line: number; cells: string[]; sentence: string; bytes: number };

export type Separator = ',' | ';' | '\t' | '|';

/** More than this in one record is a quote that was never closed, not somebody's words. */
const LONGEST_RECORD = 256 * 1024;
const MOST_LINES = 4000;
const BATCH = 250;

type Line = { text: string; bytes: number };

/** The separator that the header uses most, outside quotes. */
export function separatorOf(header: string): Separator {
  const bare = header.replace(/"(?:[^"]|"")*"/g, '');
  const counts = ([',', ';', '\t', '|'] as const).map((mark) => [mark, bare.split(mark).length] as const);
  return counts.reduce((most, next) => (next[1] > most[1] ? next : most))[0];
}

/**
 * Every record of the file in order; empty lines are none. `bytes` is how far the file has been read. A record that breaks
 * the rules of CSV costs its first line only: reading goes on with the next, so that a quote left open can't swallow what
 * follows it.
 */
export async function* recordsOf(path: string, separator?: Separator): AsyncGenerator<CsvRecord> {
  const waiting: Line[] = [];
  const source = linesOf(path);
  let line = 0;
  let mark = separator;
  let batch: { line: number; lines: Line[]; bytes: number }[] = [];

  async function next(): Promise<Line | null> {
    const kept = waiting.shift();
    if (kept) return kept;
    const read = await source.next();
    return read.done ? null : read.value;
  }

  for (;;) {
    const first = await next();
    if (!first) break;
    line += 1;
    if (first.text.trim() === '') continue;
    const lines = [first];
    let open = quotes(first.text) % 2 === 1;
    for (let size = first.text.length; open && size < LONGEST_RECORD && lines.length < MOST_LINES; ) {
      const more = await next();
      if (!more) break;
      lines.push(more);
      size += more.text.length;
      if (quotes(more.text) % 2 === 1) open = false;
    }
    if (open) {
      waiting.unshift(...lines.slice(1));
      yield* parsed(batch, mark ?? ',');
      batch = [];
      yield { line, ...broken(first.text, mark), bytes: first.bytes, sentence: OPEN_QUOTE };
      continue;
    }
    mark ??= separatorOf(textOf(lines));
    if (lines.length > 1 && !isSound(textOf(lines), mark)) {
      waiting.unshift(...lines.slice(1));
      yield* parsed(batch, mark);
      batch = [];
      yield { line, ...broken(first.text, mark), bytes: first.bytes, sentence: STRAY_QUOTE };
      continue;
    }
    batch.push({ line, lines, bytes: lines.at(-1)!.bytes });
    line += lines.length - 1;
    if (batch.length === BATCH) {
      yield* parsed(batch, mark);
      batch = [];
    }
  }
  yield* parsed(batch, mark ?? ',');
}

const OPEN_QUOTE = 'A quote is opened on this line and never closed.';
const STRAY_QUOTE =
  'A quote stands inside a cell of this line. Put quotes around the whole cell and write the inner one twice.';

/** The cells of a record that breaks the rules, as well as they can be told apart. */
function broken(text: string, mark: Separator = ','): { cells: string[] } {
  return { cells: text.split(mark) };
}

function textOf(lines: Line[]): string {
  return lines.length === 1 ? lines[0]!.text : lines.map((line) => line.text).join('\n');
}

function* parsed(batch: { line: number; lines: Line[]; bytes: number }[], mark: Separator): Generator<CsvRecord> {
  const texts = batch.map((record) => textOf(record.lines));
  const together = split(texts.join('\n'), mark);
  if (together?.length === batch.length) {
    for (const [at, cells] of together.entries()) yield { line: batch[at]!.line, cells, bytes: batch[at]!.bytes };
    return;
  }
  for (const [at, { line, bytes }] of batch.entries()) {
    const text = texts[at]!;
    const cells = split(text, mark)?.[0];
    yield cells ? { line, cells, bytes } : { line, ...broken(text, mark), bytes, sentence: STRAY_QUOTE };
  }
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

/** Lines end in CRLF, LF or, in files from old Macs, CR; a byte order mark is taken off. */
async function* linesOf(path: string): AsyncGenerator<Line> {
  const utf8 = new TextDecoder('utf-8');
  let rest = '';
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    rest += utf8.decode(chunk, { stream: true });
    // A CR at the very end may be half of a CRLF: it waits for the next chunk.
    const held = rest.endsWith('\r') ? '\r' : '';
    const lines = (held ? rest.slice(0, -1) : rest).split(/\r\n|\n|\r/);
    rest = lines.pop()! + held;
    for (const text of lines) yield { text, bytes };
  }
  const last = (rest + utf8.decode()).replace(/\r$/, '');
  if (last !== '') yield { text: last, bytes };
}

/** The names in the first record, trimmed. */
export async function headerOf(path: string): Promise<string[]> {
  for await (const record of recordsOf(path)) return record.cells.map((cell) => cell.trim());
  return [];
}
