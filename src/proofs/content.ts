import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMap, isScalar, isSeq, LineCounter, parseDocument as parseYaml } from 'yaml';
import type { z } from 'zod';
import { type Collection, plainSchemas } from './documents.ts';
import { type Point, parseSeries } from './evidence.ts';
import { withoutWaivers } from './sincerity/waivers.ts';

/*
 * From what people write to data: files to sources, a source to a document, and what is wrong with it as sentences at lines.
 */

/** `file` is relative to the content directory. */
export type Problem = {
  file: string;
  line: number;
  rule: string;
  sentence: string;
  /** The field that it is about, where it is about one; a missing field has no line of its own. */
  at?: readonly PropertyKey[];
};

/** A document as written. `assets` are the series and documents beside it, by file name. */
export type SourceDocument = {
  collection: Collection;
  id: string;
  source: string;
  assets: Record<string, string>;
};

type Path = readonly PropertyKey[];

type Shape<C extends Collection> = {
  collection: C;
  id: string;
  data: z.output<(typeof plainSchemas)[C]>;
  /** The Markdown below the frontmatter, waivers taken out. */
  body: string;
  /** Measurements by the id of their series. */
  points: Record<string, Point[]>;
  assets: Record<string, string>;
  /** The line in the file where a field stands, or the nearest one above it. */
  lineOf(path: Path): number;
  bodyLine: number;
};
export type ParsedDocument<C extends Collection = Collection> = { [K in C]: Shape<K> }[C];

const PLACES: Record<Exclude<Collection, 'site'>, (id: string) => string> = {
  issues: (id) => `issues/${id}.md`,
  proofs: (id) => `proofs/${id}/index.md`,
  offers: (id) => `offers/${id}.md`,
  checkins: (id) => `checkins/${id}.yaml`,
  pages: (id) => `pages/${id}.md`,
  letters: (id) => `letters/${id}.md`,
  roles: (id) => `roles/${id}.md`,
  reonboarding: (id) => `reonboarding/${id}.md`,
};

/** Where a document lives, relative to the content directory. */
export function fileOf(collection: Collection, id: string): string {
  return collection === 'site' ? 'site.yaml' : PLACES[collection](id);
}

export function assetFileOf(collection: Collection, id: string, name: string): string {
  return fileOf(collection, id).replace(/[^/]+$/, name);
}

/** Every document under `dir`, site first, and the files that are in nobody's place. Throws when `dir` isn't a folder. */
export async function readContent(dir: string): Promise<{ documents: SourceDocument[]; problems: Problem[] }> {
  const there = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = there
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name).slice(join(dir, '/').length).replaceAll('\\', '/'))
    .toSorted();
  const documents: SourceDocument[] = [];
  const problems: Problem[] = [];
  const taken = new Set<string>();
  const read = (file: string) => readFile(join(dir, file), 'utf8');
  const misplaced = (file: string, sentence: string) => problems.push({ file, line: 1, rule: 'place', sentence });

  for (const file of files) {
    const found = whose(file);
    if (!found) continue;
    taken.add(file);
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(found.id)) {
      misplaced(file, 'The name becomes part of an address: use small letters, digits and single hyphens.');
    }
    const folder = `proofs/${found.id}/`;
    const beside =
      found.collection === 'proofs' ? files.filter((name) => name !== file && name.startsWith(folder)) : [];
    const assets: Record<string, string> = {};
    for (const name of beside.filter((name) => /\.(csv|md|txt)$/.test(name))) {
      taken.add(name);
      assets[name.slice(folder.length)] = await read(name);
    }
    documents.push({ ...found, source: await read(file), assets });
  }
  if (!taken.has('site.yaml'))
    misplaced('site.yaml', 'This file is missing. It says who you are and who may be named.');
  for (const file of files) {
    const collection = file.split('/')[0]!;
    if (taken.has(file) || !(collection in PLACES)) continue;
    if (collection === 'proofs' && !/\.(csv|mdx?|txt|ya?ml)$/.test(file)) continue; // pictures
    const place = PLACES[collection as keyof typeof PLACES]('<id>');
    misplaced(file, `Nothing reads this file. A document here is called ${place}.`);
  }
  return { documents: documents.toSorted((a, b) => order(a) - order(b)), problems };
}

const COLLECTIONS = Object.keys(plainSchemas) as Collection[];

function order(document: SourceDocument): number {
  return COLLECTIONS.indexOf(document.collection);
}

function whose(file: string): { collection: Collection; id: string } | null {
  if (file === 'site.yaml') return { collection: 'site', id: 'site' };
  const [collection, name = '', inner] = file.split('/');
  if (collection === undefined || !(collection in PLACES)) return null;
  const id = collection === 'proofs' && inner !== undefined ? name : name.replace(/\.(md|yaml)$/, '');
  const known = collection as keyof typeof PLACES;
  return PLACES[known](id) === file ? { collection: known, id } : null;
}

/** Reads one document. `document` is null when it has a shape that no rule could judge. Series that can't be read are empty. */
export function parseDocument<C extends Collection>(
  collection: C,
  id: string,
  source: string,
  assets: Record<string, string>,
): { document: ParsedDocument<C> | null; problems: Problem[] } {
  const file = fileOf(collection, id);
  const split = splitSource(file, source);
  if (!split) {
    const sentence = 'The file must begin with its fields between two lines of three hyphens.';
    return { document: null, problems: [{ file, line: 1, rule: 'yaml', sentence }] };
  }
  const counter = new LineCounter();
  const yaml = parseYaml(split.fields, { lineCounter: counter, prettyErrors: false });
  const below = split.fieldsLine - 1;
  if (yaml.errors.length > 0) {
    const lines = split.fields.split('\n');
    const problems = yaml.errors.map(({ pos, message }) => {
      const line = counter.linePos(pos[0]).line;
      const brace = lines.slice(0, line).some((text) => /^[\s-]*\w+:\s+\{/.test(text));
      const hint = brace ? ' A value that begins with { must stand in quotes.' : '';
      return { file, line: line + below, rule: 'yaml', sentence: `This can’t be read as YAML: ${message}.${hint}` };
    });
    return { document: null, problems: problems.slice(0, 1) };
  }

  const lineOf = (path: Path) => {
    let node: unknown = yaml.contents;
    let at = 0;
    for (const step of path) {
      if (isMap(node)) {
        const pair = node.items.find((item) => isScalar(item.key) && item.key.value === step);
        if (!pair || !isScalar(pair.key)) break;
        at = pair.key.range?.[0] ?? at;
        node = pair.value;
      } else if (isSeq(node)) {
        node = node.items[step as number];
        at = (node as { range?: [number] } | undefined)?.range?.[0] ?? at;
      } else break;
    }
    return counter.linePos(at).line + below;
  };

  let fields: unknown;
  try {
    fields = yaml.toJS() ?? {};
  } catch (error) {
    // An alias to nothing, or to too much, is found out only here.
    const sentence = `This can’t be read as YAML: ${(error as Error).message}. Put a value that begins with * in quotes.`;
    return { document: null, problems: [{ file, line: split.fieldsLine, rule: 'yaml', sentence }] };
  }
  const schema: z.ZodType = plainSchemas[collection];
  const parsed = schema.safeParse(fields, { error: plainSentence });
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap((issue) => schemaProblems(schema, issue, file, lineOf));
    return { document: null, problems: problems.toSorted((a, b) => a.line - b.line) };
  }
  const document = {
    collection,
    id,
    data: parsed.data,
    body: withoutWaivers(split.body),
    points: {},
    assets,
    lineOf,
    bodyLine: split.bodyLine,
  } as unknown as ParsedDocument;
  const problems: Problem[] = [];
  if (document.collection === 'proofs') {
    for (const [index, series] of document.data.series.entries()) {
      const csv = assets[series.file];
      if (csv === undefined) {
        const sentence = `${series.file} is not there. Put it beside this file.`;
        problems.push({ file, line: lineOf(['series', index, 'file']), rule: 'series', sentence });
        continue;
      }
      const read = parseSeries(csv);
      document.points[series.id] = read.points;
      const csvFile = assetFileOf(collection, id, series.file);
      problems.push(...read.problems.map((problem) => ({ file: csvFile, rule: 'series', ...problem })));
    }
  }
  return { document: document as ParsedDocument<C>, problems };
}

/** The fields of a document and the text below them, with the line on which each begins. Null: its fields don't end. */
export function splitSource(file: string, source: string) {
  const text = source.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  if (file.endsWith('.yaml')) return { fields: text, fieldsLine: 1, below: '', body: '', bodyLine: 1 };
  const match = /^---\n([\s\S]*?\n|)---[ \t]*(?:\n|$)/.exec(text);
  if (!match) return null;
  const below = text.slice(match[0].length);
  const body = below.trim();
  const lead = match[0] + below.slice(0, below.length - below.trimStart().length);
  return { fields: match[1]!, fieldsLine: 2, below, body, bodyLine: lead.split('\n').length };
}

/** What we say where the schema has no sentence of its own; written to follow the name of the field. */
const plainSentence: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is missing.';
      if (issue.expected === 'string' && typeof issue.input !== 'object') return 'must be text: put it in quotes.';
      return `must be ${KINDS[issue.expected] ?? issue.expected}.`;
    case 'invalid_value':
      return issue.input === undefined ? 'is missing.' : `must be one of: ${issue.values.map(String).join(', ')}.`;
    case 'too_small':
      return `must ${issue.origin === 'string' ? 'have at least' : issue.origin === 'array' ? 'list at least' : 'be at least'} ${issue.minimum}${issue.origin === 'string' ? ' characters' : ''}.`;
    case 'too_big':
      return `must ${issue.origin === 'string' ? 'have at most' : issue.origin === 'array' ? 'list at most' : 'be at most'} ${issue.maximum}${issue.origin === 'string' ? ' characters' : ''}.`;
    default:
      return 'doesn’t have the right form.';
  }
};

const KINDS: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of fields',
  record: 'a group of fields',
};

function schemaProblems(
  schema: z.ZodType,
  issue: z.core.$ZodIssue,
  file: string,
  lineOf: (path: Path) => number,
): Problem[] {
  const at = (path: Path, sentence: string) => ({ file, line: lineOf(path), rule: 'schema', sentence, at: path });
  if (issue.code === 'unrecognized_keys') {
    const fields = Object.keys(shapeOf(fieldAt(schema, issue.path)) ?? {});
    return issue.keys.map((key) =>
      at([...issue.path, key], `“${key}” is not a field here. The fields are ${fields.join(', ')}.`),
    );
  }
  const name = issue.path.findLast((step) => typeof step === 'string') ?? 'This file';
  const sentence = /^[a-z]/.test(issue.message) ? `${name} ${issue.message}` : `${name}: ${issue.message}`;
  const meaning = fieldAt(schema, issue.path)?.description;
  return [at(issue.path, meaning ? `${sentence} ${meaning}` : sentence)];
}

type Def = { innerType?: z.ZodType; element?: z.ZodType; valueType?: z.ZodType; shape?: Record<string, z.ZodType> };

function unwrapped(schema: z.ZodType | undefined): z.ZodType | undefined {
  const inner = (schema?.def as Def | undefined)?.innerType;
  return inner ? unwrapped(inner) : schema;
}

function shapeOf(schema: z.ZodType | undefined): Record<string, z.ZodType> | undefined {
  return (unwrapped(schema)?.def as Def | undefined)?.shape;
}

function fieldAt(schema: z.ZodType, path: Path): z.ZodType | undefined {
  let field: z.ZodType | undefined = schema;
  for (const step of path) {
    const def = unwrapped(field)?.def as Def | undefined;
    field = def?.shape?.[step as string] ?? def?.element ?? def?.valueType;
  }
  return field;
}
