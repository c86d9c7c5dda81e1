import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plainSchemas } from '../../src/proofs/documents.ts';
import { type Finished, firstWeekOf, type Item } from '../../src/reonboarding/firstWeek.ts';
import { addDays, addMonths } from '../../src/shared/dates.ts';

const BACK = { role: 'support-adviser', country: 'GB', startOn: '2027-01-11' };

function item(id: string, fields: Record<string, unknown> = {}): Item {
  return {
    id,
    data: plainSchemas.reonboarding.parse({ title: `The ${id}`, ask: 'acknowledge', owner: 'ruth', ...fields }),
  };
}
const gb = (months: number) => ({ lasts: [{ country: 'GB', months, basis: 'Our rule of 2024.' }] });
const changed = (on: string) => ({ changed_on: on, changed: 'It names two people now.' });
const did = (kind: string, finishedOn: string): Finished => ({ kind, finishedOn });
const only = (one: Item, ...finished: Finished[]) => firstWeekOf([one], finished, BACK);

describe('what is asked', () => {
  test('what they never did is asked as new', () => {
    expect(only(item('policy')).todo[0]).toMatchObject({ because: 'new', finishedOn: null });
  });
  test('what changed since they finished it is asked again; what changed before is not', () => {
    expect(only(item('policy', changed('2026-06-01')), did('policy', '2025-05-01')).todo[0]?.because).toBe('changed');
    expect(only(item('policy', changed('2025-05-01')), did('policy', '2025-05-01')).carried).toHaveLength(1);
  });
  test('what is good up to the first day is carried over, and what ended the day before is asked', () => {
    expect(only(item('fire', gb(12)), did('fire', '2026-01-11')).carried[0]).toMatchObject({
      until: '2027-01-11',
      basis: 'Our rule of 2024.',
    });
    expect(only(item('fire', gb(12)), did('fire', '2026-01-10')).todo[0]).toMatchObject({
      because: 'expired',
      endedOn: '2027-01-10',
    });
  });
  test('without a rule for their country it is asked again; without any rule it lasts until it changes', () => {
    const elsewhere = { lasts: [{ country: 'NL', months: 600, basis: 'A rule of another country.' }] };
    expect(only(item('check', elsewhere), did('check', '2026-12-01')).todo[0]?.because).toBe('no rule');
    expect(only(item('check'), did('check', '2001-01-01')).carried[0]?.until).toBeNull();
  });
  test('what is for another role or country is not there at all', () => {
    const week = firstWeekOf([item('a', { roles: ['other'] }), item('b', { countries: ['NL'] })], [], BACK);
    expect(Object.values(week).flat()).toEqual([]);
  });
  test('what the HR system calls by another name is found by it', () => {
    expect(only(item('fire', { finished_as: 'FS-101' }), did('FS-101', '2026-01-11')).carried).toHaveLength(1);
  });
  test('the last of several counts', () => {
    expect(only(item('fire', gb(12)), did('fire', '2026-05-01'), did('fire', '2020-01-01')).carried).toHaveLength(1);
  });
});

const dayFrom = fc.integer({ min: 0, max: 4000 }).map((days) => addDays('2018-01-01', days));
const country = fc.constantFrom('GB', 'NL', 'US');
const kinds = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const anItem = (id: string) =>
  fc
    .record({
      ask: fc.constantFrom('acknowledge', 'confirm', 'system', 'wait', 'difference'),
      changedOn: fc.option(dayFrom),
      lasts: fc.option(
        fc.uniqueArray(fc.record({ country, months: fc.integer({ min: 1, max: 60 }) }), {
          minLength: 1,
          selector: (one) => one.country,
        }),
      ),
      roles: fc.option(fc.subarray(['x', 'y'], { minLength: 1 })),
      countries: fc.option(fc.subarray(['GB', 'NL', 'US'], { minLength: 1 })),
      due_days: fc.integer({ min: -10, max: 30 }),
    })
    .map(({ changedOn, lasts, roles, countries, ...rest }) =>
      item(id, {
        ...rest,
        system: 'People Desk',
        ...(changedOn && changed(changedOn)),
        ...(lasts && { lasts: lasts.map((one) => ({ ...one, basis: 'Our rule of 2024.' })) }),
        ...(roles && { roles }),
        ...(countries && { countries }),
      }),
    );
const life = fc.record({
  items: fc.tuple(...kinds.map(anItem)),
  finished: fc.array(fc.record({ kind: fc.constantFrom(...kinds, 'unknown'), finishedOn: dayFrom })),
  back: fc.record({ role: fc.constantFrom('x', 'y'), country, startOn: dayFrom }),
});

describe('for any history', () => {
  test('each item that applies stands in exactly one place, and no other does', () => {
    fc.assert(
      fc.property(life, ({ items, finished, back }) => {
        const week = firstWeekOf(items, finished, back);
        const there = Object.values(week).flatMap((rows) => rows.map(({ item }) => item.id));
        const applies = items.filter(
          ({ data }) => (data.roles?.includes(back.role) ?? true) && (data.countries?.includes(back.country) ?? true),
        );
        expect(there.toSorted()).toEqual(applies.map(({ id }) => id).toSorted());
      }),
    );
  });

  test('nothing that is still good is asked, and nothing that is not is carried over', () => {
    fc.assert(
      fc.property(life, ({ items, finished, back }) => {
        const week = firstWeekOf(items, finished, back);
        for (const { item: one } of [...week.todo, ...week.carried]) {
          const days = finished.filter(({ kind }) => kind === one.id).map(({ finishedOn }) => finishedOn);
          const last = days.toSorted().at(-1);
          const rule = one.data.lasts?.find((each) => each.country === back.country);
          const good =
            last !== undefined &&
            (one.data.lasts === undefined || (rule !== undefined && addMonths(last, rule.months) >= back.startOn)) &&
            (one.data.changed_on === undefined || one.data.changed_on <= last);
          expect(week.carried.some(({ item }) => item.id === one.id)).toBe(good);
        }
      }),
    );
  });

  test('doing everything on the first day leaves nothing to do that a rule allows to stay', () => {
    fc.assert(
      fc.property(life, ({ items, finished, back }) => {
        const week = firstWeekOf(items, finished, back);
        const since = week.todo.map(({ item }) => did(item.id, back.startOn));
        const after = firstWeekOf(items, [...finished, ...since], back).todo;
        const allowed = after.filter(({ item, because }) => {
          const later = item.data.changed_on !== undefined && item.data.changed_on > back.startOn;
          return because !== 'no rule' && !later;
        });
        expect(allowed).toEqual([]);
      }),
    );
  });

  test('neither the order of what was finished nor of the items changes the answer', () => {
    fc.assert(
      fc.property(life, ({ items, finished, back }) => {
        const sorted = (week: ReturnType<typeof firstWeekOf>) =>
          Object.values(week).map((rows) => rows.map((row) => JSON.stringify(row)).toSorted());
        const other = firstWeekOf(items.toReversed(), finished.toReversed(), back);
        expect(sorted(other)).toEqual(sorted(firstWeekOf(items, finished, back)));
      }),
    );
  });
});
