import { plainName } from '../shared/words.ts';

/**
 * Whether what somebody told us concerns this colleague, by name or short id, however it is written. `concerns` is kept privately:
 * it decides who reads and who doesn’t, and stands on no page.
 */
export function isConcerned(concerns: string | null | undefined, { id, name }: { id: string; name: string }): boolean {
  const whom = plainName(concerns ?? '');
  return whom !== '' && (plainName(id) === whom || plainName(name) === whom);
}
