import { fileOf, type Problem, splitSource } from '../proofs/content.ts';
import type { Collection } from '../proofs/documents.ts';
import type { WrittenDocument } from './draft.ts';
import { type At, bodyField, CSV, type Field, fieldsOf, hasBody, KEPT, LABELS, TEXT, type Values } from './fields.ts';
import { type Form, formOf } from './form.ts';
import { placesOf } from './yaml.ts';

/* What is wrong with a document, at the fields of its form and in their words. */

/** `code` is what files and `amends check` call it, where it has a number. */
export type Placed = Omit<Problem, 'at'> & { at: At; code: string };

/** Each problem with the field of the form that it is about. */
export function placeProblems(
  { collection, documentId, source }: Omit<WrittenDocument, 'assets'>,
  problems: readonly Problem[],
): Placed[] {
  const file = fileOf(collection, documentId);
  const split = splitSource(file, source);
  const places = split ? placesOf(split.fields) : [];
  const placeOf = (problem: Problem): At => {
    if (!split) return '';
    if (problem.file !== file)
      return contentOf(formOf(collection, { source, assets: {} }), problem.file.split('/').at(-1)!);
    const afterFields = split.fieldsLine + split.fields.split('\n').length;
    if (hasBody(collection) && problem.line >= afterFields) return 'body';
    const at = places.findLast(({ line }) => line === problem.line - split.fieldsLine + 1);
    return shownAt(problem.at ?? at?.path ?? []);
  };
  return problems.map((problem) => ({ ...problem, ...inLabels(collection, problem), at: placeOf(problem) }));
}

/** The field that holds the content of this file. */
function contentOf({ fields: { series = [], verified } }: Form, file: string): At {
  const index = (series as Values[]).findIndex((one) => one['file'] === file);
  if (index >= 0) return `series.${index}.${CSV}`;
  return (verified as Values | undefined)?.['file'] === file ? `verified.${TEXT}` : '';
}

/** `What we changed 2: On`, as its reader finds it in the form; the path itself where the form has no such field. */
export function labelAt(collection: Collection, at: At): string {
  const labels: string[] = [];
  let within: readonly Field[] = [...fieldsOf(collection), bodyField(collection)];
  for (const step of at.split('.')) {
    if (/^\d+$/.test(step)) labels.push(`${labels.pop() ?? ''} ${Number(step) + 1}`);
    const field = within.find(({ key }) => key === step);
    if (!field) continue;
    labels.push(field.label);
    if ('fields' in field) within = field.fields;
  }
  return labels.join(': ') || at;
}

/** The codes of the rules about words: S107, S108p. */
export const OF_WORDS = /^S1\d\dp?$/;

const quoted = (label: string) => `“${label}”`;

/** A sentence that was written for files, with the labels of the form in place of their fields, and its name apart. */
function inLabels(collection: Collection, { rule, sentence, at }: Problem): { sentence: string; code: string } {
  const name = OF_WORDS.test(rule) ? / \(([a-z]+(?:-[a-z]+)*)\)(?=[.:,;]|$)/.exec(sentence) : null;
  const code = /^[A-Z]\d/.test(rule) ? [rule, name?.[1]].filter(Boolean).join(' ') : '';
  if (name) return { code, sentence: sentence.replace(name[0], '') };
  if (rule === 'schema' && at) {
    const label = labelAt(collection, shownAt(at)).split(': ').at(-1)!;
    const [, key = '', rest = sentence] = /^(\w+):? ([\s\S]*)$/.exec(sentence) ?? [];
    if (key !== at.findLast((step) => typeof step === 'string')) return { code, sentence };
    if (rest.startsWith('is missing.')) return { code, sentence: `${quoted(label)} is not written yet.` };
    return { code, sentence: `${quoted(label)}${sentence.slice(key.length)}` };
  }
  const fields = sentence
    .replace(/\b[a-z]+(?:_[a-z]+)+\b/g, (key) => (LABELS[key] ? quoted(LABELS[key]) : key))
    .replace(/\bin (voices|series|verified)\b/g, (_, key: string) => `in ${quoted(LABELS[key]!)}`);
  return { code, sentence: fields };
}

/** Ids, file names and fingerprints are not shown: what is wrong with one stands at the content of the file. */
function shownAt(path: readonly PropertyKey[]): At {
  const [group, last] = [path[0], path.at(-1)];
  const isKept = path.length > 1 && KEPT.has(`${String(group)}.${String(last)}`) && group !== 'pictures';
  return [...(isKept ? [...path.slice(0, -1), group === 'verified' ? TEXT : CSV] : path)].join('.');
}
