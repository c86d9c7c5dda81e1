import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addDays,
  addWorkingDays,
  clockAt,
  dayOf,
  daysBetween,
  instantAt,
  isDay,
  longDay,
  nextCharge,
  shortDay,
} from '../../src/shared/dates.ts';

const day = fc
  .date({ min: new Date('1990-01-01T00:00:00Z'), max: new Date('2099-12-31T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10));
const weekday = (of: string) => new Date(`${of}T00:00:00Z`).getUTCDay();

test('only days that exist are days', () => {
  for (const real of ['2026-11-22', '2028-02-29', '2000-02-29']) expect(isDay(real)).toBe(true);
  for (const none of [
    '2026-02-29',
    '2100-02-29',
    '2026-13-01',
    '2026-00-10',
    '2026-6-2',
    '22.11.2026',
    '',
    '2026-11-22T10:00:00Z',
  ])
    expect(isDay(none)).toBe(false);
});

test('an instant is a different day in different places', () => {
  const instant = new Date('2026-07-10T23:30:00Z');
  expect(dayOf(instant)).toBe('2026-07-10');
  expect(dayOf(instant, 'Europe/London')).toBe('2026-07-11');
  expect(dayOf(instant, 'America/New_York')).toBe('2026-07-10');
  expect(dayOf(new Date('2026-12-10T23:30:00Z'), 'Europe/London')).toBe('2026-12-10');
});

test('days are added and counted over month ends, leap days and the change of clocks', () => {
  expect(addDays('2028-02-28', 1)).toBe('2028-02-29');
  expect(addDays('2026-12-31', 1)).toBe('2027-01-01');
  expect(addDays('2026-03-28', 2)).toBe('2026-03-30');
  expect(daysBetween('2026-10-24', '2026-10-26')).toBe(2);
  fc.assert(
    fc.property(day, fc.integer({ min: -2000, max: 2000 }), (from, days) => {
      expect(daysBetween(from, addDays(from, days))).toBe(days);
    }),
  );
});

test('working days pass over the weekend, wherever they begin', () => {
  fc.assert(
    fc.property(day, fc.integer({ min: 1, max: 30 }), (from, count) => {
      const reached = addWorkingDays(from, count);
      expect([1, 2, 3, 4, 5]).toContain(weekday(reached));
      const between = Array.from({ length: daysBetween(from, reached) }, (_, at) => addDays(from, at + 1));
      expect(between.filter((each) => weekday(each) !== 0 && weekday(each) !== 6)).toHaveLength(count);
    }),
  );
  expect(addWorkingDays('2026-11-20', 2)).toBe('2026-11-24');
  expect(addWorkingDays('2026-11-22', 0)).toBe('2026-11-22');
});

test('a charge comes on the same day, or on the last one of a shorter month', () => {
  expect(nextCharge('2026-11-22', 'month')).toBe('2026-12-22');
  expect(nextCharge('2026-12-31', 'month')).toBe('2027-01-31');
  expect(nextCharge('2027-01-31', 'month')).toBe('2027-02-28');
  expect(nextCharge('2028-01-31', 'month')).toBe('2028-02-29');
  expect(nextCharge('2028-02-29', 'year')).toBe('2029-02-28');
  expect(nextCharge('2026-11-22', 'year')).toBe('2027-11-22');
  fc.assert(
    fc.property(day, fc.constantFrom('month', 'year'), (from, interval) => {
      const next = nextCharge(from, interval);
      expect(isDay(next)).toBe(true);
      const [least, most] = interval === 'year' ? [365, 366] : [28, 31];
      expect(daysBetween(from, next)).toBeGreaterThanOrEqual(least!);
      expect(daysBetween(from, next)).toBeLessThanOrEqual(most!);
    }),
  );
});

test('days are written as people here write them', () => {
  expect(longDay('2026-06-02')).toBe('2 June 2026');
  expect(shortDay('2026-06-02')).toBe('2 June');
});

describe('a day and a time in a zone', () => {
  test.each([
    ['winter', '2026-11-23', '09:00', '2026-11-23T09:00:00.000Z'],
    ['summer', '2026-07-23', '09:00', '2026-07-23T08:00:00.000Z'],
    ['the hour that is skipped', '2026-03-29', '01:30', '2026-03-29T01:30:00.000Z'],
    ['the hour that comes twice', '2026-10-25', '01:30', '2026-10-25T00:30:00.000Z'],
    ['midnight', '2026-07-01', '00:00', '2026-06-30T23:00:00.000Z'],
  ])('%s', (_, day, time, instant) => {
    expect(instantAt(day, time, 'Europe/London')?.toISOString()).toBe(instant);
  });

  test('far from Greenwich, and back again', () => {
    expect(instantAt('2026-11-23', '09:00', 'Pacific/Auckland')?.toISOString()).toBe('2026-11-22T20:00:00.000Z');
    expect(clockAt(new Date('2026-11-22T20:00:00Z'), 'Pacific/Auckland')).toBe('09:00');
  });

  test('nothing for what is no day or no time', () => {
    expect(instantAt('2026-02-30', '09:00', 'Europe/London')).toBeNull();
    expect(instantAt('2026-11-23', '24:00', 'Europe/London')).toBeNull();
    expect(instantAt('2026-11-23', '9', 'Europe/London')).toBeNull();
  });
});
