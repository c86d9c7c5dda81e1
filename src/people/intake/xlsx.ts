import { readFile } from 'node:fs/promises';
import { readSheet } from 'read-excel-file/node';
import { type Refusal, refuse } from '../../shared/refusal.ts';
import type { Table } from './json.ts';

const LARGEST_UNPACKED = 256 * 1024 * 1024;

/**
 * The first sheet of a workbook, with the numbers of its rows. Numbers are as short as they can be without changing (33.964131 where the
 * file has 33.964131000000002), days are YYYY-MM-DD, and a moment has its time.
 */
export async function xlsxTable(path: string, bytes: number): Promise<Table | Refusal> {
  const file = await readFile(path);
  const unpacked = unpackedSize(file);
  if (unpacked === null) return broken();
  if (unpacked > LARGEST_UNPACKED) {
    return refuse(
      'too-large',
      'This workbook is larger than 256 MB when it is unpacked. Save the sheet as “CSV UTF-8”.',
    );
  }
  let rows: unknown[][];
  try {
    rows = (await readSheet(file)) as unknown[][];
  } catch {
    return broken();
  }
  const first = rows.findIndex((row) => row.some((cell) => text(cell).trim() !== ''));
  if (first < 0) return refuse('empty', 'The first sheet of this workbook is empty.');
  const header = rows[first]!.map(text);
  while (header.at(-1)?.trim() === '') header.pop();
  return {
    header,
    async *pages() {
      yield rows.slice(first + 1).map((row, at) => {
        const cells = row.map(text);
        while (cells.length < header.length) cells.push('');
        return { line: first + at + 2, cells, bytes };
      });
    },
  };
}

function broken(): Refusal {
  return refuse('workbook', 'This workbook can’t be opened: it was cut off, or it is locked with a password.');
}

function text(cell: unknown): string {
  if (cell === null || cell === undefined) return '';
  if (cell instanceof Date)
    return cell
      .toISOString()
      .replace(/T00:00:00\.000Z$/, '')
      .replace(/\.000Z$/, 'Z');
  return String(cell);
}

/** What the archive says that its parts come to. Null when it has no table of contents, as one that was cut off. */
function unpackedSize(file: Buffer): number | null {
  const end = file.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end < 0 || end + 22 > file.length) return null;
  const parts = file.readUInt16LE(end + 10);
  let at = file.readUInt32LE(end + 16);
  let size = 0;
  for (let part = 0; part < parts; part += 1) {
    if (at + 46 > file.length || file.readUInt32LE(at) !== 0x02014b50) return null;
    size += file.readUInt32LE(at + 24);
    at += 46 + file.readUInt16LE(at + 28) + file.readUInt16LE(at + 30) + file.readUInt16LE(at + 32);
  }
  return size;
}
