import { parseArgs } from 'node:util';
import { database } from '../database.ts';
import { late, letters, promises, questions } from '../jobs/rounds.ts';
import { addDays, dayOf, isDay } from '../shared/dates.ts';
import { counted } from '../shared/words.ts';
import type { Verb } from './verb.ts';

export const due: Verb = {
  name: 'due',
  summary: 'Ask the check-in questions that are due, and send what waits in the outbox.',
  help: `Use: amends due [--on YYYY-MM-DD | --in DAYS] [--json]

Asks every returned person whose question is due, tells those who asked to be told, and sends the letters. The jobs
process does the same every minute; running it twice asks nobody twice.

  --on DAY    do as if it were this day
  --in DAYS   do as if it were this many days from today
  --json      print the counts as JSON`,
  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: { on: { type: 'string' }, in: { type: 'string' }, json: { type: 'boolean' } },
    });
    const now = new Date();
    const ahead = Number(values.in ?? 0);
    const day = values.on ?? (Number.isInteger(ahead) ? addDays(dayOf(now), ahead) : '');
    if (!isDay(day)) {
      io.err(`“${values.on ?? values.in}” is not a day. Write YYYY-MM-DD after --on, or a number of days after --in.`);
      return 2;
    }
    const asOf = day === dayOf(now) ? now : new Date(`${day}T12:00:00Z`);
    const db = await database();
    try {
      const asked = await questions(db, asOf);
      const told = await promises(db, asOf);
      await late(db, asOf);
      const sent = await letters(db, now > asOf ? now : asOf);
      io.out(
        values.json
          ? JSON.stringify({ day, asked, told, sent })
          : `${day}: ${counted(asked, 'question')} asked, ${counted(told, 'person', 'people')} told, ${counted(sent, 'letter')} sent.`,
      );
    } finally {
      await db.close();
    }
    return 0;
  },
};
