import { fileURLToPath } from 'node:url';
import { and, eq } from 'drizzle-orm';
import { countPeople } from '../src/people/counts.ts';
import { importFile } from '../src/people/intake/import.ts';
import { NEUTRAL, readMapping } from '../src/people/intake/mapping.ts';
import { suppress } from '../src/people/suppression.ts';
import { sameContent } from '../src/proofs/chain.ts';
import { parseDocument, readContent, type SourceDocument } from '../src/proofs/content.ts';
import type { Collection } from '../src/proofs/documents.ts';
import { publishDocument } from '../src/proofs/publish.ts';
import { publishedSite } from '../src/proofs/published.ts';
import { importFinished } from '../src/reonboarding/finished.ts';
import { issueOffer, newestOffer, offerState } from '../src/reonboarding/offer.ts';
import { addDays, dayOf } from '../src/shared/dates.ts';
import { isRefusal } from '../src/shared/refusal.ts';
import { addColleague, colleagues } from '../src/staff/colleagues.ts';
import { RELEASED, RESOLUTIONS, ROLE_OFFERS, STAFF, STOPPED, TRACES } from './cast.ts';
import type { Db, Tx } from './client.ts';
import { complaints, persons, resolutions } from './schema/people.ts';
import { publishedVersions } from './schema/proofs.ts';

/** What refers to something is published after it. */
const ORDER: Collection[] = [
  'site',
  'issues',
  'proofs',
  'offers',
  'checkins',
  'pages',
  'letters',
  'roles',
  'reonboarding',
];

/** Who of the cast approved the shipped documents; what the first one owns, the second one did. */
const APPROVERS = ['sander', 'ruth'];

/**
 * Brings the example organisation up: its documents, people and staff. What was published, written or changed since is left as
 * it is, and a place that has become somebody's own gets nothing. Answers whether it is the example.
 */
export async function seedExample(db: Db, dir: string, now: Date): Promise<boolean> {
  const [begun] = await db.read.select({ id: publishedVersions.id }).from(publishedVersions).limit(1);
  if (begun && !(await publishedSite(db.read)).example) return false;
  await seedContent(db, dir, now);
  await seedCast(db, now);
  await seedStaff(db, now);
  await seedReturning(db, now);
  return true;
}

/**
 * Publishes everything in a content folder, as approved by the cast. The same content again makes no new version. Throws with every problem, and publishes nothing, when one document can't be published.
 */
export async function seedContent(db: Db, dir: string, now: Date): Promise<number> {
  const { documents, problems } = await readContent(dir);
  const sorted = documents.toSorted((a, b) => ORDER.indexOf(a.collection) - ORDER.indexOf(b.collection));
  return db.write(async (tx) => {
    let added = 0;
    const wrong = problems.map((problem) => `${problem.file}:${problem.line} ${problem.sentence}`);
    for (const document of sorted) {
      const { collection, id, source, assets } = document;
      // What was published from the desk since is not taken back because the folder still has an earlier text.
      if (await wasPublished(tx, document)) continue;
      const parsed = parseDocument(collection, id, source, assets).document?.data;
      const confirmedBy = parsed && 'owner' in parsed ? parsed.owner : null;
      const approvedBy = APPROVERS.find((approver) => approver !== confirmedBy)!;
      const reason = 'The text in the content folder changed.';
      const published = await publishDocument(tx, { ...document, confirmedBy, approvedBy, reason, now });
      if ('refused' in published) {
        if (published.problems.length === 0) wrong.push(`${collection}/${id}: ${published.sentence}`);
        wrong.push(...published.problems.map((problem) => `${problem.file}:${problem.line} ${problem.sentence}`));
      } else if (published.isNew) added += 1;
    }
    if (wrong.length > 0) throw new Error(`The content can’t be published:\n${wrong.join('\n')}`);
    return added;
  });
}

async function wasPublished(tx: Tx, { collection, id, source, assets }: SourceDocument): Promise<boolean> {
  const versions = await tx
    .select({ source: publishedVersions.source, assets: publishedVersions.assets })
    .from(publishedVersions)
    .where(and(eq(publishedVersions.collection, collection), eq(publishedVersions.documentId, id)));
  return versions.some((version) => sameContent(version, { source, assets }));
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
  await countPeople(db, now);
}

/** Gives those of the cast who work there their place at the desk. Who has one already is left alone. */
export async function seedStaff(db: Db, now: Date): Promise<void> {
  await db.write(async (tx) => {
    const known = new Set((await colleagues(tx)).map(({ id }) => id));
    for (const worker of STAFF.filter(({ id }) => !known.has(id!))) {
      const added = await addColleague(tx, null, worker, now);
      if (isRefusal(added)) throw new Error(added.sentence);
    }
  });
}

/** What HR did for those of the cast who worked here: released, read in, offered. What is there already is left as it is. */
export async function seedReturning(db: Db, now: Date): Promise<void> {
  const path = fileURLToPath(new URL('./cast-finished.csv', import.meta.url));
  const report = await importFinished(db, { path }, now);
  if (isRefusal(report)) throw new Error(report.sentence);
  await db.write(async (tx) => {
    for (const ref of RELEASED) {
      const [about] = await tx.select().from(complaints).where(eq(complaints.ref, ref));
      if (!about) throw new Error(`The cast has no complaint ${ref}.`);
      const released = { releasedAt: about.releasedAt ?? now.getTime(), releasedBy: about.releasedBy ?? 'ruth' };
      await tx.update(complaints).set(released).where(eq(complaints.id, about.id));
    }
    const site = await publishedSite(tx);
    const today = dayOf(now, site.time_zone);
    for (const { member, roleId, payBand, serviceFrom } of ROLE_OFFERS) {
      const [person] = await tx
        .select({ id: persons.id })
        .from(persons)
        .where(and(eq(persons.source, member.source), eq(persons.externalId, member.personId)));
      if (!person) throw new Error(`${member.name} is not in db/cast.csv.`);
      const before = await newestOffer(tx, person.id);
      if (before && offerState(before, today) !== 'ended') continue;
      const dates = { startOn: mondayAfter(addDays(today, 49)), answerBy: addDays(today, 21) };
      const terms = { personId: person.id, roleId, payBand, serviceFrom, ...dates, by: 'ruth' };
      const issued = await issueOffer(tx, terms, site, now);
      if (isRefusal(issued)) throw new Error(issued.sentence);
    }
  });
}

function mondayAfter(day: string): string {
  const weekday = new Date(`${day}T00:00:00Z`).getUTCDay();
  return addDays(day, (8 - weekday) % 7 || 7);
}
