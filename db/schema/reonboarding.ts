import { blob, index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';
import { persons } from './people.ts';

/** What a person had finished before they left, under the name that the HR system gives it. The latest time counts. */
export const finishedItems = sqliteTable(
  'finished_items',
  {
    id: text().primaryKey(),
    personId: text()
      .notNull()
      .references(() => persons.id),
    kind: text().notNull(),
    finishedOn: text().notNull(),
    /** What is on file, for the person to look at again. */
    note: text(),
    /** The system that says so. */
    source: text().notNull(),
    importId: text(),
  },
  (t) => [uniqueIndex('finished_items_person_kind').on(t.personId, t.kind)],
);

/** An offer of a role to one person, as HR issued it. It never changes: a new version replaces it. */
export const roleOffers = sqliteTable(
  'role_offers',
  {
    id: text().primaryKey(),
    personId: text()
      .notNull()
      .references(() => persons.id),
    version: integer().notNull(),
    roleId: text().notNull(),
    /** The published version of the role that it was made from. */
    roleHash: text().notNull(),
    startOn: text().notNull(),
    payBand: text().notNull(),
    /** The day from which their service counts; null: from the new start. */
    serviceFrom: text(),
    /** The whole text that is accepted, and its SHA-256. */
    terms: text().notNull(),
    termsHash: text().notNull(),
    /** The last day on which it can be accepted. */
    answerBy: text().notNull(),
    issuedBy: text().notNull(),
    issuedAt: integer().notNull(),
    replacedAt: integer(),
    acceptedAt: integer(),
    /** The name as they typed it. */
    acceptedName: text(),
    acceptedHash: text(),
    declinedAt: integer(),
    /** Taken back: by the person after accepting, or by us before. */
    withdrawnAt: integer(),
    /** A short id of ours; `person`: they did. */
    withdrawnBy: text(),
  },
  (t) => [uniqueIndex('role_offers_person_version').on(t.personId, t.version)],
);

/** One item of one first week that somebody has to do: the person, or a colleague who is named. */
export const steps = sqliteTable(
  'steps',
  {
    id: text().primaryKey(),
    offerId: text()
      .notNull()
      .references(() => roleOffers.id),
    itemId: text().notNull(),
    /** Null: the person's own. */
    owner: text(),
    dueOn: text().notNull(),
    /** SHA-256 of the token in the colleague's task letter; null until it is sent. */
    taskHash: blob({ mode: 'buffer' }).unique(),
    doneAt: integer(),
    /** A short id of ours; `person`: they did. */
    doneBy: text(),
    /** The version of the text that they read. */
    contentHash: text(),
    remindedAt: integer(),
  },
  (t) => [uniqueIndex('steps_offer_item').on(t.offerId, t.itemId), index('steps_due').on(t.doneAt, t.dueOn)],
);

/** “I would like to talk about it.” */
export const talks = sqliteTable(
  'talks',
  {
    id: text().primaryKey(),
    personId: text()
      .notNull()
      .references(() => persons.id),
    roleId: text().notNull(),
    askedAt: integer().notNull(),
    /** When HR said that it has happened, and who said so. */
    heldAt: integer(),
    heldBy: text(),
  },
  (t) => [uniqueIndex('talks_person_role').on(t.personId, t.roleId)],
);

/** Of somebody who was erased: that an offer with this text was accepted, and when. Not by whom. */
export const keptAcceptances = sqliteTable('kept_acceptances', {
  id: text().primaryKey(),
  /** SHA-256 of the text, as it stands in the copy that was mailed. */
  termsHash: text().notNull(),
  acceptedAt: integer().notNull(),
});
