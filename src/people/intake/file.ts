import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { type Refusal, refuse } from '../../shared/refusal.ts';

export const ENCODINGS = ['utf-8', 'utf-16le', 'utf-16be', 'windows-1252', 'macintosh'] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** What a look at the whole file found: its bytes, their SHA-256 in hex, what it is and how its letters are written. */
export type InspectedFile = {
  bytes: number;
  hash: string;
  format: 'csv' | 'json' | 'ndjson' | 'xlsx';
  encoding: Encoding;
};

const NAMES: Record<Encoding, string> = {
  'utf-8': 'UTF-8',
  'utf-16le': 'UTF-16',
  'utf-16be': 'UTF-16',
  'windows-1252': 'Windows-1252',
  macintosh: 'Mac Roman',
};

const NO_TABLE: [RegExp | string, string][] = [
  [
    /^version https:\/\/git-lfs/,
    'This is a pointer to a large file, not the file itself. Fetch the real file (git lfs pull) and import that.',
  ],
  [
    /^\s*(<!doctype|<html|<\?xml|<head|<body|<table)/i,
    'This is a web page or XML, not a CSV file. The download may have ended at a sign-in page.',
  ],
  [/^\{\\rtf/, 'This is a rich-text document, not a CSV file. Save it as plain text, or export it again as CSV.'],
  [/^%PDF/, 'This is a PDF, not a CSV file.'],
  ['\xd0\xcf\x11\xe0', 'This is an old Excel workbook, not a CSV file. Open it and save it as “CSV UTF-8” or .xlsx.'],
  ['\x1f\x8b', 'This is a compressed file. Unpack it and import what is inside.'],
];

/**
 * Reads the file through once, before a row of it is believed: tells CSV, JSON, NDJSON and workbooks apart, finds out how the
 * letters are written, and refuses what is no table at all, NUL bytes, and letters that could be read in two ways, with the line.
 * `stated` is what a person knows of the encoding.
 */
export async function inspectFile(path: string, stated?: Encoding): Promise<InspectedFile | Refusal> {
  const hash = createHash('sha256');
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let bytes = 0;
  let line = 1;
  let format: InspectedFile['format'] = 'csv';
  let encoding: Encoding | null = stated ?? null;
  let notUtf8At: number | null = null;
  const foreign = new Map<Letter, number>();
  try {
    if ((await stat(path)).isDirectory()) return refuse('no-file', 'This is a folder, not a file.');
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
      if (bytes === 0) {
        encoding ??= byMark(chunk);
        const start = beginning(chunk, encoding);
        const wrong = NO_TABLE.find(([mark]) => (typeof mark === 'string' ? start.startsWith(mark) : mark.test(start)));
        if (wrong) return refuse('not-csv', wrong[1]);
        if (start.startsWith('PK\x03\x04')) {
          if (!/^\.xlsx$/i.test(extname(path)) && !chunk.includes('[Content_Types].xml') && !chunk.includes('xl/')) {
            return refuse('not-csv', 'This is a zip archive, not a CSV file. Unpack it and import what is inside.');
          }
          format = 'xlsx';
        } else if (/^\s*(\{|\[\s*[{\][":\d-])/.test(start))
          format = /^\s*\{[^\n]*\}\s*\r?\n\s*\{/.test(start) ? 'ndjson' : 'json';
      }
      bytes += chunk.length;
      hash.update(chunk);
      if (format === 'xlsx') continue;
      if (encoding === 'utf-16le' || encoding === 'utf-16be') continue;
      const nul = chunk.indexOf(0);
      if (nul >= 0) {
        const at = line + newlines(chunk.subarray(0, nul));
        return refuse(
          'not-text',
          `Line ${at} holds a NUL byte, so this is not a text file. Export it again as “CSV UTF-8”.`,
        );
      }
      if (encoding === null && notUtf8At === null) {
        try {
          utf8.decode(chunk, { stream: true });
        } catch {
          notUtf8At = line + validNewlines(chunk);
        }
      }
      if (encoding === null) gather(chunk, foreign);
      line += newlines(chunk);
    }
    if (encoding === null && notUtf8At === null) {
      try {
        utf8.decode();
      } catch {
        return refuse('not-utf8', `Line ${line} ends in the middle of a letter: the file was cut off. Fetch it again.`);
      }
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return refuse('no-file', 'There is no file at this path.');
    if (code === 'EACCES') return refuse('no-file', 'This file may not be read by this account.');
    throw error;
  }
  if (bytes === 0) return refuse('empty', 'This file is empty.');
  if (notUtf8At !== null) {
    const guess = byLetters(foreign);
    if (guess === null) return unclear(notUtf8At, [...foreign.keys()][0] ?? null);
    encoding = guess;
  }
  return { bytes, hash: hash.digest('hex'), format, encoding: encoding ?? 'utf-8' };
}

/** For the report, when it is worth a word. */
export function encodingName(encoding: Encoding): string {
  return NAMES[encoding];
}

function beginning(chunk: Buffer, encoding: Encoding | null): string {
  const piece = chunk.subarray(0, 4096);
  if (encoding === 'utf-16le' || encoding === 'utf-16be') return new TextDecoder(encoding).decode(piece);
  return piece.toString('latin1').replace(/^\xef\xbb\xbf/, '');
}

/** By a byte order mark, or by every second byte of plain letters being 0. */
function byMark(chunk: Buffer): Encoding | null {
  if (chunk[0] === 0xff && chunk[1] === 0xfe) return 'utf-16le';
  if (chunk[0] === 0xfe && chunk[1] === 0xff) return 'utf-16be';
  const piece = chunk.subarray(0, 512);
  const zeros = (from: number) => piece.filter((byte, at) => at % 2 === from && byte === 0).length / (piece.length / 2);
  if (piece.length < 8 || piece.subarray(0, 4).toString('latin1') === 'PK\x03\x04') return null;
  if (zeros(1) > 0.7 && zeros(0) < 0.1) return 'utf-16le';
  if (zeros(0) > 0.7 && zeros(1) < 0.1) return 'utf-16be';
  return null;
}

/** A byte beyond ASCII and what stands on both sides of it: `a`, `A` for letters, a space for all else. */
type Letter = string;

function gather(chunk: Buffer, seen: Map<Letter, number>): void {
  for (let at = 0; at < chunk.length; at += 1) {
    const byte = chunk[at]!;
    if (byte < 0x80) continue;
    const key = `${side(chunk[at - 1])}${String.fromCharCode(byte)}${side(chunk[at + 1])}`;
    if (seen.size < 2000 || seen.has(key)) seen.set(key, (seen.get(key) ?? 0) + 1);
  }
}

function side(byte = 32): string {
  if (byte >= 0x61 && byte <= 0x7a) return 'a';
  return byte >= 0x41 && byte <= 0x5a ? 'A' : byte >= 0x80 ? '?' : ' ';
}

/**
 * Windows-1252 or Mac Roman, by which of the two makes every letter plausible where it stands: a small accented letter beside small ones, a
 * capital at the beginning or among capitals, an apostrophe between letters. Null when both do, or neither.
 */
function byLetters(foreign: Map<Letter, number>): Encoding | null {
  const implausible = (encoding: Encoding) =>
    [...foreign].reduce((sum, [letter, count]) => sum + (isPlausible(letter, encoding) ? 0 : count), 0);
  const [windows, mac] = [implausible('windows-1252'), implausible('macintosh')];
  if (windows === 0 && mac > 0) return 'windows-1252';
  return mac === 0 && windows > 0 ? 'macintosh' : null;
}

function isPlausible(letter: Letter, encoding: Encoding): boolean {
  const [before, , after] = letter;
  const text = new TextDecoder(encoding).decode(Buffer.from([letter.charCodeAt(1)]));
  const [beside, among] = [`${before}${after}`, before !== ' ' && after !== ' '];
  if (/[ªºƒˆ˜¨´¸¯∂∑∏π∫Ωˇ˘˙˚˝˛\u0080-\u009f\uf8ff‚„‰†‡¤¦¬√≈∆◊⁄ﬁﬂ≠≤≥∞]/.test(text)) return false;
  if (/\p{Ll}/u.test(text)) return !beside.includes('A') || /[aß]/.test(beside);
  if (/\p{Lu}/u.test(text)) return !/a/.test(before ?? '') && (before !== '?' || after !== 'a');
  if (text === '’') return before !== ' ' || after !== ' ';
  return !among;
}

function unclear(line: number, letter: Letter | null): Refusal {
  const both = letter
    ? ` A letter there is “${new TextDecoder('windows-1252').decode(Buffer.from([letter.charCodeAt(1)]))}” as Windows-1252 and “${new TextDecoder('macintosh').decode(Buffer.from([letter.charCodeAt(1)]))}” as Mac Roman.`
    : '';
  return refuse(
    'not-utf8',
    `Line ${line} is not UTF-8 text: letters such as é or ü would come out wrong.${both} Save the file again as “CSV UTF-8”, or name its encoding with --encoding.`,
  );
}

function newlines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count += 1;
  return count;
}

/** Lines of the chunk before its first byte that is wrong; a character cut by the start of the chunk is not looked at. */
function validNewlines(chunk: Buffer): number {
  let lines = 0;
  for (let from = 0; from < chunk.length; ) {
    const end = chunk.indexOf(10, from);
    const to = end < 0 ? chunk.length : end;
    const piece = chunk.subarray(from, to);
    const start = from === 0 ? piece.findIndex((byte) => (byte & 0xc0) !== 0x80) : 0;
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(piece.subarray(Math.max(0, start)));
    } catch {
      return lines;
    }
    if (end < 0) return lines;
    lines += 1;
    from = end + 1;
  }
  return lines;
}
