import { isDeepStrictEqual } from 'node:util';
import { type Field, fieldsOf, NAME, type Value, type Values } from './fields.ts';
import { type Form, textOf } from './form.ts';

/* Two versions of one form, side by side, for whoever picks from them. */

/** What stands in a field, in lines that a person reads: `On: 2026-06-15`. */
export function linesOf(field: Field, value: Value | undefined): string[] {
  if (value === undefined || field.kind === 'kept') return [];
  if (typeof value === 'string') return value.split('\n').filter((line) => line.trim() !== '');
  if (!('fields' in field)) return value as string[];
  const named = (values: Values) =>
    field.fields.flatMap((inner) => {
      const lines = inner.key === NAME ? [] : linesOf(inner, values[inner.key]);
      return lines.length > 1 ? [`${inner.label}:`, ...lines] : lines.map((line) => `${inner.label}: ${line}`);
    });
  if (!Array.isArray(value)) return named(value);
  return (value as Values[]).flatMap((row, index) => [`${index + 1}. ${textOf(row[NAME])}`.trim(), ...named(row)]);
}

/** Mine in the fields that were picked, theirs in all others. */
export function pickedFrom(mine: Form, theirs: Form, isMine: (key: string) => boolean): Form {
  const fields: Values = {};
  for (const { key } of fieldsOf(theirs.collection)) {
    const value = (isMine(key) ? mine : theirs).fields[key];
    if (value !== undefined) fields[key] = value;
  }
  const waivers = [...theirs.waivers, ...mine.waivers].filter(
    (one, index, all) => all.findIndex((other) => isDeepStrictEqual(one, other)) === index,
  );
  return { ...theirs, fields, body: isMine('body') ? mine.body : theirs.body, waivers, rest: theirs.rest || mine.rest };
}
