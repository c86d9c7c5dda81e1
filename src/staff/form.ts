import { createHash } from 'node:crypto';
import { fileOf, splitSource } from '../proofs/content.ts';
import type { Collection } from '../proofs/documents.ts';
import type { Written } from './draft.ts';
import {
  CSV,
  type Field,
  fieldsOf,
  hasBody,
  inOneLine,
  linesIn,
  NAME,
  TEXT,
  type Value,
  type Values,
} from './fields.ts';
import type { ReadAs } from './pasted.ts';
import { type FormWaiver, putIntoBody, putIntoFields, takenFromBody, takenFromFields } from './waivers.ts';
import { type Data, dataIn, isPlain, yamlOf } from './yaml.ts';

/*
 * A document as a form, and back. What is typed is kept as typed, so that an unfinished draft opens again as it was left. Comments,
 * quotes and the order of what was there stay where they are.
 */

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
  /** Set when something pasted was made plain. */
  readAs?: ReadAs[];
};

export const textOf = (value: unknown) => (value === null || value === undefined ? '' : String(value).trim());
const isText = (value: unknown) => value === null || ['string', 'number', 'boolean'].includes(typeof value);

// --- From a document to its form ---

/** The form of a document, however unfinished it is. */
export function formOf(collection: Collection, { source, assets }: Written): Form {
  const nothing: Form = { collection, fields: {}, body: null, waivers: [], rest: '', raw: source };
  const split = splitSource(fileOf(collection, 'x'), source);
  if (!split) return nothing;
  const { yaml, waivers } = takenFromFields(split.fields);
  const data = dataIn(yaml);
  if (!data) return nothing;
  const below = takenFromBody(split.body);
  const rest: Data = {};
  const fields = valuesOf(fieldsOf(collection), data, assets, rest);
  return {
    collection,
    fields,
    body: hasBody(collection) ? below.body.trim() : null,
    waivers: [...waivers, ...below.waivers],
    rest: yamlOf(rest),
    raw: null,
  };
}

function valuesOf(fields: readonly Field[], data: Data, assets: Written['assets'], rest: Data): Values {
  const values: Values = {};
  for (const field of fields) {
    if (field.kind === 'file') values[field.key] = assets[textOf(data['file'])] ?? '';
    else if (field.key in data) {
      const value = readValue(field, data[field.key], assets);
      if (value === null) rest[field.key] = data[field.key];
      else values[field.key] = value;
    }
  }
  for (const key of Object.keys(data)) if (!fields.some((field) => field.key === key)) rest[key] = data[key];
  return values;
}

/** Null when what stands there has another shape than the form. */
function readValue(field: Field, value: unknown, assets: Written['assets']): Value | null {
  switch (field.kind) {
    case 'group':
      return isPlain(value) ? (readRows(field.fields, [value], assets)?.[0] ?? null) : null;
    case 'groups':
      return Array.isArray(value) ? readRows(field.fields, value, assets) : null;
    case 'named groups': {
      if (!isPlain(value)) return null;
      const rows = Object.entries(value).map(([name, row]) => (isPlain(row) ? { [NAME]: name, ...row } : row));
      return readRows(field.fields, rows, assets);
    }
    case 'lines':
    case 'numbers':
      return readTexts(value)?.map(inOneLine).join('\n') ?? null;
    case 'issues':
    case 'complaints':
    case 'choices':
      return readTexts(value);
    default:
      return isText(value) ? textOf(value) : null;
  }
}

function readRows(fields: readonly Field[], rows: readonly unknown[], assets: Written['assets']): Values[] | null {
  if (!rows.every(isPlain)) return null;
  const rest: Data = {};
  const read = rows.map((row) => valuesOf(fields, row, assets, rest));
  return Object.keys(rest).length > 0 ? null : read;
}

function readTexts(value: unknown): string[] | null {
  return Array.isArray(value) && value.every(isText) ? value.map(textOf) : null;
}

// --- From a form to its document ---

/**
 * The document that a form describes. What is as it was in `base` keeps its comments, quotes and place. Files that no field names
 * are left behind; fingerprints are computed.
 */
export function sourceFrom(form: Form, base?: Written): Written {
  const { collection } = form;
  if (form.raw !== null) return { source: form.raw, assets: base?.assets ?? {} };
  const { fields, assets } = withFiles(form.fields, base?.assets ?? {});
  const data = dataOf(fieldsOf(collection), fields);
  const rest = dataIn(form.rest) ?? { unreadable: form.rest };
  for (const [key, value] of Object.entries(rest)) data[key] ??= value;

  const was = base && splitSource(fileOf(collection, 'x'), base.source);
  const { body: ofBody = [], fields: ofFields = [] } = Object.groupBy(form.waivers, ({ at }) =>
    at === 'body' ? 'body' : 'fields',
  );
  const yaml = putIntoFields(yamlOf(data, was ? takenFromFields(was.fields).yaml : ''), ofFields);
  if (!hasBody(collection)) return { source: yaml, assets };

  const body = putIntoBody(cleaned(form.body ?? ''), ofBody);
  const tail = was?.body === body ? was.below : body === '' ? '' : `${body}\n`;
  return { source: `---\n${yaml}---\n${tail}`, assets };
}

/** A series gets an id and a file, a document its file and fingerprint: nobody types those. */
function withFiles({ series, verified, ...fields }: Values, was: Written['assets']) {
  const assets: Written['assets'] = {};
  const keep = (file: string, content: Value | undefined) => {
    const text = cleaned(String(content ?? ''));
    // The same file whatever a text area does to the ends of its lines.
    if (text !== '') assets[file] = cleaned(was[file] ?? '') === text ? was[file]! : `${text}\n`;
  };
  if (series) {
    const taken = new Set((series as Values[]).map(({ id }) => id));
    fields['series'] = (series as Values[]).map((row) => {
      const id = String(row['id'] || freeId(taken));
      const file = String(row['file'] || `${id}.csv`);
      keep(file, row[CSV]);
      return { ...row, id, file };
    });
  }
  if (verified) {
    const document = verified as Values;
    const file = String(document['file'] || 'document.md');
    keep(file, document[TEXT]);
    const text = assets[file];
    const sha256 =
      text === undefined ? (document['sha256'] ?? '') : createHash('sha256').update(text, 'utf8').digest('hex');
    fields['verified'] = { ...document, file, sha256 };
  }
  return { fields, assets };
}

function freeId(taken: Set<unknown>): string {
  let number = 1;
  while (taken.has(`measured-${number}`)) number += 1;
  taken.add(`measured-${number}`);
  return `measured-${number}`;
}

export function cleaned(text: string): string {
  return text.replace(/\r\n?/g, '\n').trim();
}

/** What is empty is left out. */
function dataOf(fields: readonly Field[], values: Values): Data {
  const data: Data = {};
  for (const field of fields) {
    const made = Object.hasOwn(values, field.key) ? madeOf(field, values[field.key]!) : '';
    if (made !== '' && !(typeof made === 'object' && Object.keys(made).length === 0)) data[field.key] = made;
  }
  return data;
}

function madeOf(field: Field, value: Value): string | number | boolean | object {
  const rows = () => ('fields' in field ? (value as Values[]).map((row) => dataOf(field.fields, row)) : []);
  switch (field.kind) {
    case 'file':
      return '';
    case 'group':
      return dataOf(field.fields, value as Values);
    case 'groups':
      return rows().filter((row) => Object.keys(row).length > 0);
    case 'named groups':
      return Object.fromEntries(rows().flatMap(({ [NAME]: name, ...row }) => (name ? [[name, row]] : [])));
    case 'issues':
    case 'complaints':
    case 'choices':
      return (value as string[]).map(inOneLine).filter(Boolean);
    case 'lines':
      return linesIn(value as string);
    case 'numbers':
      return linesIn(value as string).map(numberOr);
    default: {
      const text = inOneLine(String(value));
      if (field.kind === 'number') return numberOr(text);
      return field.kind === 'yes-no' && /^(true|false)$/.test(text) ? text === 'true' : text;
    }
  }
}

function numberOr(text: string): number | string {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
