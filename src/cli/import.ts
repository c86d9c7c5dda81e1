import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { database } from '../database.ts';
import { env } from '../env.ts';
import { headerOf } from '../people/intake/csv.ts';
import { type ImportReport, importFile, type RefusedRecord } from '../people/intake/import.ts';
import { columnsOf, type Mapping, NEUTRAL, readMapping } from '../people/intake/mapping.ts';
import { importFinished } from '../reonboarding/finished.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { counted, listed } from '../shared/words.ts';
import type { Io, Verb } from './verb.ts';

export const importVerb: Verb = {
  name: 'import',
  summary: 'Take in people and what they told us from a CSV file.',
  help: `Use: amends import <file.csv> [--mapping NAME|FILE] [--dry-run] [--errors FILE] [--json]
     amends import <file.csv> --kind finished [--source NAME] [--dry-run] [--json]

Reads the neutral CSV, or any other CSV by a mapping from content/mappings (README.md there says how both are written).
Each row makes a new person, goes to a person already known, or is refused with its line, column and a sentence. What is
already known is never overwritten: a different value is shown. Importing a file again changes nothing, and an import that was
interrupted is finished by running it again. No mail is sent.

With --kind finished: what people who worked here had finished before they left, so that their first week back asks only for what
is new. The columns are person_id, kind and finished_on (also as “Employee #”, “Training” and “Completed”); note and kept_in if you
have them; source, or --source, is the system the people came from. What was finished later wins.

  --dry-run   do everything but write, and say what would happen
  --mapping   the name of a file in content/mappings, or the path of one
  --errors    write the refused rows there, with the reason in front: mend them and import that file
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
    const mapping = values.mapping ? await namedMapping(values.mapping) : NEUTRAL;
    if (isRefusal(mapping)) return nothingRead(io, mapping, values.json);

    const refused: RefusedRecord[] = [];
    const db = await database();
    try {
      const report = await importFile(db, {
        path,
        mapping,
        now: new Date(),
        dryRun: values['dry-run'],
        onProgress: progress(io),
        onRefused: (record) => refused.push(record),
      });
      if (isRefusal(report)) {
        const hint = report.code === 'header' && !values.mapping ? await fittingMappings(path) : [];
        const also = hint.length > 0 ? ` Its columns fit --mapping ${hint.join(' or --mapping ')}.` : '';
        return nothingRead(io, { ...report, sentence: report.sentence + also }, values.json);
      }
      if (values.json) io.out(JSON.stringify(report));
      else for (const line of summary(report)) io.out(line);
      if (values.errors && refused.length > 0) {
        await writeFile(values.errors, errorsFile(refused));
        io.err(`The refused rows are in ${values.errors}. Mend them there and import that file.`);
      }
      return report.refused.length === 0 ? 0 : 1;
    } finally {
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
      kind: { type: 'string' },
      source: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      errors: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
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

function nothingRead(io: Io, { code, sentence }: Refusal, json: boolean): number {
  if (json) io.out(JSON.stringify({ code, sentence }));
  else io.err(`Nothing was imported. ${sentence}`);
  return 2;
}

async function namedMapping(name: string): Promise<Mapping | Refusal> {
  const folder = join(env.CONTENT_DIR, 'mappings');
  const path = /[/\\]|\.ya?ml$/.test(name) ? name : join(folder, `${name}.yaml`);
  const source = await readFile(path, 'utf8').catch(() => null);
  if (source !== null) return readMapping(source);
  const known = await mappingNames(folder);
  const those = known.length > 0 ? ` There are: ${listed(known)}.` : '';
  return refuse('mapping', `There is no mapping “${name}”.${those}`);
}

async function mappingNames(folder: string): Promise<string[]> {
  const files = await readdir(folder).catch(() => []);
  return files
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => basename(file, '.yaml'))
    .toSorted();
}

/** The mappings whose every column this file has. */
async function fittingMappings(path: string): Promise<string[]> {
  const header = new Set((await headerOf(path)).map((name) => name.toLowerCase()));
  const fitting: string[] = [];
  for (const name of await mappingNames(join(env.CONTENT_DIR, 'mappings'))) {
    const mapping = await namedMapping(name);
    if (!isRefusal(mapping) && columnsOf(mapping).every((column) => header.has(column.toLowerCase())))
      fitting.push(name);
  }
  return fitting;
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
  const { rows, imported, merged, refused, conflicts, proposedMerges, suppressed } = report;
  const number = (count: number) => new Intl.NumberFormat('en-GB').format(count).padStart(10);
  const lines = [
    `${report.file}, read as ${report.mapping}.${report.dryRun ? ' A dry run: nothing was written.' : ''}`,
    '',
    `${number(rows)}  rows`,
    `${number(imported)}  new people`,
    `${number(merged.total)}  went to people already known: ${counted(merged.added, 'row')} added something, ${counted(merged.unchanged, 'row')} nothing new`,
    `${number(refused.length)}  refused`,
  ];
  if (suppressed > 0) lines.push(`${number(suppressed)}  of an address that we don’t write to; it stays so`);
  if (refused.length > 0) {
    lines.push('', 'Refused, the first of each kind:');
    for (const { first, count } of kindsOf(
      refused,
      (one) => `${one.column} ${one.sentence.replace(/“[^”]*”|\d+/g, '…')}`,
    )) {
      lines.push(`  line ${first.line}, ${first.column}: ${first.sentence}${more(count, 'row')}`);
    }
  }
  if (conflicts.length > 0) {
    lines.push('', 'Said differently from what we know. What we know was kept; the first of each kind:');
    for (const { first, count } of kindsOf(conflicts, (one) => one.column)) {
      const values = first.kept === null ? '' : ` we have “${first.kept}”, the file says “${first.offered ?? ''}”`;
      lines.push(
        `  line ${first.line}, ${first.column} of ${first.person}:${values || ' the two texts differ'}${more(count, 'time')}`,
      );
    }
  }
  if (proposedMerges.length > 0) {
    lines.push('', 'The same address, so perhaps the same person. Nothing was merged:');
    for (const { address, people } of proposedMerges.slice(0, 10)) lines.push(`  ${people.join(' and ')}, ${address}`);
    if (proposedMerges.length > 10) lines.push(`  and ${proposedMerges.length - 10} more`);
  }
  return lines;
}

function kindsOf<Item>(items: Item[], kind: (item: Item) => string): { first: Item; count: number }[] {
  return [...Map.groupBy(items, kind).values()].map((group) => ({ first: group[0]!, count: group.length }));
}

function more(count: number, one: string): string {
  return count === 1 ? '' : ` (${counted(count, one)} like this)`;
}

/** The reason stands first, so that a row with a cell too many still shows it in its own column. */
function errorsFile(refused: RefusedRecord[]): string {
  const { header } = refused[0]!;
  const ours = (name: string) => name.trim().toLowerCase() === 'refused_because';
  const keep = header.map((name) => !ours(name));
  const kept = (cells: string[]) => cells.filter((_, at) => keep[at] ?? true);
  const rows = refused.toSorted((a, b) => a.line - b.line).map(({ because, cells }) => [because, ...kept(cells)]);
  return [['refused_because', ...kept(header)], ...rows].map((cells) => `${cells.map(quoted).join(',')}\n`).join('');
}

function quoted(cell: string): string {
  return /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
