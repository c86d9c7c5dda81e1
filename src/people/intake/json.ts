import { readFile } from 'node:fs/promises';
import { type Refusal, refuse } from '../../shared/refusal.ts';
import { type CsvRecord, linesOf } from './csv.ts';
import type { Encoding } from './file.ts';

/** A JSON file is read whole; NDJSON has no such limit. */
const LARGEST_JSON = 96 * 1024 * 1024;
const MOST_COLUMNS = 2000;
/** Of a list inside a record, as many as this become columns: `items.data.0.price.id`. */
const OF_A_LIST = 3;

type Json = string | null | Json[] | { [name: string]: Json };
export type JsonShape = {
  /** Where in the document the records are: `posts`. Without it: the document's own list, or its `data`, or itself. */
  list?: string | undefined;
  /** One record for each of these: `comments` makes a row of every comment of every ticket, beside the ticket's own columns. */
  each?: string | undefined;
};
export type Table = { header: string[]; pages: () => AsyncGenerator<CsvRecord[]> };

/** The records of a JSON document as a table: nested names are joined with dots, numbers stay as they are written. */
export async function jsonTable(
  path: string,
  bytes: number,
  encoding: Encoding,
  shape: JsonShape,
): Promise<Table | Refusal> {
  if (bytes > LARGEST_JSON) {
    return refuse('too-large', 'A JSON file may have 96 MB. Export it as NDJSON, one record a line, or in parts.');
  }
  const text = new TextDecoder(encoding).decode(await readFile(path));
  let document: Json;
  try {
    document = parse(text);
  } catch (error) {
    return refuse('json', `This JSON can’t be read, perhaps because the file was cut off: ${because(error)}.`);
  }
  const list = listOf(document, shape.list);
  if (list === null)
    return refuse('not-records', 'This JSON holds no list of records, such as [{"id": 1}, {"id": 2}].');
  const records = list.flatMap((item, at) => rowsOf(item, shape.each).map((row) => ({ line: at + 1, row })));
  const header = [...new Set(records.flatMap(({ row }) => [...row.keys()]))];
  if (header.length > MOST_COLUMNS) return tooWide();
  return {
    header,
    async *pages() {
      yield records.map(({ line, row }) => ({ line, cells: header.map((name) => row.get(name) ?? ''), bytes }));
    },
  };
}

/** The same of NDJSON, a line at a time: read once for the names and once for the records. A line that is none is refused alone. */
export async function ndjsonTable(path: string, encoding: Encoding, shape: JsonShape): Promise<Table | Refusal> {
  const names = new Set<string>();
  for await (const { text } of textsOf(path, encoding)) {
    const rows = readLine(text, shape);
    if (typeof rows !== 'string') for (const row of rows) for (const name of row.keys()) names.add(name);
    if (names.size > MOST_COLUMNS) return tooWide();
  }
  const header = [...names];
  return {
    header,
    async *pages() {
      let page: CsvRecord[] = [];
      for await (const { text, line, bytes } of textsOf(path, encoding)) {
        const rows = readLine(text, shape);
        if (typeof rows === 'string') page.push({ line, cells: [], bytes, sentence: rows });
        else for (const row of rows) page.push({ line, cells: header.map((name) => row.get(name) ?? ''), bytes });
        if (page.length < 500) continue;
        yield page;
        page = [];
      }
      yield page;
    },
  };
}

function readLine(text: string, { each }: JsonShape): Map<string, string>[] | string {
  let record: Json;
  try {
    record = parse(text);
  } catch (error) {
    return `This line is no JSON record, perhaps because it was cut off: ${because(error)}.`;
  }
  return isRecord(record) ? rowsOf(record, each) : 'This line is JSON, but no record such as {"id": 1}.';
}

async function* textsOf(path: string, encoding: Encoding) {
  let line = 0;
  for await (const { lines, bytes } of linesOf(path, encoding)) {
    for (const text of lines) {
      line += 1;
      if (text.trim() !== '') yield { text, line, bytes };
    }
  }
}

/** Numbers are kept as they are written: an id of eighteen digits is no number to round. */
function parse(text: string): Json {
  const asWritten = (_: string, value: unknown, context?: { source: string }) => {
    if (typeof value === 'number') return context?.source ?? String(value);
    return typeof value === 'boolean' ? String(value) : value;
  };
  return JSON.parse(text, asWritten as (key: string, value: unknown) => unknown) as Json;
}

function listOf(document: Json, list: string | undefined): { [name: string]: Json }[] | null {
  let found: Json | undefined = document;
  for (const name of list?.split('.') ?? []) found = isRecord(found) ? found[name] : undefined;
  if (found === undefined && isRecord(document)) found = document;
  if (list === undefined && isRecord(found) && found.object === 'list' && Array.isArray(found.data)) found = found.data;
  const items = Array.isArray(found) ? found : [found ?? null];
  return items.length > 0 && items.every(isRecord) ? items : null;
}

function rowsOf(record: { [name: string]: Json }, each: string | undefined): Map<string, string>[] {
  if (each === undefined) return [flat(record)];
  const { [each]: inner, ...own } = record;
  const items = Array.isArray(inner) ? inner : [];
  if (items.length === 0) return [flat(own)];
  return items.map((item) => flat({ ...own, [each]: item }));
}

function flat(record: { [name: string]: Json }): Map<string, string> {
  const cells = new Map<string, string>();
  function add(name: string, value: Json): void {
    if (value === null) cells.set(name, '');
    else if (typeof value === 'string') cells.set(name, value);
    else if (!Array.isArray(value)) for (const [inner, item] of Object.entries(value)) add(`${name}.${inner}`, item);
    else if (value.every((item) => typeof item === 'string')) cells.set(name, value.join(', '));
    else for (const [at, item] of value.slice(0, OF_A_LIST).entries()) add(`${name}.${at}`, item);
  }
  for (const [name, value] of Object.entries(record)) add(name, value);
  return cells;
}

function isRecord(value: Json | undefined): value is { [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function because(error: unknown): string {
  return (error as Error).message.replace(/\.{3}|…/g, '').slice(0, 120);
}

function tooWide(): Refusal {
  return refuse('too-wide', `These records have more than ${MOST_COLUMNS} different names in them.`);
}
