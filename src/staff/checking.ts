import type { Reader } from '../../db/client.ts';
import { type Judgement, judge } from '../proofs/check.ts';
import { CLAIMED, filledClaims } from '../proofs/claims.ts';
import { type ParsedDocument, type Problem, parseDocument } from '../proofs/content.ts';
import type { Site } from '../proofs/documents.ts';
import { formatValue, parseSeries, summariseProof } from '../proofs/evidence.ts';
import { circumstancesOf, type PublishedProof, publishedOthers } from '../proofs/published.ts';
import { type State, stateOfProof } from '../proofs/state.ts';
import { longDay } from '../shared/dates.ts';
import { capitalise, counted } from '../shared/words.ts';
import { colleagueOf, mayHere } from './colleagues.ts';
import { typedConfirmer } from './confirmers.ts';
import type { Draft } from './draft.ts';
import { type At, CSV, type Field, fieldsOf, hasBody, NAME, type Value, type Values } from './fields.ts';
import { type Form, formOf, sourceFrom } from './form.ts';
import { READ_AS, type ReadAs, readPasted } from './pasted.ts';
import { labelAt, OF_WORDS, type Placed, placeProblems } from './placed.ts';

/* What the check says of a draft while it is being written: the same judgement as everywhere, each sentence at its field. */

export type Checked = {
  problems: Placed[];
  warnings: Placed[];
  waived: Placed[];
  /** Fields that nobody has written yet: no mistake, but nothing can be published without them. */
  missing: { at: At; label: string }[];
  /** What the measurements were read as, each at its field. */
  read: { at: At; sentence: string }[];
  /** The lines with their numbers in, where they have any. */
  computed: { name: string; text: string }[];
  /** Set when there is a series to draw. */
  measured: { proof: PublishedProof; state: State } | null;
};

export async function checkDraft(reader: Reader, draft: Draft, site: Site, now: Date): Promise<Checked> {
  const { collection, documentId, source, assets } = draft;
  const form = formOf(collection, draft);
  const others = await publishedOthers(reader, collection);
  const { document, problems: shape } = parseDocument(collection, documentId, source, assets);
  const { problems: unread, read } = measurementsIn(form, documentId);
  const desk = [...unread, ...(await ownerWhoCannot(reader, form, site))];
  const elsewhere = ({ rule, at }: Placed) => !(rule === 'series' && unread.some((one) => one.at === at));
  const place = (problems: readonly Problem[]) => placeProblems(draft, problems);
  if (document) {
    const judged = await judge({ collection, id: documentId, source, assets }, others);
    const typed = await typedConfirmer(reader, draft);
    return {
      problems: [...place([...judged.problems, ...(typed ? [typed] : [])]).filter(elsewhere), ...desk],
      warnings: place(judged.warnings),
      waived: place(judged.waived),
      missing: [],
      read,
      ...shownOf(document, () => unread.length === 0, site, now),
    };
  }

  const placed = place(shape);
  const isMissing = ({ rule, sentence }: Placed) => rule === 'schema' && / is not written yet\.$/.test(sentence);
  const missing = [...placed.filter(isMissing).map(({ at }) => at), ...emptyParts(form)].map((at) => ({
    at,
    label: labelAt(collection, at),
  }));
  const unfit = [...placed.filter((problem) => !isMissing(problem)).filter(elsewhere), ...desk];
  const written = (at: At) => unread.length === 0 && !placed.some((problem) => problem.at === at);
  const complete = completed(draft, new Set(placed.map(({ at }) => at)));
  const readable = complete && parseDocument(collection, documentId, complete.source, complete.assets).document;
  if (!complete || !readable) {
    return { problems: unfit, warnings: [], waived: [], missing, read, computed: [], measured: null };
  }
  // Words can be judged one by one before all of them are there; facts only together.
  const judged: Judgement = await judge({ collection, id: documentId, ...complete }, others);
  const words = (found: readonly Problem[]) =>
    placeProblems({ ...draft, ...complete }, found).filter(
      ({ rule, at }) => (OF_WORDS.test(rule) || rule === 'waiver') && written(at) && said(form, at),
    );
  return {
    problems: [...unfit, ...words(judged.problems)],
    warnings: words(judged.warnings),
    waived: words(judged.waived),
    missing,
    read,
    ...shownOf(readable, written, site, now),
  };
}

/** Whether the writer has put anything there: what only stands in says nothing. */
function said({ fields, body }: Form, at: At): boolean {
  if (at === 'body') return body !== null && body !== '';
  let value: unknown = fields;
  for (const step of at.split('.')) value = (value as Record<string, unknown> | undefined)?.[step];
  return value !== undefined;
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

function standIn(field: Field): Value {
  switch (field.kind) {
    case 'day':
      return '2000-01-01';
    case 'number':
      return '20';
    case 'numbers':
      return '1';
    case 'yes-no':
      return 'false';
    case 'choice':
      return field.options[0]!;
    case 'choices':
      return field.options.slice(0, 1);
    case 'issues':
    case 'complaints':
      return ['x:x'];
    case 'group':
      return standIns(field.fields);
    case 'groups':
    case 'named groups':
      return [standIns(field.fields)];
    case 'kept':
      return field.key === 'sha256' ? '0'.repeat(64) : field.key === 'file' ? 'x.md' : 'x';
    default:
      return STAND_INS[field.key] ?? 'Still to write';
  }
}

const STAND_INS: Record<string, string> = { [NAME]: 'x', currency: 'gbp', reply_to: 'x@x.example' };

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

/** The parts of a document that have no field of their own, or more than one, and are still empty. */
function emptyParts({ collection, fields, body, raw }: Form): At[] {
  if (raw !== null) return [];
  const evidence = collection !== 'proofs' || fields['verified'] || (fields['series'] ?? []).length !== 0;
  return [...(hasBody(collection) && body === '' ? ['body'] : []), ...(evidence ? [] : ['series'])];
}

/** As many lines that can't be read are named one by one. */
const LINES_NAMED = 5;

/** What its measurements were read as and which lines can't be, before anything else of the draft is there. */
function measurementsIn({ collection, fields }: Form, documentId: string): Pick<Checked, 'problems' | 'read'> {
  const problems: Placed[] = [];
  const read: Checked['read'] = [];
  const all = collection === 'proofs' ? ((fields['series'] ?? []) as Values[]) : [];
  for (const [index, series] of all.entries()) {
    const pasted = readPasted(String(series[CSV] ?? ''));
    if (pasted.csv.trim() === '') continue;
    const at = `series.${index}.${CSV}`;
    const wrong = (line: number, sentence: string) =>
      problems.push({ file: `proofs/${documentId}/${series['file']}`, line, rule: 'series', code: '', at, sentence });
    for (const { line, sentence } of pasted.problems.slice(0, LINES_NAMED)) wrong(line, `Line ${line}: ${sentence}`);
    const [next, ...more] = pasted.problems.slice(LINES_NAMED);
    if (next) wrong(next.line, `And ${counted(more.length + 1, 'line')} more that can’t be read.`);
    if (pasted.problems.length > 0) continue;
    const { points } = parseSeries(pasted.csv);
    const [first, last] = [points[0]!, points.at(-1)!];
    const sentence = `Read as ${counted(points.length, 'measurement')}: ${first.value} on ${longDay(first.on)} is the first, ${last.value} on ${longDay(last.on)} the last.`;
    read.push({ at, sentence });
  }
  return { problems, read };
}

/** An owner who has no place at the desk, or not that role: it could be written, and then not be sent to anyone. */
async function ownerWhoCannot(reader: Reader, { collection, fields }: Form, site: Site): Promise<Placed[]> {
  const { owner } = fields;
  if ((collection !== 'proofs' && collection !== 'issues') || typeof owner !== 'string' || owner === '') return [];
  const member = await colleagueOf(reader, owner);
  if (mayHere(member, 'confirm')) return [];
  const name = member?.name ?? site.people[owner]?.name ?? `“${owner}”`;
  const sentence = `${name} can’t confirm its facts at this desk. Choose somebody with the role of owner, or ask an admin to give it to them.`;
  return [{ file: '', line: 1, rule: 'owner', code: '', at: 'owner', sentence }];
}

/** What the measurements were read as, with what was made of them to make them plain. */
export function readSentences(read: Checked['read'], readAs: readonly ReadAs[]): Checked['read'] {
  const made = readAs.length > 0 ? ` ${capitalise(readAs.map((one) => READ_AS[one]).join('; '))}.` : '';
  return read.map(({ at, sentence }) => ({ at, sentence: `${sentence}${made}` }));
}

/** What it all comes down to, in a few words. */
export function titleOfCheck({ problems, missing }: Pick<Checked, 'problems' | 'missing'>): string {
  if (problems.length > 0) return `${counted(problems.length, 'thing')} to mend`;
  return missing.length > 0
    ? `${counted(missing.length, 'part')} still to write`
    : 'Nothing keeps it from being published';
}

function shownOf(document: ParsedDocument, written: (at: At) => boolean, site: Site, now: Date) {
  const nothing = { computed: [], measured: null };
  if (document.collection !== 'proofs') return nothing;
  const { data, points } = document;
  const drawable = written('changed_on') && data.series.every((series) => (points[series.id]?.length ?? 0) > 0);
  if (!drawable || data.series.length === 0) return nothing;
  const summaries = summariseProof(data, points);
  const texts = filledClaims(data, summaries);
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
  const lines = CLAIMED.filter((at) => written(at) && data[at].includes('{')).map((at) => ({
    name: labelAt('proofs', at),
    text: texts[at],
  }));
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
