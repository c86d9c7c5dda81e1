import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type Refusal, refuse } from '../../shared/refusal.ts';

/** What a look at the whole file found: its bytes, their SHA-256 in hex. */
export type InspectedFile = { bytes: number; hash: string };

const STARTS: [RegExp | string, string][] = [
  [
    /^version https:\/\/git-lfs/,
    'This is a pointer to a large file, not the file itself. Fetch the real file (git lfs pull) and import that.',
  ],
  [
    /^\s*(<!doctype|<html|<\?xml|<head|<body|<table)/i,
    'This is a web page or XML, not a CSV file. The download may have ended at a sign-in page.',
  ],
  [/^\{\\rtf/, 'This is a rich-text document, not a CSV file. Save it as plain text, or export it again as CSV.'],
  ['PK\x03\x04', 'This is a spreadsheet or a zip archive, not a CSV file. Open it and save it as “CSV UTF-8”.'],
  [/^%PDF/, 'This is a PDF, not a CSV file.'],
  ['\xd0\xcf\x11\xe0', 'This is an old Excel workbook, not a CSV file. Open it and save it as “CSV UTF-8”.'],
  [/^(\xff\xfe|\xfe\xff)/, 'This file is saved as UTF-16. Save it again as “CSV UTF-8”.'],
  [/^\s*(\{|\[\s*[{\]])/, 'This is JSON, not a CSV file. Export it as CSV.'],
];

/**
 * Reads the file through once, before a row of it is believed: refuses what is no text table at all, text that isn't UTF-8,
 * and NUL bytes, with the line.
 */
export async function inspectFile(path: string): Promise<InspectedFile | Refusal> {
  const hash = createHash('sha256');
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let bytes = 0;
  let line = 1;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
      if (bytes === 0) {
        const start = chunk
          .subarray(0, 2048)
          .toString('latin1')
          .replace(/^\xef\xbb\xbf/, '');
        const wrong = STARTS.find(([mark]) => (typeof mark === 'string' ? start.startsWith(mark) : mark.test(start)));
        if (wrong) return refuse('not-csv', wrong[1]);
      }
      bytes += chunk.length;
      hash.update(chunk);
      const nul = chunk.indexOf(0);
      if (nul >= 0) {
        const at = line + newlines(chunk.subarray(0, nul));
        return refuse(
          'not-text',
          `Line ${at} holds a NUL byte, so this is not a text file. Export it again as “CSV UTF-8”.`,
        );
      }
      try {
        utf8.decode(chunk, { stream: true });
      } catch {
        return notUtf8(line + validNewlines(chunk));
      }
      line += newlines(chunk);
    }
    try {
      utf8.decode();
    } catch {
      return notUtf8(line);
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return refuse('no-file', 'There is no file at this path.');
    if (code === 'EISDIR') return refuse('no-file', 'This is a folder, not a file.');
    if (code === 'EACCES') return refuse('no-file', 'This file may not be read by this account.');
    throw error;
  }
  if (bytes === 0) return refuse('empty', 'This file is empty.');
  return { bytes, hash: hash.digest('hex') };
}

function notUtf8(line: number): Refusal {
  return refuse(
    'not-utf8',
    `Line ${line} is not UTF-8 text: letters such as é or ü would come out wrong. Save the file again as “CSV UTF-8”.`,
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
