import { parseArgs } from 'node:util';
import { database } from '../database.ts';
import { publishedSite } from '../proofs/published.ts';
import { countAll, type Figure, type Hidden, type Row, shown } from '../staff/outcomes.ts';
import type { Verb } from './verb.ts';

export const outcomesVerb: Verb = {
  name: 'outcomes',
  summary: 'What outreach achieved: who was invited, came back and is still here, and whether inviting did it.',
  help: `Use: amends outcomes [--json]

For all, and by issue, gap and proof: invited, opened (a press of theirs), asked to be told, returned, still here on day 90, says that it is
fixed, “you got me wrong”; the days from fixed to told; and the difference to those whom chance kept back, with its interval. --json has the
query behind each number as well. Where fewer people stand behind a number than count_floor in site.yaml, it is left out (–, null).

Exit code: 0.`,
  async run(args, io) {
    const { values } = parseArgs({ args, options: { json: { type: 'boolean' } } });
    const db = await database();
    try {
      const site = await publishedSite(db.read);
      const result = shown(await countAll(db.read, new Date()), site);
      if (values.json) {
        io.out(JSON.stringify(result));
        return 0;
      }
      if (result.rows.length === 0) io.out('Nobody has been chosen or invited yet.');
      else io.out(line('', 'Invited', 'Opened', 'Told me', 'Back', 'Here on day 90', 'Says fixed', 'Got wrong'));
      for (const row of result.rows) {
        io.out(
          line(
            nameOf(row),
            ...[row.invited, row.opened, row.askedToBeTold, row.returned].map(count),
            ...[share(row.here), share(row.saidFixed), count(row.gotWrong)],
          ),
        );
      }
      for (const row of result.rows.filter(({ by }) => by === 'all')) io.out(`${nameOf(row)}: ${row.lift.sentence}`);
      const [all] = result.told;
      if (all && all.median !== null) io.out(`Days from fixed to told: ${all.median} in the middle, of ${all.people}.`);
      return 0;
    } finally {
      await db.close();
    }
  },
};

const count = (people: Hidden) => (people === null ? '–' : String(people));
const share = ({ people, of }: Figure) => (people === null ? '–' : of === 0 ? '0' : `${people} of ${of}`);

function nameOf({ by, key, kind }: Row): string {
  const who = kind === 'customer' ? 'customers' : 'colleagues';
  return by === 'all' ? `All ${who}` : `${key}, ${who}`;
}

function line(name: string, ...cells: string[]): string {
  const widths = [8, 7, 8, 5, 15, 11, 10];
  return `${name.slice(0, 34).padEnd(34)}${cells.map((cell, at) => cell.padStart(widths[at] ?? 0)).join('')}`;
}
