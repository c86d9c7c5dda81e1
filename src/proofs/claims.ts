import { type Day, daysBetween } from '../shared/dates.ts';
import { grouped } from '../shared/words.ts';
import type { Proof } from './documents.ts';
import { formatValue, type SeriesSummary } from './evidence.ts';

/*
 * Numbers in what people write. {before} and its kin are computed when shown; a typed number must be one that the
 * evidence gives, rounded as we round it.
 */

const PLACEHOLDER = /\{([^{}]*)\}/g;

const PLACEHOLDERS: Record<string, (summary: SeriesSummary) => string | null> = {
  before: (s) => shown(s, s.before),
  after: (s) => shown(s, s.after),
  latest: (s) => shown(s, s.latest?.value ?? null),
  limit: (s) => shown(s, s.limit),
  weeks: (s) => `${s.weeks} ${s.weeks === 1 ? 'week' : 'weeks'}`,
  n_before: (s) => grouped(s.n.before),
  n_after: (s) => grouped(s.n.after),
};

function shown(summary: SeriesSummary, value: number | null): string | null {
  return value === null ? null : formatValue(summary.unit, value, summary.currency);
}

function find(name: string, summaries: readonly SeriesSummary[]): { text: string } | { wrong: string } {
  const [key = '', id] = name.split(':');
  const compute = Object.hasOwn(PLACEHOLDERS, key) ? PLACEHOLDERS[key] : undefined;
  if (!compute) return { wrong: `{${name}} is not known. You can write {${Object.keys(PLACEHOLDERS).join('}, {')}}.` };
  if (summaries.length === 0) return { wrong: `{${name}} needs a series, and this proof has none.` };
  const ids = summaries.map((summary) => summary.id);
  if (id === undefined && summaries.length > 1) {
    return {
      wrong: `{${name}} could be any of ${ids.length} series. Write ${ids.map((s) => `{${key}:${s}}`).join(' or ')}.`,
    };
  }
  const summary = id === undefined ? summaries[0] : summaries.find((one) => one.id === id);
  if (!summary) return { wrong: `{${name}} names no series of this proof. They are ${ids.join(', ')}.` };
  const text = compute(summary);
  return text === null ? { wrong: `{${name}} can’t be computed: there is no measurement on that side.` } : { text };
}

/** What a proof claims in words, and computes. */
export const CLAIMED = ['headline', 'line', 'lede'] as const;

/** These with their numbers in. */
export function filledClaims({ headline, line, lede }: Proof, summaries: readonly SeriesSummary[]) {
  const filled = (text: string) => fillPlaceholders(text, summaries);
  return { headline: filled(headline), line: filled(line), lede: filled(lede) };
}

/** Puts the computed values in: `{before} failed.` → `19.8% failed.` What can't be computed (refused when published) stays. */
export function fillPlaceholders(text: string, summaries: readonly SeriesSummary[]): string {
  return text.replace(PLACEHOLDER, (written, name: string, offset: number) => {
    const found = find(name, summaries);
    if ('wrong' in found) return written;
    // `{weeks} weeks` and `{weeks}` are both written: the unit must not stand there twice.
    const [number, unit] = found.text.split(' ');
    const next = text.slice(offset + written.length);
    return unit && new RegExp(`^\\s${unit.replace(/s$/, '')}s?\\b`).test(next) ? number! : found.text;
  });
}

export function wrongPlaceholders(text: string, summaries: readonly SeriesSummary[]): string[] {
  return [...text.matchAll(PLACEHOLDER)].flatMap(([, name = '']) => {
    const found = find(name, summaries);
    return 'wrong' in found ? [found.wrong] : [];
  });
}

const MONTHS = 'January|February|March|April|May|June|July|August|September|October|November|December';
const NOT_VALUES = [
  new RegExp(`\\b\\d{1,2}(?:\\s?(?:to|and|–|-)\\s?\\d{1,2})?\\s(?:${MONTHS})\\b(?:,?\\s\\d{4}\\b)?`, 'g'),
  new RegExp(`\\b(?:${MONTHS})\\s(?:\\d{1,2},\\s)?\\d{4}\\b`, 'g'),
  /\b\d{4}-\d{2}-\d{2}\b/g,
  /\b\d{1,2}:\d{2}\b/g,
  /\bQ[1-4](?:\s\d{4})?\b/g,
  /\b(?:in|since|of|by|until|from|before|after|during|early|late|to)\s(?:19|20)\d{2}\b(?![,.]?\d)/gi,
  /\b[A-Za-z]+\d+\b/g,
  /\b\d[\d,.]*\s?(?:KB|MB|GB|TB|px)\b/g,
];

const SMALL = [
  'zero',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
];
const IN_WORDS = [...SMALL.slice(1), 'twenty', 'hundred', 'thousand'].join('|');
const RATIO = new RegExp(
  `\\b(?:(\\d[\\d,]*)\\s(?:in|of|out\\sof)|(${IN_WORDS})\\s(?:in|out\\sof))\\s(?:every\\s|each\\s)?(?:a\\s)?(\\d[\\d,]*|${IN_WORDS})\\b`,
  'gi',
);
const NUMBER = new RegExp(
  '([£$€])?(\\d[\\d,]*(?:\\.\\d+)?)' +
    '(?:[\\s-]?(%|(?:per\\scent|percent|seconds?|secs?|s|minutes?|mins?|hours?|h|days?|weeks?|months?|years?)\\b))?',
  'gi',
);

function numberOf(text: string): number {
  const words: Record<string, number> = { twenty: 20, hundred: 100, thousand: 1000 };
  const small = SMALL.indexOf(text.toLowerCase());
  return small >= 0 ? small : (words[text.toLowerCase()] ?? Number(text.replaceAll(',', '')));
}

type Kind = 'percent' | 'seconds' | 'minutes' | 'hours' | 'days' | 'weeks' | 'months' | 'years' | 'money' | 'count';

function kindOf(currency: string | undefined, unit: string | undefined): Kind | null {
  if (currency) return 'money';
  const first = unit?.toLowerCase() ?? '';
  if (first === '') return null;
  if (first === '%' || first.startsWith('per')) return 'percent';
  const all: Kind[] = ['seconds', 'minutes', 'hours', 'days', 'weeks', 'months', 'years'];
  return (
    all.find((kind) => (first === 'h' ? kind === 'hours' : kind.startsWith(first.replace(/s$/, '') || 's'))) ?? null
  );
}

/** What the numbers of a proof may say. */
export type Claims = {
  proof: Pick<Proof, 'started_on' | 'known_on' | 'changed_on' | 'verified'>;
  summaries: readonly SeriesSummary[];
  /** The text of the document or finding, if there is one. */
  document: string;
};

/**
 * A sentence for each typed number that is not the evidence’s: not a value before, after, latest or limit, not a count of
 * cases, measurements or people asked, not a time between the dates, and, for units that no series has, not in the document.
 */
export function wrongNumbers(written: string, claims: Claims): string[] {
  const { summaries } = claims;
  let text = written.replace(PLACEHOLDER, '…');
  for (const pattern of NOT_VALUES) text = text.replace(pattern, '…');
  const wrong: string[] = [];
  const shares = summaries.some((summary) => summary.unit === 'percent') || claims.proof.verified?.reask !== undefined;
  text = text.replace(RATIO, (ratio, digits: string | undefined, word: string | undefined, whole: string) => {
    if (!shares) return ratio;
    if (!isTrueRatio(numberOf(digits ?? word!), numberOf(whole), claims))
      wrong.push(disagrees(ratio, 'percent', claims));
    return '…';
  });
  const given = numbersGiven(claims);
  const inDocument = new Set([...claims.document.matchAll(NUMBER)].map((match) => numberOf(match[2]!)));
  for (const [all, currency, digits, unit] of text.matchAll(NUMBER)) {
    const value = numberOf(digits!);
    const kind = kindOf(currency, unit);
    const measured = summaries.some((summary) => kind === null || summary.unit === kind);
    if (!measured && inDocument.has(value)) continue;
    if (given.some((one) => one.value === value && (kind === null || one.kind === kind))) continue;
    wrong.push(disagrees(all.trim(), kind, claims));
  }
  return wrong;
}

function isTrueRatio(part: number, whole: number, { summaries, proof }: Claims): boolean {
  const asked = proof.verified?.reask;
  if (asked && [asked.yes, asked.answered].includes(part) && [asked.answered, asked.asked].includes(whole)) return true;
  return summaries
    .filter((summary) => summary.unit === 'percent')
    .flatMap((summary) => [summary.before, summary.after, summary.latest?.value ?? null, summary.limit])
    .some((share) => {
      if (share === null) return false;
      const cases = (share / 100) * whole;
      return Math.round(cases) === part && Math.abs(part - cases) <= 0.1 * cases; // “1 in 4” is no 19.8%
    });
}

function numbersGiven({ proof, summaries }: Claims): { value: number; kind: Kind }[] {
  const given: { value: number; kind: Kind }[] = [];
  for (const summary of summaries) {
    for (const value of [summary.before, summary.after, summary.latest?.value ?? null, summary.limit]) {
      if (value === null) continue;
      const rounded = formatValue(summary.unit, value, summary.currency).replace(/[^\d.]/g, '');
      given.push({ value: Number(rounded), kind: summary.unit }, { value, kind: summary.unit });
    }
    given.push({ value: summary.weeks, kind: 'weeks' });
    for (const value of [summary.n.before, summary.n.after, summary.points.before, summary.points.after]) {
      given.push({ value, kind: 'count' });
    }
  }
  const asked = proof.verified?.reask;
  if (asked) {
    for (const value of [asked.asked, asked.answered, asked.yes]) given.push({ value, kind: 'count' });
    if (asked.answered > 0) {
      const share = formatValue('percent', (asked.yes / asked.answered) * 100);
      given.push({ value: Number.parseFloat(share), kind: 'percent' });
    }
  }
  const days: Day[] = [proof.started_on, proof.known_on, proof.changed_on];
  days.push(...summaries.flatMap((summary) => summary.latest?.on ?? []));
  for (const from of days) {
    for (const to of days) {
      const passed = daysBetween(from, to);
      if (passed <= 0) continue;
      given.push({ value: passed, kind: 'days' });
      for (const [kind, length] of [
        ['weeks', 7],
        ['months', 30.44],
        ['years', 365.25],
      ] as const) {
        given.push({ value: Math.floor(passed / length), kind }, { value: Math.round(passed / length), kind });
      }
    }
  }
  return given;
}

function disagrees(typed: string, kind: Kind | null, { proof, summaries }: Claims): string {
  if (kind === 'weeks' && summaries.length > 0) {
    const says = summaries.map((summary) => PLACEHOLDERS.weeks!(summary)).join(', ');
    return `“${typed}” is not what the data says: ${says} measured since the change. Write {weeks}.`;
  }
  if (kind === 'days' || kind === 'weeks' || kind === 'months' || kind === 'years') {
    const before = daysBetween(proof.started_on, proof.changed_on);
    if (!summaries.some((summary) => summary.unit === kind)) {
      return `“${typed}” is not what the dates say: ${before} days from the start to the change.`;
    }
  }
  const about = summaries.filter((summary) => kind === null || summary.unit === kind);
  const says = (about.length > 0 ? about : summaries).map((summary) => {
    const name = summaries.length > 1 ? `${summary.id} ` : '';
    return `${name}${shown(summary, summary.before) ?? 'nothing'} before the change, ${shown(summary, summary.after) ?? 'nothing'} after`;
  });
  if (says.length === 0) {
    return `“${typed}” stands nowhere in the evidence: not in the document, nor in the answers of the people asked again.`;
  }
  return `“${typed}” is not what the data says: ${says.join('; ')}. Write {before} or {after}, and leave out numbers that the data doesn’t give.`;
}
