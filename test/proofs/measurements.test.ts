import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { measurements } from '../../db/schema/measurements.ts';
import { type Incoming, measurementHash, NOTHING, together, withArrived } from '../../src/proofs/arrived.ts';
import { plainSchemas, UNITS } from '../../src/proofs/documents.ts';
import { type Point, parseSeries, summarise } from '../../src/proofs/evidence.ts';
import { addMeasurements, judgeMeasurements, measurementsOf } from '../../src/proofs/measurements.ts';
import { publishDocument } from '../../src/proofs/publish.ts';
import { issueStates, proofWithState, publishedProof, publishedProofs } from '../../src/proofs/published.ts';
import { stateOfSeries } from '../../src/proofs/state.ts';
import { latestVersionsOf } from '../../src/proofs/versions.ts';
import { addDays } from '../../src/shared/dates.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import type { FreshDatabase } from '../support/database.ts';
import { seededDatabase } from '../support/seeded.ts';

const now = new Date('2026-11-22T10:00:00Z');
const ABOUT = { proofId: 'exports-finish', seriesId: 'failed' };
const one = (on: string, value: number, n = 5000, sourceId = on): Incoming => ({ on, value, n, sourceId });

let db: FreshDatabase;
/** The first day after the last published measurement. */
let next: string;
beforeEach(async () => {
  db = await seededDatabase();
  const proof = await publishedProof(db.read, 'exports-finish');
  next = addDays(proof!.points['failed']!.at(-1)!.on, 1);
});
afterEach(() => db.cleanup());

const add = (...incoming: Incoming[]) =>
  db.write((tx) => addMeasurements(tx, ABOUT, incoming, { sentBy: 'command', now }));

describe('what arrives', () => {
  test('is stored once, however often it is sent, and seen in everything that is computed', async () => {
    const before = (await publishedProof(db.read, 'exports-finish'))!;
    expect(before.arrived).toEqual([]);
    const sent = [one(next, 0.7, 5100, 'job-47')];
    const store = () => db.write((tx) => addMeasurements(tx, ABOUT, sent, { sentBy: 'key:1', now }));
    expect(await store()).toMatchObject({ stored: 1 });
    expect(await store()).toMatchObject({ stored: 0, already: 1 });
    expect(await db.read.$count(measurements)).toBe(1);

    const after = (await publishedProof(db.read, 'exports-finish'))!;
    expect(after.points['failed']!.at(-1)).toEqual({ on: next, value: 0.7, n: 5100 });
    expect(after.summaries[0]!.latest).toEqual({ on: next, value: 0.7, n: 5100 });
    expect(after.summaries[0]!.points.after).toBe(before.summaries[0]!.points.after + 1);
    expect(after.assets['exports-weekly.csv']).toBe(`${before.assets['exports-weekly.csv']}${next},0.7,5100\n`);
    expect(after.arrived).toEqual([
      { series: 'failed', count: 1, newest: (await measurementsOf(db.read, 'exports-finish'))[0]!.hash },
    ]);
    expect((await publishedProofs(db.read)).find(({ id }) => id === 'exports-finish')).toBe(after);
    expect(after.hash, 'the published version stays what it was').toBe(before.hash);
  });

  test('beyond the limit it has come back, for the proof and for its issue', async () => {
    await add(one(next, 2.1));
    expect((await proofWithState(db.read, 'exports-finish', new Map(), now))!.state).toMatchObject({
      state: 'came_back',
      since: next,
      crossing: { series: 'failed', value: 2.1 },
    });
    const issues = await issueStates(db.read, new Map(), now);
    expect(issues.find(({ issue }) => issue.id === 'exports-failed')!.state.state).toBe('came_back');
  });

  test('a chain begins with the hash of nothing, and each hash covers the one before', async () => {
    await add(one(next, 0.7), one(addDays(next, 1), 0.8));
    await add(one(addDays(next, 2), 0.9));
    const chain = await measurementsOf(db.read, 'exports-finish');
    expect(chain.map(({ previousHash }) => previousHash)).toEqual([NOTHING, chain[0]!.hash, chain[1]!.hash]);
    for (const link of chain) expect(measurementHash(link)).toBe(link.hash);
    // By hand: printf '%s' '{"n":5000,…}' | sha256sum, with the previousHash of nothing (printf '' | sha256sum).
    expect(NOTHING).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    const fixed = { proof: 'p', series: 's', on: '2026-11-22', value: 0.7, receivedAt: '2026-11-22T10:00:00.000Z' };
    expect(measurementHash({ ...fixed, n: 5000, previousHash: NOTHING })).toBe(
      '628ea4169b5413c9f294e297b2a1eb9433af18ee3e60257153d611e11e37d2fd',
    );
    expect(measurementHash({ ...fixed, previousHash: NOTHING })).toBe(
      'e1516e283680b69eeb7f0def95f8ba8095cdca9467f381e30a4ebdd2879f14cf',
    );
  });

  test('is all or nothing, with the row and the reason of each bad one', async () => {
    const added = await add(
      one(next, 0.7),
      one('2026-02-30', 1),
      one(addDays(next, 1), 0.8),
      one(addDays(next, 2), 101),
    );
    expect(added).toMatchObject({
      refused: true,
      bad: [
        { row: 2, code: 'date', sentence: '“2026-02-30” is not a date. Write YYYY-MM-DD.' },
        { row: 4, code: 'percent', sentence: 'A share lies between 0 and 100. 101 doesn’t.' },
      ],
    });
    expect(await db.read.$count(measurements)).toBe(0);
  });

  test.each<[string, Partial<Incoming>, string, string]>([
    ['a day that is not over', { on: '2026-11-23' }, 'future', '2026-11-23 has not been yet. Today is 2026-11-22.'],
    [
      'a day before the series',
      { on: '2025-12-28' },
      'before-series',
      '2025-12-28 is earlier than the series, which begins on 2026-01-04.',
    ],
    [
      'a day before the change',
      { on: '2026-05-05' },
      'before-change',
      '2026-05-05 is earlier than the change of 2026-06-15. What was measured before a change is published with it, as a new version.',
    ],
    ['a share below nothing', { value: -1 }, 'percent', 'A share lies between 0 and 100. -1 doesn’t.'],
    [
      'a number that can’t be written plainly',
      { value: 1e-9 },
      'value',
      '“1e-9” is not a number. Write it plainly, like 19.8.',
    ],
    ['no number', { value: Number.NaN }, 'value', '“NaN” is not a number. Write it plainly, like 19.8.'],
    [
      'no n',
      { n: undefined },
      'n',
      'n is missing: the number of cases behind the value. Every measurement of this series has one.',
    ],
    ['half a case', { n: 1.5 }, 'n', 'n is “1.5”. It is the whole number of cases behind the value, 1 or more.'],
    ['an empty source', { sourceId: '' }, 'source', 'A source id has 1 to 200 characters.'],
  ])('%s is refused', async (_, wrong, code, sentence) => {
    expect(await add({ ...one(next, 0.7), ...wrong })).toMatchObject({
      refused: true,
      bad: [{ row: 1, code, sentence }],
    });
  });

  test('a proof or a series that is not there is refused with what there is', async () => {
    const judged = (proofId: string, seriesId: string) => judgeMeasurements(db.read, { proofId, seriesId }, [], now);
    expect(await judged('none', 'x')).toMatchObject({
      code: 'no-proof',
      sentence: 'There is no published proof “none”.',
    });
    expect(await judged('exports-finish', 'x')).toMatchObject({
      code: 'no-series',
      sentence: 'The proof “exports-finish” has no series “x”. There is failed.',
    });
    expect(await judged('sixty-days-notice', 'x')).toMatchObject({ code: 'no-series' });
  });

  test('another value for the same day or the same source is a correction, and those are published', async () => {
    await add(one(next, 0.7, 5000, 'job-1'));
    for (const wrong of [
      one(next, 0.8, 5000, 'job-2'),
      one(next, 0.7, 5001, 'job-2'),
      one(addDays(next, 1), 0.7, 5000, 'job-1'),
      one('2026-11-15', 99, 5000),
    ]) {
      expect(await add(wrong)).toMatchObject({
        code: 'different',
        sentence: expect.stringContaining('A correction is published as a new version.'),
      });
    }
    expect(await add(one(next, 0.7, 5000, 'job-2')), 'the same under another name').toMatchObject({
      stored: 0,
      already: 1,
    });
  });

  test('a series without n takes none', async () => {
    const about = { proofId: 'two-routes-for-codes', seriesId: 'wait' };
    const proof = (await publishedProof(db.read, about.proofId))!;
    const seriesId = proof.data.series[0]!.id;
    const incoming = { on: '2026-11-22', value: 40, sourceId: 'x' };
    const send = (more: object) =>
      db.write((tx) =>
        addMeasurements(tx, { ...about, seriesId }, [{ ...incoming, ...more }], { sentBy: 'command', now }),
      );
    expect(await send({ n: 3 })).toMatchObject({
      bad: [{ code: 'n', sentence: 'No measurement of this series has n. Leave it out.' }],
    });
    expect(await send({})).toMatchObject({ stored: 1 });
    expect((await publishedProof(db.read, about.proofId))!.assets[proof.data.series[0]!.file]).toMatch(
      /\n2026-11-22,40\n$/,
    );
  });

  test('a correction that is published wins over what arrived; the chain keeps both', async () => {
    await add(one(next, 2.1));
    const proof = (await publishedProof(db.read, 'exports-finish'))!;
    const [newest] = await latestVersionsOf(db.read, 'exports-finish', 1);
    const assets = { 'exports-weekly.csv': proof.assets['exports-weekly.csv']!.replace(`${next},2.1`, `${next},0.2`) };
    const by = { confirmedBy: 'priya', approvedBy: 'sander', reason: 'It was counted wrongly.', now };
    const published = await db.write((tx) =>
      publishDocument(tx, { collection: 'proofs', id: 'exports-finish', source: newest!.source, assets, ...by }),
    );
    expect(isRefusal(published)).toBe(false);
    const corrected = (await publishedProof(db.read, 'exports-finish'))!;
    expect(corrected.summaries[0]!.latest).toMatchObject({ on: next, value: 0.2 });
    expect(corrected.assets).toEqual(assets);
    expect(corrected.arrived).toMatchObject([{ series: 'failed', count: 1 }]);
  });
});

describe('what has been read before', () => {
  test('is not read again, and what was rolled back was never there', async () => {
    await add(one(next, 0.7));
    await publishedProof(db.read, 'exports-finish');
    const seen = db.write(async (tx) => {
      await addMeasurements(tx, ABOUT, [one(addDays(next, 1), 9)], { sentBy: 'command', now });
      const inside = await publishedProof(tx, 'exports-finish');
      expect(inside!.summaries[0]!.latest!.value).toBe(9);
      throw new Error('rolled back');
    });
    await expect(seen).rejects.toThrow('rolled back');
    expect((await publishedProof(db.read, 'exports-finish'))!.summaries[0]!.latest!.value).toBe(0.7);
    await add(one(addDays(next, 1), 0.4));
    expect((await publishedProof(db.read, 'exports-finish'))!.summaries[0]!.latest!.value).toBe(0.4);
  });

  test('belongs to its own database', async () => {
    const other = await seededDatabase();
    await add(one(next, 0.7));
    const latest = async (reader: typeof db.read) =>
      (await publishedProof(reader, 'exports-finish'))!.summaries[0]!.latest!.value;
    expect(await latest(db.read)).toBe(0.7);
    const published = await latest(other.read);
    await other.write((tx) => addMeasurements(tx, ABOUT, [one(next, 0.9)], { sentBy: 'command', now }));
    expect([published, await latest(other.read), await latest(db.read)]).toEqual([0.3, 0.9, 0.7]);
    await other.cleanup();
  });

  test('many requests at once, while more arrives, never count one twice', async () => {
    const count = async () => (await publishedProof(db.read, 'exports-finish'))!.points['failed']!.length;
    const before = await count();
    for (let day = 0; day < 5; day += 1) {
      await Promise.all([add(one(addDays(next, day), 0.5)), ...Array.from({ length: 20 }, count)]);
    }
    expect(await count()).toBe(before + 5);
  });
});

describe('whatever arrives', () => {
  const site = plainSchemas.site.parse({
    organisation: 'Northline',
    about: 'Northline makes reporting software.',
    reply_to: 'answers@northline.example',
    time_zone: 'Europe/London',
    people: {},
  });
  const CHANGED = '2026-06-01';
  const circumstances = { site, today: '2026-11-22' };
  /** Irregular days with holes, on both sides of the change. */
  const points = (from: string) =>
    fc
      .array(fc.record({ gap: fc.integer({ min: 1, max: 9 }), value: fc.integer({ min: 0, max: 400 }) }), {
        maxLength: 20,
      })
      .map((steps) => {
        let day = from;
        return steps.map(({ gap, value }): Point => {
          day = addDays(day, gap);
          return { on: day, value: value / 4 };
        });
      });
  const evidence = fc.record({
    published: fc
      .tuple(points('2026-03-01'), points(CHANGED))
      .map(([a, b]) => [...a.filter(({ on }) => on < CHANGED), ...b]),
    arrived: points(CHANGED),
    order: fc.array(fc.nat(), { maxLength: 20 }),
    series: fc.record({
      unit: fc.constantFrom(...UNITS),
      better: fc.constantFrom('lower' as const, 'higher' as const),
      reopen_limit: fc.integer({ min: 0, max: 100 }),
    }),
  });
  const seriesOf = (part: object) => ({
    id: 's',
    file: 's.csv',
    title: 'A series, weekly',
    unit: 'count' as const,
    currency: 'gbp',
    better: 'lower' as const,
    reopen_limit: 2,
    source: 'A table',
    rivals: [],
    ...part,
  });

  test('no published measurement is changed, and no day counts twice', () => {
    fc.assert(
      fc.property(evidence, ({ published, arrived }) => {
        const both = together(published, arrived);
        expect(both).toEqual(expect.arrayContaining(published as Point[]));
        expect(new Set(both.map(({ on }) => on)).size).toBe(both.length);
        expect(both.map(({ on }) => on)).toEqual(both.map(({ on }) => on).toSorted());
        expect(new Set(both.map(({ on }) => on))).toEqual(new Set([...published, ...arrived].map(({ on }) => on)));
      }),
    );
  });

  test('the order in which it arrives moves no number and no state, in every unit and both directions', () => {
    fc.assert(
      fc.property(evidence, ({ published, arrived, order, series }) => {
        const shuffled = arrived.toSorted(
          (a, b) => (order[arrived.indexOf(a)] ?? 0) - (order[arrived.indexOf(b)] ?? 0),
        );
        const of = (points: readonly Point[]) => [
          summarise(seriesOf(series), points, CHANGED),
          stateOfSeries(seriesOf(series), points, CHANGED, circumstances),
        ];
        expect(of(together(published, shuffled))).toEqual(of(together(published, arrived)));
      }),
    );
  });

  test('nothing that arrives moves the number before the change, nor turns “came back” into fixed', () => {
    fc.assert(
      fc.property(evidence, ({ published, arrived, series: part }) => {
        const series = seriesOf(part);
        const both = together(published, arrived);
        expect(summarise(series, both, CHANGED).before).toBe(summarise(series, published, CHANGED).before);
        const state = (points: readonly Point[]) => stateOfSeries(series, points, CHANGED, circumstances);
        if (state(published).state === 'came_back') {
          expect(state(both).state).toBe('came_back');
          expect(state(both).since! <= state(published).since!).toBe(true);
        }
      }),
    );
  });

  test('the file that is offered is read back as the same measurements', () => {
    fc.assert(
      fc.property(evidence, fc.boolean(), ({ published, arrived }, counted) => {
        fc.pre(published.length > 0);
        const withN = (list: Point[]) => list.map((point) => (counted ? { ...point, n: 7 } : point));
        // As a spreadsheet leaves it: nothing of that may change when nothing is added.
        const lines = withN(published).map(({ on, value, n }) => `${on}, ${value}${counted ? `,${n}` : ''}\r\n`);
        const file = `\uFEFFdate,value${counted ? ',n' : ''}\r\n${lines.join('')}`;
        const proof = {
          data: { series: [seriesOf({})] },
          points: { s: withN(published) },
          assets: { 's.csv': file },
        };
        const all = withArrived(proof, { s: withN(arrived) });
        if (all.points['s']!.length === published.length) expect(all.assets).toEqual({ 's.csv': file });
        else expect(parseSeries(all.assets['s.csv']!)).toEqual({ points: all.points['s'], problems: [] });
      }),
    );
  });
});
