import { basename } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Db, openScratch, type Tx } from '../../../db/client.ts';
import { dayOf } from '../../shared/dates.ts';
import { newId } from '../../shared/ids.ts';
import { isRefusal, type Refusal } from '../../shared/refusal.ts';
import { proposeMerges } from '../merging.ts';
import { type Batch, type Conflict, type ProposedMerge, planBatch } from './batch.ts';
import type { Problem } from './cells.ts';
import { type Encoding, encodingName, inspectFile } from './file.ts';
import type { Mapping } from './mapping.ts';
import { type IntakeRow, rowReader } from './rows.ts';
import { openTable, UNIT } from './table.ts';
import { begin, finish, putAside, TABLES, write } from './write.ts';

export type RefusedRow = Problem & { line: number };

/** A refused row as it stood in the file, for the file that can be mended and imported again. */
export type RefusedRecord = { line: number; header: string[]; cells: string[]; because: string };

export type ImportReport = {
  file: string;
  mapping: string;
  dryRun: boolean;
  /** What a number beside a row counts: lines of the text, records of the JSON, rows of the sheet. */
  unit: (typeof UNIT)[keyof typeof UNIT];
  /** How the letters are written, when it isn't UTF-8. */
  encoding: string | null;
  /** Of the import in the database; null when there is nothing to undo. */
  importId: string | null;
  /** Rows below the header that say anything. Always imported + merged.total + leftOut + refusedRows. */
  rows: number;
  /** Rows that made a new person. */
  imported: number;
  /** Rows that went to a person already known: those that added something, and those that said nothing new. */
  merged: { total: number; added: number; unchanged: number };
  /** Rows that are nobody's who left, or not ours to hold, by the mapping's reason. */
  leftOut: { because: string; rows: number; line: number }[];
  refusedRows: number;
  /** One entry a row: its first problem. Of this list and the next two the first fifty thousand, however long the file. */
  refused: RefusedRow[];
  /** How often something already known has a different value: shown, never overwritten. */
  conflicting: number;
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
  /** What a person knows of how the letters are written. */
  encoding?: Encoding | undefined;
  dryRun?: boolean;
  /** So many are written together. */
  rowsATransaction?: number;
  /** So many entries of each list are in the report. */
  listed?: number;
  onProgress?: (done: { rows: number; part: number }) => void;
  onRefused?: (record: RefusedRecord) => void;
};

const ROWS_A_TRANSACTION = 3000;
/** Milliseconds between two transactions, in which a serving process gets at the database. */
const PAUSE = 5;
const LISTED = 50_000;

function isBlank(cell: string): boolean {
  return cell === '' || cell.trim() === '';
}

/**
 * Imports a file by a mapping. Every transaction is whole, and every row finds again what it made by source, kind and id:
 * killed at any point and run again it ends as if nothing had happened, and a second run changes nothing. Sends no mail. Refuses
 * a file that is no table or lacks a column; a bad row is refused alone and reported.
 */
export async function importFile(db: Db, options: ImportOptions): Promise<ImportReport | Refusal> {
  const { path, mapping, now, dryRun = false, rowsATransaction = ROWS_A_TRANSACTION, listed = LISTED } = options;
  const began = performance.now();
  const file = await inspectFile(path, options.encoding);
  if (isRefusal(file)) return file;
  const { hash, bytes } = file;
  const table = await openTable(path, file, mapping);
  if (isRefusal(table)) return table;
  const { header } = table;
  const read = rowReader(mapping, header, dayOf(now));
  if (isRefusal(read)) return read;

  const report: ImportReport = {
    file: basename(path),
    mapping: mapping.name,
    dryRun,
    unit: UNIT[file.format],
    encoding: file.encoding === 'utf-8' ? null : encodingName(file.encoding),
    importId: null,
    rows: 0,
    imported: 0,
    merged: { total: 0, added: 0, unchanged: 0 },
    leftOut: [],
    refusedRows: 0,
    refused: [],
    conflicting: 0,
    conflicts: [],
    proposedMerges: [],
    suppressed: 0,
  };
  const importId = newId();
  const scratch = dryRun ? await openScratch(db.read, Object.keys(TABLES)) : null;
  const proposed = new Map<string, ProposedMerge>();
  let batch: { line: number; cells: string[]; row: IntakeRow }[] = [];
  let refusals: { line: number; cells: string[]; problems: Problem[] }[] = [];
  let part = 0;

  function leave(line: number, because: string): void {
    const found = report.leftOut.find((left) => left.because === because);
    if (found) found.rows += 1;
    else report.leftOut.push({ because, rows: 1, line });
  }

  function account(planned: Batch): void {
    report.imported += planned.imported;
    report.merged.added += planned.added;
    report.merged.unchanged += planned.unchanged;
    report.merged.total += planned.added + planned.unchanged;
    report.suppressed += planned.suppressed;
    report.conflicting += planned.conflicts.length;
    for (const conflict of planned.conflicts) if (report.conflicts.length < listed) report.conflicts.push(conflict);
    for (const { at, problem } of planned.refused) refusals.push({ ...batch[at]!, problems: [problem] });
    for (const [address, merge] of planned.proposedMerges) {
      if (proposed.size < listed || proposed.has(address)) proposed.set(address, merge);
    }
  }

  async function flush(): Promise<void> {
    if (batch.length > 0) {
      const meta = { importId, now };
      account(await (scratch ? scratch.write((tx) => tryOut(tx, meta)) : db.write((tx) => takeIn(tx, meta))));
    }
    for (const { line, cells, problems } of refusals.toSorted((a, b) => a.line - b.line)) {
      report.refusedRows += 1;
      if (report.refused.length < listed) report.refused.push({ line, ...problems[0]! });
      const because = problems.map(({ column, sentence }) => `${column}: ${sentence}`).join(' ');
      options.onRefused?.({ line, header, cells, because });
    }
    batch = [];
    refusals = [];
    options.onProgress?.({ rows: report.rows, part });
    await setTimeout(PAUSE);
  }

  /** What the batches before it would have written lies in the scratch. */
  async function tryOut(tx: Tx, meta: { importId: string; now: Date }): Promise<Batch> {
    const plan = await planBatch([db.read, tx], batch, meta);
    await putAside(tx, plan);
    return plan;
  }

  async function takeIn(tx: Tx, meta: { importId: string; now: Date }): Promise<Batch> {
    const plan = await planBatch([tx], batch, meta);
    if (plan.changes > 0) {
      if (report.importId === null) await begin(tx, importId, report, hash, now.getTime());
      await write(tx, plan, importId);
      report.importId = importId;
    }
    await proposeMerges(tx, plan.pairs, meta.now);
    return plan;
  }

  try {
    for await (const page of table.pages()) {
      for (const record of page) {
        part = Math.min(1, record.bytes / bytes);
        const { line, cells } = record;
        if ('sentence' in record) {
          report.rows += 1;
          refusals.push({ line, cells, problems: [{ column: 'the row', value: null, sentence: record.sentence }] });
          continue;
        }
        if (cells.every(isBlank)) continue;
        report.rows += 1;
        const outcome = read(cells);
        if ('leftOut' in outcome) leave(line, outcome.leftOut);
        else if ('problems' in outcome) refusals.push({ line, cells, problems: outcome.problems });
        else batch.push({ line, cells, row: outcome.row });
        if (batch.length === rowsATransaction || refusals.length === rowsATransaction) await flush();
      }
    }
    await flush();
  } finally {
    await scratch?.close();
  }
  report.proposedMerges = [...proposed.values()];
  if (report.importId !== null) {
    await db.write((tx) => finish(tx, importId, report, now.getTime() + performance.now() - began));
  }
  return report;
}
