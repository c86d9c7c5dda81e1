import { basename } from 'node:path';
import { and, eq, lt, sql } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { persons } from '../../db/schema/people.ts';
import { finishedItems } from '../../db/schema/reonboarding.ts';
import { recordsOf } from '../people/intake/csv.ts';
import { inspectFile } from '../people/intake/file.ts';
import { headerOf } from '../people/intake/table.ts';
import { type Day, dayOf, isDay } from '../shared/dates.ts';
import { newId } from '../shared/ids.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { listed } from '../shared/words.ts';

/*
 * What people had finished before they left, from a CSV of the HR system. A column is found by any of these names, in any
 * order and case; columns that aren't named here are not read.
 */
const COLUMNS = {
  source: ['source'],
  person_id: ['person_id', 'employee #', 'employee number', 'employee id', 'employeenumber'],
  kind: ['kind', 'training', 'training type', 'task', 'item', 'document'],
  finished_on: ['finished_on', 'completed', 'completed date', 'date completed', 'completion date', 'signed date'],
  note: ['note', 'notes', 'comments'],
  kept_in: ['kept_in', 'system'],
} as const;
type Column = keyof typeof COLUMNS;
const NEEDED: Column[] = ['person_id', 'kind', 'finished_on'];

export type FinishedReport = {
  records: number;
  added: number;
  newer: number;
  known: number;
  refused: { line: number; sentence: string }[];
};

/** What the source calls it is the item's own name, or that which the item gives in `finished_as`. */
export async function importFinished(
  db: Db,
  { path, source, dryRun = false }: { path: string; source?: string | undefined; dryRun?: boolean },
  now: Date,
): Promise<FinishedReport | Refusal> {
  const file = await inspectFile(path);
  if (isRefusal(file)) return file;
  const header = (await headerOf(path)).map((name) => name.trim().toLowerCase());
  const at = Object.fromEntries(
    Object.entries(COLUMNS).map(([column, names]) => [
      column,
      header.findIndex((one) => (names as readonly string[]).includes(one)),
    ]),
  ) as Record<Column, number>;
  const missing = NEEDED.filter((column) => at[column] < 0);
  if (missing.length > 0) {
    return refuse('header', `A column is missing: ${listed(missing.map((one) => COLUMNS[one].join(' or ')))}.`);
  }
  if (at.source < 0 && !source) {
    return refuse('source', 'Say with --source which system the people came from; the file has no column source.');
  }
  const today = dayOf(now);
  const report: FinishedReport = { records: 0, added: 0, newer: 0, known: 0, refused: [] };
  const rows: { line: number; person: string; source: string; kind: string; on: Day; note: string; keptIn: string }[] =
    [];
  let first = true;
  for await (const record of recordsOf(path)) {
    if (first) {
      first = false;
      continue;
    }
    report.records += 1;
    if ('sentence' in record) {
      report.refused.push({ line: record.line, sentence: record.sentence });
      continue;
    }
    const cell = (column: Column) => (at[column] < 0 ? '' : (record.cells[at[column]] ?? '').trim());
    const on = cell('finished_on').slice(0, 10);
    const wrong =
      cell('person_id') === ''
        ? 'person_id is empty.'
        : cell('kind') === ''
          ? 'kind is empty: say what was finished.'
          : !isDay(on)
            ? `finished_on: “${on}” is no day. Write YYYY-MM-DD.`
            : on > today
              ? `finished_on: ${on} is still to come.`
              : null;
    if (wrong) report.refused.push({ line: record.line, sentence: wrong });
    else {
      rows.push({
        line: record.line,
        person: cell('person_id'),
        source: cell('source') || source || '',
        kind: cell('kind'),
        on,
        note: cell('note'),
        keptIn: cell('kept_in') || basename(path),
      });
    }
  }
  const work = async (tx: Tx) => {
    for (const row of rows) {
      const [person] = await tx
        .select({ id: persons.id })
        .from(persons)
        .where(and(eq(persons.source, row.source), eq(persons.externalId, row.person), eq(persons.kind, 'employee')));
      if (!person) {
        const sentence = `There is no employee “${row.person}” from “${row.source}”. Import the people first.`;
        report.refused.push({ line: row.line, sentence });
        continue;
      }
      report[await finish(tx, { ...row, personId: person.id })] += 1;
    }
    if (dryRun) throw new Undone();
  };
  await db.write(work).catch((error: unknown) => {
    if (!(error instanceof Undone)) throw error;
  });
  return report;
}

/** A dry run does all of it and takes it back. */
class Undone extends Error {}

async function finish(
  tx: Tx,
  { personId, kind, on, note, keptIn }: { personId: string; kind: string; on: Day; note: string; keptIn: string },
): Promise<'added' | 'newer' | 'known'> {
  const [before] = await tx
    .select({ id: finishedItems.id })
    .from(finishedItems)
    .where(and(eq(finishedItems.personId, personId), eq(finishedItems.kind, kind)));
  const values = { finishedOn: on, note: note || null, source: keptIn };
  const done = await tx
    .insert(finishedItems)
    .values({ id: newId(), personId, kind, ...values })
    .onConflictDoUpdate({
      target: [finishedItems.personId, finishedItems.kind],
      set: values,
      setWhere: lt(finishedItems.finishedOn, sql`excluded.finished_on`),
    })
    .returning({ id: finishedItems.id });
  return done.length === 0 ? 'known' : before ? 'newer' : 'added';
}
