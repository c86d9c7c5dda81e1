import { buffer } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { database } from '../database.ts';
import { readReport } from '../mail/reports.ts';
import { type Noted, noteReport, SOFT_DAYS, SOFT_LETTERS } from '../people/bounces.ts';
import { keysFor, mintKey, revokeKey } from '../sessions/keys.ts';
import { dayOf } from '../shared/dates.ts';
import { isRefusal } from '../shared/refusal.ts';
import { record } from '../staff/audit.ts';
import type { Verb } from './verb.ts';

const SENTENCES: Record<Noted | 'no-report', string> = {
  'no-report': 'This is no report about a letter of ours, so nothing was changed.',
  unknown: 'It is about no letter that left here, so nothing was changed.',
  already: 'This report came before. Nothing was changed.',
  noted: 'Noted: this letter did not arrive. The next one is tried all the same.',
  silenced: 'Noted. Nothing but codes, requested links and receipts is written to this address any more.',
};

export const bounce: Verb = {
  name: 'bounce',
  summary:
    'Read a report about a letter that came back from standard input; keys for a mail service that reports over HTTP.',
  help: `Use: amends bounce [--json] < message
     amends bounce --key "Our mail service" | --keys | --revoke <id> [--json]

Made for an alias of your mail server: whatever comes to the address that letters come from (MAIL_FROM) is piped in. With Postfix:
  letters: "|/usr/local/bin/amends bounce"
in an alias file (alias_maps) that belongs to the user amends. From one that belongs to root, such as /etc/aliases, it would run as
nobody, who can't read the settings.

It takes reports that a letter was not delivered (RFC 3464) and complaints (RFC 5965). A report counts when it carries the id of a
letter that left here; an address in it counts for nothing. No such mailbox, or a complaint: that address is never written to again,
except codes, requested links and receipts. Not this time: the same after ${SOFT_LETTERS} different letters in ${SOFT_DAYS} days. Everything else is let go by.

A mail service that reports over HTTP sends to POST /hooks/mail, with the header Authorization: Bearer <key>:
  {"event": "its own id", "message_id": "<the letter’s Message-ID>", "kind": "bounce", "status": "5.1.1", "said": "No such user"}
or "kind": "complaint", one or a list of up to 1,000.

  --key       make such a key; it is shown once
  --keys      list them
  --revoke    end one

Exit code: 0 read, whatever it was (so that your mail server does not send it back), 1 refused, 2 called wrongly, 75 try again later.`,

  async run(args, io) {
    const options = {
      key: { type: 'string' },
      keys: { type: 'boolean', default: false },
      revoke: { type: 'string' },
      json: { type: 'boolean', default: false },
    } as const;
    let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
    try {
      ({ values } = parseArgs({ args, options }));
      const asked = [values.key !== undefined, values.keys, values.revoke !== undefined].filter(Boolean).length;
      if (asked > 1) throw new Error('Say one of --key, --keys and --revoke.');
      if (asked === 0 && process.stdin.isTTY) throw new Error('Nothing is coming in.');
    } catch (error) {
      io.err(`${(error as Error).message} See: amends bounce --help`);
      return 2;
    }
    const { key: label, keys, revoke, json } = values;
    const now = new Date();
    const db = await database();
    try {
      if (keys) {
        const all = await keysFor(db.read, 'bounces');
        if (json) io.out(JSON.stringify(all));
        else if (all.length === 0) io.out('There is no key yet.');
        else
          for (const { id, label: name, createdAt, revokedAt } of all)
            io.out(
              `${id}  ${name}, since ${dayOf(createdAt)}${revokedAt === null ? '' : `, revoked on ${dayOf(revokedAt)}`}`,
            );
        return 0;
      }
      if (label !== undefined || revoke !== undefined) {
        const done = await db.write(async (tx) => {
          const made =
            revoke === undefined
              ? await mintKey(tx, { purpose: 'bounces', proofId: null, label: label!, createdBy: null }, now)
              : await revokeKey(tx, 'bounces', revoke, now);
          if (isRefusal(made)) return made;
          const action = revoke === undefined ? 'made a key' : 'revoked a key';
          await record(tx, { by: null, action, subject: `bounce-key:${made.id}` }, now);
          return made;
        });
        if (isRefusal(done)) {
          io.err(done.sentence);
          return 1;
        }
        if (json) io.out(JSON.stringify(done));
        else if ('key' in done) {
          io.out(done.key);
          io.err(`Its id is ${done.id}. The key is shown this once.`);
        } else io.out(`“${done.label}” can report nothing any more.`);
        return 0;
      }
      const report = await readReport(await buffer(process.stdin));
      const noted = report ? await db.write((tx) => noteReport(tx, report, now)) : 'no-report';
      io.out(
        json
          ? JSON.stringify({ noted, kind: report?.kind ?? null, letter: report?.letterId ?? null })
          : SENTENCES[noted],
      );
      return 0;
    } catch (error) {
      // EX_TEMPFAIL: the mail server keeps the message and hands it over once more.
      io.err(`It could not be written down now (${error instanceof Error ? error.name : 'unknown'}).`);
      return 75;
    } finally {
      await db.close();
    }
  },
};
