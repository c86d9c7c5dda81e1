import { createHash } from 'node:crypto';
import { betterFor, offerForPlan, roleForLeft } from '../offers/offer.ts';
import type { History, ToldComplaint } from '../people/diagnosis.ts';
import { resolvedNow } from '../people/resolve.ts';
import { typeset } from '../proofs/looks/sentences.ts';
import type { IssueWithState, PublishedOffer, PublishedRole } from '../proofs/published.ts';
import {
  type Composed,
  composeSigned,
  countWords,
  type Expected,
  LATE_AFTER_DAYS,
  type LetterProblem,
  MOST_WORDS,
  OWN_WORDS,
  problemsOfSigned,
  type SignedLetter,
  type Slots,
} from '../proofs/signed-letter.ts';
import { type Day, daysBetween, longDay, shortDay } from '../shared/dates.ts';
import { countWord, listed } from '../shared/words.ts';

/* One invitation, made of what one person told us and what became of it. Pure: the same facts make the same letter. */

export type InvitationFacts = {
  history: History;
  issueOf: ReadonlyMap<string, IssueWithState>;
  offers: PublishedOffer[];
  roles: PublishedRole[];
  organisation: string;
  sender: { name: string; title: string };
  /** Our site’s address, for the link to the proof. */
  baseUrl: string;
  today: Day;
};

export type Invitation = Composed & {
  kind: SignedLetter;
  problems: LetterProblem[];
  /** Of the letter without anybody’s own sentence: who signs says that this is what they read. */
  hash: string;
};

type Template = { subject: string; body: string };

export const letterFor = (kind: History['person']['kind']): SignedLetter =>
  kind === 'employee' ? 'invitation-employee' : 'invitation';

/**
 * The letter to this person, with this sentence of the sender's own. What does not fit into 120 words beside a sentence of 20 is
 * shortened in this order: their quote, what we did, their quote again; then the same without what is better. What is not fixed
 * is always named in full.
 */
export function composeInvitation(template: Template, facts: InvitationFacts, ownSentence: string): Invitation {
  const kind = letterFor(facts.history.person.kind);
  const all = kind === 'invitation' ? customerSlots(facts) : [employeeSlots(facts)];
  const fits = (slots: Slots) =>
    composeSigned(template, { ...slots, ownSentence: FILLER }).words - countWords(FILLER) + OWN_WORDS <= MOST_WORDS;
  const slots = all.find(fits) ?? all.at(-1)!;
  const bare = composeSigned(template, { ...slots, ownSentence: FILLER });
  const letter = composeSigned(template, { ...slots, ownSentence: ownSentence || FILLER });
  const expected: Expected = { unfixed: unfixedOf(facts).length > 0, late: isLate(facts) };
  const missing = missingFrom(kind, slots, expected);
  const problems = [
    ...missing,
    ...problemsOfSigned(kind, letter, expected).filter(({ rule }) => !missing.some((one) => one.rule === rule)),
  ];
  return {
    ...letter,
    kind,
    // How much of it is theirs can only be said once the sentence is there.
    problems: ownSentence === '' ? problems.filter(({ rule }) => rule !== 'S405') : problems,
    hash: createHash('sha256')
      .update(JSON.stringify([bare.subject, bare.body]))
      .digest('hex'),
  };
}

/** Where the sender's own sentence will stand. */
export const FILLER = '[Your own sentence]';

/** What no text could mend: this person's record lacks it. */
function missingFrom(kind: SignedLetter, slots: Slots, { late }: Expected): LetterProblem[] {
  const problems: LetterProblem[] = [];
  if (kind === 'invitation' && !slots['theirWords']) {
    problems.push({
      rule: 'S404',
      sentence: 'We have no words of theirs that a letter may quote, only a note of ours.',
    });
  } else if (!slots['saidOn']) {
    problems.push({ rule: 'S404', sentence: 'We don’t know the day on which they told us.' });
  }
  if (kind === 'invitation' && !slots['proofLink']) {
    problems.push({ rule: 'S404', sentence: 'Nobody has confirmed what we did for them, by a proof.' });
  }
  if (late && !slots['lateWeeks']) {
    problems.push({ rule: 'S406', sentence: 'We don’t know the day on which they left, so not how late we are.' });
  }
  return problems;
}

function isLate({ history: { departure }, today }: InvitationFacts): boolean {
  return departure?.leftOn ? daysBetween(departure.leftOn, today) > LATE_AFTER_DAYS : true;
}

/** The letter in full, and then shorter and shorter. */
function customerSlots(facts: InvitationFacts): Slots[] {
  const { history, issueOf, today } = facts;
  const shared = sharedSlots(facts);
  const main = history.told.find(({ complaint }) => complaint.id === history.main?.id);
  const quoted = quotable(history.told, main);
  const words = quoted?.shown.kind === 'words' ? quoted.shown.text : '';
  const proof = issueOf
    .get(main?.complaint.issueId ?? '')
    ?.proofs.find((one) => one.proof.id === main?.resolution?.proofId)?.proof;
  const reason = inPrint(main?.resolution?.reason ?? '');
  const better = betterOf(facts, main);
  const full = {
    ...shared,
    saidOn: quoted?.complaint.saidOn ? longDay(quoted.complaint.saidOn) : '',
    theirWords: excerpt(words, 25),
    whatWeDid: proof ? reason : '',
    proofLine: proof ? inPrint(proof.line) : '',
    proofLink: proof ? new URL(`/proofs/${proof.id}`, facts.baseUrl).href : '',
    notFixed: listedPlainly(unfixedOf(facts).map((one) => namedOf(one, issueOf))),
    betterSaidOn: better?.saidOn ? sayDay(better.saidOn, today) : '',
    better: better ? inPrint(firstSentence(better.what)) : '',
    // An employee’s letter has these.
    notFixedCount: '',
    roleTitle: '',
    team: '',
    manager: '',
  };
  const shorter = { ...full, theirWords: excerpt(words, 16) };
  const brief = { ...shorter, whatWeDid: proof ? firstSentence(reason) : '' };
  const briefer = { ...brief, theirWords: excerpt(words, 12) };
  const ways = [full, shorter, brief, briefer];
  return [...ways, ...ways.map((way) => ({ ...way, better: '', betterSaidOn: '' }))];
}

function employeeSlots(facts: InvitationFacts): Slots {
  const { history } = facts;
  const role = roleForLeft(facts.roles, history.departure?.planOrRole ?? null)?.data;
  const unfixed = unfixedOf(facts).length;
  const told = history.main?.saidOn ?? history.told.find(({ complaint }) => complaint.saidOn)?.complaint.saidOn;
  return {
    ...sharedSlots(facts),
    saidOn: told ? longDay(told) : '',
    notFixedCount: unfixed === 0 ? '' : unfixed === 1 ? 'one thing' : `${countWord(unfixed)} things`,
    roleTitle: role?.title ?? '',
    team: role?.team ?? '',
    manager: role?.manager.name ?? '',
    theirWords: '',
    whatWeDid: '',
    proofLine: '',
    proofLink: '',
    notFixed: '',
    betterSaidOn: '',
    better: '',
  };
}

function sharedSlots(facts: InvitationFacts): Slots {
  const { person, departure } = facts.history;
  const dated = departure?.leftOn && departure.precision === 'day' ? departure.leftOn : null;
  const weeks = dated ? Math.floor(daysBetween(dated, facts.today) / 7) : 0;
  return {
    firstName: person.firstName ?? 'there',
    left: departure?.planOrRole ?? '',
    leftOn: dated ? longDay(dated) : '',
    lateWeeks: dated && isLate(facts) ? String(weeks) : '',
    organisation: facts.organisation,
    sender: facts.sender.name,
    senderTitle: facts.sender.title,
  };
}

/** Their main complaint in their words; where those name somebody else, or are none, the newest that may be quoted. */
function quotable(told: readonly ToldComplaint[], main: ToldComplaint | undefined): ToldComplaint | undefined {
  const can = (one: ToldComplaint | undefined) => one?.shown.kind === 'words' && one.complaint.saidOn !== null;
  return can(main) ? main : told.findLast(can);
}

/** What they told us that is not fixed for them: everything but what holds and is confirmed as resolved fully. */
function unfixedOf({ history, issueOf }: InvitationFacts): ToldComplaint[] {
  return history.told.filter(({ complaint, resolution }) => {
    const issue = complaint.issueId ? issueOf.get(complaint.issueId) : undefined;
    return issue?.state.state !== 'holding' || resolvedNow(resolution, issue) !== 'fully';
  });
}

/** How a letter names it: as we confirmed it for them, else by the title of its issue, else by the day of their message. */
function namedOf({ complaint, resolution }: ToldComplaint, issueOf: InvitationFacts['issueOf']): string {
  if (resolution && resolution.resolved !== 'fully') return inPrint(resolution.reason.trim().replace(/\.$/, ''));
  const issue = complaint.issueId ? issueOf.get(complaint.issueId) : undefined;
  if (issue) return `“${inPrint(issue.issue.data.title)}”`;
  return complaint.saidOn
    ? `what you wrote on ${longDay(complaint.saidOn)}`
    : 'something we have not found the cause of';
}

/** Several of them with a semicolon: some are sentences with commas of their own. */
function listedPlainly(names: string[]): string {
  const once = [...new Set(names)];
  return once.every((name) => /^“[^“”]*”$/.test(name)) ? listed(once) : once.join('; ');
}

/** One line of the offer that is true for them and follows from something they told us, another thing than the main one first. */
function betterOf(facts: InvitationFacts, main: ToldComplaint | undefined): { what: string; saidOn: Day } | null {
  const { history, issueOf, offers, today } = facts;
  const offer = offerForPlan(offers, history.departure?.planOrRole ?? null, today);
  if (!offer) return null;
  const told = history.told.map(({ complaint, resolution }) => ({
    issueId: complaint.issueId,
    saidOn: complaint.saidOn,
    resolved: resolvedNow(resolution, complaint.issueId ? issueOf.get(complaint.issueId) : undefined),
  }));
  const lines = betterFor(offer.data, told, issueOf).flatMap(({ what, issue }) => {
    const saidOn = told.find((one) => one.issueId === issue && one.saidOn)?.saidOn;
    return saidOn ? [{ what, saidOn, issue }] : [];
  });
  return lines.find(({ issue }) => issue !== main?.complaint.issueId) ?? lines[0] ?? null;
}

/** Fewer words than these of somebody say nothing of what they told us: then a sentence is cut. */
const FEWEST_QUOTED = 5;

/** Their words from the beginning, in whole sentences as far as they fit; what is left out is marked. */
export function excerpt(text: string, most: number): string {
  const plain = text.replace(/\s+/g, ' ').trim();
  if (countWords(plain) <= most) return plain;
  let taken = '';
  for (const sentence of plain.split(/(?<=[.?!…])\s+/)) {
    const more = taken ? `${taken} ${sentence}` : sentence;
    if (countWords(more) > most) break;
    taken = more;
  }
  const whole = countWords(taken) >= Math.min(FEWEST_QUOTED, most);
  return `${whole ? taken : plain.split(' ').slice(0, most).join(' ')} …`;
}

function firstSentence(text: string): string {
  return text.trim().split(/(?<=[.?!])\s+/)[0] ?? '';
}

/** As pages set it, but with ordinary spaces: a letter is plain text. */
function inPrint(text: string): string {
  return typeset(text).replaceAll('\u00a0', ' ');
}

/** With its year where it is not this one. */
function sayDay(day: Day, today: Day): string {
  return day.slice(0, 4) === today.slice(0, 4) ? shortDay(day) : longDay(day);
}

const FEWEST_OWN = 4;
const MOST_OWN = 30;

/** What is wrong with the sentence that the sender adds. `withTheirs`: words that a former employee's letter can't hold. */
export function problemsOfOwn(sentence: string, kind: SignedLetter, theirs: readonly string[]): LetterProblem[] {
  const words = countWords(sentence);
  const problems: LetterProblem[] = [];
  const no = (rule: string, text: string) => problems.push({ rule, sentence: text });
  if (words < FEWEST_OWN) no('own', 'Write a sentence of your own to this person, of four words or more.');
  if (words > MOST_OWN)
    no('own', `Your sentence has ${words} words. ${MOST_OWN} at most, so that the letter stays short.`);
  if (/https?:|www\.|\{|\}/i.test(sentence)) no('own', 'Write words only. An address or a brace can’t be part of it.');
  if (kind === 'invitation-employee' && theirs.some((text) => sharesWords(sentence, text))) {
    no(
      'private',
      'This repeats what they told us, and somebody else may read the letter. Say it on the page, or in person.',
    );
  }
  return problems;
}

/** Four words in a row that stand in both. */
function sharesWords(one: string, other: string): boolean {
  const plain = (text: string) => text.toLowerCase().match(/[\p{L}\p{N}’']+/gu) ?? [];
  const [mine, theirs] = [plain(one), ` ${plain(other).join(' ')} `];
  return mine.some((_, at) => at + 4 <= mine.length && theirs.includes(` ${mine.slice(at, at + 4).join(' ')} `));
}
