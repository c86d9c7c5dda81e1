import { fillPlaceholders } from '../proofs/claims.ts';
import type { ParsedDocument } from '../proofs/content.ts';
import { formatValue, type SeriesSummary, splitAtChange, summariseProof } from '../proofs/evidence.ts';
import { type Day, daysBetween, longDay } from '../shared/dates.ts';
import { counted } from '../shared/words.ts';

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

function datesOf(document: ParsedDocument<'proofs' | 'issues'>): Found[] {
  const dated: [field: string, on: Day | undefined, against: string][] =
    document.collection === 'issues'
      ? [
          ['Began on', document.data.started_on, 'the first record of it'],
          ['We knew on', document.data.known_on, 'the first message or log entry about it'],
          ['Next update', document.data.next_update, 'what you can keep to'],
        ]
      : [
          ['Began on', document.data.started_on, 'the first record of it'],
          ['We knew on', document.data.known_on, 'the first message or log entry about it'],
          ['Changed on', document.data.changed_on, 'the record of the release or the decision'],
          ...document.data.changes.flatMap(({ on, decided_on, source }, index): [string, Day | undefined, string][] => [
            [
              `Change ${index + 1}, done on`,
              on,
              source ? `“${source.label}”` : 'the record of the release or the decision',
            ],
            [`Change ${index + 1}, decided on`, decided_on, 'the minutes of the decision'],
          ]),
          ['Confirmed by someone independent on', document.data.confirmer?.on, 'their answer, kept with this proof'],
          ['We look again on', document.data.review_on, 'your calendar'],
        ];
  return dated.flatMap(([field, on, against]) =>
    on === undefined
      ? []
      : [
          {
            field,
            sentence: null,
            value: longDay(on),
            source: `A date you state: hold it against ${against}.`,
            computed: false,
          },
        ],
  );
}

function measuredIn(document: ParsedDocument<'proofs'>, summaries: SeriesSummary[]): Found[] {
  const { data, points } = document;
  const measured = data.series.flatMap((series, index): Found[] => {
    const summary = summaries[index]!;
    const said = (value: number) => formatValue(series.unit, value, series.currency);
    const field = `Series “${series.title}”`;
    const { before, after } = sideSources(document, index);
    const last = summary.latest;
    return [
      ...(summary.before === null
        ? []
        : [{ field, sentence: 'Before the change', value: said(summary.before), source: before, computed: true }]),
      ...(summary.after === null
        ? []
        : [{ field, sentence: 'After the change', value: said(summary.after), source: after, computed: true }]),
      ...(last
        ? [
            {
              field,
              sentence: `Last measured on ${longDay(last.on)}`,
              value: said(last.value),
              source: `${series.file}, row ${(points[series.id]?.length ?? 0) + 1}, ${longDay(last.on)}.`,
              computed: true,
            },
          ]
        : []),
      {
        field,
        sentence: 'Beyond this we say that it came back',
        value: said(series.reopen_limit),
        source: 'A limit that you set: is it the one you will keep to?',
        computed: false,
      },
      ...series.rivals.map(({ on, label }) => ({
        field,
        sentence: label,
        value: longDay(on),
        source: 'A date you state: hold it against the record of that event.',
        computed: false,
      })),
    ];
  });
  const { verified } = data;
  if (!verified) return measured;
  const source = `${verified.file}: “${verified.title}”, by ${verified.by}.`;
  const field = 'The document or finding';
  const asked = verified.reask;
  const number = new Intl.NumberFormat('en-GB');
  const answers = asked
    ? ([
        ['asked again', asked.asked],
        ['answered', asked.answered],
        ['said yes', asked.yes],
      ] as const)
    : [];
  return [
    ...measured,
    { field, sentence: 'Dated', value: longDay(verified.dated), source, computed: false },
    ...answers.map(([what, count]) => ({
      field: 'People asked again',
      sentence: `People who ${what === 'asked again' ? 'were asked again' : what}`,
      value: number.format(count),
      source: `The answers to “${asked!.question}” of ${longDay(asked!.on)}.`,
      computed: false,
    })),
  ];
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
      const said = (value: number | null) =>
        value === null ? null : formatValue(summary.unit, value, summary.currency);
      const file = document.data.series[index]!.file;
      const sides: [string | null, string][] = [
        [said(summary.before), before],
        [said(summary.after), after],
        [counted(summary.weeks, 'week'), `${file}: from ${longDay(document.data.changed_on)} to its last row.`],
        [new Intl.NumberFormat('en-GB').format(summary.n.before), before],
        [new Intl.NumberFormat('en-GB').format(summary.n.after), after],
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
