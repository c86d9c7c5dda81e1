import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';
import { complaints, persons } from './people.ts';
import { rejoins } from './rejoin.ts';
import { roleOffers } from './reonboarding.ts';

/** One dated question to a returned person: is it still fixed for you? */
export const checkins = sqliteTable(
  'checkins',
  {
    id: text().primaryKey(),
    personId: text()
      .notNull()
      .references(() => persons.id),
    /** What they came back by: a customer's return, or an employee's accepted offer. One of the two. */
    rejoinId: text().references(() => rejoins.id),
    roleOfferId: text().references(() => roleOffers.id),
    complaintId: text()
      .notNull()
      .references(() => complaints.id),
    issueId: text().notNull(),
    /** Days after the return: 7, 30, 60, 90. */
    day: integer().notNull(),
    dueOn: text().notNull(),
    /** The “no” that this question comes back to, after the day on which we said it would be done. */
    followUpOf: text(),
    askedAt: integer(),
    answer: text({ enum: ['yes', 'no', 'not_sure'] }),
    words: text(),
    answeredAt: integer(),
    /** Set when it will not be asked: the person left again or undid the return. */
    cancelledAt: integer(),
  },
  (t) => [
    uniqueIndex('checkins_rejoin_day').on(t.rejoinId, t.day),
    uniqueIndex('checkins_role_offer_day').on(t.roleOfferId, t.day),
    index('checkins_person').on(t.personId),
    index('checkins_complaint').on(t.complaintId),
    index('checkins_due').on(t.askedAt, t.dueOn),
    index('checkins_issue').on(t.issueId, t.answeredAt),
    index('checkins_answer').on(t.answer, t.issueId, t.personId, t.answeredAt),
  ],
);

/** What a "no" opens: for one person, with an owner and a date; the person alone says it is settled. */
export const reopenings = sqliteTable(
  'reopenings',
  {
    id: text().primaryKey(),
    checkinId: text()
      .notNull()
      .unique()
      .references(() => checkins.id),
    personId: text().notNull(),
    issueId: text().notNull(),
    owner: text().notNull(),
    openedAt: integer().notNull(),
    /** The day by which we owe an answer; moved when the person says that an answer did not settle it. */
    dueOn: text().notNull(),
    /** Our newest answer; null while we owe one. */
    answeredAt: integer(),
    /** When it was passed on to somebody above the owner, for the due date that stands. */
    escalatedAt: integer(),
    settledAt: integer(),
  },
  (t) => [index('reopenings_person').on(t.personId, t.issueId), index('reopenings_open').on(t.settledAt, t.dueOn)],
);

/** What the owner answered to a “no”. */
export const ownerAnswers = sqliteTable(
  'owner_answers',
  {
    id: text().primaryKey(),
    reopeningId: text()
      .notNull()
      .references(() => reopenings.id),
    by: text().notNull(),
    words: text().notNull(),
    /** The day by which it is done; we ask again after it. */
    doneBy: text(),
    at: integer().notNull(),
  },
  (t) => [index('owner_answers_reopening').on(t.reopeningId)],
);

/** What we promised with the offer, to one person, with a day. Kept or missed is for the dates to say. */
export const promises = sqliteTable(
  'promises',
  {
    id: text().primaryKey(),
    personId: text()
      .notNull()
      .references(() => persons.id),
    /** What they came back by: a customer's return, or an employee's accepted offer. One of the two. */
    rejoinId: text().references(() => rejoins.id),
    roleOfferId: text().references(() => roleOffers.id),
    what: text().notNull(),
    owner: text().notNull(),
    dueOn: text().notNull(),
    keptAt: integer(),
    keptBy: text(),
    /** What was done, for the person to read. */
    note: text(),
    /** When the owner was told that the day has passed. */
    alertedAt: integer(),
    /** The return has ended: nothing is owed any more. */
    cancelledAt: integer(),
  },
  (t) => [
    uniqueIndex('promises_rejoin_what').on(t.rejoinId, t.what),
    uniqueIndex('promises_role_offer_what').on(t.roleOfferId, t.what),
    index('promises_person').on(t.personId),
    index('promises_due').on(t.keptAt, t.dueOn),
  ],
);

/** Answers of people who were erased since, without the people: an issue does not look fixed because somebody left us. */
export const erasedAnswers = sqliteTable(
  'erased_answers',
  {
    id: text().primaryKey(),
    issueId: text().notNull(),
    /** What they had been to us: employees’ answers become public in batches only. */
    kind: text({ enum: ['customer', 'employee'] })
      .notNull()
      .default('customer'),
    /** Their latest answer; null when they were asked and said nothing. */
    answer: text({ enum: ['yes', 'no', 'not_sure'] }),
    /** The day of their latest “no”. */
    noOn: text(),
  },
  (t) => [index('erased_answers_issue').on(t.issueId)],
);

/**
 * What public pages know of answers given by people who work here again: up to one day, of so many at once that nobody is singled out.
 * Never changed afterwards, whoever answers again or is erased.
 */
export const answerBatches = sqliteTable(
  'answer_batches',
  {
    issueId: text().notNull(),
    /** Answers given before this day are in it. */
    closedOn: text().notNull(),
    /** Different people who were asked so far, by their latest answer; the rest had not answered. */
    asked: integer().notNull(),
    yes: integer().notNull(),
    no: integer().notNull(),
    notSure: integer().notNull(),
    /** How many of them said no for the first time since the latest change, in the time of this batch. */
    newNo: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.issueId, t.closedOn] })],
);
