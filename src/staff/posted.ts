import qs from 'qs';
import type { Collection } from '../proofs/documents.ts';
import { CSV, type Field, fieldsOf, hasBody, inOneLine, linesIn, type Value, type Values } from './fields.ts';
import { cleaned, type Form, textOf } from './form.ts';
import { type ReadAs, readPasted } from './pasted.ts';
import { isPlain } from './yaml.ts';

/* The form of a document as a browser sends it. */

const AWAY = '_away';

/** What the browser sends for this form, and what tests send. */
export function postedOf({ fields, body, waivers, rest, raw }: Form): string {
  return qs.stringify({ f: fields, waivers, rest, ...(body !== null && { body }), ...(raw !== null && { raw }) });
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

type Reading = { moved: Map<string, string | null>; readAs: Set<ReadAs> };

/** Reads what a browser sent. Rows that say nothing, or are to be taken away, are left out, and waivers follow their rows. */
export function formFrom(collection: Collection, posted: string): Form {
  const sent = qs.parse(posted, { depth: 8, arrayLimit: 1000, parameterLimit: 20_000, allowEmptyArrays: true });
  const reading: Reading = { moved: new Map(), readAs: new Set() };
  const fields = readFields(fieldsOf(collection), isPlain(sent['f']) ? sent['f'] : {}, [], reading);
  const waivers = rowsOf(sent['waivers']).flatMap(([, row]) => {
    const [rule, reason] = [textOf(row['rule']), textOf(row['reason'])];
    const at = movedPath(textOf(row['at']), reading.moved);
    return /^[A-Z]\d+p?$/.test(rule) && reason !== '' && at !== null && row[AWAY] === undefined
      ? [{ rule, reason, at }]
      : [];
  });
  const rest = cleaned(textOf(sent['rest']));
  return {
    collection,
    fields,
    body: hasBody(collection) ? cleaned(textOf(sent['body'])) : null,
    waivers,
    rest: rest && `${rest}\n`,
    raw: typeof sent['raw'] === 'string' ? sent['raw'].replace(/\r\n?/g, '\n') : null,
    ...(reading.readAs.size > 0 && { readAs: [...reading.readAs] }),
  };
}

function rowsOf(value: unknown): [string, Record<string, unknown>][] {
  const rows = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return rows.filter((row): row is [string, Record<string, unknown>] => isPlain(row[1]));
}

function movedPath(at: string, moved: Reading['moved']): string | null {
  for (const [from, to] of moved) {
    if (at === from || at.startsWith(`${from}.`)) return to === null ? null : to + at.slice(from.length);
  }
  return at;
}

function readFields(fields: readonly Field[], sent: Record<string, unknown>, path: string[], reading: Reading): Values {
  const values: Values = {};
  for (const field of fields) {
    const value = sent[field.key];
    const read = value === undefined ? null : readField(field, value, [...path, field.key], reading);
    if (read !== null) values[field.key] = read;
  }
  return values;
}

function readField(field: Field, value: unknown, path: string[], reading: Reading): Value | null {
  const text = typeof value === 'string' ? value : '';
  switch (field.kind) {
    case 'lines':
    case 'numbers':
      return linesIn(text).join('\n');
    case 'issues':
    case 'complaints':
    case 'choices': {
      const many = typeof value === 'object' && value !== null ? Object.values(value) : [value];
      return many.filter((one) => typeof one === 'string' && one !== '') as string[];
    }
    case 'group': {
      if (!isPlain(value) || value[AWAY] !== undefined) return null;
      const group = readFields(field.fields, value, path, reading);
      return saysAnything(field.fields, group) ? group : null;
    }
    case 'groups':
    case 'named groups': {
      const rows: Values[] = [];
      for (const [index, row] of rowsOf(value)) {
        const values = readFields(field.fields, row, [...path, index], reading);
        const keep = row[AWAY] === undefined && saysAnything(field.fields, values);
        reading.moved.set([...path, index].join('.'), keep ? [...path, rows.length].join('.') : null);
        if (keep) rows.push(values);
      }
      return rows;
    }
    case 'file': {
      const content = cleaned(text) && `${cleaned(text)}\n`;
      if (field.key !== CSV || content === '') return content;
      const { csv, readAs } = readPasted(content);
      for (const one of readAs) reading.readAs.add(one);
      return csv;
    }
    default:
      return inOneLine(text);
  }
}

/** Whether anything in a group was written: what is carried along or chosen beforehand says nothing. */
function saysAnything(fields: readonly Field[], values: Values): boolean {
  return fields.some((field) => {
    const value = values[field.key];
    if (value === undefined) return false;
    if (field.kind === 'kept') return field.key === 'sha256' && value !== '';
    if (!('fields' in field)) return value.length !== 0;
    return ([value].flat() as Values[]).some((row) => saysAnything(field.fields, row));
  });
}
