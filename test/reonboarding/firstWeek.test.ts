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

/** A leaver of ten months ago: 12 finished items, of which 3 changed and 1 expired since; what else there is is theirs by chance. */
const leaver = fc.record({
  leftOn: fc.integer({ min: 295, max: 315 }).map((days) => addDays(BACK.startOn, -days)),
  ages: fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 12, maxLength: 12 }),
  places: fc.shuffledSubarray([...Array(12).keys()], { minLength: 4, maxLength: 4 }),
  sinceLeft: fc.array(fc.integer({ min: 1, max: 290 }), { minLength: 3, maxLength: 3 }),
  ask: fc.array(fc.constantFrom('acknowledge', 'confirm', 'system'), { minLength: 12, maxLength: 12 }),
  lasting: fc.array(fc.option(fc.integer({ min: 36, max: 60 })), { minLength: 12, maxLength: 12 }),
  others: fc.integer({ min: 0, max: 4 }),
});

describe('A leaver of 10 months ago with 12 finished items, 3 changes and 1 expiry', () => {
  test('sees exactly 4 things to do, whatever the items, their order and their dates', () => {
    fc.assert(
      fc.property(leaver, ({ leftOn, ages, places, sinceLeft, ask, lasting, others }) => {
        const [expired, ...changedAt] = places;
        const finished = ages.map((age, at) => did(`i${at}`, addDays(leftOn, -age)));
        const items = finished.map(({ kind, finishedOn }, at) => {
          const nth = changedAt.indexOf(at);
          const months = lasting[at] ?? null;
          return item(kind, {
            ask: ask[at],
            system: 'People Desk',
            ...(nth >= 0 && changed(addDays(leftOn, sinceLeft[nth]!))),
            // Ten months and more ago: a rule of nine months has ended since, one of three years has not.
            ...(at === expired ? gb(9) : months !== null && gb(months)),
            ...(nth < 0 && at !== expired && changed(finishedOn)),
          });
        });
        const ours = Array.from({ length: others }, (_, at) => item(`w${at}`, { ask: at % 2 ? 'wait' : 'difference' }));
        const week = firstWeekOf([...ours, ...items], finished, BACK);
        expect(week.todo).toHaveLength(4);
        expect(week.todo.map(({ because }) => because).toSorted()).toEqual([
          'changed',
          'changed',
          'changed',
          'expired',
        ]);
        expect(week.carried).toHaveLength(8);
        expect([...week.waiting, ...week.different]).toHaveLength(others);
      }),
      { numRuns: 500 },
    );
  });

  test('in a country that no rule names, nothing with a rule is carried over: it is asked, never guessed', () => {
    fc.assert(
      fc.property(leaver, fc.constantFrom('NL', 'US', 'ZZ', ''), ({ leftOn, ages, lasting }, elsewhere) => {
        const finished = ages.map((age, at) => did(`i${at}`, addDays(leftOn, -age)));
        const items = finished.map(({ kind }, at) => item(kind, lasting[at] ? gb(lasting[at]!) : {}));
        const week = firstWeekOf(items, finished, { ...BACK, country: elsewhere });
        const ruled = lasting.filter((months) => months !== null).length;
        expect(week.todo.map(({ because }) => because)).toEqual(Array(ruled).fill('no rule'));
        expect(week.carried.every(({ item: { data } }) => data.lasts === undefined)).toBe(true);
      }),
    );
  });
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
