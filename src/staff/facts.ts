import { fillPlaceholders } from '../proofs/claims.ts';
import type { ParsedDocument } from '../proofs/content.ts';
import type { Proof, Series } from '../proofs/documents.ts';
import { formatValue, type SeriesSummary, splitAtChange, summariseProof } from '../proofs/evidence.ts';
import { type Day, daysBetween, longDay } from '../shared/dates.ts';
import { counted, grouped } from '../shared/words.ts';

/*
 * Every number and every date that a document states, as a reader will see it, with where it stands and what it comes from. Its
 * owner ticks each one against that source.
 */

export type Fact = {
  /** Of this content alone: another content has other ids. */
  id: string;
  value: string;
  /** Where it stands, in the words of the desk; a sentence around it where there is one. */
  places: { field: string; sentence: string | null }[];
  /** What to hold it against. */
  source: string;
  /** True: computed from the evidence. False: somebody typed it, and nothing here shows it. */
  computed: boolean;
  /** Stands so, from the same source, in the version that is public. */
  asPublished?: boolean;
};

const MONTHS = 'January|February|March|April|May|June|July|August|September|October|November|December';
const DATE = `\\d{1,2} (?:${MONTHS})(?: \\d{4})?|(?:${MONTHS}) (?:\\d{1,2}, )?\\d{4}|\\d{4}-\\d{2}-\\d{2}`;
const UNIT = '%|per ?cent|seconds?|minutes?|hours?|days?|weeks?|months?|years?|KB|MB|GB|TB';
const FIGURE = `[£$€]?\\d[\\d,]*(?:\\.\\d+)?(?:[  -]?(?:${UNIT})(?![\\w]))?`;
const WORDS =
  'two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|sixty|hundred|thousand';
const WORD = `(?:(?:one|${WORDS})[ -]in[ -](?:${WORDS})|(?:${WORDS})(?:[ -](?:${WORDS}))*(?: (?:${UNIT})(?![\\w]))?)`;
const STATED = new RegExp(`(?<![\\w.#-])(?:${DATE}|${FIGURE})|\\b${WORD}\\b`, 'gi');

const SENTENCES = new Intl.Segmenter('en', { granularity: 'sentence' });

type Found = Omit<Fact, 'id' | 'places'> & { field: string; sentence: string | null };

/** In the order of the document; the same value from the same source is one fact, however often it stands there. */
export function factsOf(document: ParsedDocument): Fact[] {
  if (document.collection !== 'proofs' && document.collection !== 'issues') return [];
  const facts = new Map<string, Fact>();
  for (const { field, sentence, value, source, computed } of foundIn(document)) {
    // A word such as “two” means another thing in each sentence: it is ticked once for each.
    const apart = /\d/.test(value) ? '' : sentence;
    const key = [value.toLowerCase(), source, apart].join(' ');
    const fact = facts.get(key) ?? { id: `fact-${facts.size + 1}`, value, places: [], source, computed };
    if (!fact.places.some((one) => one.field === field && one.sentence === sentence))
      fact.places.push({ field, sentence });
    facts.set(key, fact);
  }
  return [...facts.values()];
}

function foundIn(document: ParsedDocument<'proofs' | 'issues'>): Found[] {
  const summaries = document.collection === 'proofs' ? summariseProof(document.data, document.points) : [];
  const sources = sourcesOf(document, summaries);
  const prose = proseOf(document).flatMap(([field, text]) => stated(field, fillPlaceholders(text, summaries), sources));
  return [...datesOf(document), ...(document.collection === 'proofs' ? measuredIn(document, summaries) : []), ...prose];
}

type Prose = [field: string, text: string | undefined];

function proseOf(document: ParsedDocument<'proofs' | 'issues'>): [string, string][] {
  const fields: Prose[] =
    document.collection === 'issues'
      ? [
          ['Title', document.data.title],
          ['Summary', document.data.summary],
          ['What stands in the way', document.data.blocks],
          ['Where it stands', document.data.stands],
          ['What happens to people', document.body],
        ]
      : [
          ['Headline', document.data.headline],
          ['Line in lists', document.data.line],
          ['First paragraph', document.data.lede],
          ['What went wrong', document.body],
          ['Why nobody is quoted', document.data.no_voice_because],
          ...document.data.changes.map(({ what }, index): Prose => [`Change ${index + 1}`, what]),
          ...document.data.series.flatMap(({ title, source, rivals }): Prose[] => [
            [`Series “${title}”`, title],
            [`Where “${title}” comes from`, source],
            ...rivals.map(({ label }): Prose => [`What else happened, “${title}”`, label]),
          ]),
          ['What is still not right', document.data.still_not_right],
        ];
  return fields.filter((field): field is [string, string] => field[1] !== undefined);
}

/** No value: it is not stated. */
type Stated = [field: string, sentence: string | null, value: string | null | undefined, source: string];

function found(computed: boolean, rows: readonly Stated[]): Found[] {
  return rows.flatMap(([field, sentence, value, source]) =>
    value ? [{ field, sentence, value, source, computed }] : [],
  );
}

type Dated = [field: string, on: Day | undefined, against: string];

function datesOf(document: ParsedDocument<'proofs' | 'issues'>): Found[] {
  const { started_on, known_on } = document.data;
  const dated: Dated[] = [
    ['Began on', started_on, 'the first record of it'],
    ['We knew on', known_on, 'the first message or log entry about it'],
    ...(document.collection === 'issues'
      ? [['Next update', document.data.next_update, 'what you can keep to'] satisfies Dated]
      : datesOfChange(document.data)),
  ];
  const against = (what: string) => `A date you state: hold it against ${what}.`;
  return found(
    false,
    dated.map(([field, on, what]) => [field, null, on && longDay(on), against(what)]),
  );
}

function datesOfChange({ changed_on, changes, confirmer, review_on }: Proof): Dated[] {
  const record = 'the record of the release or the decision';
  return [
    ['Changed on', changed_on, record],
    ...changes.flatMap(({ on, decided_on, source }, index): Dated[] => [
      [`Change ${index + 1}, done on`, on, source ? `“${source.label}”` : record],
      [`Change ${index + 1}, decided on`, decided_on, 'the minutes of the decision'],
    ]),
    ['Confirmed by someone independent on', confirmer?.on, 'their answer, kept with this proof'],
    ['We look again on', review_on, 'your calendar'],
  ];
}

/** A value of a series as its reader sees it. */
const shown = ({ unit, currency }: Series, value: number | null) =>
  value === null ? null : formatValue(unit, value, currency);

function measuredIn(document: ParsedDocument<'proofs'>, summaries: SeriesSummary[]): Found[] {
  const { series, verified } = document.data;
  const measured = series.flatMap((one, index): Found[] => {
    const { before, after, latest } = summaries[index]!;
    const from = sideSources(document, index);
    const field = `Series “${one.title}”`;
    const rows = document.points[one.id]?.length ?? 0;
    const computed: Stated[] = [
      [field, 'Before the change', shown(one, before), from.before],
      [field, 'After the change', shown(one, after), from.after],
    ];
    if (latest) {
      const on = longDay(latest.on);
      computed.push([
        field,
        `Last measured on ${on}`,
        shown(one, latest.value),
        `${one.file}, row ${rows + 1}, ${on}.`,
      ]);
    }
    const limit = 'A limit that you set: is it the one you will keep to?';
    const event = 'A date you state: hold it against the record of that event.';
    const typed: Stated[] = [
      [field, 'Beyond this we say that it came back', shown(one, one.reopen_limit), limit],
      ...one.rivals.map(({ on, label }): Stated => [field, label, longDay(on), event]),
    ];
    return [...found(true, computed), ...found(false, typed)];
  });
  if (!verified) return measured;
  const source = `${verified.file}: “${verified.title}”, by ${verified.by}.`;
  const stands: Stated[] = [['The document or finding', 'Dated', longDay(verified.dated), source]];
  if (verified.reask) {
    const { question, on, asked, answered, yes } = verified.reask;
    const answers = `The answers to “${question}” of ${longDay(on)}.`;
    const counts = { 'were asked again': asked, answered, 'said yes': yes };
    for (const [what, count] of Object.entries(counts)) {
      stands.push(['People asked again', `People who ${what}`, grouped(count), answers]);
    }
  }
  return [...measured, ...found(false, stands)];
}

/** Which rows of the file each side comes from; row 1 is the header. */
function sideSources({ data, points }: ParsedDocument<'proofs'>, index: number): { before: string; after: string } {
  const series = data.series[index]!;
  const all = points[series.id] ?? [];
  const { before, after } = splitAtChange(series, all, data.changed_on);
  const rows = (side: typeof all) => {
    const [first, last] = [side[0], side.at(-1)];
    if (!first || !last) return `${series.file}: no row.`;
    const row = (point: (typeof all)[number]) => all.indexOf(point) + 2;
    const where = side.length === 1 ? `row ${row(first)}` : `rows ${row(first)} to ${row(last)}`;
    return `${series.file}, ${where}, ${longDay(first.on)} to ${longDay(last.on)}.`;
  };
  return { before: rows(before), after: rows(after) };
}

/** `stated`: how else the value is written. */
type Source = { value: string; source: string; stated?: string[] };

/** What a value in running text can come from: the series, the people asked, the time between two dates. */
function sourcesOf(document: ParsedDocument<'proofs' | 'issues'>, summaries: SeriesSummary[]): Source[] {
  const sources: Source[] = [];
  const { data } = document;
  if (document.collection === 'proofs') {
    for (const [index, summary] of summaries.entries()) {
      const { before, after } = sideSources(document, index);
      const series = document.data.series[index]!;
      const sides: [string | null, string][] = [
        [shown(series, summary.before), before],
        [shown(series, summary.after), after],
        [counted(summary.weeks, 'week'), `${series.file}: from ${longDay(document.data.changed_on)} to its last row.`],
        [grouped(summary.n.before), before],
        [grouped(summary.n.after), after],
      ];
      for (const [value, source] of sides) if (value !== null) sources.push({ value, source });
    }
  }
  for (const { value, source } of datesOf(document)) {
    sources.push({ value, source, stated: [value, value.replace(/ \d{4}$/, '')] });
  }
  if (document.collection === 'proofs' && document.data.verified) {
    const { file, title, by } = document.data.verified;
    const written = [...(document.assets[file] ?? '').matchAll(STATED)].map(([value]) => value);
    for (const value of new Set(written))
      sources.push({ value, source: `It stands in ${file}: “${title}”, by ${by}.` });
  }
  const days: Day[] = [data.started_on, data.known_on, ...('changed_on' in data ? [data.changed_on] : [])];
  for (const from of days) {
    for (const to of days) {
      const passed = daysBetween(from, to);
      if (passed > 0)
        sources.push({
          value: counted(passed, 'day'),
          source: `The dates above: from ${longDay(from)} to ${longDay(to)}.`,
        });
    }
  }
  return sources;
}

function stated(field: string, text: string, sources: readonly Source[]): Found[] {
  const plain = text.replace(/[*_`]/g, '').replace(/\s+/g, ' ');
  return [...SENTENCES.segment(plain)].flatMap(({ segment }) =>
    [...segment.matchAll(STATED)].map((match): Found => {
      const value = match[0].trim().replace(/,$/, '');
      const isDate = new RegExp(`^(?:${DATE})$`).test(value);
      const known = sources.find((one) => (one.stated ?? [one.value]).some((text) => same(text, value)));
      return {
        field,
        sentence: segment.trim(),
        // “4 March” and “4 March 2026” are one fact to tick.
        value: isDate ? (known?.value ?? value) : value,
        source:
          known?.source ??
          (isDate
            ? 'A date you state: hold it against the record of that day.'
            : 'Typed, and nothing here shows it: hold it against your own records.'),
        computed: known !== undefined && !isDate,
      };
    }),
  );
}

function same(a: string, b: string): boolean {
  const plain = (text: string) => text.toLowerCase().replace(/[, {2}-]/g, '');
  return plain(a) === plain(b);
}
