import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import qs from 'qs';
import {
  Document,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument as parseYaml,
  visit,
  type YAMLMap,
} from 'yaml';
import { z } from 'zod';
import { assetFileOf, fileOf, type Problem } from '../proofs/content.ts';
import { type Collection, documentSchemas } from '../proofs/documents.ts';
import { capitalise } from '../shared/words.ts';

/*
 * A document as a form, and back. The fields are drawn from the same schemas that judge it; what is typed is kept as typed, so
 * that an unfinished draft opens again as it was left. Comments, quotes and the order of what was there stay where they are.
 */

export type Kind =
  | { kind: 'line' | 'text' | 'day' | 'number' | 'yes-no' | 'person' | 'issue' | 'lines' | 'numbers' }
  | { kind: 'issues' | 'complaints' }
  /** Carried along unseen: ids, file names and hashes that nobody should have to type. */
  | { kind: 'kept' }
  /** The content of a file beside the document. */
  | { kind: 'file' }
  | { kind: 'choice' | 'choices'; options: string[] }
  | { kind: 'group' | 'groups' | 'named groups'; fields: Field[]; most: number };

export type Field = Kind & { key: string; label: string; hint: string; required: boolean; longest: number | null };

/** What a form holds: text as typed, lists of it, groups of fields. A group that is not there is an empty one. */
export type Value = string | string[] | Values | Values[];
export interface Values {
  [key: string]: Value;
}

/** `at` is `body` or the path of a field, as `changes.0.what`. */
export type FormWaiver = { rule: string; reason: string; at: string };

export type Form = {
  collection: Collection;
  fields: Values;
  /** Null where a document has no text below its fields. */
  body: string | null;
  waivers: FormWaiver[];
  /** Fields that no schema knows, as YAML. */
  rest: string;
  /** Set when no form can be drawn: the whole source, to be mended as text. */
  raw: string | null;
};

type Written = { source: string; assets: Record<string, string> };

/** The name of a group in a record, such as a person's short id. */
const NAME = '_name';
const CSV = '_csv';
const TEXT = '_text';
const AWAY = '_away';

const schemas = documentSchemas((to) => z.string().meta({ drawn: to === 'issues' ? 'issue' : 'line' }));

const LABELS: Record<string, string> = {
  about: 'What you do',
  affects: 'Who told you',
  alt: 'What the picture shows',
  amount: 'Price, in pence or cents',
  asked: 'How many were asked',
  answered: 'How many answered',
  better: 'What is better',
  'series.better': 'Better is',
  blocks: 'What stands in the way',
  by: 'By whom',
  cannot: 'What you still cannot offer',
  changes: 'What we changed',
  changed_on: 'Changed on',
  [CSV]: 'The measurements',
  dated: 'Dated',
  decided_on: 'Decided on',
  ends_because: 'Why it ends',
  baseline_from: 'The time before begins on',
  'changes.source': 'Where anyone can see it',
  'source.label': 'A few words to press',
  'series.source': 'Where the numbers come from',
  'rivals.label': 'What happened',
  'verified.by': 'Who issued it',
  gap: 'Why it hurt',
  headline: 'Headline',
  holding: 'When a change counts as fixed',
  how: 'How they confirmed it',
  href: 'Its address',
  informed_by: 'Complaints behind it',
  issues: 'Issues that it is for',
  kept: 'What of theirs was kept',
  known_on: 'When we knew',
  line: 'One line, then and now',
  lede: 'Opening sentences',
  next_update: 'Next update',
  no_voice_because: 'If nobody may be quoted: why',
  on: 'On',
  owner: 'Who answers for it',
  people: 'People who may be named',
  pictures: 'Pictures',
  reask: 'The people affected, asked again',
  reopen_limit: 'Comes back at',
  review_on: 'We look again on',
  rivals: 'What else could explain it',
  series: 'Measurements',
  stands: 'Where it stands today',
  started_on: 'Started on',
  still_not_right: 'What is still not right',
  summary: 'What it did to people',
  [TEXT]: 'The document itself',
  verified: 'A document or a finding',
  voices: 'Whom we quote',
  what: 'What is different now',
  yes: 'How many said yes',
};

/** Fields of a proof that are computed or carried along. */
const KEPT = new Set(['series.id', 'series.file', 'verified.file', 'verified.sha256', 'pictures.sha256']);

type Def = {
  type: string;
  innerType?: z.ZodType;
  element?: z.ZodType;
  valueType?: z.ZodType;
  shape?: Record<string, z.ZodType>;
  entries?: Record<string, string>;
  checks?: unknown[];
};

const drawn = new Map<Collection, Field[]>();

/** Every field of a collection, in the order of its schema. */
export function fieldsOf(collection: Collection): Field[] {
  const known = drawn.get(collection);
  if (known) return known;
  const fields = shapeFields(schemas[collection], '');
  drawn.set(collection, fields);
  return fields;
}

/** Whether the documents of a collection have text below their fields. */
export function hasBody(collection: Collection): boolean {
  return fileOf(collection, 'x').endsWith('.md');
}

function defOf(schema: z.ZodType): Def {
  return schema.def as unknown as Def;
}

function unwrapped(schema: z.ZodType): z.ZodType {
  const inner = defOf(schema).innerType;
  return inner ? unwrapped(inner) : schema;
}

function shapeFields(schema: z.ZodType, within: string): Field[] {
  const fields = Object.entries(defOf(schema).shape ?? {}).map(([key, field]) => fieldOf(key, field, within));
  if (within === 'series')
    fields.push(virtual(CSV, 'One measurement a line: date,value or date,value,n. Oldest first.'));
  if (within === 'verified') fields.push(virtual(TEXT, 'Paste it whole. Its fingerprint is computed.'));
  return fields;
}

function virtual(key: string, hint: string): Field {
  return { kind: 'file', key, label: LABELS[key]!, hint, required: true, longest: null };
}

function fieldOf(key: string, schema: z.ZodType, within: string): Field {
  const inner = unwrapped(schema);
  const path = within ? `${within}.${key}` : key;
  const label = LABELS[path] ?? LABELS[key] ?? key.charAt(0).toUpperCase() + key.slice(1).replaceAll('_', ' ');
  const kind = KEPT.has(path) ? ({ kind: 'kept' } as const) : kindOf(inner, key);
  const hint = hintOf(schema.description ?? inner.description ?? '', label, kind);
  const longest = (inner as { maxLength?: number | null }).maxLength ?? null;
  const named = { key, label, hint, required: !schema.safeParse(undefined).success, longest };
  return { ...named, ...kind };
}

/** A name is picked, so its short id needs no word; and nothing is said twice. */
function hintOf(description: string, label: string, { kind }: Kind): string {
  if (kind === 'person' || kind === 'issue') return '';
  const rest = description.startsWith(label) && /^[.:]/.test(description.slice(label.length));
  return rest ? capitalise(description.slice(label.length + 1).trim()) : description;
}

function kindOf(schema: z.ZodType, key: string): Kind {
  const def = defOf(schema);
  const hint = (of: z.ZodType) => of.meta()?.['drawn'] as string | undefined;
  switch (def.type) {
    case 'number':
      return { kind: 'number' };
    case 'boolean':
      return { kind: 'yes-no' };
    case 'enum':
      return { kind: 'choice', options: Object.values(def.entries!) };
    case 'object':
      return { kind: 'group', fields: shapeFields(schema, key), most: 1 };
    case 'record':
      return { kind: 'named groups', fields: shapeFields(unwrapped(def.valueType!), key), most: 100 };
    case 'array': {
      const element = unwrapped(def.element!);
      const of = defOf(element);
      if (of.type === 'object') {
        const most = key === 'changes' ? 5 : 50;
        return { kind: 'groups', fields: shapeFields(element, key), most };
      }
      if (of.type === 'enum') return { kind: 'choices', options: Object.values(of.entries!) };
      if (of.type === 'number') return { kind: 'numbers' };
      if (hint(element) === 'issue') return { kind: 'issues' };
      return { kind: hint(element) === 'complaint' ? 'complaints' : 'lines' };
    }
    default:
      return { kind: (hint(schema) as 'line' | undefined) ?? 'line' };
  }
}

// --- From a document to its form ---

const FIELD_WAIVER = /^\s*#\s*textlint-disable\b(.*)$/;
const BODY_WAIVER = /^\s*<!--\s*textlint-disable\b([\s\S]*?)-->\n*/;

/** The form of a document, however unfinished it is. */
export function formOf(collection: Collection, { source, assets }: Written): Form {
  const nothing: Form = { collection, fields: {}, body: null, waivers: [], rest: '', raw: source };
  const split = splitOf(collection, source);
  if (!split) return nothing;
  const waivers: FormWaiver[] = [];
  const { yaml, lines } = withoutFieldWaivers(split.yaml);
  const document = parseYaml(yaml, { prettyErrors: false, logLevel: 'silent' });
  if (document.errors.length > 0) return nothing;
  let data: unknown;
  try {
    data = document.toJS() ?? {};
  } catch {
    return nothing;
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return nothing;

  const places = placesOf(yaml);
  for (const { before, rules, reason } of lines) {
    // The deepest field on the next line that has one.
    const line = places.find((place) => place.line >= before)?.line;
    const at = places.findLast((place) => place.line === line)?.path.join('.');
    for (const rule of rules) waivers.push({ rule, reason, at: at ?? 'body' });
  }
  let body = split.body;
  for (let match = BODY_WAIVER.exec(body); match; match = BODY_WAIVER.exec(body)) {
    const waiver = waiverOf(match[1]!);
    if (!waiver) break;
    for (const rule of waiver.rules) waivers.push({ rule, reason: waiver.reason, at: 'body' });
    body = body.slice(match[0].length);
  }
  const rest: Record<string, unknown> = {};
  const fields = valuesOf(fieldsOf(collection), data as Record<string, unknown>, assets, rest);
  return {
    collection,
    fields,
    body: hasBody(collection) ? body.trim() : null,
    waivers,
    rest: Object.keys(rest).length > 0 ? new Document(rest).toString({ lineWidth: 0 }) : '',
    raw: null,
  };
}

function splitOf(collection: Collection, source: string): { yaml: string; body: string; tail: string } | null {
  const text = source.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  if (!hasBody(collection)) return { yaml: text, body: '', tail: '' };
  const match = /^---\n([\s\S]*?\n|)---[ \t]*(?:\n|$)/.exec(text);
  if (!match) return null;
  const tail = text.slice(match[0].length);
  return { yaml: match[1]!, body: tail.trim(), tail };
}

/** The fields without their waivers. `before` is the line, in what is left, of whatever follows a waiver. */
function withoutFieldWaivers(yaml: string) {
  const lines: { before: number; rules: string[]; reason: string }[] = [];
  const left: string[] = [];
  for (const line of yaml.split('\n')) {
    const waiver = waiverOf(FIELD_WAIVER.exec(line)?.[1] ?? '');
    if (waiver) lines.push({ before: left.length + 1, ...waiver });
    else left.push(line);
  }
  return { yaml: left.join('\n'), lines };
}

function waiverOf(text: string): { rules: string[]; reason: string } | null {
  const [ids = '', ...reason] = text.trim().replace(/\s+/g, ' ').split(/ -- ?/);
  const rules = ids.split(/[\s,]+/).filter(Boolean);
  return rules.length > 0 && reason.length > 0 ? { rules, reason: reason.join(' -- ').trim() } : null;
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown) => value === null || ['string', 'number', 'boolean'].includes(typeof value);
const textOf = (value: unknown) => (value === null || value === undefined ? '' : String(value).trim());

function valuesOf(
  fields: readonly Field[],
  data: Record<string, unknown>,
  assets: Record<string, string>,
  rest: Record<string, unknown>,
): Values {
  const values: Values = {};
  for (const field of fields) {
    if (field.kind === 'file') {
      values[field.key] = assets[textOf(data['file'])] ?? '';
      continue;
    }
    if (!(field.key in data)) continue;
    const value = readValue(field, data[field.key], assets);
    if (value === null) rest[field.key] = data[field.key];
    else values[field.key] = value;
  }
  for (const key of Object.keys(data)) if (!fields.some((field) => field.key === key)) rest[key] = data[key];
  return values;
}

/** Null when what stands there has another shape than the form. */
function readValue(field: Field, value: unknown, assets: Record<string, string>): Value | null {
  const inner = (fields: readonly Field[], data: Record<string, unknown>) => {
    const rest: Record<string, unknown> = {};
    const values = valuesOf(fields, data, assets, rest);
    return Object.keys(rest).length > 0 ? null : values;
  };
  switch (field.kind) {
    case 'lines':
    case 'numbers':
    case 'issues':
    case 'complaints':
    case 'choices':
      return Array.isArray(value) && value.every(isText) ? value.map(textOf) : null;
    case 'group':
      return isPlain(value) ? inner(field.fields, value) : null;
    case 'groups': {
      if (!Array.isArray(value) || !value.every(isPlain)) return null;
      const rows = value.map((row) => inner(field.fields, row));
      return rows.includes(null) ? null : (rows as Values[]);
    }
    case 'named groups': {
      if (!isPlain(value) || !Object.values(value).every(isPlain)) return null;
      const rows = Object.entries(value).map(([name, row]) => {
        const values = inner(field.fields, row as Record<string, unknown>);
        return values && { [NAME]: name, ...values };
      });
      return rows.includes(null) ? null : (rows as Values[]);
    }
    default:
      return isText(value) ? textOf(value) : null;
  }
}

// --- From a form to its document ---

/**
 * The document that a form describes. What is as it was in `base` keeps its comments, quotes and place. Files that no field names
 * are left behind; fingerprints are computed.
 */
export function sourceFrom(form: Form, base?: Written): Written {
  const { collection, waivers } = form;
  if (form.raw !== null) return { source: form.raw, assets: base?.assets ?? {} };
  const assets: Record<string, string> = {};
  const data = dataOf(fieldsOf(collection), form.fields, { assets, base, taken: takenFiles(form) });
  for (const [key, value] of Object.entries(restOf(form.rest))) data[key] ??= value;

  const was = base && splitOf(collection, base.source);
  const document = parseYaml(was ? withoutFieldWaivers(was.yaml).yaml : '', {
    prettyErrors: false,
    logLevel: 'silent',
  });
  const fresh = !isReadable(document) || !isMap(document.contents);
  const target = fresh ? new Document({}) : document;
  mergeMap(target, target.contents as YAMLMap, data);
  const isEmpty = Object.keys(data).length === 0;
  const text = withRoomInBraces(target.toString({ lineWidth: 0, flowCollectionPadding: false, indentSeq: true }));
  const yaml = withFieldWaivers(
    isEmpty && fresh ? '' : text,
    waivers.filter(({ at }) => at !== 'body'),
  );
  if (!hasBody(collection)) return { source: yaml, assets };

  const lead = waivers.filter(({ at }) => at === 'body').map(({ rule, reason }) => bodyWaiver(rule, reason));
  const body = [...lead, cleaned(form.body ?? '')].join('\n\n').trim();
  const tail = was && was.body === body ? was.tail : body === '' ? '' : `${body}\n`;
  return { source: `---\n${yaml}---\n${tail}`, assets };
}

const bodyWaiver = (rule: string, reason: string) => `<!-- textlint-disable ${rule} -- ${inOneLine(reason)} -->`;

/** False also for an alias that leads nowhere, or to too much: those are found only when the values are asked for. */
function isReadable(document: ReturnType<typeof parseYaml>): boolean {
  try {
    document.toJS();
    return document.errors.length === 0;
  } catch {
    return false;
  }
}

function restOf(rest: string): Record<string, unknown> {
  const document = parseYaml(rest, { prettyErrors: false, logLevel: 'silent' });
  if (!isReadable(document)) return rest.trim() === '' ? {} : { unreadable: rest };
  const data: unknown = document.toJS();
  return isPlain(data) ? data : {};
}

function cleaned(text: string): string {
  return text.replace(/\r\n?/g, '\n').trim();
}

function inOneLine(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .join(' ');
}

/** The same file whatever a text area does to the ends of its lines. */
function fileFrom(text: string, was: string | undefined): string {
  const now = cleaned(text);
  return was !== undefined && cleaned(was) === now ? was : `${now}\n`;
}

type Making = { assets: Record<string, string>; base: Written | undefined; taken: Set<string> };

function takenFiles(form: Form): Set<string> {
  const series = (form.fields['series'] ?? []) as Values[];
  return new Set(series.flatMap(({ id }) => (typeof id === 'string' && id !== '' ? id : [])));
}

function dataOf(fields: readonly Field[], values: Values, making: Making): Record<string, unknown> {
  const data: Record<string, unknown> = {};
  for (const field of fields) {
    const value = Object.hasOwn(values, field.key) ? values[field.key] : undefined;
    const made = value === undefined ? undefined : madeOf(field, value, making);
    if (made !== undefined) data[field.key] = made;
  }
  return withItsFile(fields, values, data, making);
}

/** A series gets an id and a file, a document its file and fingerprint: nobody types those. */
function withItsFile(fields: readonly Field[], values: Values, data: Record<string, unknown>, making: Making) {
  const of = fields.find((field) => field.kind === 'file')?.key;
  if (!of) return data;
  const content = String(values[of] ?? '');
  const nothing = Object.keys(data).length === 0 && content.trim() === '';
  if (nothing) return data;
  const named: Record<string, unknown> = {};
  if (of === CSV) {
    const id = data['id'] ?? freeId(making.taken);
    named['id'] = id;
    named['file'] = data['file'] ?? `${id}.csv`;
  }
  const file = String(named['file'] ?? data['file'] ?? 'document.md');
  if (content.trim() !== '') making.assets[file] = fileFrom(content, making.base?.assets[file]);
  if (of === CSV) return { ...named, ...data };
  const hash = createHash('sha256')
    .update(making.assets[file] ?? '', 'utf8')
    .digest('hex');
  return inSchemaOrder(fields, { ...data, file, sha256: making.assets[file] === undefined ? data['sha256'] : hash });
}

function inSchemaOrder(fields: readonly Field[], data: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    fields.filter(({ key }) => data[key] !== undefined).map(({ key }) => [key, data[key]] as const),
  );
}

function freeId(taken: Set<string>): string {
  let number = 1;
  while (taken.has(`measured-${number}`)) number += 1;
  taken.add(`measured-${number}`);
  return `measured-${number}`;
}

function madeOf(field: Field, value: Value, making: Making): unknown {
  switch (field.kind) {
    case 'file':
      return undefined;
    case 'lines':
    case 'numbers':
    case 'issues':
    case 'complaints':
    case 'choices': {
      const texts = (value as string[]).map(inOneLine).filter((text) => text !== '');
      if (texts.length === 0) return undefined;
      return field.kind === 'numbers' ? texts.map(numberOr) : texts;
    }
    case 'group': {
      const group = dataOf(field.fields, value as Values, making);
      return Object.keys(group).length > 0 ? group : undefined;
    }
    case 'groups': {
      const rows = (value as Values[]).map((row) => dataOf(field.fields, row, making));
      const filled = rows.filter((row) => Object.keys(row).length > 0);
      return filled.length > 0 ? filled : undefined;
    }
    case 'named groups': {
      const rows = (value as Values[]).map((row): [string, unknown] => [
        textOf(row[NAME]),
        dataOf(field.fields, row, making),
      ]);
      const named = rows.filter(([name]) => name !== '');
      return named.length > 0 ? Object.fromEntries(named) : undefined;
    }
    default: {
      const text = inOneLine(String(value));
      if (text === '') return undefined;
      if (field.kind === 'number') return numberOr(text);
      if (field.kind === 'yes-no') return text === 'true' ? true : text === 'false' ? false : text;
      return text;
    }
  }
}

function numberOr(text: string): number | string {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

/** `[a, b]` and `{ a: b }`, as the documents that ship are written; the library knows one way for both. */
function withRoomInBraces(yaml: string): string {
  if (!yaml.includes('{')) return yaml;
  const at: number[] = [];
  visit(parseYaml(yaml, { prettyErrors: false, logLevel: 'silent' }), {
    Map(_, { flow, range, items }) {
      if (flow && range && items.length > 0) at.push(range[0] + 1, range[1] - 1);
    },
  });
  return at.toSorted((a, b) => b - a).reduce((text, index) => `${text.slice(0, index)} ${text.slice(index)}`, yaml);
}

function mergeMap(document: Document, map: YAMLMap, data: Record<string, unknown>): void {
  map.items = map.items.filter(({ key }) => isScalar(key) && Object.hasOwn(data, String(key.value)));
  let at = 0;
  for (const [key, value] of Object.entries(data)) {
    const found = map.items.findIndex((item) => isScalar(item.key) && item.key.value === key);
    if (found < 0) {
      map.items.splice(at, 0, document.createPair(key, value) as never);
      at += 1;
    } else {
      const pair = map.items[found]!;
      pair.value = merged(document, pair.value as Node | null, value);
      at = found + 1;
    }
  }
}

function merged(document: Document, node: Node | null, value: unknown): Node {
  if (node && isDeepStrictEqual(node.toJS(document), value)) return node;
  if (isMap(node) && isPlain(value)) {
    mergeMap(document, node, value);
    return node;
  }
  if (isSeq(node) && Array.isArray(value)) {
    node.items = value.map((item, index) => merged(document, (node.items[index] as Node | undefined) ?? null, item));
    return node;
  }
  // Text that a form trims or folds into one line is still the same text.
  const folded = isScalar(node) && typeof node.value === 'string' && inOneLine(node.value) === value;
  return folded ? node : document.createNode(value);
}

function withFieldWaivers(yaml: string, waivers: readonly FormWaiver[]): string {
  if (waivers.length === 0) return yaml;
  const places = placesOf(yaml);
  const lines = yaml.split('\n');
  const added = waivers.flatMap((waiver) => {
    const line = places.find(({ path }) => path.join('.') === waiver.at)?.line;
    return line === undefined ? [] : [{ line, waiver }];
  });
  for (const { line, waiver } of added.toReversed().toSorted((a, b) => b.line - a.line)) {
    const indent = /^\s*/.exec(lines[line - 1] ?? '')![0];
    lines.splice(line - 1, 0, `${indent}# textlint-disable ${waiver.rule} -- ${inOneLine(waiver.reason)}`);
  }
  return lines.join('\n');
}

// --- Where things stand ---

type Place = { path: (string | number)[]; line: number };

/** Every field with the line on which it begins, from the top. */
function placesOf(yaml: string): Place[] {
  const counter = new LineCounter();
  const { contents } = parseYaml(yaml, { lineCounter: counter, prettyErrors: false, logLevel: 'silent' });
  const places: Place[] = [];
  const walk = (node: unknown, path: (string | number)[]) => {
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        if (!isScalar(key)) continue;
        const inner = [...path, String(key.value)];
        places.push({ path: inner, line: counter.linePos(key.range?.[0] ?? 0).line });
        walk(value, inner);
      }
    } else if (isSeq(node)) {
      for (const [index, item] of node.items.entries()) {
        const inner = [...path, index];
        places.push({ path: inner, line: counter.linePos((item as Node).range?.[0] ?? 0).line });
        walk(item, inner);
      }
    }
  };
  walk(contents, []);
  return places;
}

/** The path of a field as text, `changes.0.what`; `body`, or an empty one for the document as a whole. */
export type At = string;

export type PlacedProblem = Omit<Problem, 'at'> & { at: At };

/** Each problem with the field of the form that it is about. */
export function placeProblems(
  collection: Collection,
  documentId: string,
  { source }: Written,
  problems: readonly Problem[],
): PlacedProblem[] {
  const split = splitOf(collection, source);
  const below = hasBody(collection) ? 1 : 0;
  const places = split ? placesOf(split.yaml) : [];
  const bodyFrom = split ? split.yaml.split('\n').length + below + 1 : 1;
  const files = places.filter(({ path }) => path.at(-1) === 'file');
  return problems.map((problem) => {
    if (!split) return { ...problem, at: '' };
    if (problem.file !== fileOf(collection, documentId)) {
      const named = files.find(({ path }) => {
        const name = textOf(parseYaml(split.yaml, { logLevel: 'silent' }).getIn(path));
        return assetFileOf(collection, documentId, name) === problem.file;
      });
      const of = named?.path[0] === 'verified' ? TEXT : CSV;
      return { ...problem, at: named ? [...named.path.slice(0, -1), of].join('.') : '' };
    }
    if (hasBody(collection) && problem.line >= bodyFrom) return { ...problem, at: 'body' };
    const on = problem.at ?? places.filter(({ line }) => line === problem.line - below).at(-1)?.path ?? [];
    return { ...problem, at: shownAt(on) };
  });
}

/** Ids, file names and fingerprints are not shown: what is wrong with one stands at the content of the file. */
function shownAt(path: readonly PropertyKey[]): At {
  const [group, last] = [path[0], path.at(-1)];
  const isKept = path.length > 1 && KEPT.has(`${String(group)}.${String(last)}`) && group !== 'pictures';
  return [...(isKept ? [...path.slice(0, -1), group === 'verified' ? TEXT : CSV] : path)].join('.');
}

// --- As a browser sends it ---

/** What the browser sends for this form, and what tests send. */
export function postedOf(form: Form): string {
  const { fields, body, waivers, rest, raw } = form;
  const lists = (kind: readonly Field[], values: Values): Values =>
    Object.fromEntries(
      kind
        .filter(({ key }) => values[key] !== undefined)
        .map((field) => [field.key, sent(field, values[field.key]!)] as const),
    );
  const sent = (field: Field, value: Value): Value => {
    if (field.kind === 'lines' || field.kind === 'numbers') return (value as string[]).join('\n');
    if (field.kind === 'group') return lists(field.fields, value as Values);
    if (field.kind === 'groups') return (value as Values[]).map((row) => lists(field.fields, row));
    if (field.kind === 'named groups') {
      return (value as Values[]).map((row) => ({ [NAME]: row[NAME]!, ...lists(field.fields, row) }));
    }
    return value;
  };
  const f = lists(fieldsOf(form.collection), fields);
  return qs.stringify({ f, waivers, rest, ...(body !== null && { body }), ...(raw !== null && { raw }) });
}

/** What a browser sent, with the text of each chosen file in place of what was pasted beside it. */
export async function postedText(data: FormData): Promise<string> {
  const sent = new URLSearchParams();
  for (const [name, value] of data) if (typeof value === 'string') sent.append(name, value);
  for (const [name, value] of data) {
    if (typeof value !== 'string' && value.size > 0) sent.set(name.replace(/_upload\]$/, ']'), await value.text());
  }
  return sent.toString();
}

/** What stands in a field, in lines that a person reads: `On: 2026-06-15`. */
export function linesOf(field: Field, value: Value | undefined): string[] {
  if (value === undefined || field.kind === 'kept') return [];
  if (typeof value === 'string') return value.split('\n').filter((line) => line.trim() !== '');
  const named = (fields: readonly Field[], values: Values) =>
    fields.flatMap((inner) => {
      const lines = linesOf(inner, values[inner.key]);
      return lines.length === 1
        ? [`${inner.label}: ${lines[0]}`]
        : lines.length > 1
          ? [`${inner.label}:`, ...lines]
          : [];
    });
  if (!('fields' in field)) return value as string[];
  if (field.kind === 'group') return named(field.fields, value as Values);
  return (value as Values[]).flatMap((row, index) => [
    `${index + 1}. ${textOf(row[NAME])}`.trim(),
    ...named(field.fields, row),
  ]);
}

/** Mine in the fields that were picked, theirs in all others. */
export function pickedFrom(mine: Form, theirs: Form, isMine: (key: string) => boolean): Form {
  const keys = fieldsOf(theirs.collection).map(({ key }) => key);
  const fields: Values = {};
  for (const key of keys) {
    const value = (isMine(key) ? mine : theirs).fields[key];
    if (value !== undefined) fields[key] = value;
  }
  const waivers = [...theirs.waivers, ...mine.waivers].filter(
    (one, index, all) => all.findIndex((other) => isDeepStrictEqual(one, other)) === index,
  );
  return { ...theirs, fields, body: isMine('body') ? mine.body : theirs.body, waivers, rest: theirs.rest || mine.rest };
}

/** Reads what a browser sent. Rows that say nothing, or are to be taken away, are left out, and waivers follow their rows. */
export function formFrom(collection: Collection, posted: string): Form {
  const sent = qs.parse(posted, { depth: 8, arrayLimit: 1000, parameterLimit: 20_000, allowEmptyArrays: true });
  const moved = new Map<string, string | null>();
  const fields = readFields(fieldsOf(collection), isPlain(sent['f']) ? sent['f'] : {}, [], moved);
  const waivers = rowsOf(sent['waivers']).flatMap(([, row]) => {
    const [rule, reason, at] = [textOf(row['rule']), textOf(row['reason']), textOf(row['at'])];
    const now = movedPath(at, moved);
    return /^[A-Z]\d+$/.test(rule) && reason !== '' && now !== null && row[AWAY] === undefined
      ? [{ rule, reason, at: now }]
      : [];
  });
  return {
    collection,
    fields,
    body: hasBody(collection) ? cleaned(textOf(sent['body'])) : null,
    waivers,
    rest: cleaned(textOf(sent['rest'])) && `${cleaned(textOf(sent['rest']))}\n`,
    raw: typeof sent['raw'] === 'string' ? sent['raw'].replace(/\r\n?/g, '\n') : null,
  };
}

function rowsOf(value: unknown): [string, Record<string, unknown>][] {
  const rows = Array.isArray(value)
    ? value.map((row, index) => [String(index), row] as const)
    : Object.entries(isPlain(value) ? value : {});
  return rows
    .filter((row): row is [string, Record<string, unknown>] => isPlain(row[1]))
    .toSorted((a, b) => Number(a[0]) - Number(b[0]));
}

function movedPath(at: string, moved: Map<string, string | null>): string | null {
  for (const [from, to] of moved) {
    if (at === from || at.startsWith(`${from}.`)) return to === null ? null : to + at.slice(from.length);
  }
  return at;
}

function readFields(
  fields: readonly Field[],
  sent: Record<string, unknown>,
  path: string[],
  moved: Map<string, string | null>,
): Values {
  const values: Values = {};
  for (const field of fields) {
    const value = sent[field.key];
    if (value === undefined) continue;
    const read = readField(field, value, [...path, field.key], moved);
    if (read !== null) values[field.key] = read;
  }
  return values;
}

function readField(field: Field, value: unknown, path: string[], moved: Map<string, string | null>): Value | null {
  switch (field.kind) {
    case 'lines':
    case 'numbers':
      return textOf(value)
        .split(/\r\n|\r|\n/)
        .map((line) => line.trim())
        .filter(Boolean);
    case 'issues':
    case 'complaints':
    case 'choices': {
      const many = Array.isArray(value) ? value : isPlain(value) ? Object.values(value) : [value];
      return many.filter((one) => typeof one === 'string' && one !== '') as string[];
    }
    case 'group': {
      if (!isPlain(value) || value[AWAY] !== undefined) return null;
      const group = readFields(field.fields, value, path, moved);
      return saysAnything(field.fields, group) ? group : null;
    }
    case 'groups':
    case 'named groups': {
      const rows: Values[] = [];
      for (const [index, row] of rowsOf(value)) {
        const values = readFields(field.fields, row, [...path, index], moved);
        const name = field.kind === 'named groups' ? textOf(row[NAME]) : '';
        const keep = row[AWAY] === undefined && (saysAnything(field.fields, values) || name !== '');
        const now = keep ? [...path, String(rows.length)].join('.') : null;
        if (field.kind === 'groups') moved.set([...path, index].join('.'), now);
        if (keep) rows.push(field.kind === 'named groups' ? { [NAME]: name, ...values } : values);
      }
      return rows;
    }
    case 'file':
      return cleaned(String(value)) && `${cleaned(String(value))}\n`;
    default:
      return typeof value === 'string' ? inOneLine(value.replace(/\r\n?/g, '\n')) : '';
  }
}

/** Whether anything in a group was written: what is carried along or chosen beforehand says nothing. */
function saysAnything(fields: readonly Field[], values: Values): boolean {
  return fields.some((field) => {
    const value = values[field.key];
    if (value === undefined || field.kind === 'kept')
      return field.key === 'sha256' && value !== undefined && value !== '';
    if ('fields' in field) {
      const rows = Array.isArray(value) ? (value as Values[]) : [value as Values];
      return rows.some((row) => saysAnything(field.fields, row));
    }
    return value.length !== 0;
  });
}

// --- How it is arranged ---

export type Section = { title: string; about: string; keys: string[] };

const PROOF: Section[] = [
  {
    title: 'What you write',
    about: 'Four things that nobody else can know. All that follows is picked or computed.',
    keys: ['headline', 'body', 'changes', 'still_not_right'],
  },
  {
    title: 'Dates and names',
    about: 'Filled in from the issue. Put right what is not so.',
    keys: ['issues', 'owner', 'started_on', 'known_on', 'changed_on', 'review_on'],
  },
  {
    title: 'What was measured',
    about: 'A change is only called fixed when measurements, or a document, carry it.',
    keys: ['series'],
  },
  {
    title: 'A document behind it',
    about: 'For what no series can show: a clause, a policy, an outsider’s finding. Leave it empty if there is none.',
    keys: ['verified'],
  },
  { title: 'Whom we quote', about: 'Only people who agreed to it are offered.', keys: ['voices', 'no_voice_because'] },
  {
    title: 'In short',
    about: 'For lists and for the top of the page. The numbers in braces are computed.',
    keys: ['line', 'lede'],
  },
  { title: 'Pictures', about: 'None is needed.', keys: ['pictures'] },
];

/** The sections of a form, every field in one of them. `body` is the text below the fields. */
export function sectionsOf(collection: Collection): Section[] {
  const keys = fieldsOf(collection).map(({ key }) => key);
  if (collection !== 'proofs') {
    return [{ title: 'What it says', about: '', keys: hasBody(collection) ? [...keys, 'body'] : keys }];
  }
  const placed = new Set(PROOF.flatMap((section) => section.keys));
  return [...PROOF, { title: 'Who confirmed it', about: '', keys: keys.filter((key) => !placed.has(key)) }];
}

/** What stands above the text of a document, and what it should say. */
export function bodyField(collection: Collection): Field {
  const told: Partial<Record<Collection, [label: string, hint: string]>> = {
    proofs: ['What went wrong', 'Begin with “We”: what we did, to whom, for how long, and why we were slow.'],
    issues: ['What happens to people', 'What it does to them because of it, and what you have tried.'],
  };
  const [label, hint] = told[collection] ?? ['The text', ''];
  return { kind: 'text', key: 'body', label, hint, required: true, longest: null };
}
