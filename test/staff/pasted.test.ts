import { describe, expect, test } from 'vitest';
import { readPasted } from '../../src/staff/pasted.ts';

const PLAIN = 'date,value\n2026-06-01,31.2\n2026-06-08,30\n';

describe('what can mean one thing only is made plain', () => {
  test.each([
    ['tabs', 'date\tvalue\n2026-06-01\t31.2\n2026-06-08\t30'],
    ['rows with tabs under a header with a comma', 'date,value\n2026-06-01\t31.2\n2026-06-08\t30'],
    ['semicolons and decimal commas', 'date;value\r\n2026-06-01;31,2\r\n2026-06-08;30\r\n'],
    ['decimal commas in quotes', 'date,value\n2026-06-01,"31,2"\n2026-06-08,30'],
    ['percent signs', 'date,value\n2026-06-01,31.2%\n2026-06-08,30 %'],
    ['no header', '2026-06-01\t31.2\n\n2026-06-08\t30'],
    ['names of their own', 'Week of\tFailed\n2026-06-01\t31.2\n2026-06-08\t30'],
    ['days with dots', 'date;value\n1.6.2026;31,2\n08.06.2026;30'],
  ])('%s', (_, text) => {
    expect(readPasted(text)).toMatchObject({
      csv: PLAIN,
      problems: [],
      readAs: [expect.any(String), ...readPasted(text).readAs.slice(1)],
    });
  });

  test('with the number of cases', () => {
    const { csv } = readPasted('date;value;n\n2026-06-01;31,2;500\n');
    expect(csv).toBe('date,value,n\n2026-06-01,31.2,500\n');
  });

  test('what is plain already stays as it is, to the letter', () => {
    const csv = 'date, value\r\n2026-06-01, 31.2\r\n';
    expect(readPasted(csv)).toEqual({ csv, readAs: [], problems: [] });
  });
});

describe('anything else is left as it was pasted, and its line is named', () => {
  test.each([
    ['a comma that may end a column', 'date,value\n2026-06-01,30\n2026-06-08,31,2', 3, 'may be one number'],
    ['a comma that may group thousands', 'date;value\n2026-06-01;30\n2026-06-08;1,234', 3, 'a decimal or a thousand'],
    ['a point that may group thousands', 'date;value\n2026-06-01;31,2\n2026-06-08;1.234', 3, 'a decimal or a thousand'],
    ['a day that may be a month', 'date,value\n2026-06-01,30\n06/08/2026,31', 3, 'Write the year first'],
    ['a whole table', `${Array.from({ length: 20 }, (_, i) => `c${i}`).join('\t')}\n`, 1, '20 columns'],
    ['three columns without names', '2026-06-01,30,500', 1, 'say which is which'],
    ['columns in another order', 'value,date\n30,2026-06-01', 1, 'in this order'],
    ['a third column that is no number of cases', 'date,value,notes\n2026-06-01,30,late', 1, '“notes”'],
    ['a wrong day, without a header', '2026-06-01\t30\n2026-06-31\t30', 2, 'is not a date'],
    ['days out of order', 'date;value\n2026-06-08;30\n2026-06-01;30', 3, 'Put the oldest first'],
  ])('%s', (_, text, line, sentence) => {
    const read = readPasted(text);
    expect(read.csv).toBe(text);
    expect(read.problems[0]).toMatchObject({ line, sentence: expect.stringContaining(sentence) });
  });
});
