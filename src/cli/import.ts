import { constants, setPriority } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { desc } from 'drizzle-orm';
import { imports } from '../../db/schema/people.ts';
import { bulkDatabase, database } from '../database.ts';
import { env } from '../env.ts';
import { ENCODINGS, type Encoding } from '../people/intake/file.ts';
import { type ImportReport, importFile } from '../people/intake/import.ts';
import { mappingNamed, mappingsFitting, NEUTRAL_NAME } from '../people/intake/mappings.ts';
import { mendFile } from '../people/intake/mend.ts';
import { type Undone, undoImport } from '../people/intake/undo.ts';
import { importFinished } from '../reonboarding/finished.ts';
import { dayOf } from '../shared/dates.ts';
import { isRefusal, type Refusal } from '../shared/refusal.ts';
import { counted, grouped, listed } from '../shared/words.ts';
import { mapByAsking } from './map.ts';
import type { Io, Verb } from './verb.ts';

const MAPPINGS = join(env.CONTENT_DIR, 'mappings');

export const importVerb: Verb = {
  name: 'import',
  summary: 'Take in people and what they told us from other systems’ files; take an import back.',
  help: `Use: amends import <file> [--mapping NAME|FILE] [--dry-run] [--errors FILE] [--encoding NAME] [--json]
     amends import <file> --map FILE
     amends import <file.csv> --kind finished [--source NAME] [--dry-run] [--json]
     amends import --list
     amends import --undo ID [--json]

Reads CSV, JSON, NDJSON and .xlsx: the neutral columns, or any other file by a mapping from content/mappings (README.md there says
how both are written, and lists the mappings that are there). Each row makes a new person, goes to a person already known, is left out
for a reason of the mapping, or is refused with its line, column and a sentence. What is already known is never overwritten: a
different value is shown. Importing a file again changes nothing, and an import that was interrupted is finished by running it again.
No mail is sent.

With --kind finished: what people who worked here had finished before they left, so that their first week back asks only for what
is new. The columns are person_id, kind and finished_on (also as “Employee #”, “Training” and “Completed”); note and kept_in if you
have them; source, or --source, is the system the people came from. What was finished later wins.

  --dry-run   do everything but write, and say what would happen
  --mapping   the name of a file in content/mappings, or the path of one
  --map       ask, column by column, what this file's columns mean, and write the mapping there
  --errors    write the refused rows there, with the reason in front: mend them and import that file
  --encoding  how the letters are written, when it can't be told: ${ENCODINGS.join(', ')}
  --list      the imports of this database, newest first, with their ids
  --undo      take back everything that an import made or filled in, except what something else has come to depend on
  --json      the whole report as one JSON object

Exit code: 0 every row went in, 1 some rows were refused, 2 nothing could be read.`,

  async run(args, io) {
    let parsed: ReturnType<typeof parse>;
    try {
      parsed = parse(args);
    } catch (error) {
      io.err(`${(error as Error).message} See: amends import --help`);
      return 2;
    }
    const { values, positionals } = parsed;
    if (values.list) return list(io);
    if (values.undo !== undefined) return undo(io, values.undo, values.json);
    const [path] = positionals;
    if (path === undefined || positionals.length > 1) {
      io.err('Name one file. See: amends import --help');
      return 2;
    }
    if (values.errors && resolve(values.errors) === resolve(path)) {
      io.err('--errors would overwrite the file that is being imported. Name another one.');
      return 2;
    }
    if (values.kind === 'finished') return finished(io, path, values);
    if (values.kind !== undefined) {
      io.err(`--kind is finished, or left out for people and what they told us; not “${values.kind}”.`);
      return 2;
    }
    const encoding = values.encoding as Encoding | undefined;
    if (encoding !== undefined && !ENCODINGS.includes(encoding)) {
      io.err(`--encoding is one of ${listed([...ENCODINGS])}.`);
      return 2;
    }
    if (values.map !== undefined) return mapByAsking(io, path, values.map, encoding);
    const mapping = await mappingNamed(MAPPINGS, values.mapping ?? NEUTRAL_NAME);
    if (isRefusal(mapping)) return nothingRead(io, mapping, values.json);

    // Pages are answered first, where both run on one machine.
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
    const db = await bulkDatabase();
    const errors = values.errors ? mendFile(values.errors) : null;
    try {
      const report = await importFile(db, {
        path,
        mapping,
        encoding,
        now: new Date(),
        dryRun: values['dry-run'],
        onProgress: progress(io),
        onRefused: (record) => errors?.add(record),
      });
      if (isRefusal(report)) {
        const hint =
          report.code === 'header' && !values.mapping
            ? (await mappingsFitting(MAPPINGS, path, encoding)).map(({ name }) => name)
            : [];
        const also = hint.length > 0 ? ` Its columns fit --mapping ${hint.join(' or --mapping ')}.` : '';
        return nothingRead(io, { ...report, sentence: report.sentence + also }, values.json);
      }
      if (values.json) io.out(JSON.stringify(report));
      else for (const line of summary(report)) io.out(line);
      if (await errors?.close()) {
        io.err(`The refused rows are in ${values.errors}. Mend them there and import that file.`);
      }
      return report.refusedRows === 0 ? 0 : 1;
    } finally {
      await errors?.close();
      await db.close();
    }
  },
};

function parse(args: string[]) {
  return parseArgs({
    args,
    allowPositionals: true,
    options: {
      mapping: { type: 'string' },
      map: { type: 'string' },
      kind: { type: 'string' },
      source: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      errors: { type: 'string' },
      encoding: { type: 'string' },
      list: { type: 'boolean', default: false },
      undo: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
}

async function list(io: Io): Promise<number> {
  const db = await database();
  try {
    const made = await db.read.select().from(imports).orderBy(desc(imports.id)).limit(50);
    for (const { id, startedAt, fileName, mapping, finishedAt, undoneAt, counts } of made) {
      const state = undoneAt ? 'undone' : finishedAt ? `${counts?.imported ?? 0} new people` : 'not finished';
      io.out(`${id}  ${dayOf(startedAt)}  ${fileName}, read as ${mapping}: ${state}`);
    }
    if (made.length === 0) io.out('Nothing has been imported yet.');
    return 0;
  } finally {
    await db.close();
  }
}

async function undo(io: Io, id: string, json: boolean): Promise<number> {
  const db = await bulkDatabase();
  try {
    const undone = await undoImport(db, id, new Date());
    if (isRefusal(undone)) {
      if (json) io.out(JSON.stringify({ code: undone.code, sentence: undone.sentence }));
      else io.err(undone.sentence);
      return 2;
    }
    if (json) io.out(JSON.stringify(undone));
    else for (const line of undoneLines(undone)) io.out(line);
    return 0;
  } finally {
    await db.close();
  }
}

function undoneLines({ file, removed, kept, emptied, changedSince }: Undone): string[] {
  const parts = (counts: Undone['removed']) =>
    listed([
      counted(counts.persons, 'person', 'people'),
      counted(counts.departures, 'departure'),
      counted(counts.complaints, 'complaint'),
      counted(counts.signals, 'trace'),
    ]);
  const lines = [`The import of ${file} is undone: ${parts(removed)} removed.`];
  if (emptied > 0) lines.push(`${counted(emptied, 'record')} of other imports have their blanks back.`);
  if (changedSince > 0) lines.push(`${counted(changedSince, 'record')} were changed since and stay as they are.`);
  if (Object.values(kept).some((count) => count > 0)) {
    lines.push(`Kept, because an answer, an invitation or another import depends on it: ${parts(kept)}.`);
  }
  return lines;
}

function nothingRead(io: Io, { code, sentence }: Refusal, json: boolean): number {
  if (json) io.out(JSON.stringify({ code, sentence }));
  else io.err(`Nothing was imported. ${sentence}`);
  return 2;
}

async function finished(
  io: Io,
  path: string,
  { source, json, 'dry-run': dryRun }: { source?: string; json: boolean; 'dry-run': boolean },
): Promise<number> {
  const db = await database();
  try {
    const report = await importFinished(db, { path, source, dryRun }, new Date());
    if (isRefusal(report)) return nothingRead(io, report, json);
    if (json) io.out(JSON.stringify(report));
    else {
      for (const { line, sentence } of report.refused) io.out(`line ${line}: ${sentence}`);
      const { added, newer, known, refused } = report;
      io.out(
        `${dryRun ? 'Nothing was written. It would be: ' : ''}${counted(added, 'finished item')} added, ${newer} newer than before, ${known} known already, ${refused.length} refused.`,
      );
    }
    return report.refused.length === 0 ? 0 : 1;
  } finally {
    await db.close();
  }
}

/** A line now and then, only while it takes long. */
function progress(io: Io): (done: { rows: number; part: number }) => void {
  const every = 2_000;
  let next = performance.now() + every;
  return ({ rows, part }) => {
    if (performance.now() < next) return;
    next = performance.now() + every;
    io.err(`${counted(rows, 'row')} read, ${Math.floor(part * 100)} % of the file.`);
  };
}

function summary(report: ImportReport): string[] {
  const { rows, imported, merged, leftOut, refused, refusedRows, suppressed, unit } = report;
  const { conflicts, conflicting, proposedMerges } = report;
  const number = (count: number) => grouped(count).padStart(10);
  const lines = [
    `${report.file}, read as ${report.mapping}${report.encoding ? ` in ${report.encoding}` : ''}.${report.dryRun ? ' A dry run: nothing was written.' : ''}`,
    '',
    `${number(rows)}  rows`,
    `${number(imported)}  new people`,
    `${number(merged.total)}  went to people already known: ${counted(merged.added, 'row')} added something, ${counted(merged.unchanged, 'row')} nothing new`,
    ...leftOut.map((left) => `${number(left.rows)}  left out: ${left.because}`),
    `${number(refusedRows)}  refused`,
  ];
  if (suppressed > 0) lines.push(`${number(suppressed)}  of an address that we don’t write to; it stays so`);
  if (refused.length > 0) {
    lines.push('', `Refused, the first of each kind${among(refused.length, refusedRows)}:`);
    for (const { first, count } of kindsOf(
      refused,
      (one) => `${one.column} ${one.sentence.replace(/“[^”]*”|\d+/g, '…')}`,
    )) {
      lines.push(`  ${unit} ${first.line}, ${first.column}: ${first.sentence}${more(count, 'row')}`);
    }
  }
  if (conflicts.length > 0) {
    const first = `the first of each kind${among(conflicts.length, conflicting)}`;
    lines.push('', `Said differently from what we know. What we know was kept; ${first}:`);
    for (const { first, count } of kindsOf(conflicts, (one) => one.column)) {
      const values = first.kept === null ? '' : ` we have “${first.kept}”, the file says “${first.offered ?? ''}”`;
      lines.push(
        `  ${unit} ${first.line}, ${first.column} of ${first.person}:${values || ' the two texts differ'}${more(count, 'time')}`,
      );
    }
  }
  if (proposedMerges.length > 0) {
    lines.push('', 'The same address, so perhaps the same person. Nothing was merged:');
    for (const { address, people } of proposedMerges.slice(0, 10)) lines.push(`  ${listed(people)}, ${address}`);
    if (proposedMerges.length > 10) lines.push(`  and ${proposedMerges.length - 10} more`);
  }
  if (report.importId) lines.push('', `To take it back: amends import --undo ${report.importId}`);
  return lines;
}

function kindsOf<Item>(items: Item[], kind: (item: Item) => string): { first: Item; count: number }[] {
  return [...Map.groupBy(items, kind).values()].map((group) => ({ first: group[0]!, count: group.length }));
}

/** Of a very long list only the beginning is known. */
function among(listed: number, all: number): string {
  return listed < all ? ` among the first ${grouped(listed)} of ${grouped(all)}` : '';
}

function more(count: number, one: string): string {
  return count === 1 ? '' : ` (${counted(count, one)} like this)`;
}
