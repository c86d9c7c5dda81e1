import { setImmediate } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import type { IssueWithState } from '../proofs/published.ts';
import { DAY_MS } from '../shared/dates.ts';
import { difference, type Interval, median, type Share, type Stay, type Step, survival } from './lift.ts';

/*
 * What outreach achieved. Every number comes out of one of the queries that are handed on with it, as it ran. Nobody who works here is
 * counted: who signed a letter is in none of them.
 */

/** Days after being chosen in which a return counts, for both halves alike; and the day on which we ask who is still here. */
export const WITHIN = 90;

export type Kind = 'customer' | 'employee';
export type Grouping = 'all' | 'issue' | 'gap' | 'proof';

/** People, each counted once in a group. */
export type Group = {
  by: Grouping;
  /** An issue, a gap, a proof; empty for all. */
  key: string;
  kind: Kind;
  /** A letter left, or a link was taken for another tool. */
  invited: number;
  /** Pressed something on their page: being looked at, by them or by a scanner, is not counted. */
  opened: number;
  askedToBeTold: number;
  returned: number;
  /** Returned 90 days ago or longer; and of these, those who were still here on day 90. */
  returnedLongAgo: number;
  here: number;
  /** Of the returned: those whom we asked whether it is fixed, those who answered, those whose latest answer is yes, no. */
  asked: number;
  answered: number;
  saidFixed: number;
  saidNo: number;
  /** “You got me wrong.” */
  gotWrong: number;
};

export type Compared = {
  by: Grouping;
  key: string;
  kind: Kind;
  /** Chosen to be invited, and kept back by chance; chosen long enough ago to be compared. */
  invited: Share;
  holdout: Share;
  /** Everyone chosen so far, and when the first of them was (milliseconds). */
  chosen: { invited: number; holdout: number };
  since: number;
};

export type Told = { by: 'all' | 'issue'; key: string; median: number | null; people: number; bands: number[] };

/** The days up to which each band of `Told` reaches; the last one has no end. */
export const BANDS = [7, 30, 90, 365] as const;

export type Query = { name: 'groups' | 'told' | 'lift' | 'stays'; sql: string };

export type Outcomes = {
  at: number;
  groups: Group[];
  told: Told[];
  compared: Compared[];
  stays: { kind: Kind; stays: Stay[]; steps: Step[] }[];
  queries: Query[];
};

/** Counts everything anew. `issues`: as they stand, for the day from which each is fixed. */
export async function outcomes(reader: Reader, issues: readonly IssueWithState[], now: Date): Promise<Outcomes> {
  const facts = issues.map(({ issue, state }) => [
    issue.id,
    issue.data.gap,
    state.state === 'holding' ? state.since : null,
  ]);
  const at = now.getTime();
  const queries = queriesFor(JSON.stringify(facts), at);
  const run = async <Row extends unknown[]>(name: Query['name']): Promise<Row[]> => {
    await setImmediate();
    return reader.all<Row>(sql.raw(queries.find((query) => query.name === name)!.sql));
  };

  type Counts = [Grouping, string, Kind, ...number[]];
  const groups = (await run<Counts>('groups')).map(([by, key, kind, ...counts]): Group => {
    const [invited = 0, opened = 0, askedToBeTold = 0, returned = 0, returnedLongAgo = 0, here = 0, ...more] = counts;
    const [asked = 0, answered = 0, saidFixed = 0, saidNo = 0, gotWrong = 0] = more;
    const way = { invited, opened, askedToBeTold, returned, returnedLongAgo, here };
    return { by, key, kind, ...way, asked, answered, saidFixed, saidNo, gotWrong };
  });

  const told = await run<[issue: string, days: number, people: number]>('told');
  const days = told.map(([key, value, people]) => ({ key, value, people }));
  const ofIssues = [...Map.groupBy(days, ({ key }) => key)].map(([key, its]) => toldOf('issue', key, its));

  type Half = [Grouping, string, Kind, as: 'invited' | 'holdout', number, number, number, since: number];
  const halves = Map.groupBy(await run<Half>('lift'), ([by, key, kind]) => `${by} ${kind} ${key}`);
  const compared = [...halves.values()].map((rows): Compared => {
    const [by, key, kind] = rows[0]!;
    const half = (as: string) => rows.find((row) => row[3] === as);
    const share = (as: string): Share => ({ of: half(as)?.[5] ?? 0, people: half(as)?.[6] ?? 0 });
    const chosen = { invited: half('invited')?.[4] ?? 0, holdout: half('holdout')?.[4] ?? 0 };
    const since = Math.min(...rows.map((row) => row[7]));
    return { by, key, kind, invited: share('invited'), holdout: share('holdout'), chosen, since };
  });

  const stays = [...Map.groupBy(await run<[Kind, number, number, number]>('stays'), ([kind]) => kind)].map(
    ([kind, rows]) => {
      const its = rows.map(([, day, ended, people]): Stay => ({ days: day, ended: ended === 1, people }));
      return { kind, stays: its, steps: survival(its) };
    },
  );
  return { at, groups, told: [toldOf('all', '', days), ...ofIssues], compared, stays, queries };
}

function toldOf(by: Told['by'], key: string, days: readonly { value: number; people: number }[]): Told {
  const bands = [...BANDS, Number.POSITIVE_INFINITY].map((most, index) => {
    const least = index === 0 ? Number.NEGATIVE_INFINITY : BANDS[index - 1]!;
    return days.reduce((sum, { value, people }) => sum + (value > least && value <= most ? people : 0), 0);
  });
  return { by, key, median: median(days), people: bands.reduce((sum, people) => sum + people, 0), bands };
}

/** What inviting did, as far as it can be said. Shares of people; `null` while nothing can. */
export type Lift =
  | { says: 'something'; difference: number; interval: Interval; sentence: string }
  | { says: 'too early'; interval: Interval | null; sentence: string };

/**
 * Whether more of those who were chosen came back than of those whom chance kept back, each within 90 days of being chosen. Whoever asked to
 * be told is in neither half: they are never kept back. Too early until each half has `least` people, and as long as the interval holds 0.
 */
export function liftOf(
  { invited, holdout, since }: Pick<Compared, 'invited' | 'holdout' | 'since'>,
  least: number,
  longDayOf: (at: number) => string,
): Lift {
  const few = invited.of < least || holdout.of < least;
  if (few) {
    const first = longDayOf(since + WITHIN * DAY_MS);
    const sentence =
      invited.of === 0 && holdout.of === 0
        ? `Too early to say: nobody was chosen ${WITHIN} days ago. There is something to compare from ${first}.`
        : `Too early to say: at least ${least} people on each side must have been chosen ${WITHIN} days ago or longer.`;
    return { says: 'too early', interval: null, sentence };
  }
  const { low, high, difference: by } = difference(invited, holdout);
  const interval = { low, high };
  const between = `between ${perHundred(low)} and ${perHundred(high)}`;
  if (low <= 0 && high >= 0) {
    return {
      ...{ says: 'too early', interval },
      sentence: `Too early to say: of 100 people who are written to, ${between} more may come back than of 100 who are not. That includes none at all.`,
    };
  }
  const [more, few_] =
    by > 0 ? [`${perHundred(by)} more came`, ''] : [`${perHundred(-by)} fewer came`, ' Writing keeps people away.'];
  return {
    ...{ says: 'something', difference: by, interval },
    sentence: `Of 100 people who were to be written to, ${more} back than of 100 who were not (${by > 0 ? between : `between ${perHundred(-high)} and ${perHundred(-low)}`}, with 95 in 100 certainty).${few_}`,
  };
}

const perHundred = (share: number) => (Math.round(share * 1000) / 10).toString().replace('-', '−');

const COUNTS = `count(*), sum(opened), sum(asked_to_be_told), sum(back_at is not null), sum(long_ago),
  sum(long_ago and stayed), sum(asked and back_at is not null), sum(answer is not null), sum(coalesce(answer = 'yes', 0)),
  sum(coalesce(answer = 'no', 0)), sum(got_wrong)`;

/**
 * Numbers and one JSON text stand in them as they are: what is shown can be run in any SQLite shell. The `+` keeps SQLite from looking up
 * each person by the batch, which has them all.
 */
function queriesFor(issues: string, now: number): Query[] {
  const ago = now - WITHIN * DAY_MS;
  const base = `
with issues as (
  select value ->> 0 as id, value ->> 1 as gap, value ->> 2 as fixed_on from json_each('${issues.replaceAll("'", "''")}')
),
letters_and_links as (
  select person_id, substr(cause, 13 + length(person_id)) as issue_id, sent_at as at
  from letters where kind = 'invitation' and cause like 'invitation:%' and sent_at is not null
  union all
  select c.person_id, c.issue_id, l.minted_at
  from chosen c
  join batches b on b.id = c.batch_id and b.purpose = 'links'
  join links l on l.person_id = c.person_id and +l.batch_id = b.id
  where c."as" = 'invited'
),
invited as (
  select person_id, issue_id, min(at) as at from letters_and_links group by person_id, issue_id
),
returns as materialized (
  select r.person_id, r.completed_at as back_at, case
    when r.undone_at is not null then r.undone_at
    when r.state = 'ended' then coalesce(
      (select min(unixepoch(d.left_on)) * 1000 from departures d
       where d.person_id = r.person_id and d.external_id in (r.subscription_id, 'rejoin:' || r.id)),
      unixepoch(r.ends_on) * 1000, r.completed_at)
    end as gone_at
  from rejoins r where r.completed_at is not null
  union all
  select o.person_id, unixepoch(o.start_on) * 1000, coalesce(o.withdrawn_at,
    (select min(unixepoch(d.left_on)) * 1000 from departures d where d.person_id = o.person_id and d.left_on > o.start_on))
  from role_offers o
  where o.accepted_at is not null and unixepoch(o.start_on) * 1000 <= ${now}
    and (o.withdrawn_at is null or o.withdrawn_at >= unixepoch(o.start_on) * 1000)
)`;
  const columns: Record<Grouping, string> = { all: "''", issue: 'issue_id', gap: 'gap', proof: 'proof_id' };
  const each = (select: (by: Grouping, column: string) => string) =>
    Object.entries(columns)
      .map(([by, column]) => select(by as Grouping, column))
      .join('\nunion all\n');
  const groups = `${base},
first_return as (
  select i.person_id, i.issue_id, min(r.back_at) as back_at
  from invited i join returns r on r.person_id = i.person_id and r.back_at >= i.at
  group by i.person_id, i.issue_id
),
people as (
  select i.person_id, i.issue_id, p.kind,
    coalesce((select c.gap from complaints c where c.person_id = i.person_id and c.issue_id = i.issue_id
      order by c.main desc, c.said_on desc limit 1), issues.gap) as gap,
    (select r.proof_id from complaints c join resolutions r on r.complaint_id = c.id
      where c.person_id = i.person_id and c.issue_id = i.issue_id order by c.main desc, c.said_on desc limit 1) as proof_id,
    exists (select 1 from links l where l.person_id = i.person_id and l.purpose = 'page' and l.bound_at >= i.at) as opened,
    exists (select 1 from waits w where w.person_id = i.person_id and w.asked_at >= i.at) as asked_to_be_told,
    exists (select 1 from corrections c where c.person_id = i.person_id and not c."right" and c.said_at >= i.at) as got_wrong,
    f.back_at,
    exists (select 1 from checkins q where q.person_id = i.person_id and q.issue_id = i.issue_id and q.asked_at >= i.at) as asked,
    (select q.answer from checkins q where q.person_id = i.person_id and q.issue_id = i.issue_id and q.answered_at >= i.at
      order by q.answered_at desc limit 1) as answer
  from invited i
  join persons p on p.id = i.person_id
  left join issues on issues.id = i.issue_id
  left join first_return f on f.person_id = i.person_id and f.issue_id is i.issue_id
),
ways as materialized (
  select w.*, w.back_at <= ${ago} as long_ago, r.gone_at is null or r.gone_at >= r.back_at + ${WITHIN * DAY_MS} as stayed
  from people w left join returns r on r.person_id = w.person_id and r.back_at = w.back_at
)
${each(
  (by, column) => `select '${by}', key, kind, ${COUNTS}
from (
  select ${column} as key, person_id, kind, max(opened) as opened, max(asked_to_be_told) as asked_to_be_told,
    max(got_wrong) as got_wrong, min(back_at) as back_at, max(coalesce(long_ago, 0)) as long_ago,
    max(coalesce(stayed, 0)) as stayed, max(asked) as asked, min(answer) as answer
  from ways where ${column} is not null group by 1, 2, 3
) group by key, kind`,
)}`;
  const compared = `${base.trimStart()},
first_choice as materialized (
  select c.person_id, c."as", c.at, c.issue_id, c.gap, c.proof_id,
    row_number() over (partition by c.person_id order by c.at, c.batch_id) as place
  from chosen c join batches b on b.id = c.batch_id and b.revoked_at is null
),
came_back as (
  select distinct f.person_id
  from returns r join first_choice f on f.person_id = r.person_id and f.place = 1
    and r.back_at between f.at and f.at + ${WITHIN * DAY_MS}
),
halves as materialized (
  select f.*, p.kind, f.at <= ${ago} as long_ago, b.person_id is not null as back
  from first_choice f
  join persons p on p.id = f.person_id
  left join came_back b on b.person_id = f.person_id
  where f.place = 1 and not exists (select 1 from waits w where w.person_id = f.person_id and w.asked_at <= f.at)
)
`;
  return [
    { name: 'groups', sql: groups.trimStart() },
    {
      name: 'told',
      sql: `${base.trimStart()},
told as (
  select person_id, issue_id, at from invited
  union all
  select person_id, issue_id, told_at from waits where told_at is not null
)
select t.issue_id, max(0, (t.at - unixepoch(issues.fixed_on) * 1000) / ${DAY_MS}), count(*)
from (select person_id, issue_id, min(at) as at from told group by person_id, issue_id) t
join issues on issues.id = t.issue_id and issues.fixed_on is not null
group by 1, 2`,
    },
    {
      name: 'lift',
      sql:
        compared +
        each(
          (
            by,
            column,
          ) => `select '${by}', ${column}, kind, "as", count(*), sum(long_ago), sum(long_ago and back), min(at)
from halves where ${column} is not null group by ${column}, kind, "as"`,
        ),
    },
    {
      name: 'stays',
      sql: `${base.trimStart()}
select p.kind, max(0, (coalesce(r.gone_at, ${now}) - r.back_at) / ${DAY_MS}), r.gone_at is not null and r.gone_at <= ${now}, count(*)
from returns r join persons p on p.id = r.person_id
group by 1, 2, 3`,
    },
  ];
}
