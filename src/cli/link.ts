import { parseArgs } from 'node:util';
import { and, eq } from 'drizzle-orm';
import { persons } from '../../db/schema/people.ts';
import { database } from '../database.ts';
import { env } from '../env.ts';
import { mintLink } from '../invitations/links.ts';
import { publishedSite } from '../proofs/published.ts';
import type { Verb } from './verb.ts';

export const link: Verb = {
  name: 'link',
  summary: 'Mint a personal link for one person, to hand over yourself. Sends nothing.',
  help: `Use: amends link <source> <person id> [--json]

Prints a new personal link. It is shown once: only its hash is stored. Employees' links are not minted here.`,
  async run(args, io) {
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { json: { type: 'boolean' } } });
    const [source, externalId] = positionals;
    if (!source || !externalId) {
      io.err('Name the person: amends link <source> <person id>.');
      return 2;
    }
    const db = await database();
    try {
      const [person] = await db.read
        .select()
        .from(persons)
        .where(and(eq(persons.source, source), eq(persons.externalId, externalId), eq(persons.kind, 'customer')));
      if (!person) {
        io.err(`No customer “${externalId}” has come from “${source}”.`);
        return 1;
      }
      const { invite } = await publishedSite(db.read);
      const token = await db.write((tx) =>
        mintLink(tx, { personId: person.id, purpose: 'page', days: invite.link_days }, new Date()),
      );
      const url = new URL(`/for/${token}`, env.AMENDS_URL).href;
      io.out(values.json ? JSON.stringify({ url }) : url);
    } finally {
      await db.close();
    }
    return 0;
  },
};
