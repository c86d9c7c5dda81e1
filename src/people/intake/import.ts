import { basename } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Db } from '../../../db/client.ts';
import { imports } from '../../../db/schema/people.ts';
import { dayOf } from '../../shared/dates.ts';
import { newId } from '../../shared/ids.ts';
import { isRefusal, type Refusal, refuse } from '../../shared/refusal.ts';
import { type Batch, type Conflict, finish, newKnown, type ProposedMerge, planBatch, write } from './batch.ts';
import { recordsOf } from './csv.ts';
import { inspectFile } from './file.ts';
import type { Mapping } from './mapping.ts';
import { type IntakeRow, type Problem, type RowReader, rowReader } from './rows.ts';

export type RefusedRow = Problem & { line: number };

/** A refused row as it stood in the file, for the file that can be mended and imported again. */
export type RefusedRecord = { line: number; header: string[]; cells: string[]; because: string };

export type ImportReport = {
  file: string;
  mapping: string;
  dryRun: boolean;
  /** Rows below the header that say anything. Always imported + merged.total + refused.length. */
  rows: number;
  /** Rows that made a new person. */
  imported: number;
  /** Rows that went to a person already known: those that added something, and those that said nothing new. */
  merged: { total: number; added: number; unchanged: number };
  /** One entry a row: its first problem. */
  refused: RefusedRow[];
  /** A different value for something already known: shown, never overwritten. */
  conflicts: Conflict[];
  /** Two persons with one address: shown, never merged by an import. */
  proposedMerges: ProposedMerge[];
  /** Rows whose address is on the list of those we don't write to. They stay on it. */
  suppressed: number;
};

export type ImportOptions = {
  path: string;
  mapping: Mapping;
  now: Date;
  dryRun?: boolean;
  onProgress?: (done: { rows: number; part: number }) => void;
  onRefused?: (record: RefusedRecord) => void;
};

const ROWS_A_TRANSACTION = 500;
/** Milliseconds between two transactions, in which a serving process gets at the database. */
const PAUSE = 5;

/**
 * Imports a CSV file by a mapping. Every transaction is whole, and every row finds again what it made by source, kind and id:
 * killed at any point and run again it ends as if nothing had happened, and a second run changes nothing. Sends no mail. Refuses
 * a file that is no CSV or lacks a column; a bad row is refused alone and reported.
 */
export async function importFile(db: Db, options: ImportOptions): Promise<ImportReport | Refusal> {
  const { path, mapping, now, dryRun = false } = options;
  const began = performance.now();
  const file = await inspectFile(path);
  if (isRefusal(file)) return file;
  const { hash: fileHash, bytes } = file;

  const report: ImportReport = {
    file: basename(path),
    mapping: mapping.name,
    dryRun,
    rows: 0,
    imported: 0,
    merged: { total: 0, added: 0, unchanged: 0 },
    refused: [],
    conflicts: [],
    proposedMerges: [],
    suppressed: 0,
  };
  const today = dayOf(now);
  const importId = newId();
  const known = newKnown();
  const proposed = new Set<string>();
  let recorded = false;
  let header: string[] | null = null;
  let read: RowReader | null = null;
  let batch: { line: number; cells: string[]; row: IntakeRow }[] = [];
  let part = 0;

  function refuseRow(line: number, cells: string[], problems: Problem[]): void {
    report.refused.push({ line, ...problems[0]! });
    options.onRefused?.({
      line,
      header: header!,
      cells,
      because: problems.map(({ column, sentence }) => `${column}: ${sentence}`).join(' '),
    });
  }

  function account(planned: Batch): void {
    report.imported += planned.imported;
    report.merged.added += planned.added;
    report.merged.unchanged += planned.unchanged;
    report.merged.total += planned.added + planned.unchanged;
    report.suppressed += planned.suppressed;
    report.conflicts.push(...planned.conflicts);
    for (const { at, problem } of planned.refused) refuseRow(batch[at]!.line, batch[at]!.cells, [problem]);
    for (const merge of planned.proposedMerges) {
      const pair = merge.people.toSorted().join('\n');
      if (proposed.has(pair)) continue;
      proposed.add(pair);
      report.proposedMerges.push(merge);
    }
  }

  async function flush(): Promise<void> {
    if (batch.length === 0) return;
    const meta = { importId, now };
    if (dryRun) {
      account(await planBatch(db.read, known, batch, meta));
    } else {
      const planned = await db.write(async (tx) => {
        const plan = await planBatch(tx, newKnown(), batch, meta);
        if (plan.changes === 0) return plan;
        if (!recorded) {
          await tx.insert(imports).values({
            id: importId,
            fileName: report.file,
            fileHash,
            mapping: mapping.name,
            startedAt: now.getTime(),
          });
        }
        await write(tx, plan);
        return plan;
      });
      recorded ||= planned.changes > 0;
      account(planned);
    }
    batch = [];
    options.onProgress?.({ rows: report.rows, part });
    await setTimeout(PAUSE);
  }

  for await (const record of recordsOf(path)) {
    part = Math.min(1, record.bytes / bytes);
    if (read === null) {
      if ('sentence' in record) return refuse('header', `The header can't be read. ${record.sentence}`);
      header = record.cells;
      const reader = rowReader(mapping, header, today);
      if (isRefusal(reader)) return reader;
      read = reader;
      continue;
    }
    if ('sentence' in record) {
      report.rows += 1;
      refuseRow(record.line, record.cells, [{ column: 'the row', value: null, sentence: record.sentence }]);
      continue;
    }
    if (record.cells.every((cell) => cell.trim() === '')) continue;
    report.rows += 1;
    const outcome = read(record.cells);
    if ('problems' in outcome) refuseRow(record.line, record.cells, outcome.problems);
    else batch.push({ line: record.line, cells: record.cells, row: outcome.row });
    if (batch.length === ROWS_A_TRANSACTION) await flush();
  }
  if (header === null) return refuse('empty', 'This file holds no header and no rows.');
  await flush();
  report.refused.sort((a, b) => a.line - b.line);
  if (recorded) await db.write((tx) => finish(tx, importId, report, now.getTime() + performance.now() - began));
  return report;
}
