import { writeFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { type Encoding, inspectFile } from '../people/intake/file.ts';
import { DATE_FIELDS, type Field, readMapping } from '../people/intake/mapping.ts';
import { type Answers, ASKED, guessColumn, guessDates, writeMapping } from '../people/intake/propose.ts';
import { openTable } from '../people/intake/table.ts';
import { isRefusal } from '../shared/refusal.ts';
import type { Io } from './verb.ts';

/** Asks one question; an empty answer is the one proposed. */
export type Ask = (question: string, proposed: string) => Promise<string>;

const LOOKED_AT = 2000;

/** Asks what the columns of a file mean, and writes the mapping. */
export async function mapByAsking(io: Io, path: string, to: string, encoding?: Encoding, ask?: Ask): Promise<number> {
  const file = await inspectFile(path, encoding);
  const table = isRefusal(file) ? file : await openTable(path, file, {});
  if (isRefusal(table)) {
    io.err(table.sentence);
    return 2;
  }
  const header = table.header.map((name, at) => name.trim() || `column ${at + 1}`);
  const rows: string[][] = [];
  for await (const page of table.pages()) {
    rows.push(...page.flatMap((record) => ('sentence' in record ? [] : [record.cells.map((cell) => cell.trim())])));
    if (rows.length >= LOOKED_AT) break;
  }
  const talk = ask ? null : createInterface({ input: process.stdin, output: process.stdout });
  const question: Ask =
    ask ??
    (async (text, proposed) =>
      (await talk!.question(`${text}${proposed ? ` [${proposed}]` : ''} `)).trim() || proposed);
  try {
    io.out(`${basename(path)} has ${header.length} columns: ${header.join(', ')}`);
    io.out('Enter takes what is proposed in brackets; - means there is none.');
    const written = writeMapping(await askAll(question, path, header, rows));
    const read = readMapping(written);
    if (isRefusal(read)) {
      io.err(read.sentence);
      return 2;
    }
    await writeFile(to, written);
    io.out(`Written: ${to}. Now look at what it would do: amends import ${path} --mapping ${to} --dry-run`);
    return 0;
  } finally {
    talk?.close();
  }
}

async function askAll(ask: Ask, path: string, header: string[], rows: string[][]): Promise<Answers> {
  const name = await ask('What is this file, for people?', basename(path, extname(path)));
  const source = await ask('Which system does it come from, in one word?', '');
  const row = await oneOf(ask, 'What is one row: person, departure, complaint or signal?', [
    'departure',
    'person',
    'complaint',
    'signal',
  ]);
  const signal =
    row === 'signal'
      ? await oneOf(ask, 'Which trace: ticket, usage, survey or plan?', ['ticket', 'usage', 'survey', 'plan'])
      : null;
  const kind = await oneOf(ask, 'Are they customers or employees? customer, employee', ['customer', 'employee']);
  const columns: Answers['columns'] = {};
  const dates: Answers['dates'] = {};
  const taken = new Set<string>();
  for (const { field, what } of ASKED.filter((one) => one.rows.includes(row))) {
    const column = await columnFor(ask, field, what, header, taken);
    if (column === null) continue;
    columns[field] = column;
    if (field !== 'complaint_id') taken.add(column);
    if (DATE_FIELDS.has(field)) dates[field] = await datesOf(ask, column, valuesOf(column));
  }
  return { name, source, row, signal, kind, columns, dates, gaps: await askGaps() };

  function valuesOf(column: string): string[] {
    const at = header.indexOf(column);
    return [...new Set(rows.map((cells) => cells[at] ?? ''))].filter(Boolean);
  }

  async function askGaps(): Promise<Answers['gaps']> {
    const column = columns.reason_code;
    if (column === undefined) return null;
    const values: Record<string, string> = {};
    for (const value of valuesOf(column).slice(0, 40)) {
      const gap = await oneOf(ask, `Why does “${value}” hurt: value, trust, experience, growth, or none?`, [
        'none',
        'value',
        'trust',
        'experience',
        'growth',
      ]);
      if (gap !== 'none') values[value] = gap;
    }
    return { column, values };
  }
}

async function columnFor(
  ask: Ask,
  field: Field,
  what: string,
  header: string[],
  taken: Set<string>,
): Promise<string | null> {
  const proposed = guessColumn(field, header, taken) ?? '-';
  for (;;) {
    const answer = await ask(`${field}: ${what}. Which column?`, proposed);
    if (answer === '-') return null;
    const found = header.find((name) => name.toLowerCase() === answer.toLowerCase());
    if (found) return found;
    if (answer === '') return null;
  }
}

async function datesOf(ask: Ask, column: string, samples: string[]): Promise<string[]> {
  const { formats, either } = guessDates(samples);
  if (either === null) return formats.length > 0 ? formats : ['YYYY-MM-DD'];
  const first = await oneOf(ask, `In ${column}, “${either}”: what stands first, the day or the month?`, [
    'day',
    'month',
  ]);
  const order = (format: string) => (format.indexOf('D') < format.indexOf('M') ? 'day' : 'month');
  return formats.filter((format) => format.startsWith('Y') || !format.includes('D') || order(format) === first);
}

async function oneOf<const Choice extends string>(
  ask: Ask,
  question: string,
  choices: readonly Choice[],
): Promise<Choice> {
  for (let tries = 0; tries < 5; tries += 1) {
    const answer = (await ask(question, choices[0]!)).toLowerCase();
    const found =
      choices.find((choice) => choice === answer) ??
      choices.find((choice) => answer !== '' && choice.startsWith(answer));
    if (found) return found;
  }
  return choices[0]!;
}
