import { sql } from 'drizzle-orm';
import type { Db } from '../../../db/client.ts';

type Rows = Record<string, unknown[][]>;

/** Every row of every table that an import writes, as it stands. */
export async function dump(db: Db): Promise<Rows> {
  const tables = ['persons', 'departures', 'complaints', 'signals', 'suppressions', 'letters', 'imports'];
  const rows: Rows = {};
  for (const table of tables) rows[table] = await db.read.all(sql.raw(`select * from ${table} order by 1`));
  return rows;
}

/** The same without what differs from run to run: ids, the import, the clock. Rows are named by their own keys. */
export async function content(db: Db): Promise<Rows> {
  const who = `p.source || ':' || p.kind || ':' || p.external_id`;
  return {
    persons: await db.read.all(
      sql.raw(`select ${who}, first_name, last_name, email, email_norm, time_zone, billing_id, facts, declined_at
        from persons p order by 1`),
    ),
    departures: await db.read.all(
      sql.raw(`select ${who}, d.external_id, joined_on, joined_precision, left_on, precision, plan_or_role, amount, currency,
        seats, reason_code, never_contact, d.facts from departures d join persons p on p.id = d.person_id order by 1, 2`),
    ),
    complaints: await db.read.all(
      sql.raw(`select ref, ${who}, d.external_id, said_on, channel, words, note, gap, issue_id, main, confidentiality,
        names_others, public_consent from complaints c join persons p on p.id = c.person_id
        left join departures d on d.id = c.departure_id order by 1`),
    ),
    signals: await db.read.all(
      sql.raw(`select ${who}, s.kind, s.external_id, happened_on, value, note
        from signals s join persons p on p.id = s.person_id order by 1, 2, 3`),
    ),
  };
}
