import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isRefusal, type Refusal, refuse } from '../../shared/refusal.ts';
import { listed } from '../../shared/words.ts';
import type { Encoding } from './file.ts';
import { type Mapping, NEUTRAL, neededBy, readMapping } from './mapping.ts';
import { headerOf } from './table.ts';

/** The name under which the neutral columns are chosen. */
export const NEUTRAL_NAME = 'neutral';

/** The mapping of this name in a folder, or at a path of its own; the neutral columns for `neutral`. */
export async function mappingNamed(folder: string, name: string): Promise<Mapping | Refusal> {
  if (name === NEUTRAL_NAME) return NEUTRAL;
  const path = /[/\\]|\.ya?ml$/.test(name) ? name : join(folder, `${name}.yaml`);
  const source = await readFile(path, 'utf8').catch(() => null);
  if (source !== null) return readMapping(source);
  const known = await mappingNames(folder);
  const those = known.length > 0 ? ` There are: ${listed(known)}.` : '';
  return refuse('mapping', `There is no mapping “${name}”.${those}`);
}

async function mappingNames(folder: string): Promise<string[]> {
  const files = await readdir(folder).catch(() => []);
  return files
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => basename(file, '.yaml'))
    .toSorted();
}

/** Every mapping that can be used, with what it reads for people. */
export async function mappingsIn(folder: string): Promise<{ name: string; mapping: Mapping }[]> {
  const names = await mappingNames(folder);
  const found = await Promise.all(names.map(async (name) => ({ name, mapping: await mappingNamed(folder, name) })));
  return found.flatMap(({ name, mapping }) => (isRefusal(mapping) ? [] : [{ name, mapping }]));
}

/** The mappings whose every column this file has. */
export async function mappingsFitting(
  folder: string,
  path: string,
  encoding?: Encoding,
): Promise<{ name: string; mapping: Mapping }[]> {
  const fitting: { name: string; mapping: Mapping }[] = [];
  for (const one of await mappingsIn(folder)) {
    const header = new Set((await headerOf(path, one.mapping, encoding)).map((column) => column.toLowerCase()));
    if (neededBy(one.mapping).every((column) => header.has(column.toLowerCase()))) fitting.push(one);
  }
  return fitting;
}
