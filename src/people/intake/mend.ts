import { quoted } from './csv.ts';
import type { RefusedRecord } from './import.ts';
import { OUR_COLUMNS } from './rows.ts';

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

/** A column of reasons from an earlier round gives way to the new one. */
function kept(header: string[], cells: string[]): string[] {
  return cells.filter((_, at) => !OUR_COLUMNS.has(header[at]?.trim().toLowerCase() ?? ''));
}

function lineOf(cells: string[]): string {
  return `${cells.map(quoted).join(',')}\n`;
}
