import { parseArgs } from 'node:util';
import { and, eq } from 'drizzle-orm';
import { persons } from '../../db/schema/people.ts';
import { noAnswersByIssue } from '../checkins/answers.ts';
import { database } from '../database.ts';
import { askGate } from '../invitations/facts.ts';
import type { GateRefusal } from '../invitations/gate.ts';
import type { Site } from '../proofs/documents.ts';
import { publishedSite } from '../proofs/published.ts';
import { counted } from '../shared/words.ts';
import type { Verb } from './verb.ts';

export const gate: Verb = {
  name: 'gate',
  summary: 'Say who may be invited back and, for everyone else, every reason why not.',
  help: `Use: amends gate [--source NAME] [--json]
     amends gate <source> <person id> [--json]

Without a person: how many may be invited, and how many each reason keeps back (a person can have several).
With one: yes, or every reason with its failure mode. Sends nothing.

Exit code: 0 somebody may be invited, 1 nobody may.`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { json: { type: 'boolean' }, source: { type: 'string' } },
    });
    const [source, externalId] = positionals;
    const now = new Date();
    const db = await database();
    try {
      const site = await publishedSite(db.read);
      const noAnswers = await noAnswersByIssue(db.read);
      if (source && externalId) {
        const found = await db.read
          .select({ id: persons.id })
          .from(persons)
          .where(and(eq(persons.source, source), eq(persons.externalId, externalId)));
        const people = await askGate(db.read, noAnswers, now, { personIds: found.map(({ id }) => id) });
        if (people.length === 0) {
          io.err(`Nobody “${externalId}” has come from “${source}”.`);
          return 2;
        }
        const refusals = people.flatMap((one) => one.refusals);
        if (values.json) io.out(JSON.stringify({ mayInvite: refusals.length === 0, refusals }));
        else if (refusals.length === 0) io.out('Yes. Nothing stands in the way of an invitation.');
        else for (const refusal of refusals) io.out(line(refusal));
        return refusals.length === 0 ? 0 : 1;
      }

      const everyone = (await askGate(db.read, noAnswers, now)).filter(
        ({ person }) => values.source === undefined || person.source === values.source,
      );
      const reasons = new Map<string, GateRefusal & { people: number }>();
      const invited: string[] = [];
      for (const { person, refusals } of everyone) {
        if (refusals.length === 0) invited.push(`${person.source} ${person.externalId}`);
        for (const refusal of refusals) {
          const sentence = SUMMED_UP[refusal.code]?.(site) ?? refusal.sentence;
          const known = reasons.get(refusal.code) ?? { ...refusal, sentence, people: 0 };
          known.people += 1;
          reasons.set(refusal.code, known);
        }
      }
      const sorted = [...reasons.values()].toSorted((a, b) => b.people - a.people);
      if (values.json) {
        io.out(JSON.stringify({ people: everyone.length, mayInvite: invited, refusals: sorted }));
      } else {
        io.out(
          `${counted(everyone.length, 'person', 'people')}. ${invited.length === 0 ? 'Nobody' : counted(invited.length, 'person', 'people')} may be invited.`,
        );
        for (const who of invited.slice(0, 50)) io.out(`         ${who}`);
        if (invited.length > 50) io.out(`         and ${invited.length - 50} more: --json lists all`);
        if (sorted.length > 0) io.out('Kept back, by reason:');
        for (const refusal of sorted) io.out(`${String(refusal.people).padStart(7)}  ${line(refusal)}`);
      }
      return invited.length > 0 ? 0 : 1;
    } finally {
      await db.close();
    }
  },
};

/** Sentences that say something of one person, said of many. */
const SUMMED_UP: Record<string, (site: Site) => string> = {
  'too-late': (site) => `They left more than ${site.invite.window_days} days ago.`,
  'not-holding': () => 'What made them leave is not fixed and holding.',
  'not-resolved': () => 'The issue holds, but it is not confirmed as fully resolved for them.',
  held: () => 'Invitations over what made them leave are on hold.',
};

function line({ code, failureMode, sentence }: GateRefusal): string {
  return `${code}: ${sentence}${failureMode ? ` (${failureMode})` : ''}`;
}
