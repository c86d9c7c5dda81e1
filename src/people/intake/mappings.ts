import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isRefusal, type Refusal, refuse } from '../../shared/refusal.ts';
import { listed } from '../../shared/words.ts';
import { type Mapping, NEUTRAL, readMapping } from './mapping.ts';

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
