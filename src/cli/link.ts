import { parseArgs } from 'node:util';
import { and, eq } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { persons } from '../../db/schema/people.ts';
import { noAnswersByIssue } from '../checkins/answers.ts';
import { database } from '../database.ts';
import { env } from '../env.ts';
import { askGate } from '../invitations/facts.ts';
import { mintLink, revokeLinks, type WhichLinks } from '../invitations/links.ts';
import { publishedSite } from '../proofs/published.ts';
import { looksLikeSecret } from '../shared/secrets.ts';
import { counted } from '../shared/words.ts';
import type { Verb } from './verb.ts';

export const link: Verb = {
  name: 'link',
  summary: 'Mint a personal link for one person, or make links stop working. Sends nothing.',
  help: `Use: amends link <source> <person id> [--json]
     amends link --revoke <address of the link>
     amends link --revoke --batch <batch id>
     amends link --revoke <source> <person id>

Prints a new personal link. It is shown once: only its hash is stored. Employees' links are not minted here.
It is for somebody who asks for it. Where the gate keeps them back, its reasons follow: it is no invitation.

--revoke makes links stop working at once: one, all that were minted together, or all of one person with their devices.
The person can ask for a new one on the page that the dead link shows.

Exit code: 0 done, 1 nobody by this id or nothing to revoke, 2 not understood.`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { json: { type: 'boolean' }, revoke: { type: 'boolean' }, batch: { type: 'string' } },
    });
    const [source, externalId] = positionals;
    const now = new Date();
    const db = await database();
    try {
      if (values.revoke) {
        const which = values.batch ? { batchId: values.batch } : await whichLinks(db, source, externalId);
        if (!which) {
          io.err('That is neither a link of this site nor a person. See: amends link --help');
          return source ? 1 : 2;
        }
        const revoked = await db.write((tx) => revokeLinks(tx, which, now));
        io.out(values.json ? JSON.stringify({ revoked }) : `${counted(revoked, 'link')} revoked.`);
        return revoked > 0 ? 0 : 1;
      }
      if (!source || !externalId) {
        io.err('Name the person: amends link <source> <person id>.');
        return 2;
      }
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
        mintLink(tx, { personId: person.id, purpose: 'page', days: invite.link_days }, now),
      );
      const url = new URL(`/for/${token}`, env.AMENDS_URL).href;
      io.out(values.json ? JSON.stringify({ url }) : url);
      const [asked] = await askGate(db.read, await noAnswersByIssue(db.read), now, { personIds: [person.id] });
      if (asked && asked.refusals.length > 0) {
        io.err('This is their own page, to give to them when they ask for it. Nobody may invite them with it:');
        for (const { code, sentence } of asked.refusals) io.err(`  ${code}: ${sentence}`);
      }
    } finally {
      await db.close();
    }
    return 0;
  },
};

async function whichLinks(db: Db, first?: string, externalId?: string): Promise<WhichLinks | null> {
  if (first && externalId) {
    const [person] = await db.read
      .select({ id: persons.id })
      .from(persons)
      .where(and(eq(persons.source, first), eq(persons.externalId, externalId)));
    return person ? { personId: person.id } : null;
  }
  const token = first?.split(/[/?#]/).find(looksLikeSecret);
  return token ? { token } : null;
}
