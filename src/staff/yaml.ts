import { isDeepStrictEqual } from 'node:util';
import { Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit, type YAMLMap } from 'yaml';
import { fileOf, splitSource } from '../proofs/content.ts';
import type { WrittenDocument } from './draft.ts';
import { inOneLine } from './fields.ts';

/* The fields of a document as YAML, while it is being written: read however unfinished, changed where something changed. */

/** What is wrong with it is said elsewhere. */
const QUIETLY = { prettyErrors: false, logLevel: 'silent' } as const;

export type Data = Record<string, unknown>;

export const isPlain = (value: unknown): value is Data =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Null when it can't be read: also for an alias that leads nowhere, or to too much, found only when the values are asked for. */
export function dataIn(yaml: string): Data | null {
  return dataOf(parseDocument(yaml, QUIETLY));
}

function dataOf(document: ReturnType<typeof parseDocument>): Data | null {
  try {
    const data: unknown = document.toJS() ?? {};
    return document.errors.length === 0 && isPlain(data) ? data : null;
  } catch {
    return null;
  }
}

/** What stands in the fields of a document that may be of no form yet. */
export function pairsIn({ collection, documentId, source }: Omit<WrittenDocument, 'assets'>) {
  const split = splitSource(fileOf(collection, documentId), source);
  const { contents } = parseDocument(split?.fields ?? '', QUIETLY);
  return isMap(contents) ? contents.items : [];
}

/** Every field with the line on which it begins, from the top. */
export function placesOf(yaml: string): { path: (string | number)[]; line: number }[] {
  const lineCounter = new LineCounter();
  const { contents } = parseDocument(yaml, { ...QUIETLY, lineCounter });
  const lineOf = (node: unknown) => lineCounter.linePos((node as Node).range?.[0] ?? 0).line;
  const within = (node: unknown, path: (string | number)[]): ReturnType<typeof placesOf> => {
    const items: [string | number, place: unknown, value: unknown][] = isMap(node)
      ? node.items.flatMap(({ key, value }) => (isScalar(key) ? [[String(key.value), key, value]] : []))
      : isSeq(node)
        ? node.items.map((item, index) => [index, item, item])
        : [];
    return items.flatMap(([step, place, value]) => {
      const inner = [...path, step];
      return [{ path: inner, line: lineOf(place) }, ...within(value, inner)];
    });
  };
  return within(contents, []);
}

/** These fields as YAML. What is as it was keeps its comments, quotes and place. Empty when there are none. */
export function yamlOf(data: Data, was = ''): string {
  const before = parseDocument(was, QUIETLY);
  const document = dataOf(before) && isMap(before.contents) ? before : new Document({});
  mergeMap(document, document.contents as YAMLMap, data);
  const yaml = document.toString({ lineWidth: 0, flowCollectionPadding: false, indentSeq: true });
  return yaml === '{}\n' ? '' : withRoomInBraces(yaml);
}

/** `[a, b]` and `{ a: b }`, as the documents that ship are written; the library knows one way for both. */
function withRoomInBraces(yaml: string): string {
  if (!yaml.includes('{')) return yaml;
  const at: number[] = [];
  visit(parseDocument(yaml, QUIETLY), {
    Map(_, { flow, range, items }) {
      if (flow && range && items.length > 0) at.push(range[0] + 1, range[1] - 1);
    },
  });
  return at.toSorted((a, b) => b - a).reduce((text, index) => `${text.slice(0, index)} ${text.slice(index)}`, yaml);
}

function mergeMap(document: Document, map: YAMLMap, data: Data): void {
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
