import { fileURLToPath } from 'node:url';
import { and, eq } from 'drizzle-orm';
import { importFile } from '../src/people/intake/import.ts';
import { NEUTRAL, readMapping } from '../src/people/intake/mapping.ts';
import { suppress } from '../src/people/suppression.ts';
import { parseDocument, readContent } from '../src/proofs/content.ts';
import type { Collection } from '../src/proofs/documents.ts';
import { publishDocument } from '../src/proofs/publish.ts';
import { isRefusal } from '../src/shared/refusal.ts';
import { RESOLUTIONS, STOPPED, TRACES } from './cast.ts';
import type { Db } from './client.ts';
import { complaints, persons, resolutions } from './schema/people.ts';

/** What refers to something is published after it. */
const ORDER: Collection[] = ['site', 'issues', 'proofs', 'offers', 'checkins', 'pages', 'letters'];

/** Who of the cast approved the shipped documents; what the first one owns, the second one did. */
const APPROVERS = ['sander', 'ruth'];

/**
 * Publishes everything in a content folder, as approved by the cast. The same content again makes no new version. Throws
 * with every problem, and publishes nothing, when one document can't be published.
 */
export async function seedContent(db: Db, dir: string, now: Date): Promise<number> {
  const { documents, problems } = await readContent(dir);
  const sorted = documents.toSorted((a, b) => ORDER.indexOf(a.collection) - ORDER.indexOf(b.collection));
  return db.write(async (tx) => {
    let added = 0;
    const wrong = problems.map((problem) => `${problem.file}:${problem.line} ${problem.sentence}`);
    for (const document of sorted) {
      const { collection, id, source, assets } = document;
      const parsed = parseDocument(collection, id, source, assets).document?.data;
      const confirmedBy = parsed && 'owner' in parsed ? parsed.owner : null;
      const approvedBy = APPROVERS.find((approver) => approver !== confirmedBy)!;
      const published = await publishDocument(tx, { ...document, confirmedBy, approvedBy, now });
      if ('refused' in published) {
        wrong.push(...published.problems.map((problem) => `${problem.file}:${problem.line} ${problem.sentence}`));
      } else if (published.isNew) added += 1;
    }
    if (wrong.length > 0) throw new Error(`The content can’t be published:\n${wrong.join('\n')}`);
    return added;
  });
}

/** Brings the cast in through the same importer as anyone, and what staff confirmed about their complaints. */
export async function seedCast(db: Db, now: Date): Promise<void> {
  const path = fileURLToPath(new URL('./cast.csv', import.meta.url));
  const report = await importFile(db, { path, mapping: NEUTRAL, now });
  if (isRefusal(report)) throw new Error(report.sentence);
  for (const { file, mapping: text } of TRACES) {
    const mapping = readMapping(text);
    if (isRefusal(mapping)) throw new Error(mapping.sentence);
    const traces = await importFile(db, { path: fileURLToPath(new URL(file, import.meta.url)), mapping, now });
    if (isRefusal(traces)) throw new Error(traces.sentence);
  }
  await db.write(async (tx) => {
    for (const { source, personId } of STOPPED) {
      const [stopped] = await tx
        .select({ email: persons.email })
        .from(persons)
        .where(and(eq(persons.source, source), eq(persons.externalId, personId)));
      if (stopped?.email) await suppress(tx, stopped.email, 'stopped', now);
    }
    for (const { complaint, proof, resolved, reason, confirmedBy } of RESOLUTIONS) {
      const [about] = await tx.select({ id: complaints.id }).from(complaints).where(eq(complaints.ref, complaint));
      if (!about) throw new Error(`The cast has no complaint ${complaint}.`);
      await tx
        .insert(resolutions)
        .values({ complaintId: about.id, proofId: proof, resolved, reason, confirmedBy, confirmedAt: now.getTime() })
        .onConflictDoNothing();
    }
  });
}
