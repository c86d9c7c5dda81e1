import { parseArgs } from 'node:util';
import { database } from '../database.ts';
import { env } from '../env.ts';
import { batches, late, letters, promises, questions } from '../jobs/rounds.ts';
import { resendDoubtful } from '../mail/delivery.ts';
import { sendFromHere, writeFence } from '../mail/fence.ts';
import { addDays, dayOf, isDay } from '../shared/dates.ts';
import { counted } from '../shared/words.ts';
import type { Verb } from './verb.ts';

export const due: Verb = {
  name: 'due',
  summary: 'Ask the check-in questions that are due, and send what waits in the outbox.',
  help: `Use: amends due [--on YYYY-MM-DD | --in DAYS] [--resend-doubtful | --send-from-here] [--json]

Asks every returned person whose question is due, tells those who asked to be told, and sends the letters. The jobs
process does the same by itself: letters every second, tells every twenty seconds, asks every minute. Running it twice asks
nobody twice.

  --on DAY    do as if it were this day
  --in DAYS   do as if it were this many days from today
  --resend-doubtful   send once more what may have left already: a crash or a broken line came in between. Ask your mail
                      server first; whoever got the first one gets a second, and the links of the first stop working
  --send-from-here    this database sends from now on, although it looks like a restored copy. What waits in it may have been
                      sent by the other one: all of it becomes doubtful
  --json      print the counts as JSON`,
  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: {
        on: { type: 'string' },
        in: { type: 'string' },
        'resend-doubtful': { type: 'boolean' },
        'send-from-here': { type: 'boolean' },
        json: { type: 'boolean' },
      },
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
      if (values['send-from-here']) {
        const { doubtful, count } = await db.write((tx) => sendFromHere(tx, now));
        writeFence(env.SENDING_FENCE, count);
        io.out(
          values.json
            ? JSON.stringify({ doubtful })
            : `This database sends from now on. ${counted(doubtful, 'letter')} that waited may have left already and became doubtful.`,
        );
        return 0;
      }
      if (values['resend-doubtful']) await db.write((tx) => resendDoubtful(tx, now));
      const asked = await questions(db, asOf);
      const told = await promises(db, asOf);
      await late(db, asOf);
      await batches(db, asOf);
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
