import { parseArgs } from 'node:util';
import { database } from '../database.ts';
import { publishedSite } from '../proofs/published.ts';
import { firstBrokenEntry } from '../staff/audit.ts';
import { colleagues } from '../staff/colleagues.ts';
import { logPage, sentenceOf } from '../staff/log.ts';
import type { Verb } from './verb.ts';

export const auditVerb: Verb = {
  name: 'audit',
  summary: 'What staff did, in order, and whether that record is whole.',
  help: `Use: amends audit [--subject KIND:ID] [--last N] [--json]
     amends audit --verify [--json]

The last 50 things that staff did, or N, the newest first; with --subject only those about one thing, for example
proofs:exports-finish or staff:grace.

Each entry's hash covers the one before. --verify recomputes them all and names the first entry that was changed, put in, or
follows one that is gone. Somebody who can write to the database could make the whole chain anew: keep the last hash, which
--json shows, where they can't reach it, and compare.

Exit code: 0 whole, 1 not whole.`,

  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: {
        verify: { type: 'boolean' },
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
        const broken = await firstBrokenEntry(db.read);
        const { entries } = await logPage(db.read, {}, 1);
        const [newest] = entries;
        if (values.json) {
          io.out(
            JSON.stringify({
              whole: broken === null,
              firstBroken: broken,
              entries: newest?.number ?? 0,
              lastHash: newest?.hash ?? null,
            }),
          );
        } else if (broken === null)
          io.out(`The record is whole: ${newest?.number ?? 0} entries, the last one ${newest?.hash ?? '–'}.`);
        else io.err(`The record is not whole. Entry ${broken} was changed or put in, or follows one that is gone.`);
        return broken === null ? 0 : 1;
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
