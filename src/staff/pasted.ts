import { parse } from 'csv-parse/sync';
import { type CsvProblem, parseSeries } from '../proofs/evidence.ts';

/*
 * Measurements as a spreadsheet gives them, made plain: what can mean one thing only is read as that, and anything else is
 * left as it was pasted, with the line that somebody has to look at. What the rules read is always the plain form.
 */

export const READ_AS = {
  columns: 'the first column is the date, the second the value',
  tabs: 'tabs end the columns',
  semicolons: 'semicolons end the columns',
  percent: '31% is 31',
  commas: 'the comma in a number is its decimal point',
  dots: 'dates with dots are day, month, year',
};
export type ReadAs = keyof typeof READ_AS;

export type Pasted = {
  /** `date,value[,n]`; as pasted while there are problems. */
  csv: string;
  /** What was taken for what; nothing when it was plain already. */
  readAs: ReadAs[];
  problems: CsvProblem[];
};

const DAY = /^\d{4}-\d\d-\d\d$/;
const DOTTED_DAY = /^(\d{1,2})\.(\d{1,2})\.(\d{4})$/;
const SLASHED_DAY = /^\d{1,2}\/\d{1,2}\/\d{2,4}$/;
const LOOKS_DATED = [DAY, DOTTED_DAY, SLASHED_DAY];

/** `31,2` is one number; `1,234` may be two. */
const COMMA = /^-?\d+,\d+$/;
const THREE_AFTER_COMMA = /^-?\d{1,3},\d{3}$/;
const THREE_AFTER_POINT = /^-?\d{1,3}\.\d{3}$/;

type Row = { line: number; by: string; cells: string[] };

export function readPasted(text: string): Pasted {
  const plain = parseSeries(text);
  if (plain.problems.length === 0 || text.trim() === '') return { csv: text, readAs: [], problems: [] };

  const rows = rowsOf(text);
  const readAs = new Set<ReadAs>();
  const problems: CsvProblem[] = [];
  const [first] = rows;
  const hasHeader = !LOOKS_DATED.some((form) => form.test(first?.cells[0] ?? ''));
  const columns = columnsOf(first, hasHeader, readAs);
  if ('sentence' in columns) return { csv: text, readAs: [], problems: [columns] };
  if (rows.some(({ by }) => by === '\t')) readAs.add('tabs');
  if (rows.some(({ by }) => by === ';')) readAs.add('semicolons');

  const measured = hasHeader ? rows.slice(1) : rows;
  const numbers = measured.map(({ cells }) => withoutPercent(cells[1] ?? ''));
  const commas = numbers.some((value) => COMMA.test(value) && !THREE_AFTER_COMMA.test(value));
  const points = numbers.some((value) => /^-?\d+\.\d+$/.test(value) && !THREE_AFTER_POINT.test(value));

  const out = new Map<number, string>();
  for (const row of measured) {
    const made = plainRow(row, columns.count, { commas, points }, readAs);
    if (typeof made === 'string') problems.push({ line: row.line, sentence: made });
    else out.set(row.line, made.join(','));
  }
  if (problems.length > 0) return { csv: text, readAs: [], problems };

  // Lines keep their numbers, so that what is wrong with one is said of the line that was pasted.
  const header = columns.count === 3 ? 'date,value,n' : 'date,value';
  const last = rows.at(-1)?.line ?? 1;
  const lines = Array.from({ length: last }, (_, index) => out.get(index + 1) ?? '');
  if (hasHeader) lines[first!.line - 1] = header;
  else lines.unshift(header);
  const read = parseSeries(lines.join('\n'));
  if (read.problems.length > 0) {
    const shift = hasHeader ? 0 : 1;
    return {
      csv: text,
      readAs: [],
      problems: read.problems.map(({ line, sentence }) => ({ line: Math.max(1, line - shift), sentence })),
    };
  }
  return { csv: `${lines.filter((line) => line !== '').join('\n')}\n`, readAs: [...readAs], problems: [] };
}

function rowsOf(text: string): Row[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .flatMap((whole, index) => {
      if (whole.trim() === '') return [];
      const by = whole.includes('\t') ? '\t' : whole.includes(';') ? ';' : ',';
      return [{ line: index + 1, by, cells: cellsOf(whole, by).map((cell) => cell.trim()) }];
    });
}

function cellsOf(line: string, delimiter: string): string[] {
  if (!line.includes('"')) return line.split(delimiter);
  try {
    return (parse(line, { delimiter, relax_column_count: true, trim: true }) as string[][])[0] ?? [];
  } catch {
    return line.split(delimiter);
  }
}

function columnsOf(first: Row | undefined, hasHeader: boolean, readAs: Set<ReadAs>): { count: 2 | 3 } | CsvProblem {
  const names = first?.cells ?? [];
  const line = first?.line ?? 1;
  if (names.length > 3) {
    const sentence = `Here are ${names.length} columns. Keep two or three: the date, the value, and how many cases are behind it.`;
    return { line, sentence };
  }
  if (names.length < 2) {
    return {
      line,
      sentence: 'Here is one column. Paste two or three: the date, the value, and how many cases are behind it.',
    };
  }
  if (!hasHeader) {
    if (names.length === 3) {
      const sentence = 'Three columns without names: say which is which, with “date,value,n” as the first line.';
      return { line, sentence };
    }
    readAs.add('columns');
    return { count: 2 };
  }
  const [date = '', value = '', n] = names.map((name) => name.toLowerCase());
  if (date === 'value' || value === 'date' || value === 'n' || (n !== undefined && n !== 'n')) {
    const sentence = `The columns are called ${names.map((name) => `“${name}”`).join(', ')}. Call them “date,value” or “date,value,n”, in this order.`;
    return { line, sentence };
  }
  if (date !== 'date' || value !== 'value') readAs.add('columns');
  return { count: n === undefined ? 2 : 3 };
}

const withoutPercent = (text: string) => text.replace(/[\s\u00A0\u202F]*%$/, '');

/** The cells of one measurement, or what can't be read in it. */
function plainRow(
  { by, cells }: Row,
  count: number,
  seen: { commas: boolean; points: boolean },
  readAs: Set<ReadAs>,
): string[] | string {
  if (cells.length > count && by === ',' && cells.length === count + 1) {
    const [, whole, part] = cells;
    return `“${whole},${part}” may be one number with a decimal comma, or two. Write ${whole}.${part}, or put semicolons between the columns.`;
  }
  if (cells.length !== count) return `This line has ${cells.length} values; it needs ${count}.`;
  const [on = '', value = '', n] = cells;
  const day = plainDay(on, readAs);
  if (day === null) return `“${on}” is two days, depending on who reads it. Write the year first: 2026-07-06.`;
  const number = plainNumber(value, seen, readAs);
  if (number === null) return `“${value}” may be a decimal or a thousand. Write it plainly, like 1234 or 1.234.`;
  return n === undefined ? [day, number] : [day, number, n];
}

function plainDay(text: string, readAs: Set<ReadAs>): string | null {
  const [, day, month, year] = DOTTED_DAY.exec(text) ?? [];
  if (year) {
    readAs.add('dots');
    return `${year}-${month!.padStart(2, '0')}-${day!.padStart(2, '0')}`;
  }
  return SLASHED_DAY.test(text) ? null : text;
}

function plainNumber(text: string, seen: { commas: boolean; points: boolean }, readAs: Set<ReadAs>): string | null {
  const value = withoutPercent(text);
  if (value !== text) readAs.add('percent');
  if (THREE_AFTER_COMMA.test(value) && (!seen.commas || seen.points)) return null;
  if (THREE_AFTER_POINT.test(value) && seen.commas) return null;
  if (!COMMA.test(value)) return value;
  readAs.add('commas');
  return value.replace(',', '.');
}
