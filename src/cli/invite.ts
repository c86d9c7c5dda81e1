import { parseArgs } from 'node:util';
import { noAnswersByIssue } from '../checkins/answers.ts';
import { database } from '../database.ts';
import { env } from '../env.ts';
import { putOff, whoIsNext } from '../invitations/sign.ts';
import { publishedSite } from '../proofs/published.ts';
import { dayOf, daysBetween } from '../shared/dates.ts';
import { counted } from '../shared/words.ts';
import type { Verb } from './verb.ts';

const NEVER_SIGNS = 'Nothing was sent: each letter is read and signed by one person, at the desk.';

export const invite: Verb = {
  name: 'invite',
  summary: 'Say who waits for a letter, those who have waited longest first. It signs none.',
  help: `Use: amends invite --list [--batch ID] [--json]
     amends invite --next [--batch ID] [--json]

--list: everyone whom the gate lets through and nobody has put off, with the day since which they have waited. --next: the first of
them, and the page of the desk on which somebody reads their letter and signs it. This command never signs: a person does.
--batch keeps to the people of one choice.

Exit code: 0 somebody waits, 1 nobody does.`,

  async run(args, io) {
    let values: { list: boolean; next: boolean; json: boolean; batch?: string | undefined };
    try {
      values = parseArgs({
        args,
        options: {
          list: { type: 'boolean', default: false },
          next: { type: 'boolean', default: false },
          json: { type: 'boolean', default: false },
          batch: { type: 'string' },
        },
      }).values;
      if (values.list === values.next) throw new Error('Say --list or --next.');
    } catch (error) {
      io.err(`${(error as Error).message} See: amends invite --help`);
      return 2;
    }
    const now = new Date();
    const db = await database();
    try {
      const { time_zone } = await publishedSite(db.read);
      const batchId = values.batch ?? null;
      const all = await whoIsNext(db.read, await noAnswersByIssue(db.read), { batchId }, now);
      const shown = (values.next ? all.slice(0, 1) : all).map(({ person, since }) => ({
        source: person.source,
        id: person.externalId,
        kind: person.kind,
        since,
        page: new URL(`/staff/write-to/${person.id}${batchId ? `?batch=${batchId}` : ''}`, env.AMENDS_URL).href,
      }));
      const off = (await putOff(db.read, now)).length;
      if (values.json) {
        io.out(JSON.stringify({ waiting: all.length, putOff: off, people: shown, signed: 0 }));
      } else {
        const waits = all.length === 0 ? 'Nobody waits' : counted(all.length, 'person waits', 'people wait');
        io.out(`${waits} for a letter.${off > 0 ? ` ${counted(off, 'is', 'are')} put off.` : ''}`);
        for (const { source, id, since, page } of shown) {
          const days = since ? counted(daysBetween(since, dayOf(now, time_zone)), 'day') : 'no day known';
          io.out(`${days.padStart(14)}  ${source} ${id}${values.next ? `  ${page}` : ''}`);
        }
        io.out(NEVER_SIGNS);
      }
      return all.length > 0 ? 0 : 1;
    } finally {
      await db.close();
    }
  },
};
