import { eq } from 'drizzle-orm';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';
import { insertRows, updateRow } from '../../../db/bulk.ts';
import type { Tx } from '../../../db/client.ts';
import { complaints, departures, importFills, imports, persons, signals } from '../../../db/schema/people.ts';
import { newId } from '../../shared/ids.ts';
import type { Batch, Pending, Stored } from './batch.ts';
import type { ImportReport } from './import.ts';

/** What an import writes to; what others refer to comes first. */
export const TABLES = { persons, departures, complaints, signals } as const;
export type What = keyof typeof TABLES;

function each({ pending }: Batch): [what: What, table: SQLiteTable, rows: Pending<Stored>][] {
  const names = Object.keys(TABLES) as What[];
  return names.map((what) => [what, TABLES[what], pending[what] as unknown as Pending<Stored>]);
}

/** Writes what a batch came to, in the transaction that it was planned in. */
export async function write(tx: Tx, plan: Batch, importId: string): Promise<void> {
  for (const [, table, { insert }] of each(plan)) await insertRows(tx, table, [...insert]);
  for (const [, table, { update }] of each(plan)) {
    for (const [id, { values }] of update) await updateRow(tx, table, id, values);
  }
  for (const [what, , { before, update }] of each(plan)) {
    const fills = [...before].map(([rowId, { personId, values }]) => {
      const now: Record<string, unknown> = { ...update.get(rowId)?.values };
      const after = Object.fromEntries(Object.keys(values).map((key) => [key, now[key]]));
      return { id: newId(), importId, personId, what, rowId, before: values, after };
    });
    await insertRows(tx, importFills, fills);
  }
}

/** Puts what a batch came to into a dry run's scratch, whole rows over those that lie there, for the batches after it. */
export async function putAside(tx: Tx, plan: Batch): Promise<void> {
  for (const [what, table, { insert, update }] of each(plan)) {
    const rows = what === 'persons' ? plan.owners : [...insert, ...[...update.values()].map(({ row }) => row)];
    await insertRows(tx, table, [...rows], { or: 'replace' });
  }
}

/** Opens the account of an import that changes something. `at` is in milliseconds. */
export async function begin(tx: Tx, id: string, report: ImportReport, fileHash: string, at: number): Promise<void> {
  const { file: fileName, mapping } = report;
  await tx.insert(imports).values({ id, fileName, fileHash, mapping, startedAt: at });
}

/** Closes it. */
export async function finish(tx: Tx, id: string, report: ImportReport, at: number): Promise<void> {
  const { rows, imported, merged, conflicting, proposedMerges } = report;
  const counts = {
    rows,
    imported,
    merged: merged.total,
    leftOut: report.leftOut.reduce((sum, { rows }) => sum + rows, 0),
    refused: report.refusedRows,
    conflicts: conflicting,
    proposedMerges: proposedMerges.length,
  };
  await tx
    .update(imports)
    .set({ finishedAt: Math.round(at), counts })
    .where(eq(imports.id, id));
}
