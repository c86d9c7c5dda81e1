import { parseArgs } from 'node:util';
import { and, eq } from 'drizzle-orm';
import { persons } from '../../db/schema/people.ts';
import { database } from '../database.ts';
import { owe, owedTo, paidByHand } from '../people/make-good.ts';
import { publishedSite } from '../proofs/published.ts';
import { dayOf } from '../shared/dates.ts';
import { formatMoney } from '../shared/money.ts';
import { isRefusal } from '../shared/refusal.ts';
import type { Verb } from './verb.ts';

export const makeGood: Verb = {
  name: 'make-good',
  summary: 'Write down money that we owe somebody for harm; it is returned whether or not they come back.',
  help: `Use: amends make-good <source> <person id> --amount 1150 --currency gbp --by PERSON --reason "…"
     amends make-good <source> <person id> [--json]
     amends make-good paid <entry id>

Writes an entry; the jobs process returns it on what the person had paid. What can't be returned that way says why: pay it
another way and mark it with \`paid\`. Without an amount: lists the person's entries. The person sees reason and sum on
their page, apart from any offer.

  --amount N      in minor units: 1150 is £11.50
  --by PERSON     who decided it: a person of site.yaml

Exit code: 0 done, 1 refused, 2 nobody by that id.`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        amount: { type: 'string' },
        currency: { type: 'string', default: 'gbp' },
        by: { type: 'string' },
        reason: { type: 'string' },
        json: { type: 'boolean' },
      },
    });
    const [source, externalId] = positionals;
    if (!source || !externalId) {
      io.err(this.help);
      return 2;
    }
    const now = new Date();
    const db = await database();
    try {
      if (source === 'paid') {
        const paid = await db.write((tx) => paidByHand(tx, externalId, now));
        if (isRefusal(paid)) io.err(paid.sentence);
        else io.out(`${formatMoney(paid)} marked as paid by hand.`);
        return isRefusal(paid) ? 1 : 0;
      }
      const [person] = await db.read
        .select({ id: persons.id })
        .from(persons)
        .where(and(eq(persons.source, source), eq(persons.externalId, externalId)));
      if (!person) {
        io.err(`Nobody “${externalId}” has come from “${source}”.`);
        return 2;
      }
      if (values.amount !== undefined) {
        const site = await publishedSite(db.read);
        if (!values.by || !site.people[values.by]) {
          io.err(`--by names who decided it: one of ${Object.keys(site.people).join(', ')}.`);
          return 1;
        }
        const debt = {
          personId: person.id,
          reason: values.reason ?? '',
          decidedBy: values.by,
          amount: Number(values.amount),
          currency: values.currency,
        };
        const owed = await db.write((tx) => owe(tx, debt, now));
        if (isRefusal(owed)) {
          io.err(owed.sentence);
          return 1;
        }
      }
      const entries = await owedTo(db.read, person.id);
      if (values.json) io.out(JSON.stringify(entries));
      else
        for (const one of entries) {
          const stands = one.paidAt
            ? `paid on ${dayOf(one.paidAt)} by ${one.paidHow}`
            : (one.stuckBecause ?? 'is returned by the jobs process');
          io.out(`${one.id}  ${formatMoney(one)}  ${one.reason}  (${one.decidedBy}; ${stands})`);
        }
      return 0;
    } finally {
      await db.close();
    }
  },
};
