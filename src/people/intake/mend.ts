import { type FileHandle, open } from 'node:fs/promises';
import { quoted } from './csv.ts';
import { OUR_COLUMNS } from './header.ts';
import type { RefusedRecord } from './import.ts';

/*
 * The file of refused rows, to be mended and imported again. The reason stands first, so that a row with a cell too many still shows it
 * in its own column.
 */

export function mendHeader({ header }: Pick<RefusedRecord, 'header'>): string {
  return lineOf(['refused_because', ...kept(header, header)]);
}

export function mendLine({ header, because, cells }: RefusedRecord): string {
  return lineOf([because, ...kept(header, cells)]);
}

/** The refused rows as they come; the file is made with the first of them. */
export function mendFile(path: string) {
  let writing: Promise<FileHandle> | null = null;
  return {
    add(record: RefusedRecord): void {
      const text = (writing === null ? mendHeader(record) : '') + mendLine(record);
      writing = (writing ?? open(path, 'w')).then(async (file) => {
        await file.write(text);
        return file;
      });
    },
    /** Whether there was anything to write. */
    async close(): Promise<boolean> {
      const file = await writing;
      writing = null;
      await file?.close();
      return file !== undefined && file !== null;
    },
  };
}

/** A column of reasons from an earlier round gives way to the new one. */
function kept(header: string[], cells: string[]): string[] {
  return cells.filter((_, at) => !OUR_COLUMNS.has(header[at]?.trim().toLowerCase() ?? ''));
}

function lineOf(cells: string[]): string {
  return `${cells.map(quoted).join(',')}\n`;
}
