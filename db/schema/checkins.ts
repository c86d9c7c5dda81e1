import { index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';
import { complaints, persons } from './people.ts';
import { rejoins } from './rejoin.ts';

/** One dated question to a returned person: is it still fixed for you? */
export const checkins = sqliteTable(
  'checkins',
  {
    id: text().primaryKey(),
    personId: text()
      .notNull()
      .references(() => persons.id),
    rejoinId: text()
      .notNull()
      .references(() => rejoins.id),
    complaintId: text()
      .notNull()
      .references(() => complaints.id),
    issueId: text().notNull(),
    /** Days after the return: 7, 30, 60, 90. */
    day: integer().notNull(),
    dueOn: text().notNull(),
    askedAt: integer(),
    answer: text({ enum: ['yes', 'no', 'not_sure'] }),
    words: text(),
    answeredAt: integer(),
    /** Set when it will not be asked: the person left again or undid the return. */
    cancelledAt: integer(),
  },
  (t) => [
    uniqueIndex('checkins_rejoin_day').on(t.rejoinId, t.day),
    index('checkins_due').on(t.askedAt, t.dueOn),
    index('checkins_issue').on(t.issueId, t.answeredAt),
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
    dueOn: text().notNull(),
    settledAt: integer(),
  },
  (t) => [index('reopenings_issue').on(t.issueId, t.openedAt)],
);
