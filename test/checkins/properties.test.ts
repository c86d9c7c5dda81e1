import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addDays,
  addWorkingDays,
  type Day,
  dayOf,
  daysBetween,
  isDay,
  notOnHoliday,
  zoneOr,
} from '../../src/shared/dates.ts';

/* What a schedule is made of, for any day and zone: leap days, changes of the clock, and zones a day apart. */

const ZONES = [
  'Europe/London',
  'America/St_Johns',
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
  'Asia/Kathmandu',
  'Africa/Casablanca',
  'Australia/Lord_Howe',
  'America/Santiago',
];
const instant = fc.date({
  min: new Date('2020-01-01T00:00:00Z'),
  max: new Date('2040-12-31T23:59:59Z'),
  noInvalidDate: true,
});
const day = instant.map((at) => dayOf(at));
const weekday = (one: Day) => new Date(`${one}T00:00:00Z`).getUTCDay();

describe('days', () => {
  test('so many days later is so many days later, over leap days and every change of the clock', () => {
    fc.assert(
      fc.property(instant, fc.constantFrom(...ZONES), fc.constantFrom(7, 30, 60, 90), (at, zone, days) => {
        const returnedOn = dayOf(at, zone);
        const dueOn = addDays(returnedOn, days);
        expect(isDay(dueOn)).toBe(true);
        expect(daysBetween(returnedOn, dueOn)).toBe(days);
        // At noon there, that many days later by the clock on the wall, give or take the hour that a change moves.
        const later = new Date(at.getTime() + days * 86_400_000);
        expect(Math.abs(daysBetween(dayOf(later, zone), dueOn))).toBeLessThanOrEqual(1);
      }),
      { numRuns: 2000 },
    );
  });

  test('29 February is a day in leap years and in no others', () => {
    expect([isDay('2028-02-29'), isDay('2027-02-29'), addDays('2028-02-28', 1), addDays('2027-02-28', 1)]).toEqual([
      true,
      false,
      '2028-02-29',
      '2027-03-01',
    ]);
  });

  test('a due date that is no holiday stays; one that is moves to the first day after it that is none, never back', () => {
    fc.assert(
      fc.property(day, fc.uniqueArray(fc.nat(20), { maxLength: 12 }), (one, offsets) => {
        const holidays = offsets.map((offset) => addDays(one, offset));
        const moved = notOnHoliday(one, holidays);
        expect(holidays).not.toContain(moved);
        expect(moved >= one).toBe(true);
        for (let between = one; between < moved; between = addDays(between, 1)) expect(holidays).toContain(between);
      }),
    );
  });

  test('two working days later is a working day, with exactly one between them', () => {
    fc.assert(
      fc.property(
        day,
        fc.integer({ min: 1, max: 6 }),
        fc.uniqueArray(fc.nat(20), { maxLength: 8 }),
        (one, count, offsets) => {
          const holidays = offsets.map((offset) => addDays(one, offset));
          const due = addWorkingDays(one, count, holidays);
          let working = 0;
          for (let next = addDays(one, 1); next <= due; next = addDays(next, 1)) {
            if (![0, 6].includes(weekday(next)) && !holidays.includes(next)) working += 1;
          }
          expect(working).toBe(count);
          expect([0, 6]).not.toContain(weekday(due));
          expect(holidays).not.toContain(due);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('a zone that nobody knows is no reason to stop', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom(...ZONES), fc.constant(null)), (zone) => {
        expect(() => dayOf(0, zoneOr(zone, 'Europe/London'))).not.toThrow();
      }),
    );
  });
});
