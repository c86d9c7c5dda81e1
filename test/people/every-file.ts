import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { importFile } from '../../src/people/intake/import.ts';
import { type Mapping, NEUTRAL, readMapping } from '../../src/people/intake/mapping.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { freshDatabase } from '../support/database.ts';
import { sharedData } from './intake/shared-data.ts';

/** What a file must come to, as every-file.json says it; written before there was a reader for it. */
export type Expectation = {
  file: string;
  mapping?: string;
  /** Imported before it into the same database. */
  after?: string[];
  expect?: Record<string, number>;
  /** Nothing of it can be read: the refusal's code. */
  nothingRead?: string;
  why: string;
};

export const EXPECTATIONS = JSON.parse(
  readFileSync(new URL('every-file.json', import.meta.url), 'utf8'),
) as Expectation[];

const NOW = new Date('2026-11-22T10:00:00Z');

export function mappingNamed(name: string | undefined): Mapping {
  const read =
    name === undefined ? NEUTRAL : readMapping(readFileSync(join('content/mappings', `${name}.yaml`), 'utf8'));
  if (isRefusal(read)) throw new Error(`${name}: ${read.sentence}`);
  return read;
}

/** What stands under the same name in EXPECTATIONS; null when the file isn't here. */
export async function runFile({
  file,
  mapping,
  after = [],
}: Expectation): Promise<Record<string, number> | string | null> {
  const { path, found } = sharedData(file);
  if (!found) return null;
  const db = await freshDatabase();
  try {
    for (const before of after) {
      const first = EXPECTATIONS.find((one) => one.file === before)!;
      await importFile(db, { path: sharedData(before).path, mapping: mappingNamed(first.mapping), now: NOW });
    }
    const report = await importFile(db, { path, mapping: mappingNamed(mapping), now: NOW });
    if (isRefusal(report)) return report.code;
    return {
      rows: report.rows,
      imported: report.imported,
      merged: report.merged.total,
      leftOut: report.leftOut.reduce((sum, { rows }) => sum + rows, 0),
      refused: report.refusedRows,
      conflicts: report.conflicts.length,
      proposedMerges: report.proposedMerges.length,
    };
  } finally {
    await db.cleanup();
  }
}

export const haveShared = existsSync(sharedData('README.md').path);
