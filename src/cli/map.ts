import { access, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline/promises';
import { type Encoding, inspectFile } from '../people/intake/file.ts';
import { DATE_FIELDS, type Field, readMapping } from '../people/intake/mapping.ts';
import { type Answers, ASKED, guessColumn, guessDates, writeMapping } from '../people/intake/propose.ts';
import { openTable } from '../people/intake/table.ts';
import { isRefusal } from '../shared/refusal.ts';
import { listed } from '../shared/words.ts';
import type { Io } from './verb.ts';

/** Asks one question; an empty answer is the one proposed. Null when nobody answers any more. */
export type Ask = (question: string, proposed: string) => Promise<string | null>;
/** The same until the answer can be used: what is wrong with one is said, and it is asked again. */
type Insist = <Answer>(
  question: string,
  proposed: string,
  understand: (answer: string) => { answer: Answer } | { sentence: string },
) => Promise<Answer>;

class NobodyAnswers extends Error {}

const LOOKED_AT = 2000;

/** Asks what the columns of a file mean, and writes the mapping. */
export async function mapByAsking(io: Io, path: string, to: string, encoding?: Encoding, ask?: Ask): Promise<number> {
  if (await exists(to)) {
    io.err(`There is a file at ${to} already. Name another one, or take that away first.`);
    return 2;
  }
  if (!(await exists(dirname(resolve(to))))) {
    io.err(`There is no folder ${dirname(to)}. Make it first, or write the mapping somewhere else.`);
    return 2;
  }
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
  const question = ask ?? asking(talk!);
  const insist: Insist = async (text, proposed, understand) => {
    for (;;) {
      const said = await question(text, proposed);
      if (said === null) throw new NobodyAnswers();
      const understood = understand(said.trim() || proposed);
      if ('answer' in understood) return understood.answer;
      io.out(understood.sentence);
    }
  };
  try {
    io.out(`${basename(path)} has ${header.length} columns: ${header.join(', ')}`);
    io.out('Enter takes what is proposed in brackets; - means there is none.');
    const written = writeMapping(await askAll(insist, path, header, rows));
    const read = readMapping(written);
    if (isRefusal(read)) {
      io.err(read.sentence);
      return 2;
    }
    await writeFile(to, written, { flag: 'wx' });
    io.out(`Written: ${to}. Now look at what it would do: amends import ${path} --mapping ${to} --dry-run`);
    return 0;
  } catch (error) {
    if (!(error instanceof NobodyAnswers)) throw error;
    io.err('The answers ended before all was asked. Nothing was written.');
    return 2;
  } finally {
    talk?.close();
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Lines that come before they are asked for, through a pipe say, are kept. */
function asking(talk: Interface): Ask {
  const lines = talk[Symbol.asyncIterator]();
  return async (text, proposed) => {
    process.stdout.write(`${text}${proposed ? ` [${proposed}]` : ''} `);
    const next = await lines.next();
    return next.done ? null : next.value;
  };
}

async function askAll(ask: Insist, path: string, header: string[], rows: string[][]): Promise<Answers> {
  const name = await ask('What is this file, for people?', basename(path, extname(path)), (answer) => ({ answer }));
  const source = await ask('Which system does it come from, in one word?', '', (answer) =>
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(answer)
      ? { answer }
      : { sentence: 'A source is made of letters, digits, dots and hyphens, at most 64. Write one such as helpdesk.' },
  );
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
  ask: Insist,
  field: Field,
  what: string,
  header: string[],
  taken: Set<string>,
): Promise<string | null> {
  const proposed = guessColumn(field, header, taken) ?? '-';
  return ask(`${field}: ${what}. Which column?`, proposed, (answer) => {
    const found = header.find((name) => name.toLowerCase() === answer.toLowerCase());
    if (found) return { answer: found };
    if (answer !== '-') {
      return {
        sentence: `There is no column “${answer}”. There are: ${listed(header)}. Write - if none of them says it.`,
      };
    }
    if (field !== 'person_id') return { answer: null };
    return { sentence: 'A row must say whose it is: one column has to be the person’s id.' };
  });
}

async function datesOf(ask: Insist, column: string, samples: string[]): Promise<string[]> {
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
  ask: Insist,
  question: string,
  choices: readonly Choice[],
): Promise<Choice> {
  return ask(question, choices[0]!, (said) => {
    const answer = said.toLowerCase();
    const found =
      choices.find((choice) => choice === answer) ??
      choices.find((choice) => answer !== '' && choice.startsWith(answer));
    return found
      ? { answer: found }
      : { sentence: `“${said}” is none of these. Write one of ${listed([...choices])}.` };
  });
}
