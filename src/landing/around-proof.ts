import type { Reader } from '../../db/client.ts';
import { tallyOf } from '../checkins/tally.ts';
import { peoplePerIssue, publicCount } from '../people/counts.ts';
import { confirmerShown, type Voice, voicesOf } from '../people/voices.ts';
import type { Proof, Site } from '../proofs/documents.ts';
import { peopleSentence, tallyWords } from '../proofs/looks/sentences.ts';
import { type PublishedIssue, publishedIssue } from '../proofs/published.ts';

/** What a proof's page shows beside the proof: its issues, whom it quotes, how many told us, what those who came back say. */
export type AroundProof = {
  issues: PublishedIssue[];
  voices: Voice[];
  confirmer: { name: string; how: string } | null;
  people: string[];
  asked: string | undefined;
};

export async function aroundProof(
  reader: Reader,
  { id, data: proof }: { id: string; data: Pick<Proof, 'issues' | 'voices' | 'confirmer'> },
  site: Site,
): Promise<AroundProof> {
  const [found, perIssue, voices, confirmer, tallies] = await Promise.all([
    Promise.all(proof.issues.map((id) => publishedIssue(reader, id))),
    peoplePerIssue(reader),
    voicesOf(reader, proof.voices),
    proof.confirmer ? confirmerShown(reader, id, proof.confirmer) : null,
    Promise.all(proof.issues.map((issue) => tallyOf(reader, issue))),
  ]);
  const issues = found.filter((issue) => issue !== null);
  const floor = site.count_floor;
  const people = issues.map((issue) => {
    const { customers, employees } = perIssue.get(issue.id) ?? { customers: 0, employees: 0 };
    const sayable = {
      customers: publicCount(customers, floor.customer),
      employees: publicCount(employees, floor.employee),
    };
    const ending = issues.length > 1 ? `told us: ${issue.data.title}.` : 'told us.';
    return peopleSentence(perIssue.size === 0 ? null : sayable, issue.data.affects, floor, ending);
  });
  const asked = tallies.flatMap((tally) => tallyWords(tally, floor.customer) ?? [])[0];
  return { issues, voices, confirmer, people, asked };
}
