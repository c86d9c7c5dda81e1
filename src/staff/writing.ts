import { eq, inArray } from 'drizzle-orm';
import type { Db, Reader, Tx } from '../../db/client.ts';
import { persons } from '../../db/schema/people.ts';
import { issuesNow, noAnswersByIssue } from '../checkins/answers.ts';
import { env } from '../env.ts';
import {
  invitationFor,
  oneLine,
  putBack,
  putOff,
  putOffPerson,
  signedBy,
  signedToday,
  signInvitation,
  type ToRead,
  takeBack,
  type Waiting,
  whoIsNext,
} from '../invitations/sign.ts';
import { type Outcome, outcomeOf } from '../landing/sentences.ts';
import type { Letter } from '../mail/outbox.ts';
import type { Person, Shown } from '../people/diagnosis.ts';
import { resolvedNow } from '../people/resolve.ts';
import { publishedIssues, publishedSite } from '../proofs/published.ts';
import { type LetterProblem, proseOfSigned } from '../proofs/signed-letter.ts';
import { type Day, dayOf } from '../shared/dates.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { record } from './audit.ts';
import { fullName, mayKnow, type Viewer } from './privacy.ts';

/* Writing to one person: who is next, their history, the letter, and a name under it. Nothing here signs by itself. */

export type Next = { id: string; name: string; kind: Person['kind']; since: Day | null };

export type WritingPage = {
  /** Those whom whoever looks may write to, who have waited longest first. */
  next: Next[];
  /** How many they are. */
  waiting: number;
  /** Former colleagues among those who may be invited, whom HR writes to. */
  hidden: number;
  putOff: { id: string; name: string; reason: string; until: Day }[];
  /** What whoever looks has signed, newest first. */
  signed: { letter: Letter; name: string; stands: string; canTakeBack: boolean }[];
  signedToday: number;
  aDay: number;
};

export async function writingPage(
  reader: Reader,
  who: Viewer,
  batchId: string | null,
  now: Date,
  limit = 25,
): Promise<WritingPage> {
  const [site, known, off, letters] = await Promise.all([
    publishedSite(reader),
    mine(reader, who, batchId, now),
    putOff(reader, now),
    signedBy(reader, who.id),
  ]);
  const people = await namesOf(
    reader,
    [...off, ...letters].flatMap(({ personId }) => personId ?? []),
  );
  return {
    next: known.mine.slice(0, limit).map(({ person, since }) => ({
      ...{ id: person.id, name: fullName(person), kind: person.kind, since },
    })),
    waiting: known.mine.length,
    hidden: known.hidden,
    putOff: off.flatMap(({ personId, reason, until }) => {
      const person = people.get(personId);
      return person && mayKnow(who, person.kind, null)
        ? [{ id: personId, name: fullName(person), reason, until: dayOf(until, site.time_zone) }]
        : [];
    }),
    signed: letters.map((letter) => ({
      letter,
      name: fullName(people.get(letter.personId ?? '') ?? { firstName: null, lastName: null }),
      stands: standingOf(letter),
      canTakeBack: canTakeBack(letter),
    })),
    signedToday: await signedToday(reader, who.id, site.time_zone, now),
    aDay: site.invite.letters_a_day,
  };
}

async function namesOf(reader: Reader, ids: string[]): Promise<Map<string, Person>> {
  const rows = await reader.select().from(persons).where(inArray(persons.id, ids));
  return new Map(rows.map((person) => [person.id, person]));
}

async function mine(
  reader: Reader,
  who: Viewer,
  batchId: string | null,
  now: Date,
): Promise<{ mine: Waiting[]; hidden: number }> {
  const [all, issues] = await Promise.all([
    whoIsNext(reader, await noAnswersByIssue(reader), { batchId }, now),
    publishedIssues(reader),
  ]);
  const ownerOf = new Map(issues.map(({ id, data }) => [id, data.owner]));
  const mayWrite = ({ person, facts }: Waiting) =>
    mayKnow(who, person.kind, ownerOf.get(facts.mainComplaint?.issueId ?? '') ?? null);
  const known = all.filter(mayWrite);
  return { mine: known, hidden: all.length - known.length };
}

/** How many letters are tried for one that can be signed, before the page of the queue is shown instead. */
const TRIED = 10;

/**
 * Whose page opens next: the one after this, in the queue, whose letter can be signed. Null: nobody's can. Whom no letter fits
 * stays in the queue, and their page says why.
 */
export async function nextAfter(
  reader: Reader,
  who: Viewer,
  { batchId, after }: { batchId: string | null; after?: string },
  now: Date,
): Promise<{ id: string; name: string } | null> {
  const { mine: all } = await mine(reader, who, batchId, now);
  const at = all.findIndex(({ person }) => person.id === after);
  const noAnswers = await noAnswersByIssue(reader);
  for (const { person } of [...all.slice(at + 1), ...all.slice(0, Math.max(at, 0))].slice(0, TRIED)) {
    const read = await invitationFor(
      reader,
      { personId: person.id, by: who.id, batchId },
      noAnswers,
      env.AMENDS_URL,
      now,
    );
    if (read && !isRefusal(read) && read.invitation.problems.length === 0)
      return { id: person.id, name: fullName(person) };
  }
  return null;
}

const HELD: Record<string, string> = {
  'taken-back': 'You took it back',
  suppressed: 'Not sent: they stopped our letters',
  'signer-left': 'Not sent: whoever signed it has left',
  'choice-taken-back': 'Not sent: the choice it belongs to was taken back',
  'no-longer-true': 'Not sent: something in it was no longer so when it was to leave',
  bounced: 'Not delivered: there is no such mailbox',
  refused: 'Not delivered: their mail server refused it',
  'too-late': 'Not sent: it had waited too long',
};

/** Where a signed letter stands, as the desk says it; the time it leaves is for the page to add. */
function standingOf(letter: Letter): string {
  if (letter.heldBecause !== null) return HELD[letter.heldBecause] ?? 'Not sent: the gate said no when it was to leave';
  if (letter.sentAt !== null) return 'Left';
  return letter.doubtfulAt === null ? 'Waits' : 'May have left: the line broke';
}

export function canTakeBack(letter: Letter): boolean {
  const { sentAt, heldBecause, leasedUntil, handedAt } = letter;
  return sentAt === null && heldBecause === null && leasedUntil === null && handedAt === null;
}

/** One letter that whoever looks has signed, for the page they come to afterwards. */
export async function signedLetter(
  reader: Reader,
  who: Viewer,
  letterId: string,
): Promise<{ letter: Letter; name: string; canTakeBack: boolean } | null> {
  const letter = (await signedBy(reader, who.id)).find(({ id }) => id === letterId);
  if (!letter) return null;
  const person = (await namesOf(reader, [letter.personId ?? ''])).get(letter.personId ?? '');
  return { letter, name: person ? fullName(person) : 'somebody', canTakeBack: canTakeBack(letter) };
}

export type LetterPage = {
  person: { id: string; name: string; kind: Person['kind']; leftOn: Day | null; left: string | null };
  told: {
    saidOn: Day | null;
    channel: string | null;
    shown: Shown;
    main: boolean;
    title: string | null;
    outcome: Outcome;
    reason: string | null;
  }[];
  withheld: number;
  read: ToRead;
  /** What the style check says of the letter as it stands. */
  style: { errors: LetterProblem[]; warnings: LetterProblem[] };
};

/** Everything on the page on which one letter is read and signed. Refuses when nobody is there, or not for whoever looks. */
export async function letterPage(
  reader: Reader,
  who: Viewer,
  { personId, batchId, ownSentence = '' }: { personId: string; batchId: string | null; ownSentence?: string },
  now: Date,
): Promise<LetterPage | Refusal> {
  const noAnswers = await noAnswersByIssue(reader);
  const own = oneLine(ownSentence);
  const [read, issues] = await Promise.all([
    invitationFor(reader, { personId, by: who.id, ownSentence: own, batchId }, noAnswers, env.AMENDS_URL, now),
    issuesNow(reader, now),
  ]);
  if (read === null) return refuse('nobody', 'There is nobody by this id. Their data may have been erased.');
  if (isRefusal(read)) return read;
  const issueOf = new Map(issues.map((one) => [one.issue.id, one]));
  const { history } = read;
  const owner = issueOf.get(history.main?.issueId ?? '')?.issue.data.owner ?? null;
  if (!mayKnow(who, history.person.kind, owner)) return refuse('not-yours', 'HR writes to former colleagues.');
  return {
    person: {
      id: history.person.id,
      name: fullName(history.person),
      kind: history.person.kind,
      leftOn: history.departure?.leftOn ?? null,
      left: history.departure?.planOrRole ?? null,
    },
    told: history.told.map(({ complaint, shown, resolution }) => {
      const issue = complaint.issueId ? issueOf.get(complaint.issueId) : undefined;
      const outcome = outcomeOf(issue?.state.state ?? null, resolvedNow(resolution, issue), false);
      return {
        ...{ saidOn: complaint.saidOn, channel: complaint.channel, shown, main: complaint.id === history.main?.id },
        ...{ title: issue?.issue.data.title ?? null, outcome, reason: resolution?.reason ?? null },
      };
    }),
    withheld: history.withheld,
    read,
    style: own === '' ? { errors: [], warnings: [] } : await styleOf(read),
  };
}

/** The same check that published texts pass. Their words are a block quote, and are never judged. */
async function styleOf({ invitation }: ToRead): Promise<LetterPage['style']> {
  // Here and not at the top: a quarter of a second that nobody needs before the first signature.
  const { lintPassage } = await import('../proofs/sincerity/sincerity.ts');
  const found = await lintPassage(proseOfSigned(invitation), 'plain');
  const of = (wanted: string) =>
    found.flatMap(({ severity, rule, sentence }) => (severity === wanted ? [{ rule, sentence }] : []));
  return { errors: of('error'), warnings: of('warning') };
}

/** Signs it: the letter that was read, with this sentence. The refusal says what keeps it from leaving. */
export async function sign(
  db: Db,
  who: Viewer,
  signature: { personId: string; ownSentence: string; batchId: string | null; seen: string },
  now: Date,
): Promise<Letter | Refusal> {
  const page = await letterPage(db.read, who, signature, now);
  if (isRefusal(page)) return page;
  const [wrong] = page.style.errors;
  if (wrong) return refuse(wrong.rule, wrong.sentence);
  return db.write(async (tx) => {
    const noAnswers = await noAnswersByIssue(tx);
    const letter = await signInvitation(tx, { ...signature, by: who.id }, noAnswers, env.AMENDS_URL, now);
    if (isRefusal(letter)) return letter;
    const subject = `persons:${signature.personId}`;
    await record(tx, { by: who.id, action: 'signed an invitation', subject, detail: { letter: letter.id } }, now);
    return letter;
  });
}

export async function takeBackSigned(tx: Tx, who: Viewer, letterId: string, now: Date): Promise<Letter | Refusal> {
  const letter = await takeBack(tx, { letterId, by: who.id });
  if (isRefusal(letter)) return letter;
  const subject = `persons:${letter.personId}`;
  await record(tx, { by: who.id, action: 'took back an invitation', subject, detail: { letter: letter.id } }, now);
  return letter;
}

/** Not now, with the reason. Only somebody whom whoever asks may write to. */
export async function notNow(
  tx: Tx,
  who: Viewer,
  off: { personId: string; reason: string; days: number },
  now: Date,
): Promise<true | Refusal> {
  const known = (await mine(tx, who, null, now)).mine.some(({ person }) => person.id === off.personId);
  if (!known) return refuse('nobody', 'They don’t wait for a letter of yours.');
  const done = await putOffPerson(tx, { ...off, by: who.id }, now);
  if (isRefusal(done)) return done;
  await record(
    tx,
    { by: who.id, action: 'put off', subject: `persons:${off.personId}`, detail: { days: off.days } },
    now,
  );
  return true;
}

export async function nowAfterAll(tx: Tx, who: Viewer, personId: string, now: Date): Promise<true | Refusal> {
  const [person] = await tx.select().from(persons).where(eq(persons.id, personId));
  if (!person || !mayKnow(who, person.kind, null)) return refuse('nobody', 'They are not put off.');
  await putBack(tx, personId);
  await record(tx, { by: who.id, action: 'put back', subject: `persons:${personId}` }, now);
  return true;
}
