import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { database } from '../database.ts';
import { env } from '../env.ts';
import { whereLettersWait } from '../mail/mailbox.ts';
import { readContent } from '../proofs/content.ts';
import { isRefusal } from '../shared/refusal.ts';
import { removeExample } from '../staff/first-run.ts';
import type { Verb } from './verb.ts';

export const exampleVerb: Verb = {
  name: 'example',
  summary: 'Remove the example organisation and begin your own.',
  help: `Use: amends example --remove --organisation "…" --reply-to ADDRESS
       --admin-name "…" --admin-address ADDRESS [--admin-title "…"] [--time-zone ZONE] [--about "…"]

Takes Northline away, all of it: its people and what they told it, its documents with every version, its staff, measurements
and letters. Keeps the letters and the two plain pages that the product needs, under your name. Makes one admin, who signs in
with a code sent to their address and adds the others. It may run while the demo does.

It happens as a whole or not at all, and never to a place that is not the example.

  --organisation   the name people know you by
  --reply-to       where an answer to any letter arrives
  --time-zone      the zone your dates are meant in (that of this machine)
  --about          one sentence on what you do, for someone who has never heard of you
  --admin-title    what the admin does at your organisation (“Administrator”)

Exit code: 0 done, 1 refused, 2 could not be carried out.`,

  async run(args, io) {
    const text = { type: 'string' } as const;
    const { values } = parseArgs({
      args,
      options: {
        remove: { type: 'boolean' },
        organisation: text,
        about: text,
        'reply-to': text,
        'time-zone': text,
        'admin-name': text,
        'admin-title': text,
        'admin-address': text,
      },
    });
    const { organisation, 'reply-to': replyTo, 'admin-name': name, 'admin-address': address } = values;
    if (!values.remove || !organisation?.trim() || !replyTo || !name || !address) {
      io.err(
        'It takes --remove, --organisation, --reply-to, --admin-name and --admin-address. See: amends example --help',
      );
      return 2;
    }
    const about = values.about ?? `${organisation} says here what people who left it told it, and what it changed.`;
    const timeZone = values['time-zone'] ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
    const admin = { name, address, title: values['admin-title'] ?? 'Administrator' };
    const db = await database();
    try {
      const { documents } = await readContent(env.CONTENT_DIR).catch(() => ({ documents: [] }));
      const done = await removeExample(
        db,
        { organisation: organisation.trim(), about, replyTo, timeZone, admin },
        documents,
        new Date(),
      );
      if (isRefusal(done)) {
        io.err(done.sentence);
        return 1;
      }
      await emptyMailbox(env.MAILBOX_DIR);
      const at = (path: string) => new URL(path, env.AMENDS_URL).href;
      io.out(`The example is gone. This is ${organisation.trim()}’s place now.`);
      io.out(`${done.name} signs in at ${at('/staff/sign-in')} with a code for ${done.address}.`);
      const waits = whereLettersWait(env.AMENDS_URL, env.MAILBOX_DIR);
      io.out(`${waits.sentence}${waits.link ? ` It is read at ${at(waits.link.href)}` : ''}`);
      io.out(`What comes next stands at ${at('/staff/guide')}`);
      return 0;
    } finally {
      await db.close();
    }
  },
};

/** The letters to the example's people, which no database holds. */
async function emptyMailbox(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => one.endsWith('.json'))) await rm(join(folder, name), { force: true });
}
