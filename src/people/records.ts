import { and, eq, getTableColumns, inArray, or, type SQL } from 'drizzle-orm';
import type { SQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core';
import type { Reader } from '../../db/client.ts';
import { checkins, ownerAnswers, promises, reopenings } from '../../db/schema/checkins.ts';
import { confirmations } from '../../db/schema/desk.ts';
import { choosings, chosen, links, postponed, windowOverrides } from '../../db/schema/invitations.ts';
import { bounces, letters } from '../../db/schema/mail.ts';
import { makeGoods } from '../../db/schema/makegoods.ts';
import {
  complaints,
  corrections,
  departures,
  importFills,
  merges,
  persons,
  resolutions,
  signals,
  suggestions,
  suppressions,
  waits,
} from '../../db/schema/people.ts';
import { paymentEvents, rejoins, surpluses } from '../../db/schema/rejoin.ts';
import { finishedItems, roleOffers, steps, talks } from '../../db/schema/reonboarding.ts';
import { codes, devices } from '../../db/schema/sessions.ts';
import { addressHash } from './suppression.ts';

/*
 * Where everything about a person stands. The export and the erasure both go by this one list, and a test fails when a
 * table of the schema is neither here nor among those that hold nobody.
 */

type Ids = { reader: Reader; people: string[]; addresses: string[] };

export type Record = {
  table: SQLiteTable;
  /** For the person who reads it. */
  title: string;
  about: string;
  /** Their rows. */
  where: (ids: Ids) => SQL | undefined;
  /** Columns that an export leaves out: fingerprints of secrets, and words that would tell on somebody else. */
  without?: string[];
  /** What an erasure leaves: the fingerprint that keeps them from being written to or taken in again. */
  stays?: true;
};

const theirs = (column: SQLiteColumn) => (ids: Ids) => inArray(column, ids.people);

/** Rows that name a row of theirs in another table. */
function through(column: SQLiteColumn, of: SQLiteTable & { id: SQLiteColumn; personId: SQLiteColumn }, id = of.id) {
  return ({ reader, people }: Ids) =>
    inArray(column, reader.select({ id }).from(of).where(inArray(of.personId, people)));
}

/** In the order of deleting: what refers to something goes before it. */
export const RECORDS: readonly Record[] = [
  {
    table: chosen,
    title: 'When you were among people chosen to be written to',
    about: 'Or among those we don’t write to, so that we can tell what writing achieves.',
    where: theirs(chosen.personId),
  },
  {
    table: choosings,
    title: 'When somebody here asked whether you may be written to',
    about: 'Who asked, and when.',
    where: theirs(choosings.personId),
  },
  {
    table: suggestions,
    title: 'What we thought you told us about',
    about: 'A proposal by the words of what you told us, before somebody decided.',
    where: through(suggestions.complaintId, complaints),
  },
  {
    table: merges,
    title: 'That two records about you have the same address',
    about: 'And whether somebody here took them for one person. What stood in both is kept, so that it can be undone.',
    where: ({ people }) => or(inArray(merges.olderId, people), inArray(merges.newerId, people)),
    // Until somebody has decided, and where they were kept apart, the other record may be somebody else's.
    without: ['olderId', 'newerId', 'keptId', 'emptiedId'],
  },
  {
    table: importFills,
    title: 'What an import filled in about you',
    about: 'What stood there before, so that the import can be undone.',
    where: theirs(importFills.personId),
  },
  {
    table: ownerAnswers,
    title: 'What we answered when you said no',
    about: 'The owner’s answer, and the day by which something is done.',
    where: through(ownerAnswers.reopeningId, reopenings),
  },
  {
    table: reopenings,
    title: 'What your “no” reopened',
    about: 'Who owns it, and by when they answer.',
    where: theirs(reopenings.personId),
  },
  {
    table: links,
    title: 'Your links',
    about: 'When each was made and when it ends. The links themselves are not stored.',
    where: theirs(links.personId),
    without: ['hash'],
  },
  {
    table: checkins,
    title: 'Our questions and your answers',
    about: 'After your return.',
    where: theirs(checkins.personId),
  },
  {
    table: promises,
    title: 'What we promised you',
    about: 'With the offer you came back to.',
    where: theirs(promises.personId),
  },
  {
    table: paymentEvents,
    title: 'Messages of the payment provider',
    about: 'That something about your payments changed there.',
    where: through(paymentEvents.subscriptionId, rejoins, rejoins.subscriptionId),
  },
  {
    table: makeGoods,
    title: 'Money we owed you for harm',
    about: 'The reason, the amount, and when it was paid.',
    where: theirs(makeGoods.personId),
  },
  {
    table: surpluses,
    title: 'Money that was taken and given back',
    about: 'Payments that must not have happened.',
    where: through(surpluses.rejoinId, rejoins),
  },
  {
    table: steps,
    title: 'Your first week back',
    about: 'What there was to do, by whom, and when it was done.',
    where: through(steps.offerId, roleOffers),
    without: ['taskHash'],
  },
  {
    table: roleOffers,
    title: 'Roles we offered you',
    about: 'The whole text of each, and what you answered.',
    where: theirs(roleOffers.personId),
  },
  {
    table: talks,
    title: 'That you asked to talk',
    about: 'About which role, and when.',
    where: theirs(talks.personId),
  },
  {
    table: finishedItems,
    title: 'What you had finished before you left',
    about: 'Trainings, checks and texts, with the system that says so.',
    where: theirs(finishedItems.personId),
  },
  {
    table: rejoins,
    title: 'Your returns',
    about:
      'What was on the screen, what was charged, what was refunded. The provider keeps your card; we never see its number.',
    where: theirs(rejoins.personId),
  },
  {
    table: windowOverrides,
    title: 'Leave to write to you later than usual',
    about: 'Who gave it, and why.',
    where: theirs(windowOverrides.personId),
  },
  {
    table: postponed,
    title: 'Writing to you was put off',
    about: 'Until when, by whom, and why.',
    where: theirs(postponed.personId),
  },
  {
    table: bounces,
    title: 'Letters of ours that came back',
    about: 'What your mail server said about them, or that one was reported as unwanted.',
    where: ({ reader, people, addresses }) =>
      inArray(
        bounces.letterId,
        reader
          .select({ id: letters.id })
          .from(letters)
          .where(or(inArray(letters.personId, people), inArray(letters.toAddress, addresses))),
      ),
  },
  {
    table: letters,
    title: 'Our letters to you',
    about: 'What was written, and when it was sent. Links and codes are not in them.',
    where: ({ people, addresses }) => or(inArray(letters.personId, people), inArray(letters.toAddress, addresses)),
  },
  {
    table: confirmations,
    title: 'What you confirmed for us',
    about: 'That we asked whether a change is so, and what you answered.',
    where: ({ people, addresses }) =>
      or(inArray(confirmations.personId, people), inArray(confirmations.address, addresses)),
    without: ['hash'],
  },
  {
    table: devices,
    title: 'Your devices',
    about: 'That a browser was yours, and until when we remember it.',
    where: theirs(devices.personId),
    without: ['hash'],
  },
  {
    table: codes,
    title: 'Codes you asked for',
    about: 'When, and whether they were used.',
    where: theirs(codes.personId),
    without: ['hash', 'browser'],
  },
  {
    table: corrections,
    title: 'Where you told us that we had it right or wrong',
    about: 'What you said instead, and who has read it.',
    where: theirs(corrections.personId),
  },
  {
    table: waits,
    title: 'What you asked to be told',
    about: '“Tell me when it is fixed.”',
    where: theirs(waits.personId),
  },
  {
    table: resolutions,
    title: 'What became of what you told us',
    about: 'For each, as a person here confirmed it.',
    where: through(resolutions.complaintId, complaints),
  },
  {
    table: complaints,
    title: 'What you told us',
    about: 'In your words, or in our note of it; and who released it for your page, where somebody has to.',
    where: theirs(complaints.personId),
    without: ['concerns'],
  },
  {
    table: signals,
    title: 'Other traces',
    about: 'Requests, use and surveys that the systems we read had noted.',
    where: theirs(signals.personId),
  },
  {
    table: departures,
    title: 'When you left',
    about: 'And what you had then.',
    where: theirs(departures.personId),
  },
  { table: persons, title: 'You', about: 'Name, address, and where the record came from.', where: theirs(persons.id) },
  {
    table: suppressions,
    title: 'That we don’t write to you',
    about: 'Kept as a fingerprint of your address, which nobody can read back.',
    where: ({ addresses }) =>
      addresses.length === 0
        ? eq(suppressions.addressHash, Buffer.alloc(0))
        : inArray(suppressions.addressHash, addresses.map(addressHash)),
    without: ['addressHash'],
    stays: true,
  },
];

/** Tables that hold nobody, and why. */
export const NOBODY: { [table: string]: string } = {
  uploads: 'Files that came in at the desk, by name; their report, and the file, are gone after a week.',
  applied_migrations: 'which changes of the schema were made',
  published_versions: 'what was published; it names complaints by id and never holds their words',
  staff: 'who works here',
  staff_sessions: 'browsers in which somebody here is signed in',
  audit: 'what staff did; never a person’s words, name or address',
  drafts: 'documents before they are published; they name complaints by id',
  sign_offs: 'what staff said about a draft',
  pictures: 'pictures in documents',
  measurements: 'numbers about what was changed',
  keys: 'keys of systems that measure, and of mail services that report what came back',
  sending: 'which database this is, and how many letters it has sent',
  imports: 'a file’s name and fingerprint, and how many rows it had',
  people_counts: 'how many people told us of an issue, and how many of them were erased since',
  batches: 'by what people were chosen, and by whom; the people stand in `chosen`',
  outcome_counts: 'what inviting achieved, as numbers',
  holds: 'issues on hold; the “no” behind one is named by an id that goes with the person',
  erased_ids: 'keyed fingerprints that name nobody',
  erasures: 'that somebody was erased, not who',
  erased_answers: 'answers without the people',
  answer_batches: 'how many people who work here again answered what, of at least as many as may be counted in public',
  kept_acceptances: 'that a text with this fingerprint was accepted, and when; not by whom',
};

/** Columns of a record that an export shows, by their name here. */
export function shownColumns(record: Record): string[] {
  return Object.keys(getTableColumns(record.table)).filter((name) => !record.without?.includes(name));
}

/**
 * The records that are one person: this one, every other with the same address, and those that were merged into them. A mailed code has
 * proven the address, so whoever may see or erase one of them may do so with all.
 */
export async function samePerson(reader: Reader, personId: string): Promise<(typeof persons.$inferSelect)[]> {
  const [person] = await reader.select().from(persons).where(eq(persons.id, personId));
  if (!person) return [];
  const same = person.emailNorm
    ? await reader.select().from(persons).where(eq(persons.emailNorm, person.emailNorm))
    : [person];
  const ids = same.map(({ id }) => id);
  const emptied = await reader
    .select({ person: persons })
    .from(merges)
    .innerJoin(persons, eq(persons.id, merges.emptiedId))
    // The one that was kept is one of the two, and by those a pair is found.
    .where(and(inArray(merges.keptId, ids), or(inArray(merges.olderId, ids), inArray(merges.newerId, ids))));
  const all = [...same, ...emptied.map((row) => row.person)];
  return all.toSorted((a, b) => Number(b.id === personId) - Number(a.id === personId));
}

export function idsOf(reader: Reader, records: readonly { id: string; email: string | null }[]): Ids {
  return {
    reader,
    people: records.map(({ id }) => id),
    addresses: [...new Set(records.flatMap(({ email }) => email ?? []))],
  };
}
