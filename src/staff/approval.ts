import { and, eq, isNotNull, lte } from 'drizzle-orm';
import type { Db, Reader, Tx } from '../../db/client.ts';
import { drafts, signOffs } from '../../db/schema/desk.ts';
import { sameContent } from '../proofs/chain.ts';
import { type Judgement, judge } from '../proofs/check.ts';
import { parseDocument } from '../proofs/content.ts';
import { notTheirs, type Published, publishDocument } from '../proofs/publish.ts';
import { publishedOthers } from '../proofs/published.ts';
import { liveVersion } from '../proofs/versions.ts';
import { DAY_MS, longDay } from '../shared/dates.ts';
import { forEachOne } from '../shared/each.ts';
import { newId } from '../shared/ids.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { type Doing, may } from './access.ts';
import { type Deed, record } from './audit.ts';
import { colleagueOf, colleagues, colleaguesWho, type Member, mayHere } from './colleagues.ts';
import { typedConfirmer } from './confirmers.ts';
import { changedFacts, publicChanges } from './corrected.ts';
import type { Draft, SignOff, WrittenDocument } from './draft.ts';
import { gone, subjectOf } from './drafts.ts';
import { type Fact, factsOf } from './facts.ts';
import { type StaffLetter, writeToStaff } from './letters.ts';
import { publicPath, reviewPath, type Standing, shownTitle, statusOf } from './status.ts';

/*
 * From a draft to a published version: its writer sends it, its owner confirms each number, somebody who neither wrote nor owns it
 * publishes. Whoever says something about a draft names the content they saw; about any other content it counts for nothing.
 */

/** A draft by its id, and the hash of what stood on the page on which the press was made. */
type Seen = { draftId: string; contentHash: string; by: string };

/** A draft, where it stands, and the colleague who presses. */
type Handed = { draft: Draft; standing: Standing; member: Member };

/** What keeps a draft from being published, and what its approver should see, with the rule that nobody types a confirmer. */
export async function judgeDraft(reader: Reader, draft: Draft): Promise<Judgement> {
  const { collection, documentId: id, source, assets } = draft;
  const judged = await judge({ collection, id, source, assets }, await publishedOthers(reader, collection));
  const typed = await typedConfirmer(reader, draft);
  return typed ? { ...judged, problems: [...judged.problems, typed] } : judged;
}

/** Its writer is done: to its owner, or straight to those who may publish where nobody has to confirm. */
export async function sendToOwner(tx: Tx, seen: Seen, now: Date): Promise<Standing | Refusal> {
  const handed = await inHand(tx, seen, 'write');
  if (isRefusal(handed)) return handed;
  const { draft, standing } = handed;
  if (!['writing', 'returned'].includes(standing.status)) {
    return refuse('sent', 'It has been sent already.');
  }
  const { problems } = await judgeDraft(tx, draft);
  if (problems.length > 0) return refuse('problems', `It can’t be sent yet: ${problems[0]!.sentence}`);
  const live = await liveVersion(tx, draft);
  if (live && sameContent(live, draft)) {
    return refuse('same', 'It says what is public already. There is nothing to publish.');
  }
  const owner = standing.owner === null ? null : await colleagueOf(tx, standing.owner);
  if (standing.owner !== null && !mayHere(owner, 'confirm')) {
    const name = owner?.name ?? `“${standing.owner}”`;
    return refuse(
      'owner',
      `${name} answers for it and can’t confirm it at this desk. Name an owner who can, or ask an admin to add them.`,
    );
  }
  await say(tx, handed, 'sent', null, now);
  await writeDown(tx, handed, 'sent', { hash: standing.hash }, now);
  if (owner) await tell(tx, 'please-confirm', draft, standing.hash, [owner], {}, now);
  else await askApprovers(tx, draft, standing, now);
  return standingOf(tx, draft);
}

/** Its owner has held every number and date against its source. `ticked` are the ids of the facts. */
export async function confirmFacts(
  tx: Tx,
  { ticked, ...seen }: Seen & { ticked: readonly string[] },
  now: Date,
): Promise<Standing | Refusal> {
  const handed = await inHand(tx, seen, 'confirm');
  if (isRefusal(handed)) return handed;
  const { draft, standing } = handed;
  if (standing.owner === null) return refuse('no-owner', 'Nobody has to confirm this document.');
  if (standing.owner !== seen.by) {
    const owner = await colleagueOf(tx, standing.owner);
    return refuse('not-owner', `Only ${owner?.name ?? standing.owner}, who answers for it, can confirm it.`);
  }
  if (standing.status !== 'sent') return refuse('not-sent', 'It is not waiting for you to confirm it.');
  const facts = await factsToTick(tx, draft);
  const [first, ...more] = facts.filter(({ id }) => !ticked.includes(id));
  if (first) {
    return refuse(
      'unticked',
      `Tick every number that you have checked. Left: ${more.length + 1}, the first is ${first.value}. If one is wrong, send it back.`,
    );
  }
  await say(tx, handed, 'confirmed', null, now);
  await writeDown(tx, handed, 'confirmed', { hash: standing.hash, facts: facts.length }, now);
  const confirmed = await standingOf(tx, draft);
  await askApprovers(tx, draft, confirmed, now);
  return confirmed;
}

/** Back to its writers, with what to mend: by its owner while it waits for them, by who may publish after that. */
export async function sendBack(
  tx: Tx,
  { note, ...seen }: Seen & { note: string },
  now: Date,
): Promise<Standing | Refusal> {
  const handed = await inHand(tx, seen, 'look');
  if (isRefusal(handed)) return handed;
  const { draft, standing, member } = handed;
  const owner = standing.owner === member.id && standing.status === 'sent';
  if (!may(member.roles, 'approve') && !owner) {
    return refuse('role', 'Whoever owns it or may publish it sends it back.');
  }
  if (!['sent', 'confirmed', 'scheduled'].includes(standing.status)) {
    return refuse('not-sent', 'Its writers have it already.');
  }
  const mend = note.trim();
  if (mend.length < 8) return refuse('note', 'Say in a sentence what to mend.');
  if (mend.length > 2000) return refuse('note', 'Say it in at most 2,000 characters.');
  await say(tx, handed, 'returned', mend, now);
  await setDay(tx, draft, null);
  await writeDown(tx, handed, 'sent back', { hash: standing.hash }, now);
  const others = writersOf(draft).filter((id) => id !== member.id);
  await tell(
    tx,
    'returned',
    draft,
    `${standing.hash}:${now.getTime()}`,
    await membersOf(tx, others),
    { by: member.name },
    now,
  );
  return standingOf(tx, draft);
}

/** Publishes now, or at `publishAt`. */
export async function approve(
  tx: Tx,
  { reason, publishAt = null, ...seen }: Seen & { reason: string; publishAt?: Date | null },
  now: Date,
): Promise<Published | { scheduledFor: Date } | Refusal> {
  const handed = await inHand(tx, seen, 'approve');
  if (isRefusal(handed)) return handed;
  const { draft, standing } = handed;
  const refused = await mayPublish(tx, handed);
  if (refused) return refused;
  if (standing.status === 'scheduled') {
    return refuse('scheduled', 'It is scheduled already. Take the day away first.');
  }
  const why = reason.trim();
  if (draft.basedOn !== null || (await liveVersion(tx, draft))) {
    if (why.length < 8)
      return refuse('reason', 'Say in a sentence why it changes. Everyone who compares the versions reads it.');
    if (why.length > 300) return refuse('reason', 'Say why it changes in at most 300 characters.');
  }
  if (publishAt === null) {
    const published = await publishDraft(tx, handed, why, now);
    if (!isRefusal(published)) await writeDown(tx, handed, 'published', { version: published.version }, now);
    return published;
  }
  if (publishAt.getTime() <= now.getTime())
    return refuse('past', 'That day and time have passed. Choose a later one, or publish now.');
  if (publishAt.getTime() > now.getTime() + 366 * DAY_MS) return refuse('far', 'Choose a day within a year.');
  const { problems } = await judgeDraft(tx, draft);
  if (problems.length > 0) return refuse('problems', problems[0]!.sentence);
  await say(tx, handed, 'approved', why, now);
  await setDay(tx, draft, publishAt);
  await writeDown(tx, handed, 'scheduled', { hash: standing.hash, publishAt: publishAt.toISOString() }, now);
  return { scheduledFor: publishAt };
}

/** Takes the day away: it waits for an approver again. */
export async function unschedule(tx: Tx, seen: Seen, now: Date): Promise<Standing | Refusal> {
  const handed = await inHand(tx, seen, 'approve');
  if (isRefusal(handed)) return handed;
  const { draft, standing } = handed;
  if (standing.status !== 'scheduled') return refuse('not-scheduled', 'It has no day on which it is published.');
  await setDay(tx, draft, null);
  await writeDown(tx, handed, 'unscheduled', {}, now);
  return standingOf(tx, { ...draft, publishAt: null });
}

/**
 * Publishes what is due; answers how many were. Each is judged anew: what may no longer be published goes back to its writers, and
 * they and its approver hear of it.
 */
export async function publishDueDrafts(db: Db, now: Date): Promise<number> {
  const due = await db.read
    .select({ id: drafts.id })
    .from(drafts)
    .where(and(isNotNull(drafts.publishAt), lte(drafts.publishAt, now.getTime())));
  let published = 0;
  await forEachOne(due, async ({ id }) => {
    if (await db.write((tx) => publishDue(tx, id, now))) published += 1;
  });
  return published;
}

async function publishDue(tx: Tx, id: string, now: Date): Promise<boolean> {
  const [draft] = await tx.select().from(drafts).where(eq(drafts.id, id));
  // Another process, or a press, was first.
  if (!draft || draft.publishAt === null || draft.publishAt > now.getTime()) return false;
  const standing = await standingOf(tx, draft);
  const { approved, hash } = standing;
  if (!approved) {
    await setDay(tx, draft, null);
    return false;
  }
  const handed = await inHand(tx, { draftId: id, contentHash: hash, by: approved.staffId }, 'approve');
  const result = isRefusal(handed)
    ? handed
    : ((await mayPublish(tx, handed)) ?? (await publishDraft(tx, handed, approved.note ?? '', now)));
  const byItself = { draft, member: null };
  if (!isRefusal(result)) {
    await writeDown(tx, byItself, 'published', { version: result.version, approvedBy: approved.staffId }, now);
    return true;
  }
  const note = `Not published on its day: ${result.sentence}`;
  await say(tx, { draft, standing, member: { id: approved.staffId } }, 'returned', note, now);
  await setDay(tx, draft, null);
  await writeDown(tx, byItself, 'not published', { code: result.code }, now);
  const people = await membersOf(tx, [...writersOf(draft), approved.staffId]);
  await tell(tx, 'not-published', draft, `${hash}:${draft.publishAt}`, people, {}, now);
  return false;
}

/** Who may publish this draft now: they neither wrote nor own nor confirmed it, and may publish at all. */
export async function approversOf(reader: Reader, draft: Draft, standing: Standing): Promise<Member[]> {
  const all = await colleaguesWho(reader, 'approve');
  return all.filter((member) => alone({ draft, standing, member }) === null);
}

export async function standingOf(reader: Reader, draft: Draft): Promise<Standing> {
  return statusOf(draft, await reader.select().from(signOffs).where(eq(signOffs.draftId, draft.id)));
}

/** What the owner of a draft has to tick: what it changes of the numbers that are public, then all that it states. */
export async function factsToTick(reader: Reader, draft: Draft): Promise<Fact[]> {
  const live = await liveVersion(reader, draft);
  const known = new Set(live ? factsIn(live).map(said) : []);
  const stated = factsIn(draft).map((fact) => (known.has(said(fact)) ? { ...fact, asPublished: true } : fact));
  // What is new is looked at first, and afresh; the rest is still ticked, number by number.
  return [
    ...(await changedFacts(reader, draft)),
    ...stated.filter((fact) => !fact.asPublished),
    ...stated.filter((fact) => fact.asPublished),
  ];
}

/** What a fact says, where and from what: the same in two versions when nothing of that changed. */
const said = ({ value, source, places }: Fact) => JSON.stringify([value, source, places]);

/** Every number and date that a draft states. */
export function factsIn({ collection, documentId, source, assets }: WrittenDocument): Fact[] {
  const { document } = parseDocument(collection, documentId, source, assets);
  return document ? factsOf(document) : [];
}

/** Why they may not publish it: they wrote or own it. Whoever owns it confirms it. */
function alone({ draft: { writers }, standing: { owner }, member }: Handed): Refusal | null {
  return notTheirs({ owner, confirmedBy: owner, approvedBy: member.id, writers });
}

async function mayPublish(tx: Tx, handed: Handed): Promise<Refusal | null> {
  const { draft, standing } = handed;
  const { owner, confirmed, status } = standing;
  const theirs = alone(handed);
  if (theirs) return theirs;
  if (!['confirmed', 'scheduled'].includes(status)) {
    return owner === null
      ? refuse('not-sent', 'Its writers have not sent it yet.')
      : refuse('unconfirmed', 'Its owner has not confirmed the facts in it. Nobody else can.');
  }
  if (confirmed === null) return null;
  const unseen = (await publicChanges(tx, draft)).find(
    ({ arrivedAt }) => arrivedAt !== null && arrivedAt > confirmed.at,
  );
  if (unseen) {
    return refuse(
      'corrected',
      `A measurement of ${longDay(unseen.on)} arrived after its owner confirmed it, and this says otherwise. Send it back, so that they see it.`,
    );
  }
  return mayHere(await colleagueOf(tx, confirmed.staffId), 'confirm')
    ? null
    : refuse('owner', 'Whoever confirmed it can’t answer for it here any more. Name another owner.');
}

/** Publishes and puts the draft away, in one transaction with whatever else its caller writes. */
async function publishDraft(
  tx: Tx,
  { draft, standing, member }: Handed,
  reason: string,
  now: Date,
): Promise<Published | Refusal> {
  const { collection, documentId: id, source, assets, writers } = draft;
  const typed = await typedConfirmer(tx, draft);
  if (typed) return refuse('confirmer', typed.sentence);
  const confirmedBy = standing.confirmed?.staffId ?? null;
  const who = { confirmedBy, approvedBy: member.id, writers };
  const published = await publishDocument(tx, { collection, id, source, assets, ...who, reason: reason || null, now });
  if (isRefusal(published)) return published;
  await tx.delete(drafts).where(eq(drafts.id, draft.id));
  const others = [...writersOf(draft), confirmedBy ?? member.id].filter((id) => id !== member.id);
  const told = await membersOf(tx, others);
  await tell(tx, 'published', draft, published.hash, told, {}, now, publicPath(draft) ?? undefined);
  return published;
}

/** The draft as the page showed it, and the colleague who may do this to some draft. */
async function inHand(tx: Tx, { draftId, contentHash, by }: Seen, doing: Doing): Promise<Handed | Refusal> {
  const member = await colleagueOf(tx, by);
  if (!member || member.leftAt !== null) return refuse('left', 'Only somebody who works here can do this.');
  if (!may(member.roles, doing)) return refuse('role', `${member.name} may not do this. An admin can change that.`);
  const [draft] = await tx.select().from(drafts).where(eq(drafts.id, draftId));
  if (!draft) return gone();
  const standing = await standingOf(tx, draft);
  return standing.hash === contentHash
    ? { draft, standing, member }
    : refuse('changed', 'It was changed after you opened this page. Look at it again as it is now.');
}

type Saying = Omit<Handed, 'member'> & { member: Pick<Member, 'id'> };

async function say(tx: Tx, by: Saying, kind: SignOff['kind'], note: string | null, now: Date): Promise<void> {
  const about = { draftId: by.draft.id, contentHash: by.standing.hash, staffId: by.member.id };
  await tx.insert(signOffs).values({ id: newId(), ...about, kind, at: now.getTime(), note });
}

async function setDay(tx: Tx, { id }: Draft, day: Date | null): Promise<void> {
  await tx
    .update(drafts)
    .set({ publishAt: day?.getTime() ?? null })
    .where(eq(drafts.id, id));
}

async function writeDown(
  tx: Tx,
  { draft, member }: { draft: Draft; member: Pick<Member, 'id'> | null },
  action: string,
  detail: Deed['detail'] & object,
  now: Date,
): Promise<void> {
  await record(tx, { by: member?.id ?? null, action, subject: subjectOf(draft), detail }, now);
}

async function membersOf(reader: Reader, ids: readonly string[]): Promise<Member[]> {
  return (await colleagues(reader)).filter(({ id }) => ids.includes(id));
}

async function askApprovers(tx: Tx, draft: Draft, standing: Standing, now: Date): Promise<void> {
  await tell(tx, 'please-approve', draft, standing.hash, await approversOf(tx, draft, standing), {}, now);
}

async function tell(
  tx: Tx,
  letter: StaffLetter['letter'],
  draft: Draft,
  about: string,
  to: readonly Member[],
  slots: Record<string, string>,
  now: Date,
  path = reviewPath(draft),
): Promise<void> {
  const cause = `${draft.id}:${about}`;
  await writeToStaff(tx, { letter, cause, to, path, slots: { document: shownTitle(draft), ...slots } }, now);
}

/** Whoever began it hears of it too, even if they wrote nothing. */
function writersOf({ writers, startedBy }: Draft): string[] {
  return [...writers, startedBy];
}
