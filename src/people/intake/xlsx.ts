import { readFile } from 'node:fs/promises';
import { createInflateRaw } from 'node:zlib';
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
  const unpacked = await unpackedSize(file, LARGEST_UNPACKED);
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

/** Where a part of an archive begins, and where its table of contents ends. */
const PART = Buffer.from('PK\x03\x04', 'latin1');
const END = Buffer.from('PK\x05\x06', 'latin1');

/**
 * What the parts of the archive really come to, or the first figure past `most`. What the archive says of itself may be a lie, so
 * each place where a part could begin is unpacked, and nothing of it kept. Null when it was cut off.
 */
async function unpackedSize(file: Buffer, most: number): Promise<number | null> {
  if (file.lastIndexOf(END) < 0) return null;
  let size = 0;
  for (
    let at = file.indexOf(PART);
    at >= 0 && at + 30 <= file.length && size <= most;
    at = file.indexOf(PART, at + 4)
  ) {
    const begins = at + 30 + file.readUInt16LE(at + 26) + file.readUInt16LE(at + 28);
    if (file.readUInt16LE(at + 8) === DEFLATED) size += await inflatedSize(file.subarray(begins), most - size);
  }
  return size;
}

const DEFLATED = 8;

/** Reading counts like writing, so that a part of nothing can't be looked at for ever. */
function inflatedSize(bytes: Buffer, most: number): Promise<number> {
  return new Promise((resolve) => {
    const inflate = createInflateRaw();
    let size = 0;
    const done = () => resolve(Math.max(size, inflate.bytesWritten));
    inflate.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > most) inflate.destroy();
    });
    inflate.on('error', done).on('close', done).end(bytes);
  });
}
