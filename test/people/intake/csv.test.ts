import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CsvRecord, quoted, recordsOf, unguarded } from '../../../src/people/intake/csv.ts';
import { inspectFile } from '../../../src/people/intake/file.ts';
import { isRefusal } from '../../../src/shared/refusal.ts';
import { sharedData } from './shared-data.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'amends-csv-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(content: string | Buffer): string {
  const path = join(folder, 'file.csv');
  writeFileSync(path, content);
  return path;
}

async function read(content: string | Buffer): Promise<CsvRecord[]> {
  return Array.fromAsync(recordsOf(file(content)));
}

async function cells(content: string | Buffer): Promise<string[][]> {
  return (await read(content)).map((record) => record.cells);
}

async function lines(content: string): Promise<number[]> {
  return (await read(content)).map((record) => record.line);
}

async function refusal(content: string | Buffer): Promise<string> {
  const looked = await inspectFile(file(content));
  return isRefusal(looked) ? looked.sentence : 'not refused';
}

describe('records', () => {
  test('a byte order mark is not part of the first name', async () => {
    expect(await cells('\ufeffa,b\r\n1,2\r\n')).toEqual([
      ['a', 'b'],
      ['1', '2'],
    ]);
  });

  test('the separator is the one the header uses', async () => {
    expect(await cells('a;b\n1,5;2')).toEqual([
      ['a', 'b'],
      ['1,5', '2'],
    ]);
    expect(await cells('a\tb\n"x\ty"\t2')).toEqual([
      ['a', 'b'],
      ['x\ty', '2'],
    ]);
    expect((await cells('"a,b,c";d\n1;2'))[0]).toEqual(['a,b,c', 'd']);
  });

  test('line numbers are those of an editor, with quoted line breaks and empty lines, for every kind of line end', async () => {
    for (const end of ['\n', '\r\n', '\r']) {
      const text = ['a,b', '1,"x', '', 'y"', '', '2,z', '3,w'].join(end);
      expect(await lines(text)).toEqual([1, 2, 6, 7]);
      expect((await cells(text))[1]?.[1]).toBe('x\n\ny');
    }
  });

  test('a quote that is never closed costs its own line and no other', async () => {
    const read_ = await read('a,b\n1,"x\n2,y\n3,z\n');
    expect(read_.map(({ line, cells }) => [line, cells])).toEqual([
      [1, ['a', 'b']],
      [2, ['1', '"x']],
      [3, ['2', 'y']],
      [4, ['3', 'z']],
    ]);
    expect(read_[1]).toHaveProperty('sentence', 'A quote is opened on this line and never closed.');
  });

  test('a stray quote costs its own line, also when a later one seems to close it', async () => {
    const read_ = await read('a,b\n1,5" pipe\n2,"ok"\n3,6" pipe\n4,z\n');
    expect(read_.map((record) => ('sentence' in record ? 'refused' : record.cells[1]))).toEqual([
      'b',
      'refused',
      'ok',
      'refused',
      'z',
    ]);
    expect(read_.map((record) => record.line)).toEqual([1, 2, 3, 4, 5]);
  });

  test('what is written as CSV comes back as it was', async () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replace(/[\r\0]/g, '\n'));
    const row = fc.array(cell, { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 12 }), async (rows) => {
        const text = rows.map((cells) => cells.map((one) => `"${one.replaceAll('"', '""')}"`).join(',')).join('\r\n');
        expect(await cells(`h,i\r\n${text}`)).toEqual([['h', 'i'], ...rows]);
      }),
      { numRuns: 150 },
    );
  });

  test('a record over the edge of two reads is whole', async () => {
    const rows = Array.from({ length: 30_000 }, (_, at) => `${at},"é, ${'x'.repeat(at % 17)}\r\nü"`);
    const found = await cells(`a,b\r\n${rows.join('\r\n')}`);
    expect(found).toHaveLength(30_001);
    expect(found[29_999]).toEqual(['29998', `é, ${'x'.repeat(29_998 % 17)}\nü`]);
  });

  const spectrum = sharedData('nasty/csv-spectrum');
  test.skipIf(!spectrum.found)(`csv-spectrum${spectrum.note}`, async () => {
    const names = readdirSync(join(spectrum.path, 'csvs')).map((name) => name.replace(/\.csv$/, ''));
    expect(names.length).toBeGreaterThan(10);
    // The corpus' own JSON for this one holds another telephone number than its CSV.
    for (const name of names.filter((name) => name !== 'location_coordinates')) {
      const bytes = readFileSync(join(spectrum.path, 'csvs', `${name}.csv`));
      const expected = JSON.parse(readFileSync(join(spectrum.path, 'json', `${name}.json`), 'utf8'));
      const [header, ...rows] = await cells(bytes);
      const objects = rows.map((row) => Object.fromEntries(header!.map((key, at) => [key, row[at]])));
      // We read a line break inside a cell as \n, however the file writes it.
      expect([name, objects]).toEqual([name, JSON.parse(JSON.stringify(expected).replaceAll('\\r\\n', '\\n'))]);
    }
  });
});

describe('what is no CSV file is refused with a sentence', () => {
  test.each([
    ['a pointer to a large file', 'version https://git-lfs.github.com/spec/v1\noid sha256:df2\nsize 12\n', /pointer/],
    ['a web page', '\n<!DOCTYPE html><html>', /web page/],
    ['rich text', '{\\rtf1\\ansi a,b}', /rich-text/],
    ['an archive', 'PK\x03\x04abc', /zip archive/],
    ['an archive of another kind', Buffer.from([0x1f, 0x8b, 8]), /compressed/],
    ['an empty file', '', /empty/],
    ['a NUL byte', 'a,b\n1,2\n3,\0\n', /^Line 3 holds a NUL/],
    ['letters that could be read in two ways', Buffer.from('a,b\n1,2\n3, \xae \n', 'latin1'), /^Line 3 is not UTF-8/],
    [
      'UTF-8 with a byte of another encoding',
      Buffer.from('a,b\n1,caf\xc3\xa9\n3,caf\xe9\n', 'latin1'),
      /^Line 3 is not UTF-8/,
    ],
    ['a character cut off at the end', Buffer.from('a,b\n1,é', 'utf8').subarray(0, -1), /^Line 2 ends in the middle/],
  ])('%s', async (_, content, sentence) => {
    expect(await refusal(content)).toMatch(sentence);
  });

  test('a letter over the edge of two reads is no mistake, and a wrong byte far down has the right line', async () => {
    const line = `${'é'.repeat(63)}\n`;
    const good = line.repeat(5000);
    expect(await refusal(`x${good}`)).toBe('not refused');
    const bad = Buffer.concat([Buffer.from(`x${good}`), Buffer.from([0xe9, 0x2c]), Buffer.from(good)]);
    expect(await refusal(bad)).toMatch(/^Line 5001 is not UTF-8/);
  });

  test('a path without a file', async () => {
    const looked = await inspectFile(join(folder, 'nobody.csv'));
    expect(looked).toMatchObject({ sentence: 'There is no file at this path.' });
    expect(await inspectFile(folder)).toMatchObject({ sentence: 'This is a folder, not a file.' });
  });

  const pointer = sharedData('nasty/lfs_pointer_named_consumer_complaints.csv');
  test.skipIf(!pointer.found)(`the real pointer file${pointer.note}`, async () => {
    expect(await inspectFile(pointer.path)).toMatchObject({ code: 'not-csv' });
  });
});

test('of a hundred thousand cells a spreadsheet runs none, whether it splits at commas or at semicolons, tabs and bars too; each comes back as it was', () => {
  const parts = [
    '=1+1',
    '+44',
    '-3',
    '@SUM(A1)',
    '＝1+1',
    '＠x',
    "'",
    '"',
    ',',
    ';',
    '|',
    '\t',
    '\r',
    '\n',
    ' ',
    'Ann',
    '=',
    'é',
  ];
  const cell = fc.oneof(fc.string({ unit: fc.constantFrom(...parts), maxLength: 6 }), fc.string({ maxLength: 8 }));
  let cells = 0;
  fc.assert(
    fc.property(fc.array(cell, { minLength: 20, maxLength: 20 }), (row) => {
      const line = row.map(quoted).join(',');
      for (const delimiter of [[','], [',', ';', '\t', '|']]) {
        const [read = []] = parse(line, { delimiter, skip_empty_lines: false, record_delimiter: '\r\n' }) as string[][];
        expect(read.map(unguarded)).toEqual(row);
        for (const one of read) expect(one).not.toMatch(/^\s*[=+\-@＝＋－＠]|^[\t\r\n]/u);
      }
      cells += row.length;
    }),
    { numRuns: 5000 },
  );
  expect(cells).toBe(100_000);
});
