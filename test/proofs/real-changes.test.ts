import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import type { SourceDocument } from '../../src/proofs/content.ts';
import { publishDocument } from '../../src/proofs/publish.ts';
import { proofWithState } from '../../src/proofs/published.ts';
import type { State } from '../../src/proofs/state.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { sharedData } from '../people/intake/shared-data.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { contentFiles } from './folder.ts';

// The states are those of EXPECTED-STATES.md, which was written first. Figures and dates come from the records; every sentence is ours.

const NOW = new Date('2026-11-22T10:00:00Z');
const published = sharedData('change-evidence/change_proofs_real.json');
const airlines = sharedData('change-evidence/bts_monthly_by_carrier_derived.csv');
const by = { confirmedBy: 'priya', approvedBy: 'grace', now: NOW };

type Metric = {
  metric: string;
  before: number | null;
  before_date: string | null;
  after: number | null;
  after_date: string | null;
};
type Series = {
  title: string;
  unit: string;
  better: 'lower' | 'higher';
  limit: number;
  csv: string;
  from?: string;
  rival?: [on: string, label: string];
};
type Change = {
  wrong: string;
  started: string;
  changed: string;
  series?: Series[];
  claim?: string;
  confirmer?: string;
};

let db: FreshDatabase | undefined;
afterEach(async () => {
  await db?.cleanup();
  db = undefined;
});

/** A document as somebody there could have written it. */
function documentOf({
  wrong,
  started,
  changed,
  series = [],
  claim = '{latest} now.',
  confirmer,
}: Change): SourceDocument {
  const line =
    series.length > 0 ? claim.replaceAll(/\{(\w+)\}/g, series.length > 1 ? '{$1:s0}' : '{$1}') : 'We changed it.';
  const source = `---
headline: What we did about it
line: "${line}"
lede: "${line} This is what was measured."
issues: [exports-failed]
owner: priya
started_on: ${started}
known_on: ${started}
changed_on: ${changed}
no_voice_because: These people were never asked whether they may be quoted.
changes:
  - what: What the organisation said it changed.
    on: ${changed}
    by: yusuf
    source: { label: The problem, href: /issues/exports-failed }
${series.length > 0 ? 'series:' : ''}
${series
  .map(
    ({ title, unit, better, limit, from, rival }, index) => `  - id: s${index}
    file: s${index}.csv
    title: ${title}
    unit: ${unit}
    better: ${better}
    reopen_limit: ${limit}
    source: As the organisation published it
${from ? `    baseline_from: ${from}\n` : ''}${rival ? `    rivals: [{ on: ${rival[0]}, label: "${rival[1]}" }]\n` : ''}`,
  )
  .join('')}${
  confirmer
    ? `confirmer:\n  name: Somebody Else\n  relation: complained\n  on: ${confirmer}\n  how: Looked at it again and wrote what they saw.\n`
    : ''
}still_not_right: What the organisation itself said is not right yet stands in the record.
review_on: 2027-01-04
---
${wrong}
`;
  const assets = Object.fromEntries(series.map(({ csv }, index) => [`s${index}.csv`, csv]));
  return { collection: 'proofs', id: 'real', source, assets };
}

/** The state of the change once it is published, or the rules that refuse it. */
async function judged(change: Change, on = NOW): Promise<State | string[]> {
  db ??= await freshDatabase();
  const files = contentFiles();
  const publish = (document: SourceDocument) => db!.write((tx) => publishDocument(tx, { ...document, ...by }));
  for (const [collection, id, file] of [
    ['site', 'site', 'site.yaml'],
    ['issues', 'exports-failed', 'issues/exports-failed.md'],
  ] as const) {
    expect(isRefusal(await publish({ collection, id, source: files[file]!, assets: {} }))).toBe(false);
  }
  const result = await publish(documentOf(change));
  if (isRefusal(result)) return [...new Set(result.problems.map(({ rule }) => rule))];
  return (await proofWithState(db.read, 'real', new Map(), on))!.state;
}

const rows = (...points: [on: string, value: number | string][]) =>
  `date,value\n${points.map((point) => point.join(',')).join('\n')}\n`;
const why = (before: number, after: number, run: number, days?: number) => [
  ...(before < 10 ? [`${before} of 10 measurements before the change.`] : []),
  `${after} of 8 measurements after the change.`,
  ...(days === undefined ? [] : [`Measured for ${days} of 14 days since the change.`]),
  `${run} of 8 measurements in a row on the better side of the earlier median.`,
];
const NOBODY = 'Nobody independent has confirmed it yet.';
const watching = (...reasons: string[]) => ({ state: 'watching', why: reasons });

describe.skipIf(!published.found)(`ten changes as they were published${published.note}`, () => {
  const { proofs } = (published.found ? JSON.parse(readFileSync(published.path, 'utf8')) : { proofs: [] }) as {
    proofs: { id: string; effective?: string; metrics: Metric[] }[];
  };
  const recordOf = (id: string) => proofs.find((one) => one.id === id)!;
  const metric = (id: string, index = 0) => recordOf(id).metrics[index]!;

  /** Each as the document of its row in EXPECTED-STATES.md; months and years are dated on their last day. */
  const CHANGES: Record<string, () => Change> = {
    'comcast-data-cap-2016': () => {
      const { before, before_date, after, after_date } = metric('comcast-data-cap-2016');
      return {
        wrong: 'We let people pay for every block over 300 GB a month.',
        started: '2015-01-01',
        changed: recordOf('comcast-data-cap-2016').effective!,
        series: [
          {
            title: 'Monthly allowance',
            unit: 'count',
            better: 'higher',
            limit: 400,
            csv: rows([before_date!, before!], [after_date!, after!]),
          },
        ],
      };
    },
    'nhs-people-promise-2024': () => {
      const { before, after } = metric('nhs-people-promise-2024');
      return {
        wrong: 'We lost one in eight of our staff in 12 months over rotas and hours.',
        started: '2021-09-30',
        changed: '2022-04-30',
        series: [
          {
            title: 'Left within 12 months',
            unit: 'percent',
            better: 'lower',
            limit: 12.6,
            csv: rows(['2022-09-30', before!], ['2024-09-30', after!]),
          },
        ],
      };
    },
    'osu-stable-memory-2025': () => {
      const { after, after_date } = metric('osu-stable-memory-2025', 2);
      return {
        wrong: 'We let memory grow until the game stopped, up to the build of 7 January 2025.',
        started: '2024-06-01',
        changed: recordOf('osu-stable-memory-2025').effective!,
        series: [
          { title: 'Memory after opening', unit: 'count', better: 'lower', limit: 2, csv: rows([after_date!, after!]) },
        ],
        confirmer: after_date!,
      };
    },
    'medict-startup-2021': () => {
      const { before, before_date, after, after_date } = metric('medict-startup-2021');
      return {
        wrong: 'We made people wait 10 seconds for a window.',
        started: before_date!,
        changed: recordOf('medict-startup-2021').effective!,
        series: [
          {
            title: 'Time to window',
            unit: 'seconds',
            better: 'lower',
            limit: 5,
            csv: rows([before_date!, before!], [after_date!, after!]),
          },
        ],
      };
    },
    'telford-complaints-2023': () => ({
      wrong: 'We left people without an answer for 33 days.',
      started: '2021-04-01',
      changed: '2022-04-01',
      series: [0, 1].map((index) => {
        const { metric: title, before, after } = metric('telford-complaints-2023', index);
        return {
          title: `Days ${title.split(' ')[0]}`,
          unit: 'days',
          better: 'lower',
          limit: before! - 0.5,
          csv: rows(['2022-03-31', before!], ['2023-03-31', after!]),
        };
      }),
    }),
    'ccha-repairs-2024': () => {
      const { before, after } = metric('ccha-repairs-2024');
      return {
        wrong: 'We were late with 45 of every 100 repairs.',
        started: '2023-04-01',
        changed: '2024-01-31',
        series: [
          {
            title: 'Repairs in target time',
            unit: 'percent',
            better: 'higher',
            limit: 70,
            csv: rows(['2023-11-30', before!], ['2024-06-30', after!]),
          },
        ],
      };
    },
    'hyde-complaints-2020': () => {
      const { before, after } = metric('hyde-complaints-2020');
      return {
        wrong: 'We answered 208 complaints slowly and told nobody where theirs stood.',
        started: '2019-04-01',
        changed: '2020-04-01',
        series: [
          {
            title: 'Complaints a quarter',
            unit: 'count',
            better: 'lower',
            limit: 180,
            csv: rows(['2019-06-30', before!], ['2020-06-30', after!]),
            rival: ['2020-03-23', 'Lockdown: repairs stopped'],
          },
        ],
      };
    },
  };
  const positron = {
    wrong: 'We made people wait 30 seconds and more before they could work.',
    started: '2026-05-01',
    changed: '2026-06-30',
  };

  test.each<[id: string, expected: unknown]>([
    ['comcast-data-cap-2016', watching(...why(1, 1, 1, 0), NOBODY)],
    ['nhs-people-promise-2024', watching(...why(0, 2, 0), NOBODY)],
    ['osu-stable-memory-2025', watching(...why(0, 1, 0, 0))],
    ['medict-startup-2021', watching(...why(1, 1, 1, 0), NOBODY)],
    [
      'telford-complaints-2023',
      watching(...['adult', "children's"].flatMap((who) => why(1, 1, 1).map((one) => `Days ${who}: ${one}`)), NOBODY),
    ],
    ['ccha-repairs-2024', watching(...why(1, 1, 1), NOBODY)],
    ['hyde-complaints-2020', watching(...why(1, 1, 1), NOBODY)],
  ])('%s is watched, and says what is missing', async (id, expected) => {
    expect(await judged(CHANGES[id]!())).toMatchObject(expected as object);
  });

  test.each(Object.keys(CHANGES))('%s does not hold with an independent confirmer either', async (id) => {
    const change = CHANGES[id]!();
    expect(await judged({ ...change, confirmer: '2026-11-20' })).toMatchObject({ state: 'watching' });
  });

  test('complaints counted before the change only are no evidence of it', async () => {
    const { before } = metric('comcast-data-cap-2016', 1);
    const csv = rows(['2015-06-30', before!], ['2015-12-31', 8000]);
    const series = [{ title: 'Complaints', unit: 'count', better: 'lower' as const, limit: 800, csv }];
    expect(await judged({ ...CHANGES['comcast-data-cap-2016']!(), series, claim: 'It was {latest}.' })).toEqual([
      'S202',
    ]);
  });

  test('a repair without an after-figure is refused, one without evidence too, and a disputed one has come back', async () => {
    expect(metric('positron-startup-2026').after).toBeNull();
    const wait = (csv: string): Series[] => [
      { title: 'Wait before work can start', unit: 'seconds', better: 'lower', limit: 29, csv },
    ];
    expect(await judged({ ...positron, series: wait(rows(['2026-06-02', 30])), claim: 'It was {latest}.' })).toEqual([
      'S202',
    ]);
    expect(await judged(positron)).toEqual(['S203']);
    expect(
      await judged({
        ...positron,
        series: wait(rows(['2026-06-02', 30], ['2026-07-15', 33.042])),
        confirmer: '2026-11-20',
      }),
    ).toMatchObject({
      state: 'came_back',
      since: '2026-07-15',
    });
  });

  test('a number before that the data doesn’t have can be neither typed nor computed', async () => {
    expect(await judged({ ...CHANGES['nhs-people-promise-2024']!(), claim: 'It was 12.5%.' })).toEqual(['S203']);
    expect(await judged({ ...CHANGES['osu-stable-memory-2025']!(), claim: 'It was {before}.' })).toEqual(['S203']);
  });

  test('a measurement that nobody dated is none', async () => {
    const { before, before_date, after } = metric('gstt-preventable-exits');
    const csv = rows([before_date!, before!], ['not stated', after!]);
    const series = [{ title: 'Preventable exits', unit: 'percent', better: 'lower' as const, limit: 38, csv }];
    const wrong = 'We lost people whom we could have kept: 40 of every 100 who left.';
    expect(await judged({ wrong, started: '2019-01-01', changed: '2020-01-01', series })).toEqual(['series']);
  });

  test('repairs got faster and the people were no happier: it has come back', async () => {
    const change = CHANGES['ccha-repairs-2024']!();
    const { before, after } = metric('ccha-repairs-2024', 1);
    const csv = rows(['2024-06-30', before!], ['2024-09-30', 53], ['2024-12-31', after!]);
    const satisfied: Series = { title: 'Residents satisfied', unit: 'percent', better: 'higher', limit: 54, csv };
    expect(await judged({ ...change, series: [...change.series!, satisfied], confirmer: '2026-11-20' })).toMatchObject({
      state: 'came_back',
      since: '2024-09-30',
    });
  });
});

describe.skipIf(!airlines.found)(`an airline, month by month${airlines.note}`, () => {
  /** Shares of arrivals a month, pooled by their number; `column` counts from nought. */
  function monthly(column: number, from: string, to: string): string {
    const lines = readFileSync(airlines.path, 'utf8').trim().split('\n').slice(1);
    const points = lines.flatMap((line) => {
      const cells = line.split(',');
      if (cells[2] !== 'WN') return [];
      const last = new Date(Date.UTC(Number(cells[0]), Number(cells[1]), 0)).toISOString().slice(0, 10);
      return last < from || last > to
        ? []
        : [`${last},${(100 * Number(cells[column])) / Number(cells[4])},${cells[4]}`];
    });
    return `date,value,n\n${points.toSorted().join('\n')}\n`;
  }
  const cancelled = (limit: number): Change => ({
    wrong: 'We cancelled 16,700 flights in ten days of December 2022.',
    started: '2022-12-21',
    changed: '2023-10-01',
    series: [
      {
        title: 'Arrivals cancelled',
        unit: 'percent',
        better: 'lower',
        limit,
        from: '2022-01-01',
        csv: monthly(6, '2022-01-01', '2024-05-31'),
      },
    ],
    confirmer: '2026-11-20',
  });
  const late = (to: string, confirmer?: string): Change => ({
    wrong: 'We brought 15 of every 100 flights in late.',
    started: '2019-05-01',
    changed: '2020-04-01',
    series: [
      {
        title: 'Arrivals late',
        unit: 'percent',
        better: 'lower',
        limit: 14,
        csv: monthly(5, '2019-05-01', to),
        rival: ['2020-03-13', 'The pandemic: half the flights'],
      },
    ],
    ...(confirmer ? { confirmer } : {}),
  });

  test('December against December looks mended, and January says that it came back', async () => {
    expect(await judged(cancelled(2))).toMatchObject({ state: 'came_back', since: '2024-01-31' });
    await db?.cleanup();
    db = undefined;
    expect(await judged(cancelled(3.6))).toEqual(['S208']);
  });

  test('nine quiet months carry it as far as figures can, and nobody confirmed it', async () => {
    expect(await judged(late('2020-12-31'))).toMatchObject(watching(NOBODY));
  });

  test('with somebody’s confirmation it holds: the rules know no causes, so the rival event is on the page', async () => {
    expect(await judged(late('2020-12-31', '2021-01-15'))).toMatchObject({
      state: 'holding',
      weeks: 39,
      measured: true,
    });
  });

  test('and in the next spring it has come back', async () => {
    expect(await judged(late('2021-05-31', '2021-01-15'))).toMatchObject({ state: 'came_back', since: '2021-05-31' });
  });
});
