import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { parse } from 'csv-parse/sync';
import type { Reader } from '../../db/client.ts';
import { noAnswersByIssue } from '../checkins/answers.ts';
import { database } from '../database.ts';
import type { Incoming } from '../proofs/arrived.ts';
import { addMeasurements, judgeMeasurements } from '../proofs/measurements.ts';
import { proofWithState, publishedProof } from '../proofs/published.ts';
import { stateWords } from '../proofs/state.ts';
import { onMeasured } from '../reactions.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { counted } from '../shared/words.ts';
import { record } from '../staff/audit.ts';
import type { Io, Verb } from './verb.ts';

/** More than a measurement a day for two hundred years: something else was piped in. */
const MOST = 75_000;

export const measure: Verb = {
  name: 'measure',
  summary: 'Add new measurements to a published proof, from CSV on standard input.',
  help: `Use: amends measure <proof> <series> [--dry-run] [--json] < new.csv

The first line names the columns: date,value and, where they apply, n and source. Dates are written YYYY-MM-DD; n is the number of
cases behind the value, for series that have it; source is your own id of the measurement, and without it the date is.

All rows go in or none does. Each wrong row is named with its line. What is here already is not stored twice, so sending a whole
file again adds what is new in it. A different value for a day that we have is refused: a correction is published as a new version.
If a measurement lies beyond the reopen limit, the issue has come back at once, for pages, letters and invitations.

  --dry-run   say what would happen and write nothing
  --json      one JSON object: { "stored", "already", "dryRun", "refused": [{ "line", "code", "sentence" }] }

Exit code: 0 all is in, 1 something was refused and nothing was stored, 2 nothing could be read.`,

  async run(args, io) {
    let parsed: ReturnType<typeof optionsOf>;
    try {
      parsed = optionsOf(args);
    } catch (error) {
      io.err(`${(error as Error).message} See: amends measure --help`);
      return 2;
    }
    const { about, dryRun, json } = parsed;
    if (process.stdin.isTTY) {
      io.err('Nothing is coming in. Send a file: amends measure <proof> <series> < new.csv');
      return 2;
    }
    const read = rowsOf(await text(process.stdin));
    if (isRefusal(read)) return refused(io, json, [{ line: null, ...read }], 2);
    const now = new Date();
    const db = await database();
    try {
      const progress = (stored: number) => {
        if (read.rows.length > 500) io.err(`${stored} of ${read.rows.length} rows`);
      };
      const was = await stateWordsOf(db.read, about.proofId, now);
      const judged =
        dryRun || read.bad.length > 0
          ? await judgeMeasurements(db.read, about, read.rows, now)
          : await db.write(async (tx) => {
              const added = await addMeasurements(tx, about, read.rows, { sentBy: 'command', now }, progress);
              if ('refused' in added || added.stored === 0) return added;
              await onMeasured(tx, { ...about, days: added.days }, now);
              const detail = { series: about.seriesId, stored: added.stored };
              await record(tx, { by: null, action: 'measured', subject: `proofs:${about.proofId}`, detail }, now);
              return added;
            });
      const state = dryRun ? null : await stateWordsOf(db.read, about.proofId, now);
      const wrong =
        'refused' in judged ? judged.bad.map(({ row, ...why }) => ({ line: read.lines[row - 1]!, ...why })) : [];
      if (wrong.length + read.bad.length > 0) return refused(io, json, [...read.bad, ...wrong], 1);
      if ('refused' in judged) return refused(io, json, [{ line: null, ...judged }], 1);
      const stored = 'fresh' in judged ? judged.fresh.length : judged.stored;
      const { already } = judged;
      if (json) io.out(JSON.stringify({ stored, already, dryRun, refused: [] }));
      else {
        io.out(`${counted(stored, 'measurement')} ${dryRun ? 'would be stored' : 'stored'}, ${already} known already.`);
        if (state !== null && state !== was) io.out(`The state was: ${was}. It is now: ${state}.`);
      }
      return 0;
    } finally {
      await db.close();
    }
  },
};

/** What its page says; null where there is no such page. */
async function stateWordsOf(reader: Reader, proofId: string, now: Date): Promise<string | null> {
  if (!(await publishedProof(reader, proofId))) return null;
  const found = await proofWithState(reader, proofId, await noAnswersByIssue(reader), now);
  return found && stateWords(found.state);
}

function optionsOf(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { 'dry-run': { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
  });
  const [proofId, seriesId, more] = positionals;
  if (proofId === undefined || seriesId === undefined || more !== undefined) {
    throw new Error('Name a proof and one of its series.');
  }
  return { about: { proofId, seriesId }, dryRun: values['dry-run'], json: values.json };
}

type Bad = { line: number | null; code: string; sentence: string };
type Rows = { rows: Incoming[]; lines: number[]; bad: Bad[] };

/** The rows with their lines, and those that can’t be read; everything else about them is for the rules to say. */
export function rowsOf(csv: string): Rows | Refusal {
  let read: { record: string[]; info: { lines: number } }[];
  try {
    const options = { bom: true, trim: true, relax_column_count: true, skip_empty_lines: true, info: true } as const;
    read = parse(csv, options) as unknown as typeof read;
  } catch (error) {
    const line = (error as { lines?: number }).lines ?? 1;
    return refuse('csv', `Line ${line} can’t be read as CSV. Look for a stray quote.`);
  }
  const [header, ...records] = read;
  const names = header?.record ?? [];
  const known = ['date', 'value', 'n', 'source'];
  const fits = names.every((name, index) => known.includes(name) && names.indexOf(name) === index);
  if (!fits || !names.includes('date') || !names.includes('value')) {
    return refuse('header', 'The first line must name the columns: date,value and, where they apply, n and source.');
  }
  if (records.length === 0) return refuse('empty', 'There is no measurement below the first line.');
  if (records.length > MOST)
    return refuse('size', `More than ${MOST} rows. A series has one measurement a day at most.`);
  const all: Rows = { rows: [], lines: [], bad: [] };
  for (const { record, info } of records) {
    const line = info.lines;
    const cell = (name: string) => (names.includes(name) ? record[names.indexOf(name)] : undefined);
    const [on = '', value = '', n = '', source = ''] = known.map(cell);
    const sentence = unreadable(record.length, names.length, value, n);
    if (sentence) all.bad.push({ line, code: 'row', sentence });
    else {
      const counts = n === '' ? undefined : Number(n);
      all.rows.push({ on, value: Number(value), n: counts, sourceId: source === '' ? on : source });
      all.lines.push(line);
    }
  }
  return all;
}

function unreadable(cells: number, columns: number, value: string, n: string): string | null {
  if (cells !== columns) return `This line has ${cells} values, the first names ${columns}.`;
  if (!/^-?\d+(\.\d+)?$/.test(value)) return `“${value}” is not a number. Write it plainly, like 19.8.`;
  return n === '' || /^\d+$/.test(n) ? null : `n is “${n}”. It is the whole number of cases behind the value.`;
}

/** Says why nothing was stored: at each line, or as a whole. */
function refused(io: Io, json: boolean, why: Bad[], code: 1 | 2): number {
  const at = why
    .map(({ line, code: kind, sentence }) => ({ line, code: kind, sentence }))
    .toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
  if (json) io.out(JSON.stringify({ stored: 0, already: 0, refused: at }));
  else {
    for (const { line, sentence } of at.slice(0, 50)) io.err(line === null ? sentence : `line ${line}: ${sentence}`);
    if (at.length > 50) io.err(`and ${at.length - 50} more: --json lists all`);
    io.err('Nothing was stored.');
  }
  return code;
}
