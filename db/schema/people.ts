import { sql } from 'drizzle-orm';
import { blob, index, integer, primaryKey, real, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';

/** Someone who left: a customer or an employee. */
export const persons = sqliteTable(
  'persons',
  {
    id: text().primaryKey(),
    kind: text({ enum: ['customer', 'employee'] }).notNull(),
    /** The system the record came from, and its id there: the only key that an import may match by. */
    source: text().notNull(),
    externalId: text().notNull(),
    firstName: text(),
    lastName: text(),
    email: text(),
    /** Lower-case address without surrounding space: equal ones propose a merge, they never make one. */
    emailNorm: text(),
    timeZone: text(),
    /** The person's customer id at the payment provider. */
    billingId: text(),
    /** Columns of an import that have no field here, kept as they came. */
    facts: text({ mode: 'json' }).$type<Record<string, string>>().notNull(),
    importId: text(),
    createdAt: integer().notNull(),
    /** "No thanks": the person doesn't want to be invited again. Their page stays. */
    declinedAt: integer(),
  },
  (t) => [
    uniqueIndex('persons_source_kind_external').on(t.source, t.kind, t.externalId),
    index('persons_email').on(t.emailNorm),
  ],
);

/** When and why a person left, and what they left. */
export const departures = sqliteTable(
  'departures',
  {
    id: text().primaryKey(),
    personId: text()
      .notNull()
      .references(() => persons.id),
    externalId: text().notNull(),
    /** Calendar days; the precision says how much of one is known: the rest is filled in with 01. */
    joinedOn: text(),
    joinedPrecision: text({ enum: ['day', 'month', 'year'] }),
    leftOn: text(),
    /** Of `leftOn`. */
    precision: text({ enum: ['day', 'month', 'year'] }),
    /** Plan or role as it was named then. */
    planOrRole: text(),
    amount: integer(),
    currency: text(),
    seats: integer(),
    /** The source's own reason code, word for word. */
    reasonCode: text(),
    /** Set when the record says that this person must not be contacted: deceased, dismissed, dispute, asked. */
    neverContact: text({ enum: ['deceased', 'dismissed', 'dispute', 'asked'] }),
    facts: text({ mode: 'json' }).$type<Record<string, string>>().notNull(),
    importId: text(),
    createdAt: integer().notNull(),
  },
  (t) => [uniqueIndex('departures_person_external').on(t.personId, t.externalId)],
);

/** One thing one person told us. */
export const complaints = sqliteTable(
  'complaints',
  {
    id: text().primaryKey(),
    /** `<source>:<external id>`: how content names a complaint. */
    ref: text().notNull().unique(),
    personId: text()
      .notNull()
      .references(() => persons.id),
    departureId: text().references(() => departures.id),
    saidOn: text(),
    channel: text(),
    /** Their own words, or null; `note` is ours and is always labelled so. At least one of the two is set. */
    words: text(),
    note: text(),
    gap: text({ enum: ['value', 'trust', 'experience', 'growth'] }),
    /** The issue in content that this complaint shares; null until someone has linked it. */
    issueId: text(),
    /** The one that made them leave. */
    main: integer({ mode: 'boolean' }).notNull(),
    confidentiality: text({ enum: ['open', 'confidential', 'anonymous'] }).notNull(),
    /** Names someone else, so the words are withheld and the note is shown. */
    namesOthers: integer({ mode: 'boolean' }).notNull(),
    /** Whom it concerns, a manager say, by the source's id or name. Kept for the gate alone: no page and no letter shows it. */
    concerns: text(),
    /** May be quoted in public. */
    publicConsent: integer({ mode: 'boolean' }).notNull(),
    /** What else the row of this complaint said, as it came. Null when nothing did. */
    facts: text({ mode: 'json' }).$type<Record<string, string>>(),
    importId: text(),
    createdAt: integer().notNull(),
    /** HR has released what an employee told us: their own page may show it. Until then it counts and isn’t shown. */
    releasedAt: integer(),
    releasedBy: text(),
  },
  (t) => [
    index('complaints_person').on(t.personId),
    index('complaints_departure').on(t.departureId).where(sql`${t.departureId} is not null`),
    index('complaints_issue').on(t.issueId, t.personId),
    // Most come in before anybody has linked them.
    index('complaints_issue_day')
      .on(t.issueId, t.confidentiality, t.saidOn, t.ref)
      .where(sql`${t.issueId} is not null`),
  ],
);

/** A dated trace between us that is not words: a support ticket, a month of use, a plan. Tells where it began to break. */
export const signals = sqliteTable(
  'signals',
  {
    id: text().primaryKey(),
    personId: text()
      .notNull()
      .references(() => persons.id),
    kind: text({ enum: ['ticket', 'usage', 'survey', 'plan'] }).notNull(),
    externalId: text().notNull(),
    happenedOn: text().notNull(),
    /** Minutes to our first answer for a ticket, uses for usage, the score for a survey, the price a month for a plan. */
    value: real(),
    note: text(),
    importId: text(),
  },
  (t) => [
    uniqueIndex('signals_person_kind_external').on(t.personId, t.kind, t.externalId),
    index('signals_external').on(t.kind, t.externalId),
  ],
);

/** What became of one complaint, by one proof; confirmed by a person. */
export const resolutions = sqliteTable('resolutions', {
  complaintId: text()
    .primaryKey()
    .references(() => complaints.id),
  proofId: text().notNull(),
  resolved: text({ enum: ['fully', 'partly', 'no'] }).notNull(),
  reason: text().notNull(),
  confirmedBy: text().notNull(),
  confirmedAt: integer().notNull(),
});

/** "Is this why you left?": what the person answered, and what they say instead. */
export const corrections = sqliteTable(
  'corrections',
  {
    id: text().primaryKey(),
    personId: text()
      .notNull()
      .references(() => persons.id),
    complaintId: text().references(() => complaints.id),
    right: integer({ mode: 'boolean' }).notNull(),
    /** The reason in the person's words when we were not right. */
    words: text(),
    saidAt: integer().notNull(),
    reviewedAt: integer(),
    reviewedBy: text(),
  },
  (t) => [index('corrections_person').on(t.personId), index('corrections_complaint').on(t.complaintId)],
);

/** "Tell me when it is fixed." */
export const waits = sqliteTable(
  'waits',
  {
    id: text().primaryKey(),
    personId: text()
      .notNull()
      .references(() => persons.id),
    issueId: text().notNull(),
    askedAt: integer().notNull(),
    toldAt: integer(),
  },
  (t) => [uniqueIndex('waits_person_issue').on(t.personId, t.issueId)],
);

/** Those who must never be written to. It wins over everything. */
export const suppressions = sqliteTable('suppressions', {
  /** Keyed hash of the lower-case address: it must survive the person's erasure. */
  addressHash: blob({ mode: 'buffer' }).primaryKey(),
  reason: text({ enum: ['stopped', 'bounced', 'complained', 'erased'] }).notNull(),
  at: integer().notNull(),
});

/**
 * What a complaint that nobody has linked is probably about: by a rule of ours or learned from those that were linked. It only proposes. Made
 * anew when more were linked, and gone with its complaint.
 */
export const suggestions = sqliteTable('suggestions', {
  complaintId: text()
    .primaryKey()
    .references(() => complaints.id, { onDelete: 'cascade' }),
  issueId: text(),
  gap: text({ enum: ['value', 'trust', 'experience', 'growth'] }),
  /** Of all the weight, for what was learned; 1 for a rule. */
  share: real().notNull(),
  by: text({ enum: ['rule', 'words', 'nothing'] }).notNull(),
  /** The words that spoke for it, or the rule's. */
  because: text({ mode: 'json' }).$type<string[]>().notNull(),
  /** The next two. */
  others: text({ mode: 'json' }).$type<string[]>().notNull(),
  /** How many complaints were linked when this was made. */
  learnedFrom: integer().notNull(),
  madeAt: integer().notNull(),
  /** Somebody looked and said that it is about none of the issues. */
  setAsideAt: integer(),
});

/** Keyed hashes of the ids of erased people, so that no import brings them back. They name nobody. */
export const erasedIds = sqliteTable('erased_ids', {
  hash: blob({ mode: 'buffer' }).primaryKey(),
});

/** That somebody was erased, and when; not who. */
export const erasures = sqliteTable('erasures', {
  id: text().primaryKey(),
  at: integer().notNull(),
  /** When the bytes were gone from the file and its log as well. */
  foldedAt: integer(),
});

/** How many different people have told us of an issue. `*`: of anything. */
export const peopleCounts = sqliteTable(
  'people_counts',
  {
    issueId: text().notNull(),
    kind: text({ enum: ['customer', 'employee'] }).notNull(),
    /** When they were last counted, the erased ones among them. */
    people: integer().notNull(),
    /** Who was erased by now: so that a public count doesn’t fall. */
    erased: integer().notNull().default(0),
    /** Null: not yet. */
    countedAt: integer(),
  },
  (t) => [primaryKey({ columns: [t.issueId, t.kind] })],
);

/** Two records with one address: an import proposes that they are one person, and somebody here decides. */
export const merges = sqliteTable(
  'merges',
  {
    id: text().primaryKey(),
    /** The older record of the two, and the other one. */
    olderId: text()
      .notNull()
      .references(() => persons.id, { onDelete: 'cascade' }),
    newerId: text()
      .notNull()
      .references(() => persons.id, { onDelete: 'cascade' }),
    proposedAt: integer().notNull(),
    /** Which of them holds everything since, and which is left as a bare key by which imports find the first. Null until then. */
    keptId: text(),
    emptiedId: text(),
    /** What stood in both records, and the keys of the rows that moved, by table: so that it can be undone. */
    undo: text({ mode: 'json' }).$type<{
      kept: Record<string, unknown>;
      emptied: Record<string, unknown>;
      moved: Record<string, string[]>;
    }>(),
    mergedAt: integer(),
    /** “These are two people.” */
    apartAt: integer(),
    by: text(),
  },
  (t) => [
    uniqueIndex('merges_pair').on(t.olderId, t.newerId),
    index('merges_newer').on(t.newerId),
    index('merges_emptied').on(t.emptiedId),
    index('merges_open').on(t.mergedAt, t.apartAt, t.proposedAt),
  ],
);

/** One run of the importer, with its accounting. */
export const imports = sqliteTable('imports', {
  id: text().primaryKey(),
  fileName: text().notNull(),
  fileHash: text().notNull(),
  mapping: text().notNull(),
  startedAt: integer().notNull(),
  finishedAt: integer(),
  counts: text({ mode: 'json' }).$type<Record<string, number>>(),
  undoneAt: integer(),
});

/** What an import filled in on a row that another import had made: what stood there, so that it can be undone. */
export const importFills = sqliteTable(
  'import_fills',
  {
    id: text().primaryKey(),
    importId: text()
      .notNull()
      .references(() => imports.id),
    personId: text()
      .notNull()
      .references(() => persons.id),
    what: text({ enum: ['persons', 'departures', 'complaints', 'signals'] }).notNull(),
    rowId: text().notNull(),
    before: text({ mode: 'json' }).$type<Record<string, unknown>>().notNull(),
    after: text({ mode: 'json' }).$type<Record<string, unknown>>().notNull(),
  },
  (t) => [index('import_fills_import').on(t.importId), index('import_fills_person').on(t.personId)],
);

/**
 * A file that was uploaded at the desk: looked at in a dry run, then imported on a press, both in the jobs process. The file itself lies
 * beside the database until the import is done or given up.
 */
export const uploads = sqliteTable('uploads', {
  id: text().primaryKey(),
  fileName: text().notNull(),
  mapping: text().notNull(),
  uploadedBy: text().notNull(),
  uploadedAt: integer().notNull(),
  /** The dry run's report, without anybody's words; a refusal's sentence when nothing could be read. */
  report: text({ mode: 'json' }).$type<Record<string, unknown>>(),
  checkedAt: integer(),
  /** Somebody pressed Import. */
  askedAt: integer(),
  askedBy: text(),
  importId: text(),
  finishedAt: integer(),
  discardedAt: integer(),
});
