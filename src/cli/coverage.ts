import { parseArgs } from 'node:util';
import { issuesNow } from '../checkins/answers.ts';
import { database } from '../database.ts';
import { type Coverage, coverage } from '../people/coverage.ts';
import { counted, grouped } from '../shared/words.ts';
import { issueToCover } from '../staff/home.ts';
import type { Verb } from './verb.ts';

export const coverageVerb: Verb = {
  name: 'coverage',
  summary: 'Who waits for what to be fixed, for how long, and the next thing to do about each.',
  help: `Use: amends coverage [--json]

One line an issue, those first whose people have waited longest together: how many people, how long the first of them has
waited, the days of all of them together, the state, and the next action. Below it the complaints that nobody has linked to an
issue, by gap. Counts here are exact and for staff.

Exit code: 0.`,

  async run(args, io) {
    let json: boolean;
    try {
      json = parseArgs({ args, options: { json: { type: 'boolean', default: false } } }).values.json;
    } catch (error) {
      io.err(`${(error as Error).message} See: amends coverage --help`);
      return 2;
    }
    const now = new Date();
    const db = await database();
    try {
      const issues = await issuesNow(db.read, now);
      const covered = await coverage(
        db.read,
        issues.map((one) => issueToCover(one, now)),
        now,
      );
      if (json) io.out(JSON.stringify(covered));
      else for (const line of table(covered)) io.out(line);
      return 0;
    } finally {
      await db.close();
    }
  },
};

const STATES = { not_yet: 'not fixed yet', watching: 'being watched', holding: 'holding', came_back: 'came back' };
const GAPS = { value: 'value', trust: 'trust', experience: 'experience', growth: 'growth', none: 'gap not known' };

/** At most 100 columns. */
function table({ issues, unlinked, unknown }: Coverage): string[] {
  const days = (count: number | null) => (count === null ? '–' : grouped(count));
  const lines = [row('Issue', 'People', 'Oldest, days', 'People × days', 'State', 'Next')];
  for (const { id, people, oldestDays, peopleDays, state, nextAction } of issues) {
    lines.push(row(id, grouped(people), days(oldestDays), grouped(peopleDays), STATES[state], nextAction));
  }
  for (const { id, people, oldestDays, peopleDays } of unknown) {
    lines.push(row(id, grouped(people), days(oldestDays), grouped(peopleDays), 'no such issue', 'Write the issue'));
  }
  if (unlinked.length > 0) lines.push('', 'Linked to no issue:');
  for (const { gap, complaints, people, oldestDays } of unlinked) {
    const oldest = oldestDays === null ? 'no day known' : `the oldest ${counted(oldestDays, 'day')} ago`;
    const who = `${counted(complaints, 'complaint')} of ${counted(people, 'person', 'people')}`;
    lines.push(`  ${GAPS[gap ?? 'none'].padEnd(14)} ${who}, ${oldest}`);
  }
  return lines;
}

function row(
  ...[issue, people, oldest, together, state, next]: [string, string, string, string, string, string]
): string {
  const name = issue.length > 24 ? `${issue.slice(0, 23)}…` : issue;
  return `${name.padEnd(24)} ${people.padStart(6)} ${oldest.padStart(12)} ${together.padStart(13)}  ${state.padEnd(13)}  ${next}`;
}
