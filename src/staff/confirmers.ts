import { and, asc, eq, gt, inArray, isNotNull, isNull } from 'drizzle-orm';
import { z } from 'zod';
import type { Reader, Tx } from '../../db/client.ts';
import { confirmations, drafts } from '../../db/schema/desk.ts';
import { letters } from '../../db/schema/mail.ts';
import { complaints, departures, persons } from '../../db/schema/people.ts';
import { oneLine } from '../invitations/sign.ts';
import { fill } from '../mail/delivery.ts';
import { postLetter } from '../mail/outbox.ts';
import { isSuppressed, normaliseAddress, suppressedAmong } from '../people/suppression.ts';
import { CONFIRM_DAYS, type Confirmation } from '../proofs/confirmers.ts';
import { type ParsedDocument, type Problem, parseDocument } from '../proofs/content.ts';
import type { Proof } from '../proofs/documents.ts';
import { publishedLetter, publishedSite } from '../proofs/published.ts';
import { sameName } from '../proofs/state.ts';
import { liveVersion } from '../proofs/versions.ts';
import { DAY_MS, type Day, dayOf, longDay } from '../shared/dates.ts';
import { newId } from '../shared/ids.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { may } from './access.ts';
import { record } from './audit.ts';
import { colleagueOf, colleagues, mayHere } from './colleagues.ts';
import { contentHash, type Draft, type WrittenDocument } from './draft.ts';
import { asWritten, openDraft, saveDraft } from './drafts.ts';
import type { Values } from './fields.ts';
import { formOf, sourceFrom } from './form.ts';
import { writeToStaff } from './letters.ts';
import type { Viewer } from './privacy.ts';
import { ownerOf, shownTitle } from './status.ts';

/*
 * Someone independent who says that a proof is so. Nobody here types that: they are asked by a letter, answer by its link, and their
 * answer goes into the document as they gave it.
 */

export async function proofAsWritten(reader: Reader, proofId: string): Promise<WrittenDocument | null> {
  return asWritten(reader, { collection: 'proofs', documentId: proofId });
}

function proofIn({ documentId, source, assets }: WrittenDocument): ParsedDocument<'proofs'> | null {
  return parseDocument('proofs', documentId, source, assets).document;
}

/** Who was asked about a proof, the newest first. */
export async function confirmationsOf(reader: Reader, proofId: string): Promise<Confirmation[]> {
  const rows = await reader
    .select()
    .from(confirmations)
    .where(eq(confirmations.proofId, proofId))
    .orderBy(asc(confirmations.askedAt));
  return rows.toReversed();
}

export type Complainer = { personId: string; name: string; saidOn: Day | null };

/**
 * People who told us openly of one of its issues and may be written to, with the day on which they first did: customers for
 * whoever writes, former colleagues for HR alone.
 */
export async function complainersToAsk(
  reader: Reader,
  issues: readonly string[],
  { roles }: Pick<Viewer, 'roles'>,
): Promise<Complainer[]> {
  if (issues.length === 0) return [];
  const told = and(
    inArray(complaints.issueId, [...issues]),
    eq(complaints.confidentiality, 'open'),
    isNotNull(persons.email),
  );
  const rows = await reader
    .select({ person: persons, saidOn: complaints.saidOn })
    .from(complaints)
    .innerJoin(persons, eq(persons.id, complaints.personId))
    .where(told)
    .orderBy(asc(complaints.saidOn));
  const never = await reader
    .select({ personId: departures.personId })
    .from(departures)
    .where(isNotNull(departures.neverContact));
  const left = new Set(never.map(({ personId }) => personId));
  const stopped = await suppressedAmong(
    reader,
    rows.map((row) => row.person.email!),
  );
  const found = new Map<string, Complainer>();
  for (const { person, saidOn } of rows) {
    if (person.kind === 'employee' ? !roles.includes('hr') : !may(roles, 'write')) continue;
    if (left.has(person.id) || found.has(person.id) || stopped(person.email!)) continue;
    const name = [person.firstName, person.lastName].filter(Boolean).join(' ');
    if (name) found.set(person.id, { personId: person.id, name, saidOn });
  }
  return [...found.values()];
}

export type Asked = { personId: string } | { name: string; address: string };

/** Asks someone by a letter of their own. Refuses whoever isn't independent, may not be written to, or was asked already. */
export async function askConfirmer(
  tx: Tx,
  { proofId, by, who }: { proofId: string; by: string; who: Asked },
  now: Date,
): Promise<Confirmation | Refusal> {
  const asker = await colleagueOf(tx, by);
  if (!asker || !mayHere(asker, 'ask a confirmer')) {
    return refuse('role', 'Only a writer, an owner or HR who works here can ask somebody.');
  }
  const written = await proofAsWritten(tx, proofId);
  const document = written && proofIn(written);
  if (!document) return refuse('proof', 'Finish the proof first: what you would show them can’t be read yet.');
  if (!(await publishedLetter(tx, 'confirm'))) {
    return refuse('letter', 'The letter that asks them, letters/confirm, is not published yet. Publish it first.');
  }
  const asked = await whoIsAsked(tx, who, asker, document.data.issues);
  if (isRefusal(asked)) return asked;
  const ours = await oneOfUs(tx, asked.name, asked.address);
  if (ours) return refuse('independent', `${asked.name} ${ours} Ask someone who complained, or an outsider.`);
  const open = and(
    eq(confirmations.proofId, proofId),
    eq(confirmations.address, asked.address),
    isNull(confirmations.answeredAt),
    gt(confirmations.expiresAt, now.getTime()),
  );
  const [before] = await tx.select().from(confirmations).where(open);
  if (before) {
    return refuse('asked', `They were asked already, and have until ${longDay(dayOf(before.expiresAt))} to answer.`);
  }
  const confirmation: Confirmation = {
    id: newId(),
    proofId,
    ...asked,
    askedBy: by,
    askedAt: now.getTime(),
    expiresAt: now.getTime() + CONFIRM_DAYS * DAY_MS,
    hash: null,
    answeredAt: null,
    confirmed: null,
    shownAs: null,
    how: null,
  };
  await tx.insert(confirmations).values(confirmation);
  const detail = { confirmation: confirmation.id, relation: asked.relation };
  await record(tx, { by, action: 'asked a confirmer', subject: `proofs:${proofId}`, detail }, now);
  await sendQuestion(tx, confirmation, shownTitle(written), asker.name, now);
  return confirmation;
}

async function whoIsAsked(
  tx: Tx,
  who: Asked,
  asker: Pick<Viewer, 'roles'>,
  issues: readonly string[],
): Promise<Pick<Confirmation, 'personId' | 'relation' | 'name' | 'address'> | Refusal> {
  if ('personId' in who) {
    const person = (await complainersToAsk(tx, issues, asker)).find(({ personId }) => personId === who.personId);
    if (!person) return refuse('person', 'Choose somebody who told us of this and may be written to.');
    const [row] = await tx.select().from(persons).where(eq(persons.id, who.personId));
    const { personId, name } = person;
    return { personId, relation: 'complained', name, address: normaliseAddress(row!.email!) };
  }
  if (!may(asker.roles, 'write'))
    return refuse('role', 'HR asks former colleagues. An outsider is asked by a writer or an owner.');
  const name = oneLine(who.name);
  const address = normaliseAddress(who.address);
  if (!/\S\s\S/.test(name) || name.length > 80) return refuse('name', 'Type their first and last name.');
  if (!z.email().max(254).safeParse(address).success) {
    return refuse('address', 'Type their whole address, for example name@example.org.');
  }
  if (await isSuppressed(tx, address)) return refuse('suppressed', 'This address must not be written to.');
  return { personId: null, relation: 'outsider', name, address };
}

/** How somebody is one of us, to follow their name; null: they are not. Who left is one of us still. */
async function oneOfUs(reader: Reader, name: string, address: string): Promise<string | null> {
  const { people } = await publishedSite(reader);
  const everyone = await colleagues(reader);
  const addresses = [...everyone.map((one) => one.address), ...Object.values(people).map((one) => one.address)];
  // `grace+2@…` is Grace's.
  const mailbox = (one: string) => normaliseAddress(one).replace(/\+[^@]*@/, '@');
  if (addresses.some((one) => one !== undefined && mailbox(one) === mailbox(address))) return 'has an address of ours.';
  const names = [...everyone, ...Object.values(people)].map((one) => one.name);
  return names.some((one) => sameName(one, name)) ? 'has the name of somebody who works here.' : null;
}

async function sendQuestion(
  tx: Tx,
  { id, personId, address, name }: Confirmation,
  headline: string,
  asker: string,
  now: Date,
): Promise<void> {
  const letter = (await publishedLetter(tx, 'confirm'))!;
  const { organisation } = await publishedSite(tx);
  const slots = {
    name: name.split(' ')[0]!,
    organisation,
    headline,
    sender: asker,
    stop: personId ? 'Stop our letters: {stopLink}' : 'You get no reminder. No answer is an answer too.',
  };
  await postLetter(
    tx,
    {
      cause: `confirm:${id}`,
      kind: 'confirm',
      personId,
      to: address,
      fromName: asker,
      subject: fill(letter.data.subject, slots),
      body: fill(letter.body, slots),
      mint: { link: `confirm:${id}`, ...(personId && { stopLink: 'stop' }) },
    },
    now,
  );
}

export type ConfirmerAnswer =
  | {
      confirmed: true;
      /** The name that may stand on the page. */
      shownAs: string;
      how: string;
      /** The content hash of what stood on the page on which they said it. */
      seen: string;
    }
  | { confirmed: false; how: string };

/**
 * Their answer, once. A yes goes into the proof’s draft, as they gave it; a draft is opened if there is none. What was said about
 * that draft before counts no more.
 */
export async function answerConfirmation(
  tx: Tx,
  { id, ...answer }: { id: string } & ConfirmerAnswer,
  now: Date,
): Promise<Confirmation | Refusal> {
  const how = oneLine(answer.how);
  const shownAs = answer.confirmed ? oneLine(answer.shownAs) : null;
  const [asked] = await tx.select().from(confirmations).where(eq(confirmations.id, id));
  if (!asked) return refuse('gone', 'This question is no longer there.');
  if (answer.confirmed && (shownAs!.length < 2 || shownAs!.length > 80)) {
    return refuse('shownAs', 'Type the name that may stand on the page.');
  }
  if (how.length < 8) {
    const sentence = answer.confirmed ? 'Say in a sentence how you checked it.' : 'Say in a sentence what is not so.';
    return refuse('how', sentence);
  }
  if (how.length > 600) return refuse('how', 'Say it in at most 600 characters.');
  if (shownAs !== null) {
    const ours = await oneOfUs(tx, shownAs, asked.address);
    if (ours) return refuse('independent', `${shownAs} ${ours} Only somebody independent can confirm it.`);
  }
  if (answer.confirmed && asked.answeredAt === null) {
    const written = await proofAsWritten(tx, asked.proofId);
    if (!written || contentHash(written) !== answer.seen) {
      return refuse('changed', 'The page was changed while you had it open. Look at it again as it is now.');
    }
  }
  const [claimed] = await tx
    .update(confirmations)
    .set({ answeredAt: now.getTime(), confirmed: answer.confirmed, shownAs, how })
    .where(and(eq(confirmations.id, id), isNull(confirmations.answeredAt), gt(confirmations.expiresAt, now.getTime())))
    .returning();
  if (!claimed) return refuse('answered', 'This question has been answered already, or its time is over.');
  const detail = { confirmation: id, confirmed: answer.confirmed };
  await record(tx, { by: null, action: 'confirmer answered', subject: `proofs:${claimed.proofId}`, detail }, now);
  if (answer.confirmed) await writeIn(tx, claimed, claimed.askedBy, now);
  await tellOfAnswer(tx, claimed, now);
  return claimed;
}

/** Puts a yes into the draft once more: the draft that it went into was put away, or couldn’t be read. */
export async function useConfirmation(
  tx: Tx,
  { id, by }: { id: string; by: string },
  now: Date,
): Promise<Draft | Refusal> {
  const [found] = await tx.select().from(confirmations).where(eq(confirmations.id, id));
  if (!found?.confirmed) return refuse('gone', 'Nobody has said yes to this question.');
  const written = await writeIn(tx, found, by, now);
  if (isRefusal(written)) return written;
  const detail = { confirmation: id };
  await record(tx, { by, action: 'used a confirmation', subject: `proofs:${found.proofId}`, detail }, now);
  return written;
}

/** What the document says about a yes: never who. Their name and words stand with their answer, and leave with it. */
function confirmerOf({ id, relation, answeredAt }: Confirmation, timeZone: string): NonNullable<Proof['confirmer']> {
  return { answer: id, relation, on: dayOf(answeredAt!, timeZone) };
}

/**
 * Whoever said yes takes their name and words back, by their link. That somebody said it, and when, stays; who it was is gone from
 * every page at once, and from here.
 */
export async function takeNameBack(tx: Tx, id: string, now: Date): Promise<true | Refusal> {
  const [gone] = await tx
    .update(confirmations)
    .set({ name: '', address: '', shownAs: null, how: null })
    .where(and(eq(confirmations.id, id), eq(confirmations.confirmed, true), isNotNull(confirmations.shownAs)))
    .returning();
  if (!gone) return refuse('gone', 'Your name stands nowhere here.');
  await tx.delete(letters).where(eq(letters.cause, `confirm:${id}`));
  const subject = `proofs:${gone.proofId}`;
  await record(tx, { by: null, action: 'confirmer left', subject, detail: { confirmation: id } }, now);
  return true;
}

async function writeIn(tx: Tx, confirmation: Confirmation, by: string, now: Date): Promise<Draft | Refusal> {
  const { time_zone } = await publishedSite(tx);
  const draft = await openDraft(tx, { collection: 'proofs', documentId: confirmation.proofId, by }, now);
  if (isRefusal(draft)) return draft;
  const source = withConfirmer(draft.source, confirmerOf(confirmation, time_zone));
  if (source === null)
    return refuse('unreadable', 'The draft can’t be read at the moment. Mend it, then put the answer in.');
  const changed = {
    source,
    revision: draft.revision + 1,
    savedAt: now.getTime(),
    savedBy: by,
    // Whoever asked arranged for it: they don’t publish it.
    writers: [...new Set([...draft.writers, by])],
    publishAt: null,
  };
  await tx.update(drafts).set(changed).where(eq(drafts.id, draft.id));
  return { ...draft, ...changed };
}

/** Takes a confirmer out of the draft: they spoke of an earlier change. Opens a draft if there is none. */
export async function takeConfirmerOut(
  tx: Tx,
  { proofId, by }: { proofId: string; by: string },
  now: Date,
): Promise<Draft | Refusal> {
  const draft = await openDraft(tx, { collection: 'proofs', documentId: proofId, by }, now);
  if (isRefusal(draft)) return draft;
  const source = withConfirmer(draft.source, null);
  if (source === null) return refuse('unreadable', 'The draft can’t be read at the moment. Mend it first.');
  const saved = await saveDraft(tx, { ...draft, source, by }, now);
  return 'saved' in saved ? saved.saved : refuse('changed', 'Someone saved in this draft meanwhile. Try once more.');
}

/** The document with this confirmer in it, or with none, everything else as it was; null when its fields can’t be read. */
export function withConfirmer(source: string, confirmer: NonNullable<Proof['confirmer']> | null): string | null {
  const form = formOf('proofs', { source, assets: {} });
  if (form.raw !== null) return null;
  form.fields['confirmer'] = { ...confirmer } as Values;
  return sourceFrom(form, { source, assets: {} }).source;
}

async function tellOfAnswer(tx: Tx, { id, proofId, askedBy, confirmed }: Confirmation, now: Date): Promise<void> {
  const written = await proofAsWritten(tx, proofId);
  const owner = written && ownerOf(written);
  const to = (await colleagues(tx)).filter((one) => one.id === askedBy || one.id === owner);
  const path = `/staff/drafts/proofs/${proofId}/confirmer`;
  const slots = {
    document: written ? shownTitle(written) : proofId,
    answer: confirmed ? 'yes' : 'no',
    next: confirmed
      ? 'It is in the draft already, and the draft goes to its owner again.'
      : 'What is not so in their eyes stands on the page below. The public page says that somebody asked said no, without a name. Mend what they say, or change the text.',
  };
  await writeToStaff(tx, { letter: 'answered', cause: id, to, path, slots }, now);
}

/** Nobody here types a confirmer: the one in a draft is the one who is public already, or somebody who answered yes by their link. */
export async function typedConfirmer(reader: Reader, draft: Draft): Promise<Problem | null> {
  const document = draft.collection === 'proofs' ? proofIn(draft) : null;
  const confirmer = document?.data.confirmer;
  if (!document || !confirmer) return null;
  const live = await liveVersion(reader, draft);
  const known = live && proofIn(live)?.data.confirmer;
  if (known && same(known, confirmer)) return null;
  const { time_zone } = await publishedSite(reader);
  const yes = (await confirmationsOf(reader, draft.documentId)).filter((one) => one.confirmed === true);
  if (yes.some((one) => same(confirmerOf(one, time_zone), confirmer))) return null;
  return {
    file: `proofs/${draft.documentId}/index.md`,
    line: document.lineOf(['confirmer']),
    rule: 'S206',
    sentence: `${confirmer.name ?? 'Whoever is meant'} has not said this by a link of their own. Ask them, or take it out: nobody here writes it for them.`,
  };
}

function same(a: NonNullable<Proof['confirmer']>, b: NonNullable<Proof['confirmer']>): boolean {
  const as = (one: typeof a) => [one.answer, one.relation, one.on, one.how];
  return as(a).join('\n') === as(b).join('\n') && sameName(a.name ?? '', b.name ?? '');
}
