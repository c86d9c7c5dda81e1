import { isRefusal, type Refusal, refuse } from '../../shared/refusal.ts';
import { csvPages, recordsOf } from './csv.ts';
import { type Encoding, type InspectedFile, inspectFile } from './file.ts';
import { type JsonShape, jsonTable, ndjsonTable, type Table } from './json.ts';
import { xlsxTable } from './xlsx.ts';

/** What stands at the number that a report gives: a line of a text, a record of a JSON list, a row of a sheet. */
export const UNIT = { csv: 'line', ndjson: 'line', json: 'record', xlsx: 'row' } as const;

/** The header and the records of any file that we read; the shape is for JSON alone. */
export async function openTable(path: string, file: InspectedFile, shape: JsonShape): Promise<Table | Refusal> {
  const { format, encoding, bytes } = file;
  if (format === 'json') return jsonTable(path, bytes, encoding, shape);
  if (format === 'ndjson') return ndjsonTable(path, encoding, shape);
  if (format === 'xlsx') return xlsxTable(path, bytes);
  for await (const record of recordsOf(path, { encoding })) {
    if ('sentence' in record) return refuse('header', `The header can't be read. ${record.sentence}`);
    return {
      header: record.cells,
      async *pages() {
        let first = true;
        for await (const page of csvPages(path, { encoding })) {
          const records = first ? page.slice(1) : page;
          first &&= page.length === 0;
          yield records;
        }
      },
    };
  }
  return refuse('empty', 'This file holds no header and no rows.');
}

/** The names in the header, trimmed; none when the file can't be read. */
export async function headerOf(path: string, shape: JsonShape = {}, encoding?: Encoding): Promise<string[]> {
  const file = await inspectFile(path, encoding);
  const table = isRefusal(file) ? file : await openTable(path, file, shape);
  return isRefusal(table) ? [] : table.header.map((cell) => cell.trim());
}
