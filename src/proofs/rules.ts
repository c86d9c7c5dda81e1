import { createHash } from 'node:crypto';
import { type Day, isTimeZone } from '../shared/dates.ts';
import { CLAIMED, type Claims, wrongNumbers, wrongPlaceholders } from './claims.ts';
import { assetFileOf, fileOf, type ParsedDocument, type Problem } from './content.ts';
import type { Collection } from './documents.ts';
import { formatValue, summariseProof } from './evidence.ts';
import { composeSigned, EXAMPLES, problemsOfSigned, SIGNED_LETTERS } from './signed-letter.ts';
import { sameName } from './state.ts';

/*
 * What a document must keep to beyond its shape. One home per rule: those about facts are here, those about words in sincerity/.
 * The S numbers are the ones that authors know.
 */

/** What a rule may know of the other documents. */
export type Others = {
  site: { people: Record<string, { name: string }> } | null;
  issues: ReadonlySet<string>;
  /** What went wrong, of every proof, by its id. */
  notes: ReadonlyMap<string, string>;
};

/** `at` is a path into the fields; 'body' is the text below them; an asset is named with its line. */
type Finding = { at: readonly PropertyKey[] | 'body' | { asset: string; line: number }; sentence: string };

type Rule = {
  id: string;
  check(document: ParsedDocument, others: Others): Finding[];
};

function rule<C extends Collection>(
  id: string,
  on: C,
  check: (document: Extract<ParsedDocument, { collection: C }>, others: Others) => Finding[],
): Rule {
  return {
    id,
    check: (document, others) =>
      document.collection === on ? check(document as Extract<ParsedDocument, { collection: C }>, others) : [],
  };
}

const found = (at: Finding['at'], sentence: string): Finding => ({ at, sentence });
const when = (wrong: boolean, at: Finding['at'], sentence: string) => (wrong ? [found(at, sentence)] : []);

function unknownPerson(id: string, at: Finding['at'], { site }: Others): Finding[] {
  const known = Object.keys(site?.people ?? {});
  const wrong = site !== null && !known.includes(id);
  return when(wrong, at, `“${id}” is nobody in site.yaml. The people there are ${known.join(', ')}.`);
}

function unknownIssue(id: string, at: Finding['at'], others: Others): Finding[] {
  return when(!others.issues.has(id), at, `There is no issue “${id}”. It would be the file ${fileOf('issues', id)}.`);
}

function knownTooEarly({ known_on, started_on }: { known_on: Day; started_on: Day }): Finding[] {
  return when(known_on < started_on, ['known_on'], 'You can’t have known of it before it began.');
}

const SOURCE_MISSING =
  'Say in source where anyone can see this change: a label, and the address of a public page or of a file of this proof.';

/** Why a reader couldn’t follow this address, or null. Whether a page elsewhere answers is for whoever confirms it to try. */
function unreachable(
  href: string,
  proof: Extract<ParsedDocument, { collection: 'proofs' }>,
  others: Others,
): string | null {
  if (!href.startsWith('/') || href.startsWith('//')) {
    const url = URL.canParse(href) ? new URL(href) : null;
    const isPublic =
      url && /\.[a-z][a-z0-9-]+$/i.test(url.hostname) && !/\.(local|internal|localhost|lan)$/i.test(url.hostname);
    if (isPublic && url.username === '' && url.password === '') return null;
    return `“${href}” is not an address that everyone can open. Link to a public https page or to a page of this site.`;
  }
  const { id, data } = proof;
  const files = [...data.series.map((series) => `${series.id}.csv`), ...(data.verified ? [data.verified.file] : [])];
  const pages = [
    ...['/', '/how-we-count', '/privacy'],
    ...[...data.issues, ...others.issues].map((issue) => `/issues/${issue}`),
    ...[id, ...others.notes.keys()].flatMap((one) => [`/proofs/${one}`, `/proofs/${one}/versions`]),
    ...files.map((file) => `/proofs/${id}/${file}`),
  ];
  if (pages.includes(href.replace(/[?#].*$/, ''))) return null;
  const own = [...files.map((file) => `/proofs/${id}/${file}`), ...data.issues.map((issue) => `/issues/${issue}`)];
  return `“${href}” is no page of this site. You could link to ${own.join(' or ')}.`;
}

type Proof = Pick<Extract<ParsedDocument, { collection: 'proofs' }>, 'data' | 'points' | 'assets'>;

function claimsOf(proof: Proof): Claims {
  const { data, points, assets } = proof;
  return {
    proof: data,
    summaries: summariseProof(data, points),
    document: data.verified ? (assets[data.verified.file] ?? '') : '',
  };
}

/**
 * Each number in headline, line and lede that the evidence does not give. Typed numbers that were right when published may be wrong
 * after more has arrived.
 */
export function wrongClaims(proof: Proof): { field: (typeof CLAIMED)[number]; sentence: string }[] {
  const claims = claimsOf(proof);
  return CLAIMED.flatMap((field) =>
    [...wrongPlaceholders(proof.data[field], claims.summaries), ...wrongNumbers(proof.data[field], claims)].map(
      (sentence) => ({ field, sentence }),
    ),
  );
}

const RULES: Rule[] = [
  rule('time-zone', 'site', ({ data: { time_zone } }) =>
    when(!isTimeZone(time_zone), ['time_zone'], `“${time_zone}” is no time zone. Write one like Europe/London.`),
  ),
  rule('reference', 'site', ({ data: { reopen, people } }) =>
    when(
      reopen.escalate_to !== undefined && !people[reopen.escalate_to],
      ['reopen', 'escalate_to'],
      `There is nobody called “${reopen.escalate_to}” under people.`,
    ),
  ),
  rule('S201', 'site', ({ data }) =>
    Object.entries(data.people).flatMap(([id, { name }]) =>
      when(
        !/\S\s+\S/.test(name) || /\b(team|support|desk|department|office)\b/i.test(name),
        ['people', id, 'name'],
        `“${name}” must be a person with a first and last name. Nobody can be asked what a team has promised.`,
      ),
    ),
  ),

  rule('reference', 'issues', ({ data }, others) => unknownPerson(data.owner, ['owner'], others)),
  rule('S202', 'issues', ({ data }) => knownTooEarly(data)),

  rule('reference', 'proofs', ({ data }, others) => [
    ...data.issues.flatMap((id, index) => unknownIssue(id, ['issues', index], others)),
    ...unknownPerson(data.owner, ['owner'], others),
    ...data.changes.flatMap((change, index) => unknownPerson(change.by, ['changes', index, 'by'], others)),
  ]),
  rule('series', 'proofs', ({ data, points }) =>
    data.series.flatMap((series, index) => {
      const at = (field: string) => ['series', index, field];
      const twice = data.series.findIndex((other) => other.id === series.id) < index;
      const share = points[series.id]?.findIndex(({ value }) => value < 0 || value > 100) ?? -1;
      const from = series.baseline_from;
      return [
        ...when(twice, at('id'), `Two series are called “${series.id}”.`),
        ...when(series.unit === 'money' && !series.currency, at('unit'), 'Money needs a currency, for example gbp.'),
        ...when(
          from !== undefined && from >= data.changed_on,
          at('baseline_from'),
          'The time before the change must begin before the change.',
        ),
        ...when(
          series.unit === 'percent' && share >= 0,
          at('file'),
          `A share lies between 0 and 100. Measurement ${share + 1} of ${series.file} doesn’t.`,
        ),
      ];
    }),
  ),
  rule('hash', 'proofs', ({ data: { verified }, assets }) => {
    if (!verified) return [];
    const text = assets[verified.file];
    if (text === undefined) {
      return [found(['verified', 'file'], `${verified.file} is not there. Put it beside this file.`)];
    }
    const hash = createHash('sha256').update(text, 'utf8').digest('hex');
    const sentence = `The hash of ${verified.file} is ${hash}. If you meant to change the document, write that, and date it.`;
    return when(hash !== verified.sha256, ['verified', 'sha256'], sentence);
  }),
  rule('hash', 'proofs', ({ data, assets }) => {
    const named = new Set([...data.series.map((series) => series.file), data.verified?.file]);
    return Object.keys(assets)
      .filter((name) => !named.has(name))
      .map((asset) => found({ asset, line: 1 }, 'The proof doesn’t name this file. Name it or take it away.'));
  }),
  rule('S202', 'proofs', ({ data, points }) => {
    const { known_on, changed_on, confirmer, verified } = data;
    const stale = 'is older than the change of';
    return [
      ...knownTooEarly(data),
      ...when(changed_on < known_on, ['changed_on'], 'The change can’t be older than the day on which you first knew.'),
      ...data.series.flatMap((series, index) => {
        const last = points[series.id]?.at(-1)?.on;
        const sentence = `Its last measurement (${last}) ${stale} ${changed_on}. Publish the change with the first one after it.`;
        return when(last !== undefined && last < changed_on, ['series', index, 'file'], sentence);
      }),
      ...when(
        confirmer !== undefined && confirmer.on < changed_on,
        ['confirmer', 'on'],
        `The confirmation ${stale} ${changed_on}. Ask again, or leave it out.`,
      ),
      ...when(
        verified?.reask !== undefined && verified.reask.on < changed_on,
        ['verified', 'reask', 'on'],
        `Asking again ${stale} ${changed_on}: it can’t have been about it.`,
      ),
    ];
  }),
  rule('S203', 'proofs', (proof) => wrongClaims(proof).map(({ field, sentence }) => found([field], sentence))),
  rule('S203', 'proofs', ({ data: { verified } }) => {
    const asked = verified?.reask;
    const wrong = asked !== undefined && (asked.yes > asked.answered || asked.answered > asked.asked);
    return when(wrong, ['verified', 'reask'], 'Of those asked some answered, and of those who answered some said yes.');
  }),
  rule('S203', 'proofs', ({ data }) =>
    when(
      data.series.length === 0 && data.verified === undefined,
      ['series'],
      'There is no evidence: name a series of measurements in series, or a document or finding in verified.',
    ),
  ),
  rule('S204', 'proofs', (proof, others) =>
    proof.data.changes.flatMap(({ source }, index) => {
      const sentence = source ? unreachable(source.href, proof, others) : SOURCE_MISSING;
      return sentence === null ? [] : [found(['changes', index, 'source', 'href'], sentence)];
    }),
  ),
  rule('S205', 'proofs', ({ data }) =>
    when(
      data.voices.length === 0 && !data.no_voice_because,
      ['voices'],
      'Name at least one complaint to quote in voices, or say in no_voice_because why nobody may be quoted.',
    ),
  ),
  rule('private', 'proofs', ({ data }) =>
    [
      ...data.voices.map((ref, index) => ({ ref, at: ['voices', index] })),
      ...data.changes.flatMap(({ informed_by }, index) =>
        informed_by.map((ref, inner) => ({ ref, at: ['changes', index, 'informed_by', inner] })),
      ),
    ].flatMap(({ ref, at }) =>
      when(
        ref.includes('@'),
        at,
        'This id holds a mail address, and everyone can read what is published. Import these complaints with ids that name nobody.',
      ),
    ),
  ),
  rule('S206', 'proofs', ({ data }, { site }) => {
    const { confirmer, owner, changes } = data;
    // Whoever answered by a link was no colleague, by name or address: that was asked then (staff/confirmers.ts).
    const name = confirmer?.name;
    if (name === undefined) return [];
    const ours = [owner, ...changes.map((change) => change.by)];
    const same = ours.some((id) => sameName(site?.people[id]?.name ?? id, name));
    const sentence = `${name} owns this or made the change. Someone who complained, or an outsider, must confirm it.`;
    return when(same, ['confirmer', 'name'], sentence);
  }),
  rule('S207', 'proofs', ({ data: { still_not_right: text } }) => {
    const nothing = /^\W*(nothing|none|n\/?a|no known issues?)\b/i.test(text);
    return when(
      nothing || text.split(/\s+/).length < 8,
      ['still_not_right'],
      'Say in eight words or more what is still not right. “Nothing” is not an answer.',
    );
  }),
  rule('S208', 'proofs', ({ data }) =>
    when(data.review_on <= data.changed_on, ['review_on'], 'The day of the review must come after the change.'),
  ),
  rule('S208', 'proofs', ({ data, points }) =>
    summariseProof(data, points).flatMap(({ before, limit, unit, currency }, index) => {
      const lower = data.series[index]!.better === 'lower';
      const toothless = before !== null && (lower ? limit >= before : limit <= before);
      const sentence = `It was ${before === null ? '' : formatValue(unit, before, currency)} before the change: with this limit it could be as bad again and not have come back. Set a better one.`;
      return when(toothless, ['series', index, 'reopen_limit'], sentence);
    }),
  ),

  rule('reference', 'offers', ({ data }, others) => [
    ...data.better.flatMap(({ issue }, index) => unknownIssue(issue, ['better', index, 'issue'], others)),
    ...data.promises.flatMap(({ owner }, index) => unknownPerson(owner, ['promises', index, 'owner'], others)),
  ]),
  rule('S303', 'offers', ({ data }) => [
    ...when(
      data.ends_on !== undefined && !data.ends_because,
      ['ends_on'],
      'An end date needs its real reason, in ends_because. Without one, leave the date out.',
    ),
    ...when(
      data.ends_because !== undefined && !data.ends_on,
      ['ends_because'],
      'A reason to end needs its date, in ends_on.',
    ),
  ]),

  rule('reference', 'roles', ({ data }, others) => [
    ...data.better.flatMap(({ issue }, index) => unknownIssue(issue, ['better', index, 'issue'], others)),
    ...unknownPerson(data.talk_to, ['talk_to'], others),
    ...(data.next_step ? unknownPerson(data.next_step.decides, ['next_step', 'decides'], others) : []),
  ]),
  rule('S201', 'roles', ({ data }) =>
    when(!/\S\s+\S/.test(data.manager.name), ['manager', 'name'], 'Name the manager by first and last name.'),
  ),
  rule('reference', 'reonboarding', ({ data }, others) => unknownPerson(data.owner, ['owner'], others)),
  rule('step', 'reonboarding', (document) => {
    const { data, body } = document;
    const twice = (data.lasts ?? []).findIndex(
      ({ country }, index, all) => all.findIndex((one) => one.country === country) < index,
    );
    return [
      ...when(
        (data.ask === 'system' || data.ask === 'confirm') && !data.system,
        ['ask'],
        'Say in system where it is kept, so that they know where to go.',
      ),
      ...when(
        (data.changed_on === undefined) !== (data.changed === undefined),
        ['changed_on'],
        'A change has a day, in changed_on, and a sentence, in changed.',
      ),
      ...when(
        (data.ask === 'acknowledge' || data.ask === 'difference') && body.trim() === '',
        'body',
        'There is nothing to read. Write the text below the fields.',
      ),
      ...when(twice >= 0, ['lasts', twice, 'country'], 'This country has two lines. Keep one.'),
    ];
  }),

  rule('reference', 'checkins', ({ data }, others) => unknownIssue(data.issue, ['issue'], others)),
  rule('S304', 'checkins', ({ data: { question } }) => [
    ...when(!/\?\s*$/.test(question), ['question'], 'Ask one question, and end it with a question mark.'),
    ...when(MONEY.test(question), ['question'], `${NO_PRICE} Ask whether it is still fixed for them.`),
  ]),
  rule('S304', 'letters', ({ data: { subject }, body }) => {
    const sentence = `${NO_PRICE} Write {amount} in a receipt; take it out anywhere else.`;
    return [...when(MONEY.test(subject), ['subject'], sentence), ...when(MONEY.test(body), 'body', sentence)];
  }),
  rule('S305', 'letters', ({ id, body }) =>
    UNASKED.includes(id)
      ? ['sender', 'stopLink'].flatMap((slot) =>
          when(!body.includes(`{${slot}}`), 'body', `{${slot}} is missing: ${WHY_IN_IT[slot]}`),
        )
      : [],
  ),

  ...(['S403', 'S404', 'S405', 'S406', 'S111', 'length', 'private', 'letter'] as const).map((id) =>
    rule(id, 'letters', ({ id: letter, data: { subject }, body }) => {
      const kind = SIGNED_LETTERS.find((one) => one === letter);
      if (!kind) return [];
      const { slots, expected } = EXAMPLES[kind];
      return problemsOfSigned(kind, composeSigned({ subject, body }, slots), expected)
        .filter((problem) => problem.rule === id)
        .map(({ sentence }) => found('body', sentence));
    }),
  ),
];

/** A sum of money that somebody typed. */
const MONEY = /[£$€¥]\s?\d|\b\d[\d,.]*\s?(?:£|€|GBP|EUR|USD|pounds?|euros?|dollars?)(?!\w)/i;
const NO_PRICE = 'A letter or a question to somebody who left names no price.';

/** Letters that come unasked, so that whoever gets one sees who wrote it, and can stop them. */
const UNASKED = [
  'invitation',
  'invitation-employee',
  'fixed',
  'checkin',
  'checkin-work',
  'came-back',
  'left-again',
  'something-new',
];
const WHY_IN_IT: Record<string, string> = {
  sender: 'a letter without the name of whoever answers for it could be from anybody.',
  stopLink: 'whoever gets it must be able to stop our letters from the letter itself.',
};

/** Everything the rules about its facts find in one document. */
export function problemsOf(document: ParsedDocument, others: Others): Problem[] {
  const { collection, id } = document;
  const file = fileOf(collection, id);
  return RULES.flatMap(({ id: ruleId, check }) =>
    check(document, others).map(({ at, sentence }): Problem => {
      if (at === 'body') return { file, line: document.bodyLine, rule: ruleId, sentence };
      if ('asset' in at) return { file: assetFileOf(collection, id, at.asset), line: at.line, rule: ruleId, sentence };
      return { file, line: document.lineOf(at), rule: ruleId, sentence, at };
    }),
  );
}
