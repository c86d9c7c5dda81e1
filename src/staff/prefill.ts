import { asc, eq, inArray, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { complaints, departures, persons } from '../../db/schema/people.ts';
import { type Voice, voicesOf } from '../people/voices.ts';
import type { Issue } from '../proofs/documents.ts';
import { publishedIssue } from '../proofs/published.ts';
import { addDays, type Day } from '../shared/dates.ts';
import type { DocumentName, Written } from './draft.ts';
import { fieldsOf, hasBody, type Values } from './fields.ts';
import { type Form, sourceFrom } from './form.ts';

/* What a new document can already say: everything that was told and published. What only its writer knows stays empty. */

/** One complaint, as whoever writes about it needs to recognise it. */
export type Told = {
  ref: string;
  saidOn: Day | null;
  channel: string | null;
  kind: 'customer' | 'employee';
  /** Their words, for whoever writes: a customer's, said openly and naming nobody else. Null where only the fact may be known. */
  words: string | null;
  /** Set when its words may be quoted in public. */
  voice: Voice | null;
};

/** Everything that was told about these issues, the earliest first. */
export async function toldAbout(reader: Reader, issues: readonly string[]): Promise<Told[]> {
  if (issues.length === 0) return [];
  const rows = await reader
    .select({ complaint: complaints, kind: persons.kind })
    .from(complaints)
    .innerJoin(persons, eq(persons.id, complaints.personId))
    .where(inArray(complaints.issueId, [...issues]))
    .orderBy(sql`${complaints.saidOn} is null`, asc(complaints.saidOn), asc(complaints.ref));
  const voices = await voicesOf(
    reader,
    rows.map(({ complaint }) => complaint.ref),
  );
  return rows.map(({ kind, complaint: { ref, saidOn, channel, words, confidentiality, namesOthers } }) => {
    const readable = kind === 'customer' && confidentiality === 'open' && !namesOthers;
    const voice = voices.find((one) => one.ref === ref) ?? null;
    return { ref, saidOn, channel, kind, words: voice?.words ?? (readable ? words : null), voice };
  });
}

/** A new document of any collection. `issue`: the one that it is for, where it is for one. */
export async function prefilled(
  reader: Reader,
  { collection, documentId, issue }: DocumentName & { issue?: string | undefined },
  today: Day,
): Promise<Written> {
  const fields = await fieldsFor(reader, { collection, documentId }, issue ?? documentId, today);
  const known = new Set(fieldsOf(collection).map(({ key }) => key));
  const kept = Object.fromEntries(Object.entries(fields).filter(([key]) => known.has(key)));
  const form: Form = {
    collection,
    fields: kept,
    body: hasBody(collection) ? '' : null,
    waivers: [],
    rest: '',
    raw: null,
  };
  return sourceFrom(form);
}

async function fieldsFor(
  reader: Reader,
  { collection, documentId }: DocumentName,
  issueId: string,
  today: Day,
): Promise<Values> {
  if (collection === 'issues') return issueFields(reader, issueId);
  const issue = await publishedIssue(reader, issueId);
  if (!issue) return {};
  if (collection === 'proofs') return proofFields(reader, documentId, issueId, issue.data, today);
  if (collection === 'offers' || collection === 'roles') return { better: [{ issue: issueId }] };
  return collection === 'checkins' ? { issue: issueId } : {};
}

/** When it began and when we knew, who told us and why it hurt most of them. */
async function issueFields(reader: Reader, issueId: string): Promise<Values> {
  const rows = await reader
    .select({ saidOn: complaints.saidOn, leftOn: departures.leftOn, gap: complaints.gap, kind: persons.kind })
    .from(complaints)
    .innerJoin(persons, eq(persons.id, complaints.personId))
    .leftJoin(departures, eq(departures.id, complaints.departureId))
    .where(eq(complaints.issueId, issueId));
  const [first] = rows.flatMap(({ saidOn, leftOn }) => saidOn ?? leftOn ?? []).toSorted();
  const gaps = Map.groupBy(
    rows.flatMap(({ gap }) => gap ?? []),
    (gap) => gap,
  );
  const [gap] = [...gaps].toSorted(([, a], [, b]) => b.length - a.length)[0] ?? [];
  const affects = (['customer', 'employee'] as const).filter((kind) => rows.some((row) => row.kind === kind));
  return {
    ...(gap && { gap }),
    ...(affects.length > 0 && { affects }),
    ...(first && { started_on: first, known_on: first }),
  };
}

async function proofFields(
  reader: Reader,
  documentId: string,
  issueId: string,
  issue: Issue,
  today: Day,
): Promise<Values> {
  const told = await toldAbout(reader, [issueId]);
  const quotable = told.filter(({ voice }) => voice !== null);
  return {
    lede: 'Before the change it was {before}. In the {weeks} since, it has been {after}.',
    issues: [issueId],
    owner: issue.owner,
    started_on: issue.started_on,
    known_on: issue.known_on,
    changes: [
      {
        by: issue.owner,
        // Where the first series of this proof will be for everyone to take.
        source: { label: 'The measurements', href: `/proofs/${documentId}/measured-1.csv` },
      },
    ],
    ...(quotable.length === 0 && {
      no_voice_because: 'Nobody who told us of this has agreed to be quoted in public.',
    }),
    review_on: addDays(today, 90),
  };
}
