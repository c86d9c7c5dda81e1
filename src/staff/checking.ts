import type { Reader } from '../../db/client.ts';
import { type Judgement, judge } from '../proofs/check.ts';
import { fillPlaceholders } from '../proofs/claims.ts';
import { type ParsedDocument, type Problem, parseDocument } from '../proofs/content.ts';
import type { Site } from '../proofs/documents.ts';
import { formatValue, summariseProof } from '../proofs/evidence.ts';
import { circumstancesOf, type PublishedProof, publishedOthers } from '../proofs/published.ts';
import { type State, stateOfProof } from '../proofs/state.ts';
import { typedConfirmer } from './confirmers.ts';
import type { Draft } from './draft.ts';
import {
  type At,
  type Field,
  fieldsOf,
  formOf,
  type PlacedProblem,
  placeProblems,
  sourceFrom,
  type Value,
  type Values,
} from './form.ts';

/* What the check says of a draft while it is being written: the same judgement as everywhere, each sentence at its field. */

export type Placed = PlacedProblem;

export type Checked = {
  problems: Placed[];
  warnings: Placed[];
  waived: Placed[];
  /** Fields that nobody has written yet: no mistake, but nothing can be published without them. */
  missing: { at: At; label: string }[];
  /** The lines with their numbers in, where they have any. */
  computed: { name: string; text: string }[];
  /** Set when there is a series to draw. */
  measured: { proof: PublishedProof; state: State } | null;
};

export async function checkDraft(reader: Reader, draft: Draft, site: Site, now: Date): Promise<Checked> {
  const { collection, documentId, source, assets } = draft;
  const others = await publishedOthers(reader, collection);
  const place = (problems: readonly Problem[], written = draft as { source: string; assets: Record<string, string> }) =>
    placeProblems(collection, documentId, written, problems);
  const { document, problems: shape } = parseDocument(collection, documentId, source, assets);
  if (document) {
    const judged = await judge({ collection, id: documentId, source, assets }, others);
    const typed = await typedConfirmer(reader, draft);
    return {
      problems: place([...judged.problems, ...(typed ? [typed] : [])]),
      warnings: place(judged.warnings),
      waived: place(judged.waived),
      missing: [],
      ...shownOf(document, () => true, site, now),
    };
  }

  const placed = place(shape);
  const isMissing = ({ rule, sentence }: Placed) => rule === 'schema' && /^\w+ is missing\./.test(sentence);
  const missing = placed.filter(isMissing).map(({ at }) => ({ at, label: labelAt(fieldsOf(collection), at) }));
  const unfit = placed.filter((problem) => !isMissing(problem));
  const complete = completed(draft, new Set(placed.map(({ at }) => at)));
  const read = complete && parseDocument(collection, documentId, complete.source, complete.assets).document;
  const written = (at: At) => !placed.some((problem) => problem.at === at);
  if (!complete || !read) {
    return { problems: unfit, warnings: [], waived: [], missing, computed: [], measured: null };
  }
  // Words can be judged one by one before all of them are there; facts only together.
  const judged: Judgement = await judge({ collection, id: documentId, ...complete }, others);
  const words = (found: readonly Problem[]) =>
    place(found, complete).filter(({ rule, at }) => /^S1\d\d$|^waiver$/.test(rule) && written(at) && said(draft, at));
  return {
    problems: [...unfit, ...words(judged.problems)],
    warnings: words(judged.warnings),
    waived: words(judged.waived),
    missing,
    ...shownOf(read, written, site, now),
  };
}

/** Whether the writer has put anything there: what only stands in says nothing. */
function said({ collection, source, assets }: Draft, at: At): boolean {
  const form = formOf(collection, { source, assets });
  if (at === 'body') return form.body !== null && form.body !== '';
  return (
    at
      .split('.')
      .reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[step], form.fields) !==
    undefined
  );
}

/** The document with something in each place that is empty or doesn't fit, so that the rest can be read. */
function completed({ collection, source, assets }: Draft, unfit: ReadonlySet<At>) {
  const form = formOf(collection, { source, assets });
  if (form.raw !== null) return null;
  for (const at of unfit) {
    const steps = at.split('.');
    const field = fieldAt(fieldsOf(collection), steps);
    if (!field) return null;
    let values: Values | Values[] = form.fields;
    for (const step of steps.slice(0, -1)) values = (values as Values)[step] as Values | Values[];
    if (typeof values !== 'object') return null;
    (values as Values)[steps.at(-1)!] = standIn(field);
  }
  return sourceFrom(form, { source, assets });
}

const DAY = '2000-01-01';

function standIn(field: Field): Value {
  switch (field.kind) {
    case 'day':
      return DAY;
    case 'number':
      return '20';
    case 'yes-no':
      return 'false';
    case 'choice':
      return field.options[0]!;
    case 'choices':
      return field.options.slice(0, 1);
    case 'kept':
      return field.key === 'sha256' ? '0'.repeat(64) : field.key === 'file' ? 'x.md' : 'x';
    case 'lines':
    case 'issues':
    case 'complaints':
      return ['x:x'];
    case 'numbers':
      return ['1'];
    case 'group':
      return standIns(field.fields);
    case 'groups':
      return [standIns(field.fields)];
    case 'named groups':
      return [{ _name: 'x', ...standIns(field.fields) }];
    default:
      return field.key === 'currency' ? 'gbp' : field.key === 'reply_to' ? 'x@x.example' : 'Still to write';
  }
}

function standIns(fields: readonly Field[]): Values {
  return Object.fromEntries(fields.filter(({ required }) => required).map((field) => [field.key, standIn(field)]));
}

function fieldAt(fields: readonly Field[], [step, ...rest]: readonly string[]): Field | null {
  if (step === undefined) return null;
  if (/^\d+$/.test(step)) return fieldAt(fields, rest);
  const field = fields.find(({ key }) => key === step) ?? null;
  if (!field || rest.every((one) => /^\d+$/.test(one))) return field;
  return 'fields' in field ? fieldAt(field.fields, rest) : null;
}

/** `What we changed 2: On`, as its reader finds it in the form. */
function labelAt(fields: readonly Field[], at: At): string {
  const labels: string[] = [];
  let within = fields;
  for (const step of at.split('.')) {
    if (/^\d+$/.test(step)) labels.push(`${labels.pop() ?? ''} ${Number(step) + 1}`);
    const field = within.find(({ key }) => key === step);
    if (!field) continue;
    labels.push(field.label);
    if ('fields' in field) within = field.fields;
  }
  return labels.join(': ') || at;
}

function shownOf(document: ParsedDocument, written: (at: At) => boolean, site: Site, now: Date) {
  const nothing = { computed: [], measured: null };
  if (document.collection !== 'proofs') return nothing;
  const { data, points } = document;
  const drawable = written('changed_on') && data.series.every((series) => (points[series.id]?.length ?? 0) > 0);
  if (!drawable || data.series.length === 0) return nothing;
  const summaries = summariseProof(data, points);
  const filled = (text: string) => fillPlaceholders(text, summaries);
  const { headline, line, lede } = data;
  const texts = { headline: filled(headline), line: filled(line), lede: filled(lede) };
  const values = summaries.flatMap((summary) => {
    const shown = (value: number | null) =>
      value === null ? 'not measured' : formatValue(summary.unit, value, summary.currency);
    const name = summaries.length > 1 ? `:${summary.id}` : '';
    return [
      { name: `{before${name}}`, text: shown(summary.before) },
      { name: `{after${name}}`, text: shown(summary.after) },
      { name: `{weeks${name}}`, text: `${summary.weeks} ${summary.weeks === 1 ? 'week' : 'weeks'}` },
    ];
  });
  const lines = (['headline', 'line', 'lede'] as const)
    .filter((at) => written(at) && data[at].includes('{'))
    .map((at) => ({ name: labelAt(fieldsOf('proofs'), at), text: texts[at] }));
  const proof = {
    ...document,
    version: 0,
    hash: '',
    publishedAt: now.getTime(),
    summaries,
    ...texts,
  } as unknown as PublishedProof;
  const state = stateOfProof(proof, new Map(), circumstancesOf(site, now));
  return { computed: [...values, ...lines], measured: { proof, state } };
}
