import { expect, test } from 'vitest';
import { isBefore, readDay } from '../../../src/people/intake/dates.ts';

test('a date keeps as much as is known of it', () => {
  expect(readDay('08/2012', ['MM/YYYY', 'YYYY'])).toEqual({ day: '2012-08-01', precision: 'month' });
  expect(readDay('2012', ['MM/YYYY', 'YYYY'])).toEqual({ day: '2012-01-01', precision: 'year' });
  expect(readDay('9/3/2026', ['D/M/YYYY'])).toEqual({ day: '2026-03-09', precision: 'day' });
  expect(readDay('2023-07-28 3:00', ['YYYY-MM-DD H:mm'])).toEqual({ day: '2023-07-28', precision: 'day' });
  expect(readDay('2026-03-09T10:11:12Z', ['YYYY-MM-DDTHH:mm:ssZ'])).toEqual({ day: '2026-03-09', precision: 'day' });
});

test('a date that two formats read as different days is refused, one that they agree on is not', () => {
  const both = ['DD/MM/YYYY', 'MM/DD/YYYY'];
  expect(readDay('03/04/2024', both)).toBe(
    '“03/04/2024” could be 3 April 2024 or 4 March 2024. Write the day as 2024-04-03 or 2024-03-04.',
  );
  expect(readDay('04/04/2024', both)).toEqual({ day: '2024-04-04', precision: 'day' });
  expect(readDay('23/04/2024', both)).toEqual({ day: '2024-04-23', precision: 'day' });
});

test('what is not in the calendar, and what is no date, have a sentence each', () => {
  expect(readDay('2026-02-30', ['YYYY-MM-DD'])).toBe('“2026-02-30” is not a day in the calendar.');
  expect(readDay('200', ['YYYY'])).toBe('“200” is not a date we can read. It should look like YYYY.');
  expect(readDay('0200', ['YYYY'])).toMatch(/not a day in the calendar/);
});

test('before means before beyond doubt', () => {
  const year = { day: '2012-01-01', precision: 'year' } as const;
  expect(isBefore(year, { day: '2012-08-01', precision: 'month' })).toBe(false);
  expect(isBefore({ day: '2012-08-01', precision: 'month' }, year)).toBe(false);
  expect(isBefore(year, { day: '2013-01-01', precision: 'year' })).toBe(true);
});
