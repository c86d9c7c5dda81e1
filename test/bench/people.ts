import { sql } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { mintBatch } from '../support/links.ts';

const ISSUES = [
  'exports-failed',
  'tickets-closed-unsolved',
  'sign-in-codes-late',
  'large-files-slow',
  'nobody-told-you',
];

/**
 * Made-up customers, each with a departure, three complaints and a personal link, straight into the tables. Answers the tokens. Ids are
 * scattered, as real ones are.
 */
export async function addPeople(db: Db, many: number, now: Date): Promise<string[]> {
  const step = 20_000;
  const id = (prefix: string) => sql.raw(`'${prefix}' || printf('%08x', (i * 2654435761) % 4294967296)`);
  for (let from = 0; from < many; from += step) {
    const numbers = sql`with recursive numbers(i) as (select cast(${from} as integer) union all select i + 1 from numbers where i + 1 < ${Math.min(many, from + step)})`;
    const said = (at: number) =>
      sql`${numbers} insert into complaints (id, ref, person_id, departure_id, said_on, channel, words, issue_id, main, confidentiality, names_others, public_consent, created_at)
        select ${id(`c${at}-`)}, 'bench:' || i || '-' || ${at}, ${id('p-')}, ${id('d-')}, '2025-0' || (1 + i % 9) || '-1' || (i % 9), 'ticket',
        'It happened on the ' || (i % 28 + 1) || 'th, and nobody told me what to do next.', ${ISSUES[at]!}, ${at === 0 ? 1 : 0}, 'open', 0, 0, 1 from numbers`;
    await db.write(async (tx) => {
      await tx.run(sql`${numbers} insert into persons (id, kind, source, external_id, first_name, email, email_norm, facts, created_at)
        select ${id('p-')}, 'customer', 'bench', i, 'Name' || (i % 997), i || '@people.example', i || '@people.example', '{}', 1 from numbers`);
      await tx.run(sql`${numbers} insert into departures (id, person_id, external_id, joined_on, left_on, precision, plan_or_role, amount, currency, seats, facts, created_at)
        select ${id('d-')}, ${id('p-')}, '1', '2021-05-01', '2026-06-0' || (1 + i % 9), 'day', 'Team', 4800, 'gbp', 1 + i % 9, '{}', 1 from numbers`);
      for (const at of [0, 1, 2]) await tx.run(said(at));
    });
  }
  const ids = (await db.read.all<[string]>(sql`select id from persons where source = 'bench'`)).map(([one]) => one);
  return (await mintBatch(db, ids, now)).tokens;
}
