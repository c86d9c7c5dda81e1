import { insertRows } from '../../db/bulk.ts';
import type { Db, Tx } from '../../db/client.ts';
import { links } from '../../db/schema/invitations.ts';
import { letters } from '../../db/schema/mail.ts';
import { complaints, departures, persons, resolutions } from '../../db/schema/people.ts';
import { noAnswersByIssue } from '../../src/checkins/answers.ts';
import { beginBatch, type Choice, fillBatch, type Purpose } from '../../src/invitations/choose.ts';
import { inHoldout } from '../../src/invitations/gate.ts';
import { addDays, DAY_MS, dayOf } from '../../src/shared/dates.ts';
import { newId } from '../../src/shared/ids.ts';

/**
 * Many customers who left over exports that failed, and for each of whom it is confirmed as fully resolved: the gate lets them through,
 * but for the holdout. Answers their ids, in order; `source` keeps several crowds apart.
 */
export async function leftOverExports(
  db: Db,
  many: number,
  now: Date,
  source: string,
  { holdoutToo = true }: { holdoutToo?: boolean } = {},
): Promise<string[]> {
  const today = dayOf(now);
  const numbers: number[] = [];
  for (let next = 0; numbers.length < many; next += 1) {
    if (holdoutToo || !inHoldout(`many-${source}:${next}`, 0.1)) numbers.push(next);
  }
  const id = (at: number) => `${source}-${String(at).padStart(6, '0')}`;
  const rows = numbers.map((next, at) => {
    const leftOn = addDays(today, -(30 + (at % 200)));
    const person: typeof persons.$inferSelect = {
      ...{ id: `p-${id(at)}`, kind: 'customer', source: `many-${source}`, externalId: String(next), firstName: 'Ann' },
      ...{ lastName: 'Other', email: `${id(at)}@many.example`, emailNorm: `${id(at)}@many.example`, timeZone: null },
      ...{ billingId: null, facts: {}, importId: null, createdAt: 0, declinedAt: null },
    };
    const departure: typeof departures.$inferSelect = {
      ...{ id: `d-${id(at)}`, personId: person.id, externalId: '1', joinedOn: '2020-01-01', joinedPrecision: 'day' },
      ...{ leftOn, precision: 'day', planOrRole: 'Team', amount: 960, currency: 'gbp', seats: 1, reasonCode: null },
      ...{ neverContact: null, facts: {}, importId: null, createdAt: 0 },
    };
    const complaint: typeof complaints.$inferSelect = {
      ...{ id: `c-${id(at)}`, ref: `many-${source}:${id(at)}`, personId: person.id, departureId: departure.id },
      ...{ saidOn: leftOn, channel: 'ticket', words: 'It stopped half-way.', note: null, gap: 'experience' },
      ...{ issueId: 'exports-failed', main: true, confidentiality: 'open', namesOthers: false, concerns: null },
      ...{ publicConsent: false, facts: null, importId: null, createdAt: 0, releasedAt: null, releasedBy: null },
    };
    const resolution: typeof resolutions.$inferSelect = {
      ...{ complaintId: complaint.id, proofId: 'exports-finish', resolved: 'fully', reason: 'It finishes now.' },
      ...{ confirmedBy: 'priya', confirmedAt: now.getTime() },
    };
    return { person, departure, complaint, resolution };
  });
  for (let from = 0; from < rows.length; from += 3_000) {
    const these = rows.slice(from, from + 3_000);
    await db.write(async (tx) => {
      await insertRows(
        tx,
        persons,
        these.map(({ person }) => person),
      );
      await insertRows(
        tx,
        departures,
        these.map(({ departure }) => departure),
      );
      await insertRows(
        tx,
        complaints,
        these.map(({ complaint }) => complaint),
      );
      await insertRows(
        tx,
        resolutions,
        these.map(({ resolution }) => resolution),
      );
    });
  }
  return rows.map(({ person }) => person.id);
}

/** An invitation to one of them as it stands once it was written: its letter and its link. */
export async function invited(
  tx: Tx,
  personId: string,
  at: number,
  { sentAt, boundAt, signedBy }: { sentAt: number | null; boundAt: number | null; signedBy?: string },
): Promise<void> {
  await tx.insert(letters).values({
    ...{ id: newId(), cause: `invitation:${personId}:exports-failed`, kind: 'invitation', personId, toAddress: 'x' },
    ...{
      fromName: 'x',
      subject: 'x',
      body: 'x',
      mint: {},
      createdAt: at,
      notBefore: at,
      attempts: 1,
      sentAt,
      signedBy,
    },
  });
  const link = { personId, purpose: 'page', mintedAt: at, expiresAt: at + 90 * DAY_MS, boundAt } as const;
  await tx.insert(links).values({ ...link, hash: Buffer.from(personId.padEnd(32)) });
}

/** A batch that is begun and filled at once. */
export async function openBatch(
  db: Db,
  choice: Choice,
  { by, purpose }: { by: string; purpose: Purpose },
  now: Date,
  noAnswersOf = noAnswersByIssue,
): Promise<{ batchId: string; invited: number; holdout: number }> {
  const { id } = await db.write((tx) => beginBatch(tx, { choice, purpose, by }, now));
  return { batchId: id, ...(await fillBatch(db, id, choice, noAnswersOf, now)) };
}
