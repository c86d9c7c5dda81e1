import { and, asc, count, desc, eq, gt, gte, inArray, isNotNull, isNull, lt, ne, or, sql } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { batches, chosen, postponed } from '../../db/schema/invitations.ts';
import { letters } from '../../db/schema/mail.ts';
import { complaints, departures, resolutions } from '../../db/schema/people.ts';
import { staff } from '../../db/schema/staff.ts';
import { type Letter, postLetter } from '../mail/outbox.ts';
import { type History, historyOf } from '../people/diagnosis.ts';
import { normaliseAddress } from '../people/suppression.ts';
import {
  issueStates,
  type NoAnswers,
  publishedLetter,
  publishedOffers,
  publishedRoles,
  publishedSite,
} from '../proofs/published.ts';
import { DAY_MS, dayOf, instantAt } from '../shared/dates.ts';
import { type Refusal, refuse } from '../shared/refusal.ts';
import { counted } from '../shared/words.ts';
import { type AtTheGate, askGate } from './facts.ts';
import { composeInvitation, FILLER, type Invitation, letterFor, problemsOfOwn } from './invitation.ts';

/* Who is to be written to next, and the one way in which an invitation gets into the outbox: read, and signed by a person. */

/** Which of those who may be invited: everyone, or those of one choice. */
export type Whom = { batchId?: string | null };

/** The person, and the day from which they have waited: on which they told us what made them leave, else left. */
export type Waiting = AtTheGate & { since: string | null };

/**
 * Everyone whom the gate lets through and nobody has put off, those who have waited longest first. Only somebody whose complaint is
 * confirmed as fully resolved can pass, so nobody else is asked about.
 */
export async function whoIsNext(
  reader: Reader,
  noAnswers: NoAnswers,
  { batchId = null }: Whom,
  now: Date,
): Promise<Waiting[]> {
  const resolved = await reader
    .selectDistinct({ personId: complaints.personId })
    .from(complaints)
    .innerJoin(resolutions, eq(resolutions.complaintId, complaints.id))
    .where(eq(resolutions.resolved, 'fully'));
  const [off, picked] = await Promise.all([putOff(reader, now), batchId === null ? null : chosenIn(reader, batchId)]);
  const away = new Set(off.map(({ personId }) => personId));
  const ids = resolved.map(({ personId }) => personId).filter((id) => !away.has(id) && (!picked || picked.has(id)));
  const passed: AtTheGate[] = [];
  for (let from = 0; from < ids.length; from += 5000) {
    const some = await askGate(reader, noAnswers, now, { personIds: ids.slice(from, from + 5000) });
    passed.push(...some.filter(({ refusals }) => refusals.length === 0));
  }
  const since = await waitingSince(
    reader,
    passed.map(({ person }) => person.id),
  );
  return passed
    .map((one) => ({ ...one, since: since.get(one.person.id) ?? null }))
    .toSorted((a, b) => compare(a.since ?? '9999', b.since ?? '9999') || compare(a.person.id, b.person.id));
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

async function waitingSince(reader: Reader, personIds: string[]): Promise<Map<string, string>> {
  const since = new Map<string, string>();
  for (let from = 0; from < personIds.length; from += 5000) {
    const rows = await reader
      .select({
        id: departures.personId,
        day: sql<string | null>`min(coalesce(${complaints.saidOn}, ${departures.leftOn}))`,
      })
      .from(departures)
      .leftJoin(complaints, and(eq(complaints.departureId, departures.id), eq(complaints.main, true)))
      .where(inArray(departures.personId, personIds.slice(from, from + 5000)))
      .groupBy(departures.personId);
    for (const { id, day } of rows) if (day) since.set(id, day);
  }
  return since;
}

/** Those of a choice that stands who are to be written to; the holdout is not. */
async function chosenIn(reader: Reader, batchId: string): Promise<Set<string>> {
  const rows = await reader
    .select({ personId: chosen.personId })
    .from(chosen)
    .innerJoin(batches, eq(batches.id, chosen.batchId))
    .where(and(eq(chosen.batchId, batchId), eq(chosen.as, 'invited'), isNull(batches.revokedAt)));
  return new Set(rows.map(({ personId }) => personId));
}

export type ToRead = {
  history: History;
  invitation: Invitation;
  /** Every reason why nobody may write to them; empty: somebody may. */
  refusals: { code: string; sentence: string }[];
};

/**
 * The letter to this person as this colleague would sign it, and whether they may. Null when there is nobody by this id. Throws
 * where the site is not published.
 */
export async function invitationFor(
  reader: Reader,
  { personId, by, ownSentence = '', batchId = null, asOf }: ForWhom,
  noAnswers: NoAnswers,
  baseUrl: string,
  now: Date,
): Promise<ToRead | Refusal | null> {
  const history = await historyOf(reader, personId);
  if (!history) return null;
  const [site, issues, offers, roles, template, [asked], [sender]] = await Promise.all([
    publishedSite(reader),
    issueStates(reader, noAnswers, now),
    publishedOffers(reader),
    publishedRoles(reader),
    publishedLetter(reader, letterFor(history.person.kind)),
    askGate(reader, noAnswers, now, { personIds: [personId] }),
    reader.select().from(staff).where(eq(staff.id, by)),
  ]);
  if (!template) {
    const name = letterFor(history.person.kind);
    return refuse('no-letter', `The letter “${name}” is not published yet. Publish it first: letters/${name}.`);
  }
  if (!sender || sender.leftAt !== null)
    return refuse('nobody', 'Only somebody with a place at the desk signs a letter.');
  const facts = {
    history,
    issueOf: new Map(issues.map((one) => [one.issue.id, one])),
    offers,
    roles,
    organisation: site.organisation,
    sender: { name: sender.name, title: sender.title },
    baseUrl,
    today: dayOf(asOf ?? now, site.time_zone),
  };
  const invitation = composeInvitation({ subject: template.data.subject, body: template.body }, facts, ownSentence);
  const theirs = history.told.flatMap(({ complaint: { words, note } }) =>
    [words, note].filter((text) => text !== null),
  );
  const titles = history.told.flatMap(
    ({ complaint: { issueId } }) => facts.issueOf.get(issueId ?? '')?.issue.data.title ?? [],
  );
  const own = ownSentence === '' ? [] : problemsOfOwn(ownSentence, invitation.kind, [...theirs, ...titles]);
  const refusals = [
    ...(asked?.refusals ?? []),
    ...(await limitsOf(
      reader,
      { history, by, batchId, timeZone: site.time_zone, aDay: site.invite.letters_a_day },
      now,
    )),
  ];
  return { history, invitation: { ...invitation, problems: [...own, ...invitation.problems] }, refusals };
}

export type ForWhom = {
  personId: string;
  by: string;
  ownSentence?: string;
  batchId?: string | null;
  /** The day on which it is read, when that is not today: “it took us 24 weeks” must not become 25 overnight. */
  asOf?: Date;
};

/** By the index on causes: whoever signs must not wait for a look through every receipt. */
const INVITATION = and(
  gte(letters.cause, 'invitation:'),
  lt(letters.cause, 'invitation;'),
  eq(letters.kind, 'invitation'),
);

/** What the gate does not ask: it is not about the person, or it is about their address. */
async function limitsOf(
  reader: Reader,
  of: { history: History; by: string; batchId: string | null; timeZone: string; aDay: number },
  now: Date,
): Promise<{ code: string; sentence: string }[]> {
  const { person, main } = of.history;
  const refusals: { code: string; sentence: string }[] = [];
  const address = normaliseAddress(person.email ?? '');
  const known = await reader
    .select({ cause: letters.cause })
    .from(letters)
    .where(
      and(
        INVITATION,
        isNull(letters.heldBecause),
        or(eq(letters.personId, person.id), eq(sql`lower(${letters.toAddress})`, address)),
      ),
    );
  // The same address can stand in another record, or in one that was merged into this one; the gate knows this one.
  const own = `invitation:${person.id}:`;
  if (main?.issueId && known.some(({ cause }) => !cause.startsWith(own) && cause.endsWith(`:${main.issueId}`))) {
    const sentence = 'Somebody with this address has had our apology for it. A second apology is worse than none.';
    refusals.push({ code: 'apologised-address', sentence });
  }
  if ((await signedToday(reader, of.by, of.timeZone, now)) >= of.aDay) {
    const sentence = `You have signed ${counted(of.aDay, 'letter')} today. Go on tomorrow: a letter is read before it is signed.`;
    refusals.push({ code: 'a-day', sentence });
  }
  if (of.batchId !== null && !(await chosenIn(reader, of.batchId)).has(person.id)) {
    const sentence = 'They are not among those who were chosen, or the choice was taken back.';
    refusals.push({ code: 'not-chosen', sentence });
  }
  return refusals;
}

/** How many letters this colleague has signed since midnight, where we are; what they took back is not counted. */
export async function signedToday(reader: Reader, by: string, timeZone: string, now: Date): Promise<number> {
  const midnight = instantAt(dayOf(now, timeZone), '00:00', timeZone)!.getTime();
  const kept = or(isNull(letters.heldBecause), ne(letters.heldBecause, TAKEN_BACK));
  const [row] = await reader
    .select({ signed: count() })
    .from(letters)
    .where(and(INVITATION, eq(letters.signedBy, by), gte(letters.createdAt, midnight), kept));
  return row!.signed;
}

/** The same sentence for two people is nobody's own. */
async function saidBefore(
  reader: Reader,
  { personId, by, ownSentence }: { personId: string; by: string; ownSentence: string },
): Promise<boolean> {
  const plain = (text: string) => ` ${(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).join(' ')} `;
  const signed = await reader
    .select({ body: letters.body })
    .from(letters)
    .where(
      and(
        INVITATION,
        eq(letters.signedBy, by),
        ne(letters.personId, personId),
        or(isNull(letters.heldBecause), ne(letters.heldBecause, TAKEN_BACK)),
      ),
    )
    .orderBy(desc(letters.createdAt))
    .limit(300);
  return signed.some(({ body }) => plain(body).includes(plain(ownSentence)));
}

export type Signature = Required<Pick<ForWhom, 'personId' | 'by' | 'ownSentence'>> & {
  batchId: string | null;
  /** The hash of the letter as they read it. */
  seen: string;
};

/**
 * Puts the signed letter into the outbox, where it waits for some minutes, so that it can be taken back. Everything is asked again
 * in this transaction. Refuses whatever the gate refuses, a letter that is no longer the one that was read, and one that breaks
 * a rule; its style is for the caller to judge before.
 */
export async function signInvitation(
  tx: Tx,
  { personId, by, ownSentence, batchId, seen }: Signature,
  noAnswers: NoAnswers,
  baseUrl: string,
  now: Date,
): Promise<Letter | Refusal> {
  const own = oneLine(ownSentence);
  const read = await invitationFor(tx, { personId, by, ownSentence: own, batchId }, noAnswers, baseUrl, now);
  if (read === null) return refuse('nobody', 'There is nobody by this id any more.');
  if ('refused' in read) return read;
  const [stopped] = read.refusals;
  if (stopped) return refuse(stopped.code, stopped.sentence);
  const { invitation, history } = read;
  if (invitation.hash !== seen) {
    return refuse(
      'changed',
      'Something about this letter changed while you had it open. Read it once more, then sign.',
    );
  }
  if (own === '') return refuse('own', 'Write a sentence of your own to this person, of four words or more.');
  const [problem] = invitation.problems;
  if (problem) return refuse(problem.rule, problem.sentence);
  if (await saidBefore(tx, { personId, by, ownSentence: own })) {
    return refuse('own', 'You have signed this sentence to somebody else already. Write one to this person.');
  }
  const { person, main } = history;
  const cause = `invitation:${person.id}:${main!.issueId}`;
  // One that never left, by this cause: it stays on record and makes room.
  await tx
    .update(letters)
    .set({ cause: sql`${letters.cause} || ':' || ${letters.id}` })
    .where(and(eq(letters.cause, cause), isNotNull(letters.heldBecause)));
  const { invite } = await publishedSite(tx);
  const [sender] = await tx.select({ name: staff.name }).from(staff).where(eq(staff.id, by));
  await postLetter(
    tx,
    {
      cause,
      kind: 'invitation',
      personId,
      to: person.email!,
      fromName: sender!.name,
      subject: invitation.subject,
      body: invitation.body,
      mint: { link: 'page', stopLink: 'stop' },
      notBefore: new Date(now.getTime() + invite.undo_minutes * 60_000),
      signedBy: by,
      batchId,
    },
    now,
  );
  const [letter] = await tx.select().from(letters).where(eq(letters.cause, cause));
  return letter!;
}

export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
}

const TAKEN_BACK = 'taken-back';

/** Whoever signed a letter takes it back, as long as it waits. From then on the person may be written to again. */
export async function takeBack(tx: Tx, { letterId, by }: { letterId: string; by: string }): Promise<Letter | Refusal> {
  const [back] = await tx
    .update(letters)
    .set({ heldBecause: TAKEN_BACK })
    .where(
      and(
        INVITATION,
        eq(letters.id, letterId),
        eq(letters.signedBy, by),
        isNull(letters.sentAt),
        isNull(letters.heldBecause),
        isNull(letters.leasedUntil),
        isNull(letters.handedAt),
      ),
    )
    .returning();
  return back ?? refuse('left', 'This letter has left, or was taken back already.');
}

/** What this colleague signed last, newest first. */
export async function signedBy(reader: Reader, by: string, limit = 10): Promise<Letter[]> {
  return reader
    .select()
    .from(letters)
    .where(and(INVITATION, eq(letters.signedBy, by)))
    .orderBy(desc(letters.createdAt))
    .limit(limit);
}

export type PutOff = typeof postponed.$inferSelect;

/** Not now: nobody is asked to write to this person until then. Refuses without a reason, and for longer than half a year. */
export async function putOffPerson(
  tx: Tx,
  { personId, by, reason, days }: { personId: string; by: string; reason: string; days: number },
  now: Date,
): Promise<true | Refusal> {
  const because = oneLine(reason).slice(0, 300);
  if (because.length < 8) return refuse('no-reason', 'Say in a sentence why not now. The person can read it.');
  if (!Number.isInteger(days) || days < 1 || days > 180) return refuse('days', 'Put it off for a day to half a year.');
  const row = { personId, by, reason: because, at: now.getTime(), until: now.getTime() + days * DAY_MS };
  await tx.insert(postponed).values(row).onConflictDoUpdate({ target: postponed.personId, set: row });
  return true;
}

export async function putBack(tx: Tx, personId: string): Promise<void> {
  await tx.delete(postponed).where(eq(postponed.personId, personId));
}

/** Who is put off today, the soonest first. */
export async function putOff(reader: Reader, now: Date): Promise<PutOff[]> {
  return reader.select().from(postponed).where(gt(postponed.until, now.getTime())).orderBy(asc(postponed.until));
}

/**
 * Why a signed letter must not leave any more, beside what the gate says; asked as it leaves. What was true when it was signed has to
 * be true still: a matter that is no longer fixed would be missing from it.
 */
export async function noLongerSigned(
  tx: Tx,
  letter: Letter,
  noAnswers: NoAnswers,
  baseUrl: string,
  now: Date,
): Promise<string | null> {
  const { signedBy: by, personId } = letter;
  if (!by || !personId) return 'unsigned';
  const [sender] = await tx.select({ leftAt: staff.leftAt }).from(staff).where(eq(staff.id, by));
  if (!sender || sender.leftAt !== null) return 'signer-left';
  if (letter.batchId !== null && !(await chosenIn(tx, letter.batchId)).has(personId)) return 'choice-taken-back';
  const read = await invitationFor(tx, { personId, by, asOf: new Date(letter.createdAt) }, noAnswers, baseUrl, now);
  if (read === null || 'refused' in read) return 'no-longer-true';
  const [before = '', after = ''] = read.invitation.body.split(FILLER);
  const same =
    read.invitation.subject === letter.subject && letter.body.startsWith(before) && letter.body.endsWith(after);
  return same ? null : 'no-longer-true';
}

/** Where answers to a signed letter go. */
export async function answersTo(reader: Reader, letter: Letter): Promise<string | null> {
  if (!letter.signedBy) return null;
  const [sender] = await reader.select({ address: staff.address }).from(staff).where(eq(staff.id, letter.signedBy));
  return sender?.address ?? null;
}
