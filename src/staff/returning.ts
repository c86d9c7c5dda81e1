import { and, asc, eq, isNull } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { complaints, departures, persons } from '../../db/schema/people.ts';
import { roleOffers, steps, talks } from '../../db/schema/reonboarding.ts';
import { type Complaint, latestDeparture, neverContactOf, shownOf } from '../people/diagnosis.ts';
import { quoted } from '../people/intake/csv.ts';
import type { Site } from '../proofs/documents.ts';
import { publishedRoles } from '../proofs/published.ts';
import {
  issueOffer,
  type NewOffer,
  type OfferState,
  offerState,
  type RoleOffer,
  withdrawOffer,
} from '../reonboarding/offer.ts';
import { finishTask, type Step, type Week, weeksOf } from '../reonboarding/steps.ts';
import { addWorkingDays, type Day, dayOf, daysBetween } from '../shared/dates.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { record } from './audit.ts';
import { mayKnow, type Viewer } from './privacy.ts';

/* People on their way back to work, as HR sees them: who waits for whom, and what HR alone does. */

/** One thing that somebody waits for. */
export type Wait = {
  personId: string;
  person: string;
  /** On whom: the person's own name, or a colleague's short id. */
  on: string;
  onUs: boolean;
  what: string;
  dueOn: Day;
  /** Days past its day; 0 until then. */
  late: number;
  stepId: string | null;
  talkId: string | null;
};

export type Returning = {
  personId: string;
  name: string;
  left: string | null;
  leftOn: Day | null;
  neverContact: boolean;
  declined: boolean;
  offer: RoleOffer | null;
  state: OfferState | null;
  /** That they asked to talk: with whom, and by when we write. `open`: nobody has said yet that it happened. */
  talk: { id: string; on: string; askedOn: Day; dueOn: Day; open: boolean } | null;
  /** What they told us openly that HR has not released. */
  unreleased: number;
  week: Week | null;
};

/** Working days within which somebody here writes to whoever asked to talk: their page says so. */
const TALK_WORKING_DAYS = 2;

const nameOf = (person: typeof persons.$inferSelect) =>
  [person.firstName, person.lastName].filter(Boolean).join(' ') || person.externalId;

/** Everyone who worked here, or one of them. Those on their way come first. */
export async function returningPeople(reader: Reader, site: Site, now: Date, personId?: string): Promise<Returning[]> {
  // biome-ignore lint/suspicious/noExplicitAny: a column of any table that names a person.
  const of = (column: any) => (personId ? eq(column, personId) : undefined);
  const [people, left, told, offers, asked, roles] = await Promise.all([
    reader
      .select()
      .from(persons)
      .where(and(eq(persons.kind, 'employee'), of(persons.id)))
      .orderBy(asc(persons.lastName), asc(persons.firstName), asc(persons.id)),
    reader.select().from(departures).where(of(departures.personId)),
    reader
      .select({ personId: complaints.personId, releasedAt: complaints.releasedAt })
      .from(complaints)
      .where(and(eq(complaints.confidentiality, 'open'), of(complaints.personId))),
    reader
      .select()
      .from(roleOffers)
      .where(and(isNull(roleOffers.replacedAt), of(roleOffers.personId))),
    reader.select().from(talks).where(of(talks.personId)).orderBy(asc(talks.askedAt)),
    publishedRoles(reader),
  ]);
  const today = dayOf(now, site.time_zone);
  const [leftOf, toldOf] = [Map.groupBy(left, (row) => row.personId), Map.groupBy(told, (row) => row.personId)];
  const offerOf = new Map(offers.map((offer) => [offer.personId, offer]));
  const talkOf = new Map(asked.map((talk) => [talk.personId, talk]));
  const talkTo = new Map(roles.map(({ id, data }) => [id, data.talk_to]));
  const working = offers.filter((offer) => offerState(offer, today) === 'accepted');
  const weeks = await weeksOf(reader, working, site.time_zone);
  const weekOf = new Map(weeks.map((week) => [week.offer.personId, week]));
  const all = people.map((person): Returning => {
    const gone = leftOf.get(person.id) ?? [];
    const departure = latestDeparture(gone);
    const offer = offerOf.get(person.id) ?? null;
    const state = offer && offerState(offer, today);
    const talk = talkOf.get(person.id);
    const askedOn = talk && dayOf(talk.askedAt, site.time_zone);
    return {
      personId: person.id,
      name: nameOf(person),
      left: departure?.planOrRole ?? null,
      leftOn: departure?.leftOn ?? null,
      neverContact: neverContactOf(gone) !== null,
      declined: person.declinedAt !== null,
      offer,
      state,
      talk: talk
        ? {
            id: talk.id,
            on: talkTo.get(talk.roleId) ?? '',
            askedOn: askedOn!,
            dueOn: addWorkingDays(askedOn!, TALK_WORKING_DAYS, site.holidays),
            open: talk.heldAt === null && person.declinedAt === null && state !== 'accepted',
          }
        : null,
      unreleased: (toldOf.get(person.id) ?? []).filter(({ releasedAt }) => releasedAt === null).length,
      week: weekOf.get(person.id) ?? null,
    };
  });
  const order = ({ week, state, talk }: Returning) => (week ? 0 : state === 'open' ? 1 : talk !== null ? 2 : 3);
  return all.toSorted((a, b) => order(a) - order(b));
}

/** What waits on whom, the longest overdue first. */
export function waitsOf(people: readonly Returning[], today: Day): Wait[] {
  return people
    .flatMap(({ personId, name, week, offer, state, talk }): Wait[] => {
      const wait = (by: Pick<Wait, 'on' | 'onUs' | 'what' | 'dueOn'> & Partial<Wait>): Wait => {
        const late = Math.max(0, daysBetween(by.dueOn, today));
        return { personId, person: name, stepId: null, talkId: null, late, ...by };
      };
      return [
        ...(talk?.open
          ? [wait({ on: talk.on, onUs: true, what: 'A talk about the role', dueOn: talk.dueOn, talkId: talk.id })]
          : []),
        ...(offer && state === 'open'
          ? [wait({ on: name, onUs: false, what: 'Their answer to the offer', dueOn: offer.answerBy })]
          : []),
        ...(week?.waiting ?? [])
          .filter(({ doneOn }) => doneOn === null)
          .map(({ item: { data }, dueOn, step }) =>
            wait({ on: data.owner, onUs: true, what: data.title, dueOn, stepId: step?.id ?? null }),
          ),
        ...[...(week?.todo ?? []), ...(week?.different ?? [])]
          .filter(({ doneOn }) => doneOn === null)
          .map(({ item, dueOn, step }) =>
            wait({ on: name, onUs: false, what: item.data.title, dueOn, stepId: step?.id ?? null }),
          ),
      ];
    })
    .toSorted((a, b) => a.dueOn.localeCompare(b.dueOn) || a.person.localeCompare(b.person));
}

/**
 * What they told us, for whoever decides what their page may show. What was said in confidence is not here either,
 * nor what concerns whoever looks.
 */
export async function toldBy(
  reader: Reader,
  personId: string,
  who: Viewer,
): Promise<{ complaint: Complaint; text: string; isNote: boolean }[]> {
  const rows = await reader
    .select()
    .from(complaints)
    .where(and(eq(complaints.personId, personId), eq(complaints.confidentiality, 'open')))
    .orderBy(asc(complaints.saidOn), asc(complaints.ref));
  return rows.flatMap((complaint) => {
    if (!mayKnow(who, 'employee', null, complaint.concerns)) return [];
    const shown = shownOf(complaint);
    const text = !shown
      ? null
      : shown.kind === 'withheld'
        ? 'Their words name someone, and we have no note.'
        : shown.text;
    return text === null ? [] : [{ complaint, text, isNote: shown!.kind !== 'words' }];
  });
}

/** Their own page may show it, or may not any more. Never what was said in confidence or without a name. */
export async function setRelease(
  tx: Tx,
  { complaintId, released, who }: { complaintId: string; released: boolean; who: Viewer },
  now: Date,
): Promise<true | Refusal> {
  const [about] = await tx
    .select({ told: complaints, kind: persons.kind })
    .from(complaints)
    .innerJoin(persons, eq(persons.id, complaints.personId))
    .where(eq(complaints.id, complaintId));
  if (about?.kind !== 'employee' || !mayKnow(who, 'employee', null, about.told.concerns)) {
    return refuse('unknown', 'Nobody who worked here told us this.');
  }
  if (about.told.confidentiality !== 'open') {
    return refuse('confidential', 'It was said in confidence or without a name. Nobody can release it.');
  }
  // Pressed a second time: who pressed first did it.
  if (released === (about.told.releasedAt !== null)) return true;
  await tx
    .update(complaints)
    .set(released ? { releasedAt: now.getTime(), releasedBy: who.id } : { releasedAt: null, releasedBy: null })
    .where(eq(complaints.id, complaintId));
  await record(
    tx,
    { by: who.id, action: released ? 'released words' : 'closed again', subject: `complaint:${about.told.ref}` },
    now,
  );
  return true;
}

export async function issueByHr(
  tx: Tx,
  asked: NewOffer,
  site: Site,
  onOffered: (tx: Tx, offer: RoleOffer, now: Date) => Promise<void>,
  now: Date,
): Promise<{ offer: RoleOffer } | Refusal> {
  const issued = await issueOffer(tx, asked, site, now);
  if (isRefusal(issued)) return issued;
  const { offer } = issued;
  const detail = { version: offer.version, role: offer.roleId, terms: offer.termsHash };
  await record(tx, { by: asked.by, action: 'issued', subject: `role-offer:${offer.id}`, detail }, now);
  await onOffered(tx, offer, now);
  return issued;
}

export async function withdrawByHr(tx: Tx, offerId: string, by: string, now: Date): Promise<RoleOffer | Refusal> {
  const offer = await withdrawOffer(tx, offerId, by, now);
  if (!isRefusal(offer)) await record(tx, { by, action: 'withdrew', subject: `role-offer:${offer.id}` }, now);
  return offer;
}

/** HR says that somebody here has talked with them. */
export async function talkHeld(tx: Tx, talkId: string, by: string, now: Date): Promise<true | Refusal> {
  const [held] = await tx
    .update(talks)
    .set({ heldAt: now.getTime(), heldBy: by })
    .where(and(eq(talks.id, talkId), isNull(talks.heldAt)))
    .returning();
  if (!held) return refuse('not-open', 'There is no such talk to come.');
  await record(tx, { by, action: 'talked', subject: `talk:${talkId}` }, now);
  return true;
}

/** HR says that a colleague's task is done. */
export async function finishByHr(tx: Tx, stepId: string, by: string, now: Date): Promise<Step | Refusal> {
  const done = await finishTask(tx, stepId, by, now);
  if (!isRefusal(done)) await record(tx, { by, action: 'finished', subject: `step:${done.id}` }, now);
  return done;
}

/** Writes to the colleague again, with a new link; at most once a day. Refuses what is theirs, or done. */
export async function remind(
  tx: Tx,
  stepId: string,
  by: string | null,
  write: (tx: Tx, offer: RoleOffer, step: Step & { owner: string }, again: string) => Promise<void>,
  site: Site,
  now: Date,
): Promise<true | Refusal> {
  const [found] = await tx
    .select({ step: steps, offer: roleOffers })
    .from(steps)
    .innerJoin(roleOffers, eq(roleOffers.id, steps.offerId))
    .where(and(eq(steps.id, stepId), isNull(steps.doneAt), isNull(roleOffers.withdrawnAt)));
  if (!found || found.step.owner === null) return refuse('not-open', 'There is no colleague to remind of this.');
  const today = dayOf(now, site.time_zone);
  const before = found.step.remindedAt;
  if (before !== null && dayOf(before, site.time_zone) === today) {
    return refuse('today', 'They were reminded today already.');
  }
  await tx.update(steps).set({ remindedAt: now.getTime() }).where(eq(steps.id, stepId));
  await write(tx, found.offer, { ...found.step, owner: found.step.owner }, `:${today}`);
  if (by) await record(tx, { by, action: 'reminded', subject: `step:${stepId}` }, now);
  return true;
}

const COLUMNS = [
  ...(['person', 'offer_version', 'start_on', 'item', 'section', 'because'] as const),
  ...(['waits_on', 'due_on', 'done_on', 'valid_until', 'basis'] as const),
];
const BLANK = { because: '', waits_on: '', due_on: '', done_on: '', valid_until: '', basis: '' };

/** One row for each thing that somebody waits for or has done: for a spreadsheet, or for the HR system. */
export type ProgressRow = Record<(typeof COLUMNS)[number], string | number>;

export function progressRows(people: readonly Returning[]): ProgressRow[] {
  return people.flatMap(({ name, week }) => {
    if (!week) return [];
    const { offer } = week;
    const row = (fields: Partial<ProgressRow> & Pick<ProgressRow, 'item' | 'section'>): ProgressRow => ({
      ...{ person: name, offer_version: offer.version, start_on: offer.startOn },
      ...BLANK,
      ...fields,
    });
    const done = ({ item, dueOn, doneOn }: Week['waiting'][number], waits_on: string) => {
      return { item: item.id, due_on: dueOn, done_on: doneOn ?? '', waits_on: doneOn ? '' : waits_on };
    };
    return [
      ...week.todo.map((one) => row({ ...done(one, name), section: 'to do', because: one.because })),
      ...week.different.map((one) => row({ ...done(one, name), section: 'different' })),
      ...week.waiting.map((one) => row({ ...done(one, one.item.data.owner), section: 'waiting on us' })),
      ...week.carried.map(({ item, finishedOn, until, basis }) => {
        const kept = { done_on: finishedOn, valid_until: until ?? 'until it changes', basis: basis ?? '' };
        return row({ item: item.id, section: 'carried over', ...kept });
      }),
    ];
  });
}

/** All of it, for a file that leaves the desk: written down like everything that staff do. */
export async function exportProgress(
  tx: Tx,
  { by, as }: { by: string; as: 'csv' | 'json' },
  site: Site,
  now: Date,
): Promise<ProgressRow[]> {
  const rows = progressRows(await returningPeople(tx, site, now));
  await record(tx, { by, action: 'exported', subject: `export:first-weeks.${as}`, detail: { rows: rows.length } }, now);
  return rows;
}

export function csvOf(rows: readonly ProgressRow[]): string {
  return [COLUMNS, ...rows.map((row) => COLUMNS.map((column) => quoted(String(row[column]))))]
    .map((cells) => `${cells.join(',')}\r\n`)
    .join('');
}
