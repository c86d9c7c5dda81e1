import { type Refusal, refuse } from '../../shared/refusal.ts';
import { listed } from '../../shared/words.ts';
import { columnsOfRule, type Mapping, neededBy } from './mapping.ts';

/** Columns that an errors file adds, so that it can be imported again as it is. */
export const OUR_COLUMNS: ReadonlySet<string> = new Set(['refused_because']);

export type Header = {
  names: string[];
  /** Where each column is, by its name in lower case. */
  places: ReadonlyMap<string, number>;
  /** Columns that have no field here and are kept as they came. */
  kept: { name: string; at: number }[];
  /** The file is one that we wrote ourselves, of rows to mend. */
  isOurs: boolean;
};

/** The columns of a file, checked against the mapping. Refuses a name that stands twice, and a column that is missing. */
export function readHeader(mapping: Mapping, header: string[]): Header | Refusal {
  const names = header.map((cell, at) => cell.trim() || `column ${at + 1}`);
  const places = new Map<string, number>();
  const doubled = new Set<string>();
  for (const [at, name] of names.entries()) {
    const key = name.toLowerCase();
    if (places.has(key)) doubled.add(name);
    else places.set(key, at);
  }
  const named = (columns: Iterable<string>) => listed([...columns].map((column) => `“${column}”`));
  if (doubled.size > 0)
    return refuse('header', `The header names ${named(doubled)} twice. Rename one, or take it out.`);
  const absent = neededBy(mapping).filter((name) => !places.has(name.toLowerCase()));
  if (absent.length > 0) {
    return refuse(
      'header',
      `The header lacks ${named(absent)}, which ${mapping.name} needs. It names ${named(names.slice(0, 12))}${names.length > 12 ? ' and more' : ''}.`,
    );
  }
  const rules = Object.values(mapping.fields).filter((rule) => typeof rule === 'string' || !('text' in rule));
  const factors = mapping.factors.flatMap(({ columns }) => Object.entries(columns));
  const ticked = factors.flatMap(([column, { complaint }]) => (complaint ? [column] : []));
  const read = new Set([...rules.flatMap(columnsOfRule), ...ticked].map((name) => name.toLowerCase()));
  const isDropped = (name: string) =>
    mapping.drop.some((drop) => (drop.endsWith('*') ? name.startsWith(drop.slice(0, -1)) : name === drop));
  const isOurs = (name: string) => OUR_COLUMNS.has(name.toLowerCase());
  const kept = [...names.entries()]
    .filter(([, name]) => !read.has(name.toLowerCase()) && !isOurs(name) && !isDropped(name))
    .map(([at, name]) => ({ name, at }));
  return { names, places, kept, isOurs: names.some(isOurs) };
}
