import { listed } from '../shared/words.ts';

/*
 * A letter that one person signs to another: our published text with slots. What it has to keep to is asked of the published
 * text, filled with an example, and once more of each letter. Whether the person may be written to at all is for the gate.
 */

/** The two letters that somebody signs. Former employees' names no complaint: others may read an address of theirs. */
export const SIGNED_LETTERS = ['invitation', 'invitation-employee'] as const;
export type SignedLetter = (typeof SIGNED_LETTERS)[number];

/** What fills the slots. An empty one takes its whole paragraph out of the letter. */
export type Slots = Readonly<Record<string, string>>;

/** Minted as the letter leaves: until then they stay as they are. */
const MINTED = ['link', 'stopLink'];

/** Slots whose words come from this one person's record, or were written to them alone. */
const PERSONAL = [
  'firstName',
  'left',
  'leftOn',
  'saidOn',
  'theirWords',
  'whatWeDid',
  'notFixed',
  'notFixedCount',
  'lateWeeks',
  'betterSaidOn',
  'roleTitle',
  'manager',
  'ownSentence',
];

/** What would tell whoever reads along what a former employee complained of. */
const TELLS = ['theirWords', 'whatWeDid', 'notFixed', 'better', 'betterSaidOn', 'proofLine', 'proofLink'];

export const MOST_WORDS = 120;
const LEAST_SHARE = 0.3;
/** Room that a letter leaves for the sentence of whoever signs it. */
export const OWN_WORDS = 20;
/** From this many days after leaving on, a letter says how long it took us. */
export const LATE_AFTER_DAYS = 90;

export type Composed = {
  subject: string;
  /** With `{link}` and `{stopLink}` still in it. */
  body: string;
  /** Without addresses, and without the line that stops our letters. */
  words: number;
  /** How much of it comes from slots that are this person's, from 0 to 1. */
  share: number;
  /** Slots that stand in it. */
  used: ReadonlySet<string>;
};

const SLOT = /\{(\w+)\}/g;

/** Fills the text. Paragraphs with an empty slot are left out; slots that nobody knows stay, so that a mistake is seen. */
export function composeSigned(template: { subject: string; body: string }, slots: Slots): Composed {
  const used = new Set<string>();
  const kept: string[] = [];
  let [words, personal] = [0, 0];
  for (const paragraph of template.body.trim().split(/\n[ \t]*\n\s*/)) {
    const names = [...paragraph.matchAll(SLOT)].map(([, name]) => name!);
    if (names.some((name) => slots[name] === '')) continue;
    for (const name of names) used.add(name);
    kept.push(fillOnce(paragraph, slots));
    if (names.includes('stopLink')) continue;
    words += countWords(fillOnce(paragraph, slots));
    for (const name of names) if (PERSONAL.includes(name)) personal += countWords(slots[name] ?? '');
  }
  return {
    subject: fillOnce(template.subject, slots),
    body: kept.join('\n\n'),
    words,
    share: words === 0 ? 0 : personal / words,
    used,
  };
}

/** One pass: what fills a slot is never read as a slot itself. */
function fillOnce(text: string, slots: Slots): string {
  return text.replace(SLOT, (whole, name: string) => (Object.hasOwn(slots, name) ? slots[name]! : whole));
}

/** Words as a reader counts them; addresses and what is still to be minted are none. */
export function countWords(text: string): number {
  return text
    .replace(/https?:\/\/\S+/g, ' ')
    .replace(SLOT, ' ')
    .split(/\s+/)
    .filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
}

const APOLOGY = /\b(sorry|apolog(?:y|ies|i[sz]e[sd]?|i[sz]ing)|regrets?|regretted|forgive)\b/gi;

/** How often it apologises; what stands in a block quote is theirs. */
function apologies(text: string): number {
  return ownLines(text).match(APOLOGY)?.length ?? 0;
}

/** Everything but block quotes. */
function ownLines(text: string): string {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('>'))
    .join('\n');
}

export type LetterProblem = { rule: string; sentence: string };

export type Expected = {
  /** Something they told us is not fixed for them. */
  unfixed: boolean;
  /** They left more than 90 days ago. */
  late: boolean;
};

/** Everything that keeps this letter from being signed, except its style. Empty: it may be. */
export function problemsOfSigned(kind: SignedLetter, letter: Composed, { unfixed, late }: Expected): LetterProblem[] {
  const problems: LetterProblem[] = [];
  const no = (rule: string, sentence: string) => problems.push({ rule, sentence });
  const lacks = (...slots: string[]) => slots.filter((slot) => !letter.used.has(slot));
  const written = `${letter.subject}\n${letter.body}`;

  if (kind === 'invitation') {
    if (lacks('theirWords').length > 0 || !/^> /m.test(letter.body)) {
      no('S404', 'It needs words of theirs, in a quote of its own: > {theirWords}.');
    }
    if (lacks('saidOn').length > 0) no('S404', 'It needs the day on which they told us: {saidOn}.');
    const proof = lacks('whatWeDid', 'proofLink');
    if (proof.length > 0) no('S404', `It needs what we did for them, and its proof: ${slotList(proof)}.`);
    if (unfixed && lacks('notFixed').length > 0) no('S404', 'It must name what is not fixed for them: {notFixed}.');
  } else {
    const told = TELLS.filter((slot) => letter.used.has(slot) || letter.subject.includes(`{${slot}}`));
    if (told.length > 0) {
      no('private', `Somebody else may read a former colleague’s letters: it can’t hold ${slotList(told)}.`);
    }
    if (lacks('leftOn').length > 0) no('S404', 'It needs the day on which they left: {leftOn}.');
    if (unfixed && lacks('notFixedCount').length > 0) {
      no('S404', 'It must say that not everything they told us is fixed: {notFixedCount}.');
    }
  }
  const sorry = apologies(letter.body);
  if (sorry !== 1) {
    no(
      'S403',
      sorry === 0
        ? 'It needs our one apology: “I am sorry that …”.'
        : 'It apologises more than once. A second apology is worse than none: keep one.',
    );
  }
  if (late && lacks('lateWeeks').length > 0) {
    no('S406', 'They left more than 90 days ago: it must say how long it took us, with {lateWeeks}.');
  }
  const always = lacks('ownSentence', 'sender', 'link', 'stopLink');
  if (always.length > 0) no('letter', `It needs ${slotList(always)}.`);
  const open = [...new Set([...written.matchAll(SLOT)].map(([, name]) => name!))].filter(
    (name) => !MINTED.includes(name),
  );
  if (open.length > 0) no('S111', `Nobody knows what stands for ${slotList(open)}.`);
  if (letter.words > MOST_WORDS) {
    no('length', `It has ${letter.words} words. A letter has ${MOST_WORDS} at most.`);
  }
  if (letter.share < LEAST_SHARE) {
    no(
      'S405',
      `${percent(letter.share)} of its words are about this person. At least ${percent(LEAST_SHARE)} have to be.`,
    );
  }
  return problems;
}

export function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}

function slotList(names: readonly string[]): string {
  return listed(names.map((name) => `{${name}}`));
}

/** What the style check reads: the letter without its addresses. Quotes stay, and are skipped there. */
export function proseOfSigned({ subject, body }: Pick<Composed, 'subject' | 'body'>): string {
  return `${subject}\n\n${body}`.replace(/https?:\/\/\S+/g, '').replace(SLOT, '');
}

/** Two of the cast, for judging a text before there is anybody to write to. A test compares them with the cast. */
export const EXAMPLES: Record<SignedLetter, { slots: Slots; expected: Expected }> = {
  invitation: {
    expected: { unfixed: true, late: true },
    slots: {
      firstName: 'Maya',
      saidOn: '23 March 2026',
      theirWords: 'Third Monday running that the export has stopped at about two thirds. …',
      whatWeDid:
        'We ran your own March report 20 times on the new workers, eight of them on Mondays. All 20 files opened.',
      proofLine: '19.8% of exports failed. 0.3% fail now.',
      proofLink: 'http://127.0.0.1:4321/proofs/exports-finish',
      notFixed: '“Files over 2 GB take hours or never load”',
      lateWeeks: '24',
      betterSaidOn: '14 April',
      better: 'Only you can close a request for help.',
      left: 'Team',
      leftOn: '2 June 2026',
      organisation: 'Northline',
      sender: 'Grace Adeyemi',
      senderTitle: 'Head of Customer Communications',
      ownSentence: 'Your report about the Mondays is the one that sent us to the queue.',
    },
  },
  'invitation-employee': {
    expected: { unfixed: false, late: true },
    slots: {
      firstName: 'Tariq',
      left: 'Support Adviser',
      leftOn: '30 January 2026',
      saidOn: '27 November 2025',
      notFixedCount: '',
      lateWeeks: '42',
      roleTitle: 'Support Adviser',
      team: 'Support',
      manager: 'Mei-Lin Tan',
      organisation: 'Northline',
      sender: 'Ruth Abernethy',
      senderTitle: 'People Director',
      ownSentence: 'I read again what you told me on your last afternoon here, and I thank you for it.',
    },
  },
};
