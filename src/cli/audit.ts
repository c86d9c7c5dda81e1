import { parseArgs } from 'node:util';
import { eq } from 'drizzle-orm';
import { audit } from '../../db/schema/staff.ts';
import { database } from '../database.ts';
import { publishedSite } from '../proofs/published.ts';
import { counted } from '../shared/words.ts';
import { firstBrokenEntry } from '../staff/audit.ts';
import { colleagues } from '../staff/colleagues.ts';
import { logPage, sentenceOf } from '../staff/log.ts';
import type { Verb } from './verb.ts';

export const auditVerb: Verb = {
  name: 'audit',
  summary: 'What staff did, in order, and whether that record is whole.',
  help: `Use: amends audit [--subject KIND:ID] [--last N] [--json]
     amends audit --verify [--holds HASH] [--json]

The last 50 things that staff did, or N, the newest first; with --subject only those about one thing, for example
proofs:exports-finish or staff:grace.

Each entry's hash covers the one before. --verify recomputes them all and names the first entry that was changed, put in, or
follows one that is gone. Somebody who can write to the database could take the last entries away, or make the whole chain
anew. Keep the last hash where they can't reach it: --holds says whether the record still has it.

Exit code: 0 whole, 1 not whole.`,

  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: {
        verify: { type: 'boolean' },
        holds: { type: 'string' },
        json: { type: 'boolean' },
        subject: { type: 'string' },
        last: { type: 'string', default: '50' },
      },
    });
    const last = Number(values.last);
    if (!Number.isInteger(last) || last < 1) {
      io.err('--last is a whole number of entries.');
      return 2;
    }
    const db = await database();
    try {
      if (values.verify) {
        const firstBroken = await firstBrokenEntry(db.read);
        const [newest] = (await logPage(db.read, {}, 1)).entries;
        const { holds } = values;
        const held =
          holds === undefined || (await db.read.select().from(audit).where(eq(audit.hash, holds))).length > 0;
        const whole = firstBroken === null && held;
        const [count, lastHash] = [newest?.number ?? 0, newest?.hash ?? null];
        if (values.json) io.out(JSON.stringify({ whole, firstBroken, held, entries: count, lastHash }));
        else if (whole)
          io.out(`The record is whole: ${counted(count, 'entry', 'entries')}. Its last hash: ${lastHash ?? '–'}`);
        if (values.json) return whole ? 0 : 1;
        if (firstBroken !== null) {
          io.err(`The record is not whole. Entry ${firstBroken} was changed or put in, or follows one that is gone.`);
        }
        if (!held) io.err('The record no longer has the entry with that hash.');
        return whole ? 0 : 1;
      }
      const { entries } = await logPage(db.read, { subject: values.subject }, last);
      if (values.json) {
        io.out(JSON.stringify(entries));
        return 0;
      }
      const { time_zone: timeZone } = await publishedSite(db.read);
      const when = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone });
      const names = new Map((await colleagues(db.read)).map(({ id, name }) => [id, name]));
      if (entries.length === 0) io.out('Nothing has been done at the desk yet.');
      for (const entry of entries)
        io.out(`${String(entry.number).padStart(5)}  ${when.format(entry.at)}  ${sentenceOf(entry, names)}`);
      return 0;
    } finally {
      await db.close();
    }
  },
};
